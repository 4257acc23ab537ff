/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A head is parsed where it was received if it came whole, else gathered in
 * `input`; then it is copied into the exchange's arena. While an exchange runs,
 * body bytes go straight to it, and bytes behind the request wait in `input`
 * with the connection paused. When a response is over, a task at the end of the
 * turn frees the exchange and begins the next request or closes: so nothing is
 * freed under a caller, and pipelined requests never recurse.
 */
#include "core/proxy/front_http1_private.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/http/h2.h"

#include <assert.h>

/* A body that is stopped for so long has its client watched. */
#define STOPPED_LONG_MS 250
/* What may wait behind a request, beside one head: a delivery or what was peeked. */
#define INPUT_EXTRA ((size_t)256 << 10)

#define TO(name) (1u << FRONT_HTTP1_##name)
static const unsigned state_transitions[] = {
    [FRONT_HTTP1_IDLE] = TO(HEAD) | TO(CLOSING),
    [FRONT_HTTP1_HEAD] = TO(EXCHANGE) | TO(CLOSING),
    [FRONT_HTTP1_EXCHANGE] = TO(IDLE) | TO(TUNNEL) | TO(CLOSING),
    [FRONT_HTTP1_TUNNEL] = TO(CLOSING),
    [FRONT_HTTP1_CLOSING] = TO(CLOSING),
};

void front_http1_set_state(struct front_http1 *front, enum front_http1_state state)
{
    assert(state_transitions[front->state] & (1u << state));
    front->state = state;
}

static struct h1_limits limits_of(const struct client *client)
{
    int64_t count = client->conn.worker->settings->weir.header_count;
    return (struct h1_limits){
        .head_bytes = (size_t)client_entry(client)->max_header_bytes,
        .field_count = count > 0 && count < LIMIT_HEADERS ? (size_t)count : LIMIT_HEADERS,
    };
}

/* ---- ends ---- */

static void drop_exchange(struct front_http1 *front)
{
    struct exchange *exchange = front->exchange;
    front->exchange = NULL;
    if (exchange == NULL)
        return;
    if (!exchange->response_ended)
        exchange_client_gone(exchange);
    exchange_finish(exchange);
}

/* The connection has failed or its client has left. Not from inside an exchange. */
static void give_up(struct client *client)
{
    front_http1_set_state(&client->http1, FRONT_HTTP1_CLOSING);
    client->idle = false;
    drop_exchange(&client->http1);
    conn_close_after_flush(&client->conn, false);
}

static void on_closed(struct conn *conn)
{
    struct client *client = client_of(conn);
    struct front_http1 *front = &client->http1;
    worker_task_cancel(&front->task);
    drop_exchange(front);
    h1_body_finish(&front->body);
    buf_finish(&front->input);
    client_closed(conn);
}

void front_http1_settle(struct client *client)
{
    worker_defer(client->conn.worker, &client->http1.task);
}

void front_http1_tunnel_ended(struct exchange *exchange)
{
    struct client *client = exchange->client;
    front_http1_set_state(&client->http1, FRONT_HTTP1_CLOSING);
    drop_exchange(&client->http1);
}

/* ---- time ---- */

static int64_t head_timeout_ms(const struct client *client)
{
    int64_t timeout = client->conn.worker->settings->weir.header_timeout;
    if (timeout == 0)
        timeout = client_entry(client)->read_timeout;
    return timeout / NS_PER_MS;
}

/* For the next piece of a body: the silence that is allowed, or what is left of the
 * time for the whole request. */
static void watch_body(struct client *client)
{
    const struct worker *worker = client->conn.worker;
    struct front_http1 *front = &client->http1;
    int64_t due = body_rate_due_ms(&front->body_rate, worker, front->exchange->request_bytes);
    if (front->read_deadline_ms > 0 && front->read_deadline_ms < due)
        due = front->read_deadline_ms;
    if (due == INT64_MAX)
        conn_set_timeout(&client->conn, 0);
    else if (due > worker->now_ms)
        conn_set_timeout(&client->conn, due - worker->now_ms);
    else if (!timer_running(&client->conn.timer)) /* which runs out in this turn */
        conn_set_timeout(&client->conn, 1);
}

/* At the end of a span. */
static bool body_is_fast_enough(const struct client *client)
{
    const struct worker *worker = client->conn.worker;
    const struct front_http1 *front = &client->http1;
    bool in_time = front->read_deadline_ms == 0 || worker->now_ms < front->read_deadline_ms;
    return in_time &&
           body_rate_is_kept(&front->body_rate, worker, front->exchange->request_bytes);
}

void front_http1_watch_body(struct client *client, bool waiting)
{
    struct front_http1 *front = &client->http1;
    if (front->state != FRONT_HTTP1_EXCHANGE)
        return;
    if (waiting && !front->request_complete) {
        watch_body(client);
        return;
    }
    front->body_rate.since_ms = 0;
    int64_t timeout_ms = front->request_complete
                             ? client_entry(client)->write_timeout / NS_PER_MS
                             : STOPPED_LONG_MS;
    conn_set_timeout(&client->conn, timeout_ms);
}

/* ---- the request body ---- */

static void end_of_body(struct client *client, enum err error)
{
    struct front_http1 *front = &client->http1;
    struct exchange *exchange = front->exchange;
    if (error == ERR_CLOSED) {
        front->request_complete = true;
        front_http1_watch_body(client, false);
        exchange_request_end(exchange, &exchange->request_trailers);
        return;
    }
    front->discard = true;
    exchange_request_failed(exchange, error == ERR_NOMEM ? 503 : 400, "malformed request body");
}

/* Takes from *data what belongs to the request. */
static void take_body(struct client *client, struct span *data)
{
    struct front_http1 *front = &client->http1;
    struct exchange *exchange = front->exchange;
    enum err error = ERR_OK;
    while (error == ERR_OK && front->state == FRONT_HTTP1_EXCHANGE && !front->discard) {
        struct span piece = SPAN_EMPTY;
        error = h1_body_decode(&front->body, data, &piece, &exchange->request_trailers);
        if (piece.len > 0)
            exchange_request_body(exchange, piece);
    }
    if (error == ERR_OK)
        *data = SPAN_EMPTY;
    else if (error == ERR_AGAIN)
        front_http1_watch_body(client, !client->conn.paused);
    else
        end_of_body(client, error);
}

/* While an exchange runs: its body, then what the client sent ahead. */
static void feed_exchange(struct client *client, struct span data)
{
    struct front_http1 *front = &client->http1;
    if (!front->request_complete)
        take_body(client, &data);
    if (front->discard || front->state != FRONT_HTTP1_EXCHANGE || data.len == 0)
        return;
    conn_pause(&client->conn);
    if (buf_append(&front->input, data) != ERR_OK) {
        front->broken = true;
        front_http1_settle(client);
    }
}

/* ---- the request head ---- */

static bool body_is_whole(const struct http_request *request, size_t rest)
{
    return request->body == HTTP_BODY_NONE ||
           (request->body == HTTP_BODY_LENGTH && request->content_length <= rest);
}

/* A head that cannot be served. */
static void refuse(struct client *client, uint16_t status, const char *why)
{
    struct front_http1 *front = &client->http1;
    if (status == 431 || status == 414)
        limit_report(client, LIMIT_OF_HEADERS);
    log_debug("request refused", "client", client->peer_text, "error", why);
    front_http1_set_state(front, FRONT_HTTP1_EXCHANGE);
    conn_set_timeout(&client->conn, 0);
    front->discard = true;
    front->request_complete = front->request_whole = false;
    front->exchange->request.version = HTTP_1_1;
    exchange_reply_error(front->exchange, status, "the request head is refused");
}

/* The head lies in front of `bytes`; what follows it is the body and more. */
static void start_exchange(struct client *client, struct span bytes, size_t head_len)
{
    struct front_http1 *front = &client->http1;
    struct exchange *exchange = front->exchange;
    struct http_request *request = &exchange->request;
    char *copy = arena_bytes(&exchange->arena, head_len);
    if (copy == NULL) {
        refuse(client, 503, "out of memory");
        return;
    }
    memcpy(copy, bytes.ptr, head_len);
    h1_request_rebase(request, bytes.ptr, head_len, copy);
    struct span rest = span_skip(bytes, head_len);
    struct h1_limits limits = limits_of(client);
    front_http1_set_state(front, FRONT_HTTP1_EXCHANGE);
    h1_body_init(&front->body, request->body, request->content_length, &limits);
    front->requests++;
    front->request_complete = front->discard = false;
    front->request_whole = body_is_whole(request, rest.len);
    conn_set_timeout(&client->conn, 0);
    exchange_start(exchange);
    if (front->state == FRONT_HTTP1_EXCHANGE)
        feed_exchange(client, rest);
}

static bool begin_head(struct client *client)
{
    struct front_http1 *front = &client->http1;
    front->exchange = exchange_create(client, &front_http1_ops);
    client->idle = false;
    if (front->exchange == NULL) {
        give_up(client);
        return false;
    }
    front->scanned = 0;
    front->response_complete = false;
    int64_t read_timeout = client_entry(client)->read_timeout;
    front->read_deadline_ms =
        read_timeout > 0 ? client->conn.worker->now_ms + read_timeout / NS_PER_MS : 0;
    front_http1_set_state(front, FRONT_HTTP1_HEAD);
    conn_set_timeout(&client->conn, head_timeout_ms(client));
    return true;
}

/* RFC 9113 §3.3: on a plain connection a client may know that we speak HTTP/2. */
static bool begins_http2(const struct client *client, struct span bytes)
{
    size_t len = bytes.len < H2_PREFACE.len ? bytes.len : H2_PREFACE.len;
    return !client->is_tls && client->http1.requests == 0 &&
           memcmp(bytes.ptr, H2_PREFACE.ptr, len) == 0;
}

static void change_to_http2(struct client *client, struct span bytes)
{
    struct front_http1 *front = &client->http1;
    struct buf taken = front->input;
    buf_init(&front->input, taken.max);
    drop_exchange(front);
    front_http2_start(client, bytes);
    buf_finish(&taken);
}

/* More of a head that has not come whole. */
static void feed_head(struct client *client, struct span data)
{
    struct front_http1 *front = &client->http1;
    struct exchange *exchange = front->exchange;
    bool gathered = buf_len(&front->input) > 0;
    if (gathered && buf_append(&front->input, data) != ERR_OK) {
        give_up(client);
        return;
    }
    struct span bytes = gathered ? buf_span(&front->input) : data;
    if (begins_http2(client, bytes)) {
        if (bytes.len >= H2_PREFACE.len)
            change_to_http2(client, bytes);
        else if (!gathered && buf_append(&front->input, data) != ERR_OK)
            give_up(client);
        return;
    }
    struct h1_limits limits = limits_of(client);
    struct err_text why;
    size_t head_len;
    uint16_t status;
    why.text[0] = '\0';
    enum err error = h1_parse_request(bytes, &limits, &exchange->arena, &front->scanned,
                                      &exchange->request, &head_len, &status, &why);
    if (error == ERR_AGAIN) {
        arena_reset(&exchange->arena);
        if (!gathered && buf_append(&front->input, data) != ERR_OK)
            give_up(client);
        return;
    }
    if (error != ERR_OK) {
        refuse(client, status, why.text);
        return;
    }
    struct buf taken = front->input; /* `input` is for what follows the request */
    buf_init(&front->input, taken.max);
    start_exchange(client, bytes, head_len);
    buf_finish(&taken);
}

static void feed(struct client *client, struct span data)
{
    struct front_http1 *front = &client->http1;
    if (front->state == FRONT_HTTP1_IDLE && !begin_head(client))
        return;
    if (front->state == FRONT_HTTP1_HEAD)
        feed_head(client, data);
    else if (front->state == FRONT_HTTP1_EXCHANGE)
        feed_exchange(client, data);
}

/* ---- between requests ---- */

static void close_after_response(struct client *client)
{
    struct front_http1 *front = &client->http1;
    struct conn *conn = &client->conn;
    bool unread = !front->request_complete || buf_len(&front->input) > 0 || conn->held_count > 0;
    front_http1_set_state(front, FRONT_HTTP1_CLOSING);
    conn_close_after_flush(conn, unread);
}

static void next_request(struct client *client)
{
    struct front_http1 *front = &client->http1;
    struct conn *conn = &client->conn;
    front_http1_set_state(front, FRONT_HTTP1_IDLE);
    if (buf_len(&front->input) == 0) {
        client->idle = true;
        conn_set_timeout(conn, client_entry(client)->idle_timeout / NS_PER_MS);
        conn_resume(conn);
        return;
    }
    struct buf taken = front->input;
    buf_init(&front->input, taken.max);
    conn_resume(conn); /* takes effect later, unless what follows pauses again */
    feed(client, buf_span(&taken));
    buf_finish(&taken);
}

static void on_task(struct worker_task *task)
{
    struct front_http1 *front = container_of(task, struct front_http1, task);
    struct client *client = container_of(front, struct client, http1);
    if (front->state != FRONT_HTTP1_EXCHANGE)
        return;
    if (front->broken) {
        give_up(client);
        return;
    }
    if (!front->response_complete)
        return;
    /* A client that sends requests and reads no responses waits for on_drained. */
    if (front->keep_alive && conn_is_congested(&client->conn))
        return;
    drop_exchange(front);
    h1_body_finish(&front->body);
    if (!front->keep_alive || !front->request_complete ||
        worker_wants_room(client->conn.worker))
        close_after_response(client);
    else
        next_request(client);
}

/* ---- events of the connection ---- */

static void on_data(struct conn *conn, struct span data)
{
    feed(client_of(conn), data);
}

/*
 * The client ended its side. A client that has gone and one that only shut its
 * side down look the same; like other proxies we take it to have gone, so that
 * a backend does not work for nobody.
 */
static void on_end(struct conn *conn)
{
    struct client *client = client_of(conn);
    struct front_http1 *front = &client->http1;
    if (front->state == FRONT_HTTP1_EXCHANGE && front->response_complete) {
        front->keep_alive = false; /* the task closes */
        front_http1_settle(client);
        return;
    }
    give_up(client);
}

static void on_drained(struct conn *conn)
{
    struct front_http1 *front = &client_of(conn)->http1;
    if (front->exchange == NULL || front->state != FRONT_HTTP1_EXCHANGE)
        return;
    if (front->response_complete)
        front_http1_settle(client_of(conn));
    else
        exchange_drained(front->exchange);
}

static void on_flushed(struct conn *conn)
{
    struct front_http1 *front = &client_of(conn)->http1;
    if (front->exchange != NULL && front->state == FRONT_HTTP1_EXCHANGE)
        exchange_flushed(front->exchange);
}

static void on_timeout(struct client *client)
{
    struct front_http1 *front = &client->http1;
    bool in_head = front->state == FRONT_HTTP1_HEAD;
    if (in_head && buf_len(&front->input) > 2) { /* more than an empty line */
        limit_report(client, LIMIT_OF_SLOW_HEADERS);
        refuse(client, 408, "the request head took too long");
    } else if (front->state == FRONT_HTTP1_EXCHANGE && !front->request_complete) {
        if (client->conn.paused) {
            conn_watch_hangup(&client->conn);
            return;
        }
        if (body_is_fast_enough(client)) {
            front->body_rate.since_ms = 0;
            front_http1_watch_body(client, true);
            return;
        }
        limit_report(client, LIMIT_OF_SLOW_BODY);
        front->discard = true;
        exchange_request_failed(front->exchange, 408, "the request body took too long");
    } else {
        give_up(client);
    }
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct client *client = client_of(conn);
    if (error == ERR_TIMEOUT) {
        on_timeout(client);
        return;
    }
    if (why->text[0] != '\0')
        log_debug("connection failed", "client", client->peer_text, "error", why->text);
    give_up(client);
}

static const struct conn_handler front_handler = {
    .on_data = on_data,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_flushed = on_flushed,
    .on_failed = on_failed,
    .on_closed = on_closed,
};

void front_http1_start(struct client *client, struct span first)
{
    struct front_http1 *front = &client->http1;
    struct worker *worker = client->conn.worker;
    client_arrived(client);
    client->side = CLIENT_HTTP1;
    *front = (struct front_http1){.state = FRONT_HTTP1_IDLE, .opened_ms = worker->now_ms};
    front->task.run = on_task;
    list_init(&front->task.link);
    buf_init(&front->input, (size_t)client_entry(client)->max_header_bytes + INPUT_EXTRA);
    client->conn.handler = &front_handler;
    client->idle = true;
    conn_set_timeout(&client->conn, head_timeout_ms(client));
    if (first.len > 0)
        feed(client, first);
}
