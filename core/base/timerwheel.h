/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hierarchical timer wheel of one thread: O(1) to set and to cancel, a
 * resolution of one millisecond, deadlines rounded up, never early. Timers are
 * embedded in what they time; setting a running timer moves it.
 */
#ifndef WEIR_CORE_BASE_TIMERWHEEL_H
#define WEIR_CORE_BASE_TIMERWHEEL_H

#include "core/base/list.h"

#include <stdbool.h>
#include <stdint.h>

#define TIMERWHEEL_BITS 6
#define TIMERWHEEL_SLOTS (1 << TIMERWHEEL_BITS)
#define TIMERWHEEL_LEVELS 6 /* 64^6 ms: two years */

struct timer {
    struct list link;
    int64_t deadline_ms;
    void (*expire)(struct timer *timer);
};

struct timerwheel {
    struct list slots[TIMERWHEEL_LEVELS][TIMERWHEEL_SLOTS];
    uint64_t occupied[TIMERWHEEL_LEVELS]; /* a bit per slot that may hold timers */
    int64_t now_ms;
    size_t count;
};

void timerwheel_init(struct timerwheel *wheel, int64_t now_ms);

void timer_init(struct timer *timer, void (*expire)(struct timer *timer));
/* Fires at or after deadline_ms (monotonic milliseconds). */
void timer_set(struct timerwheel *wheel, struct timer *timer, int64_t deadline_ms);
void timer_cancel(struct timerwheel *wheel, struct timer *timer);
bool timer_running(const struct timer *timer);

/* Moves time on and calls what expired; a callback may set and cancel timers. */
void timerwheel_advance(struct timerwheel *wheel, int64_t now_ms);
/* A moment at or before the earliest deadline, or INT64_MAX without timers. */
int64_t timerwheel_next_ms(const struct timerwheel *wheel);

#endif
