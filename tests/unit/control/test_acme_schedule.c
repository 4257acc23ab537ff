/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a CA is asked again for a renewal time (RFC 9773 §4.3).
 */
#include "core/control/acme_private.h"

#include "tls/acme_renewal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HOUR_S 3600

/* A little may pass between two looks at the clock. */
static void expect_in(const struct acme_item *item, int64_t seconds)
{
    assert_in_range(item->ask_s - acme_now_s(), seconds - 5, seconds);
}

static void a_question_without_an_answer_is_asked_again_after_six_hours(void **state)
{
    struct acme_item item = {.renew_s = 4711};
    (void)state;
    acme_item_take_window(&item, NULL, -1);
    expect_in(&item, 6 * HOUR_S);
    assert_int_equal(item.renew_s, 4711); /* what was said before counts */
}

static void a_ca_that_names_a_time_is_asked_then_within_reason(void **state)
{
    static const int64_t rows[][2] = {
        {0, 60}, {59, 60}, {61, 61}, {2 * HOUR_S, 2 * HOUR_S}, {24 * HOUR_S, 24 * HOUR_S},
        {25 * HOUR_S, 24 * HOUR_S}, {INT32_MAX, 24 * HOUR_S},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct acme_item item = {.renew_s = 1};
        acme_item_take_window(&item, NULL, rows[i][0]);
        expect_in(&item, rows[i][1]);
    }
}

static void a_window_gives_one_moment_that_stays(void **state)
{
    struct acme_window window = {acme_now_s() + HOUR_S, acme_now_s() + 2 * HOUR_S, ""};
    struct acme_item item = {.renew_s = 0};
    (void)state;
    acme_item_take_window(&item, &window, -1);
    int64_t drawn = item.renew_s;
    assert_in_range(drawn, window.start_s, window.end_s - 1);
    for (int i = 0; i < 20; i++) {
        acme_item_take_window(&item, &window, -1);
        assert_int_equal(item.renew_s, drawn);
    }
    window.start_s = drawn + 1;
    acme_item_take_window(&item, &window, -1);
    assert_in_range(item.renew_s, window.start_s, window.end_s - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_without_an_answer_is_asked_again_after_six_hours),
        cmocka_unit_test(a_ca_that_names_a_time_is_asked_then_within_reason),
        cmocka_unit_test(a_window_gives_one_moment_that_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
