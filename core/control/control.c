/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that happens comes through the ring or the timer wheel; after a
 * turn's callbacks, a reload that is due runs and retired snapshots that nobody
 * claims are destroyed. Reloads run only here, never inside a callback.
 */
#include "core/control/control.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/control/acme.h"
#include "core/control/reload.h"
#include "core/control/resolver.h"
#include "core/control/staples.h"
#include "core/control/throttle.h"
#include "core/control/tickets.h"

#include <poll.h>
#include <stdlib.h>

#define CONTROL_RING_ENTRIES 256
#define SETTLE_MS 20         /* an editor truncates and then writes */
#define OBTAINED_MS 50       /* certificates that come together are published together */
#define REAP_MS 1000         /* how often retired snapshots are looked at */
#define NAMES_PATIENCE_MS 2000
#define VALIDITY_PAUSE_MS 5000            /* between two looks at least */
#define VALIDITY_LOOK_MS (3600 * MS_PER_S) /* and at most: the clock may be set */

struct control {
    struct control_settings settings;
    struct ring ring;
    bool has_ring;
    struct timerwheel wheel;
    int64_t now_ms, started_ns;
    struct reload *reload;
    struct resolver *resolver;
    struct throttle throttle;
    bool reload_wanted; /* control_reload */
    struct op files;    /* the watcher's descriptor is readable */
    struct timer reload_timer, reap_timer, validity_timer, obtained_timer;
    bool obtained_wanted; /* to be published once the timer has run out */
    struct acme *acme;    /* NULL: not wanted */
    struct tickets *tickets;
    struct staples *staples; /* NULL: not wanted */
    struct worker *const *workers;
    size_t worker_count;
    _Atomic bool terminating;
};

static void read_clock(struct control *control)
{
    control->now_ms = clock_monotonic_ns() / NS_PER_MS;
}

/* ---- reloads ---- */

static void schedule_reload(struct control *control)
{
    int64_t due_ms = throttle_due_ms(&control->throttle);
    if (due_ms >= 0)
        timer_set(&control->wheel, &control->reload_timer, due_ms);
}

/* The turn looks whether a reload is due; the timer only ends the wait. */
static void on_reload_timer(struct timer *timer)
{
    (void)timer;
}

static void watch_files(struct control *control)
{
    int fd = reload_fd(control->reload);
    if (fd >= 0)
        ring_poll(&control->ring, &control->files, fd, POLLIN, true);
}

static void on_files(struct op *op, int32_t result, uint32_t flags)
{
    struct control *control = container_of(op, struct control, files);
    (void)result;
    (void)flags;
    if (!op_pending(op))
        watch_files(control);
    if (!reload_drain(control->reload))
        return;
    read_clock(control);
    throttle_note(&control->throttle, control->now_ms);
    schedule_reload(control);
}

/* As above: the turn looks after the retired. */
static void on_reap_timer(struct timer *timer)
{
    (void)timer;
}

static void follow_snapshot(struct control *control)
{
    const struct snapshot *snapshot = reload_current(control->reload);
    resolver_update(control->resolver, snapshot);
    staples_update(control->staples, snapshot);
    acme_update(control->acme, snapshot);
}

/* As above. */
static void on_obtained_timer(struct timer *timer)
{
    (void)timer;
}

static void on_obtained(void *context)
{
    struct control *control = context;
    control->obtained_wanted = true;
    if (!timer_running(&control->obtained_timer))
        timer_set(&control->wheel, &control->obtained_timer, control->now_ms + OBTAINED_MS);
}

static void publish_obtained(struct control *control)
{
    if (!control->obtained_wanted || timer_running(&control->obtained_timer))
        return;
    control->obtained_wanted = false;
    if (reload_republish(control->reload) == RELOAD_PUBLISHED)
        follow_snapshot(control);
    read_clock(control);
}

/* As above. */
static void on_validity_timer(struct timer *timer)
{
    (void)timer;
}

static int64_t validity_left_s(const struct control *control)
{
    return reload_validity_change_s(control->reload) - clock_wall_ns() / NS_PER_S;
}

static void schedule_validity(struct control *control, int64_t at_least_ms)
{
    int64_t left_s = validity_left_s(control), wait_ms = VALIDITY_LOOK_MS;
    if (left_s < VALIDITY_LOOK_MS / MS_PER_S)
        wait_ms = left_s > 0 ? left_s * MS_PER_S : 0;
    if (wait_ms < at_least_ms)
        wait_ms = at_least_ms;
    timer_set(&control->wheel, &control->validity_timer, control->now_ms + wait_ms);
}

/* A certificate that has expired loses to a valid one without a reload. */
static void look_at_validity(struct control *control)
{
    bool due = validity_left_s(control) <= 0;
    if (due && reload_revalidate(control->reload) == RELOAD_PUBLISHED)
        follow_snapshot(control);
    read_clock(control);
    schedule_validity(control, due ? VALIDITY_PAUSE_MS : 1);
}

static void run_reload(struct control *control, bool all)
{
    timer_cancel(&control->wheel, &control->reload_timer);
    if (reload_run(control->reload, all) == RELOAD_PUBLISHED)
        follow_snapshot(control);
    read_clock(control);
    schedule_validity(control, 1);
}

static void do_work(struct control *control)
{
    if (control->reload_wanted) {
        control->reload_wanted = false;
        throttle_begin(&control->throttle, control->now_ms);
        tickets_reload(control->tickets);
        acme_look(control->acme);
        run_reload(control, true);
    } else if (throttle_take(&control->throttle, control->now_ms)) {
        run_reload(control, false);
    }
    publish_obtained(control);
    if (!timer_running(&control->validity_timer))
        look_at_validity(control);
    if (reload_reap(control->reload))
        timer_set(&control->wheel, &control->reap_timer, control->now_ms + REAP_MS);
}

void control_reload(struct control *control)
{
    control->reload_wanted = true;
}

/* ---- the turn ---- */

static void after_wait(void *argument)
{
    read_clock(argument);
}

static int64_t wait_ms(const struct control *control, int64_t most)
{
    int64_t next = timerwheel_next_ms(&control->wheel);
    if (control->reload_wanted)
        return 0;
    if (next == INT64_MAX)
        return most;
    int64_t wait = next > control->now_ms ? next - control->now_ms : 0;
    return most >= 0 && most < wait ? most : wait;
}

void control_turn(struct control *control, int64_t max_wait_ms)
{
    struct ring_wait wait = {NULL, after_wait, control};
    read_clock(control);
    enum err error = ring_turn(&control->ring, wait_ms(control, max_wait_ms), &wait);
    if (error != ERR_OK)
        log_error("the control thread's ring fails", "error", err_message(error));
    read_clock(control);
    timerwheel_advance(&control->wheel, control->now_ms);
    do_work(control);
}

/* ---- life ---- */

static void wait_for_names(struct control *control)
{
    int64_t until_ms = control->now_ms + NAMES_PATIENCE_MS;
    while (!resolver_is_settled(control->resolver) && control->now_ms < until_ms)
        control_turn(control, until_ms - control->now_ms);
}

static enum err start_acme(struct control *control, struct err_text *why)
{
    struct acme_settings settings = {
        .settings = control->settings.settings,
        .ring = &control->ring,
        .wheel = &control->wheel,
        .on_change = on_obtained,
        .context = control,
    };
    return acme_create(&settings, &control->acme, why);
}

static enum err start(struct control *control, struct err_text *why)
{
    const struct model_static *model = control->settings.settings;
    TRY(ring_init(&control->ring, CONTROL_RING_ENTRIES, why));
    control->has_ring = true;
    TRY(tickets_create(&model->weir.ticket_key_files, &control->ring, &control->wheel,
                       &control->tickets, why));
    TRY(start_acme(control, why));
    TRY(reload_create(&control->settings, acme_obtained(control->acme), &control->reload, why));
    TRY(resolver_create(&control->ring, &control->wheel, &control->resolver, why));
    read_clock(control);
    timerwheel_advance(&control->wheel, control->now_ms);
    throttle_init(&control->throttle, SETTLE_MS, model->providers_throttle / NS_PER_MS);
    watch_files(control);
    TRY(staples_create(model, &control->ring, &control->wheel, &control->staples, why));
    follow_snapshot(control);
    wait_for_names(control);
    return ERR_OK;
}

enum err control_create(const struct control_settings *settings, struct control **out,
                        struct err_text *why)
{
    struct control *control = calloc(1, sizeof(*control));
    if (control == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    control->settings = *settings;
    control->started_ns = clock_wall_ns();
    read_clock(control);
    timerwheel_init(&control->wheel, control->now_ms);
    op_init(&control->files, on_files);
    timer_init(&control->reload_timer, on_reload_timer);
    timer_init(&control->reap_timer, on_reap_timer);
    timer_init(&control->validity_timer, on_validity_timer);
    timer_init(&control->obtained_timer, on_obtained_timer);
    enum err error = start(control, why);
    if (error != ERR_OK) {
        control_destroy(control);
        return error;
    }
    *out = control;
    return ERR_OK;
}

void control_destroy(struct control *control)
{
    if (control == NULL)
        return;
    if (control->has_ring)
        ring_finish(&control->ring);
    resolver_destroy(control->resolver);
    staples_destroy(control->staples);
    reload_destroy(control->reload);
    acme_destroy(control->acme);
    tickets_destroy(control->tickets);
    free(control);
}

/* ---- what others see ---- */

struct ring *control_ring(struct control *control)
{
    return &control->ring;
}

struct timerwheel *control_wheel(struct control *control)
{
    return &control->wheel;
}

int64_t control_now_ms(const struct control *control)
{
    return control->now_ms;
}

const struct snapshot *control_snapshot(const struct control *control)
{
    return reload_current(control->reload);
}

const struct acme *control_acme(const struct control *control)
{
    return control->acme;
}

void control_set_workers(struct control *control, struct worker *const *workers, size_t count)
{
    control->workers = workers;
    control->worker_count = count;
}

struct worker *const *control_workers(const struct control *control, size_t *count)
{
    *count = control->worker_count;
    return control->workers;
}

void control_status(const struct control *control, struct control_status *out)
{
    reload_status(control->reload, out);
}

int64_t control_started_ns(const struct control *control)
{
    return control->started_ns;
}

/* Relaxed: a flag that nothing else is ordered by. */
void control_set_terminating(struct control *control)
{
    atomic_store_explicit(&control->terminating, true, memory_order_relaxed);
}

bool control_is_terminating(const struct control *control)
{
    return atomic_load_explicit(&control->terminating, memory_order_relaxed);
}
