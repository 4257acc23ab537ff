/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream's request on its way to an exchange. The exchange is made when the head
 * begins, as its arena is where the head is collected, and given back when the stream
 * is over for nghttp2, which is never while somebody is inside the exchange.
 */
#include "core/proxy/front_http2_private.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/log.h"

#include <sys/random.h>

/* Far above where backends are stopped. */
#define OUT_MAX ((size_t)64 << 20)
#define WEBSOCKET_KEY_CHARS 22

/* ---- time ---- */

/* Once it is answered a stream may be a conversation with silences of its own. */
static bool must_come(const struct front_stream *stream)
{
    return !stream->h2.remote_ended && !stream->h2.paused && !stream->discard &&
           !stream->exchange->response_started;
}

/* Until when the client is waited for; INT64_MAX: for ever. */
static int64_t deadline_ms(struct front_stream *stream)
{
    int64_t due = INT64_MAX;
    if (must_come(stream))
        due = body_rate_due_ms(&stream->body_rate, stream->client->conn.worker,
                               stream->exchange->request_bytes);
    else
        stream->body_rate.since_ms = 0;
    bool waits = !stream->h2.paused && !stream->discard;
    int64_t whole = stream->h2.remote_ended ? stream->write_deadline_ms
                    : waits                 ? stream->read_deadline_ms
                                            : 0;
    return whole != 0 && whole < due ? whole : due;
}

void front_stream_watch(struct front_stream *stream)
{
    struct timerwheel *wheel = &stream->client->conn.worker->wheel;
    int64_t deadline = deadline_ms(stream);
    if (deadline != INT64_MAX)
        timer_set(wheel, &stream->timer, deadline);
    else if (timer_running(&stream->timer))
        timer_cancel(wheel, &stream->timer);
}

/* The span is over, and the whole of the request has time yet. */
static bool is_fast_enough(const struct front_stream *stream)
{
    const struct worker *worker = stream->client->conn.worker;
    bool in_time = stream->read_deadline_ms == 0 || worker->now_ms < stream->read_deadline_ms;
    return must_come(stream) && in_time &&
           body_rate_is_kept(&stream->body_rate, worker, stream->exchange->request_bytes);
}

static void on_timer(struct timer *timer)
{
    struct front_stream *stream = container_of(timer, struct front_stream, timer);
    if (stream->h2.remote_ended) {
        limit_report(stream->client, LIMIT_OF_HTTP2_STREAMS);
        h2_reset(&stream->h2, H2_CANCEL);
    } else if (is_fast_enough(stream)) {
        stream->body_rate.since_ms = 0;
        front_stream_watch(stream);
        return;
    } else {
        limit_report(stream->client, LIMIT_OF_SLOW_BODY);
        stream->discard = true;
        exchange_request_failed(stream->exchange, 408, "the request body took too long");
    }
    front_http2_schedule(stream->client);
}

bool front_stream_is_stalled(struct front_stream *stream)
{
    /* What waits for the connection does not wait for the stream's window. */
    bool waits = h2_queued(&stream->h2) > 0 && !conn_is_congested(&stream->client->conn);
    bool stalled = waits && stream->waited && stream->h2.sent == stream->sent_mark;
    stream->waited = waits;
    stream->sent_mark = stream->h2.sent;
    return stalled;
}

/* ---- a stream's life ---- */

static void init(struct front_stream *stream, struct client *client, struct exchange *exchange)
{
    struct worker *worker = client->conn.worker;
    int64_t read_timeout = client_entry(client)->read_timeout / NS_PER_MS;
    *stream = (struct front_stream){.client = client, .exchange = exchange};
    h2_stream_init(&stream->h2, &exchange->arena, &exchange->request_trailers, OUT_MAX);
    timer_init(&stream->timer, on_timer);
    list_init(&stream->start_link);
    if (read_timeout > 0)
        stream->read_deadline_ms = worker->now_ms + read_timeout;
    exchange->stream = stream;
}

struct h2_stream *front_stream_begin(struct h2_session *session)
{
    struct client *client = h2_session_owner(session);
    struct worker *worker = client->conn.worker;
    struct front_stream *stream = pool_get(&worker->stream_pool);
    struct exchange *exchange =
        stream != NULL ? exchange_create(client, &front_http2_ops) : NULL;
    if (exchange == NULL) {
        if (stream != NULL)
            pool_put(&worker->stream_pool, stream);
        return NULL;
    }
    init(stream, client, exchange);
    client->idle = false;
    client->http2.requests++;
    return &stream->h2;
}

void front_stream_closed(struct h2_stream *h2, uint32_t error_code)
{
    struct front_stream *stream = front_stream_of(h2);
    struct worker *worker = stream->client->conn.worker;
    (void)error_code;
    list_remove(&stream->start_link);
    if (timer_running(&stream->timer))
        timer_cancel(&worker->wheel, &stream->timer);
    if (!stream->exchange->response_ended)
        exchange_client_gone(stream->exchange);
    exchange_finish(stream->exchange);
    h2_stream_finish(h2);
    front_http2_schedule(stream->client);
    pool_put(&worker->stream_pool, stream);
}

/* ---- the request ---- */

static void refuse(struct front_stream *stream, uint16_t status, const char *why)
{
    struct client *client = stream->client;
    if (status == 431)
        limit_report(client, LIMIT_OF_HTTP2_HEADER_BYTES);
    log_debug("request refused", "client", client->peer_text, "error", why);
    stream->discard = true;
    stream->exchange->request.version = HTTP_2;
    exchange_reply_error(stream->exchange, status, "the request head is refused");
}

/* RFC 8441 has no key, and the backend's HTTP/1 asks for one: 16 bytes in base64. */
static enum err add_websocket_key(struct exchange *exchange)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t random[WEBSOCKET_KEY_CHARS];
    char key[WEBSOCKET_KEY_CHARS + 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return ERR_SYSTEM;
    random[WEBSOCKET_KEY_CHARS - 1] &= 0x30; /* only two bits are left for the last one */
    for (size_t i = 0; i < sizeof(random); i++)
        key[i] = alphabet[random[i] & 0x3f];
    memcpy(key + WEBSOCKET_KEY_CHARS, "==", 2);
    struct span value = arena_span(&exchange->arena, span_make(key, sizeof(key)));
    if (value.ptr == NULL)
        return ERR_NOMEM;
    return http_fields_set(&exchange->request.fields, SPAN("Sec-WebSocket-Key"), value);
}

static size_t field_limit(const struct worker *worker)
{
    int64_t count = worker->settings->weir.header_count;
    return count > 0 && count < LIMIT_HEADERS ? (size_t)count : LIMIT_HEADERS;
}

void front_stream_head(struct h2_stream *h2, bool end)
{
    struct front_stream *stream = front_stream_of(h2);
    struct exchange *exchange = stream->exchange;
    struct err_text why = {""};
    uint16_t status;
    enum err error = h2_read_request(&h2->head, end, field_limit(exchange->worker),
                                     &exchange->arena, &exchange->request, &status, &why);
    if (error != ERR_OK) {
        refuse(stream, status, why.text);
        return;
    }
    if (exchange->request.upgrade && add_websocket_key(exchange) != ERR_OK) {
        refuse(stream, 503, "no random bytes for a key");
        return;
    }
    if (end)
        front_stream_end(h2);
    else
        h2_pause(h2); /* until the exchange asks for the body */
    list_push_back(&stream->client->http2.starting, &stream->start_link);
}

/* What is asked and taken back at once costs no connection to a backend. */
static void start(struct front_stream *stream)
{
    list_remove(&stream->start_link);
    exchange_start(stream->exchange);
    if (!stream->h2.remote_ended)
        front_stream_watch(stream);
}

void front_stream_start_all(struct client *client)
{
    struct list *node;
    while ((node = list_pop_front(&client->http2.starting)) != NULL)
        start(container_of(node, struct front_stream, start_link));
}

void front_stream_data(struct h2_stream *h2, struct span data)
{
    struct front_stream *stream = front_stream_of(h2);
    if (stream->discard)
        return;
    if (!list_empty(&stream->start_link))
        start(stream);
    exchange_request_body(stream->exchange, data);
    if (!h2->paused)
        front_stream_watch(stream);
}

void front_stream_end(struct h2_stream *h2)
{
    struct front_stream *stream = front_stream_of(h2);
    struct client *client = stream->client;
    int64_t write_timeout = client_entry(client)->write_timeout / NS_PER_MS;
    if (write_timeout > 0)
        stream->write_deadline_ms = client->conn.worker->now_ms + write_timeout;
    if (!stream->discard)
        exchange_request_end(stream->exchange, &stream->exchange->request_trailers);
    front_stream_watch(stream);
}

void front_stream_drained(struct h2_stream *h2)
{
    exchange_drained(front_stream_of(h2)->exchange);
}
