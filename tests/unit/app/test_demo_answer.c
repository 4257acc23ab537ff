/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The demonstration backend's bytes, however they arrive.
 */
#include "core/app/demo_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct demo_answer answer;

static int start(void **state)
{
    (void)state;
    demo_answer_init(&answer);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    demo_answer_finish(&answer);
    return 0;
}

static enum err give(const char *text)
{
    assert_int_equal(buf_append(&answer.input, span_cstr(text)), ERR_OK);
    return demo_answer_advance(&answer);
}

static size_t count(const char *needle)
{
    struct span rest = buf_span(&answer.output);
    size_t found = 0, len = strlen(needle);
    for (; rest.len >= len; rest = span_skip(rest, 1)) {
        if (memcmp(rest.ptr, needle, len) == 0)
            found++;
    }
    return found;
}

static const char get[] = "GET /a?b=c HTTP/1.1\r\nHost: demo.example\r\nX-Real-Ip: 192.0.2.7\r\n"
                          "X-Forwarded-Proto: https\r\n\r\n";

static void request_is_shown(void **state)
{
    (void)state;
    assert_int_equal(give(get), ERR_OK);
    assert_int_equal(count("HTTP/1.1 200 OK\r\n"), 1);
    assert_int_equal(count("\nGET /a?b=c HTTP/1.1\n"), 1);
    assert_int_equal(count("\nHost: demo.example\n"), 1);
    assert_int_equal(count("from 192.0.2.7 by https"), 1);
    assert_false(answer.close);
}

static void length_is_that_of_the_text(void **state)
{
    char line[64];
    (void)state;
    assert_int_equal(give(get), ERR_OK);
    struct span all = buf_span(&answer.output);
    const char *text = memmem(all.ptr, all.len, "\r\n\r\n", 4);
    assert_non_null(text);
    snprintf(line, sizeof(line), "Content-Length: %zu\r\n",
             (size_t)(all.ptr + all.len - text) - 4);
    assert_int_equal(count(line), 1);
}

static void bytes_may_come_one_by_one(void **state)
{
    (void)state;
    for (const char *c = get; *c != '\0'; c++) {
        char one[2] = {*c, '\0'};
        assert_int_equal(give(one), ERR_OK);
        assert_int_equal(buf_len(&answer.output) > 0, c[1] == '\0');
    }
}

static void connection_is_kept_for_the_next_request(void **state)
{
    (void)state;
    assert_int_equal(give(get), ERR_OK);
    assert_int_equal(give("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
                     ERR_OK);
    assert_int_equal(count("200 OK"), 3);
    assert_int_equal(count("\nGET /2 HTTP/1.1\n"), 1);
    assert_false(answer.close);
}

static void body_is_read_and_counted(void **state)
{
    (void)state;
    assert_int_equal(give("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"), ERR_OK);
    assert_int_equal(buf_len(&answer.output), 0);
    assert_int_equal(give("lo"), ERR_OK);
    assert_int_equal(count("(a body of 5 bytes)"), 1);
    assert_int_equal(give("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
                     ERR_OK);
    assert_int_equal(count("(a body of 7 bytes)"), 1);
}

static void head_gets_no_text(void **state)
{
    (void)state;
    assert_int_equal(give("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), ERR_OK);
    assert_int_equal(count("200 OK"), 1);
    assert_int_equal(count("HEAD / HTTP/1.1"), 0);
}

static void close_is_honoured(void **state)
{
    (void)state;
    assert_int_equal(give("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ERR_OK);
    assert_true(answer.close);
    assert_int_equal(count("Connection: close"), 2); /* the field, and the text shows it */
}

static void waiting_client_is_told_to_continue(void **state)
{
    (void)state;
    assert_int_equal(give("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                          "Expect: 100-continue\r\n\r\n"),
                     ERR_OK);
    assert_int_equal(count("HTTP/1.1 100 Continue\r\n\r\n"), 1);
    assert_int_equal(give("x"), ERR_OK);
    assert_int_equal(count("200 OK"), 1);
}

static void nonsense_is_400_and_the_end(void **state)
{
    (void)state;
    assert_int_equal(give("nonsense\r\n\r\n"), ERR_OK);
    assert_int_equal(count("HTTP/1.1 400 Bad Request\r\n"), 1);
    assert_true(answer.close);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(request_is_shown, start, stop),
        cmocka_unit_test_setup_teardown(length_is_that_of_the_text, start, stop),
        cmocka_unit_test_setup_teardown(bytes_may_come_one_by_one, start, stop),
        cmocka_unit_test_setup_teardown(connection_is_kept_for_the_next_request, start, stop),
        cmocka_unit_test_setup_teardown(body_is_read_and_counted, start, stop),
        cmocka_unit_test_setup_teardown(head_gets_no_text, start, stop),
        cmocka_unit_test_setup_teardown(close_is_honoured, start, stop),
        cmocka_unit_test_setup_teardown(waiting_client_is_told_to_continue, start, stop),
        cmocka_unit_test_setup_teardown(nonsense_is_400_and_the_end, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
