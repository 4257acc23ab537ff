/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Methods, versions and reasons.
 */
#include "h1_help.h"

static void methods_are_case_sensitive(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        enum http_method method;
        bool idempotent;
    } rows[] = {
        {{"GET", 3}, HTTP_METHOD_GET, true},       {{"HEAD", 4}, HTTP_METHOD_HEAD, true},
        {{"POST", 4}, HTTP_METHOD_POST, false},    {{"PUT", 3}, HTTP_METHOD_PUT, true},
        {{"DELETE", 6}, HTTP_METHOD_DELETE, true}, {{"CONNECT", 7}, HTTP_METHOD_CONNECT, false},
        {{"OPTIONS", 7}, HTTP_METHOD_OPTIONS, true}, {{"TRACE", 5}, HTTP_METHOD_TRACE, true},
        {{"PATCH", 5}, HTTP_METHOD_PATCH, false},  {{"get", 3}, HTTP_METHOD_OTHER, false},
        {{"Post", 4}, HTTP_METHOD_OTHER, false},   {{"GETT", 4}, HTTP_METHOD_OTHER, false},
        {{"GE", 2}, HTTP_METHOD_OTHER, false},     {{"", 0}, HTTP_METHOD_OTHER, false},
        {{"PURGE", 5}, HTTP_METHOD_OTHER, false},  {{"OPTIONZ", 7}, HTTP_METHOD_OTHER, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(http_method_of(rows[i].text), rows[i].method);
        assert_int_equal(http_method_is_idempotent(rows[i].method), rows[i].idempotent);
    }
}

static void versions_and_reasons_have_their_texts(void **state)
{
    (void)state;
    assert_string_equal(http_version_text(HTTP_1_0), "HTTP/1.0");
    assert_string_equal(http_version_text(HTTP_1_1), "HTTP/1.1");
    assert_string_equal(http_version_text(HTTP_2), "HTTP/2.0");
    assert_string_equal(http_status_reason(200), "OK");
    assert_string_equal(http_status_reason(100), "Continue");
    assert_string_equal(http_status_reason(431), "Request Header Fields Too Large");
    assert_string_equal(http_status_reason(511), "Network Authentication Required");
    assert_string_equal(http_status_reason(299), "");
    assert_string_equal(http_status_reason(0), "");
    assert_string_equal(http_status_reason(65535), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_are_case_sensitive),
        cmocka_unit_test(versions_and_reasons_have_their_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
