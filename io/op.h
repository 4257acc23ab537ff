/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One asynchronous operation, embedded in what owns it: its address is the
 * io_uring user_data, so no operation ever allocates. The owner must stay
 * alive until the last completion (IORING_CQE_F_MORE clear) has been seen;
 * `pending` says whether the kernel may still call.
 */
#ifndef WEIR_IO_OP_H
#define WEIR_IO_OP_H

#include <stdbool.h>
#include <stdint.h>

/* Private to io/ring_send.c: a send that goes on until everything is out. */
struct op_send {
    const void *source; /* bytes, or the struct msghdr */
    uint32_t left;      /* bytes; 0: this op is not such a send */
    uint32_t done;
    int fd;
    bool is_message, more, cancelled;
};

struct op {
    /* result: as the system call's, -errno on failure; flags: IORING_CQE_F_* */
    void (*complete)(struct op *op, int32_t result, uint32_t flags);
    uint32_t pending; /* submitted and not finally completed; a multishot counts one */
    struct op_send send;
};

static inline void op_init(struct op *op, void (*complete)(struct op *, int32_t, uint32_t))
{
    op->complete = complete;
    op->pending = 0;
    op->send = (struct op_send){.left = 0};
}

/* Bytes of the send (of everything) that runs which are out already. */
static inline uint32_t op_sent(const struct op *op)
{
    return op->send.left > 0 ? op->send.done : 0;
}

static inline bool op_pending(const struct op *op)
{
    return op->pending != 0;
}

#endif
