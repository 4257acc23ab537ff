/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields: ids of names in any case, order, replacement, and what is taken out
 * between hops.
 */
#include "core/base/limits.h"
#include "h1_help.h"

struct fixture {
    struct arena arena;
    struct http_fields fields;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, 1024, 1 << 20);
    http_fields_init(&f->fields, &f->arena);
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

static void add(struct fixture *f, const char *name, const char *value)
{
    assert_err(http_fields_add(&f->fields, span_cstr(name), span_cstr(value)), ERR_OK);
}

/* "name=value;…" of all fields. */
static void expect(const struct fixture *f, const char *text)
{
    char all[1024] = "";
    size_t len = 0;
    for (size_t i = 0; i < f->fields.count; i++)
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%.*s=%.*s;",
                                SPAN_ARG(f->fields.items[i].name),
                                SPAN_ARG(f->fields.items[i].value));
    assert_string_equal(all, text);
}

static void each_known_name_has_its_id_in_any_case(void **state)
{
    (void)state;
    for (int id = 1; id < HTTP_FIELD_IDS; id++) {
        struct span name = http_field_name((enum http_field_id)id);
        char text[64];
        for (int round = 0; round < 3; round++) {
            for (size_t i = 0; i < name.len; i++) {
                bool upper = round == 1 || (round == 2 && i % 2 == 0);
                bool letter = name.ptr[i] >= 'a' && name.ptr[i] <= 'z';
                text[i] = (char)(upper && letter ? name.ptr[i] - 0x20 : name.ptr[i]);
            }
            assert_int_equal(http_field_id_of(span_make(text, name.len)), id);
        }
        assert_true(span_equal_nocase(name, http_field_wire_name((enum http_field_id)id)));
    }
}

/* One byte changed in any way is another name. */
static void a_name_that_differs_in_a_byte_has_no_id(void **state)
{
    (void)state;
    for (int id = 1; id < HTTP_FIELD_IDS; id++) {
        struct span name = http_field_name((enum http_field_id)id);
        char text[64];
        for (size_t i = 0; i < name.len; i++) {
            for (int byte = 0; byte < 256; byte++) {
                memcpy(text, name.ptr, name.len);
                text[i] = (char)byte;
                struct span changed = span_make(text, name.len);
                bool same = span_equal_nocase(changed, name);
                enum http_field_id found = http_field_id_of(changed);
                assert_true(same ? found == (enum http_field_id)id
                                 : found == HTTP_FIELD_OTHER ||
                                       span_equal_nocase(changed, http_field_name(found)));
            }
        }
        assert_int_equal(http_field_id_of(span_make(name.ptr, name.len - 1)), HTTP_FIELD_OTHER);
    }
    assert_int_equal(http_field_id_of(SPAN("")), HTTP_FIELD_OTHER);
    assert_int_equal(http_field_id_of(SPAN("x")), HTTP_FIELD_OTHER);
}

static void set_replaces_all_in_the_place_of_the_first(void **state)
{
    struct fixture *f = *state;
    add(f, "A", "1");
    add(f, "Host", "a");
    add(f, "a", "2");
    add(f, "HOST", "b");
    assert_err(http_fields_set_id(&f->fields, HTTP_FIELD_HOST, SPAN("c")), ERR_OK);
    assert_err(http_fields_set(&f->fields, SPAN("a"), SPAN("3")), ERR_OK);
    expect(f, "A=3;Host=c;");
    assert_err(http_fields_set_id(&f->fields, HTTP_FIELD_X_FORWARDED_FOR, SPAN("d")), ERR_OK);
    assert_err(http_fields_set(&f->fields, SPAN("B"), SPAN("4")), ERR_OK);
    expect(f, "A=3;Host=c;X-Forwarded-For=d;B=4;");
    assert_err(http_fields_set(&f->fields, SPAN("x-forwarded-for"), SPAN("e")), ERR_OK);
    expect(f, "A=3;Host=c;X-Forwarded-For=e;B=4;");
}

static void removing_keeps_the_order(void **state)
{
    struct fixture *f = *state;
    add(f, "A", "1");
    add(f, "Cookie", "x");
    add(f, "B", "2");
    add(f, "cookie", "y");
    add(f, "a", "3");
    http_fields_remove_id(&f->fields, HTTP_FIELD_COOKIE);
    expect(f, "A=1;B=2;a=3;");
    http_fields_remove(&f->fields, SPAN("A"));
    expect(f, "B=2;");
    http_fields_remove(&f->fields, SPAN("none"));
    expect(f, "B=2;");
    assert_null(http_fields_find(&f->fields, SPAN("a")));
    assert_span(http_fields_find(&f->fields, SPAN("b"))->value, "2");
    assert_null(http_fields_find_id(&f->fields, HTTP_FIELD_HOST));
}

static void tokens_are_found_in_lists(void **state)
{
    struct fixture *f = *state;
    add(f, "Connection", "a, B ,,\tclose");
    add(f, "Connection", "x");
    struct http_fields *fields = &f->fields;
    assert_true(http_fields_has_token(fields, HTTP_FIELD_CONNECTION, SPAN("b")));
    assert_true(http_fields_has_token(fields, HTTP_FIELD_CONNECTION, SPAN("CLOSE")));
    assert_true(http_fields_has_token(fields, HTTP_FIELD_CONNECTION, SPAN("x")));
    assert_false(http_fields_has_token(fields, HTTP_FIELD_CONNECTION, SPAN("clo")));
    assert_false(http_fields_has_token(fields, HTTP_FIELD_UPGRADE, SPAN("a")));
}

static void hop_by_hop_fields_end_here(void **state)
{
    struct fixture *f = *state;
    add(f, "Connection", "x-hop, Keep-Alive");
    add(f, "X-Hop", "1");
    add(f, "X-End", "2");
    add(f, "Keep-Alive", "timeout=5");
    add(f, "Proxy-Connection", "keep-alive");
    add(f, "TE", "gzip");
    add(f, "Upgrade", "h2c");
    add(f, "HTTP2-Settings", "x");
    add(f, "Proxy-Authorization", "x");
    add(f, "Transfer-Encoding", "chunked");
    add(f, "Trailer", "X-Sum");
    add(f, "connection", "X-Other");
    add(f, "x-other", "3");
    http_fields_remove_hop_by_hop(&f->fields);
    expect(f, "X-End=2;Transfer-Encoding=chunked;Trailer=X-Sum;");
}

static void te_trailers_survives(void **state)
{
    struct fixture *f = *state;
    add(f, "Connection", "TE");
    add(f, "TE", "gzip;q=0.5, Trailers");
    add(f, "TE", "trailers");
    http_fields_remove_hop_by_hop(&f->fields);
    expect(f, "TE=trailers;");
}

static void what_frames_routes_or_authenticates_may_not_trail(void **state)
{
    (void)state;
    static const char *const forbidden[] = {
        "Content-Length", "transfer-encoding", "HOST", "Authorization", "Cookie", "Set-Cookie",
        "X-Forwarded-For", "Trailer", "TE", "Expect", "Content-Type", "content-range", "If-Match",
        "Range", "Cache-Control", "Max-Forwards", "WWW-Authenticate", "Connection", "Upgrade",
    };
    static const char *const allowed[] = {"grpc-status", "X-Sum", "Server-Timing", "ETag",
                                          "Content", "Ranges", "Digest"};
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        struct span name = span_cstr(forbidden[i]);
        assert_false(http_field_may_trail(http_field_id_of(name), name));
    }
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        struct span name = span_cstr(allowed[i]);
        assert_true(http_field_may_trail(http_field_id_of(name), name));
    }
}

static void connection_cannot_strip_what_protects(void **state)
{
    struct fixture *f = *state;
    add(f, "Connection", "host, x-forwarded-for, x-forwarded-proto, x-real-ip, forwarded, "
                         "content-length, transfer-encoding, cookie, "
                         "x-forwarded-tls-client-cert-info");
    add(f, "Host", "a");
    add(f, "X-Forwarded-For", "1");
    add(f, "X-Forwarded-Proto", "2");
    add(f, "X-Real-Ip", "3");
    add(f, "Forwarded", "4");
    add(f, "Content-Length", "5");
    add(f, "X-Forwarded-Tls-Client-Cert-Info", "6");
    add(f, "Cookie", "7");
    http_fields_remove_hop_by_hop(&f->fields);
    expect(f, "Host=a;X-Forwarded-For=1;X-Forwarded-Proto=2;X-Real-Ip=3;Forwarded=4;"
              "Content-Length=5;X-Forwarded-Tls-Client-Cert-Info=6;");
}

static void what_connection_names_goes_before_the_rest(void **state)
{
    struct fixture *f = *state;
    static const struct span kept[] = {{"X-Kept", 6}, {"x-none", 6}};
    add(f, "Connection", "x-hop, x-kept, upgrade, te, keep-alive, x-forwarded-for");
    add(f, "X-Hop", "1");
    add(f, "x-kept", "2");
    add(f, "X-End", "3");
    add(f, "Upgrade", "websocket");
    add(f, "TE", "trailers");
    add(f, "Keep-Alive", "timeout=5");
    add(f, "X-Forwarded-For", "4");
    http_fields_remove_named_by_connection(&f->fields, kept, 2);
    expect(f, "Connection=x-hop, x-kept, upgrade, te, keep-alive, x-forwarded-for;x-kept=2;"
              "X-End=3;Upgrade=websocket;TE=trailers;Keep-Alive=timeout=5;X-Forwarded-For=4;");
    http_fields_remove_hop_by_hop(&f->fields);
    expect(f, "X-End=3;TE=trailers;X-Forwarded-For=4;");
}

static void there_is_a_ceiling(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < LIMIT_HEADERS; i++)
        add(f, "a", "b");
    assert_err(http_fields_add(&f->fields, SPAN("a"), SPAN("b")), ERR_LIMIT);
    assert_err(http_fields_reserve(&f->fields, LIMIT_HEADERS + 1), ERR_LIMIT);
    assert_int_equal(f->fields.count, LIMIT_HEADERS);
}

static void what_is_reserved_moves_nothing(void **state)
{
    struct fixture *f = *state;
    add(f, "a", "b");
    assert_err(http_fields_reserve(&f->fields, 100), ERR_OK);
    const struct http_field *items = f->fields.items;
    for (int i = 0; i < 99; i++)
        assert_err(http_fields_add_id(&f->fields, HTTP_FIELD_COOKIE, SPAN("c")), ERR_OK);
    assert_ptr_equal(f->fields.items, items);
    assert_span(f->fields.items[0].name, "a");
    assert_span(f->fields.items[99].name, "Cookie");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_known_name_has_its_id_in_any_case),
        TEST(a_name_that_differs_in_a_byte_has_no_id),
        TEST(set_replaces_all_in_the_place_of_the_first),
        TEST(removing_keeps_the_order),
        TEST(tokens_are_found_in_lists),
        TEST(hop_by_hop_fields_end_here),
        TEST(what_connection_names_goes_before_the_rest),
        TEST(te_trailers_survives),
        TEST(what_frames_routes_or_authenticates_may_not_trail),
        TEST(connection_cannot_strip_what_protects),
        TEST(there_is_a_ceiling),
        TEST(what_is_reserved_moves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
