/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a match costs with one router, a thousand and ten thousand: printed, not
 * asserted, because it depends on the machine and on who else uses it. That each
 * match is the right one is asserted.
 */
#include "route_help.h"

#include <time.h>

#define ROUTERS_MAX 10000
#define ROUNDS 200000

static struct model_router routers[ROUTERS_MAX];
static char names[ROUTERS_MAX][16], rules[ROUTERS_MAX][64], hosts[ROUTERS_MAX][40];

static void make_routers(void)
{
    static struct span entry_point = {"web", 3};
    for (size_t i = 0; i < ROUTERS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "r%05zu", i);
        snprintf(hosts[i], sizeof(hosts[i]), "host-%05zu.example.org", i);
        snprintf(rules[i], sizeof(rules[i]), "Host(`%s`)", hosts[i]);
        routers[i] = (struct model_router){
            .object.name = span_cstr(names[i]), .entry_points = {&entry_point, 1},
            .rule = span_cstr(rules[i]), .service = SPAN("s")};
    }
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double measure(size_t count, const struct service_table *services)
{
    struct router_table *table = NULL;
    struct http_request request = {.method_text = SPAN("GET")};
    double built = now_ns();
    assert_err(router_table_create(routers, count, RULE_HTTP, SPAN("web"), false, services, NULL,
                                   NULL, &table), ERR_OK);
    built = now_ns() - built;
    double best = 1e18;
    for (int attempt = 0; attempt < 3; attempt++) {
        double start = now_ns();
        for (size_t i = 0; i < ROUNDS; i++) {
            struct rule_facts facts = {.request = &request, .path = SPAN("/"),
                                       .host = span_cstr(hosts[i * 7 % count % 64])};
            const struct route *route = router_match(table, &facts);
            assert_true(route != NULL && route->model == &routers[i * 7 % count % 64]);
        }
        double each = (now_ns() - start) / ROUNDS;
        best = each < best ? each : best;
    }
    print_message("%5zu Host rules: %.0f ns a match, %.0f ns a rule to build\n", count, best,
                  built / (double)count);
    router_table_destroy(table);
    return best;
}

static void ten_thousand_hosts_cost_what_one_costs(void **state)
{
    (void)state;
    struct service_table *services = one_service("s");
    make_routers();
    measure(1, services);
    measure(1000, services);
    measure(ROUTERS_MAX, services);
    service_table_destroy(services);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_hosts_cost_what_one_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
