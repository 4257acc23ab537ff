/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parser says about a request that it accepts, its limits, and that a
 * request survives being moved.
 */
#include "h1_help.h"

struct fixture {
    struct arena arena;
    struct http_request request;
    size_t head_len;
    uint16_t status;
    struct err_text why;
};

static enum err parse_with(struct fixture *f, const char *text, const struct h1_limits *limits)
{
    size_t scanned = 0;
    return h1_parse_request(span_cstr(text), limits, &f->arena, &scanned, &f->request,
                            &f->head_len, &f->status, &f->why);
}

static void parse(struct fixture *f, const char *text)
{
    enum err error = parse_with(f, text, &test_limits);
    if (error != ERR_OK)
        fail_msg("ERR_%s: %s", err_name(error), f->why.text);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, 4096, 1 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_finish(&f->arena);
    free(f);
    return 0;
}

static void a_request_is_taken_apart(void **state)
{
    struct fixture *f = *state;
    parse(f, "PUT /a/b%20c?x=1&y HTTP/1.1\r\nHost: WWW.Example.COM.:8443\r\nX-Own:  v w \r\n"
             "Content-Length: 12\r\n\r\nrest");
    assert_int_equal(f->request.method, HTTP_METHOD_PUT);
    assert_int_equal(f->request.version, HTTP_1_1);
    assert_span(f->request.method_text, "PUT");
    assert_span(f->request.target, "/a/b%20c?x=1&y");
    assert_span(f->request.path, "/a/b%20c");
    assert_span(f->request.query, "x=1&y");
    assert_span(f->request.authority, "WWW.Example.COM.:8443");
    assert_span(f->request.host, "www.example.com");
    assert_int_equal(f->request.fields.count, 3);
    assert_span(f->request.fields.items[1].name, "X-Own");
    assert_span(f->request.fields.items[1].value, "v w");
    assert_int_equal(f->request.fields.items[1].id, HTTP_FIELD_OTHER);
    assert_int_equal(f->request.fields.items[2].id, HTTP_FIELD_CONTENT_LENGTH);
    assert_int_equal(f->request.body, HTTP_BODY_LENGTH);
    assert_int_equal(f->request.content_length, 12);
    assert_true(f->request.keep_alive);
    assert_false(f->request.upgrade);
}

static void a_missing_query_is_not_an_empty_one(void **state)
{
    struct fixture *f = *state;
    parse(f, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_null(f->request.query.ptr);
    parse(f, "GET /a? HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_non_null(f->request.query.ptr);
    assert_int_equal(f->request.query.len, 0);
}

/* RFC 9112 §3.2.2: the target's authority counts, and replaces Host. */
static void absolute_form_overrules_host(void **state)
{
    struct fixture *f = *state;
    parse(f, "GET HTTP://B.example:81/p?q HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_span(f->request.authority, "B.example:81");
    assert_span(f->request.host, "b.example");
    assert_span(f->request.path, "/p");
    assert_span(f->request.query, "q");
    assert_span(http_fields_find_id(&f->request.fields, HTTP_FIELD_HOST)->value, "B.example:81");
    parse(f, "GET http://b.example?q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_span(f->request.path, "/");
    assert_span(f->request.query, "q");
}

/* RFC 9112 §3.2.4. */
static void options_without_path_is_the_asterisk(void **state)
{
    struct fixture *f = *state;
    parse(f, "OPTIONS http://b.example HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_span(f->request.path, "*");
    parse(f, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_span(f->request.path, "*");
    assert_span(f->request.host, "a");
}

static void connect_has_the_target_as_authority(void **state)
{
    struct fixture *f = *state;
    parse(f, "CONNECT Server.example:443 HTTP/1.1\r\nHost: other:1\r\n\r\n");
    assert_int_equal(f->request.method, HTTP_METHOD_CONNECT);
    assert_span(f->request.authority, "Server.example:443");
    assert_span(f->request.host, "server.example");
    assert_span(f->request.path, "/");
}

static void hosts_are_normalised(void **state)
{
    struct fixture *f = *state;
    parse(f, "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n\r\n");
    assert_span(f->request.host, "2001:db8::1");
    assert_span(f->request.authority, "[2001:DB8::1]:80");
    parse(f, "GET / HTTP/1.1\r\nHost:\r\n\r\n");
    assert_span(f->request.host, "");
    parse(f, "GET / HTTP/1.0\r\n\r\n");
    assert_span(f->request.host, "");
    assert_span(f->request.authority, "");
}

static bool keeps_alive(struct fixture *f, const char *version, const char *fields)
{
    char text[512];
    snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: a\r\n%s\r\n", version, fields);
    parse(f, text);
    return f->request.keep_alive;
}

static void connections_persist_as_their_version_says(void **state)
{
    struct fixture *f = *state;
    assert_true(keeps_alive(f, "1.1", ""));
    assert_true(keeps_alive(f, "1.1", "Connection: keep-alive\r\n"));
    assert_false(keeps_alive(f, "1.1", "Connection: close\r\n"));
    assert_false(keeps_alive(f, "1.1", "connection: x,\t CLOSE ,y\r\n"));
    assert_false(keeps_alive(f, "1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    assert_true(keeps_alive(f, "1.1", "Connection: closed\r\n"));
    assert_false(keeps_alive(f, "1.0", ""));
    assert_true(keeps_alive(f, "1.0", "Connection: Keep-Alive\r\n"));
    assert_false(keeps_alive(f, "1.0", "Connection: keep-alive, close\r\n"));
}

static void an_upgrade_needs_both_fields_and_1_1(void **state)
{
    struct fixture *f = *state;
    parse(f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"
             "Upgrade: websocket\r\n\r\n");
    assert_true(f->request.upgrade);
    parse(f, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n");
    assert_false(f->request.upgrade);
    parse(f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n");
    assert_false(f->request.upgrade);
    parse(f, "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_false(f->request.upgrade);
}

/* RFC 9110 §10.1.1: ignored in 1.0, and pointless without a body. */
static void an_expectation_is_noted_where_it_counts(void **state)
{
    struct fixture *f = *state;
    parse(f, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert_true(f->request.expect_continue);
    parse(f, "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert_false(f->request.expect_continue);
    parse(f, "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    assert_false(f->request.expect_continue);
}

static void limits_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct h1_limits limits = {.head_bytes = 64, .field_count = 2};
    char target[200], text[400];
    memset(target, 'a', sizeof(target) - 1);
    target[sizeof(target) - 1] = '\0';
    snprintf(text, sizeof(text), "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    assert_err(parse_with(f, text, &limits), ERR_LIMIT);
    assert_int_equal(f->status, 414);
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", target);
    assert_err(parse_with(f, text, &limits), ERR_LIMIT);
    assert_int_equal(f->status, 431);
    assert_err(parse_with(f, "GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\n\r\n", &limits), ERR_LIMIT);
    assert_int_equal(f->status, 431);
    assert_err(parse_with(f, "GET / HTTP/1.1\r\nHost: a\r\nA:\r\n\r\n", &limits), ERR_OK);
}

/* A head of exactly the limit fits; one byte more does not, however it comes. */
static void the_limit_of_bytes_is_exact(void **state)
{
    struct fixture *f = *state;
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\nX: 123\r\n\r\nbody";
    size_t len = strlen(text) - 4;
    struct h1_limits exact = {.head_bytes = len, .field_count = 9};
    struct h1_limits less = {.head_bytes = len - 1, .field_count = 9};
    assert_err(parse_with(f, text, &exact), ERR_OK);
    assert_int_equal(f->head_len, len);
    assert_err(parse_with(f, text, &less), ERR_LIMIT);
    size_t scanned = 0;
    enum err error = ERR_AGAIN;
    for (size_t n = 1; error == ERR_AGAIN; n++)
        error = h1_parse_request(span_make(text, n), &less, &f->arena, &scanned, &f->request,
                                 &f->head_len, &f->status, &f->why);
    assert_err(error, ERR_LIMIT);
    assert_int_equal(f->status, 431);
}

static void no_more_fields_than_the_ceiling(void **state)
{
    struct fixture *f = *state;
    struct h1_limits limits = {.head_bytes = 1 << 20, .field_count = 100000};
    char text[8192];
    int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 300; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "x-%d: y\r\n", i);
    snprintf(text + len, sizeof(text) - (size_t)len, "\r\n");
    assert_err(parse_with(f, text, &limits), ERR_LIMIT);
    assert_int_equal(f->status, 431);
}

static void more_connection_options_than_are_looked_at_are_refused(void **state)
{
    struct fixture *f = *state;
    char text[2048];
    int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nConnection: x");
    for (int i = 0; i < HTTP_CONNECTION_OPTIONS_MAX; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ",y%d", i);
    snprintf(text + len, sizeof(text) - (size_t)len, "\r\n\r\n");
    assert_err(parse_with(f, text, &test_limits), ERR_SYNTAX);
    assert_int_equal(f->status, 400);
}

static void outputs_are_untouched_on_failure(void **state)
{
    struct fixture *f = *state;
    memset(&f->request, 0x5a, sizeof(f->request));
    f->head_len = 77;
    assert_err(parse_with(f, "GET / HTTP/1.1\r\nBad\r\n\r\n", &test_limits), ERR_SYNTAX);
    assert_int_equal(f->head_len, 77);
    assert_int_equal(f->request.content_length, 0x5a5a5a5a5a5a5a5a);
    f->status = 1234;
    assert_err(parse_with(f, "GET / HTTP", &test_limits), ERR_AGAIN);
    assert_int_equal(f->status, 1234);
}

static void a_request_survives_being_moved(void **state)
{
    struct fixture *f = *state;
    struct span text = SPAN("GET http://b.example:1/p?q=1 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
    size_t scanned = 0;
    char *first = heap_copy(text);
    assert_err(h1_parse_request(span_make(first, text.len), &test_limits, &f->arena, &scanned,
                                &f->request, &f->head_len, &f->status, &f->why), ERR_OK);
    char *second = heap_copy(text);
    h1_request_rebase(&f->request, first, text.len, second);
    free(first);
    assert_span(f->request.method_text, "GET");
    assert_span(f->request.target, "http://b.example:1/p?q=1");
    assert_span(f->request.path, "/p");
    assert_span(f->request.query, "q=1");
    assert_span(f->request.authority, "b.example:1");
    assert_span(f->request.host, "b.example");
    assert_span(f->request.fields.items[0].value, "b.example:1");
    assert_span(f->request.fields.items[1].name, "X");
    assert_span(f->request.fields.items[1].value, "y");
    free(second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_taken_apart),
        TEST(a_missing_query_is_not_an_empty_one),
        TEST(absolute_form_overrules_host),
        TEST(options_without_path_is_the_asterisk),
        TEST(connect_has_the_target_as_authority),
        TEST(hosts_are_normalised),
        TEST(connections_persist_as_their_version_says),
        TEST(an_upgrade_needs_both_fields_and_1_1),
        TEST(an_expectation_is_noted_where_it_counts),
        TEST(limits_are_told_apart),
        TEST(the_limit_of_bytes_is_exact),
        TEST(no_more_fields_than_the_ceiling),
        TEST(more_connection_options_than_are_looked_at_are_refused),
        TEST(outputs_are_untouched_on_failure),
        TEST(a_request_survives_being_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
