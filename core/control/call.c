/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One mail that goes to the control thread's ring and comes back to the
 * worker's.
 */
#include "core/control/call.h"

#include <stdlib.h>

static void on_reply(struct mail *mail, void *receiver)
{
    struct control_call *call = receiver;
    (void)mail;
    call->done(call, true);
}

static void on_reply_lost(struct mail *mail, void *receiver)
{
    struct control_call *call = receiver;
    (void)mail;
    if (call->abandon != NULL)
        call->abandon(call);
    else
        free(call);
}

static void on_request(struct mail *mail, void *receiver)
{
    struct control_call *call = receiver;
    call->run(call);
    mailbox_post_or(control_ring(call->control), call->reply_fd, mail, on_reply, on_reply_lost,
                    call);
}

static void on_request_lost(struct mail *mail, void *receiver)
{
    struct control_call *call = receiver;
    (void)mail;
    call->done(call, false);
}

void control_call(struct control_call *call, struct control *control, struct worker *worker,
                  void (*run)(struct control_call *call),
                  void (*done)(struct control_call *call, bool ran))
{
    call->control = control;
    call->run = run;
    call->done = done;
    call->reply_fd = ring_fd(&worker->ring);
    mailbox_post_or(&worker->ring, ring_fd(control_ring(control)), &call->mail, on_request,
                    on_request_lost, call);
}
