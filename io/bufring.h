/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ring of provided receive buffers (io_uring_register_buf_ring): idle
 * connections own no memory, the kernel picks a buffer when bytes arrive.
 * Whoever handles the completion holds the buffer until bufring_return.
 * With none left a receive ends with -ENOBUFS; its owner starts it again once
 * buffers have come back (bufring_wait). One thread.
 */
#ifndef WEIR_IO_BUFRING_H
#define WEIR_IO_BUFRING_H

#include "core/base/list.h"
#include "core/base/span.h"
#include "io/ring.h"

/* Embedded in who waits for buffers. */
struct bufring_waiter {
    struct list link;
    void (*resume)(struct bufring_waiter *waiter);
};

struct bufring {
    struct ring *ring;
    struct io_uring_buf_ring *entries;
    char *memory;
    uint32_t size;  /* bytes of one buffer */
    uint32_t count; /* a power of two ≤ 32768 */
    uint32_t lent;  /* with the kernel's completions, not returned yet */
    uint16_t group;
    struct list waiters;
};

MUST_USE enum err bufring_init(struct bufring *bufring, struct ring *ring, uint16_t group,
                               uint32_t size, uint32_t count, struct err_text *why);
void bufring_finish(struct bufring *bufring);

/* The bytes of a completion (result > 0 and IORING_CQE_F_BUFFER set); marks
 * the buffer as lent. */
struct span bufring_take(struct bufring *bufring, int32_t result, uint32_t flags, uint16_t *id);
/* Gives it back to the kernel and, when enough are there, wakes waiters. */
void bufring_return(struct bufring *bufring, uint16_t id);
void bufring_wait(struct bufring *bufring, struct bufring_waiter *waiter);

#endif
