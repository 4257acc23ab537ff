/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When to reload after changes: the first one soon, after `settle_ms` in which
 * an editor may finish what it began; further ones are gathered until
 * `period_ms` after the last reload (providersThrottleDuration). Pure
 * arithmetic on monotonic milliseconds; one thread.
 */
#ifndef WEIR_CORE_CONTROL_THROTTLE_H
#define WEIR_CORE_CONTROL_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle {
    int64_t settle_ms, period_ms;
    int64_t open_ms; /* no reload before */
    int64_t due_ms;  /* when pending */
    bool pending;
};

void throttle_init(struct throttle *throttle, int64_t settle_ms, int64_t period_ms);
/* Something changed. */
void throttle_note(struct throttle *throttle, int64_t now_ms);
/* When to look again; -1: nothing waits. */
int64_t throttle_due_ms(const struct throttle *throttle);
/* True when a reload is due; then nothing is pending any more. */
bool throttle_take(struct throttle *throttle, int64_t now_ms);
/* A reload began now, due or asked for: it answers all changes noted before. */
void throttle_begin(struct throttle *throttle, int64_t now_ms);

#endif
