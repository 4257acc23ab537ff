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
static bool is_long(const struct upstream_conn *backend)
{
    const struct h1_body *body = &backend->body;
    uint64_t least = (uint64_t)backend->conn.worker->settings->weir.ktls_min_bytes;
    uint64_t passed = backend->upstream.exchange->response_bytes;
    switch (body->kind) {
    case HTTP_BODY_LENGTH:
        return body->remaining <= CONN_KTLS_BYTES_MAX && passed + body->remaining >= least;
    case HTTP_BODY_UNTIL_CLOSE:
        return passed >= least;
    default:
        return false;
    }
}

void upstream_splice_stop(struct upstream_conn *backend)
{
    if (backend->pump != NULL)
        pump_stop(backend->pump);
    backend->pump = NULL;
    if (backend->splice == SPLICE_RELEASING) {
        backend->conn.release_done = NULL;
        conn_pause(&backend->conn);
    }
    backend->splice = SPLICE_REFUSED;
}

/* ---- pumping ---- */

static void on_progress(void *owner, size_t bytes)
{
    struct upstream_conn *backend = owner;
    h1_body_skip(&backend->body, bytes);
    backend->upstream.exchange->response_bytes += bytes;
    backend->sink->bytes_out += bytes;
}

/* What lies behind the body (bytes that nobody asked for, or the backend's end) was not
 * taken by the pump: the next request must not find it there. */
static bool has_more(const struct conn *conn)
{
    char byte;
    return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void complete(struct upstream_conn *backend)
{
    if (has_more(&backend->conn))
        backend->keep_alive = false;
    upstream_http1_complete(backend);
}

static void on_end(void *owner, enum err error)
{
    struct upstream_conn *backend = owner;
    struct conn *sink = backend->sink;
    bool sink_failed = pump_sink_failed(backend->pump);
    upstream_splice_stop(backend);
    if (error != ERR_OK && sink_failed)
        conn_fail(sink, error, NULL);
    else if (error != ERR_OK)
        upstream_http1_fail(backend, error, "the connection to the backend broke");
    else if (backend->body.state == H1_BODY_COMPLETE)
        complete(backend);
    else
        upstream_http1_end(backend);
}

static const struct pump_events pump_events = {on_progress, on_end};

static void start_pump(struct upstream_conn *backend)
{
    const struct h1_body *body = &backend->body;
    uint64_t limit = body->kind == HTTP_BODY_LENGTH ? body->remaining : PUMP_ALL;
    struct conn *sink = backend->sink;
    if (conn_open_to_splice(sink) == ERR_OK)
        backend->pump = pump_start(sink->worker, backend->conn.fd, sink->fd, limit,
                                    &pump_events, backend);
    if (backend->pump != NULL) {
        backend->splice = SPLICE_PUMPING;
        return;
    }
    backend->splice = SPLICE_REFUSED;
    conn_retake_receive(&backend->conn);
}

void upstream_splice_flushed(struct upstream_conn *backend)
{
    if (backend->splice == SPLICE_FLUSHING && conn_is_flushed(backend->sink))
        start_pump(backend);
}

/* ---- the way there ---- */

static void on_released(struct conn *conn)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    if (backend->response_complete)
        return;
    backend->splice = SPLICE_FLUSHING;
    upstream_splice_flushed(backend);
}

void upstream_splice_consider(struct upstream_conn *backend)
{
    struct exchange *exchange = backend->upstream.exchange;
    if (backend->splice != SPLICE_NONE || backend->conn.tls != NULL || !is_long(backend))
        return;
    backend->sink = exchange->downstream->splice_sink != NULL
                      ? exchange->downstream->splice_sink(exchange)
                      : NULL;
    if (backend->sink == NULL) {
        backend->splice = SPLICE_REFUSED;
        return;
    }
    backend->splice = SPLICE_RELEASING;
    conn_release_receive(&backend->conn, on_released);
}
