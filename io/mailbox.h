/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages from the control thread to a worker, by IORING_OP_MSG_RING: the
 * mail's op completes on the worker's ring, on the worker's thread. The sender
 * allocates the mail; the receiver owns it from then on.
 */
#ifndef WEIR_IO_MAILBOX_H
#define WEIR_IO_MAILBOX_H

#include "io/ring.h"

struct mail {
    struct op op; /* private */
    void (*receive)(struct mail *mail, void *receiver);
    void *receiver;
};

/* From the thread that owns `from`. The message leaves with from's next
 * submission (mailbox_flush or ring_turn). */
void mailbox_post(struct ring *from, int target_ring_fd, struct mail *mail,
                  void (*receive)(struct mail *mail, void *receiver), void *receiver);
void mailbox_flush(struct ring *from);

#endif
