/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS messages: what is written, byte by byte after RFC 1035 and RFC 2136, and
 * what is read, from an answer that dnspython 2.3 wrote and from broken ones.
 */
#include "core/control/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define BYTES(text) span_make(text, sizeof(text) - 1)

static struct dns_name name_of(const char *text)
{
    struct dns_name name;
    assert_int_equal(dns_name_parse(span_cstr(text), &name), ERR_OK);
    return name;
}

/* ---- names ---- */

static void names_go_to_wire_form_and_back(void **state)
{
    static const char *const rows[][2] = {
        {".", "."},
        {"test", "test."},
        {"a.Example.test.", "a.Example.test."},
        {"_acme-challenge.xn--bcher-kva.example", "_acme-challenge.xn--bcher-kva.example."},
        {"a\\.b.test", "a\\.b.test."},
        {"a\\032\\255.test", "a\\032\\255.test."},
        {"\\065\\b.test", "Ab.test."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns_name name = name_of(rows[i][0]);
        char text[DNS_NAME_TEXT];
        dns_name_format(&name, text);
        assert_string_equal(text, rows[i][1]);
    }
    struct dns_name name = name_of("ab.c");
    assert_true(span_equal(span_make(name.wire, name.len), BYTES("\2ab\1c\0")));
}

static void names_that_are_none_are_refused(void **state)
{
    static const char *const rows[] = {"",       "..",      ".a",     "a..b",
                                       "a..",    "a\\",     "a\\25",  "a\\256",
                                       "a\\1x3", "a.\\"};
    struct dns_name name;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(dns_name_parse(span_cstr(rows[i]), &name), ERR_SYNTAX);
}

static void names_have_63_bytes_a_label_and_255_in_all(void **state)
{
    char text[300];
    struct dns_name name;
    char label[64];
    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(dns_name_parse(span_make(text, 63), &name), ERR_OK);
    assert_int_equal(dns_name_parse(span_make(text, 64), &name), ERR_LIMIT);
    memset(label, 'b', 63);
    label[63] = '\0';
    /* 3 * 64 + 62 + 1 = 255 bytes of wire form. */
    int len = snprintf(text, sizeof(text), "%s.%s.%s.%.61s", label, label, label, label);
    assert_int_equal(dns_name_parse(span_make(text, (size_t)len), &name), ERR_OK);
    assert_int_equal(name.len, 255);
    text[len++] = '.';
    assert_int_equal(dns_name_parse(span_make(text, (size_t)len), &name), ERR_OK);
    assert_int_equal(name.len, 255);
    text[len++] = 'c';
    assert_int_equal(dns_name_parse(span_make(text, (size_t)len), &name), ERR_LIMIT);
    len = snprintf(text, sizeof(text), "%s.%s.%s.%.62s", label, label, label, label);
    assert_int_equal(dns_name_parse(span_make(text, (size_t)len), &name), ERR_LIMIT);
}

static void names_are_compared_without_case_and_go_up_to_the_root(void **state)
{
    struct dns_name a = name_of("A.Example.Test"), b = name_of("a.eXample.tEst."), up;
    (void)state;
    assert_true(dns_name_equal(&a, &b));
    assert_memory_not_equal(a.wire, b.wire, a.len);
    dns_name_canonicalize(&a);
    dns_name_canonicalize(&b);
    assert_memory_equal(a.wire, b.wire, a.len);
    up = name_of("example.test");
    assert_false(dns_name_equal(&a, &up));
    assert_true(dns_name_go_up(&a) && dns_name_equal(&a, &up));
    assert_true(dns_name_go_up(&a) && dns_name_go_up(&a));
    assert_int_equal(a.len, 1);
    assert_false(dns_name_go_up(&a));
}

/* ---- writing ---- */

static void a_query_is_what_rfc_1035_and_6891_say(void **state)
{
    struct dns_name name = name_of("a.test");
    struct buf out;
    (void)state;
    buf_init(&out, 512);
    assert_int_equal(dns_query_append(&out, 0x1234, &name, DNS_TXT, true, true), ERR_OK);
    assert_true(span_equal(buf_span(&out), BYTES("\x12\x34\1\0\0\1\0\0\0\0\0\1"
                                                 "\1a\4test\0\0\x10\0\1"
                                                 "\0\0\x29\x04\xd0\0\0\0\0\0\0")));
    buf_clear(&out);
    assert_int_equal(dns_query_append(&out, 0x1234, &name, DNS_NS, false, false), ERR_OK);
    assert_true(span_equal(buf_span(&out), BYTES("\x12\x34\0\0\0\1\0\0\0\0\0\0"
                                                 "\1a\4test\0\0\2\0\1")));
    buf_finish(&out);
}

static void an_update_adds_a_value_or_takes_away_that_value_alone(void **state)
{
    struct dns_name zone = name_of("test"), name = name_of("a.test");
    char much[256] = {0};
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(dns_update_append(&out, 1, &zone, &name, SPAN("hi"), 0x12345, true), ERR_OK);
    assert_true(span_equal(buf_span(&out), BYTES("\0\1\x28\0\0\1\0\0\0\1\0\0"
                                                 "\4test\0\0\6\0\1"
                                                 "\1a\4test\0\0\x10\0\1\0\1\x23\x45\0\3\2hi")));
    buf_clear(&out);
    assert_int_equal(dns_update_append(&out, 1, &zone, &name, SPAN("hi"), 0x12345, false),
                     ERR_OK);
    assert_true(span_equal(buf_span(&out), BYTES("\0\1\x28\0\0\1\0\0\0\1\0\0"
                                                 "\4test\0\0\6\0\1"
                                                 "\1a\4test\0\0\x10\0\xfe\0\0\0\0\0\3\2hi")));
    assert_int_equal(dns_update_append(&out, 1, &zone, &name, span_make(much, 256), 1, true),
                     ERR_LIMIT);
    buf_finish(&out);
}

/* ---- reading ---- */

/* _acme-challenge.a.example.test. TXT: a CNAME, a TXT of two strings, NS, A, AAAA. */
static const char answer[] =
    "\x42\x42\x81\x80\x00\x01\x00\x02\x00\x01\x00\x02\x0f\x5f\x61\x63"
    "\x6d\x65\x2d\x63\x68\x61\x6c\x6c\x65\x6e\x67\x65\x01\x61\x07\x65"
    "\x78\x61\x6d\x70\x6c\x65\x04\x74\x65\x73\x74\x00\x00\x10\x00\x01"
    "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x0e\x01\x61\x09\x64"
    "\x65\x6c\x65\x67\x61\x74\x65\x64\xc0\x26\xc0\x3c\x00\x10\x00\x01"
    "\x00\x00\x00\x3c\x00\x08\x03\x6f\x6e\x65\x03\x74\x77\x6f\xc0\x3e"
    "\x00\x02\x00\x01\x00\x00\x00\x3c\x00\x06\x03\x6e\x73\x31\xc0\x3e"
    "\xc0\x6a\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"
    "\xc0\x6a\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10\x20\x01\x0d\xb8"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01";

static void an_answer_of_another_program_is_read(void **state)
{
    static const struct {
        enum dns_section section;
        const char *name;
        enum dns_type type;
        const char *target;
    } rows[] = {
        {DNS_ANSWER, "_acme-challenge.a.example.test.", DNS_CNAME, "a.delegated.test."},
        {DNS_ANSWER, "a.delegated.test.", DNS_TXT, NULL},
        {DNS_AUTHORITY, "delegated.test.", DNS_NS, "ns1.delegated.test."},
        {DNS_ADDITIONAL, "ns1.delegated.test.", DNS_A, NULL},
        {DNS_ADDITIONAL, "ns1.delegated.test.", DNS_AAAA, NULL},
    };
    struct dns_message message;
    struct dns_cursor cursor;
    struct dns_record record;
    struct dns_name expected, target;
    (void)state;
    assert_int_equal(dns_message_read(BYTES(answer), &message), ERR_OK);
    assert_int_equal(message.id, 0x4242);
    assert_true(message.is_response && message.has_question && !message.truncated);
    assert_int_equal(message.question_type, DNS_TXT);
    dns_cursor_init(&cursor, &message);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(dns_cursor_next(&cursor, &message, &record));
        expected = name_of(rows[i].name);
        assert_int_equal(record.section, rows[i].section);
        assert_int_equal(record.type, rows[i].type);
        assert_int_equal(record.ttl, 60);
        assert_true(dns_name_equal(&record.name, &expected));
        if (rows[i].target != NULL) {
            expected = name_of(rows[i].target);
            assert_int_equal(dns_record_target(&message, &record, &target), ERR_OK);
            assert_true(dns_name_equal(&target, &expected));
        }
        if (record.type == DNS_TXT) {
            assert_true(dns_record_text_is(&record, SPAN("onetwo")));
            assert_false(dns_record_text_is(&record, SPAN("onetw")));
            assert_false(dns_record_text_is(&record, SPAN("onetwo2")));
            assert_false(dns_record_text_is(&record, SPAN("one")));
        }
    }
    assert_false(dns_cursor_next(&cursor, &message, &record));
}

static void a_message_that_is_cut_anywhere_or_goes_on_is_refused(void **state)
{
    struct dns_message message;
    char more[sizeof(answer)];
    (void)state;
    for (size_t size = 0; size < sizeof(answer) - 1; size++)
        assert_int_equal(dns_message_read(span_make(answer, size), &message), ERR_SYNTAX);
    memcpy(more, answer, sizeof(more)); /* with the literal's NUL behind it */
    assert_int_equal(dns_message_read(span_make(more, sizeof(more)), &message), ERR_SYNTAX);
}

static void pointers_lead_backwards_or_nowhere(void **state)
{
    /* The question's name of each: to itself, forwards, into the header, in a circle of
     * two, behind labels to its own beginning. */
    static const struct span rows[] = {
        {"\0\1\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18},
        {"\0\1\0\0\0\1\0\0\0\0\0\0\xc0\x0e\0\1\0\1", 18},
        {"\0\1\0\0\0\1\0\0\0\0\0\0\xc0\x04\0\1\0\1", 18},
        {"\0\1\0\0\0\1\0\0\0\0\0\0\1a\xc0\x0c\0\1\0\1", 20},
        {"\0\1\0\0\0\1\0\0\0\0\0\0\xc0\x0e\xc0\x0c\0\1\0\1", 20},
        {"\0\1\0\0\0\1\0\0\0\0\0\0\x40" "a\0\0\1\0\1", 19}, /* a kind of label that is none */
        {"\0\1\0\0\0\1\0\0\0\0\0\0\x80" "a\0\0\1\0\1", 19},
    };
    struct dns_message message;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(dns_message_read(rows[i], &message), ERR_SYNTAX);
}

static void a_name_of_many_pointers_is_bounded_by_its_bytes(void **state)
{
    char bytes[1024] = "\0\1\x80\0\0\1\0\0\0\0\0\0";
    size_t at = 12, last = 0;
    struct dns_name name;
    (void)state;
    for (int i = 0; i < 130; i++) { /* each is "a." and the one before */
        size_t here = at;
        bytes[at++] = 1;
        bytes[at++] = 'a';
        if (i == 0) {
            bytes[at++] = 0;
        } else {
            bytes[at++] = (char)(0xc0 | last >> 8);
            bytes[at++] = (char)last;
        }
        last = here;
        size_t from = here;
        assert_int_equal(dns_name_read(span_make(bytes, at), &from, &name),
                         i < 127 ? ERR_OK : ERR_SYNTAX);
    }
}

static void data_that_does_not_fit_its_type_is_refused(void **state)
{
    static const struct {
        uint8_t type;
        const char *data;
        uint8_t size;
        enum err expected;
    } rows[] = {
        {DNS_A, "\1\2\3\4", 4, ERR_OK},      {DNS_A, "\1\2\3", 3, ERR_SYNTAX},
        {DNS_AAAA, "\1\2\3\4", 4, ERR_SYNTAX}, {DNS_TXT, "\2hi", 3, ERR_OK},
        {DNS_TXT, "\3hi", 3, ERR_SYNTAX},    {DNS_TXT, "", 0, ERR_SYNTAX},
        {DNS_TXT, "\0", 1, ERR_OK},          {DNS_NS, "\1a\0", 3, ERR_OK},
        {DNS_NS, "\1a\0\0", 4, ERR_SYNTAX},  {DNS_CNAME, "\1a", 2, ERR_SYNTAX},
        {DNS_SOA, "\1a\0\1b\0", 6, ERR_SYNTAX}, {99, "\1\2\3", 3, ERR_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns_message message;
        struct buf bytes;
        const uint8_t head[] = {0, rows[i].type, 0, 1, 0, 0, 0, 0, 0, rows[i].size};
        buf_init(&bytes, 512);
        assert_int_equal(buf_append(&bytes, BYTES("\0\1\x80\0\0\0\0\1\0\0\0\0\0")), ERR_OK);
        assert_int_equal(buf_append(&bytes, span_make(head, sizeof(head))), ERR_OK);
        assert_int_equal(buf_append(&bytes, span_make(rows[i].data, rows[i].size)), ERR_OK);
        assert_int_equal(dns_message_read(buf_span(&bytes), &message), rows[i].expected);
        buf_finish(&bytes);
    }
}

static void too_many_records_or_questions_are_refused(void **state)
{
    struct dns_message message;
    (void)state;
    assert_int_equal(dns_message_read(BYTES("\0\1\x80\0\0\0\4\0\0\1\0\0"), &message), ERR_LIMIT);
    assert_int_equal(dns_message_read(BYTES("\0\1\x80\0\0\2\0\0\0\0\0\0\0\0\1\0\1\0\0\1\0\1"),
                                      &message),
                     ERR_SYNTAX);
    assert_int_equal(dns_message_read(BYTES("\0\1\x80\0\0\0\0\0\0\0\0\0"), &message), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_to_wire_form_and_back),
        cmocka_unit_test(names_that_are_none_are_refused),
        cmocka_unit_test(names_have_63_bytes_a_label_and_255_in_all),
        cmocka_unit_test(names_are_compared_without_case_and_go_up_to_the_root),
        cmocka_unit_test(a_query_is_what_rfc_1035_and_6891_say),
        cmocka_unit_test(an_update_adds_a_value_or_takes_away_that_value_alone),
        cmocka_unit_test(an_answer_of_another_program_is_read),
        cmocka_unit_test(a_message_that_is_cut_anywhere_or_goes_on_is_refused),
        cmocka_unit_test(pointers_lead_backwards_or_nowhere),
        cmocka_unit_test(a_name_of_many_pointers_is_bounded_by_its_bytes),
        cmocka_unit_test(data_that_does_not_fit_its_type_is_refused),
        cmocka_unit_test(too_many_records_or_questions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
