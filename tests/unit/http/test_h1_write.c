/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages going out, byte for byte, and that nothing can be injected.
 */
#include "h1_help.h"

struct fixture {
    struct arena arena;
    struct buf out;
    struct http_request request;
    struct http_response response;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, 4096, 1 << 20);
    buf_init(&f->out, 1 << 16);
    http_fields_init(&f->request.fields, &f->arena);
    http_fields_init(&f->response.fields, &f->arena);
    f->request.method_text = SPAN("GET");
    f->response.status = 200;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    buf_finish(&f->out);
    arena_finish(&f->arena);
    free(f);
    return 0;
}

static void add(struct http_fields *fields, const char *name, const char *value)
{
    assert_err(http_fields_add(fields, span_cstr(name), span_cstr(value)), ERR_OK);
}

static void expect_request(struct fixture *f, const char *target, const char *text)
{
    buf_clear(&f->out);
    assert_err(h1_write_request(&f->out, &f->request, span_cstr(target)), ERR_OK);
    assert_span(buf_span(&f->out), text);
}

static void expect_response(struct fixture *f, enum http_version client, bool keep_alive,
                            const char *text)
{
    buf_clear(&f->out);
    assert_err(h1_write_response(&f->out, &f->response, client, keep_alive), ERR_OK);
    assert_span(buf_span(&f->out), text);
}

static void host_comes_first_and_names_keep_their_case(void **state)
{
    struct fixture *f = *state;
    add(&f->request.fields, "X-oWn", "v");
    add(&f->request.fields, "hOst", "a:1");
    add(&f->request.fields, "accept", "*/*");
    expect_request(f, "/p?q", "GET /p?q HTTP/1.1\r\nhOst: a:1\r\nX-oWn: v\r\naccept: */*\r\n\r\n");
}

static void without_a_host_field_the_authority_is_written(void **state)
{
    struct fixture *f = *state;
    f->request.authority = SPAN("b.example");
    expect_request(f, "/", "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
}

static void framing_of_requests_is_our_own(void **state)
{
    struct fixture *f = *state;
    add(&f->request.fields, "Host", "a");
    add(&f->request.fields, "Content-Length", "99");
    add(&f->request.fields, "Transfer-Encoding", "gzip");
    expect_request(f, "/", "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    f->request.body = HTTP_BODY_LENGTH;
    expect_request(f, "/", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    f->request.content_length = 18446744073709551615u;
    expect_request(f, "/", "GET / HTTP/1.1\r\nHost: a\r\n"
                           "Content-Length: 18446744073709551615\r\n\r\n");
    f->request.body = HTTP_BODY_CHUNKED;
    expect_request(f, "/", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    f->request.body = HTTP_BODY_UNTIL_CLOSE;
    assert_err(h1_write_request(&f->out, &f->request, SPAN("/")), ERR_INVALID);
}

static void framing_of_responses_is_our_own(void **state)
{
    struct fixture *f = *state;
    add(&f->response.fields, "Content-Length", "7");
    add(&f->response.fields, "Connection", "x");
    add(&f->response.fields, "Keep-Alive", "timeout=5");
    f->response.body = HTTP_BODY_LENGTH;
    f->response.content_length = 12;
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
    expect_response(f, HTTP_1_1, false,
                    "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n");
    expect_response(f, HTTP_1_0, true,
                    "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n");
    f->response.body = HTTP_BODY_CHUNKED;
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_err(h1_write_response(&f->out, &f->response, HTTP_1_0, true), ERR_INVALID);
    f->response.body = HTTP_BODY_UNTIL_CLOSE;
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

/* RFC 9110 §8.6: kept for HEAD and 304, never in 1xx and 204. */
static void a_length_without_body_is_passed_on_where_it_may_be(void **state)
{
    struct fixture *f = *state;
    add(&f->response.fields, "Content-Length", "7");
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    add(&f->response.fields, "Content-Length", "8");
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    f->response.status = 304;
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
    f->response.status = 204;
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 204 No Content\r\n\r\n");
    f->response.status = 103;
    expect_response(f, HTTP_1_1, false, "HTTP/1.1 103 Early Hints\r\n\r\n");
}

static void switching_protocols_keeps_its_connection(void **state)
{
    struct fixture *f = *state;
    f->response.status = 101;
    add(&f->response.fields, "Connection", "Upgrade");
    add(&f->response.fields, "Upgrade", "websocket");
    expect_response(f, HTTP_1_1, false, "HTTP/1.1 101 Switching Protocols\r\n"
                                        "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

static void the_reason_is_as_received_or_the_standard_one(void **state)
{
    struct fixture *f = *state;
    f->response.reason = SPAN("Fine");
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 200 Fine\r\n\r\n");
    f->response.reason = SPAN_EMPTY;
    f->response.status = 599;
    expect_response(f, HTTP_1_1, true, "HTTP/1.1 599 \r\n\r\n");
}

static void expect_invalid_field(struct fixture *f, struct span name, struct span value)
{
    buf_clear(&f->out);
    f->request.fields.count = f->response.fields.count = 0;
    f->request.authority = SPAN("a");
    assert_err(http_fields_add(&f->request.fields, name, value), ERR_OK);
    assert_err(http_fields_add(&f->response.fields, name, value), ERR_OK);
    assert_err(h1_write_request(&f->out, &f->request, SPAN("/")), ERR_INVALID);
    assert_err(h1_write_response(&f->out, &f->response, HTTP_1_1, true), ERR_INVALID);
    assert_err(h1_write_last_chunk(&f->out, &f->request.fields), ERR_INVALID);
    assert_int_equal(buf_len(&f->out), 0);
}

static void nothing_is_injected_through_fields(void **state)
{
    struct fixture *f = *state;
    expect_invalid_field(f, SPAN("X"), SPAN("a\r\nY: b"));
    expect_invalid_field(f, SPAN("X"), SPAN("a\nb"));
    expect_invalid_field(f, SPAN("X"), SPAN("a\rb"));
    expect_invalid_field(f, SPAN("X"), SPAN("a\0b"));
    expect_invalid_field(f, SPAN("X"), SPAN("0123456789abcdef0123456789\r\n"));
    expect_invalid_field(f, SPAN("X\r\nY"), SPAN("a"));
    expect_invalid_field(f, SPAN("X:"), SPAN("a"));
    expect_invalid_field(f, SPAN("X Y"), SPAN("a"));
    expect_invalid_field(f, SPAN(""), SPAN("a"));
}

static void nothing_is_injected_through_the_start_line(void **state)
{
    struct fixture *f = *state;
    f->request.authority = SPAN("a");
    assert_err(h1_write_request(&f->out, &f->request, SPAN("/ HTTP/1.1\r\nX: y")), ERR_INVALID);
    assert_err(h1_write_request(&f->out, &f->request, SPAN("/a b")), ERR_INVALID);
    assert_err(h1_write_request(&f->out, &f->request, SPAN("")), ERR_INVALID);
    f->request.method_text = SPAN("GET / HTTP/1.1\r\nX:");
    assert_err(h1_write_request(&f->out, &f->request, SPAN("/")), ERR_INVALID);
    f->request.method_text = SPAN("GET");
    f->request.authority = SPAN("a\r\nX: y");
    assert_err(h1_write_request(&f->out, &f->request, SPAN("/")), ERR_INVALID);
    f->response.reason = SPAN("OK\r\nX: y");
    assert_err(h1_write_response(&f->out, &f->response, HTTP_1_1, true), ERR_INVALID);
    f->response.status = 99;
    assert_err(h1_write_response(&f->out, &f->response, HTTP_1_1, true), ERR_INVALID);
    assert_int_equal(buf_len(&f->out), 0);
}

static void chunks_are_framed(void **state)
{
    struct fixture *f = *state;
    assert_err(h1_write_chunk_start(&f->out, 1), ERR_OK);
    assert_err(h1_write_chunk_start(&f->out, 0xabcdef), ERR_OK);
    assert_err(h1_write_chunk_start(&f->out, SIZE_MAX), ERR_OK);
    assert_err(h1_write_last_chunk(&f->out, NULL), ERR_OK);
    assert_span(buf_span(&f->out), "1\r\nabcdef\r\nffffffffffffffff\r\n0\r\n\r\n");
    buf_clear(&f->out);
    add(&f->response.fields, "X-Sum", "1");
    add(&f->response.fields, "Content-Length", "5");
    assert_err(h1_write_last_chunk(&f->out, &f->response.fields), ERR_OK);
    assert_span(buf_span(&f->out), "0\r\nX-Sum: 1\r\n\r\n");
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    struct fixture *f = *state;
    char memory[40];
    struct buf small;
    buf_init_fixed(&small, memory, sizeof(memory));
    f->request.authority = SPAN("a.very.long.host.name.example");
    assert_err(h1_write_request(&small, &f->request, SPAN("/")), ERR_LIMIT);
    assert_int_equal(buf_len(&small), 0);
}

/* What we write, we read; and the other way round. */
static void a_written_request_parses_as_itself(void **state)
{
    struct fixture *f = *state;
    struct http_request back;
    size_t scanned = 0, head_len;
    uint16_t status;
    f->request.method_text = SPAN("PATCH");
    f->request.body = HTTP_BODY_CHUNKED;
    add(&f->request.fields, "Host", "a.example:8080");
    add(&f->request.fields, "X-Empty", "");
    assert_err(h1_write_request(&f->out, &f->request, SPAN("/x?y")), ERR_OK);
    assert_err(h1_parse_request(buf_span(&f->out), &test_limits, &f->arena, &scanned, &back,
                                &head_len, &status, NULL), ERR_OK);
    assert_int_equal(head_len, buf_len(&f->out));
    assert_int_equal(back.method, HTTP_METHOD_PATCH);
    assert_int_equal(back.body, HTTP_BODY_CHUNKED);
    assert_span(back.host, "a.example");
    assert_span(back.target, "/x?y");
    assert_int_equal(back.fields.count, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(host_comes_first_and_names_keep_their_case),
        TEST(without_a_host_field_the_authority_is_written),
        TEST(framing_of_requests_is_our_own),
        TEST(framing_of_responses_is_our_own),
        TEST(a_length_without_body_is_passed_on_where_it_may_be),
        TEST(switching_protocols_keeps_its_connection),
        TEST(the_reason_is_as_received_or_the_standard_one),
        TEST(nothing_is_injected_through_fields),
        TEST(nothing_is_injected_through_the_start_line),
        TEST(chunks_are_framed),
        TEST(a_full_buffer_is_left_as_it_was),
        TEST(a_written_request_parses_as_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
