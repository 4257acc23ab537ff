/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Routers as a model has them; the texts live as long as the table. */
#include "perf/micro/routes.h"

#include <stdio.h>
#include <stdlib.h>

#include "perf/micro/micro.h"

#define EXTRA 2

struct routes {
    struct service_table *services;
    struct router_table *table;
    struct model_router *models;
    char (*texts)[2][96]; /* name and rule */
};

static const char *const extra_rules[EXTRA] = {
    "Host(`host-00007.example.org`) && (PathPrefix(`/api`) || PathRegexp(`^/v[0-9]+/`)) && "
    "(Method(`POST`) || !Header(`X-Old`, `1`))",
    "HostRegexp(`^[a-z]+\\.shops\\.example$`) && Path(`/health`)",
};

static struct service_table *make_service(void)
{
    struct model_server server = {.url = SPAN("http://127.0.0.1:1"),
                                  .address = SPAN("127.0.0.1:1"), .weight = 1};
    struct model_service service = {.object.name = SPAN("app"), .kind = SERVICE_LOAD_BALANCER,
                                    .servers = &server, .server_count = 1};
    struct model_dynamic model = {.http_services = &service, .http_service_count = 1};
    struct service_table *table;
    micro_require(service_table_create(&model, false, NULL, 1, 1, &table) == ERR_OK, "service");
    return table;
}

struct routes *routes_create(size_t hosts)
{
    static struct span entry_point = SPAN("web");
    struct routes *routes = calloc(1, sizeof(*routes));
    size_t count = hosts + EXTRA;
    micro_require(routes != NULL, "memory");
    routes->services = make_service();
    routes->models = calloc(count, sizeof(*routes->models));
    routes->texts = calloc(count, sizeof(*routes->texts));
    micro_require(routes->models != NULL && routes->texts != NULL, "memory");
    for (size_t i = 0; i < count; i++) {
        snprintf(routes->texts[i][0], 96, "r%05zu", i);
        snprintf(routes->texts[i][1], 96, "Host(`host-%05zu.example.org`)", i);
        routes->models[i] = (struct model_router){
            .object.name = span_cstr(routes->texts[i][0]), .entry_points = {&entry_point, 1},
            .rule = span_cstr(i < hosts ? routes->texts[i][1] : extra_rules[i - hosts]),
            .service = SPAN("app")};
    }
    micro_require(router_table_create(routes->models, count, RULE_HTTP, SPAN("web"), false,
                                      routes->services, NULL, NULL, &routes->table) == ERR_OK,
                  "router table");
    return routes;
}

const struct router_table *routes_table(const struct routes *routes)
{
    return routes->table;
}

void routes_destroy(struct routes *routes)
{
    router_table_destroy(routes->table);
    service_table_destroy(routes->services);
    free(routes->models);
    free(routes->texts);
    free(routes);
}
