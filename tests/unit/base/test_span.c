/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views of bytes, with the empty one (ptr NULL) wherever a view may be. */
#include "unit.h"

#include "core/base/list.h"
#include "core/base/utf8.h"

#include <stdlib.h>

static void equality_and_order(void **state)
{
    (void)state;
    assert_true(span_equal(SPAN("abc"), span_cstr("abc")));
    assert_false(span_equal(SPAN("abc"), SPAN("abd")));
    assert_false(span_equal(SPAN("abc"), SPAN("ab")));
    assert_true(span_equal(SPAN_EMPTY, SPAN("")));
    assert_true(span_equal(span_cstr(NULL), SPAN_EMPTY));
    assert_true(span_equal_nocase(SPAN("Host-[@`{"), SPAN("hOST-[@`{")));
    assert_false(span_equal_nocase(SPAN("@"), SPAN("`")));
    assert_false(span_equal_nocase(SPAN("["), SPAN("{")));
    assert_false(span_equal_nocase(SPAN("a"), SPAN("aa")));
    assert_false(span_equal_nocase(SPAN("\xc3\x84"), SPAN("\xc3\xa4"))); /* Ä, ä: not ASCII */
    assert_true(span_compare(SPAN("a"), SPAN("b")) < 0);
    assert_true(span_compare(SPAN("ab"), SPAN("a")) > 0);
    assert_true(span_compare(SPAN("\xff"), SPAN("a")) > 0);
    assert_int_equal(span_compare(SPAN_EMPTY, SPAN("")), 0);
    assert_true(span_compare(SPAN_EMPTY, SPAN("a")) < 0);
}

static void beginnings_and_ends(void **state)
{
    (void)state;
    assert_true(span_starts_with(SPAN("/api/raw"), SPAN("/api")));
    assert_false(span_starts_with(SPAN("/ap"), SPAN("/api")));
    assert_true(span_ends_with(SPAN("a@file"), SPAN("@file")));
    assert_false(span_ends_with(SPAN("file"), SPAN("@file")));
    assert_true(span_ends_with(SPAN_EMPTY, SPAN_EMPTY));
    assert_span_equal(span_first(SPAN("abc"), 9), "abc");
    assert_span_equal(span_skip(SPAN("abc"), 1), "bc");
}

static void finding(void **state)
{
    (void)state;
    struct span s = SPAN("a.b.c");
    assert_int_equal(span_find(s, '.', 0), 1);
    assert_int_equal(span_find(s, '.', 1), 1);
    assert_int_equal(span_find(s, '.', 2), 3);
    assert_int_equal(span_find(s, '.', 4), -1);
    assert_int_equal(span_find(s, '.', 5), -1);
    assert_int_equal(span_find(s, '.', 500), -1);
    assert_int_equal(span_find(SPAN_EMPTY, '.', 0), -1);
    assert_int_equal(span_find_last(s, '.'), 3);
    assert_int_equal(span_find_last(s, 'x'), -1);
    assert_int_equal(span_find_last(SPAN_EMPTY, 'x'), -1);
}

static void trimming_takes_spaces_and_tabs_only(void **state)
{
    (void)state;
    assert_span_equal(span_trim(SPAN(" \t a b\t ")), "a b");
    assert_span_equal(span_trim(SPAN(" \t ")), "");
    assert_span_equal(span_trim(SPAN("\na\n")), "\na\n");
    assert_int_equal(span_trim(SPAN_EMPTY).len, 0);
}

static void splitting(void **state)
{
    (void)state;
    struct span head;
    struct span rest = span_split(SPAN("a,,b"), ',', &head);
    assert_span_equal(head, "a");
    rest = span_split(rest, ',', &head);
    assert_span_equal(head, "");
    rest = span_split(rest, ',', &head);
    assert_span_equal(head, "b");
    assert_null(rest.ptr);
    rest = span_split(SPAN("a,"), ',', &head);
    assert_non_null(rest.ptr);
    assert_int_equal(rest.len, 0);
}

static void numbers(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_true(span_to_u64(SPAN("0"), &value));
    assert_int_equal(value, 0);
    assert_true(span_to_u64(SPAN("00042"), &value));
    assert_int_equal(value, 42);
    assert_true(span_to_u64(SPAN("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    value = 7;
    static const char *const wrong[] = {
        "", "18446744073709551616", "18446744073709551620", "99999999999999999999999", "-1",
        "+1", " 1", "1 ", "0x1", "1a", "/", ":",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(span_to_u64(span_cstr(wrong[i]), &value));
    assert_int_equal(value, 7);
}

static void duplicates_end_in_nul(void **state)
{
    (void)state;
    char *copy = span_dup(span_first(SPAN("abcdef"), 3));
    assert_string_equal(copy, "abc");
    free(copy);
    copy = span_dup(SPAN_EMPTY);
    assert_string_equal(copy, "");
    free(copy);
}

/* Boundaries of RFC 3629 §4's table, each by hand. */
static void utf8_accepts_what_the_rfc_allows_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t code_point;
    } good[] = {
        {"\x7f", 0x7f},           {"\xc2\x80", 0x80},         {"\xdf\xbf", 0x7ff},
        {"\xe0\xa0\x80", 0x800},  {"\xe2\x82\xac", 0x20ac},   {"\xed\x9f\xbf", 0xd7ff},
        {"\xee\x80\x80", 0xe000}, {"\xef\xbf\xbf", 0xffff},   {"\xf0\x90\x80\x80", 0x10000},
        {"\xf0\x9f\x98\x80", 0x1f600}, {"\xf4\x8f\xbf\xbf", 0x10ffff},
    };
    static const char *const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xc2\xc0", "\xe0\x80\x80",
        "\xe0\x9f\xbf", "\xe2\x82", "\xe2\x41\x80", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint32_t code_point = 0;
        struct span text = span_cstr(good[i].bytes);
        assert_int_equal(utf8_next(text, &code_point), text.len);
        assert_int_equal(code_point, good[i].code_point);
        assert_true(utf8_valid(text));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t code_point = 7;
        assert_int_equal(utf8_next(span_cstr(bad[i]), &code_point), 0);
        assert_int_equal(code_point, 7);
        assert_false(utf8_valid(span_cstr(bad[i])));
    }
    assert_true(utf8_valid(SPAN_EMPTY));
    assert_true(utf8_valid(SPAN("a\0b\xe2\x82\xac")));
    assert_false(utf8_valid(SPAN("a\xe2\x82\xac\xff")));
}

struct thing {
    int number;
    struct list link;
};

static void lists_keep_order_and_allow_removal_while_walking(void **state)
{
    (void)state;
    struct list head;
    list_init(&head);
    assert_null(list_pop_front(&head));
    struct thing things[4];
    for (int i = 0; i < 4; i++) {
        things[i].number = i;
        list_push_back(&head, &things[i].link);
    }
    list_for_each(node, &head) {
        if (container_of(node, struct thing, link)->number % 2 == 0)
            list_remove(node);
    }
    list_push_front(&head, &things[2].link);
    int expected[] = {2, 1, 3}, n = 0;
    list_for_each(node, &head)
        assert_int_equal(container_of(node, struct thing, link)->number, expected[n++]);
    assert_int_equal(n, 3);
    list_remove(&things[0].link); /* is in no list */
    assert_ptr_equal(list_pop_front(&head), &things[2].link);
    assert_false(list_empty(&head));
}

static void a_number_becomes_its_decimal(void **state)
{
    static const struct {
        uint64_t number;
        const char *text;
    } cases[] = {
        {0, "0"}, {9, "9"}, {10, "10"}, {200, "200"}, {UINT64_MAX, "18446744073709551615"},
    };
    char room[SPAN_U64_DIGITS];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(span_equal(span_from_u64(cases[i].number, room), span_cstr(cases[i].text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_becomes_its_decimal),
        cmocka_unit_test(equality_and_order),
        cmocka_unit_test(beginnings_and_ends),
        cmocka_unit_test(finding),
        cmocka_unit_test(trimming_takes_spaces_and_tabs_only),
        cmocka_unit_test(splitting),
        cmocka_unit_test(numbers),
        cmocka_unit_test(duplicates_end_in_nul),
        cmocka_unit_test(utf8_accepts_what_the_rfc_allows_and_no_more),
        cmocka_unit_test(lists_keep_order_and_allow_removal_while_walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
