/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Durations as Go's time.Duration prints them (values from its documentation
 * and tests).
 */
#include "core/admin/api_objects.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void durations_read_as_go_writes_them(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {1100, "1.1\u00b5s"},
        {2200000, "2.2ms"},
        {100000000, "100ms"},
        {3300000000, "3.3s"},
        {10000000000, "10s"},
        {60000000000, "1m0s"},
        {245000000000, "4m5s"},
        {245001000000, "4m5.001s"},
        {18367001000000, "5h6m7.001s"},
        {3600000000000, "1h0m0s"},
        {480000000001, "8m0.000000001s"},
        {INT64_MAX, "2562047h47m16.854775807s"},
        {INT64_MIN, "-2562047h47m16.854775808s"},
        {-1500000000, "-1.5s"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[API_DURATION_SIZE];
        api_format_duration(cases[i].ns, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(durations_read_as_go_writes_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
