/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1.1 towards a backend, one request at a time. The response head is
 * parsed where it was received if it came whole, and copied into the exchange's
 * arena. A failure first parts upstream and exchange and closes, and only then
 * tells the exchange, which may begin anew. The connection is freed in on_closed,
 * never under a caller.
 */
#include "core/proxy/upstream_private.h"

#include "core/base/log.h"
#include "core/proxy/exchange_pool.h"

#define CHUNK_LINE_MAX 32
#define HALF_CLOSED_MS 10000

static const struct h1_limits response_limits = {UPSTREAM_HEAD_BYTES, UPSTREAM_FIELDS_MAX};

/* ---- ends ---- */

static void close_now(struct upstream_conn *backend)
{
    if (backend->state == UPSTREAM_IDLE) {
        list_remove(&backend->link);
        backend->pool->idle_count--;
    }
    upstream_set_state(backend, UPSTREAM_CLOSING);
    conn_close(&backend->conn);
}

void upstream_http1_fail(struct upstream_conn *backend, enum err error, const char *reason)
{
    enum upstream_failure kind =
        backend->reused && !backend->received ? UPSTREAM_STALE : UPSTREAM_FAILED;
    bool over = backend->response_complete;
    struct exchange *exchange = upstream_unlink(backend);
    close_now(backend);
    if (exchange != NULL && !over)
        exchange_upstream_failed(exchange, error, kind, reason);
}

static void on_task(struct worker_task *task)
{
    struct upstream_conn *backend = container_of(task, struct upstream_conn, task);
    upstream_http1_fail(backend, ERR_NOMEM, "out of memory");
}

static void on_closed(struct conn *conn)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    upstream_free(backend);
}

/* ---- the request ---- */

void upstream_http1_begin(struct upstream_conn *backend)
{
    struct exchange *exchange = backend->upstream.exchange;
    const struct upstream_transport *transport =
        snapshot_transport(exchange->hold->snapshot, backend->pool->server->transport);
    upstream_set_state(backend, UPSTREAM_BUSY);
    backend->task.run = on_task;
    backend->response_header_timeout_ms =
        transport != NULL ? transport->response_header_timeout_ms : 0;
    backend->received = backend->head_done = false;
    backend->response_complete = backend->request_complete = false;
    backend->keep_alive = backend->as_bytes = false;
    backend->splice = SPLICE_NONE;
    backend->request_chunked = exchange->request.body == HTTP_BODY_CHUNKED;
    backend->scanned = 0;
    conn_set_timeout(&backend->conn, 0);
    conn_want_now(&backend->conn, exchange->downstream->room(exchange));
    exchange_upstream_ready(exchange);
}

static void write_or_fail(struct upstream_conn *backend, struct span bytes)
{
    if (conn_write(&backend->conn, bytes) != ERR_OK)
        worker_defer(backend->conn.worker, &backend->task);
}

/* One side of a connection that carries bytes is over: the other has so much time
 * between two pieces. */
static void watch_half(struct upstream_conn *backend)
{
    conn_set_timeout(&backend->conn, HALF_CLOSED_MS);
}

static enum err send_head(struct upstream *upstream)
{
    struct upstream_conn *backend = upstream_http1_of(upstream);
    const struct exchange *exchange = upstream->exchange;
    struct buf *wire = exchange_pool_wire(backend->conn.worker);
    enum err error = h1_write_request(wire, &exchange->request, exchange->target_sent);
    if (error == ERR_OK) {
        write_or_fail(backend, buf_span(wire));
        return ERR_OK;
    }
    /* The connection has seen nothing of it. */
    backend->request_complete = backend->response_complete = backend->keep_alive = true;
    return error;
}

static void send_body(struct upstream *upstream, struct span data)
{
    struct upstream_conn *backend = upstream_http1_of(upstream);
    if (data.len == 0)
        return;
    if (!backend->request_chunked) {
        write_or_fail(backend, data);
        return;
    }
    char memory[CHUNK_LINE_MAX];
    struct buf line;
    buf_init_fixed(&line, memory, sizeof(memory));
    if (h1_write_chunk_start(&line, data.len) == ERR_OK)
        write_or_fail(backend, buf_span(&line));
    write_or_fail(backend, data);
    write_or_fail(backend, H1_CHUNK_END);
}

static void send_last_chunk(struct upstream_conn *backend, const struct http_fields *trailers)
{
    struct buf last;
    buf_init(&last, UPSTREAM_HEAD_BYTES * 8);
    if (h1_write_last_chunk(&last, trailers) == ERR_OK)
        write_or_fail(backend, buf_span(&last));
    else
        worker_defer(backend->conn.worker, &backend->task);
    buf_finish(&last);
}

static void send_end(struct upstream *upstream, const struct http_fields *trailers)
{
    struct upstream_conn *backend = upstream_http1_of(upstream);
    if (backend->as_bytes) {
        conn_end_output(&backend->conn);
        watch_half(backend);
    } else if (backend->request_chunked) {
        send_last_chunk(backend, trailers);
    }
    backend->request_complete = true;
    if (!backend->head_done)
        conn_set_timeout(&backend->conn, backend->response_header_timeout_ms);
}

static bool is_congested(struct upstream *upstream)
{
    return conn_is_congested(&upstream_http1_of(upstream)->conn);
}

static void want(struct upstream *upstream, size_t bytes)
{
    struct upstream_conn *backend = upstream_http1_of(upstream);
    bool released = backend->splice == SPLICE_FLUSHING || backend->splice == SPLICE_PUMPING;
    if (bytes == 0) {
        conn_pause(&backend->conn);
        return;
    }
    conn_want(&backend->conn, bytes);
    if (!released)
        conn_resume(&backend->conn);
}

static void sink_flushed(struct upstream *upstream)
{
    upstream_splice_flushed(upstream_http1_of(upstream));
}

static struct conn *take_tunnel(struct upstream *upstream, struct span *early)
{
    struct upstream_conn *backend = upstream_http1_of(upstream);
    *early = backend->rest;
    backend->rest = SPAN_EMPTY;
    upstream_set_state(backend, UPSTREAM_TUNNEL);
    (void)upstream_unlink(backend);
    return &backend->conn;
}

static void switch_to_bytes(struct upstream *upstream)
{
    struct upstream_conn *backend = upstream_http1_of(upstream);
    backend->as_bytes = true;
    backend->keep_alive = backend->request_chunked = backend->request_complete = false;
    h1_body_init(&backend->body, HTTP_BODY_UNTIL_CLOSE, 0, &response_limits);
}

/* Nothing that was received may be left for the next request to take for its answer. */
static bool is_reusable(const struct upstream_conn *backend)
{
    const struct conn *conn = &backend->conn;
    bool unread = conn->paused && (conn->held_count > 0 || conn->tls != NULL);
    return !unread && backend->state == UPSTREAM_BUSY && backend->response_complete &&
           backend->request_complete && backend->keep_alive && conn->state == CONN_OPEN &&
           !conn->receive_ended && !conn->above_high_mark;
}

/* Both sides have ended: what waits is sent. Else the backend shall notice. */
static void close_bytes(struct upstream_conn *backend)
{
    if (backend->request_complete && backend->response_complete) {
        upstream_close_after_flush(backend);
        return;
    }
    upstream_set_state(backend, UPSTREAM_CLOSING);
    conn_abort(&backend->conn);
}

static void detach(struct upstream *upstream)
{
    struct upstream_conn *backend = upstream_http1_of(upstream);
    (void)upstream_unlink(backend);
    worker_task_cancel(&backend->task);
    h1_body_finish(&backend->body);
    buf_finish(&backend->input);
    if (is_reusable(backend) && upstream_pool_park(backend))
        conn_resume(&backend->conn);
    else if (backend->as_bytes)
        close_bytes(backend);
    else
        close_now(backend);
}

const struct upstream_ops upstream_http1_ops = {
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .is_congested = is_congested,
    .want = want,
    .sink_flushed = sink_flushed,
    .take_tunnel = take_tunnel,
    .switch_to_bytes = switch_to_bytes,
    .detach = detach,
};

/* ---- the response head ---- */

/* The head in front of *bytes, whole, is given to the exchange. */
static enum err take_head(struct upstream_conn *backend, struct span bytes,
                          struct http_response *response, size_t *len)
{
    struct exchange *exchange = backend->upstream.exchange;
    struct err_text why;
    why.text[0] = '\0';
    TRY(h1_parse_response(bytes, &response_limits, &exchange->arena, &backend->scanned,
                          exchange->request.method, response, len, &why));
    char *copy = arena_bytes(&exchange->arena, *len);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, bytes.ptr, *len);
    h1_response_rebase(response, bytes.ptr, *len, copy);
    backend->scanned = 0;
    return ERR_OK;
}

static void give_head(struct upstream_conn *backend, const struct http_response *response,
                      struct span *rest)
{
    struct exchange *exchange = backend->upstream.exchange;
    backend->head_done = true;
    backend->keep_alive = response->keep_alive;
    conn_set_timeout(&backend->conn, 0);
    h1_body_init(&backend->body, response->body, response->content_length, &response_limits);
    bool end = backend->body.state == H1_BODY_COMPLETE && response->status != 101;
    backend->response_complete = end;
    if (end && rest->len > 0)
        backend->keep_alive = false;
    exchange->response = *response;
    backend->rest = *rest;
    exchange_upstream_head(exchange, end);
    if (end || backend->upstream.exchange == NULL)
        *rest = SPAN_EMPTY;
    backend->rest = SPAN_EMPTY;
}

/* Heads in front of *rest, informational ones too; false when more must come or
 * nothing is left to do. */
static bool feed_head(struct upstream_conn *backend, struct span *rest)
{
    while (backend->upstream.exchange != NULL && !backend->head_done) {
        struct http_response response;
        size_t len;
        enum err error = take_head(backend, *rest, &response, &len);
        if (error == ERR_AGAIN)
            return false;
        if (error != ERR_OK) {
            upstream_http1_fail(backend, error == ERR_NOMEM ? error : ERR_PROTOCOL,
                 "the backend's response is malformed");
            return false;
        }
        *rest = span_skip(*rest, len);
        if (response.status >= 200 || response.status == 101)
            give_head(backend, &response, rest);
        else
            exchange_upstream_informational(backend->upstream.exchange, &response);
    }
    return backend->upstream.exchange != NULL && !backend->response_complete;
}

/* ---- the response body ---- */

static void response_is_over(struct upstream_conn *backend, struct span rest)
{
    struct exchange *exchange = backend->upstream.exchange;
    backend->response_complete = true;
    if (rest.len > 0)
        backend->keep_alive = false;
    if (backend->as_bytes)
        watch_half(backend);
    exchange_upstream_end(exchange, &exchange->response_trailers);
}

void upstream_http1_complete(struct upstream_conn *backend)
{
    response_is_over(backend, SPAN_EMPTY);
}

static void feed_body(struct upstream_conn *backend, struct span rest)
{
    enum err error = ERR_OK;
    while (error == ERR_OK) {
        struct exchange *exchange = backend->upstream.exchange;
        struct span piece = SPAN_EMPTY;
        error = h1_body_decode(&backend->body, &rest, &piece, &exchange->response_trailers);
        if (piece.len > 0)
            exchange_upstream_body(exchange, piece);
        if (backend->upstream.exchange == NULL)
            return;
    }
    if (error == ERR_AGAIN)
        upstream_splice_consider(backend);
    else if (error == ERR_CLOSED)
        response_is_over(backend, rest);
    else
        upstream_http1_fail(backend, ERR_PROTOCOL, "the backend's response body is malformed");
}

/* ---- events of the connection ---- */

/* A head that came in pieces goes on in `input`. */
static void feed_gathered(struct upstream_conn *backend, struct span data)
{
    if (buf_append(&backend->input, data) != ERR_OK) {
        upstream_http1_fail(backend, ERR_PROTOCOL, "the backend's response head is too long");
        return;
    }
    struct buf taken = backend->input;
    struct span rest = buf_span(&taken);
    buf_init(&backend->input, taken.max);
    if (feed_head(backend, &rest)) {
        feed_body(backend, rest);
    } else if (backend->upstream.exchange != NULL && !backend->head_done) {
        buf_consume(&taken, buf_len(&taken) - rest.len);
        backend->input = taken;
        return;
    }
    buf_finish(&taken);
}

static void on_data(struct conn *conn, struct span data)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    if (backend->upstream.exchange == NULL || backend->response_complete) {
        upstream_http1_fail(backend, ERR_PROTOCOL, "the backend sends without being asked");
        return;
    }
    backend->received = true;
    if (backend->as_bytes && backend->request_complete)
        watch_half(backend);
    if (backend->head_done) {
        feed_body(backend, data);
    } else if (buf_len(&backend->input) > 0) {
        feed_gathered(backend, data);
    } else if (feed_head(backend, &data)) {
        feed_body(backend, data);
    } else if (backend->upstream.exchange != NULL && !backend->head_done && data.len > 0 &&
               buf_append(&backend->input, data) != ERR_OK) {
        upstream_http1_fail(backend, ERR_NOMEM, "out of memory");
    }
}

void upstream_http1_end(struct upstream_conn *backend)
{
    backend->keep_alive = false;
    if (backend->upstream.exchange == NULL || backend->response_complete)
        upstream_http1_fail(backend, ERR_CLOSED, "closed");
    else if (!backend->head_done)
        upstream_http1_fail(backend, ERR_CLOSED,
                            "the backend closed the connection before it answered");
    else if (h1_body_end_of_stream(&backend->body) == ERR_OK)
        response_is_over(backend, SPAN_EMPTY);
    else
        upstream_http1_fail(backend, ERR_CLOSED,
                            "the backend closed the connection within the response");
}

static void on_end(struct conn *conn)
{
    upstream_http1_end(upstream_conn_of(conn));
}

static void on_drained(struct conn *conn)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    if (backend->upstream.exchange != NULL)
        exchange_upstream_drained(backend->upstream.exchange);
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    if (why->text[0] != '\0')
        log_debug("backend connection failed", "server", backend->pool->server->authority.ptr,
                  "error", why->text);
    upstream_http1_fail(backend, error,
         error == ERR_TIMEOUT ? "the backend took too long to answer"
                              : "the connection to the backend broke");
}

const struct conn_handler upstream_http1_handler = {
    .on_data = on_data,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_failed = on_failed,
    .on_closed = on_closed,
};
