/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "core/base/rate.h"

static int64_t allowed(struct rate *rate, int64_t per_second, int64_t now_ms, int64_t tries)
{
    int64_t count = 0;
    for (int64_t i = 0; i < tries; i++)
        count += !rate_exceeded(rate, per_second, now_ms);
    return count;
}

static void a_burst_of_five_seconds_is_allowed_at_once(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(allowed(&rate, 20, 123456, 1000), 100);
}

static void after_a_burst_the_steady_rate_is_allowed(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(allowed(&rate, 20, 1000, 1000), 100);
    assert_int_equal(allowed(&rate, 20, 1000 + 49, 10), 0);
    assert_int_equal(allowed(&rate, 20, 1000 + 50, 10), 1);
    assert_int_equal(allowed(&rate, 20, 2000, 1000), 19);
}

static void who_stays_below_the_rate_never_meets_it(void **state)
{
    (void)state;
    struct rate rate = {0};
    for (int64_t now = 5000; now < 10005000; now += 50)
        assert_false(rate_exceeded(&rate, 20, now));
}

static void a_rest_refills_no_more_than_a_burst(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(allowed(&rate, 3, 1000, 100), 15);
    assert_int_equal(allowed(&rate, 3, 100000000, 100), 15);
}

static void what_is_refused_does_not_count(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(allowed(&rate, 1, 0, 100000), 5);
    assert_int_equal(allowed(&rate, 1, 1000, 100000), 1);
}

static void no_rate_is_no_limit(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(allowed(&rate, 0, 1000, 100000), 100000);
}

static void a_very_high_rate_is_kept_too(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(allowed(&rate, 1000000, 1, 6000000), 5000000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_of_five_seconds_is_allowed_at_once),
        cmocka_unit_test(after_a_burst_the_steady_rate_is_allowed),
        cmocka_unit_test(who_stays_below_the_rate_never_meets_it),
        cmocka_unit_test(a_rest_refills_no_more_than_a_burst),
        cmocka_unit_test(what_is_refused_does_not_count),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(a_very_high_rate_is_kept_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
