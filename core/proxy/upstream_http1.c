/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1.1 towards a backend, one request at a time. The response head is
 * parsed where it was received if it came whole, and copied into the exchange's
 * arena. A failure first parts upstream and exchange and closes, and only then
 * tells the exchange, which may begin anew. An upstream is freed in on_closed,
 * never under a caller.
 */
#include "core/proxy/upstream_private.h"

#include "core/base/limits.h"
#include "core/base/log.h"

#define FIELDS_MAX (LIMIT_HEADERS - 8) /* room for what is added on the way */
#define CHUNK_LINE_MAX 32

/* ---- ends ---- */

static void close_now(struct upstream *upstream)
{
    if (upstream->state == UPSTREAM_IDLE) {
        list_remove(&upstream->link);
        upstream->pool->idle_count--;
    }
    upstream_set_state(upstream, UPSTREAM_CLOSING);
    conn_close(&upstream->conn);
}

void upstream_http1_fail(struct upstream *upstream, enum err error, const char *reason)
{
    bool repeatable = upstream->reused && !upstream->received;
    bool over = upstream->response_complete;
    struct exchange *exchange = upstream_unlink(upstream);
    close_now(upstream);
    if (exchange != NULL && !over)
        exchange_upstream_failed(exchange, error, repeatable, reason);
}

static void on_task(struct worker_task *task)
{
    upstream_http1_fail(container_of(task, struct upstream, task), ERR_NOMEM, "out of memory");
}

static void on_closed(struct conn *conn)
{
    struct upstream *upstream = upstream_of(conn);
    if (upstream->state == UPSTREAM_CONNECTING && upstream->exchange != NULL) {
        upstream->address++;
        upstream_connect_next(upstream);
        return;
    }
    upstream_free(upstream);
}

/* ---- the request ---- */

void upstream_http1_begin(struct upstream *upstream)
{
    struct exchange *exchange = upstream->exchange;
    const struct upstream_transport *transport =
        snapshot_transport(exchange->hold->snapshot, upstream->pool->server->transport);
    upstream_set_state(upstream, UPSTREAM_BUSY);
    upstream->task.run = on_task;
    upstream->response_header_timeout_ms =
        transport != NULL ? transport->response_header_timeout_ms : 0;
    upstream->received = upstream->head_done = false;
    upstream->response_complete = upstream->request_complete = false;
    upstream->keep_alive = false;
    upstream->splice = SPLICE_NONE;
    upstream->request_chunked = exchange->request.body == HTTP_BODY_CHUNKED;
    upstream->scanned = 0;
    conn_set_timeout(&upstream->conn, 0);
    exchange_upstream_ready(exchange);
}

static void write_or_fail(struct upstream *upstream, struct span bytes)
{
    if (conn_write(&upstream->conn, bytes) != ERR_OK)
        worker_defer(upstream->conn.worker, &upstream->task);
}

void upstream_send_head(struct upstream *upstream, struct span head)
{
    write_or_fail(upstream, head);
}

void upstream_send_body(struct upstream *upstream, struct span data)
{
    if (data.len == 0)
        return;
    if (!upstream->request_chunked) {
        write_or_fail(upstream, data);
        return;
    }
    char memory[CHUNK_LINE_MAX];
    struct buf line;
    buf_init_fixed(&line, memory, sizeof(memory));
    if (h1_write_chunk_start(&line, data.len) == ERR_OK)
        write_or_fail(upstream, buf_span(&line));
    write_or_fail(upstream, data);
    write_or_fail(upstream, H1_CHUNK_END);
}

static void send_last_chunk(struct upstream *upstream, const struct http_fields *trailers)
{
    struct buf last;
    buf_init(&last, UPSTREAM_HEAD_BYTES * 8);
    if (h1_write_last_chunk(&last, trailers) == ERR_OK)
        write_or_fail(upstream, buf_span(&last));
    else
        worker_defer(upstream->conn.worker, &upstream->task);
    buf_finish(&last);
}

void upstream_send_end(struct upstream *upstream, const struct http_fields *trailers)
{
    if (upstream->request_chunked)
        send_last_chunk(upstream, trailers);
    upstream->request_complete = true;
    if (!upstream->head_done)
        conn_set_timeout(&upstream->conn, upstream->response_header_timeout_ms);
}

bool upstream_is_congested(struct upstream *upstream)
{
    return conn_is_congested(&upstream->conn);
}

void upstream_pause(struct upstream *upstream)
{
    conn_pause(&upstream->conn);
}

void upstream_resume(struct upstream *upstream)
{
    bool released = upstream->splice == SPLICE_FLUSHING || upstream->splice == SPLICE_PUMPING;
    if (!released)
        conn_resume(&upstream->conn);
}

struct conn *upstream_take_tunnel(struct upstream *upstream, struct span *early)
{
    *early = upstream->rest;
    upstream->rest = SPAN_EMPTY;
    upstream_set_state(upstream, UPSTREAM_TUNNEL);
    (void)upstream_unlink(upstream);
    return &upstream->conn;
}

/* Nothing that was received may be left for the next request to take for its answer. */
static bool is_reusable(const struct upstream *upstream)
{
    const struct conn *conn = &upstream->conn;
    bool unread = conn->paused && (conn->held_count > 0 || conn->tls != NULL);
    return !unread && upstream->state == UPSTREAM_BUSY && upstream->response_complete &&
           upstream->request_complete && upstream->keep_alive && conn->state == CONN_OPEN &&
           !conn->receive_ended && !conn->above_high_mark;
}

void upstream_detach(struct upstream *upstream)
{
    (void)upstream_unlink(upstream);
    worker_task_cancel(&upstream->task);
    h1_body_finish(&upstream->body);
    buf_finish(&upstream->input);
    if (is_reusable(upstream) && upstream_pool_park(upstream)) {
        conn_resume(&upstream->conn);
        return;
    }
    close_now(upstream);
}

/* ---- the response head ---- */

static const struct h1_limits response_limits = {UPSTREAM_HEAD_BYTES, FIELDS_MAX};

/* The head in front of *bytes, whole, is given to the exchange. */
static enum err take_head(struct upstream *upstream, struct span bytes,
                          struct http_response *response, size_t *len)
{
    struct exchange *exchange = upstream->exchange;
    struct err_text why;
    why.text[0] = '\0';
    TRY(h1_parse_response(bytes, &response_limits, &exchange->arena, &upstream->scanned,
                          exchange->request.method, response, len, &why));
    char *copy = arena_bytes(&exchange->arena, *len);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, bytes.ptr, *len);
    h1_response_rebase(response, bytes.ptr, *len, copy);
    upstream->scanned = 0;
    return ERR_OK;
}

static void give_head(struct upstream *upstream, const struct http_response *response,
                      struct span *rest)
{
    struct exchange *exchange = upstream->exchange;
    upstream->head_done = true;
    upstream->keep_alive = response->keep_alive;
    conn_set_timeout(&upstream->conn, 0);
    h1_body_init(&upstream->body, response->body, response->content_length, &response_limits);
    bool end = upstream->body.state == H1_BODY_COMPLETE && response->status != 101;
    upstream->response_complete = end;
    if (end && rest->len > 0)
        upstream->keep_alive = false;
    exchange->response = *response;
    upstream->rest = *rest;
    exchange_upstream_head(exchange, end);
    if (end || upstream->exchange == NULL)
        *rest = SPAN_EMPTY;
    upstream->rest = SPAN_EMPTY;
}

/* Heads in front of *rest, informational ones too; false when more must come or
 * nothing is left to do. */
static bool feed_head(struct upstream *upstream, struct span *rest)
{
    while (upstream->exchange != NULL && !upstream->head_done) {
        struct http_response response;
        size_t len;
        enum err error = take_head(upstream, *rest, &response, &len);
        if (error == ERR_AGAIN)
            return false;
        if (error != ERR_OK) {
            upstream_http1_fail(upstream, error == ERR_NOMEM ? error : ERR_PROTOCOL,
                 "the backend's response is malformed");
            return false;
        }
        *rest = span_skip(*rest, len);
        if (response.status >= 200 || response.status == 101)
            give_head(upstream, &response, rest);
        else
            exchange_upstream_informational(upstream->exchange, &response);
    }
    return upstream->exchange != NULL && !upstream->response_complete;
}

/* ---- the response body ---- */

static void response_is_over(struct upstream *upstream, struct span rest)
{
    struct exchange *exchange = upstream->exchange;
    upstream->response_complete = true;
    if (rest.len > 0)
        upstream->keep_alive = false;
    exchange_upstream_end(exchange, &exchange->response_trailers);
}

void upstream_http1_complete(struct upstream *upstream)
{
    response_is_over(upstream, SPAN_EMPTY);
}

static void feed_body(struct upstream *upstream, struct span rest)
{
    enum err error = ERR_OK;
    while (error == ERR_OK) {
        struct exchange *exchange = upstream->exchange;
        struct span piece = SPAN_EMPTY;
        error = h1_body_decode(&upstream->body, &rest, &piece, &exchange->response_trailers);
        if (piece.len > 0)
            exchange_upstream_body(exchange, piece);
        if (upstream->exchange == NULL)
            return;
    }
    if (error == ERR_AGAIN)
        upstream_splice_consider(upstream);
    else if (error == ERR_CLOSED)
        response_is_over(upstream, rest);
    else
        upstream_http1_fail(upstream, ERR_PROTOCOL, "the backend's response body is malformed");
}

/* ---- events of the connection ---- */

static void on_open(struct conn *conn)
{
    upstream_http1_begin(upstream_of(conn));
}

/* A head that came in pieces goes on in `input`. */
static void feed_gathered(struct upstream *upstream, struct span data)
{
    if (buf_append(&upstream->input, data) != ERR_OK) {
        upstream_http1_fail(upstream, ERR_PROTOCOL, "the backend's response head is too long");
        return;
    }
    struct buf taken = upstream->input;
    struct span rest = buf_span(&taken);
    buf_init(&upstream->input, taken.max);
    if (feed_head(upstream, &rest)) {
        feed_body(upstream, rest);
    } else if (upstream->exchange != NULL && !upstream->head_done) {
        buf_consume(&taken, buf_len(&taken) - rest.len);
        upstream->input = taken;
        return;
    }
    buf_finish(&taken);
}

static void on_data(struct conn *conn, struct span data)
{
    struct upstream *upstream = upstream_of(conn);
    if (upstream->exchange == NULL || upstream->response_complete) {
        upstream_http1_fail(upstream, ERR_PROTOCOL, "the backend sends without being asked");
        return;
    }
    upstream->received = true;
    if (upstream->head_done) {
        feed_body(upstream, data);
    } else if (buf_len(&upstream->input) > 0) {
        feed_gathered(upstream, data);
    } else if (feed_head(upstream, &data)) {
        feed_body(upstream, data);
    } else if (upstream->exchange != NULL && !upstream->head_done && data.len > 0 &&
               buf_append(&upstream->input, data) != ERR_OK) {
        upstream_http1_fail(upstream, ERR_NOMEM, "out of memory");
    }
}

void upstream_http1_end(struct upstream *upstream)
{
    upstream->keep_alive = false;
    if (upstream->exchange == NULL || upstream->response_complete)
        upstream_http1_fail(upstream, ERR_CLOSED, "closed");
    else if (!upstream->head_done)
        upstream_http1_fail(upstream, ERR_CLOSED,
                            "the backend closed the connection before it answered");
    else if (h1_body_end_of_stream(&upstream->body) == ERR_OK)
        response_is_over(upstream, SPAN_EMPTY);
    else
        upstream_http1_fail(upstream, ERR_CLOSED,
                            "the backend closed the connection within the response");
}

static void on_end(struct conn *conn)
{
    upstream_http1_end(upstream_of(conn));
}

static void on_drained(struct conn *conn)
{
    struct upstream *upstream = upstream_of(conn);
    if (upstream->exchange != NULL)
        exchange_upstream_drained(upstream->exchange);
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct upstream *upstream = upstream_of(conn);
    if (why->text[0] != '\0')
        log_debug("backend connection failed", "server", upstream->pool->server->authority.ptr,
                  "error", why->text);
    if (upstream->state == UPSTREAM_CONNECTING) {
        upstream->error = error;
        conn_close(conn); /* on_closed tries the next address */
        return;
    }
    upstream_http1_fail(upstream, error,
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
