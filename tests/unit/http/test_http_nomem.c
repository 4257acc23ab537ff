/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fails every allocation in turn: each function says ERR_NOMEM (or does not
 * need the memory), leaks nothing and leaves its outputs alone.
 */
#include "core/http/uri.h"
#include "fail_malloc.h"
#include "h1_help.h"

/* Runs `attempt` with the first, second, … allocation failing until it needs no
 * more; returns how many it took. */
static size_t exhaust(enum err (*attempt)(void))
{
    for (size_t n = 1; n < 1000; n++) {
        fail_malloc_at(n);
        enum err error = attempt();
        bool failed = fail_malloc_happened();
        fail_malloc_at(0);
        if (!failed) {
            assert_err(error, ERR_OK);
            return n - 1;
        }
        assert_err(error, ERR_NOMEM);
    }
    fail_msg("it never ends");
    return 0;
}

static enum err parse_request(void)
{
    struct arena arena;
    struct http_request request = {.content_length = 42};
    struct err_text why;
    char text[4096];
    size_t scanned = 0, head_len = 0;
    uint16_t status = 0;
    int len = snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: WWW.Example.org\r\n");
    for (int i = 0; i < 40; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "x-%d: y\r\n", i);
    len += snprintf(text + len, sizeof(text) - (size_t)len, "Content-Length: 3\r\n\r\n");
    arena_init(&arena, 1, 1 << 20); /* the smallest first block */
    enum err error = h1_parse_request(span_make(text, (size_t)len), &test_limits, &arena, &scanned,
                                      &request, &head_len, &status, &why);
    assert_int_equal(request.content_length, error == ERR_OK ? 3 : 42);
    assert_int_equal(status, error == ERR_OK ? 0 : 503);
    arena_finish(&arena);
    return error;
}

static enum err parse_response(void)
{
    struct arena arena;
    struct http_response response;
    size_t scanned = 0, head_len = 0;
    arena_init(&arena, 1, 1 << 20);
    enum err error = h1_parse_response(SPAN("HTTP/1.1 200 OK\r\nA: b\r\n\r\n"), &test_limits,
                                       &arena, &scanned, HTTP_METHOD_GET, &response, &head_len,
                                       NULL);
    arena_finish(&arena);
    return error;
}

static enum err decode_body(void)
{
    struct arena arena;
    struct h1_body body;
    struct http_fields trailers;
    struct span text = SPAN("5;ext\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n");
    enum err error = ERR_AGAIN;
    arena_init(&arena, 1, 1 << 20);
    http_fields_init(&trailers, &arena);
    h1_body_init(&body, HTTP_BODY_CHUNKED, 0, &test_limits);
    for (size_t i = 0; i < text.len && error == ERR_AGAIN; i++) {
        struct span input = span_make(text.ptr + i, 1), data;
        do {
            error = h1_body_decode(&body, &input, &data, &trailers);
        } while (error == ERR_OK);
    }
    h1_body_finish(&body);
    arena_finish(&arena);
    return error == ERR_CLOSED ? ERR_OK : error;
}

static enum err write_messages(void)
{
    struct buf out;
    struct http_request request = {.method_text = SPAN("GET"), .authority = SPAN("a")};
    struct http_response response = {.status = 200};
    buf_init(&out, 4096);
    enum err error = h1_write_request(&out, &request, SPAN("/"));
    if (error == ERR_OK)
        error = h1_write_response(&out, &response, HTTP_1_1, true);
    if (error == ERR_OK)
        error = h1_write_chunk_start(&out, 1);
    if (error == ERR_OK)
        error = h1_write_last_chunk(&out, NULL);
    buf_finish(&out);
    return error;
}

static enum err convert_uris(void)
{
    struct arena arena;
    struct span out;
    uint16_t port;
    arena_init(&arena, 1, 1 << 20);
    char text[600];
    memset(text, 'a', sizeof(text)); /* every step needs a block of its own */
    memcpy(text, "/%41//", 6);
    struct span path = span_make(text, sizeof(text));
    enum err error = uri_parse_authority(SPAN("EXAMPLE.org"), &arena, &out, &port);
    if (error == ERR_OK)
        error = uri_decode(path, &arena, &out);
    if (error == ERR_OK)
        error = uri_routing_path(path, &arena, &out);
    if (error == ERR_OK)
        error = uri_sanitize_path(path, &arena, &out);
    arena_finish(&arena);
    return error;
}

static void requests_survive(void **state)
{
    (void)state;
    assert_true(exhaust(parse_request) >= 2);
}

static void responses_survive(void **state)
{
    (void)state;
    assert_true(exhaust(parse_response) >= 1);
}

static void bodies_survive(void **state)
{
    (void)state;
    assert_true(exhaust(decode_body) >= 2);
}

static void writers_survive(void **state)
{
    (void)state;
    assert_true(exhaust(write_messages) >= 1);
}

static void uris_survive(void **state)
{
    (void)state;
    assert_true(exhaust(convert_uris) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_survive), cmocka_unit_test(responses_survive),
        cmocka_unit_test(bodies_survive),   cmocka_unit_test(writers_survive),
        cmocka_unit_test(uris_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
