/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fails every allocation in turn while rules, routers and services are built:
 * ERR_NOMEM, nothing leaked, nothing half-built, and what was there before
 * unharmed. PCRE2's allocations are among them.
 */
#include "../http/fail_malloc.h"
#include "route_help.h"

static size_t exhaust(enum err (*attempt)(void), bool without_jit)
{
    for (size_t n = 1; n < 5000; n++) {
        fail_malloc_at(n);
        enum err error = attempt();
        bool failed = fail_malloc_happened();
        fail_malloc_at(0);
        if (!failed) {
            assert_err(error, ERR_OK);
            return n - 1;
        }
        if (error != ERR_OK || !without_jit) /* without memory for JIT it is interpreted */
            assert_err(error, ERR_NOMEM);
    }
    fail_msg("it never ends");
    return 0;
}

static enum err parse(void)
{
    struct rule *rule = NULL;
    struct err_text why = {0};
    enum err error = rule_parse(
        SPAN("(Host(`A.example`) || Host(\"b\\x2eexample\")) && !PathRegexp(`^/[a-z]+(x|y)`) && "
             "HeaderRegexp(`X`, `\\pL{2}`) && Method(`get`) && QueryRegexp(`a`, `b`)"),
        RULE_HTTP, &rule, &why);
    assert_true((error == ERR_OK) == (rule != NULL));
    rule_destroy(rule);
    return error;
}

static struct model_server list[] = {
    {.url = {"http://10.0.0.1", 15}, .weight = 1}, {.url = {"http://b", 8}, .weight = 2}};
static struct model_server heavier[] = {
    {.url = {"http://10.0.0.1", 15}, .weight = 3}, {.url = {"http://b", 8}, .weight = 2}};
static struct model_weighted_ref refs[] = {{{"s", 1}, 1}};
static struct model_service services[] = {
    {.object.name = {"s", 1}, .object.mark.file = "f.yml", .servers = list, .server_count = 2},
    {.object.name = {"w", 1}, .kind = SERVICE_WEIGHTED, .weighted = refs, .weighted_count = 1},
};
static struct model_service changed[] = {
    {.object.name = {"s", 1}, .servers = heavier, .server_count = 2},
    {.object.name = {"w", 1}, .kind = SERVICE_WEIGHTED, .weighted = refs, .weighted_count = 1},
};
static const struct model_dynamic model = {.http_services = services, .http_service_count = 2};
static const struct model_dynamic next_model = {.http_services = changed, .http_service_count = 2};
static struct service_table *earlier;

static enum err build_services(void)
{
    struct service_table *table = NULL;
    enum err error = service_table_create(&model, false, NULL, 3, 1, &table);
    service_table_destroy(table);
    return error;
}

static enum err rebuild_services(void)
{
    struct service_table *table = NULL;
    enum err error = service_table_create(&next_model, false, earlier, 3, 2, &table);
    service_table_destroy(table);
    assert_non_null(service_pick(service_table_find(earlier, SPAN("w")), 0, NULL, NULL));
    return error;
}

static enum err build_routers(void)
{
    static struct span web = {"web", 3};
    static const struct model_router routers[] = {
        {.object.name = {"a", 1}, .rule = {"Host(`a`) || Host(`*.b`)", 24}, .service = {"s", 1},
         .entry_points = {&web, 1}, .has_tls = true},
        {.object.name = {"b", 1}, .rule = {"PathRegexp(`a`)", 15}, .service = {"w", 1},
         .entry_points = {&web, 1}, .has_tls = true},
        {.object.name = {"c", 1}, .rule = {"Host(`a`)", 9}, .service = {"s", 1},
         .entry_points = {&web, 1}, .has_tls = true},
    };
    struct router_table *table = NULL;
    enum err error = router_table_create(routers, 3, RULE_HTTP, SPAN("web"), true, earlier, NULL,
                                         NULL, &table);
    router_table_destroy(table);
    return error;
}

static void rules_survive(void **state)
{
    (void)state;
    assert_true(exhaust(parse, true) > 20);
}

static void services_survive(void **state)
{
    (void)state;
    assert_true(exhaust(build_services, false) > 10);
    assert_err(service_table_create(&model, false, NULL, 3, 1, &earlier), ERR_OK);
    assert_true(exhaust(rebuild_services, false) > 10);
    service_table_destroy(earlier);
}

static void routers_survive(void **state)
{
    (void)state;
    assert_err(service_table_create(&model, false, NULL, 3, 1, &earlier), ERR_OK);
    assert_true(exhaust(build_routers, true) > 10);
    service_table_destroy(earlier);
}

/* A thread's first match needs memory; without it the match fails. */
static void a_match_without_memory_fails(void **state)
{
    (void)state;
    struct http_request request = {.method_text = SPAN("GET")};
    struct rule_facts facts = {.request = &request, .path = SPAN("/a")};
    struct rule *rule = parse_rule("!PathRegexp(`b`)", RULE_HTTP);
    fail_malloc_at(1);
    assert_int_equal(rule_ask(rule, &facts), RULE_UNDECIDED);
    fail_malloc_at(0);
    assert_int_equal(rule_ask(rule, &facts), RULE_YES);
    fail_malloc_at(1); /* the second match allocates nothing */
    assert_int_equal(rule_ask(rule, &facts), RULE_YES);
    assert_false(fail_malloc_happened());
    fail_malloc_at(0);
    rule_destroy(rule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_survive),
        cmocka_unit_test(services_survive),
        cmocka_unit_test(routers_survive),
        cmocka_unit_test(a_match_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
