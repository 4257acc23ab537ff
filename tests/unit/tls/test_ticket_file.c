/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ticket keys from files: both formats, which key seals, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tls/ticket_file.h"

#define assert_ok(expression) assert_int_equal((expression), ERR_OK)

/* 48 times 'A', 'B', 'C'; 80 times 'D': `printf 'A%.0s' {1..48} | base64 -w0` */
#define A48 "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define B48 "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
#define C48 "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0ND"
#define D80 \
    "RERERERERERERERERERERERERERERERERERERERERERERERERERERERERERERERERERERERE" \
    "REREREREREREREREREREREREREREREREREQ="

static const struct ticket_binding binding = {.cert_group = 11, .options_identity = 22};

static char raw_a[48], raw_b[48], raw_d[80];

static struct ticket_keys *parse(const struct span *files, size_t count)
{
    struct ticket_keys *keys;
    struct err_text why = {""};
    size_t at;
    if (ticket_files_parse(files, count, &keys, &at, &why) != ERR_OK)
        fail_msg("file %zu: %s", at, why.text);
    return keys;
}

static struct ticket_keys *parse_one(const char *text)
{
    struct span file = span_cstr(text);
    return parse(&file, 1);
}

static void refused(const struct span *files, size_t count, size_t at_expected, const char *reason)
{
    struct ticket_keys *keys = NULL;
    struct err_text why = {""};
    size_t at = 99;
    assert_int_not_equal(ticket_files_parse(files, count, &keys, &at, &why), ERR_OK);
    assert_null(keys);
    assert_int_equal(at, at_expected);
    assert_non_null(strstr(why.text, reason));
}

/* What `from` seals, at `to`: whether it opens, and whether it wants a new one. */
static bool opens(const struct ticket_keys *from, const struct ticket_keys *to, bool *old)
{
    uint8_t sealed[64], plain[64];
    size_t len, plain_len;
    assert_ok(ticket_seal(from, &binding, SPAN("state"), sealed, &len));
    if (ticket_open(to, &binding, span_make(sealed, len), plain, &plain_len, old) != ERR_OK)
        return false;
    assert_true(span_equal(span_make(plain, plain_len), SPAN("state")));
    return true;
}

static char sealing_name(const struct ticket_keys *keys)
{
    uint8_t sealed[64];
    size_t len;
    assert_ok(ticket_seal(keys, &binding, SPAN("state"), sealed, &len));
    return (char)sealed[0];
}

static void raw_and_base64_are_the_same_key(void **state)
{
    bool old = true;
    (void)state;
    struct span raw = span_make(raw_a, sizeof(raw_a)), long_raw = span_make(raw_d, sizeof(raw_d));
    struct ticket_keys *one = parse(&raw, 1), *two = parse_one(A48 "\n");
    assert_true(opens(one, two, &old));
    assert_false(old);
    struct ticket_keys *three = parse(&long_raw, 1), *four = parse_one("\r\n " D80 " \r\n\n");
    assert_true(opens(three, four, &old));
    assert_false(opens(one, three, &old));
    ticket_keys_destroy(one);
    ticket_keys_destroy(two);
    ticket_keys_destroy(three);
    ticket_keys_destroy(four);
}

static void the_first_of_several_files_seals_and_all_open(void **state)
{
    bool old = false;
    (void)state;
    struct span files[2] = {span_make(raw_b, sizeof(raw_b)), span_make(raw_a, sizeof(raw_a))};
    struct ticket_keys *before = parse(&files[1], 1), *after = parse(files, 2);
    assert_int_equal(sealing_name(after), 'B');
    assert_true(opens(before, after, &old));
    assert_true(old);
    assert_false(opens(after, before, &old));
    ticket_keys_destroy(before);
    ticket_keys_destroy(after);
}

static void of_lines_the_one_before_the_last_seals(void **state)
{
    bool old = true;
    (void)state;
    struct ticket_keys *three = parse_one(A48 "\n" B48 "\n" C48 "\n");
    assert_int_equal(sealing_name(three), 'B');
    struct ticket_keys *oldest = parse_one(A48), *newest = parse_one(C48);
    assert_true(opens(oldest, three, &old));
    assert_true(old);
    /* A node that is ahead of us: its ticket is as good as ours. */
    assert_true(opens(newest, three, &old));
    assert_false(old);
    ticket_keys_destroy(three);
    ticket_keys_destroy(oldest);
    ticket_keys_destroy(newest);
}

static void what_is_no_key_is_refused_with_file_and_line(void **state)
{
    (void)state;
    refused(&SPAN(""), 1, 0, "no key");
    refused(&SPAN(" \n\n"), 1, 0, "no key");
    refused(&SPAN(A48 "\nQUFB\n"), 1, 0, "line 2");
    refused(&SPAN("*" A48 "\n"), 1, 0, "line 1");
    refused(&SPAN(D80 D80 "\n"), 1, 0, "line 1");
    refused(&SPAN(A48 "\n" A48 "\n"), 1, 0, "same 16 bytes");
    struct span files[2] = {SPAN(A48), span_make(raw_a, sizeof(raw_a) - 1)};
    refused(files, 2, 1, "line 1");
}

static void more_keys_than_a_ring_holds_are_refused(void **state)
{
    char text[(TICKET_KEYS_MAX + 1) * 66], *to = text;
    (void)state;
    for (int i = 0; i <= TICKET_KEYS_MAX; i++) {
        to += snprintf(to, 66, "%s\n", A48);
        to[-60] = (char)('A' + i % 26);
        to[-61] = (char)('A' + i / 26);
    }
    refused(&(struct span){text, (size_t)(to - text)}, 1, 0, "more than 32");
    struct span fewer = {text, (size_t)(to - text) - 65};
    ticket_keys_destroy(parse(&fewer, 1));
}

int main(void)
{
    memset(raw_a, 'A', sizeof(raw_a));
    memset(raw_b, 'B', sizeof(raw_b));
    memset(raw_d, 'D', sizeof(raw_d));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_and_base64_are_the_same_key),
        cmocka_unit_test(the_first_of_several_files_seals_and_all_open),
        cmocka_unit_test(of_lines_the_one_before_the_last_seals),
        cmocka_unit_test(what_is_no_key_is_refused_with_file_and_line),
        cmocka_unit_test(more_keys_than_a_ring_holds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
