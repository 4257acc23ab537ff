/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One timer leads from each state to the next; the workers, once told to drain,
 * end by themselves and count up an eventfd. A worker that does not even end
 * after an abort is left behind: the process exits without it.
 */
#include "core/app/shutdown.h"

#include "core/app/notify.h"
#include "core/app/signals.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ABORT_PATIENCE_MS 5000
/* A terminal, timeout(1) and supervisors signal the group and the process: that is
 * one wish, not two. */
#define ECHO_MS 500

static const char *state_name(enum shutdown_state state)
{
    static const char *const names[] = {
#define SHUTDOWN_STATE_NAME(name) #name,
        SHUTDOWN_STATE_LIST(SHUTDOWN_STATE_NAME)
#undef SHUTDOWN_STATE_NAME
    };
    return names[state];
}

static void enter(struct shutdown *shutdown, enum shutdown_state state, int64_t for_ms)
{
    log_debug("shutdown", "from", state_name(shutdown->state), "to", state_name(state));
    shutdown->state = state;
    struct timerwheel *wheel = control_wheel(shutdown->control);
    timer_cancel(wheel, &shutdown->timer);
    if (for_ms >= 0)
        timer_set(wheel, &shutdown->timer, control_now_ms(shutdown->control) + for_ms);
}

/* ---- the steps ---- */

static void drain(struct shutdown *shutdown)
{
    enter(shutdown, SHUTDOWN_DRAINING, shutdown->grace_ms);
    log_info("no new connections are accepted; waiting for those that are busy");
    worker_threads_drain(shutdown->threads, control_ring(shutdown->control));
}

static void abort_clients(struct shutdown *shutdown)
{
    enter(shutdown, SHUTDOWN_ABORTING, ABORT_PATIENCE_MS);
    log_warn("graceTimeOut is over: the remaining connections are ended");
    worker_threads_abort(shutdown->threads, control_ring(shutdown->control));
}

static void announce(struct shutdown *shutdown)
{
    notify_send("STOPPING=1");
    control_set_terminating(shutdown->control);
    shutdown->asked_ms = control_now_ms(shutdown->control);
    log_info("Weir is asked to end");
    if (shutdown->accept_grace_ms > 0)
        enter(shutdown, SHUTDOWN_ANNOUNCED, shutdown->accept_grace_ms);
    else
        drain(shutdown);
}

static void on_timer(struct timer *timer)
{
    struct shutdown *shutdown = container_of(timer, struct shutdown, timer);
    if (shutdown->state == SHUTDOWN_ANNOUNCED) {
        drain(shutdown);
    } else if (shutdown->state == SHUTDOWN_DRAINING) {
        abort_clients(shutdown);
    } else if (shutdown->state == SHUTDOWN_ABORTING) {
        log_error("some connections do not end; the process ends without them");
        _exit(EXIT_FAILURE);
    }
}

/* ---- events ---- */

static void reopen_logs(struct shutdown *shutdown)
{
    struct err_text why = {""};
    if (log_reopen(&why) != ERR_OK)
        log_error("the log file cannot be opened again", "error", why.text);
    if (shutdown->reopen_logs != NULL)
        shutdown->reopen_logs(shutdown->context);
}

static void end(struct shutdown *shutdown, int signal_number)
{
    if (shutdown->state == SHUTDOWN_RUNNING) {
        announce(shutdown);
    } else if (control_now_ms(shutdown->control) - shutdown->asked_ms >= ECHO_MS) {
        log_warn("asked to end a second time: the remaining connections are dropped");
        _exit(128 + signal_number);
    }
}

static void handle(struct shutdown *shutdown, int signal_number)
{
    switch (signal_number) {
    case SIGHUP:
        log_info("reload asked for by SIGHUP");
        control_reload(shutdown->control);
        break;
    case SIGUSR1:
        reopen_logs(shutdown);
        break;
    default:
        end(shutdown, signal_number);
    }
}

static void watch_signals(struct shutdown *shutdown)
{
    ring_poll(control_ring(shutdown->control), &shutdown->signal_ready, shutdown->signals, POLLIN,
              true);
}

static void on_signal(struct op *op, int32_t result, uint32_t flags)
{
    struct shutdown *shutdown = container_of(op, struct shutdown, signal_ready);
    int signal_number;
    (void)result;
    (void)flags;
    if (!op_pending(op))
        watch_signals(shutdown);
    while ((signal_number = signals_next(shutdown->signals)) != 0)
        handle(shutdown, signal_number);
}

static void watch_threads(struct shutdown *shutdown)
{
    ring_poll(control_ring(shutdown->control), &shutdown->thread_ended, shutdown->threads->ended,
              POLLIN, true);
}

static void on_thread_ended(struct op *op, int32_t result, uint32_t flags)
{
    struct shutdown *shutdown = container_of(op, struct shutdown, thread_ended);
    eventfd_t count = 0;
    (void)result;
    (void)flags;
    if (!op_pending(op))
        watch_threads(shutdown);
    if (eventfd_read(shutdown->threads->ended, &count) == 0)
        shutdown->ended += count;
    if (shutdown->ended == shutdown->threads->count)
        enter(shutdown, SHUTDOWN_ENDED, -1);
}

void shutdown_watch(struct shutdown *shutdown, const struct model_static *settings)
{
    for (size_t i = 0; i < settings->entry_point_count; i++) {
        const struct model_entry_point *entry = &settings->entry_points[i];
        int64_t accept_ms = entry->request_accept_grace_timeout / NS_PER_MS;
        int64_t grace_ms = entry->grace_timeout / NS_PER_MS;
        if (accept_ms > shutdown->accept_grace_ms)
            shutdown->accept_grace_ms = accept_ms;
        if (grace_ms > shutdown->grace_ms)
            shutdown->grace_ms = grace_ms;
    }
    op_init(&shutdown->signal_ready, on_signal);
    op_init(&shutdown->thread_ended, on_thread_ended);
    timer_init(&shutdown->timer, on_timer);
    watch_signals(shutdown);
    watch_threads(shutdown);
}

bool shutdown_is_over(const struct shutdown *shutdown)
{
    return shutdown->state == SHUTDOWN_ENDED;
}
