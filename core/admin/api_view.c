/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The router tables point back into the model, so a router's index is plain
 * arithmetic. Users are gathered by counting sort: once to count, once to fill.
 */
#include "core/admin/api_view.h"

#include "core/proxy/middleware.h"

#include <stdlib.h>

static void note_route(struct api_view *view, const struct route *route,
                       const struct middleware_chain *chain)
{
    struct api_router_state *state = &view->router_states[route->model - view->routers];
    state->served = true;
    state->priority = route->priority;
    if (state->problem.len == 0)
        state->problem = route->problem;
    if (state->problem.len == 0 && chain != NULL)
        state->problem = chain->problem;
}

static void note_table(struct api_view *view, const struct router_table *table,
                       struct middleware_chain *const *chains)
{
    for (size_t i = 0; i < router_table_count(table); i++) {
        const struct route *route = router_table_at(table, i);
        note_route(view, route, chains != NULL ? chains[route->index] : NULL);
    }
}

static enum err note_routes(struct api_view *view)
{
    view->router_states = calloc(view->router_count + 1, sizeof(*view->router_states));
    if (view->router_states == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < view->snapshot->entry_count; i++) {
        const struct entry_routes *entry = &view->snapshot->entries[i];
        note_table(view, view->tcp ? entry->tcp : entry->http,
                   view->tcp ? NULL : entry->http_chains);
        note_table(view, view->tcp ? entry->tcp_tls : entry->https,
                   view->tcp ? NULL : entry->https_chains);
    }
    return ERR_OK;
}

/* The n-th thing that the router uses, as an index; -1: there is none of that
 * name; -2: it uses no more. */
typedef ptrdiff_t used_by_router(const struct api_view *view, const struct model_router *router,
                                 size_t n);

static ptrdiff_t used_service(const struct api_view *view, const struct model_router *router,
                              size_t n)
{
    const struct model_dynamic *model = view->snapshot->model;
    if (n > 0)
        return -2;
    const struct model_service *service = view->tcp ? model_tcp_service(model, router->service)
                                                    : model_http_service(model, router->service);
    return service != NULL ? service - view->services : -1;
}

static ptrdiff_t used_middleware(const struct api_view *view, const struct model_router *router,
                                 size_t n)
{
    const struct model_dynamic *model = view->snapshot->model;
    if (n >= router->middlewares.count)
        return -2;
    struct span name = router->middlewares.items[n];
    const struct model_middleware *middleware =
        view->tcp ? model_tcp_middleware(model, name) : model_http_middleware(model, name);
    return middleware != NULL ? middleware - view->middlewares : -1;
}

static enum err gather_users(const struct api_view *view, size_t count, used_by_router *used,
                             struct api_users *out)
{
    size_t total = 0;
    ptrdiff_t at;
    uint32_t *starts = calloc(count + 2, sizeof(*starts));
    out->starts = starts;
    if (starts == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < view->router_count; i++)
        for (size_t n = 0; (at = used(view, &view->routers[i], n)) != -2; n++)
            if (at >= 0) {
                starts[at + 2]++;
                total++;
            }
    out->users = calloc(total + 1, sizeof(*out->users));
    if (out->users == NULL)
        return ERR_NOMEM;
    for (size_t i = 2; i < count + 2; i++)
        starts[i] += starts[i - 1];
    for (size_t i = 0; i < view->router_count; i++)
        for (size_t n = 0; (at = used(view, &view->routers[i], n)) != -2; n++)
            if (at >= 0)
                out->users[starts[at + 1]++] = (uint32_t)i;
    return ERR_OK;
}

static void take_model(struct api_view *view)
{
    const struct model_dynamic *model = view->snapshot->model;
    bool tcp = view->tcp;
    view->routers = tcp ? model->tcp_routers : model->http_routers;
    view->router_count = tcp ? model->tcp_router_count : model->http_router_count;
    view->services = tcp ? model->tcp_services : model->http_services;
    view->service_count = tcp ? model->tcp_service_count : model->http_service_count;
    view->middlewares = tcp ? model->tcp_middlewares : model->http_middlewares;
    view->middleware_count = tcp ? model->tcp_middleware_count : model->http_middleware_count;
    view->table = tcp ? view->snapshot->tcp_services : view->snapshot->http_services;
}

enum err api_view_create(const struct snapshot *snapshot, bool tcp, struct api_view *out)
{
    struct api_view view = {.tcp = tcp, .snapshot = snapshot};
    take_model(&view);
    enum err error = note_routes(&view);
    if (error == ERR_OK)
        error = gather_users(&view, view.service_count, used_service, &view.service_users);
    if (error == ERR_OK)
        error = gather_users(&view, view.middleware_count, used_middleware,
                             &view.middleware_users);
    if (error != ERR_OK) {
        api_view_finish(&view);
        return error;
    }
    *out = view;
    return ERR_OK;
}

void api_view_finish(struct api_view *view)
{
    free(view->router_states);
    free(view->service_users.starts);
    free(view->service_users.users);
    free(view->middleware_users.starts);
    free(view->middleware_users.users);
}

/* ---- problems ---- */

static struct span transport_problem(const struct api_view *view, struct span name)
{
    const struct snapshot *snapshot = view->snapshot;
    const struct upstream_transport *items =
        view->tcp ? snapshot->tcp_transports : snapshot->transports;
    size_t count = view->tcp ? snapshot->tcp_transport_count : snapshot->transport_count;
    for (size_t i = 0; i < count; i++)
        if (span_equal(items[i].name, name))
            return items[i].problem;
    return SPAN_EMPTY;
}

/* Of the service, or of one that it weighs: a service with such a child does not
 * answer as configured, but what leads back to itself has a problem of its own. */
static struct span find_service_problem(const struct api_view *view,
                                        const struct model_service *model)
{
    const struct service *service = service_table_find(view->table, model->object.name);
    if (model->object.problem.len > 0)
        return model->object.problem;
    if (service != NULL && service_problem(service).len > 0)
        return service_problem(service);
    if (model->kind == SERVICE_LOAD_BALANCER)
        return transport_problem(view, model->servers_transport);
    struct span problem = SPAN_EMPTY;
    for (size_t i = 0; i < model->weighted_count && problem.len == 0; i++) {
        struct span name = model->weighted[i].service;
        const struct model_service *child =
            view->tcp ? model_tcp_service(view->snapshot->model, name)
                      : model_http_service(view->snapshot->model, name);
        if (child != NULL)
            problem = find_service_problem(view, child);
    }
    return problem;
}

struct span api_view_router_problem(const struct api_view *view, size_t i)
{
    const struct api_router_state *state = &view->router_states[i];
    if (view->routers[i].object.problem.len > 0)
        return view->routers[i].object.problem;
    if (!state->served)
        return SPAN("none of the router's entry points exists");
    if (state->problem.len > 0)
        return state->problem;
    ptrdiff_t service = used_service(view, &view->routers[i], 0);
    return service >= 0 ? find_service_problem(view, &view->services[service]) : SPAN_EMPTY;
}

struct span api_view_service_problem(const struct api_view *view, size_t i)
{
    return find_service_problem(view, &view->services[i]);
}

struct span api_view_middleware_problem(const struct api_view *view, size_t i)
{
    return view->middlewares[i].object.problem;
}

bool api_view_has_entry_point(const struct api_view *view, struct span name)
{
    for (size_t i = 0; i < view->snapshot->entry_count; i++)
        if (span_equal(view->snapshot->entries[i].model->object.name, name))
            return true;
    return false;
}
