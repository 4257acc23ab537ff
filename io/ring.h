/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The io_uring of one thread and the only door to it. SINGLE_ISSUER,
 * DEFER_TASKRUN and COOP_TASKRUN; submissions gather and go to the kernel in
 * one io_uring_enter per loop turn. Every start function takes the op that
 * will be completed; when the submission queue is full it submits what is
 * there and goes on, so starting never fails.
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
};

/* ERR_UNSUPPORTED with what to do: io_uring switched off by sysctl or seccomp,
 * or a kernel before 6.1. */
MUST_USE enum err ring_init(struct ring *ring, unsigned entries, struct err_text *why);
void ring_finish(struct ring *ring);
/* Tries to make a ring and throws it away: the check at start. */
MUST_USE enum err ring_probe(struct err_text *why);
int ring_fd(const struct ring *ring);

/*
 * One turn: submits everything, waits until something completes or timeout_ms
 * has passed (0: do not wait, -1: for ever), and calls what completed, in
 * order. before_wait/after_wait (may be NULL) run around the part that may
 * block (RCU offline/online).
 */
struct ring_wait {
    void (*before)(void *argument);
    void (*after)(void *argument);
    void *argument;
};
MUST_USE enum err ring_turn(struct ring *ring, int64_t timeout_ms, const struct ring_wait *wait);

/* A multishot operation completes many times; IORING_CQE_F_MORE tells. */
void ring_accept_multishot(struct ring *ring, struct op *op, int listen_fd);
/* Picks buffers from the group (bufring.h); the buffer's id is in the flags. */
void ring_recv_multishot(struct ring *ring, struct op *op, int fd, uint16_t buffer_group);
void ring_recv(struct ring *ring, struct op *op, int fd, void *data, size_t len);
/* Both with MSG_NOSIGNAL; all: MSG_WAITALL, completes when everything is sent
 * or failed. more: MSG_MORE. */
void ring_send(struct ring *ring, struct op *op, int fd, const void *data, size_t len, bool all);
void ring_sendmsg(struct ring *ring, struct op *op, int fd, const struct msghdr *message, bool all);
void ring_connect(struct ring *ring, struct op *op, int fd, const struct sockaddr *address,
                  socklen_t len);
/* events: POLLIN, POLLOUT …; multishot and edge-like. */
void ring_poll(struct ring *ring, struct op *op, int fd, unsigned events, bool multishot);
/* Asynchronous shutdown/close of a socket; op may be NULL for close. */
void ring_shutdown(struct ring *ring, struct op *op, int fd, int how);
void ring_close(struct ring *ring, int fd);
/* Asks for the cancellation of `target`, which then completes with -ECANCELED
 * (or with what was faster). Nothing is completed for the request itself. */
void ring_cancel(struct ring *ring, struct op *target);
/* Completes `op` on the ring whose descriptor is target_fd, with `result`
 * (mailbox.h builds on it). Nothing is completed here unless it fails. */
void ring_message(struct ring *ring, int target_fd, struct op *op, int32_t result);

#endif
