/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Response heads: where their bodies end (RFC 9112 §6.3) and what is refused.
 */
#include "h1_help.h"

enum { NONE = HTTP_BODY_NONE, LENGTH = HTTP_BODY_LENGTH, CHUNKED = HTTP_BODY_CHUNKED,
       CLOSE = HTTP_BODY_UNTIL_CLOSE };

struct verdict {
    struct span head;
    enum http_method method; /* of the request */
    enum err error;
    enum http_body_kind body;
    bool keep_alive;
};

#define ROW(text, method, error, body, keep) \
    {{text, sizeof(text) - 1}, method, error, (enum http_body_kind)(body), keep}
#define OK(text, body, keep) ROW(text, HTTP_METHOD_GET, ERR_OK, body, keep)
#define OK_TO(method, text, body, keep) ROW(text, HTTP_METHOD_##method, ERR_OK, body, keep)
#define BAD(text) ROW(text, HTTP_METHOD_GET, ERR_SYNTAX, NONE, false)
#define TE "Transfer-Encoding: chunked\r\n"
#define CL "Content-Length: 5\r\n"
#define S200 "HTTP/1.1 200 OK\r\n"

static const struct verdict verdicts[] = {
    OK(S200 CL "\r\n", LENGTH, true),
    OK(S200 TE "\r\n", CHUNKED, true),
    OK(S200 "\r\n", CLOSE, false),
    OK(S200 "Connection: keep-alive\r\n\r\n", CLOSE, false),
    OK(S200 CL "Connection: close\r\n\r\n", LENGTH, false),
    OK("HTTP/1.0 200 OK\r\n" CL "\r\n", LENGTH, false),
    OK("HTTP/1.0 200 OK\r\n" CL "Connection: keep-alive\r\n\r\n", LENGTH, true),
    OK("HTTP/1.1 200 \r\n" CL "\r\n", LENGTH, true),
    OK("HTTP/1.1 200\r\n" CL "\r\n", LENGTH, true),
    OK("HTTP/1.1 404 Not \xc3\xa9 Found\r\n" CL "\r\n", LENGTH, true),
    OK("HTTP/1.1 999 Odd\r\n" CL "\r\n", LENGTH, true),
    OK_TO(HEAD, S200 CL "\r\n", NONE, true),
    OK_TO(HEAD, S200 TE "\r\n", NONE, true),
    OK_TO(HEAD, S200 "\r\n", NONE, true),
    OK("HTTP/1.1 204 No Content\r\n\r\n", NONE, true),
    OK("HTTP/1.1 204 No Content\r\n" CL "\r\n", NONE, true),
    OK("HTTP/1.1 304 Not Modified\r\n" CL "\r\n", NONE, true),
    OK("HTTP/1.1 304 Not Modified\r\n" TE "\r\n", NONE, true),
    OK("HTTP/1.1 100 Continue\r\n\r\n", NONE, true),
    OK("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", NONE, true),
    OK("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", NONE, true),
    OK_TO(CONNECT, S200 CL "\r\n", NONE, true),
    OK_TO(CONNECT, "HTTP/1.1 403 Forbidden\r\n" CL "\r\n", LENGTH, true),
    OK("HTTP/1.1 205 Reset Content\r\n" CL "\r\n", LENGTH, true),
    BAD(S200 TE CL "\r\n"),
    BAD(S200 CL TE "\r\n"),
    BAD(S200 CL CL "\r\n"),
    BAD(S200 "Content-Length: 5, 5\r\n\r\n"),
    BAD(S200 "Content-Length: x\r\n\r\n"),
    BAD(S200 "Content-Length: -1\r\n\r\n"),
    BAD(S200 "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    BAD(S200 "Transfer-Encoding: identity\r\n\r\n"),
    BAD(S200 TE TE "\r\n"),
    BAD("HTTP/1.0 200 OK\r\n" TE "\r\n"),
    BAD("HTTP/2.0 200 OK\r\n" CL "\r\n"),
    BAD("HTTP/1.1 20 OK\r\n\r\n"),
    BAD("HTTP/1.1 099 Low\r\n\r\n"),
    BAD("HTTP/1.1 2000 OK\r\n\r\n"),
    BAD("HTTP/1.1 2x0 OK\r\n\r\n"),
    BAD("HTTP/1.1  200 OK\r\n\r\n"),
    BAD("HTTP/1.1\t200 OK\r\n\r\n"),
    BAD("HTTP/1.1 200\tOK\r\n\r\n"),
    BAD("HTTP 200 OK\r\n\r\n"),
    BAD("ICY 200 OK\r\n\r\n"),
    BAD("\r\nHTTP/1.1 200 OK\r\n\r\n"),
    BAD("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    BAD("HTTP/1.1 200 O\rK\r\n\r\n"),
    BAD("HTTP/1.1 200 O\0K\r\n\r\n"),
    BAD(S200 "X : y\r\n\r\n"),
    BAD(S200 "X: a\r\n b\r\n\r\n"),
    BAD(S200 "X: a\rb\r\n\r\n"),
    BAD(S200 "X: a\nb: c\r\n\r\n"),
    BAD(S200 "no colon\r\n\r\n"),
};

static void check(const struct verdict *verdict, enum err error,
                  const struct http_response *response, const char *how)
{
    bool right = error == verdict->error;
    if (error == ERR_OK)
        right = right && response->body == verdict->body &&
                response->keep_alive == verdict->keep_alive;
    if (!right)
        fail_msg("%s: %.*s\n: ERR_%s, body %d, keep-alive %d", how, SPAN_ARG(verdict->head),
                 err_name(error), error ? -1 : (int)response->body,
                 error ? -1 : response->keep_alive);
}

/* Parses the first `len` bytes from memory of their own. */
static enum err parse_prefix(const struct verdict *verdict, size_t len, size_t *scanned,
                             struct http_response *response)
{
    struct arena arena;
    struct err_text why = {0};
    size_t head_len = 0;
    arena_init(&arena, 4096, 1 << 20);
    char *copy = heap_copy(span_first(verdict->head, len));
    enum err error = h1_parse_response(span_make(copy, len), &test_limits, &arena, scanned,
                                       verdict->method, response, &head_len, &why);
    if (error == ERR_OK)
        assert_int_equal(head_len, verdict->head.len);
    free(copy);
    arena_finish(&arena);
    return error;
}

static void each_head_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        struct http_response response = {0};
        size_t scanned = 0;
        check(&verdicts[i],
              parse_prefix(&verdicts[i], verdicts[i].head.len, &scanned, &response), &response,
              "whole");
    }
}

static void a_trickling_head_has_the_same_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        struct http_response response = {0};
        size_t scanned = 0;
        enum err error = ERR_AGAIN;
        for (size_t len = 1; len <= verdicts[i].head.len && error == ERR_AGAIN; len++)
            error = parse_prefix(&verdicts[i], len, &scanned, &response);
        check(&verdicts[i], error, &response, "byte by byte");
    }
}

static void a_response_is_taken_apart(void **state)
{
    (void)state;
    struct span text = SPAN("HTTP/1.1 418 I'm a teapot\r\nServer: x\r\n"
                            "Content-Length: 3\r\n\r\nabc");
    struct http_response response;
    struct arena arena;
    size_t scanned = 0, head_len;
    arena_init(&arena, 4096, 1 << 20);
    char *first = heap_copy(text);
    assert_err(h1_parse_response(span_make(first, text.len), &test_limits, &arena, &scanned,
                                 HTTP_METHOD_GET, &response, &head_len, NULL), ERR_OK);
    char *second = heap_copy(text);
    h1_response_rebase(&response, first, text.len, second);
    free(first);
    assert_int_equal(head_len, text.len - 3);
    assert_int_equal(response.status, 418);
    assert_span(response.reason, "I'm a teapot");
    assert_int_equal(response.content_length, 3);
    assert_int_equal(response.fields.count, 2);
    assert_span(response.fields.items[0].name, "Server");
    assert_int_equal(response.fields.items[0].id, HTTP_FIELD_SERVER);
    free(second);
    arena_finish(&arena);
}

static void a_head_beyond_the_limit_is_told(void **state)
{
    (void)state;
    struct h1_limits limits = {.head_bytes = 32, .field_count = 1};
    struct http_response response;
    struct arena arena;
    struct err_text why = {0};
    size_t scanned = 0, head_len;
    arena_init(&arena, 4096, 1 << 20);
    assert_err(h1_parse_response(SPAN("HTTP/1.1 200 OK\r\nA: 3456789012345678901\r\n\r\n"), &limits,
                                 &arena, &scanned, HTTP_METHOD_GET, &response, &head_len, &why),
               ERR_LIMIT);
    assert_true(why.text[0] != '\0');
    scanned = 0;
    assert_err(h1_parse_response(SPAN("HTTP/1.1 200 OK\r\nA:\r\nB:\r\n\r\n"), &limits, &arena,
                                 &scanned, HTTP_METHOD_GET, &response, &head_len, &why),
               ERR_LIMIT);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_head_has_its_verdict),
        cmocka_unit_test(a_trickling_head_has_the_same_verdict),
        cmocka_unit_test(a_response_is_taken_apart),
        cmocka_unit_test(a_head_beyond_the_limit_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
