/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Order matters only in that routers need services: options, certificates,
 * transports, services, then one set of router tables per entry point.
 */
#include "core/control/build.h"

#include "core/control/build_tls.h"
#include "core/control/build_transports.h"
#include "core/proxy/middleware.h"

#include <stdlib.h>

struct table_request {
    const struct build_context *context;
    const struct snapshot *snapshot;
    struct span entry_point;
    const char *section; /* of the routers */
};

/* ---- what is wrong with routers ---- */

/* A router is compiled once for each of its entry points; what is wrong with it
 * is said at the first of them. */
static bool is_first_entry(const struct model_static *settings, const struct model_router *router,
                           struct span entry_point)
{
    for (size_t i = 0; i < router->entry_points.count; i++) {
        struct span name = router->entry_points.items[i];
        if (model_entry_point(settings, name) != NULL)
            return span_equal(name, entry_point);
    }
    return false;
}

static void report_router(const struct model_router *router, const char *why, void *argument)
{
    const struct table_request *request = argument;
    const struct build_context *context = request->context;
    if (router->object.problem.len > 0 ||
        !is_first_entry(context->settings, router, request->entry_point))
        return;
    bool rule = span_starts_with(span_cstr(why), SPAN("invalid rule")) && router->rule_mark.file;
    build_report_at(context, request->section, &router->object, rule ? ".rule" : "",
                    rule ? router->rule_mark : router->object.mark, why);
}

/* NULL: the router's connections get the TLS options that it names. */
static const char *unused_options(const struct router_table *table, const struct route *route)
{
    const struct span *hosts = NULL;
    struct span options = route->model->tls.options, used;
    size_t count = 0;
    if (options.len == 0 || route->problem.len > 0 || route->rule == NULL)
        return NULL;
    rule_named_hosts(route->rule, &hosts, &count);
    if (count == 0 && !span_equal(options, SPAN("default")))
        return "the rule names no Host: the routers of the host that a client asks for decide";
    for (size_t i = 0; i < count; i++) {
        if (router_table_tls_options(table, hosts[i], &used) && !span_equal(used, options))
            return "another router asks for other options for the same host: it gets \"default\"";
    }
    return NULL;
}

static void report_unused_options(const struct table_request *request,
                                  const struct model_router *router, const char *why)
{
    char key[256];
    build_key(request->section, &router->object, ".tls.options", key, sizeof(key));
    diagnostics_report(request->context->findings, SEVERITY_WARNING, router->object.mark, key,
                       "the TLS options \"%.*s\" are not used: %s",
                       SPAN_ARG(router->tls.options), why);
}

/* As in Traefik the options are the host's, not the router's; whoever asks for
 * stricter ones must know when they do not hold. */
static void report_options(const struct table_request *request, const struct router_table *table)
{
    const struct build_context *context = request->context;
    for (size_t i = 0; i < router_table_count(table); i++) {
        const struct route *route = router_table_at(table, i);
        const struct model_router *router = route->model;
        const char *why = unused_options(table, route);
        if (why != NULL && is_first_entry(context->settings, router, request->entry_point))
            report_unused_options(request, router, why);
    }
}

/* ---- the parts ---- */

static enum err build_chains(const struct model_dynamic *model, const struct router_table *table,
                             struct middleware_chain ***out)
{
    size_t count = router_table_count(table);
    struct middleware_chain **chains = calloc(count + 1, sizeof(struct middleware_chain *));
    if (chains == NULL)
        return ERR_NOMEM;
    *out = chains;
    for (size_t i = 0; i < count; i++) {
        const struct route *route = router_table_at(table, i);
        TRY(middleware_chain_create(model, route->model, &chains[route->index]));
    }
    return ERR_OK;
}

static bool any_catch_all(const struct router_table *table)
{
    for (size_t i = 0; i < router_table_count(table); i++) {
        const struct route *route = router_table_at(table, i);
        struct rule_hosts hosts;
        if (route->rule == NULL)
            continue;
        rule_hosts(route->rule, &hosts);
        if (hosts.catch_all)
            return true;
    }
    return false;
}

static enum err build_table(struct table_request *request, enum rule_side side, bool tls,
                            struct router_table **out)
{
    const struct snapshot *snapshot = request->snapshot;
    const struct model_dynamic *model = snapshot->model;
    bool http = side == RULE_HTTP;
    request->section = http ? "http.routers" : "tcp.routers";
    return router_table_create(http ? model->http_routers : model->tcp_routers,
                               http ? model->http_router_count : model->tcp_router_count, side,
                               request->entry_point, tls,
                               http ? snapshot->http_services : snapshot->tcp_services,
                               report_router, request, out);
}

static enum err build_entry(const struct build_context *context, struct snapshot *snapshot,
                            const struct model_entry_point *model, struct entry_routes *entry)
{
    struct table_request request = {context, snapshot, model->object.name, NULL};
    entry->model = model;
    TRY(build_table(&request, RULE_HTTP, false, &entry->http));
    TRY(build_table(&request, RULE_HTTP, true, &entry->https));
    report_options(&request, entry->https);
    TRY(build_table(&request, RULE_TCP, false, &entry->tcp));
    TRY(build_table(&request, RULE_TCP, true, &entry->tcp_tls));
    TRY(build_chains(snapshot->model, entry->http, &entry->http_chains));
    TRY(build_chains(snapshot->model, entry->https, &entry->https_chains));
    entry->serves_tls = model->has_tls || router_table_count(entry->https) > 0 ||
                        router_table_count(entry->tcp_tls) > 0;
    entry->serves_plain =
        router_table_count(entry->http) > 0 || router_table_count(entry->tcp) > 0;
    entry->https_catch_all = any_catch_all(entry->https);
    return ERR_OK;
}

static enum err build_entries(const struct build_context *context, struct snapshot *snapshot)
{
    const struct model_static *settings = context->settings;
    snapshot->entries = calloc(settings->entry_point_count + 1, sizeof(*snapshot->entries));
    if (snapshot->entries == NULL)
        return ERR_NOMEM;
    snapshot->entry_count = settings->entry_point_count;
    for (size_t i = 0; i < snapshot->entry_count; i++)
        TRY(build_entry(context, snapshot, &settings->entry_points[i], &snapshot->entries[i]));
    return ERR_OK;
}

static enum err build_parts(const struct build_context *context, struct snapshot *snapshot,
                            struct err_text *why)
{
    const struct snapshot *previous = context->previous;
    const struct model_dynamic *model = snapshot->model;
    uint64_t epoch = previous != NULL ? previous->epoch + 1 : 1;
    enum err error = build_tls_options(context, snapshot);
    if (error == ERR_INVALID)
        return err_set(why, error, "the TLS options \"default\" cannot be used, and nothing may be "
                                   "served under laxer ones");
    TRY(error);
    TRY(build_certificates(context, snapshot, why));
    TRY(build_transports(context, snapshot));
    TRY(service_table_create(model, false, previous != NULL ? previous->http_services : NULL,
                             context->worker_count, epoch, &snapshot->http_services));
    TRY(service_table_create(model, true, previous != NULL ? previous->tcp_services : NULL,
                             context->worker_count, epoch, &snapshot->tcp_services));
    return build_entries(context, snapshot);
}

enum err build_snapshot(const struct build_context *context, struct model_dynamic *model,
                        struct snapshot **out, struct err_text *why)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    list_init(&snapshot->retired);
    snapshot->settings = context->settings;
    snapshot->model = model;
    model->references++;
    enum err error = build_parts(context, snapshot, why);
    if (error != ERR_OK) {
        snapshot->model = NULL; /* stays the caller's */
        model->references--;
        snapshot_destroy(snapshot);
        return why != NULL && why->text[0] ? error : err_set(why, error, "%s", err_message(error));
    }
    *out = snapshot;
    return ERR_OK;
}
