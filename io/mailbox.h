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
    /* All private. */
    struct op op;
    void (*receive)(struct mail *mail, void *receiver);
    void (*lost)(struct mail *mail, void *receiver);
    void *receiver;
    struct ring *from;
    int target_fd;
    unsigned tries;
};

/* From the thread that owns `from`. The message leaves with from's next
 * submission (mailbox_flush or ring_turn). Mails from one ring to another
 * arrive in order, unless the kernel is short of memory. */
void mailbox_post(struct ring *from, int target_ring_fd, struct mail *mail,
                  void (*receive)(struct mail *mail, void *receiver), void *receiver);
/* The same, with what to call when there is nobody to receive it (the ring is
 * closed, not enabled yet, or its thread has ended): in a turn of `from`, with
 * the mail in the sender's hands again. Without it, mailbox_post logs a warning
 * and the mail is leaked. */
void mailbox_post_or(struct ring *from, int target_ring_fd, struct mail *mail,
                     void (*receive)(struct mail *mail, void *receiver),
                     void (*lost)(struct mail *mail, void *receiver), void *receiver);
void mailbox_flush(struct ring *from);

#endif
