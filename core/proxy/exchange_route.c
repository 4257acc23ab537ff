/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a parsed request to a server: the path is cleaned, the router asked, the
 * TLS options of the host compared with those of the handshake, middlewares
 * run, a server picked. Whatever cannot be served as configured ends here with
 * an error and reaches no backend.
 */
#include "core/proxy/exchange_private.h"

#include "core/base/log.h"
#include "core/http/uri.h"
#include "core/proxy/middleware.h"

#define STATUS_TEAPOT 418

/* False: it has been answered. */
static bool clean_path(struct exchange *exchange, struct span *routing_path)
{
    const struct model_entry_point *entry = client_entry(exchange->client);
    struct http_request *request = &exchange->request;
    if (uri_encoded_characters(request->path) & ~entry->allowed_encoded) {
        exchange_reply_error(exchange, 400, "encoded character in the path that is not allowed");
        return false;
    }
    enum err error = ERR_OK;
    if (entry->sanitize_path && request->path.len > 0 && request->path.ptr[0] == '/')
        error = uri_sanitize_path(request->path, &exchange->arena, &request->path);
    if (error == ERR_OK)
        error = uri_routing_path(request->path, &exchange->arena, routing_path);
    if (error == ERR_OK)
        return true;
    exchange_reply_error(exchange, error == ERR_SYNTAX ? 400 : 503, "path cannot be decoded");
    return false;
}

static const struct route *find_route(struct exchange *exchange, struct span routing_path)
{
    struct client *client = exchange->client;
    const struct entry_routes *routes = &exchange->hold->snapshot->entries[client->entry];
    struct rule_facts facts = {
        .request = &exchange->request,
        .host = exchange->request.host,
        .path = routing_path,
    };
    memcpy(facts.client_ip, client->peer_ip, sizeof(facts.client_ip));
    return router_match(client->is_tls ? routes->https : routes->http, &facts);
}

/* Whether the handshake was made under other options than the host wants. */
static bool is_misdirected(const struct exchange *exchange)
{
    const struct client *client = exchange->client;
    if (!client->is_tls)
        return false;
    const struct snapshot *snapshot = exchange->hold->snapshot;
    struct span name = SPAN_EMPTY;
    if (!router_table_tls_options(snapshot->entries[client->entry].https, exchange->request.host,
                                  &name))
        name = SPAN_EMPTY;
    const struct tls_options *options = snapshot_tls_options(snapshot, name);
    return options == NULL || options->identity != client->tls_options_identity;
}

static void serve_internally(struct exchange *exchange, struct span service)
{
    exchange_set_state(exchange, EXCHANGE_SUSPENDED);
    if (span_equal(service, SPAN("noop@internal")))
        exchange_reply_error(exchange, STATUS_TEAPOT, "noop@internal");
    else if (exchange->worker->hooks.internal_service != NULL)
        exchange->worker->hooks.internal_service(exchange, service);
    else
        exchange_reply_error(exchange, 404, "no such internal service");
}

static void dispatch(struct exchange *exchange)
{
    struct service *service = exchange->service;
    if (service_problem(service).len > 0) {
        exchange_reply_error(exchange, 503, "the service is out of order");
        return;
    }
    const struct model_service *model = service_model(service);
    if (model->kind == SERVICE_INTERNAL) {
        serve_internally(exchange, model->object.name);
        return;
    }
    exchange->server = service_pick(service, exchange->worker->index, NULL, &exchange->leaf);
    if (exchange->server == NULL) {
        exchange_reply_error(exchange, 503, EXCHANGE_NO_SERVER);
        return;
    }
    const struct service *leaf = exchange->leaf != NULL ? exchange->leaf : service;
    if (exchange_write_request(exchange, service_model(leaf)->pass_host_header) != ERR_OK)
        exchange_reply_error(exchange, 400, "the request cannot be passed on");
    else
        exchange_connect(exchange, false);
}

static void run_middlewares(struct exchange *exchange)
{
    const struct middleware_chain *chain = exchange->chain;
    while (exchange->middleware_next < chain->count) {
        const struct middleware *middleware = chain->items[exchange->middleware_next++];
        if (middleware->type->on_request == NULL)
            continue;
        enum middleware_verdict verdict = middleware->type->on_request(middleware, exchange);
        if (verdict == MIDDLEWARE_SUSPENDED)
            exchange_set_state(exchange, EXCHANGE_SUSPENDED);
        if (verdict != MIDDLEWARE_CONTINUE)
            return;
    }
    dispatch(exchange);
}

void middleware_resume(struct exchange *exchange)
{
    run_middlewares(exchange);
}

/* Once per chain, that is per router and snapshot. */
static void report(struct middleware_chain *chain, const struct route *route)
{
    if (!atomic_exchange_explicit(&chain->reported, true, memory_order_relaxed))
        log_error("router is out of service", "router", route->model->object.name.ptr, "error",
                  route->problem.len > 0 ? route->problem.ptr : chain->problem.ptr);
}

/* Fails closed: nothing of a route that has a problem is run. */
static void serve_route(struct exchange *exchange, const struct route *route)
{
    struct client *client = exchange->client;
    const struct entry_routes *routes = &exchange->hold->snapshot->entries[client->entry];
    exchange->route = route;
    exchange->chain = (client->is_tls ? routes->https_chains : routes->http_chains)[route->index];
    exchange->service = route->service;
    if (route->problem.len > 0 || exchange->chain->problem.len > 0 || route->service == NULL) {
        report(exchange->chain, route);
        exchange_reply_error(exchange, 503, "the router is out of service");
        return;
    }
    run_middlewares(exchange);
}

static bool is_too_large(const struct exchange *exchange)
{
    int64_t limit = exchange->worker->settings->weir.request_body_bytes;
    return limit > 0 && exchange->request.body == HTTP_BODY_LENGTH &&
           exchange->request.content_length > (uint64_t)limit;
}

void exchange_route(struct exchange *exchange)
{
    if (exchange->request.method == HTTP_METHOD_CONNECT) {
        exchange_reply_error(exchange, 405, "CONNECT is not served");
        return;
    }
    struct span routing_path;
    if (!clean_path(exchange, &routing_path))
        return;
    const struct route *route = find_route(exchange, routing_path);
    if (route == NULL)
        exchange_reply_error(exchange, 404, "no router matches");
    else if (is_misdirected(exchange))
        exchange_reply_error(exchange, 421, "the host has other TLS options");
    else if (is_too_large(exchange))
        exchange_reply_error(exchange, 413, "request body larger than requestBodyBytes");
    else
        serve_route(exchange, route);
}
