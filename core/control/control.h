/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control thread: one loop on its own ring that watches the configuration,
 * reloads, resolves names, rotates ticket keys and answers calls from workers
 * (core/control/call.h). It is the thread that calls control_create; in the
 * server that is the main thread.
 *
 *   control_create     reads the configuration and publishes the first snapshot
 *   … workers start …  control_set_workers
 *   control_turn       in a loop, until the owner has seen enough
 *   … workers ended …
 *   control_destroy    frees the snapshots too
 *
 * Everything here is for the control thread, but for what says "any thread".
 */
#ifndef WEIR_CORE_CONTROL_CONTROL_H
#define WEIR_CORE_CONTROL_CONTROL_H

#include "config/load.h"
#include "core/base/timerwheel.h"
#include "core/proxy/snapshot.h"
#include "core/proxy/worker.h"
#include "io/ring.h"

struct control;

struct control_settings {
    const struct model_static *settings; /* outlives control */
    size_t worker_count;
    struct snapshot_publication *publication;
    /* Used instead of the file provider when not NULL (the built-in default);
     * outlives control. */
    const struct config_text *fixed;
};

/* How the reloads went. */
struct control_status {
    uint64_t reloads;  /* successful ones, the first configuration included */
    uint64_t failures;
    int64_t last_success_ns, last_failure_ns; /* wall clock; 0: never */
    uint64_t epoch;    /* of the published snapshot */
};

/*
 * ERR_UNSUPPORTED and the like with `why` when there is no ring, no memory. A
 * dynamic configuration that is wrong is no error: it is logged, and Weir runs
 * without it until it is mended, as Traefik does. Waits at most two seconds for
 * names of servers to be resolved.
 */
MUST_USE enum err control_create(const struct control_settings *settings, struct control **out,
                                 struct err_text *why);
/* The workers have ended: no claim is left. NULL is fine. */
void control_destroy(struct control *control);

/* Waits for events, at most max_wait_ms (-1: without limit), and handles them. */
void control_turn(struct control *control, int64_t max_wait_ms);

/* Re-reads everything now, certificates included (SIGHUP). */
void control_reload(struct control *control);

/* For operations and timers of those who share the thread. */
struct ring *control_ring(struct control *control);
struct timerwheel *control_wheel(struct control *control);
/* Monotonic milliseconds of this turn. */
int64_t control_now_ms(const struct control *control);
/* What is published. */
const struct snapshot *control_snapshot(const struct control *control);
/* For core/control/acme.h; NULL: no resolver is configured. */
struct acme;
const struct acme *control_acme(const struct control *control);

/* The workers, to add up their counters. Set once, before their threads start;
 * they are valid until the control thread ends. Reading is for any thread. */
void control_set_workers(struct control *control, struct worker *const *workers, size_t count);
struct worker *const *control_workers(const struct control *control, size_t *count);

/* Any thread. */
void control_status(const struct control *control, struct control_status *out);
int64_t control_started_ns(const struct control *control); /* wall clock */
/* The process has been asked to end (/ping says so then). Set by the control
 * thread, read by any. */
void control_set_terminating(struct control *control);
bool control_is_terminating(const struct control *control);

#endif
