/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A long response body that goes to the client as it is, moved by the kernel. The
 * upstream's receive is given up first, and what had come is passed on; when the
 * client's connection has sent that, it is made ready for splicing, and a pump takes
 * the rest. Whatever cannot be had on the way, the body goes on being copied.
 */
#include "core/proxy/upstream_private.h"

#include "core/proxy/pump.h"

/* Whether the body is so long that splicing it is worth the change. */
static bool is_long(const struct upstream *upstream)
{
    const struct h1_body *body = &upstream->body;
    uint64_t least = (uint64_t)upstream->conn.worker->settings->weir.ktls_min_bytes;
    uint64_t passed = upstream->exchange->response_bytes;
    switch (body->kind) {
    case HTTP_BODY_LENGTH:
        return body->remaining <= CONN_KTLS_BYTES_MAX && passed + body->remaining >= least;
    case HTTP_BODY_UNTIL_CLOSE:
        return passed >= least;
    default:
        return false;
    }
}

void upstream_splice_stop(struct upstream *upstream)
{
    if (upstream->pump != NULL)
        pump_stop(upstream->pump);
    upstream->pump = NULL;
    if (upstream->splice == SPLICE_RELEASING) {
        upstream->conn.release_done = NULL;
        conn_pause(&upstream->conn);
    }
    upstream->splice = SPLICE_REFUSED;
}

/* ---- pumping ---- */

static void on_progress(void *owner, size_t bytes)
{
    struct upstream *upstream = owner;
    h1_body_skip(&upstream->body, bytes);
    upstream->exchange->response_bytes += bytes;
    upstream->sink->bytes_out += bytes;
}

/* What lies behind the body (bytes that nobody asked for, or the backend's end) was not
 * taken by the pump: the next request must not find it there. */
static bool has_more(const struct conn *conn)
{
    char byte;
    return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void complete(struct upstream *upstream)
{
    if (has_more(&upstream->conn))
        upstream->keep_alive = false;
    upstream_http1_complete(upstream);
}

static void on_end(void *owner, enum err error)
{
    struct upstream *upstream = owner;
    struct conn *sink = upstream->sink;
    bool sink_failed = pump_sink_failed(upstream->pump);
    upstream_splice_stop(upstream);
    if (error != ERR_OK && sink_failed)
        conn_fail(sink, error, NULL);
    else if (error != ERR_OK)
        upstream_http1_fail(upstream, error, "the connection to the backend broke");
    else if (upstream->body.state == H1_BODY_COMPLETE)
        complete(upstream);
    else
        upstream_http1_end(upstream);
}

static const struct pump_events pump_events = {on_progress, on_end};

static void start_pump(struct upstream *upstream)
{
    const struct h1_body *body = &upstream->body;
    uint64_t limit = body->kind == HTTP_BODY_LENGTH ? body->remaining : PUMP_ALL;
    struct conn *sink = upstream->sink;
    if (conn_open_to_splice(sink) == ERR_OK)
        upstream->pump = pump_start(sink->worker, upstream->conn.fd, sink->fd, limit,
                                    &pump_events, upstream);
    if (upstream->pump != NULL) {
        upstream->splice = SPLICE_PUMPING;
        return;
    }
    upstream->splice = SPLICE_REFUSED;
    conn_retake_receive(&upstream->conn);
}

void upstream_sink_flushed(struct upstream *upstream)
{
    if (upstream->splice == SPLICE_FLUSHING && conn_is_flushed(upstream->sink))
        start_pump(upstream);
}

/* ---- the way there ---- */

static void on_released(struct conn *conn)
{
    struct upstream *upstream = upstream_of(conn);
    if (upstream->response_complete)
        return;
    upstream->splice = SPLICE_FLUSHING;
    upstream_sink_flushed(upstream);
}

void upstream_splice_consider(struct upstream *upstream)
{
    struct exchange *exchange = upstream->exchange;
    if (upstream->splice != SPLICE_NONE || upstream->conn.tls != NULL || !is_long(upstream))
        return;
    upstream->sink = exchange->downstream->splice_sink(exchange);
    if (upstream->sink == NULL) {
        upstream->splice = SPLICE_REFUSED;
        return;
    }
    upstream->splice = SPLICE_RELEASING;
    conn_release_receive(&upstream->conn, on_released);
}
