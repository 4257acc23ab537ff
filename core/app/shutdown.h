/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What signals do, and the way to the end:
 *
 *   RUNNING    SIGHUP reloads, SIGUSR1 opens the log files again
 *   ANNOUNCED  SIGTERM or SIGINT came: still accepting for
 *              requestAcceptGraceTimeout, /ping says so
 *   DRAINING   no new connections, idle ones closed; at most graceTimeOut
 *   ABORTING   every connection is ended
 *   ENDED      all workers have ended
 *
 * The longest of the entry points' times counts. A second SIGTERM or SIGINT ends
 * the process at once with 128 + its number; one that comes within half a second
 * of the first is taken for its echo. Control thread.
 */
#ifndef WEIR_CORE_APP_SHUTDOWN_H
#define WEIR_CORE_APP_SHUTDOWN_H

#include "core/app/worker_thread.h"
#include "core/control/control.h"

#define SHUTDOWN_STATE_LIST(X) X(RUNNING) X(ANNOUNCED) X(DRAINING) X(ABORTING) X(ENDED)

enum shutdown_state {
#define SHUTDOWN_STATE_ENUM(name) SHUTDOWN_##name,
    SHUTDOWN_STATE_LIST(SHUTDOWN_STATE_ENUM)
#undef SHUTDOWN_STATE_ENUM
};

struct shutdown {
    struct control *control;
    struct worker_threads *threads;
    /* After the operator's log was reopened; may be NULL. */
    void (*reopen_logs)(void *context);
    void *context;
    int signals;
    struct op signal_ready, thread_ended;
    struct timer timer;
    enum shutdown_state state;
    size_t ended;
    int64_t accept_grace_ms, grace_ms;
    int64_t asked_ms; /* when the first signal to end came */
};

/* The struct's control, threads, reopen_logs, context and signals are set by the
 * caller; nothing in it may move afterwards. */
void shutdown_watch(struct shutdown *shutdown, const struct model_static *settings);
bool shutdown_is_over(const struct shutdown *shutdown);

#endif
