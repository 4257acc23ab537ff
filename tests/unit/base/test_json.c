/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON writer: escapes by hand after Go's encoding/json, and whatever it
 * writes is read back by jansson.
 */
#include "unit.h"

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "prng.h"

#include <jansson.h>
#include <math.h>

static void assert_escaped(struct span text, bool go_html, const char *expected)
{
    struct buf buf;
    buf_init(&buf, 1000);
    assert_ok(json_append_escaped(&buf, text, go_html));
    assert_span_equal(buf_span(&buf), expected);
    buf_finish(&buf);
}

static void escapes_are_those_of_go(void **state)
{
    (void)state;
    assert_escaped(SPAN(""), true, "");
    assert_escaped(SPAN("plain / text"), true, "plain / text");
    assert_escaped(SPAN("a&b<c>d"), true, "a\\u0026b\\u003cc\\u003ed");
    assert_escaped(SPAN("a&b<c>d"), false, "a&b<c>d");
    assert_escaped(SPAN("\"\\\b\f\n\r\t"), false, "\\\"\\\\\\b\\f\\n\\r\\t");
    assert_escaped(span_make("\0\x1f\x7f\xc2\x9b\xc2\xa0", 7), false,
                   "\\u0000\\u001f\\u007f\\u009b\xc2\xa0");
    assert_escaped(SPAN("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), true,
                   "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_escaped(SPAN("\xe2\x80\xa8\xe2\x80\xa9"), false, "\\u2028\\u2029");
    assert_escaped(SPAN("a\xffz"), false, "a\\ufffdz");
    assert_escaped(SPAN("\xed\xa0\x80"), false, "\\ufffd\\ufffd\\ufffd"); /* a surrogate */
    assert_escaped(SPAN("\xe2\x82"), false, "\\ufffd\\ufffd");
}

static void a_failed_append_leaves_nothing(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_ok(buf_append(&buf, SPAN("xxab")));
    buf_consume(&buf, 2);
    assert_int_equal(json_append_escaped(&buf, SPAN("1234567\n"), false), ERR_LIMIT);
    assert_span_equal(buf_span(&buf), "ab");
    assert_ok(json_append_escaped(&buf, SPAN("123456\n"), false));
    assert_span_equal(buf_span(&buf), "ab123456\\n");
    buf_finish(&buf);
}

static void objects_and_arrays_nest(void **state)
{
    (void)state;
    struct buf buf;
    struct json json;
    buf_init(&buf, 1000);
    json_init(&json, &buf, true);
    json_begin_object(&json);
    json_field_cstr(&json, "rule", "Host(`a`) && Path(`/<b>`)");
    json_field_int(&json, "low", INT64_MIN);
    json_field_uint(&json, "high", UINT64_MAX);
    json_field_bool(&json, "on", true);
    json_field_bool(&json, "off", false);
    json_field_string(&json, "a\"key", SPAN_EMPTY);
    json_field_double(&json, "rate", 0.1);
    json_write_key(&json, SPAN("empty"));
    json_begin_array(&json);
    json_end_array(&json);
    json_write_key(&json, SPAN("list"));
    json_begin_array(&json);
    json_write_null(&json);
    json_write_cstr(&json, NULL);
    json_begin_object(&json);
    json_end_object(&json);
    json_write_raw(&json, SPAN("[1,2]"));
    json_begin_object(&json);
    json_field_int(&json, "x", -1);
    json_end_object(&json);
    json_end_array(&json);
    json_end_object(&json);
    assert_ok(json_finish(&json));
    assert_span_equal(buf_span(&buf),
                      "{\"rule\":\"Host(`a`) \\u0026\\u0026 Path(`/\\u003cb\\u003e`)\","
                      "\"low\":-9223372036854775808,\"high\":18446744073709551615,"
                      "\"on\":true,\"off\":false,\"a\\\"key\":\"\",\"rate\":0.1,\"empty\":[],"
                      "\"list\":[null,\"\",{},[1,2],{\"x\":-1}]}");
    buf_finish(&buf);
}

static void assert_double(double value, const char *expected)
{
    struct buf buf;
    struct json json;
    buf_init(&buf, 100);
    json_init(&json, &buf, false);
    json_write_double(&json, value);
    assert_ok(json_finish(&json));
    if (expected != NULL)
        assert_span_equal(buf_span(&buf), expected);
    assert_ok(buf_append(&buf, span_make("", 1)));
    assert_true(strtod(buf.data, NULL) == value);
    buf_finish(&buf);
}

/* By Go's rule: 'e' below 1e-6 and from 1e21, shortest digits, e-07 as e-7. */
static void doubles_are_shortest_and_read_back(void **state)
{
    (void)state;
    assert_double(0, "0");
    assert_double(-0.0, "-0");
    assert_double(1, "1");
    assert_double(-2.5, "-2.5");
    assert_double(100, "100");
    assert_double(0.3, "0.3");
    assert_double(0.000001, "0.000001");
    assert_double(0.00000123, "0.00000123");
    assert_double(1e-7, "1e-7");
    assert_double(1.5e-10, "1.5e-10");
    assert_double(1e20, "100000000000000000000");
    assert_double(123456789012345678901.0, "123456789012345680000");
    assert_double(1e21, "1e+21");
    assert_double(-1.7976931348623157e308, "-1.7976931348623157e+308");
    assert_double(5e-324, "5e-324");
    assert_double(4.35, "4.35");
    assert_double(1.0 / 3, "0.3333333333333333");
    uint64_t random = 21;
    for (int i = 0; i < 20000; i++) {
        double value;
        uint64_t bits = prng_next(&random);
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value))
            assert_double(value, NULL);
        assert_double((double)(int64_t)(bits >> 20) / 1000, NULL);
    }
}

static void errors_stick(void **state)
{
    (void)state;
    struct buf buf;
    struct json json;
    buf_init(&buf, 12);
    json_init(&json, &buf, false);
    json_begin_array(&json);
    json_write_cstr(&json, "12345678901234");
    size_t len = buf_len(&buf);
    json_write_int(&json, 1);
    json_end_array(&json);
    json_end_array(&json); /* one too many does not matter any more */
    assert_int_equal(json_finish(&json), ERR_LIMIT);
    assert_int_equal(buf_len(&buf), len);

    buf_clear(&buf);
    json_init(&json, &buf, false);
    json_write_double(&json, NAN);
    assert_int_equal(json_finish(&json), ERR_INVALID);
    json_init(&json, &buf, false);
    json_write_double(&json, HUGE_VAL);
    assert_int_equal(json_finish(&json), ERR_INVALID);
    assert_int_equal(buf_len(&buf), 0);
    buf_finish(&buf);
}

static void depth_is_limited(void **state)
{
    (void)state;
    struct buf buf;
    struct json json;
    buf_init(&buf, 1000);
    for (int extra = 0; extra < 2; extra++) {
        buf_clear(&buf);
        json_init(&json, &buf, false);
        for (int i = 0; i < LIMIT_JSON_DEPTH + extra; i++)
            json_begin_array(&json);
        for (int i = 0; i < LIMIT_JSON_DEPTH + extra; i++)
            json_end_array(&json);
        assert_int_equal(json_finish(&json), extra ? ERR_LIMIT : ERR_OK);
    }
    buf_finish(&buf);
}

static void assert_reads_back(struct span text, bool go_html)
{
    struct buf buf;
    struct json json;
    buf_init(&buf, 10000);
    json_init(&json, &buf, go_html);
    json_begin_array(&json);
    json_write_string(&json, text);
    json_end_array(&json);
    assert_ok(json_finish(&json));
    json_error_t error;
    json_t *root = json_loadb(buf_span(&buf).ptr, buf_len(&buf), JSON_ALLOW_NUL, &error);
    assert_non_null(root);
    json_t *item = json_array_get(root, 0);
    assert_true(json_is_string(item));
    struct span read = span_make(json_string_value(item), json_string_length(item));
    assert_true(utf8_valid(read));
    if (utf8_valid(text))
        assert_true(span_equal(read, text));
    json_decref(root);
    buf_finish(&buf);
}

static void any_bytes_make_valid_json(void **state)
{
    (void)state;
    static const char alphabet[] = "ab\"\\<&\n\x01\x7f\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xed\xff";
    uint64_t random = 17;
    for (int i = 0; i < 30000; i++) {
        char text[40];
        size_t len = prng_below(&random, sizeof(text));
        for (size_t k = 0; k < len; k++)
            text[k] = i % 2 ? (char)prng_next(&random)
                            : alphabet[prng_below(&random, sizeof(alphabet))];
        assert_reads_back(span_make(text, len), i % 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_those_of_go),
        cmocka_unit_test(a_failed_append_leaves_nothing),
        cmocka_unit_test(objects_and_arrays_nest),
        cmocka_unit_test(doubles_are_shortest_and_read_back),
        cmocka_unit_test(errors_stick),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(any_bytes_make_valid_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
