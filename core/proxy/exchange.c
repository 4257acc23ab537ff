/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An exchange's life, the request body on its way to the backend, and what
 * happens when the backend cannot be had. Body bytes that come before there is
 * a connection wait in exchange->body, and past BODY_WAITING the front pauses.
 */
#include "core/proxy/exchange_private.h"

#include "core/base/log.h"

#include <assert.h>

#define BODY_WAITING ((size_t)64 << 10)
#define ATTEMPTS_MAX 3 /* at a request that backends do not look at */
#define STATUS_CLIENT_GONE 499 /* as Traefik logs it; never sent */

static const char *const state_names[] = {
#define EXCHANGE_STATE_TEXT(name) #name,
    EXCHANGE_STATE_LIST(EXCHANGE_STATE_TEXT)
#undef EXCHANGE_STATE_TEXT
};

#define TO(name) (1u << EXCHANGE_##name)
static const unsigned state_transitions[] = {
    [EXCHANGE_NEW] = TO(ROUTING) | TO(RESPONSE) | TO(DONE),
    [EXCHANGE_ROUTING] = TO(SUSPENDED) | TO(CONNECTING) | TO(RESPONSE) | TO(DONE),
    [EXCHANGE_SUSPENDED] = TO(ROUTING) | TO(RESPONSE) | TO(DONE),
    [EXCHANGE_CONNECTING] = TO(REQUEST) | TO(RESPONSE) | TO(DONE),
    [EXCHANGE_REQUEST] = TO(CONNECTING) | TO(RESPONSE) | TO(TUNNEL) | TO(DONE),
    [EXCHANGE_RESPONSE] = TO(DONE),
    [EXCHANGE_TUNNEL] = TO(DONE),
    [EXCHANGE_DONE] = 0,
};

const char *exchange_state_name(enum exchange_state state)
{
    return state_names[state];
}

void exchange_set_state(struct exchange *exchange, enum exchange_state state)
{
    assert(state_transitions[exchange->state] & (1u << state));
    exchange->state = state;
}

int64_t exchange_now_ns(const struct exchange *exchange)
{
    const struct worker *worker = exchange->worker;
    return worker->hooks.access_log != NULL ? clock_monotonic_ns() : worker->now_ms * NS_PER_MS;
}

/* ---- life ---- */

struct exchange *exchange_create(struct client *client, const struct downstream_ops *downstream)
{
    struct worker *worker = client->conn.worker;
    size_t head_bytes = (size_t)client_entry(client)->max_header_bytes;
    struct exchange *exchange = exchange_pool_get(worker, head_bytes);
    if (exchange == NULL)
        return NULL;
    exchange->client = client;
    exchange->downstream = downstream;
    return exchange;
}

void exchange_start(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    exchange->started = true;
    exchange->started_ns = exchange_now_ns(exchange);
    exchange->started_wall_ns = worker->now_wall_ns;
    exchange->hold = snapshot_hold_use(worker->hold);
    metric_add(&worker->metrics.requests, 1);
    if (exchange->client->is_tls)
        metric_add(&worker->metrics.requests_tls, 1);
    exchange_set_state(exchange, EXCHANGE_ROUTING);
    exchange_route(exchange);
}

void exchange_forget_answerer(struct exchange *exchange)
{
    if (exchange->pending != NULL)
        *exchange->pending = NULL;
    exchange->pending = NULL;
}

void exchange_leave_upstream(struct exchange *exchange)
{
    if (exchange->upstream != NULL)
        upstream_detach(exchange->upstream);
    assert(exchange->upstream == NULL);
}

void exchange_client_gone(struct exchange *exchange)
{
    if (exchange->status == 0)
        exchange->status = STATUS_CLIENT_GONE;
    if (exchange->failure == NULL && !exchange->response_ended)
        exchange->failure = "the client has gone";
    exchange_leave_upstream(exchange);
    exchange_forget_answerer(exchange);
    if (exchange->state != EXCHANGE_DONE)
        exchange_set_state(exchange, EXCHANGE_DONE);
}

static void log_access(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    if (worker->hooks.access_log == NULL)
        return;
    struct access_record record = {exchange, exchange_now_ns(exchange) - exchange->started_ns};
    worker->hooks.access_log(worker, &record);
}

void exchange_finish(struct exchange *exchange)
{
    exchange_leave_upstream(exchange);
    exchange_forget_answerer(exchange);
    if (exchange->started)
        log_access(exchange);
    if (exchange->hold != NULL)
        snapshot_hold_release(exchange->hold);
    exchange_pool_put(exchange->worker, exchange);
}

/* ---- the request body ---- */

/*
 * Whether the request's body is the bytes of a connection to be (RFC 8441), none of
 * which are the backend's before it has switched protocols, nor ever if it does not.
 * From HTTP/1 such bytes come behind the request.
 */
static bool awaits_switch(const struct exchange *exchange)
{
    return exchange->upgrade && !exchange->switched &&
           exchange->downstream->take_tunnel == NULL;
}

/* Whether the backend has the head and wants what follows. */
static bool upstream_is_ready(const struct exchange *exchange)
{
    return exchange->upstream != NULL && !awaits_switch(exchange) &&
           (exchange->state == EXCHANGE_REQUEST || exchange->state == EXCHANGE_RESPONSE);
}

static void wait_with_body(struct exchange *exchange, struct span data)
{
    if (buf_append(&exchange->body, data) != ERR_OK) {
        exchange_request_failed(exchange, 503, "no room for the request body");
        return;
    }
    if (buf_len(&exchange->body) > BODY_WAITING)
        exchange->downstream->pause_body(exchange);
}

void exchange_request_body(struct exchange *exchange, struct span data)
{
    uint64_t limit = (uint64_t)exchange->worker->settings->weir.request_body_bytes;
    exchange->request_bytes += data.len;
    if (limit > 0 && exchange->request_bytes > limit) {
        exchange_request_failed(exchange, 413, "request body larger than requestBodyBytes");
        return;
    }
    if (upstream_is_ready(exchange)) {
        exchange->body_forwarded = true;
        upstream_send_body(exchange->upstream, data);
        if (upstream_is_congested(exchange->upstream))
            exchange->downstream->pause_body(exchange);
        return;
    }
    if (exchange->state == EXCHANGE_ROUTING || exchange->state == EXCHANGE_SUSPENDED ||
        exchange->state == EXCHANGE_CONNECTING ||
        (exchange->state == EXCHANGE_REQUEST && awaits_switch(exchange)))
        wait_with_body(exchange, data);
}

void exchange_request_end(struct exchange *exchange, const struct http_fields *trailers)
{
    exchange->request_ended = true;
    if (upstream_is_ready(exchange))
        upstream_send_end(exchange->upstream, trailers);
}

void exchange_request_failed(struct exchange *exchange, uint16_t status, const char *reason)
{
    if (exchange->response_ended || exchange->state == EXCHANGE_DONE)
        return;
    exchange->failure = reason;
    exchange_leave_upstream(exchange);
    if (exchange->response_started)
        exchange->downstream->abort(exchange);
    else
        exchange_reply_error(exchange, status, reason);
}

void exchange_drained(struct exchange *exchange)
{
    if (exchange->upstream != NULL && !exchange->response_ended)
        upstream_want(exchange->upstream, exchange->downstream->room(exchange));
}

void exchange_flushed(struct exchange *exchange)
{
    if (exchange->upstream != NULL)
        upstream_sink_flushed(exchange->upstream);
}

/* ---- the backend's connection ---- */

void exchange_connect(struct exchange *exchange, bool fresh)
{
    exchange->attempts++;
    exchange_set_state(exchange, EXCHANGE_CONNECTING);
    exchange->upstream_started_ns = exchange_now_ns(exchange);
    upstream_attach(exchange, fresh);
}

static void send_continue(struct exchange *exchange)
{
    static const struct http_response go_on = {.status = 100, .version = HTTP_1_1};
    if (!exchange->request.expect_continue || exchange->continue_sent ||
        exchange->request_bytes > 0 || exchange->downstream->send_informational == NULL)
        return;
    exchange->continue_sent = true;
    exchange->downstream->send_informational(exchange, &go_on);
}

/* What has come of the body, and the wish for the rest. */
static void send_waiting_body(struct exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;
    if (buf_len(&exchange->body) > 0) {
        exchange->body_forwarded = true;
        upstream_send_body(upstream, buf_span(&exchange->body));
        buf_finish(&exchange->body);
    }
    if (exchange->request_ended) {
        upstream_send_end(upstream, &exchange->request_trailers);
        return;
    }
    send_continue(exchange);
    if (!upstream_is_congested(upstream))
        exchange->downstream->resume_body(exchange);
}

void exchange_upstream_ready(struct exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;
    exchange_set_state(exchange, EXCHANGE_REQUEST);
    enum err error = upstream_send_head(upstream);
    if (error != ERR_OK)
        exchange_refuse_request(exchange, error);
    else if (awaits_switch(exchange))
        upstream_send_end(upstream, NULL);
    else
        send_waiting_body(exchange);
}

void exchange_switch_to_bytes(struct exchange *exchange)
{
    exchange->switched = true;
    upstream_switch_to_bytes(exchange->upstream);
    send_waiting_body(exchange);
}

void exchange_upstream_drained(struct exchange *exchange)
{
    if (!exchange->request_ended && !awaits_switch(exchange))
        exchange->downstream->resume_body(exchange);
}

void exchange_refuse_request(struct exchange *exchange, enum err error)
{
    exchange_leave_upstream(exchange);
    if (error == ERR_LIMIT)
        exchange_reply_error(exchange, 431, "too many header fields");
    else
        exchange_reply_error(exchange, error == ERR_INVALID ? 400 : 503,
                             "the request cannot be passed on");
}

static uint16_t failure_status(enum err error)
{
    switch (error) {
    case ERR_TIMEOUT:
        return 504;
    case ERR_NOTFOUND:
    case ERR_NOMEM:
    case ERR_UNSUPPORTED:
        return 503;
    default:
        return 502;
    }
}

/* RFC 9110 §9.2.2: only what may be done twice, unless it was not done at all, and nothing
 * of the body gone. */
static bool may_repeat(const struct exchange *exchange, enum upstream_failure kind)
{
    if (exchange->body_forwarded || exchange->response_started)
        return false;
    if (kind == UPSTREAM_REFUSED)
        return exchange->attempts < ATTEMPTS_MAX;
    return kind == UPSTREAM_STALE && exchange->attempts == 1 &&
           http_method_is_idempotent(exchange->request.method);
}

void exchange_upstream_failed(struct exchange *exchange, enum err error,
                              enum upstream_failure kind, const char *reason)
{
    struct worker *worker = exchange->worker;
    if (exchange->response_ended || exchange->state == EXCHANGE_DONE)
        return;
    if (may_repeat(exchange, kind)) {
        metric_add(&worker->metrics.upstream_retries, 1);
        exchange_connect(exchange, true);
        return;
    }
    metric_add(&worker->metrics.upstream_failures, 1);
    exchange->upstream_duration_ns = exchange_now_ns(exchange) - exchange->upstream_started_ns;
    log_debug("backend failed", "server", exchange->server->authority.ptr, "error", reason);
    exchange->failure = reason;
    if (exchange->response_started)
        exchange->downstream->abort(exchange);
    else
        exchange_reply_error(exchange, failure_status(error), reason);
}
