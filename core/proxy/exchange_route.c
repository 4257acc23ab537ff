/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a request to who serves it. Each step either lets the request go on or
 * has answered it: whatever cannot be served as configured ends here and
 * reaches no backend. Middlewares run by index, so that one that had to wait is
 * followed by the next, and only those that ran see the response.
 */
#include "core/proxy/exchange_private.h"

#include "core/base/log.h"
#include "core/http/uri.h"
#include "core/proxy/challenges.h"
#include "core/proxy/forward.h"
#include "core/proxy/middleware.h"

#define ANSWERED(exchange, status, why) (exchange_reply_error((exchange), (status), (why)), false)

/* ---- what is refused before anything is looked up ---- */

/* What the client takes for the rest of its request is not to become the next one. */
static bool refuse(struct exchange *exchange, uint16_t status, const char *why)
{
    exchange->request.keep_alive = false;
    return ANSWERED(exchange, status, why);
}

static bool check_method_and_length(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    uint64_t limit = (uint64_t)exchange->worker->settings->weir.request_body_bytes;
    if (request->method == HTTP_METHOD_CONNECT)
        return refuse(exchange, 405, "CONNECT is not served");
    if (limit > 0 && request->body == HTTP_BODY_LENGTH && request->content_length > limit)
        return ANSWERED(exchange, 413, "request body larger than requestBodyBytes");
    return true;
}

/* `;` in a query is a separator to some and not to others: encodeQuerySemicolons. */
static bool encode_semicolons(struct exchange *exchange)
{
    struct span query = exchange->request.query;
    size_t count = 0;
    for (size_t i = 0; i < query.len; i++)
        count += query.ptr[i] == ';';
    if (count == 0)
        return true;
    char *bytes = arena_bytes(&exchange->arena, query.len + 2 * count), *at = bytes;
    if (bytes == NULL)
        return ANSWERED(exchange, 503, "out of memory");
    for (size_t i = 0; i < query.len; i++) {
        if (query.ptr[i] == ';') {
            memcpy(at, "%3B", 3);
            at += 3;
        } else {
            *at++ = query.ptr[i];
        }
    }
    exchange->request.query = span_make(bytes, query.len + 2 * count);
    return true;
}

static bool settle_path(struct exchange *exchange, struct span *routing_path)
{
    const struct model_entry_point *entry = client_entry(exchange->client);
    struct http_request *request = &exchange->request;
    if (uri_encoded_characters(request->path) & ~entry->allowed_encoded)
        return refuse(exchange, 400, "the path holds an encoded character that is not allowed");
    if (entry->sanitize_path &&
        uri_sanitize_path(request->path, &exchange->arena, &request->path) != ERR_OK)
        return ANSWERED(exchange, 503, "out of memory");
    if (entry->encode_query_semicolons && !encode_semicolons(exchange))
        return false;
    enum err error = uri_routing_path(request->path, &exchange->arena, routing_path);
    if (error == ERR_OK)
        return true;
    return error == ERR_NOMEM ? ANSWERED(exchange, 503, "out of memory")
                              : refuse(exchange, 400, "malformed percent-encoding in the path");
}

/*
 * A handshake under one host's TLS options must not reach a host that asks for
 * others (client certificates above all), whether the client sent another
 * server name or none. Nor may a connection outlive options that have since come
 * to ask for certificates, or for others: the client is to come again.
 */
static bool check_tls_options(struct exchange *exchange, const struct entry_routes *routes)
{
    const struct client *client = exchange->client;
    struct span host = exchange->request.host, name = SPAN_EMPTY;
    bool same_host = span_equal(host, span_cstr(client->server_name));
    const struct snapshot *snapshot = exchange_snapshot(exchange);
    if (!client->is_tls || (same_host && client->tls_epoch == snapshot->epoch))
        return true;
    if (host.len == 0 || !router_table_tls_options(routes->https, host, &name))
        name = SPAN_EMPTY;
    const struct tls_options *options = snapshot_tls_options(snapshot, name);
    if (options != NULL && (options->identity == client->tls_options_identity ||
                            (same_host && options->client_auth == TLS_CLIENT_AUTH_NONE)))
        return true;
    exchange->request.keep_alive = false;
    return ANSWERED(exchange, 421, "the host's TLS options differ from those of the handshake");
}

/* ---- the router ---- */

static bool check_chain(struct exchange *exchange)
{
    struct middleware_chain *chain = exchange->chain;
    if (chain->problem.len == 0)
        return true;
    /* Relaxed: it orders nothing, and a line too many would do no harm. */
    if (!atomic_load_explicit(&chain->reported, memory_order_relaxed)) {
        atomic_store_explicit(&chain->reported, true, memory_order_relaxed);
        log_error("router is out of service", "router", exchange->route->model->object.name.ptr,
                  "error", chain->problem.ptr);
    }
    return ANSWERED(exchange, 503, chain->problem.ptr);
}

/*
 * As in Traefik the host decides under which options a handshake is done, so a
 * router can come to serve under others than its own. Where its own insist on a
 * certificate, it does not.
 */
static bool check_client_auth(struct exchange *exchange, const struct route *route)
{
    struct span name = route->model->tls.options;
    if (!exchange->client->is_tls || name.len == 0)
        return true;
    const struct tls_options *options = snapshot_tls_options(exchange_snapshot(exchange), name);
    if (options == NULL)
        return ANSWERED(exchange, 503, "the router's TLS options cannot be used");
    bool insists = options->client_auth == TLS_CLIENT_AUTH_REQUIRE_ANY ||
                   options->client_auth == TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY;
    if (!insists || options->identity == exchange->client->tls_options_identity)
        return true;
    return ANSWERED(exchange, 421, "the router asks for client certificates, and its host's TLS "
                                   "options do not");
}

static bool find_route(struct exchange *exchange, const struct entry_routes *routes,
                       struct span routing_path)
{
    const struct client *client = exchange->client;
    bool tls = client->is_tls;
    struct rule_facts facts = {
        .request = &exchange->request,
        .host = exchange->request.host,
        .path = routing_path,
    };
    memcpy(facts.client_ip, client->peer_ip, sizeof(facts.client_ip));
    const struct route *route = router_match(tls ? routes->https : routes->http, &facts);
    if (route == NULL)
        return ANSWERED(exchange, 404, "no router matches");
    exchange->route = route;
    if (route->problem.len > 0) /* the log has it since the snapshot was built */
        return ANSWERED(exchange, 503, route->problem.ptr);
    if (!check_client_auth(exchange, route))
        return false;
    if (route->service == NULL || service_problem(route->service).len > 0)
        return ANSWERED(exchange, 503, "the service is out of order");
    exchange->service = route->service;
    exchange->chain = (tls ? routes->https_chains : routes->http_chains)[route->index];
    return check_chain(exchange);
}

/* ---- the service ---- */

/* Of HTTP-01, RFC 8555 §8.3. */
static void answer_challenge(struct exchange *exchange)
{
    struct span answer = challenges_find_http(exchange->request.path);
    if (answer.len == 0)
        exchange_reply_error(exchange, 404, "no ACME challenge has this token");
    else
        exchange_reply(exchange, 200, NULL, SPAN("application/octet-stream"), answer);
}

static void serve_internal(struct exchange *exchange, struct span name)
{
    struct worker *worker = exchange->worker;
    if (span_equal(name, SPAN("noop@internal"))) {
        exchange_reply(exchange, 418, NULL, SPAN_EMPTY, SPAN_EMPTY);
        return;
    }
    if (span_equal(name, SPAN("acme-http@internal"))) {
        answer_challenge(exchange);
        return;
    }
    if (worker->hooks.internal_service == NULL) {
        exchange_reply_error(exchange, 404, "no such internal service");
        return;
    }
    exchange_set_state(exchange, EXCHANGE_SUSPENDED);
    worker->hooks.internal_service(exchange, name);
}

static void dispatch(struct exchange *exchange)
{
    const struct model_service *model = service_model(exchange->service);
    if (model->kind == SERVICE_INTERNAL) {
        serve_internal(exchange, model->object.name);
        return;
    }
    exchange->leaf = exchange->service;
    exchange->server =
        service_pick(exchange->service, exchange->worker->index, NULL, &exchange->leaf);
    if (exchange->server == NULL) {
        exchange_reply_error(exchange, 503, EXCHANGE_NO_SERVER);
        return;
    }
    bool pass_host_header = service_model(exchange->leaf)->pass_host_header;
    enum err error = exchange_settle_request(exchange, pass_host_header);
    if (error != ERR_OK)
        exchange_refuse_request(exchange, error);
    else
        exchange_connect(exchange, false);
}

static void run_middlewares(struct exchange *exchange)
{
    const struct middleware_chain *chain = exchange->chain;
    while (exchange->middleware_next < chain->count) {
        const struct middleware *middleware = chain->items[exchange->middleware_next];
        enum middleware_verdict verdict = middleware->type->on_request(middleware, exchange);
        if (verdict == MIDDLEWARE_SUSPENDED)
            exchange_set_state(exchange, EXCHANGE_SUSPENDED);
        if (verdict != MIDDLEWARE_CONTINUE)
            return;
        exchange->middleware_next++;
    }
    dispatch(exchange);
}

void middleware_resume(struct exchange *exchange)
{
    exchange_set_state(exchange, EXCHANGE_ROUTING);
    exchange->middleware_next++;
    run_middlewares(exchange);
}

void exchange_route(struct exchange *exchange)
{
    const struct entry_routes *routes =
        &exchange_snapshot(exchange)->entries[exchange->client->entry];
    struct span routing_path;
    if (!check_method_and_length(exchange) || !settle_path(exchange, &routing_path) ||
        !check_tls_options(exchange, routes))
        return;
    if (forward_receive(exchange) != ERR_OK) {
        exchange_reply_error(exchange, 431, "too many header fields");
        return;
    }
    if (find_route(exchange, routes, routing_path))
        run_middlewares(exchange);
}
