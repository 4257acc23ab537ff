/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who wins among routers, which take part at all, and what TLS options hosts
 * get.
 */
#include "route_help.h"

#define ROUTER(router_name, text, ...)                                             \
    {.object.name = SPAN(router_name), .rule = SPAN(text), .service = SPAN("s@file"), \
     .entry_points = {entry_point_web, 1}, __VA_ARGS__}
#define TLS(name) .has_tls = true, .tls.options = SPAN(name)

static struct span entry_point_web[] = {{"web", 3}};
static struct span entry_point_both[] = {{"other", 5}, {"web", 3}};

struct reports {
    char text[1024];
};

static void note_report(const struct model_router *router, const char *why, void *argument)
{
    struct reports *reports = argument;
    size_t len = strlen(reports->text);
    snprintf(reports->text + len, sizeof(reports->text) - len, "%.*s: %s\n",
             SPAN_ARG(router->object.name), why);
}

static struct router_table *build(const struct model_router *routers, size_t count,
                                  enum rule_side side, bool tls, struct reports *reports)
{
    struct router_table *table = NULL;
    struct service_table *services = one_service("s@file");
    assert_err(router_table_create(routers, count, side, SPAN("web"), tls, services,
                                   reports ? note_report : NULL, reports, &table), ERR_OK);
    service_table_destroy(services); /* the routes keep what they need */
    return table;
}

static void expect(const struct router_table *table, const char *host, const char *path,
                   const char *name)
{
    struct http_request request = {.method_text = SPAN("GET")};
    struct rule_facts facts = {
        .request = &request, .host = span_cstr(host), .path = span_cstr(path)};
    const struct route *route = router_match(table, &facts);
    if (route == NULL ? name != NULL
                      : name == NULL || !span_equal(route->model->object.name, span_cstr(name)))
        fail_msg("%s%s: %.*s instead of %s", host, path,
                 route ? (int)route->model->object.name.len : 4,
                 route ? route->model->object.name.ptr : "none", name ? name : "none");
}

static void the_longer_rule_wins(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("a", "Host(`x.example`)"),
        ROUTER("b", "Host(`x.example`) && PathPrefix(`/api`)"),
        ROUTER("c", "PathPrefix(`/`)"),
        ROUTER("d", "Host(`*.example`)"),
    };
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, false, NULL);
    assert_int_equal(router_table_count(table), 4);
    expect(table, "x.example", "/api/1", "b");
    expect(table, "x.example", "/", "a");
    expect(table, "y.example", "/", "d");
    expect(table, "example", "/", "c");
    expect(table, "", "/", "c");
    router_table_destroy(table);
}

static void priority_beats_length_across_all_kinds_of_hosts(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("exact", "Host(`x.example`)"),
        ROUTER("low", "Host(`x.example`) && PathPrefix(`/low`)", .priority = 1),
        ROUTER("negative", "PathPrefix(`/`) && !PathPrefix(`/never`)", .priority = -5),
        ROUTER("wild", "Host(`*.example`) && PathPrefix(`/w`)", .priority = 500),
        ROUTER("any", "PathPrefix(`/any`)", .priority = INT64_MAX),
    };
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, false, NULL);
    expect(table, "x.example", "/any", "any");
    expect(table, "x.example", "/w", "wild");
    expect(table, "x.example", "/low", "exact");
    expect(table, "y.example", "/", "negative");
    expect(table, "y.example", "/never", NULL);
    assert_int_equal(router_table_at(table, 0)->priority, INT64_MAX);
    assert_int_equal(router_table_at(table, 4)->priority, -5);
    for (size_t i = 0; i < router_table_count(table); i++)
        assert_int_equal(router_table_at(table, i)->index, i);
    router_table_destroy(table);
}

static void equal_priorities_go_by_name(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("b@file", "PathPrefix(`/x`)"),
        ROUTER("a@file", "Host(`h.exampl`)"),
        ROUTER("c@file", "PathPrefix(`/`) ", .priority = 16),
    };
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, false, NULL);
    expect(table, "h.exampl", "/x", "a@file");
    expect(table, "other", "/x", "b@file");
    expect(table, "other", "/y", "c@file");
    router_table_destroy(table);
}

static void only_routers_of_the_entry_point_and_kind_take_part(void **state)
{
    (void)state;
    struct model_router routers[] = {
        ROUTER("a", "PathPrefix(`/`)"),
        ROUTER("tls", "PathPrefix(`/`)", TLS("")),
        ROUTER("other", "PathPrefix(`/oooo`)"),
        ROUTER("both", "PathPrefix(`/bothbo`)"),
    };
    static struct span other[] = {{"other", 5}};
    routers[2].entry_points.items = other;
    routers[3].entry_points = (struct span_list){entry_point_both, 2};
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, false, NULL);
    assert_int_equal(router_table_count(table), 2);
    expect(table, "", "/oooo", "a");
    expect(table, "", "/bothbo", "both");
    router_table_destroy(table);
    table = build(routers, COUNT(routers), RULE_HTTP, true, NULL);
    assert_int_equal(router_table_count(table), 1);
    expect(table, "", "/bothbo", "tls");
    router_table_destroy(table);
}

static void broken_rules_take_no_part_and_are_told(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("bad", "Host(`x`) && Nonsense(`y`)", .priority = 100),
        ROUTER("good", "Host(`x`)"),
    };
    struct reports reports = {0};
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, false, &reports);
    expect(table, "x", "/", "good");
    assert_int_equal(router_table_count(table), 2);
    assert_null(router_table_at(table, 0)->rule);
    assert_true(span_starts_with(router_table_at(table, 0)->problem,
                                 SPAN("invalid rule: column 14: unknown matcher Nonsense")));
    assert_non_null(strstr(reports.text, "bad: invalid rule: column 14"));
    assert_int_equal(router_table_at(table, 1)->problem.len, 0);
    assert_non_null(router_table_at(table, 1)->service);
    router_table_destroy(table);
}

/* It fails closed: what is below is not reached. */
static void a_router_with_another_problem_still_matches(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("a", "Host(`a`) || Host(`aa`)", .object.problem = SPAN("not built")),
        {.object.name = SPAN("b"), .rule = SPAN("Host(`b`) || Host(`bb`)"),
         .service = SPAN("none@file"), .entry_points = {entry_point_web, 1}},
        {.object.name = SPAN("c"), .rule = SPAN("Host(`c`) || Host(`cc`)"),
         .entry_points = {entry_point_web, 1}},
        ROUTER("z", "PathPrefix(`/`)"),
    };
    struct reports reports = {0};
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, false, &reports);
    expect(table, "a", "/", "a");
    expect(table, "b", "/", "b");
    expect(table, "c", "/", "c");
    assert_span(router_table_at(table, 0)->problem, "not built");
    assert_span(router_table_at(table, 1)->problem, "the service \"none@file\" does not exist");
    assert_span(router_table_at(table, 2)->problem, "the router names no service");
    assert_null(router_table_at(table, 1)->service);
    assert_string_equal(reports.text, "b: the service \"none@file\" does not exist\n"
                                      "c: the router names no service\n");
    router_table_destroy(table);
}

/* A request that is too much for a rule's pattern does not reach what is below. */
static void a_rule_that_cannot_be_decided_fails_closed(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("guarded", "PathRegexp(`^/admin`)", .priority = 90),
        ROUTER("broken", "HeaderRegexp(`x`, `y`) || Path(`/b`)", .priority = 80,
               .object.problem = SPAN("not built")),
        ROUTER("open", "PathPrefix(`/`)"),
    };
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, false, NULL);
    char *path = malloc((128 << 10) + 1);
    assert_non_null(path);
    memset(path, 'a', 128 << 10);
    path[128 << 10] = '\0';
    memcpy(path, "/admin/", 7);
    expect(table, "h", "/admin/a", "guarded");
    expect(table, "h", "/", "open");
    assert_null(router_table_at(table, 2)->undecided);
    assert_span(router_table_at(table, 1)->undecided->problem, "not built");
    expect(table, "h", path, "guarded");
    struct http_request request = {.method_text = SPAN("GET")};
    struct rule_facts facts = {
        .request = &request, .host = SPAN("h"), .path = span_cstr(path)};
    const struct route *route = router_match(table, &facts);
    assert_ptr_equal(route, router_table_at(table, 0)->undecided);
    assert_non_null(strstr(route->problem.ptr, "too long"));
    assert_int_equal(route->index, 0);
    free(path);
    router_table_destroy(table);
}

static const struct route *match_tcp(const struct router_table *table, const char *host)
{
    struct rule_facts facts = {.host = span_cstr(host)};
    set_client(&facts, "10.0.0.1");
    return router_match(table, &facts);
}

static void tcp_catch_all_comes_last(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("all", "HostSNI(`*`)", TLS("")),
        ROUTER("ip", "ClientIP(`::1`) && ALPN(`a`)", TLS("")),
        ROUTER("host", "HostSNI(`a.b`)", TLS("")),
        ROUTER("wild", "HostSNI(`*.b`)", TLS("")),
        ROUTER("some", "HostSNI(`*`) && ClientIP(`::1`)", TLS("")),
    };
    struct router_table *table = build(routers, COUNT(routers), RULE_TCP, true, NULL);
    assert_span(router_table_at(table, 4)->model->object.name, "all");
    assert_int_equal(router_table_at(table, 4)->priority, -1);
    assert_span(match_tcp(table, "a.b")->model->object.name, "host");
    assert_span(match_tcp(table, "c.b")->model->object.name, "wild");
    assert_span(match_tcp(table, "")->model->object.name, "all");
    router_table_destroy(table);
}

static void a_server_name_without_tls_is_an_error(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("named", "HostSNI(`a`) || ClientIP(`10.0.0.1`)"),
        ROUTER("plain", "HostSNI(`*`)", .priority = 3),
    };
    struct reports reports = {0};
    struct router_table *table = build(routers, COUNT(routers), RULE_TCP, false, &reports);
    assert_span(match_tcp(table, "")->model->object.name, "plain");
    assert_int_equal(match_tcp(table, "")->priority, 3);
    assert_non_null(strstr(reports.text, "named: invalid rule: HostSNI of a name needs a tls"));
    router_table_destroy(table);
}

static void expect_options(const struct router_table *table, const char *host, const char *name)
{
    struct span options = SPAN("none");
    bool found = router_table_tls_options(table, span_cstr(host), &options);
    assert_int_equal(found, name != NULL);
    assert_span(options, name ? name : "none");
}

static void one_host_has_one_set_of_tls_options(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("a", "Host(`a`)", TLS("strict@file")),
        ROUTER("a2", "Host(`a`) && Path(`/x`)", TLS("strict@file")),
        ROUTER("b", "Host(`b`)", TLS("strict@file")),
        ROUTER("b2", "Host(`b`) && Path(`/x`)", TLS("lax@file")),
        ROUTER("b3", "Host(`b`) && Path(`/y`)", TLS("strict@file")),
        ROUTER("c", "Host(`c`)", TLS("")),
        ROUTER("d", "Host(`d`) || Path(`/d`)", TLS("lax@file")),
        ROUTER("w", "Host(`*.w`)", TLS("lax@file")),
        ROUTER("none", "Path(`/none`) && !Host(`n`)", TLS("lax@file")),
        ROUTER("broken", "Host(`e`) &&", TLS("lax@file")),
    };
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, true, NULL);
    expect_options(table, "a", "strict@file");
    expect_options(table, "b", "default");
    expect_options(table, "c", "default");
    expect_options(table, "d", "lax@file");
    expect_options(table, "x.w", "lax@file");
    expect_options(table, "x.y.w", NULL);
    expect_options(table, "n", NULL);
    expect_options(table, "e", NULL);
    expect_options(table, "", NULL);
    router_table_destroy(table);
}

static void any_host_may_have_tls_options(void **state)
{
    (void)state;
    const struct model_router routers[] = {
        ROUTER("all", "Host(`*`)", TLS("lax@file")),
        ROUTER("a", "Host(`a`)", TLS("strict@file")),
    };
    struct router_table *table = build(routers, COUNT(routers), RULE_HTTP, true, NULL);
    expect_options(table, "a", "strict@file");
    expect_options(table, "b", "lax@file");
    expect_options(table, "", "lax@file");
    router_table_destroy(table);
}

static void an_empty_table_matches_nothing(void **state)
{
    (void)state;
    struct router_table *table = build(NULL, 0, RULE_HTTP, false, NULL);
    expect(table, "a", "/", NULL);
    assert_int_equal(router_table_count(table), 0);
    expect_options(table, "a", NULL);
    router_table_destroy(table);
    router_table_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longer_rule_wins),
        cmocka_unit_test(priority_beats_length_across_all_kinds_of_hosts),
        cmocka_unit_test(equal_priorities_go_by_name),
        cmocka_unit_test(only_routers_of_the_entry_point_and_kind_take_part),
        cmocka_unit_test(broken_rules_take_no_part_and_are_told),
        cmocka_unit_test(a_router_with_another_problem_still_matches),
        cmocka_unit_test(a_rule_that_cannot_be_decided_fails_closed),
        cmocka_unit_test(tcp_catch_all_comes_last),
        cmocka_unit_test(a_server_name_without_tls_is_an_error),
        cmocka_unit_test(one_host_has_one_set_of_tls_options),
        cmocka_unit_test(any_host_may_have_tls_options),
        cmocka_unit_test(an_empty_table_matches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
