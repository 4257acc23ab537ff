/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The io_uring of one thread and the only door to it. SINGLE_ISSUER,
 * DEFER_TASKRUN and COOP_TASKRUN; submissions gather and go to the kernel in
 * one io_uring_enter per loop turn. Every start function takes the op that
 * will be completed; when the submission queue is full it submits what is
 * there and goes on, so starting never fails. Operations start in the order
 * in which they were asked for; how they overlap after that is the kernel's.
 *
 * What an operation points to (data, messages with their iovecs, addresses)
 * must stay as it is until it has completed.
 *
 * Only the thread that created the ring may call, but for ring_fd.
 */
#ifndef WEIR_IO_RING_H
#define WEIR_IO_RING_H

#include "core/base/err.h"
#include "io/op.h"

#include <liburing.h>
#include <sys/socket.h>

struct ring {
    struct io_uring uring;
    int fd;
    unsigned features;
    bool has_recv_bundle; /* kernel ≥ 6.10 */
    bool has_recv_limit;  /* kernel ≥ 6.17 */
};

/* ERR_UNSUPPORTED with what to do: io_uring switched off by sysctl or seccomp,
 * or a kernel before 6.1. The completion queue has four times the entries;
 * what overflows it waits in the kernel. */
MUST_USE enum err ring_init(struct ring *ring, unsigned entries, struct err_text *why);
/* The two halves of ring_init for rings that one thread makes and another one
 * uses: ring_create on any thread; ring_enable on the thread that will own the
 * ring, before anything else. Until then messages to it are lost. */
MUST_USE enum err ring_create(struct ring *ring, unsigned entries, struct err_text *why);
MUST_USE enum err ring_enable(struct ring *ring, struct err_text *why);
/* The kernel drops what is pending; nothing is completed any more. Not from
 * within ring_turn. */
void ring_finish(struct ring *ring);
/* Tries to make and to use a ring and throws it away: the check at start. */
MUST_USE enum err ring_probe(struct err_text *why);
/* Any thread, while the ring lives. */
int ring_fd(const struct ring *ring);

/*
 * One turn: submits everything, waits until something completes or timeout_ms
 * has passed (0: do not wait, -1: for ever), and calls what completed, in
 * order. before_wait/after_wait (may be NULL) run around the part that may
 * block (RCU offline/online).
 *
 * Calls what was there when the wait ended and no more: what its callbacks
 * start completes in the next turn, so that timers get their turn. A signal
 * ends the wait early, with ERR_OK. Callbacks may start operations and end the
 * life of any object whose ops are not pending; they may not turn the ring.
 */
struct ring_wait {
    void (*before)(void *argument);
    void (*after)(void *argument);
    void *argument;
};
MUST_USE enum err ring_turn(struct ring *ring, int64_t timeout_ms, const struct ring_wait *wait);
/* Sends what has gathered to the kernel now. Calls nothing back. */
void ring_submit(struct ring *ring);

/* Completes with 0 in the next turn: a call back from the loop. */
void ring_nop(struct ring *ring, struct op *op);
/* A multishot operation completes many times; IORING_CQE_F_MORE tells. This one
 * receives and picks buffers from the group (bufring.h). One completion
 * may fill several of them, with has_recv_bundle: take them with bufring_take_bundle.
 * With has_recv_limit it ends once `most` bytes have come in all (0: never), and is
 * to be started again: until then the rest waits in the socket. */
void ring_recv_bundle(struct ring *ring, struct op *op, int fd, uint16_t buffer_group,
                      uint32_t most);
/* One receive of what fits into the buffers, RING_RECV_PIECE_MAX at most, or without
 * has_recv_bundle into one of them; also to be taken with bufring_take_bundle.
 * For where there is no has_recv_limit: there a multishot receive goes on, before
 * anybody can stop it, through all that the kernel has and what comes meanwhile. */
#define RING_RECV_PIECE_MAX (16u << 10)
void ring_recv_piece(struct ring *ring, struct op *op, int fd, uint16_t buffer_group);
/* Without `all` a send completes with what fitted into the socket's buffer. With
 * it, once everything is out (the result is its length) or with what went wrong
 * (-errno; how much is out is not told); the op may not be pending then, and
 * ring_sendmsg uses up the message's iovecs. At most RING_SEND_MAX bytes. Never
 * raises SIGPIPE. */
#define RING_SEND_MAX 0x7ffff000 /* what the kernel takes at once */
void ring_send(struct ring *ring, struct op *op, int fd, const void *data, size_t len, bool all);
void ring_sendmsg(struct ring *ring, struct op *op, int fd, const struct msghdr *message, bool all);
/* As ring_send with all, and MSG_MORE: more follows right away. */
void ring_send_more(struct ring *ring, struct op *op, int fd, const void *data, size_t len);
void ring_connect(struct ring *ring, struct op *op, int fd, const struct sockaddr *address,
                  socklen_t len);
/* events: POLLIN, POLLOUT …; multishot and edge-like. The result is what is
 * ready. */
void ring_poll(struct ring *ring, struct op *op, int fd, unsigned events, bool multishot);
/* Shuts the socket down, behind everything started before, and completes with
 * 0 or -errno in the next turn. op may be NULL. */
void ring_shutdown(struct ring *ring, struct op *op, int fd, int how);
/* Asynchronous close of a socket; nothing is completed. */
void ring_close(struct ring *ring, int fd);
/* Asks for the cancellation of `target`, which then completes with -ECANCELED
 * (or with what was faster). Nothing is completed for the request itself. Does
 * nothing when target is not pending. */
void ring_cancel(struct ring *ring, struct op *target);
/* Completes `op` on the ring whose descriptor is target_fd, with `result`
 * (mailbox.h builds on it). Nothing is completed here unless it fails: then op
 * completes here, with -errno: -EBADF without such a ring, -EBADFD before its
 * ring_enable, -EOWNERDEAD after its thread has ended, -EOVERFLOW and -ENOMEM
 * for want of memory. `pending` of the op is not touched by either ring. */
void ring_message(struct ring *ring, int target_fd, struct op *op, int32_t result);

#endif
