/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mail that arrives completes on the receiver's ring with MAIL_ARRIVED. One
 * that cannot be delivered completes on the sender's ring with an error: short
 * of memory it is sent again in the sender's next turns, else it is lost.
 */
#include "io/mailbox.h"

#include "core/base/list.h"
#include "core/base/log.h"

#include <errno.h>
#include <string.h>

#define MAIL_ARRIVED 1
#define MAIL_TRIES 1000

static void on_failure(struct mail *mail, int error_number)
{
    bool passing = error_number == EOVERFLOW || error_number == ENOMEM || error_number == EAGAIN;
    if (passing && ++mail->tries < MAIL_TRIES) {
        ring_message(mail->from, mail->target_fd, &mail->op, MAIL_ARRIVED);
        return;
    }
    mail->op.pending = 0;
    if (mail->lost != NULL)
        mail->lost(mail, mail->receiver);
    else
        log_warn("a message to a worker was lost", "error", strerror(error_number));
}

static void on_mail(struct op *op, int32_t result, uint32_t flags)
{
    struct mail *mail = container_of(op, struct mail, op);
    (void)flags;
    if (result != MAIL_ARRIVED) {
        on_failure(mail, -result);
        return;
    }
    mail->op.pending = 0;
    mail->receive(mail, mail->receiver);
}

void mailbox_post_or(struct ring *from, int target_ring_fd, struct mail *mail,
                     void (*receive)(struct mail *mail, void *receiver),
                     void (*lost)(struct mail *mail, void *receiver), void *receiver)
{
    op_init(&mail->op, on_mail);
    mail->op.pending = 1;
    mail->receive = receive;
    mail->lost = lost;
    mail->receiver = receiver;
    mail->from = from;
    mail->target_fd = target_ring_fd;
    mail->tries = 0;
    ring_message(from, target_ring_fd, &mail->op, MAIL_ARRIVED);
}

void mailbox_post(struct ring *from, int target_ring_fd, struct mail *mail,
                  void (*receive)(struct mail *mail, void *receiver), void *receiver)
{
    mailbox_post_or(from, target_ring_fd, mail, receive, NULL, receiver);
}

void mailbox_flush(struct ring *from)
{
    ring_submit(from);
}
