/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the ring*.c files; nobody else includes it.
 */
#ifndef WEIR_IO_RING_PRIVATE_H
#define WEIR_IO_RING_PRIVATE_H

#include "io/ring.h"

/* In the user_data of a message: completing it leaves op->pending alone, which
 * belongs to another thread. Ops are aligned, so the bit is free. */
#define RING_MESSAGE_TAG UINT64_C(1)

/* An entry of the submission queue; never NULL. */
struct io_uring_sqe *ring_sqe(struct ring *ring);

/* Of io_uring_enter: the next one may not have this error. */
bool ring_error_passes(int result);

/* Ties the entry to its op, which is pending from now on. */
static inline void ring_tie(struct io_uring_sqe *entry, struct op *op)
{
    entry->user_data = (uint64_t)(uintptr_t)op;
    op->pending++;
}

/* A part of a send of everything has completed with *result. True: it goes on.
 * False: it is over, and *result is what to tell. Only with op->send.left. */
bool ring_send_goes_on(struct ring *ring, struct op *op, int32_t *result);

/* What a failed io_uring_setup, _register or _enter means and what to do. */
enum err ring_explain(int error_number, const char *system_call, struct err_text *why);

#endif
