/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A timer lies on the level of the highest digit (base 64) in which its
 * deadline differs from now, in the slot of that digit; so everything on a
 * level is earlier than everything on the levels above, and the first slot on
 * a level is its lowest bit. The top level is a ring: its slots count from
 * now's, and what is farther than it reaches waits in its last slot and is
 * placed anew from there. What is overdue waits in now's slot of level 0.
 *
 * Advancing jumps from one occupied slot's beginning to the next: a slot of an
 * upper level is dealt to the levels below, one of level 0 is due. All that is
 * due is gathered first and called afterwards, so that a callback may do what
 * it likes and one that sets itself to the past cannot hold time up.
 */
#include "core/base/timerwheel.h"

#include <assert.h>

#define TIMERWHEEL_TOP (TIMERWHEEL_LEVELS - 1)
#define TIMERWHEEL_REACH (INT64_C(1) << (TIMERWHEEL_BITS * TIMERWHEEL_LEVELS))
#define TIMERWHEEL_TOP_SLOT (INT64_C(1) << (TIMERWHEEL_BITS * TIMERWHEEL_TOP))

static unsigned timerwheel_digit(int64_t time_ms, unsigned level)
{
    return (unsigned)(time_ms >> (TIMERWHEEL_BITS * level)) & (TIMERWHEEL_SLOTS - 1);
}

void timerwheel_init(struct timerwheel *wheel, int64_t now_ms)
{
    assert(now_ms >= 0);
    for (unsigned level = 0; level < TIMERWHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < TIMERWHEEL_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
        wheel->occupied[level] = 0;
    }
    wheel->now_ms = now_ms;
    wheel->count = 0;
}

void timer_init(struct timer *timer, void (*expire)(struct timer *timer))
{
    list_init(&timer->link);
    timer->deadline_ms = 0;
    timer->expire = expire;
}

bool timer_running(const struct timer *timer)
{
    return !list_empty(&timer->link);
}

static void timerwheel_place(struct timerwheel *wheel, struct timer *timer)
{
    int64_t when = timer->deadline_ms;
    int64_t now = wheel->now_ms;
    if (when < now)
        when = now;
    if (when - now > TIMERWHEEL_REACH - TIMERWHEEL_TOP_SLOT)
        when = now + TIMERWHEEL_REACH - TIMERWHEEL_TOP_SLOT;
    uint64_t differs = (uint64_t)(when ^ now) | 1;
    unsigned level = (63 - (unsigned)__builtin_clzll(differs)) / TIMERWHEEL_BITS;
    if (level > TIMERWHEEL_TOP)
        level = TIMERWHEEL_TOP;
    unsigned slot = timerwheel_digit(when, level);
    list_push_back(&wheel->slots[level][slot], &timer->link);
    wheel->occupied[level] |= UINT64_C(1) << slot;
}

/* Takes the timer out, and clears its slot's bit when it was alone there. */
static void timerwheel_take(struct timerwheel *wheel, struct timer *timer)
{
    struct list *head = timer->link.next;
    bool alone = timer->link.prev == head;
    list_remove(&timer->link);
    if (!alone)
        return;
    /* The head may also be that of the due ones in timerwheel_advance. */
    uintptr_t offset = (uintptr_t)head - (uintptr_t)wheel->slots;
    if (offset < sizeof(wheel->slots)) {
        size_t index = offset / sizeof(struct list);
        wheel->occupied[index / TIMERWHEEL_SLOTS] &= ~(UINT64_C(1) << index % TIMERWHEEL_SLOTS);
    }
}

void timer_set(struct timerwheel *wheel, struct timer *timer, int64_t deadline_ms)
{
    if (timer_running(timer))
        timerwheel_take(wheel, timer);
    else
        wheel->count++;
    timer->deadline_ms = deadline_ms;
    timerwheel_place(wheel, timer);
}

void timer_cancel(struct timerwheel *wheel, struct timer *timer)
{
    if (!timer_running(timer))
        return;
    timerwheel_take(wheel, timer);
    wheel->count--;
}

int64_t timerwheel_next_ms(const struct timerwheel *wheel)
{
    for (unsigned level = 0; level < TIMERWHEEL_LEVELS; level++) {
        uint64_t occupied = wheel->occupied[level];
        if (occupied == 0)
            continue;
        unsigned now = timerwheel_digit(wheel->now_ms, level);
        uint64_t from_now = occupied >> now | occupied << ((TIMERWHEEL_SLOTS - now) & 63);
        int64_t steps = __builtin_ctzll(from_now);
        unsigned shift = TIMERWHEEL_BITS * level;
        return ((wheel->now_ms >> shift) + steps) << shift;
    }
    return INT64_MAX;
}

static void timerwheel_take_slot(struct timerwheel *wheel, unsigned level, struct list *out)
{
    unsigned slot = timerwheel_digit(wheel->now_ms, level);
    struct list *head = &wheel->slots[level][slot];
    if (!list_empty(head)) {
        list_insert_between(out, head->prev, head->next);
        list_init(head);
    }
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* now_ms stands at the beginning of an occupied slot. */
static void timerwheel_turn(struct timerwheel *wheel, struct list *due)
{
    for (unsigned level = TIMERWHEEL_TOP; level > 0; level--) {
        struct list moved;
        list_init(&moved);
        timerwheel_take_slot(wheel, level, &moved);
        struct list *node;
        while ((node = list_pop_front(&moved)) != NULL)
            timerwheel_place(wheel, container_of(node, struct timer, link));
    }
    struct list ready;
    list_init(&ready);
    timerwheel_take_slot(wheel, 0, &ready);
    struct list *node;
    while ((node = list_pop_front(&ready)) != NULL)
        list_push_back(due, node);
}

void timerwheel_advance(struct timerwheel *wheel, int64_t now_ms)
{
    struct list due;
    list_init(&due);
    if (now_ms < wheel->now_ms)
        now_ms = wheel->now_ms;
    for (;;) {
        int64_t next = timerwheel_next_ms(wheel);
        if (next > now_ms)
            break;
        wheel->now_ms = next;
        timerwheel_turn(wheel, &due);
    }
    wheel->now_ms = now_ms;
    struct list *node;
    while ((node = list_pop_front(&due)) != NULL) {
        struct timer *timer = container_of(node, struct timer, link);
        wheel->count--;
        timer->expire(timer);
    }
}
