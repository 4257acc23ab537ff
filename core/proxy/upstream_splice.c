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
static bool is_long(const struct upstream_http1 *http1)
{
    const struct h1_body *body = &http1->body;
    uint64_t least = (uint64_t)http1->conn.worker->settings->weir.ktls_min_bytes;
    uint64_t passed = http1->upstream.exchange->response_bytes;
    switch (body->kind) {
    case HTTP_BODY_LENGTH:
        return body->remaining <= CONN_KTLS_BYTES_MAX && passed + body->remaining >= least;
    case HTTP_BODY_UNTIL_CLOSE:
        return passed >= least;
    default:
        return false;
    }
}

void upstream_splice_stop(struct upstream_http1 *http1)
{
    if (http1->pump != NULL)
        pump_stop(http1->pump);
    http1->pump = NULL;
    if (http1->splice == SPLICE_RELEASING) {
        http1->conn.release_done = NULL;
        conn_pause(&http1->conn);
    }
    http1->splice = SPLICE_REFUSED;
}

/* ---- pumping ---- */

static void on_progress(void *owner, size_t bytes)
{
    struct upstream_http1 *http1 = owner;
    h1_body_skip(&http1->body, bytes);
    http1->upstream.exchange->response_bytes += bytes;
    http1->sink->bytes_out += bytes;
}

/* What lies behind the body (bytes that nobody asked for, or the backend's end) was not
 * taken by the pump: the next request must not find it there. */
static bool has_more(const struct conn *conn)
{
    char byte;
    return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void complete(struct upstream_http1 *http1)
{
    if (has_more(&http1->conn))
        http1->keep_alive = false;
    upstream_http1_complete(http1);
}

static void on_end(void *owner, enum err error)
{
    struct upstream_http1 *http1 = owner;
    struct conn *sink = http1->sink;
    bool sink_failed = pump_sink_failed(http1->pump);
    upstream_splice_stop(http1);
    if (error != ERR_OK && sink_failed)
        conn_fail(sink, error, NULL);
    else if (error != ERR_OK)
        upstream_http1_fail(http1, error, "the connection to the backend broke");
    else if (http1->body.state == H1_BODY_COMPLETE)
        complete(http1);
    else
        upstream_http1_end(http1);
}

static const struct pump_events pump_events = {on_progress, on_end};

static void start_pump(struct upstream_http1 *http1)
{
    const struct h1_body *body = &http1->body;
    uint64_t limit = body->kind == HTTP_BODY_LENGTH ? body->remaining : PUMP_ALL;
    struct conn *sink = http1->sink;
    if (conn_open_to_splice(sink) == ERR_OK)
        http1->pump = pump_start(sink->worker, http1->conn.fd, sink->fd, limit,
                                    &pump_events, http1);
    if (http1->pump != NULL) {
        http1->splice = SPLICE_PUMPING;
        return;
    }
    http1->splice = SPLICE_REFUSED;
    conn_retake_receive(&http1->conn);
}

void upstream_splice_flushed(struct upstream_http1 *http1)
{
    if (http1->splice == SPLICE_FLUSHING && conn_is_flushed(http1->sink))
        start_pump(http1);
}

/* ---- the way there ---- */

static void on_released(struct conn *conn)
{
    struct upstream_http1 *http1 = http1_of(conn);
    if (http1->response_complete)
        return;
    http1->splice = SPLICE_FLUSHING;
    upstream_splice_flushed(http1);
}

void upstream_splice_consider(struct upstream_http1 *http1)
{
    struct exchange *exchange = http1->upstream.exchange;
    if (http1->splice != SPLICE_NONE || http1->conn.tls != NULL || !is_long(http1))
        return;
    http1->sink = exchange->downstream->splice_sink != NULL
                      ? exchange->downstream->splice_sink(exchange)
                      : NULL;
    if (http1->sink == NULL) {
        http1->splice = SPLICE_REFUSED;
        return;
    }
    http1->splice = SPLICE_RELEASING;
    conn_release_receive(&http1->conn, on_released);
}
