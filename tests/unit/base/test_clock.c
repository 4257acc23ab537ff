/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dates by hand, and the C library's calendar as a second opinion. */
#include "unit.h"

#include "core/base/clock.h"
#include "prng.h"

#include <stdio.h>
#include <time.h>

/* date -u -d '2026-11-24 03:08:00' +%s */
#define MOMENT (INT64_C(1795489680) * NS_PER_S)

static void formats_of_one_moment(void **state)
{
    (void)state;
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(MOMENT + 999999999, text);
    assert_string_equal(text, "2026-11-24T03:08:00Z");
    clock_format_rfc3339_nano(MOMENT + 1234567, text);
    assert_string_equal(text, "2026-11-24T03:08:00.001234567Z");
    clock_format_common_log(MOMENT, text);
    assert_string_equal(text, "24/Nov/2026:03:08:00 +0000");
    clock_format_http_date(MOMENT, text);
    assert_string_equal(text, "Tue, 24 Nov 2026 03:08:00 GMT");
    /* RFC 9110 §5.6.7's own example; date -u -d '1994-11-06 08:49:37' +%s */
    clock_format_http_date(INT64_C(784111777) * NS_PER_S, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void edges_of_the_calendar(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } moments[] = {
        {0, "1970-01-01T00:00:00.000000000Z"},
        {-1, "1969-12-31T23:59:59.999999999Z"},
        {INT64_C(68169599) * NS_PER_S, "1972-02-28T23:59:59.000000000Z"},
        {INT64_C(68169600) * NS_PER_S, "1972-02-29T00:00:00.000000000Z"},
        {INT64_C(68256000) * NS_PER_S, "1972-03-01T00:00:00.000000000Z"},
        {INT64_C(951782400) * NS_PER_S, "2000-02-29T00:00:00.000000000Z"},
        {INT64_C(951868800) * NS_PER_S, "2000-03-01T00:00:00.000000000Z"},
        {INT64_C(4107542399) * NS_PER_S, "2100-02-28T23:59:59.000000000Z"},
        {INT64_C(4107542400) * NS_PER_S, "2100-03-01T00:00:00.000000000Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
    };
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        char text[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339_nano(moments[i].ns, text);
        assert_string_equal(text, moments[i].text);
    }
}

#define COMPARE(function, pattern)                                                \
    do {                                                                          \
        char expected[64], text[CLOCK_RFC3339_SIZE];                              \
        assert_true(strftime(expected, sizeof(expected), (pattern), &fields) > 0); \
        function(seconds *NS_PER_S, text);                                        \
        assert_string_equal(text, expected);                                      \
    } while (0)

static void compare_with_strftime(int64_t seconds)
{
    time_t when = seconds;
    struct tm fields;
    assert_non_null(gmtime_r(&when, &fields));
    COMPARE(clock_format_rfc3339, "%Y-%m-%dT%H:%M:%SZ");
    COMPARE(clock_format_common_log, "%d/%b/%Y:%H:%M:%S +0000");
    COMPARE(clock_format_http_date, "%a, %d %b %Y %H:%M:%S GMT");
}

static void every_day_of_four_centuries_agrees_with_the_c_library(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (int64_t day = -106000; day < 106000; day += 1)
        compare_with_strftime(day * 86400 + (int64_t)prng_below(&random, 86400));
}

static void monotonic_time_does_not_go_back(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_ns();
    assert_true(before > 0);
    assert_true(clock_monotonic_ns() >= before);
    time_t low = time(NULL);
    int64_t wall = clock_wall_ns() / NS_PER_S;
    assert_true(wall >= low - 1 && wall <= time(NULL) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_of_one_moment),
        cmocka_unit_test(edges_of_the_calendar),
        cmocka_unit_test(every_day_of_four_centuries_agrees_with_the_c_library),
        cmocka_unit_test(monotonic_time_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
