/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between ring.c, ring_ops.c and ring_explain.c; nobody else includes it.
 */
#ifndef WEIR_IO_RING_PRIVATE_H
#define WEIR_IO_RING_PRIVATE_H

#include "io/ring.h"

/* In the user_data of a message: completing it leaves op->pending alone, which
 * belongs to another thread. Ops are aligned, so the bit is free. */
#define RING_MESSAGE_TAG UINT64_C(1)

/* An entry of the submission queue; never NULL. */
struct io_uring_sqe *ring_sqe(struct ring *ring);

/* What a failed io_uring_setup, _register or _enter means and what to do. */
enum err ring_explain(int error_number, const char *system_call, struct err_text *why);

#endif
