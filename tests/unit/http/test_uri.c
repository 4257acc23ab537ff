/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * URLs, authorities, paths and queries. The dot segments of RFC 3986 §5.4 are
 * among the vectors.
 */
#include "core/http/uri.h"
#include "h1_help.h"

static void urls_are_taken_apart(void **state)
{
    (void)state;
    struct uri uri;
    assert_err(uri_parse(SPAN("http://10.0.0.1:8080/base/?x=1"), &uri), ERR_OK);
    assert_span(uri.scheme, "http");
    assert_span(uri.host, "10.0.0.1");
    assert_int_equal(uri.port, 8080);
    assert_span(uri.authority, "10.0.0.1:8080");
    assert_span(uri.path, "/base/");
    assert_span(uri.query, "x=1");
    assert_err(uri_parse(SPAN("HTTPS://Example.org"), &uri), ERR_OK);
    assert_span(uri.scheme, "https");
    assert_span(uri.host, "Example.org");
    assert_int_equal(uri.port, 443);
    assert_span(uri.path, "");
    assert_null(uri.query.ptr);
    assert_err(uri_parse(SPAN("http://[::1]:9?q"), &uri), ERR_OK);
    assert_span(uri.host, "::1");
    assert_int_equal(uri.port, 9);
    assert_span(uri.query, "q");
    assert_err(uri_parse(SPAN("h2c://a"), &uri), ERR_OK);
    assert_span(uri.scheme, "h2c");
    assert_int_equal(uri.port, 80);
    assert_err(uri_parse(SPAN("fcgi://a"), &uri), ERR_OK);
    assert_int_equal(uri.port, 0);
}

static void bad_urls_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "a", "a:80", "/path", "http:", "http:/a", "http://", "http:///p", "://a", "1http://a",
        "ht tp://a", "http://a b", "http://u@a", "http://u:p@a/", "http://a#f", "http://a/x#f",
        "http://a:99999", "http://a:x", "http://a:0", "http://[::1", "http://[1.2.3.4]",
        "http://::1", "http://a%62", "http://a/\x7f", "http://a/\xc3\xa9", "http://a\\b",
        "http://[v1.x]/", "http://[fe80::1%25eth0]/",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct uri uri = {.port = 7};
        if (uri_parse(span_cstr(bad[i]), &uri) != ERR_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(uri.port, 7);
    }
}

static void authorities_are_normalised(void **state)
{
    (void)state;
    struct arena arena;
    struct span host;
    uint16_t port;
    arena_init(&arena, 256, 4096);
    assert_err(uri_parse_authority(SPAN("ExAmple.ORG.:443"), &arena, &host, &port), ERR_OK);
    assert_span(host, "example.org");
    assert_int_equal(port, 443);
    struct span lower = SPAN("example.org");
    assert_err(uri_parse_authority(lower, &arena, &host, &port), ERR_OK);
    assert_ptr_equal(host.ptr, lower.ptr);
    assert_int_equal(port, 0);
    assert_err(uri_parse_authority(SPAN("[2001:DB8::A]"), &arena, &host, &port), ERR_OK);
    assert_span(host, "2001:db8::a");
    assert_err(uri_parse_authority(SPAN("a_b-c.d:"), &arena, &host, &port), ERR_OK);
    assert_span(host, "a_b-c.d");
    char longest[257];
    memset(longest, 'a', sizeof(longest));
    assert_err(uri_parse_authority(span_make(longest, 255), &arena, &host, &port), ERR_OK);
    assert_err(uri_parse_authority(span_make(longest, 256), &arena, &host, &port), ERR_SYNTAX);
    assert_err(uri_parse_authority(SPAN(""), &arena, &host, &port), ERR_SYNTAX);
    arena_finish(&arena);
}

/* Calls one of the two decoders. */
static void expect_decoded(bool routing, const char *text, const char *expected)
{
    struct arena arena;
    struct span out = SPAN("untouched");
    arena_init(&arena, 256, 4096);
    enum err error = routing ? uri_routing_path(span_cstr(text), &arena, &out)
                             : uri_decode(span_cstr(text), &arena, &out);
    assert_err(error, expected ? ERR_OK : ERR_SYNTAX);
    assert_span(out, expected ? expected : "untouched");
    arena_finish(&arena);
}

static void escapes_are_decoded(void **state)
{
    (void)state;
    expect_decoded(false, "/a%20b%2Fc%2fd+", "/a b/c/d+");
    expect_decoded(false, "%41%e2%82%ac", "A\xe2\x82\xac");
    expect_decoded(false, "/plain", "/plain");
    expect_decoded(false, "/%", NULL);
    expect_decoded(false, "/%4", NULL);
    expect_decoded(false, "/%4g", NULL);
    expect_decoded(false, "/%%41", NULL);
}

static void the_routing_path_keeps_reserved_escapes(void **state)
{
    (void)state;
    expect_decoded(true, "/a%20b", "/a b");
    expect_decoded(true, "/a%2fb%2F", "/a%2Fb%2F");
    expect_decoded(true, "/%3a%3F%23%5b%5D%40%21%24%26%27%28%29%2a%2B%2c%3B%3d%25",
                   "/%3A%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25");
    expect_decoded(true, "/%2e%2e/%7e%61", "/../~a");
    expect_decoded(true, "/%zz", NULL);
}

static void paths_are_sanitised(void **state)
{
    (void)state;
    static const struct {
        const char *path, *expected;
    } rows[] = {
        {"/", "/"}, {"/a", "/a"}, {"/a/", "/a/"}, {"//", "/"}, {"///a//b///", "/a/b/"},
        {"/a/./b", "/a/b"}, {"/a/../b", "/b"}, {"/../../a", "/a"}, {"/a/b/c/./../../g", "/a/g"},
        {"/a/b/..", "/a"}, {"/a/b/../", "/a/"}, {"/a/.", "/a"}, {"/a/./", "/a/"}, {"/.", "/"},
        {"/..", "/"}, {"/../", "/"}, {"/a/%2e%2e/b", "/b"}, {"/a/.%2E/b", "/b"},
        {"/a/%2e/b", "/a/b"}, {"/a/...", "/a/..."}, {"/.a/..b/c..", "/.a/..b/c.."},
        {"/a/%2e%2e%2e", "/a/%2e%2e%2e"}, {"/a%2f../b", "/a%2f../b"},
        {"/a%2F%2e%2e", "/a%2F%2e%2e"},
        {"/%41//b", "/%41/b"}, {"*", "*"}, {"", ""}, {"/a;b/../c", "/c"}, {"/a/..%00", "/a/..%00"},
    };
    struct arena arena;
    arena_init(&arena, 256, 1 << 16);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span out, path = span_cstr(rows[i].path);
        assert_err(uri_sanitize_path(path, &arena, &out), ERR_OK);
        assert_span(out, rows[i].expected);
        if (strcmp(rows[i].path, rows[i].expected) == 0)
            assert_ptr_equal(out.ptr, path.ptr);
    }
    arena_finish(&arena);
}

static void encoded_characters_are_found(void **state)
{
    (void)state;
    assert_int_equal(uri_encoded_characters(SPAN("/a/b%20c")), 0);
    assert_int_equal(uri_encoded_characters(SPAN("/%2f")), 1);
    assert_int_equal(uri_encoded_characters(SPAN("/%5C")), 2);
    assert_int_equal(uri_encoded_characters(SPAN("/%00")), 4);
    assert_int_equal(uri_encoded_characters(SPAN("/%3b")), 8);
    assert_int_equal(uri_encoded_characters(SPAN("/%25")), 16);
    assert_int_equal(uri_encoded_characters(SPAN("/%3F")), 32);
    assert_int_equal(uri_encoded_characters(SPAN("/%23")), 64);
    assert_int_equal(uri_encoded_characters(SPAN("%2F%5c%00%3B%25%3f%23%41")), 127);
    assert_int_equal(uri_encoded_characters(SPAN("/%2")), 0);
    assert_int_equal(uri_encoded_characters(SPAN("/%")), 0);
}

static void queries_are_split_into_pairs(void **state)
{
    (void)state;
    struct span rest = SPAN("a=1&&b&=c&d=e=f&"), key, value;
    static const char *const expected[] = {"a", "1", "b", "", "", "c", "d", "e=f"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(uri_query_next(&rest, &key, &value));
        assert_span(key, expected[2 * i]);
        assert_span(value, expected[2 * i + 1]);
    }
    assert_false(uri_query_next(&rest, &key, &value));
    rest = SPAN_EMPTY;
    assert_false(uri_query_next(&rest, &key, &value));
}

static void query_values_are_compared_decoded(void **state)
{
    (void)state;
    assert_true(uri_query_equal(SPAN("a+b%2b%C3%a9"), SPAN("a b+\xc3\xa9")));
    assert_true(uri_query_equal(SPAN(""), SPAN("")));
    assert_false(uri_query_equal(SPAN("a"), SPAN("ab")));
    assert_false(uri_query_equal(SPAN("ab"), SPAN("a")));
    assert_false(uri_query_equal(SPAN("%4"), SPAN("%4")));
    assert_false(uri_query_equal(SPAN("%zz"), SPAN("%zz")));
    char out[16];
    size_t len;
    assert_true(uri_query_decode(SPAN("%41+%00b"), out, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(out, "A \0b", 4);
    assert_false(uri_query_decode(SPAN("a%"), out, &len));
}

static void targets_hold_printable_ascii_only(void **state)
{
    (void)state;
    char text[40];
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, 'a', sizeof(text));
            text[at] = (char)byte;
            bool clean = byte > 0x20 && byte < 0x7f;
            assert_int_equal(uri_target_is_clean(span_make(text, sizeof(text))), clean);
        }
    }
    assert_true(uri_target_is_clean(SPAN_EMPTY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(bad_urls_are_refused),
        cmocka_unit_test(authorities_are_normalised),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(the_routing_path_keeps_reserved_escapes),
        cmocka_unit_test(paths_are_sanitised),
        cmocka_unit_test(encoded_characters_are_found),
        cmocka_unit_test(queries_are_split_into_pairs),
        cmocka_unit_test(query_values_are_compared_decoded),
        cmocka_unit_test(targets_hold_printable_ascii_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
