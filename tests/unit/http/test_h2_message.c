/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP/2's heads become the messages that the rest of Weir knows, or are refused. */
#include "h1_help.h"

#include "core/base/limits.h"
#include "core/http/h2.h"

struct field {
    const char *name, *value;
};

struct heading {
    const char *method, *scheme, *authority, *path, *protocol;
    struct field fields[6];
    bool more; /* the stream goes on */
};

static struct arena arena;
static struct http_request request;
static struct err_text why;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    request = (struct http_request){0};
    why.text[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct span text_of(const char *text)
{
    return text == NULL ? SPAN_EMPTY : span_cstr(text);
}

static void make_head(const struct heading *heading, struct h2_head *head)
{
    *head = (struct h2_head){
        .method = text_of(heading->method),
        .scheme = text_of(heading->scheme),
        .authority = text_of(heading->authority),
        .path = text_of(heading->path),
        .protocol = text_of(heading->protocol),
    };
    http_fields_init(&head->fields, &arena);
    for (size_t i = 0; i < 6 && heading->fields[i].name != NULL; i++)
        assert_err(http_fields_add(&head->fields, span_cstr(heading->fields[i].name),
                                   span_cstr(heading->fields[i].value)),
                   ERR_OK);
}

/* The status of the refusal; 0: accepted. */
static uint16_t verdict(struct heading heading)
{
    struct h2_head head;
    uint16_t status = 0;
    make_head(&heading, &head);
    enum err error =
        h2_read_request(&head, !heading.more, LIMIT_HEADERS, &arena, &request, &status, &why);
    if (error != ERR_OK)
        assert_true(why.text[0] != '\0' && status != 0);
    return error == ERR_OK ? 0 : status;
}

#define GET(...) ((struct heading){"GET", "https", "a.test", "/", NULL, {__VA_ARGS__}, false})
#define POST(...) ((struct heading){"POST", "https", "a.test", "/", NULL, {__VA_ARGS__}, true})

static struct span value_of(const char *name)
{
    const struct http_field *field = http_fields_find(&request.fields, span_cstr(name));
    return field == NULL ? SPAN_EMPTY : field->value;
}

static void a_request_is_read(void **state)
{
    (void)state;
    struct heading heading = GET({"cookie", "a=1"}, {"x-y", "z"}, {"cookie", "b=2"});
    heading.authority = "A.Test:8443";
    heading.path = "/p/q?r=s?t";
    assert_int_equal(verdict(heading), 0);
    assert_span(request.host, "a.test");
    assert_span(request.authority, "A.Test:8443");
    assert_span(request.path, "/p/q");
    assert_span(request.query, "r=s?t");
    assert_span(value_of("host"), "A.Test:8443");
    assert_span(value_of("cookie"), "a=1; b=2");
    assert_int_equal(request.fields.count, 3);
    assert_int_equal(request.version, HTTP_2);
    assert_int_equal(request.body, HTTP_BODY_NONE);
}

static void bodies_are_framed_by_length_or_chunks(void **state)
{
    (void)state;
    assert_int_equal(verdict(POST({"content-length", "5"})), 0);
    assert_int_equal(request.body, HTTP_BODY_LENGTH);
    assert_int_equal(request.content_length, 5);
    assert_int_equal(verdict(POST({"x", "y"})), 0);
    assert_int_equal(request.body, HTTP_BODY_CHUNKED);
    assert_int_equal(verdict(GET({"content-length", "0"})), 0);
    assert_int_equal(request.body, HTTP_BODY_LENGTH);
    assert_int_equal(verdict(POST({"expect", "100-continue"})), 0);
    assert_true(request.expect_continue);
}

static void hosts_must_be_one(void **state)
{
    (void)state;
    struct heading heading = GET({"host", "A.TEST"});
    assert_int_equal(verdict(heading), 0);
    heading.fields[0].value = "b.test";
    assert_int_equal(verdict(heading), 400);
    heading.authority = NULL;
    assert_int_equal(verdict(heading), 0);
    assert_span(request.host, "b.test");
    heading.fields[1] = (struct field){"host", "b.test"};
    assert_int_equal(verdict(heading), 400);
    heading.fields[0].name = NULL;
    assert_int_equal(verdict(heading), 400);
    heading.authority = "user@a.test";
    assert_int_equal(verdict(heading), 400);
    heading.authority = "a.test:99999";
    assert_int_equal(verdict(heading), 400);
}

static void fields_that_would_smuggle_are_refused(void **state)
{
    (void)state;
    static const struct field bad[] = {
        {"connection", "x"}, {"keep-alive", "timeout=5"}, {"proxy-connection", "close"},
        {"transfer-encoding", "chunked"}, {"upgrade", "h2c"}, {"te", "gzip"},
        {"X-Upper", "y"}, {"x y", "z"}, {"x:", "z"}, {"", "z"}, {"x", "a\nb"}, {"x", "a\rb"},
        {"x", " padded"}, {"x", "padded\t"}, {"content-length", "+5"},
        {"content-length", "5, 5"}, {"content-length", ""}, {"content-length", "0x5"},
        {"content-length", "18446744073709551616"}, {"content-length", "9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (verdict(POST(bad[i])) != 400)
            fail_msg("%s: %s was accepted", bad[i].name, bad[i].value);
    }
    assert_int_equal(verdict(POST({"te", "trailers"})), 0);
    assert_int_equal(verdict(POST({"content-length", "5"}, {"content-length", "5"})), 400);
    assert_int_equal(verdict(GET({"content-length", "5"})), 400);
    assert_int_equal(verdict(POST({"expect", "miracles"})), 417);
}

static void start_lines_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct heading bad[] = {
        {"GE T", "https", "a.test", "/", NULL, {{0}}, false},
        {"", "https", "a.test", "/", NULL, {{0}}, false},
        {"GET", "ftp", "a.test", "/", NULL, {{0}}, false},
        {"GET", NULL, "a.test", "/", NULL, {{0}}, false},
        {"GET", "https", "a.test", NULL, NULL, {{0}}, false},
        {"GET", "https", "a.test", "", NULL, {{0}}, false},
        {"GET", "https", "a.test", "x", NULL, {{0}}, false},
        {"GET", "https", "a.test", "*", NULL, {{0}}, false},
        {"GET", "https", "a.test", "/a b", NULL, {{0}}, false},
        {"GET", "https", "a.test", "/a\r\nX: y", NULL, {{0}}, false},
        {"GET", "https", "a.test", "/a#b", NULL, {{0}}, false},
        {"GET", "https", "a.test", "http://b.test/", NULL, {{0}}, false},
        {"GET", "https", "a.test", "/", "websocket", {{0}}, true},
        {"CONNECT", "https", "a.test:443", "/", NULL, {{0}}, true},
        {"CONNECT", "https", "a.test", NULL, "websocket", {{0}}, true},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (verdict(bad[i]) != 400)
            fail_msg("case %zu was accepted", i);
    }
    struct heading options = {"OPTIONS", "https", "a.test", "*", NULL, {{0}}, false};
    assert_int_equal(verdict(options), 0);
    assert_span(request.path, "*");
}

static void an_extended_connect_is_the_get_it_stands_for(void **state)
{
    (void)state;
    struct heading heading = {"CONNECT", "https", "a.test", "/ws?x", "websocket",
                              {{"sec-websocket-version", "13"}}, true};
    assert_int_equal(verdict(heading), 0);
    assert_int_equal(request.method, HTTP_METHOD_GET);
    assert_span(request.method_text, "GET");
    assert_true(request.upgrade);
    assert_span(value_of("upgrade"), "websocket");
    assert_span(value_of("connection"), "Upgrade");
    assert_int_equal(request.body, HTTP_BODY_NONE);
    heading.protocol = "connect-udp";
    assert_int_equal(verdict(heading), 501);
    heading.protocol = "websocket";
    heading.fields[0] = (struct field){"content-length", "3"};
    assert_int_equal(verdict(heading), 400);
}

static void heads_that_are_too_large_are_431(void **state)
{
    (void)state;
    struct heading heading = GET({"a", "b"}, {"c", "d"});
    struct h2_head head;
    uint16_t status = 0;
    make_head(&heading, &head);
    assert_err(h2_read_request(&head, true, 1, &arena, &request, &status, &why), ERR_LIMIT);
    assert_int_equal(status, 431);
    head.too_large = true;
    assert_err(h2_read_request(&head, true, 10, &arena, &request, &status, &why), ERR_LIMIT);
}

/* ---- responses ---- */

static enum err respond(uint16_t status, struct field field, bool end, enum http_method method,
                        struct http_response *out)
{
    struct h2_head head = {.status = status};
    http_fields_init(&head.fields, &arena);
    if (field.name != NULL)
        assert_err(http_fields_add(&head.fields, span_cstr(field.name), span_cstr(field.value)),
                   ERR_OK);
    return h2_read_response(&head, end, method, out, &why);
}

static void responses_are_framed_for_any_version(void **state)
{
    (void)state;
    struct http_response out;
    struct field none = {0}, five = {"content-length", "5"};
    assert_err(respond(200, none, false, HTTP_METHOD_GET, &out), ERR_OK);
    assert_int_equal(out.body, HTTP_BODY_CHUNKED);
    assert_err(respond(200, five, false, HTTP_METHOD_GET, &out), ERR_OK);
    assert_int_equal(out.body, HTTP_BODY_LENGTH);
    /* Nothing follows, which HTTP/1 must be told. */
    assert_err(respond(200, none, true, HTTP_METHOD_GET, &out), ERR_OK);
    assert_int_equal(out.body, HTTP_BODY_LENGTH);
    assert_int_equal(out.content_length, 0);
    assert_err(respond(200, five, true, HTTP_METHOD_HEAD, &out), ERR_OK);
    assert_int_equal(out.body, HTTP_BODY_NONE);
    assert_err(respond(204, none, true, HTTP_METHOD_GET, &out), ERR_OK);
    assert_int_equal(out.body, HTTP_BODY_NONE);
    assert_err(respond(103, none, false, HTTP_METHOD_GET, &out), ERR_OK);
}

static void malformed_responses_are_refused(void **state)
{
    (void)state;
    struct http_response out;
    struct field none = {0};
    assert_err(respond(101, none, false, HTTP_METHOD_GET, &out), ERR_SYNTAX);
    assert_err(respond(99, none, false, HTTP_METHOD_GET, &out), ERR_SYNTAX);
    assert_err(respond(103, none, true, HTTP_METHOD_GET, &out), ERR_SYNTAX);
    assert_err(respond(200, (struct field){"content-length", "5"}, true, HTTP_METHOD_GET, &out),
               ERR_SYNTAX);
    assert_err(respond(200, (struct field){"transfer-encoding", "chunked"}, false,
                       HTTP_METHOD_GET, &out), ERR_SYNTAX);
    assert_err(respond(200, (struct field){"x", "a\r\nb"}, false, HTTP_METHOD_GET, &out),
               ERR_SYNTAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_read),
        TEST(bodies_are_framed_by_length_or_chunks),
        TEST(hosts_must_be_one),
        TEST(fields_that_would_smuggle_are_refused),
        TEST(start_lines_that_are_none_are_refused),
        TEST(an_extended_connect_is_the_get_it_stands_for),
        TEST(heads_that_are_too_large_are_431),
        TEST(responses_are_framed_for_any_version),
        TEST(malformed_responses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
