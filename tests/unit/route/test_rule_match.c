/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each matcher asks, and how they combine: a row is a rule, a request (or
 * a connection) and the answer.
 */
#include "route_help.h"

struct fixture {
    struct arena arena;
    struct http_request request;
    struct rule_facts facts;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, 1024, 1 << 20);
    http_fields_init(&f->request.fields, &f->arena);
    f->request.method_text = SPAN("GET");
    f->facts.request = &f->request;
    f->facts.host = SPAN("www.example.com");
    f->facts.path = SPAN("/api/v1");
    set_client(&f->facts, "10.1.2.3");
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

static void expect_answer(struct fixture *f, const char *text, enum rule_answer wanted)
{
    static const char *const answers[] = {"no", "yes", "undecided"};
    struct rule *rule = parse_rule(text, f->facts.request ? RULE_HTTP : RULE_TCP);
    enum rule_answer answer = rule_ask(rule, &f->facts);
    if (answer != wanted)
        fail_msg("%s: %s instead of %s", text, answers[answer], answers[wanted]);
    if (answer == RULE_UNDECIDED)
        assert_true(rule_may_be_undecided(rule));
    rule_destroy(rule);
}

static void expect(struct fixture *f, const char *text, bool matches)
{
    expect_answer(f, text, matches ? RULE_YES : RULE_NO);
}

static void hosts(void **state)
{
    struct fixture *f = *state;
    expect(f, "Host(`www.example.com`)", true);
    expect(f, "Host(`WWW.Example.COM`)", true);
    expect(f, "Host(`www.example.com.`)", true);
    expect(f, "Host(`example.com`)", false);
    expect(f, "Host(`www.example.co`)", false);
    expect(f, "Host(`*.example.com`)", true);
    expect(f, "Host(`*.EXAMPLE.com`)", true);
    expect(f, "Host(`*.com`)", false);
    expect(f, "Host(`*.www.example.com`)", false);
    expect(f, "Host(`*`)", true);
    f->facts.host = SPAN("a.b.example.com");
    expect(f, "Host(`*.example.com`)", false);
    f->facts.host = SPAN("example.com");
    expect(f, "Host(`*.example.com`)", false);
    f->facts.host = SPAN(".example.com");
    expect(f, "Host(`*.example.com`)", false);
    f->facts.host = SPAN("2001:db8::1");
    expect(f, "Host(`[2001:DB8::1]`)", true);
    expect(f, "Host(`2001:db8::1`)", true);
    f->facts.host = SPAN("");
    expect(f, "Host(`a`)", false);
    expect(f, "Host(`*`)", true);
}

static void host_regexps_are_unanchored(void **state)
{
    struct fixture *f = *state;
    expect(f, "HostRegexp(`example`)", true);
    expect(f, "HostRegexp(`^[a-z]+\\.example\\.com$`)", true);
    expect(f, "HostRegexp(`^example`)", false);
    expect(f, "HostRegexp(`^[A-Z]+`)", false);
    expect(f, "HostRegexp(`^.+$`)", true);
}

static void paths(void **state)
{
    struct fixture *f = *state;
    expect(f, "Path(`/api/v1`)", true);
    expect(f, "Path(`/api/v1/`)", false);
    expect(f, "Path(`/api`)", false);
    expect(f, "Path(`/API/v1`)", false);
    expect(f, "PathPrefix(`/api`)", true);
    expect(f, "PathPrefix(`/ap`)", true);
    expect(f, "PathPrefix(`/api/v1/`)", false);
    expect(f, "PathRegexp(`v[0-9]`)", true);
    expect(f, "PathRegexp(`^/api/v[0-9]$`)", true);
    expect(f, "PathRegexp(`^api`)", false);
    expect(f, "Path(\"/api\\x2fv1\")", true);
    f->facts.path = SPAN("/a b");
    expect(f, "Path(`/a b`)", true);
    f->facts.path = SPAN("*");
    expect(f, "PathPrefix(`/`)", false);
}

/* The rule may be in any case; the request's method is case-sensitive. */
static void methods(void **state)
{
    struct fixture *f = *state;
    expect(f, "Method(`GET`)", true);
    expect(f, "Method(`get`)", true);
    expect(f, "Method(`POST`)", false);
    f->request.method_text = SPAN("get");
    expect(f, "Method(`GET`)", false);
    expect(f, "Method(`get`)", false);
    f->request.method_text = SPAN("PURGE");
    expect(f, "Method(`Purge`)", true);
}

static void header_fields(void **state)
{
    struct fixture *f = *state;
    struct http_fields *fields = &f->request.fields;
    assert_err(http_fields_add(fields, SPAN("X-Own"), SPAN("one")), ERR_OK);
    assert_err(http_fields_add(fields, SPAN("x-own"), SPAN("Two")), ERR_OK);
    assert_err(http_fields_add(fields, SPAN("Content-Type"), SPAN("application/json")), ERR_OK);
    expect(f, "Header(`x-OWN`, `one`)", true);
    expect(f, "Header(`X-Own`, `Two`)", true);
    expect(f, "Header(`X-Own`, `two`)", false);
    expect(f, "Header(`X-Own`, `on`)", false);
    expect(f, "Header(`X-Other`, `one`)", false);
    expect(f, "Header(`content-type`, `application/json`)", true);
    expect(f, "HeaderRegexp(`Content-Type`, `^application/(json|yaml)$`)", true);
    expect(f, "HeaderRegexp(`X-Own`, `^T`)", true);
    expect(f, "HeaderRegexp(`X-Own`, `^t`)", false);
    expect(f, "HeaderRegexp(`X-None`, `.*`)", false);
}

static void queries(void **state)
{
    struct fixture *f = *state;
    f->request.query = SPAN("a=1&a=2&b&c=%41+d&%65=x&f=%zz&g=1;h=2");
    expect(f, "Query(`a`, `1`)", true);
    expect(f, "Query(`a`, `2`)", true);
    expect(f, "Query(`a`, `3`)", false);
    expect(f, "Query(`a`)", false);
    expect(f, "Query(`b`)", true);
    expect(f, "Query(`c`, `A d`)", true);
    expect(f, "Query(`e`, `x`)", true);
    expect(f, "Query(`f`, `%zz`)", false);
    expect(f, "Query(`g`, `1`)", false);
    expect(f, "Query(`A`, `1`)", false);
    expect(f, "QueryRegexp(`a`, `^[2-3]$`)", true);
    expect(f, "QueryRegexp(`c`, `^A d$`)", true);
    expect(f, "QueryRegexp(`b`, `^$`)", true);
    expect(f, "QueryRegexp(`b`)", true);
    expect(f, "QueryRegexp(`a`)", false);
    expect(f, "QueryRegexp(`none`, `.*`)", false);
    f->request.query = SPAN_EMPTY;
    expect(f, "Query(`a`, `1`)", false);
}

static void client_addresses(void **state)
{
    struct fixture *f = *state;
    expect(f, "ClientIP(`10.1.2.3`)", true);
    expect(f, "ClientIP(`10.1.2.4`)", false);
    expect(f, "ClientIP(`10.0.0.0/8`)", true);
    expect(f, "ClientIP(`10.1.2.0/30`)", true);
    expect(f, "ClientIP(`10.1.2.0/31`)", false);
    expect(f, "ClientIP(`10.1.2.9/24`)", true);
    expect(f, "ClientIP(`0.0.0.0/0`)", true);
    expect(f, "ClientIP(`::ffff:10.1.2.3`)", true);
    expect(f, "ClientIP(`::/0`)", false);
    set_client(&f->facts, "2001:db8::5");
    expect(f, "ClientIP(`2001:db8::5`)", true);
    expect(f, "ClientIP(`2001:db8::/32`)", true);
    expect(f, "ClientIP(`2001:db8::4/127`)", true);
    expect(f, "ClientIP(`2001:db8::6/127`)", false);
    expect(f, "ClientIP(`::/0`)", true);
    expect(f, "ClientIP(`0.0.0.0/0`)", false);
}

static void tcp_connections(void **state)
{
    struct fixture *f = *state;
    static const char alpn[2][32] = {"h2", "mqtt"};
    f->facts.request = NULL;
    f->facts.alpn = alpn;
    f->facts.alpn_count = 2;
    expect(f, "HostSNI(`www.example.com`)", true);
    expect(f, "HostSNI(`WWW.example.com`)", true);
    expect(f, "HostSNI(`*.example.com`)", true);
    expect(f, "HostSNI(`example.com`)", false);
    expect(f, "HostSNIRegexp(`^www`)", true);
    expect(f, "ALPN(`mqtt`)", true);
    expect(f, "ALPN(`mqt`)", false);
    expect(f, "ALPN(`MQTT`)", false);
    expect(f, "ClientIP(`10.0.0.0/8`) && !ALPN(`h3`)", true);
    f->facts.host = SPAN("");
    expect(f, "HostSNI(`*`)", true);
    expect(f, "HostSNI(`*.example.com`)", false);
}

/* T and F are matchers that hold and that do not. */
static void operators_bind_as_in_go(void **state)
{
    struct fixture *f = *state;
#define T "Method(`GET`)"
#define F "Method(`PUT`)"
    expect(f, T " || " F " && " F, true);
    expect(f, "(" T " || " F ") && " F, false);
    expect(f, F " && " F " || " T, true);
    expect(f, F " && (" F " || " T ")", false);
    expect(f, "!" F " && " T, true);
    expect(f, "!" T " || " T, true);
    expect(f, "!(" T " || " T ")", false);
    expect(f, "!(" F " && " T ") && !!" T, true);
    expect(f, T " && " T " && " F, false);
    expect(f, F " || " F " || " T, true);
    expect(f, "!" F " && !" F " || " F, true);
}

/* A pattern that nobody can answer leaves the rule undecided, and so does its
 * negation, unless the other operands settle it. */
static void a_regexp_beyond_its_bounds_leaves_the_rule_undecided(void **state)
{
    struct fixture *f = *state;
    char path[5000];
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    f->facts.path = span_make(path, sizeof(path));
#define HARD "PathRegexp(`(.*a.{900}){3}[bc]`)"
    expect_answer(f, HARD, RULE_UNDECIDED);
    expect_answer(f, "!" HARD, RULE_UNDECIDED);
    expect_answer(f, "!!" HARD, RULE_UNDECIDED);
    expect_answer(f, HARD " && " T, RULE_UNDECIDED);
    expect_answer(f, T " && " HARD, RULE_UNDECIDED);
    expect_answer(f, HARD " && " F, RULE_NO);
    expect_answer(f, F " && " HARD, RULE_NO);
    expect_answer(f, HARD " || " T, RULE_YES);
    expect_answer(f, T " || " HARD, RULE_YES);
    expect_answer(f, HARD " || " F, RULE_UNDECIDED);
    expect_answer(f, "(" HARD " || " F ") && " F, RULE_NO);
    expect_answer(f, "!(" HARD " && " F ")", RULE_YES);
    expect(f, "PathRegexp(`a*`)", true);
}

static void no_utf8_leaves_a_pattern_beyond_ascii_undecided(void **state)
{
    struct fixture *f = *state;
    f->facts.path = SPAN("/\xc3\xa9\xff");
    expect_answer(f, "PathRegexp(`^/\xc3\xa9`)", RULE_UNDECIDED);
    expect_answer(f, "!PathRegexp(`\\pL`)", RULE_UNDECIDED);
    expect_answer(f, "PathRegexp(`^/`)", RULE_YES);
}

static void a_query_value_beyond_its_bounds_leaves_the_rule_undecided(void **state)
{
    struct fixture *f = *state;
    char query[RULE_QUERY_VALUE_MAX + 3];
    memset(query, 'x', sizeof(query));
    memcpy(query, "a=", 2);
    f->request.query = span_make(query, RULE_QUERY_VALUE_MAX + 2);
    expect(f, "QueryRegexp(`a`, `^x+$`)", true);
    f->request.query = span_make(query, RULE_QUERY_VALUE_MAX + 3);
    expect_answer(f, "QueryRegexp(`a`, `^x+$`)", RULE_UNDECIDED);
    expect_answer(f, "!QueryRegexp(`a`, `^x+$`)", RULE_UNDECIDED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(hosts),
        TEST(host_regexps_are_unanchored),
        TEST(paths),
        TEST(methods),
        TEST(header_fields),
        TEST(queries),
        TEST(client_addresses),
        TEST(tcp_connections),
        TEST(operators_bind_as_in_go),
        TEST(a_regexp_beyond_its_bounds_leaves_the_rule_undecided),
        TEST(no_utf8_leaves_a_pattern_beyond_ascii_undecided),
        TEST(a_query_value_beyond_its_bounds_leaves_the_rule_undecided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
