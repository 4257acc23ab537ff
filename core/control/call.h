/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker asks the control thread to do something and gets the answer in one
 * of its later turns: for what takes longer than a worker may (the API's JSON).
 * The caller embeds the call in what it allocates.
 *
 *   worker:  control_call(call, control, worker, run, done)
 *   control: run(call)           may write what it likes into its own struct
 *   worker:  done(call, true)    frees it
 *
 * When the control thread is not there any more, done(call, false) comes
 * without run. When the worker has ended meanwhile, `abandon` (see below) is
 * called on the control thread instead of done.
 */
#ifndef WEIR_CORE_CONTROL_CALL_H
#define WEIR_CORE_CONTROL_CALL_H

#include "core/control/control.h"
#include "io/mailbox.h"

struct control_call {
    /* Read-only for run. */
    struct control *control;
    /* Set by the caller: frees it on the control thread; NULL: free(call). */
    void (*abandon)(struct control_call *call);
    /* Private. */
    struct mail mail;
    int reply_fd;
    void (*run)(struct control_call *call);
    void (*done)(struct control_call *call, bool ran);
};

/* On the worker's thread. */
void control_call(struct control_call *call, struct control *control, struct worker *worker,
                  void (*run)(struct control_call *call),
                  void (*done)(struct control_call *call, bool ran));

#endif
