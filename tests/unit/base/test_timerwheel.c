/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timer wheel against a model that looks at every timer every time. The
 * model knows for each timer whether it runs and when it is due; an advance
 * must call exactly those that are due, in order of time, except the ones that
 * a callback cancels or moves before their turn.
 */
#include "unit.h"

#include "core/base/timerwheel.h"
#include "prng.h"

#define TIMERS 150

struct model_timer {
    struct timer timer;
    bool running;
    bool due;    /* must still be called by the advance under way */
    int64_t when; /* deadline, or the time of setting if that was later */
};

static struct {
    struct timerwheel wheel;
    struct model_timer timers[TIMERS];
    uint64_t random;
    int64_t now;
    int64_t last_when; /* of the advance under way */
    uint64_t called;
    bool callbacks_act;
} model;

static struct model_timer *model_pick(void)
{
    return &model.timers[prng_below(&model.random, TIMERS)];
}

/* Distances of every magnitude, and often right at a power of 64. */
static int64_t model_distance(int bits)
{
    uint64_t shift = 63 - prng_below(&model.random, (uint64_t)bits);
    int64_t distance = (int64_t)(prng_next(&model.random) >> shift);
    if (prng_below(&model.random, 3) == 0) {
        int64_t digit = INT64_C(1) << (6 * prng_below(&model.random, 7));
        int64_t edge = (model.now / digit + (int64_t)prng_below(&model.random, 3)) * digit;
        distance = edge - model.now + (int64_t)prng_below(&model.random, 3) - 1;
    }
    return distance;
}

static void model_set(struct model_timer *one)
{
    int64_t deadline = model.now + model_distance(44);
    if (prng_below(&model.random, 2000) == 0)
        deadline = prng_below(&model.random, 2) ? INT64_MAX : INT64_MIN;
    timer_set(&model.wheel, &one->timer, deadline);
    one->running = true;
    one->due = false;
    one->when = deadline > model.now ? deadline : model.now;
    assert_true(one->timer.deadline_ms == deadline);
}

static void model_cancel(struct model_timer *one)
{
    timer_cancel(&model.wheel, &one->timer);
    one->running = false;
    one->due = false;
}

static void model_expired(struct timer *timer)
{
    struct model_timer *one = container_of(timer, struct model_timer, timer);
    assert_true(one->running && one->due);
    assert_false(timer_running(timer));
    assert_true(one->when >= model.last_when);
    assert_true(model.wheel.now_ms == model.now);
    model.last_when = one->when;
    one->running = false;
    one->due = false;
    model.called++;
    if (!model.callbacks_act)
        return;
    switch (prng_below(&model.random, 6)) {
    case 0: model_set(one); break;
    case 1: model_set(model_pick()); break;
    case 2: model_cancel(model_pick()); break;
    case 3:
        for (int i = 0; i < 10; i++)
            prng_below(&model.random, 2) ? model_set(model_pick()) : model_cancel(model_pick());
        break;
    default: break;
    }
}

static void model_check(void)
{
    size_t running = 0;
    int64_t earliest = INT64_MAX;
    for (int i = 0; i < TIMERS; i++) {
        struct model_timer *one = &model.timers[i];
        assert_int_equal(timer_running(&one->timer), one->running);
        running += one->running;
        if (one->running && one->when < earliest)
            earliest = one->when;
    }
    assert_int_equal(model.wheel.count, running);
    int64_t next = timerwheel_next_ms(&model.wheel);
    assert_true(next <= earliest);
    assert_true(next >= model.now);
    assert_int_equal(next == INT64_MAX, running == 0);
}

static void model_advance(int64_t to)
{
    model.now = to;
    model.last_when = 0;
    for (int i = 0; i < TIMERS; i++)
        model.timers[i].due = model.timers[i].running && model.timers[i].when <= to;
    timerwheel_advance(&model.wheel, to);
    for (int i = 0; i < TIMERS; i++)
        assert_false(model.timers[i].due);
}

static void model_start(uint64_t seed, int64_t now)
{
    memset(&model, 0, sizeof(model));
    model.random = seed;
    model.now = now;
    timerwheel_init(&model.wheel, now);
    for (int i = 0; i < TIMERS; i++)
        timer_init(&model.timers[i].timer, model_expired);
}

static void model_run(int operations, int jump_bits)
{
    for (int i = 0; i < operations; i++) {
        uint64_t what = prng_below(&model.random, 20);
        if (what < 11)
            model_set(model_pick());
        else if (what < 15)
            model_cancel(model_pick());
        else if (what == 15)
            model_advance(model.now); /* time stands still: only what is overdue */
        else if (what == 16 && timerwheel_next_ms(&model.wheel) != INT64_MAX)
            model_advance(timerwheel_next_ms(&model.wheel));
        else {
            int64_t distance = model_distance(jump_bits);
            model_advance(model.now + (distance > 0 ? distance : 0));
        }
        model_check();
    }
}

static void random_operations_agree_with_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        model_start(seed * 1234567, seed % 3 ? (int64_t)seed * 98765432101 : 0);
        model.callbacks_act = seed % 2;
        model_run(30000, 4 + (int)(seed % 4) * 10);
        assert_true(model.called > 1000);
    }
}

static struct {
    struct timerwheel *wheel;
    int64_t fired_at;
    int calls;
} seen;

static void note(struct timer *timer)
{
    (void)timer;
    seen.fired_at = seen.wheel->now_ms;
    seen.calls++;
}

static void one_timer_driven_by_next_fires_on_time(int64_t start, int64_t deadline)
{
    struct timerwheel wheel;
    struct timer timer;
    timerwheel_init(&wheel, start);
    timer_init(&timer, note);
    seen.wheel = &wheel;
    seen.calls = 0;
    timer_set(&wheel, &timer, deadline);
    int64_t expected = deadline > start ? deadline : start;
    int turns = 0;
    while (timer_running(&timer)) {
        int64_t next = timerwheel_next_ms(&wheel);
        assert_true(next <= expected);
        timerwheel_advance(&wheel, next);
        turns++;
    }
    assert_int_equal(seen.calls, 1);
    assert_true(seen.fired_at == expected);
    /* One turn a level, and one more per sixty-two top slots of distance. */
    assert_true(turns <= TIMERWHEEL_LEVELS + (expected - start) / (INT64_C(62) << 30));
}

static void deadlines_at_every_boundary_are_met_exactly(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= 40; i++) {
        int64_t start = (INT64_C(1) << i) - 2;
        for (int64_t shift = 0; shift < 5; shift++) {
            for (unsigned k = 0; k <= 40; k++) {
                for (int64_t d = -2; d <= 2; d++) {
                    int64_t from = start + shift < 0 ? 0 : start + shift;
                    one_timer_driven_by_next_fires_on_time(from, (INT64_C(1) << k) + d);
                    one_timer_driven_by_next_fires_on_time(from, from + (INT64_C(1) << k) + d);
                }
            }
        }
    }
}

static void a_far_deadline_never_fires_early(void **state)
{
    (void)state;
    struct timerwheel wheel;
    struct timer far, farther;
    timerwheel_init(&wheel, 12345);
    timer_init(&far, note);
    timer_init(&farther, note);
    seen.wheel = &wheel;
    seen.calls = 0;
    int64_t year = INT64_C(365) * 86400 * 1000;
    timer_set(&wheel, &far, 10 * year);
    timer_set(&wheel, &farther, INT64_MAX);
    for (int64_t month = 1; month < 120; month++)
        timerwheel_advance(&wheel, month * (year / 12));
    assert_int_equal(seen.calls, 0);
    timerwheel_advance(&wheel, 10 * year - 1);
    assert_int_equal(seen.calls, 0);
    timerwheel_advance(&wheel, 10 * year);
    assert_int_equal(seen.calls, 1);
    timerwheel_advance(&wheel, 1000 * year);
    assert_int_equal(seen.calls, 1);
    assert_true(timer_running(&farther));
    timer_cancel(&wheel, &farther);
    assert_true(timerwheel_next_ms(&wheel) == INT64_MAX);
}

static void time_does_not_go_back(void **state)
{
    (void)state;
    struct timerwheel wheel;
    struct timer timer;
    timerwheel_init(&wheel, 1000);
    timer_init(&timer, note);
    seen.wheel = &wheel;
    seen.calls = 0;
    timer_set(&wheel, &timer, 1100);
    timerwheel_advance(&wheel, 500);
    assert_true(wheel.now_ms == 1000);
    timer_set(&wheel, &timer, 900);
    timerwheel_advance(&wheel, 500);
    assert_int_equal(seen.calls, 1);
}

static void set_again_in_the_past(struct timer *timer)
{
    seen.calls++;
    timer_set(seen.wheel, timer, 0);
}

static void a_callback_that_sets_the_past_runs_once_per_advance(void **state)
{
    (void)state;
    struct timerwheel wheel;
    struct timer timer;
    timerwheel_init(&wheel, 1000);
    timer_init(&timer, set_again_in_the_past);
    seen.wheel = &wheel;
    seen.calls = 0;
    timer_set(&wheel, &timer, 1001);
    timerwheel_advance(&wheel, 2000);
    assert_int_equal(seen.calls, 1);
    assert_true(timerwheel_next_ms(&wheel) == 2000);
    timerwheel_advance(&wheel, 2000);
    timerwheel_advance(&wheel, 3000);
    assert_int_equal(seen.calls, 3);
    timer_cancel(&wheel, &timer);
    timer_cancel(&wheel, &timer);
    assert_int_equal(wheel.count, 0);
}

static void a_canceled_slot_wakes_nobody(void **state)
{
    (void)state;
    struct timerwheel wheel;
    struct timer soon, later;
    timerwheel_init(&wheel, 0);
    timer_init(&soon, note);
    timer_init(&later, note);
    timer_set(&wheel, &later, 63);
    for (int64_t i = 1; i < 60; i++)
        timer_set(&wheel, &soon, i);
    timer_cancel(&wheel, &soon);
    assert_true(timerwheel_next_ms(&wheel) == 63);
    timer_set(&wheel, &later, 500);
    timer_set(&wheel, &later, 62);
    assert_true(timerwheel_next_ms(&wheel) == 62);
    timer_cancel(&wheel, &later);
    assert_true(timerwheel_next_ms(&wheel) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_the_model),
        cmocka_unit_test(deadlines_at_every_boundary_are_met_exactly),
        cmocka_unit_test(a_far_deadline_never_fires_early),
        cmocka_unit_test(time_does_not_go_back),
        cmocka_unit_test(a_callback_that_sets_the_past_runs_once_per_advance),
        cmocka_unit_test(a_canceled_slot_wakes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
