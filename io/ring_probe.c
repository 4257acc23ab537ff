/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A trial ring of one nop, through everything that a worker's ring needs.
 */
#include "io/ring_private.h"

#include <errno.h>

static void on_probe(struct op *op, int32_t result, uint32_t flags)
{
    (void)op;
    (void)result;
    (void)flags;
}

enum err ring_probe(struct err_text *why)
{
    struct ring ring;
    struct op op;
    TRY(ring_init(&ring, 4, why));
    op_init(&op, on_probe);
    ring_nop(&ring, &op);
    errno = 0;
    int result = io_uring_submit_and_get_events(&ring.uring);
    enum err error = ERR_OK;
    if (result < 0)
        error = ring_explain(-result, "io_uring_enter", why);
    else if (ring_turn(&ring, 0, NULL) != ERR_OK || op_pending(&op))
        error = err_set(why, ERR_UNSUPPORTED, "io_uring completes nothing on this kernel");
    ring_finish(&ring);
    return error;
}
