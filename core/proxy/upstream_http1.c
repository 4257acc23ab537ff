/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1.1 towards a backend, one request at a time. The response head is
 * parsed where it was received if it came whole, and copied into the exchange's
 * arena. A failure first parts upstream and exchange and closes, and only then
 * tells the exchange, which may begin anew. The connection is freed in on_closed,
 * never under a caller.
 */
#include "core/proxy/upstream_private.h"

#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/proxy/exchange_pool.h"

#define FIELDS_MAX (LIMIT_HEADERS - 8) /* room for what is added on the way */
#define CHUNK_LINE_MAX 32
#define HALF_CLOSED_MS 10000

static const struct h1_limits response_limits = {UPSTREAM_HEAD_BYTES, FIELDS_MAX};

/* ---- ends ---- */

static void close_now(struct upstream_http1 *http1)
{
    if (http1->state == UPSTREAM_IDLE) {
        list_remove(&http1->link);
        http1->pool->idle_count--;
    }
    upstream_set_state(http1, UPSTREAM_CLOSING);
    conn_close(&http1->conn);
}

void upstream_http1_fail(struct upstream_http1 *http1, enum err error, const char *reason)
{
    bool repeatable = http1->reused && !http1->received;
    bool over = http1->response_complete;
    struct exchange *exchange = upstream_unlink(http1);
    close_now(http1);
    if (exchange != NULL && !over)
        exchange_upstream_failed(exchange, error, repeatable, reason);
}

static void on_task(struct worker_task *task)
{
    struct upstream_http1 *http1 = container_of(task, struct upstream_http1, task);
    upstream_http1_fail(http1, ERR_NOMEM, "out of memory");
}

static void on_closed(struct conn *conn)
{
    struct upstream_http1 *http1 = http1_of(conn);
    if (http1->state == UPSTREAM_CONNECTING && http1->upstream.exchange != NULL) {
        http1->address++;
        upstream_connect_next(http1);
        return;
    }
    upstream_free(http1);
}

/* ---- the request ---- */

void upstream_http1_begin(struct upstream_http1 *http1)
{
    struct exchange *exchange = http1->upstream.exchange;
    const struct upstream_transport *transport =
        snapshot_transport(exchange->hold->snapshot, http1->pool->server->transport);
    upstream_set_state(http1, UPSTREAM_BUSY);
    http1->task.run = on_task;
    http1->response_header_timeout_ms =
        transport != NULL ? transport->response_header_timeout_ms : 0;
    http1->received = http1->head_done = false;
    http1->response_complete = http1->request_complete = false;
    http1->keep_alive = http1->as_bytes = false;
    http1->splice = SPLICE_NONE;
    http1->request_chunked = exchange->request.body == HTTP_BODY_CHUNKED;
    http1->scanned = 0;
    conn_set_timeout(&http1->conn, 0);
    exchange_upstream_ready(exchange);
}

static void write_or_fail(struct upstream_http1 *http1, struct span bytes)
{
    if (conn_write(&http1->conn, bytes) != ERR_OK)
        worker_defer(http1->conn.worker, &http1->task);
}

/* One side of a connection that carries bytes is over: the other has so much time
 * between two pieces. */
static void watch_half(struct upstream_http1 *http1)
{
    conn_set_timeout(&http1->conn, HALF_CLOSED_MS);
}

static enum err send_head(struct upstream *upstream)
{
    struct upstream_http1 *http1 = http1_of_upstream(upstream);
    const struct exchange *exchange = upstream->exchange;
    struct buf *wire = exchange_pool_wire(http1->conn.worker);
    enum err error = h1_write_request(wire, &exchange->request, exchange->target_sent);
    if (error == ERR_OK) {
        write_or_fail(http1, buf_span(wire));
        return ERR_OK;
    }
    /* The connection has seen nothing of it. */
    http1->request_complete = http1->response_complete = http1->keep_alive = true;
    return error;
}

static void send_body(struct upstream *upstream, struct span data)
{
    struct upstream_http1 *http1 = http1_of_upstream(upstream);
    if (data.len == 0)
        return;
    if (!http1->request_chunked) {
        write_or_fail(http1, data);
        return;
    }
    char memory[CHUNK_LINE_MAX];
    struct buf line;
    buf_init_fixed(&line, memory, sizeof(memory));
    if (h1_write_chunk_start(&line, data.len) == ERR_OK)
        write_or_fail(http1, buf_span(&line));
    write_or_fail(http1, data);
    write_or_fail(http1, H1_CHUNK_END);
}

static void send_last_chunk(struct upstream_http1 *http1, const struct http_fields *trailers)
{
    struct buf last;
    buf_init(&last, UPSTREAM_HEAD_BYTES * 8);
    if (h1_write_last_chunk(&last, trailers) == ERR_OK)
        write_or_fail(http1, buf_span(&last));
    else
        worker_defer(http1->conn.worker, &http1->task);
    buf_finish(&last);
}

static void send_end(struct upstream *upstream, const struct http_fields *trailers)
{
    struct upstream_http1 *http1 = http1_of_upstream(upstream);
    if (http1->as_bytes) {
        conn_end_output(&http1->conn);
        watch_half(http1);
    } else if (http1->request_chunked) {
        send_last_chunk(http1, trailers);
    }
    http1->request_complete = true;
    if (!http1->head_done)
        conn_set_timeout(&http1->conn, http1->response_header_timeout_ms);
}

static bool is_congested(struct upstream *upstream)
{
    return conn_is_congested(&http1_of_upstream(upstream)->conn);
}

static void pause_response(struct upstream *upstream)
{
    conn_pause(&http1_of_upstream(upstream)->conn);
}

static void resume_response(struct upstream *upstream)
{
    struct upstream_http1 *http1 = http1_of_upstream(upstream);
    bool released = http1->splice == SPLICE_FLUSHING || http1->splice == SPLICE_PUMPING;
    if (!released)
        conn_resume(&http1->conn);
}

static void sink_flushed(struct upstream *upstream)
{
    upstream_splice_flushed(http1_of_upstream(upstream));
}

static struct conn *take_tunnel(struct upstream *upstream, struct span *early)
{
    struct upstream_http1 *http1 = http1_of_upstream(upstream);
    *early = http1->rest;
    http1->rest = SPAN_EMPTY;
    upstream_set_state(http1, UPSTREAM_TUNNEL);
    (void)upstream_unlink(http1);
    return &http1->conn;
}

static void switch_to_bytes(struct upstream *upstream)
{
    struct upstream_http1 *http1 = http1_of_upstream(upstream);
    http1->as_bytes = true;
    http1->keep_alive = http1->request_chunked = http1->request_complete = false;
    h1_body_init(&http1->body, HTTP_BODY_UNTIL_CLOSE, 0, &response_limits);
}

/* Nothing that was received may be left for the next request to take for its answer. */
static bool is_reusable(const struct upstream_http1 *http1)
{
    const struct conn *conn = &http1->conn;
    bool unread = conn->paused && (conn->held_count > 0 || conn->tls != NULL);
    return !unread && http1->state == UPSTREAM_BUSY && http1->response_complete &&
           http1->request_complete && http1->keep_alive && conn->state == CONN_OPEN &&
           !conn->receive_ended && !conn->above_high_mark;
}

/* Both sides have ended: what waits is sent. Else the backend shall notice. */
static void close_bytes(struct upstream_http1 *http1)
{
    upstream_set_state(http1, UPSTREAM_CLOSING);
    if (http1->request_complete && http1->response_complete)
        conn_close_after_flush(&http1->conn, false);
    else
        conn_abort(&http1->conn);
}

static void detach(struct upstream *upstream)
{
    struct upstream_http1 *http1 = http1_of_upstream(upstream);
    (void)upstream_unlink(http1);
    worker_task_cancel(&http1->task);
    h1_body_finish(&http1->body);
    buf_finish(&http1->input);
    if (is_reusable(http1) && upstream_pool_park(http1))
        conn_resume(&http1->conn);
    else if (http1->as_bytes)
        close_bytes(http1);
    else
        close_now(http1);
}

const struct upstream_ops upstream_http1_ops = {
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .is_congested = is_congested,
    .pause = pause_response,
    .resume = resume_response,
    .sink_flushed = sink_flushed,
    .take_tunnel = take_tunnel,
    .switch_to_bytes = switch_to_bytes,
    .detach = detach,
};

/* ---- the response head ---- */

/* The head in front of *bytes, whole, is given to the exchange. */
static enum err take_head(struct upstream_http1 *http1, struct span bytes,
                          struct http_response *response, size_t *len)
{
    struct exchange *exchange = http1->upstream.exchange;
    struct err_text why;
    why.text[0] = '\0';
    TRY(h1_parse_response(bytes, &response_limits, &exchange->arena, &http1->scanned,
                          exchange->request.method, response, len, &why));
    char *copy = arena_bytes(&exchange->arena, *len);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, bytes.ptr, *len);
    h1_response_rebase(response, bytes.ptr, *len, copy);
    http1->scanned = 0;
    return ERR_OK;
}

static void give_head(struct upstream_http1 *http1, const struct http_response *response,
                      struct span *rest)
{
    struct exchange *exchange = http1->upstream.exchange;
    http1->head_done = true;
    http1->keep_alive = response->keep_alive;
    conn_set_timeout(&http1->conn, 0);
    h1_body_init(&http1->body, response->body, response->content_length, &response_limits);
    bool end = http1->body.state == H1_BODY_COMPLETE && response->status != 101;
    http1->response_complete = end;
    if (end && rest->len > 0)
        http1->keep_alive = false;
    exchange->response = *response;
    http1->rest = *rest;
    exchange_upstream_head(exchange, end);
    if (end || http1->upstream.exchange == NULL)
        *rest = SPAN_EMPTY;
    http1->rest = SPAN_EMPTY;
}

/* Heads in front of *rest, informational ones too; false when more must come or
 * nothing is left to do. */
static bool feed_head(struct upstream_http1 *http1, struct span *rest)
{
    while (http1->upstream.exchange != NULL && !http1->head_done) {
        struct http_response response;
        size_t len;
        enum err error = take_head(http1, *rest, &response, &len);
        if (error == ERR_AGAIN)
            return false;
        if (error != ERR_OK) {
            upstream_http1_fail(http1, error == ERR_NOMEM ? error : ERR_PROTOCOL,
                 "the backend's response is malformed");
            return false;
        }
        *rest = span_skip(*rest, len);
        if (response.status >= 200 || response.status == 101)
            give_head(http1, &response, rest);
        else
            exchange_upstream_informational(http1->upstream.exchange, &response);
    }
    return http1->upstream.exchange != NULL && !http1->response_complete;
}

/* ---- the response body ---- */

static void response_is_over(struct upstream_http1 *http1, struct span rest)
{
    struct exchange *exchange = http1->upstream.exchange;
    http1->response_complete = true;
    if (rest.len > 0)
        http1->keep_alive = false;
    if (http1->as_bytes)
        watch_half(http1);
    exchange_upstream_end(exchange, &exchange->response_trailers);
}

void upstream_http1_complete(struct upstream_http1 *http1)
{
    response_is_over(http1, SPAN_EMPTY);
}

static void feed_body(struct upstream_http1 *http1, struct span rest)
{
    enum err error = ERR_OK;
    while (error == ERR_OK) {
        struct exchange *exchange = http1->upstream.exchange;
        struct span piece = SPAN_EMPTY;
        error = h1_body_decode(&http1->body, &rest, &piece, &exchange->response_trailers);
        if (piece.len > 0)
            exchange_upstream_body(exchange, piece);
        if (http1->upstream.exchange == NULL)
            return;
    }
    if (error == ERR_AGAIN)
        upstream_splice_consider(http1);
    else if (error == ERR_CLOSED)
        response_is_over(http1, rest);
    else
        upstream_http1_fail(http1, ERR_PROTOCOL, "the backend's response body is malformed");
}

/* ---- events of the connection ---- */

static void on_open(struct conn *conn)
{
    upstream_http1_begin(http1_of(conn));
}

/* A head that came in pieces goes on in `input`. */
static void feed_gathered(struct upstream_http1 *http1, struct span data)
{
    if (buf_append(&http1->input, data) != ERR_OK) {
        upstream_http1_fail(http1, ERR_PROTOCOL, "the backend's response head is too long");
        return;
    }
    struct buf taken = http1->input;
    struct span rest = buf_span(&taken);
    buf_init(&http1->input, taken.max);
    if (feed_head(http1, &rest)) {
        feed_body(http1, rest);
    } else if (http1->upstream.exchange != NULL && !http1->head_done) {
        buf_consume(&taken, buf_len(&taken) - rest.len);
        http1->input = taken;
        return;
    }
    buf_finish(&taken);
}

static void on_data(struct conn *conn, struct span data)
{
    struct upstream_http1 *http1 = http1_of(conn);
    if (http1->upstream.exchange == NULL || http1->response_complete) {
        upstream_http1_fail(http1, ERR_PROTOCOL, "the backend sends without being asked");
        return;
    }
    http1->received = true;
    if (http1->as_bytes && http1->request_complete)
        watch_half(http1);
    if (http1->head_done) {
        feed_body(http1, data);
    } else if (buf_len(&http1->input) > 0) {
        feed_gathered(http1, data);
    } else if (feed_head(http1, &data)) {
        feed_body(http1, data);
    } else if (http1->upstream.exchange != NULL && !http1->head_done && data.len > 0 &&
               buf_append(&http1->input, data) != ERR_OK) {
        upstream_http1_fail(http1, ERR_NOMEM, "out of memory");
    }
}

void upstream_http1_end(struct upstream_http1 *http1)
{
    http1->keep_alive = false;
    if (http1->upstream.exchange == NULL || http1->response_complete)
        upstream_http1_fail(http1, ERR_CLOSED, "closed");
    else if (!http1->head_done)
        upstream_http1_fail(http1, ERR_CLOSED,
                            "the backend closed the connection before it answered");
    else if (h1_body_end_of_stream(&http1->body) == ERR_OK)
        response_is_over(http1, SPAN_EMPTY);
    else
        upstream_http1_fail(http1, ERR_CLOSED,
                            "the backend closed the connection within the response");
}

static void on_end(struct conn *conn)
{
    upstream_http1_end(http1_of(conn));
}

static void on_drained(struct conn *conn)
{
    struct upstream_http1 *http1 = http1_of(conn);
    if (http1->upstream.exchange != NULL)
        exchange_upstream_drained(http1->upstream.exchange);
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct upstream_http1 *http1 = http1_of(conn);
    if (why->text[0] != '\0')
        log_debug("backend connection failed", "server", http1->pool->server->authority.ptr,
                  "error", why->text);
    if (http1->state == UPSTREAM_CONNECTING) {
        http1->error = error;
        conn_close(conn); /* on_closed tries the next address */
        return;
    }
    upstream_http1_fail(http1, error,
         error == ERR_TIMEOUT ? "the backend took too long to answer"
                              : "the connection to the backend broke");
}

const struct conn_handler upstream_http1_handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_failed = on_failed,
    .on_closed = on_closed,
};
