/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An exchange's life, its way to a backend, and the flow of the request body.
 */
#include "core/proxy/exchange_private.h"

#include "core/base/clock.h"

#include <assert.h>

#define EARLY_BODY_BYTES ((size_t)64 << 10)

static const char *const state_names[] = {
#define EXCHANGE_STATE_TEXT(name) #name,
    EXCHANGE_STATE_LIST(EXCHANGE_STATE_TEXT)
#undef EXCHANGE_STATE_TEXT
};

#define TO(name) (1u << EXCHANGE_##name)
static const unsigned state_transitions[] = {
    [EXCHANGE_NEW] = TO(ROUTING) | TO(RESPONSE) | TO(DONE),
    [EXCHANGE_ROUTING] = TO(SUSPENDED) | TO(CONNECTING) | TO(RESPONSE) | TO(DONE),
    [EXCHANGE_SUSPENDED] = TO(CONNECTING) | TO(RESPONSE) | TO(DONE),
    [EXCHANGE_CONNECTING] = TO(CONNECTING) | TO(REQUEST) | TO(RESPONSE) | TO(DONE),
    [EXCHANGE_REQUEST] = TO(CONNECTING) | TO(RESPONSE) | TO(TUNNEL) | TO(DONE),
    [EXCHANGE_RESPONSE] = TO(DONE),
    [EXCHANGE_TUNNEL] = TO(DONE),
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

/* ---- life ---- */

struct exchange *exchange_create(struct client *client, const struct downstream_ops *downstream)
{
    struct worker *worker = client->conn.worker;
    struct exchange *exchange =
        exchange_pool_get(worker, (size_t)client_entry(client)->max_header_bytes);
    if (exchange == NULL)
        return NULL;
    exchange->client = client;
    exchange->downstream = downstream;
    return exchange;
}

int64_t exchange_now_ns(const struct exchange *exchange)
{
    if (exchange->worker->hooks.access_log != NULL)
        return clock_monotonic_ns();
    return exchange->worker->now_ms * NS_PER_MS;
}

void exchange_leave_upstream(struct exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;
    exchange->upstream = NULL;
    if (upstream != NULL)
        upstream_detach(upstream);
}

void exchange_forget_answerer(struct exchange *exchange)
{
    if (exchange->pending != NULL)
        *exchange->pending = NULL;
    exchange->pending = NULL;
}

static void write_access_log(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    if (worker->hooks.access_log == NULL || !exchange->started)
        return;
    struct access_record record = {exchange, exchange_now_ns(exchange) - exchange->started_ns};
    worker->hooks.access_log(worker, &record);
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

void exchange_finish(struct exchange *exchange)
{
    exchange_leave_upstream(exchange);
    exchange_forget_answerer(exchange);
    write_access_log(exchange);
    if (exchange->state != EXCHANGE_DONE)
        exchange_set_state(exchange, EXCHANGE_DONE);
    if (exchange->hold != NULL)
        snapshot_hold_release(exchange->hold);
    exchange_pool_put(exchange->worker, exchange);
}

/* ---- the backend ---- */

void exchange_connect(struct exchange *exchange, bool fresh)
{
    exchange_set_state(exchange, EXCHANGE_CONNECTING);
    exchange->attempts++;
    upstream_attach(exchange, fresh);
}

static uint16_t failure_status(enum err error)
{
    return error == ERR_TIMEOUT ? 504 : error == ERR_NOTFOUND ? 503 : 502;
}

/* RFC 9110 §9.2.2: only what may be done twice, and nothing of the body gone. */
static bool may_repeat(const struct exchange *exchange)
{
    return http_method_is_idempotent(exchange->request.method) && !exchange->body_forwarded &&
           !exchange->response_started && exchange->attempts < 2;
}

void exchange_upstream_failed(struct exchange *exchange, enum err error, bool repeatable,
                              const char *reason)
{
    struct worker *worker = exchange->worker;
    exchange->upstream = NULL;
    if (exchange->state == EXCHANGE_DONE || exchange->response_ended)
        return;
    if (repeatable && may_repeat(exchange)) {
        metric_add(&worker->metrics.upstream_retries, 1);
        exchange_connect(exchange, true);
        return;
    }
    metric_add(&worker->metrics.upstream_failures, 1);
    exchange->failure = reason;
    if (!exchange->response_started)
        exchange_reply_error(exchange, failure_status(error), reason);
    else
        exchange->downstream->abort(exchange);
}

void exchange_drained(struct exchange *exchange)
{
    if (exchange->upstream != NULL)
        upstream_resume(exchange->upstream);
}

/* ---- the request body ---- */

static bool is_connected(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_REQUEST ||
           (exchange->state == EXCHANGE_RESPONSE && exchange->upstream != NULL);
}

static bool over_body_limit(const struct exchange *exchange, uint64_t bytes)
{
    int64_t limit = exchange->worker->settings->weir.request_body_bytes;
    return limit > 0 && bytes > (uint64_t)limit;
}

static void keep_for_later(struct exchange *exchange, struct span data)
{
    if (buf_append(&exchange->body, data) != ERR_OK) {
        exchange_request_failed(exchange, 503, "too much body before the backend was connected");
        return;
    }
    if (buf_len(&exchange->body) >= EARLY_BODY_BYTES)
        exchange->downstream->pause_body(exchange);
}

void exchange_request_body(struct exchange *exchange, struct span data)
{
    exchange->request_bytes += data.len;
    if (over_body_limit(exchange, exchange->request_bytes)) {
        exchange_request_failed(exchange, 413, "request body larger than requestBodyBytes");
        return;
    }
    if (is_connected(exchange)) {
        exchange->body_forwarded = true;
        upstream_send_body(exchange->upstream, data);
        if (exchange->upstream != NULL && upstream_is_congested(exchange->upstream))
            exchange->downstream->pause_body(exchange);
        return;
    }
    if (exchange->state < EXCHANGE_RESPONSE)
        keep_for_later(exchange, data);
}

void exchange_request_end(struct exchange *exchange, const struct http_fields *trailers)
{
    exchange->request_ended = true;
    if (is_connected(exchange))
        upstream_send_end(exchange->upstream, trailers);
}

void exchange_request_failed(struct exchange *exchange, uint16_t status, const char *reason)
{
    exchange_leave_upstream(exchange);
    if (!exchange->response_started)
        exchange_reply_error(exchange, status, reason);
    else if (!exchange->response_ended)
        exchange->downstream->abort(exchange);
}

void exchange_client_gone(struct exchange *exchange)
{
    exchange_forget_answerer(exchange);
    exchange_leave_upstream(exchange);
}

static void ask_for_body(struct exchange *exchange)
{
    bool nothing_yet = exchange->request_bytes == 0;
    if (exchange->request.expect_continue && nothing_yet && !exchange->continue_sent) {
        static const struct http_response go_on = {.status = 100};
        exchange->continue_sent = true;
        exchange->downstream->send_informational(exchange, &go_on);
    }
    exchange->downstream->resume_body(exchange);
}

void exchange_upstream_ready(struct exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;
    exchange_set_state(exchange, EXCHANGE_REQUEST);
    exchange->upstream_started_ns = exchange_now_ns(exchange);
    upstream_send_head(upstream, buf_span(&exchange->head));
    if (buf_len(&exchange->body) > 0) {
        exchange->body_forwarded = true;
        upstream_send_body(upstream, buf_span(&exchange->body));
        buf_clear(&exchange->body);
        buf_release(&exchange->body);
    }
    if (exchange->request_ended)
        upstream_send_end(upstream, &exchange->request_trailers);
    else
        ask_for_body(exchange);
}

void exchange_upstream_drained(struct exchange *exchange)
{
    exchange->downstream->resume_body(exchange);
}
