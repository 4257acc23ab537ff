/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ring of provided receive buffers (io_uring_register_buf_ring): idle
 * connections own no memory, the kernel picks a buffer when bytes arrive.
 * Whoever handles the completion holds the buffer until bufring_return.
 * With none left a receive ends with -ENOBUFS; its owner starts it again once
 * buffers have come back (bufring_wait). One thread.
 *
 * The kernel goes through the buffers it has in a circle, and what it fills should
 * be in the cache already: so it is given only a window of them, and the one that
 * came back last is given first. When the kernel runs out while what comes is small,
 * the window doubles, and shrinks again by and by; streams of full buffers have to
 * wait for a turn instead.
 */
#ifndef WEIR_IO_BUFRING_H
#define WEIR_IO_BUFRING_H

#include "core/base/list.h"
#include "core/base/span.h"
#include "io/ring.h"

#define BUFRING_COUNT_MAX 32768

/* Embedded in who waits for buffers. list_init the link before use; to stop
 * waiting, list_remove it. */
struct bufring_waiter {
    struct list link;
    void (*resume)(struct bufring_waiter *waiter);
};

struct bufring {
    struct ring *ring;
    struct io_uring_buf_ring *entries;
    char *memory;        /* buffer `id` starts at memory + id * size */
    uint16_t *positions; /* of each buffer, where it stands in the entries */
    uint32_t size;  /* bytes of one buffer */
    uint32_t count; /* a power of two ≤ 32768 */
    uint32_t lent;  /* with the kernel's completions, not returned yet */
    uint32_t offered; /* with the kernel */
    uint32_t window;  /* how many it should have */
    uint16_t *spare;  /* ids of the others, the one that came last on top */
    uint32_t spare_count;
    uint32_t lends;   /* since the window was looked at, */
    uint64_t bytes;   /* and what was in them */
    uint16_t group;
    struct list waiters;
    struct op wake;
};

/* On the ring's thread. ERR_NOMEM, or ERR_UNSUPPORTED with what the kernel said. */
MUST_USE enum err bufring_init(struct bufring *bufring, struct ring *ring, uint16_t group,
                               uint32_t size, uint32_t count, struct err_text *why);
/* Before ring_finish of its ring, which may not be turned between the two. */
void bufring_finish(struct bufring *bufring);

/*
 * The bytes of a completion of ring_recv_bundle (result > 0 and IORING_CQE_F_BUFFER
 * set), which fills buffers one after the other:
 *
 *   struct bufring_bundle bundle = bufring_take_bundle(bufring, result, flags);
 *   while (bufring_bundle_next(&bundle, &bytes, &id)) …
 *
 * Each one that `next` has handed out is lent and goes back by bufring_return,
 * during the walk or later. The walk must reach its end within the completion's
 * callback, or the rest of the buffers are never lent and never come back.
 */
struct bufring_bundle {
    struct bufring *bufring;
    uint32_t left; /* bytes */
    uint16_t position;
};
struct bufring_bundle bufring_take_bundle(struct bufring *bufring, int32_t result, uint32_t flags);
bool bufring_bundle_next(struct bufring_bundle *bundle, struct span *bytes, uint16_t *id);
/* Gives it back to the kernel; when enough are there, waiters wake up. */
void bufring_return(struct bufring *bufring, uint16_t id);

/* Calls `resume` once an eighth of the buffers are there, first come first
 * served: in a later turn, never from within bufring_wait or bufring_return.
 * The waiter is out of the list by then. Waiting twice is waiting once. */
void bufring_wait(struct bufring *bufring, struct bufring_waiter *waiter);

#endif
