/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is expected follows the grammars that Go documents for
 * time.ParseDuration and strconv, worked out by hand.
 */
#include "config/convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void durations_read_as_go_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"0", 0},
        {"30", 30000000000},
        {"-1", -1000000000},
        {"+2", 2000000000},
        {"1s", 1000000000},
        {"250ms", 250000000},
        {"1.5s", 1500000000},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"-1.5h", -5400000000000},
        {"1h30m", 5400000000000},
        {"1h15m30.918s", 4530918000000},
        {"2us", 2000},
        {"2\xc2\xb5s", 2000},
        {"2\xce\xbcs", 2000},
        {"3ns", 3},
        {"1m1ms1us1ns", 60001001001},
        {"0s", 0},
        {"100000h", 360000000000000000},
        {"2562047h47m16.854775807s", INT64_MAX},
        {"9223372036", 9223372036000000000},
        {"0.100000000000000000000h", 360000000000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t got = 12345;
        print_message("%s\n", cases[i].text);
        assert_int_equal(convert_duration(span_cstr(cases[i].text), &got), ERR_OK);
        assert_true(got == cases[i].want);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "s",   "-",    "+",    ".",    ".s",  "1x",  "1 s",
                                      "1h 2m", "1d", "1e3s", "--1s", "1s1", "1.5", "ms",  "1S",
                                      "0x10", "1m2", "1s-",  "1hour"};
    static const char *const big[] = {"9223372037", "9223372036854775808", "2562048h",
                                      "99999999999999999999h", "2562047h47m16.854775808s"};
    int64_t got = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        print_message("%s\n", bad[i]);
        assert_int_equal(convert_duration(span_cstr(bad[i]), &got), ERR_SYNTAX);
    }
    for (size_t i = 0; i < sizeof(big) / sizeof(*big); i++)
        assert_int_equal(convert_duration(span_cstr(big[i]), &got), ERR_LIMIT);
    assert_int_equal(got, 7);
}

static void durations_print_as_an_operator_writes_them(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *want;
    } cases[] = {
        {0, "0s"},
        {1000000000, "1s"},
        {60000000000, "1m"},
        {90000000000, "1m30s"},
        {3600000000000, "1h"},
        {5405000000000, "1h30m5s"},
        {250000000, "250ms"},
        {1500000000, "1500ms"},
        {1, "1ns"},
        {-60000000000, "-1m"},
        {INT64_MIN, "-9223372036854775808ns"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[CONVERT_DURATION_SIZE];
        convert_format_duration(cases[i].value, text);
        assert_string_equal(text, cases[i].want);
    }
}

static void booleans_are_gos_twelve_spellings(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    static const char *const bad[] = {"", "yes", "no", "on", "off", "tRUE", "2", " true"};
    for (size_t i = 0; i < 6; i++) {
        bool got = false;
        assert_int_equal(convert_bool(span_cstr(yes[i]), &got), ERR_OK);
        assert_true(got);
        assert_int_equal(convert_bool(span_cstr(no[i]), &got), ERR_OK);
        assert_false(got);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        bool got = true;
        assert_int_equal(convert_bool(span_cstr(bad[i]), &got), ERR_SYNTAX);
        assert_true(got);
    }
}

static void integers_are_decimal_and_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err error;
        int64_t want;
    } cases[] = {
        {"0", ERR_OK, 0},
        {"-0", ERR_OK, 0},
        {"007", ERR_OK, 7},
        {"+5", ERR_OK, 5},
        {"9223372036854775807", ERR_OK, INT64_MAX},
        {"-9223372036854775808", ERR_OK, INT64_MIN},
        {"1e3", ERR_OK, 1000},
        {"8.0", ERR_OK, 8},
        {"-2.5e1", ERR_OK, -25},
        {"9223372036854775808", ERR_LIMIT, 0},
        {"-9223372036854775809", ERR_LIMIT, 0},
        {"99999999999999999999999", ERR_LIMIT, 0},
        {"", ERR_SYNTAX, 0},
        {"-", ERR_SYNTAX, 0},
        {"1.5", ERR_SYNTAX, 0},
        {"1e99", ERR_SYNTAX, 0},
        {"0x10", ERR_SYNTAX, 0},
        {"1_000", ERR_SYNTAX, 0},
        {" 1", ERR_SYNTAX, 0},
        {"one", ERR_SYNTAX, 0},
        {"nan", ERR_SYNTAX, 0},
        {".", ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t got = 99;
        print_message("%s\n", cases[i].text);
        assert_int_equal(convert_integer(span_cstr(cases[i].text), &got), cases[i].error);
        assert_int_equal(got, cases[i].error == ERR_OK ? cases[i].want : 99);
    }
}

static void show_cidr(const struct model_cidr *cidr, char out[64])
{
    for (int i = 0; i < 16; i++)
        sprintf(out + i * 2, "%02x", cidr->address[i]);
    sprintf(out + 32, "/%u", cidr->prefix);
}

static void ranges_clear_their_host_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"10.1.2.3", "00000000000000000000ffff0a010203/128"},
        {"10.1.2.3/8", "00000000000000000000ffff0a000000/104"},
        {"10.1.2.255/31", "00000000000000000000ffff0a0102fe/127"},
        {"0.0.0.0/0", "00000000000000000000ffff00000000/96"},
        {"::1", "00000000000000000000000000000001/128"},
        {"2001:db8:ff::/33", "20010db8000000000000000000000000/33"},
        {"::/0", "00000000000000000000000000000000/0"},
        {"::ffff:1.2.3.4", "00000000000000000000ffff01020304/128"},
    };
    static const char *const bad[] = {"",         "10.0.0",     "10.0.0.0/33", "::1/129", "x",
                                      "10.0.0.0/", "10.0.0.0/a", "10.0.0.0/8/8", "1.2.3.4 ",
                                      "host/24",  "/8"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct model_cidr cidr;
        char text[64];
        assert_int_equal(convert_cidr(span_cstr(cases[i].text), &cidr), ERR_OK);
        show_cidr(&cidr, text);
        assert_string_equal(text, cases[i].want);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct model_cidr cidr;
        assert_int_equal(convert_cidr(span_cstr(bad[i]), &cidr), ERR_SYNTAX);
    }
}

static void addresses_split_into_host_port_and_protocol(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int port;
        bool udp;
    } cases[] = {
        {":80", "", 80, false},           {"127.0.0.1:0", "127.0.0.1", 0, false},
        {"[::1]:443", "::1", 443, false}, {"[::]:443/tcp", "::", 443, false},
        {":53/udp", "", 53, true},        {":53/UDP", "", 53, true},
        {"localhost:8080", "localhost", 8080, false},
    };
    static const char *const bad[] = {"",     "80",   ":",       ":x",     ":65536", "::1:80",
                                      "[::1]", "[::1:80", ":80/sctp", ":80/", "a b:80",
                                      "[1.2.3.4]:80", "http://x:80", ":-1", "[]:80"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct span host;
        uint16_t port;
        bool udp;
        assert_int_equal(convert_address(span_cstr(cases[i].text), &host, &port, &udp), ERR_OK);
        assert_true(span_equal(host, span_cstr(cases[i].host)));
        assert_int_equal(port, cases[i].port);
        assert_int_equal(udp, cases[i].udp);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct span host;
        uint16_t port;
        bool udp;
        print_message("%s\n", bad[i]);
        assert_int_equal(convert_address(span_cstr(bad[i]), &host, &port, &udp), ERR_SYNTAX);
    }
}

static void a_server_needs_host_and_port(void **state)
{
    (void)state;
    struct span host;
    uint16_t port;
    assert_int_equal(convert_host_port(SPAN("db:5432"), &host, &port), ERR_OK);
    assert_int_equal(port, 5432);
    assert_int_equal(convert_host_port(SPAN("[2001:db8::1]:5432"), &host, &port), ERR_OK);
    assert_true(span_equal(host, SPAN("2001:db8::1")));
    assert_int_equal(convert_host_port(SPAN(":5432"), &host, &port), ERR_SYNTAX);
    assert_int_equal(convert_host_port(SPAN("db:0"), &host, &port), ERR_SYNTAX);
    assert_int_equal(convert_host_port(SPAN("db"), &host, &port), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_read_as_go_reads_them),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(durations_print_as_an_operator_writes_them),
        cmocka_unit_test(booleans_are_gos_twelve_spellings),
        cmocka_unit_test(integers_are_decimal_and_bounded),
        cmocka_unit_test(ranges_clear_their_host_bits),
        cmocka_unit_test(addresses_split_into_host_port_and_protocol),
        cmocka_unit_test(a_server_needs_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
