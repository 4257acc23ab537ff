/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The throttle of reloads, with time passed in.
 */
#include "core/control/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SETTLE 20
#define PERIOD 2000

static struct throttle throttle;

static int start(void **state)
{
    (void)state;
    throttle_init(&throttle, SETTLE, PERIOD);
    return 0;
}

static void nothing_is_due_without_a_change(void **state)
{
    (void)state;
    assert_int_equal(throttle_due_ms(&throttle), -1);
    assert_false(throttle_take(&throttle, 1000000));
}

static void first_change_is_due_after_settling(void **state)
{
    (void)state;
    throttle_note(&throttle, 1000);
    assert_int_equal(throttle_due_ms(&throttle), 1000 + SETTLE);
    assert_false(throttle_take(&throttle, 1000 + SETTLE - 1));
    assert_true(throttle_take(&throttle, 1000 + SETTLE));
    assert_int_equal(throttle_due_ms(&throttle), -1);
}

static void first_change_is_not_put_off_by_more(void **state)
{
    (void)state;
    for (int64_t now = 1000; now < 1000 + SETTLE; now++)
        throttle_note(&throttle, now);
    assert_int_equal(throttle_due_ms(&throttle), 1000 + SETTLE);
}

static void changes_soon_after_a_reload_are_gathered(void **state)
{
    (void)state;
    throttle_note(&throttle, 1000);
    assert_true(throttle_take(&throttle, 1030));
    throttle_note(&throttle, 1100);
    throttle_note(&throttle, 2500);
    assert_int_equal(throttle_due_ms(&throttle), 1030 + PERIOD);
    assert_false(throttle_take(&throttle, 1030 + PERIOD - 1));
    assert_true(throttle_take(&throttle, 1030 + PERIOD));
    assert_false(throttle_take(&throttle, 1030 + 2 * PERIOD));
}

static void change_at_the_end_of_the_period_still_settles(void **state)
{
    (void)state;
    throttle_begin(&throttle, 1000);
    throttle_note(&throttle, 1000 + PERIOD - 1);
    assert_int_equal(throttle_due_ms(&throttle), 1000 + PERIOD - 1 + SETTLE);
}

static void reload_asked_for_answers_what_waits(void **state)
{
    (void)state;
    throttle_note(&throttle, 1000);
    throttle_begin(&throttle, 1005);
    assert_int_equal(throttle_due_ms(&throttle), -1);
    throttle_note(&throttle, 1010);
    assert_int_equal(throttle_due_ms(&throttle), 1005 + PERIOD);
}

static void endless_period_does_not_overflow(void **state)
{
    (void)state;
    throttle_init(&throttle, SETTLE, INT64_MAX);
    throttle_begin(&throttle, 1000);
    throttle_note(&throttle, 2000);
    assert_int_equal(throttle_due_ms(&throttle), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_due_without_a_change, start),
        cmocka_unit_test_setup(first_change_is_due_after_settling, start),
        cmocka_unit_test_setup(first_change_is_not_put_off_by_more, start),
        cmocka_unit_test_setup(changes_soon_after_a_reload_are_gathered, start),
        cmocka_unit_test_setup(change_at_the_end_of_the_period_still_settles, start),
        cmocka_unit_test_setup(reload_asked_for_answers_what_waits, start),
        cmocka_unit_test_setup(endless_period_does_not_overflow, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
