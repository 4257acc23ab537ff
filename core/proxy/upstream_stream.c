/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One exchange's stream, from waiting for a session to its end. The session calls, and
 * may be called, at any time; it frees a stream in on_closed only. A stream whose
 * exchange has left it before that is abandoned: it is reset, and what it still holds
 * is its own. A failure first parts stream and exchange and only then tells the
 * exchange, which may begin anew.
 */
#include "core/proxy/upstream_stream.h"

/* Far above where fronts are stopped. */
#define OUT_MAX ((size_t)64 << 20)
/* How long a free stream is waited for where nothing limits the dialling. */
#define WAIT_MS 30000

static struct upstream_stream *stream_of(struct upstream *upstream)
{
    return container_of(upstream, struct upstream_stream, upstream);
}

static struct upstream_stream *stream_of_h2(struct h2_stream *h2)
{
    return container_of(h2, struct upstream_stream, h2);
}

/* ---- ends ---- */

static struct exchange *unlink_exchange(struct upstream_stream *stream)
{
    struct exchange *exchange = stream->upstream.exchange;
    struct timerwheel *wheel = &stream->pool->worker->wheel;
    stream->upstream.exchange = NULL;
    exchange->upstream = NULL;
    timer_cancel(wheel, &stream->timer);
    return exchange;
}

static void free_stream(struct upstream_stream *stream)
{
    list_remove(&stream->link);
    h2_stream_finish(&stream->h2);
    upstream_stream_free(stream);
}

/* Its exchange is unlinked. */
static void let_go(struct upstream_stream *stream, uint32_t error_code)
{
    struct upstream_pool *pool = stream->pool;
    if (stream->h2.session != NULL) {
        h2_abandon(&stream->h2, error_code);
        upstream_http2_schedule(stream->backend);
        return;
    }
    upstream_pool_use(pool);
    free_stream(stream);
    if (list_empty(&pool->waiting))
        upstream_undial(pool);
    upstream_pool_release(pool);
}

static void fail(struct upstream_stream *stream, uint32_t error_code, enum err error,
                 const char *reason)
{
    struct exchange *exchange = unlink_exchange(stream);
    let_go(stream, error_code);
    exchange_upstream_failed(exchange, error, UPSTREAM_FAILED, reason);
}

static void detach(struct upstream *upstream)
{
    struct upstream_stream *stream = stream_of(upstream);
    (void)unlink_exchange(stream);
    let_go(stream, H2_CANCEL);
}

static void on_timer(struct timer *timer)
{
    struct upstream_stream *stream = container_of(timer, struct upstream_stream, timer);
    fail(stream, H2_CANCEL, ERR_TIMEOUT,
         stream->backend == NULL ? "no connection to the backend was free in time"
                                 : "the backend took too long to answer");
}

/* ---- the request ---- */

/* What cannot be queued is noticed at the end of the turn. */
static void queued(struct upstream_stream *stream, enum err error)
{
    if (stream->h2.session == NULL)
        return; /* the backend is done with the stream and wants none of it */
    if (error != ERR_OK)
        h2_reset(&stream->h2, H2_INTERNAL_ERROR);
    upstream_http2_schedule(stream->backend);
}

static enum err send_head(struct upstream *upstream)
{
    struct upstream_stream *stream = stream_of(upstream);
    const struct exchange *exchange = upstream->exchange;
    const struct http_request *request = &exchange->request;
    struct span scheme = stream->pool->server->https ? SPAN("https") : SPAN("http");
    bool end = request->body == HTTP_BODY_NONE ||
               (request->body == HTTP_BODY_LENGTH && request->content_length == 0);
    enum err error = h2_send_request(stream->backend->http2->session, &stream->h2, request,
                                     scheme, exchange->target_sent, end);
    if (error == ERR_OK)
        upstream_http2_schedule(stream->backend);
    return error;
}

static void send_body(struct upstream *upstream, struct span data)
{
    struct upstream_stream *stream = stream_of(upstream);
    queued(stream, h2_send_data(&stream->h2, data));
}

static void send_end(struct upstream *upstream, const struct http_fields *trailers)
{
    struct upstream_stream *stream = stream_of(upstream);
    struct worker *worker = stream->pool->worker;
    if (!stream->h2.local_ended)
        queued(stream, h2_send_end(&stream->h2, trailers));
    if (!stream->head_done && stream->response_header_timeout_ms > 0)
        timer_set(&worker->wheel, &stream->timer,
                  worker->now_ms + stream->response_header_timeout_ms);
}

static bool is_congested(struct upstream *upstream)
{
    return h2_queued(&stream_of(upstream)->h2) > UPSTREAM_STREAM_QUEUE;
}

/* A body that is long, and whose client has room for it. */
static void widen(struct upstream_stream *stream, size_t room)
{
    bool is_long = stream->upstream.exchange->response_bytes >= UPSTREAM_STREAM_WINDOW_FIRST / 2;
    if (stream->wide || !is_long || room < UPSTREAM_STREAM_WINDOW)
        return;
    stream->wide = true;
    h2_widen(&stream->h2, UPSTREAM_STREAM_WINDOW);
}

static void want(struct upstream *upstream, size_t bytes)
{
    struct upstream_stream *stream = stream_of(upstream);
    if (bytes == 0) {
        h2_pause(&stream->h2);
        return;
    }
    widen(stream, bytes);
    if (!stream->h2.paused)
        return;
    h2_resume(&stream->h2);
    if (stream->h2.session != NULL)
        upstream_http2_schedule(stream->backend);
}

/* Upgrades are HTTP/1's, and h2_read_response takes no 101. */
static const struct upstream_ops stream_ops = {
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .is_congested = is_congested,
    .want = want,
    .detach = detach,
};

/* ---- the response ---- */

void upstream_stream_on_head(struct h2_stream *h2, bool end)
{
    struct upstream_stream *stream = stream_of_h2(h2);
    struct exchange *exchange = stream->upstream.exchange;
    struct http_response response;
    struct err_text why;
    enum err error =
        h2_read_response(&h2->head, end, exchange->request.method, &response, &why);
    if (error != ERR_OK) {
        fail(stream, H2_PROTOCOL_ERROR, ERR_PROTOCOL, "the backend's response is malformed");
        return;
    }
    if (response.status < 200) {
        exchange_upstream_informational(exchange, &response);
        return;
    }
    timer_cancel(&stream->pool->worker->wheel, &stream->timer);
    stream->head_done = true;
    stream->response_complete = end;
    exchange->response = response;
    exchange_upstream_head(exchange, end);
}

void upstream_stream_on_data(struct h2_stream *h2, struct span data)
{
    exchange_upstream_body(stream_of_h2(h2)->upstream.exchange, data);
}

void upstream_stream_on_end(struct h2_stream *h2)
{
    struct upstream_stream *stream = stream_of_h2(h2);
    struct exchange *exchange = stream->upstream.exchange;
    stream->response_complete = true;
    exchange_upstream_end(exchange, &exchange->response_trailers);
}

void upstream_stream_on_drained(struct h2_stream *h2)
{
    struct exchange *exchange = stream_of_h2(h2)->upstream.exchange;
    if (exchange != NULL)
        exchange_upstream_drained(exchange);
}

/* RFC 9113 §8.7: what was not looked at may be sent again. */
static enum upstream_failure failure_kind(const struct upstream_stream *stream,
                                          uint32_t error_code)
{
    bool refused = error_code == H2_REFUSED_STREAM || error_code == H2_HTTP_1_1_REQUIRED;
    if (stream->head_done)
        return UPSTREAM_FAILED;
    if (!stream->h2.begun || refused)
        return UPSTREAM_REFUSED;
    /* The connection went, as one that was idle for too long does. */
    return stream->backend->http2->reason != NULL && stream->reused ? UPSTREAM_STALE
                                                                     : UPSTREAM_FAILED;
}

void upstream_stream_on_closed(struct h2_stream *h2, uint32_t error_code)
{
    struct upstream_stream *stream = stream_of_h2(h2);
    struct upstream_conn *backend = stream->backend;
    upstream_http2_schedule(backend); /* for those who wait for a stream */
    if (stream->upstream.exchange == NULL) {
        free_stream(stream);
        return;
    }
    if (stream->response_complete)
        return;
    const struct upstream_http2 *http2 = backend->http2;
    enum upstream_failure kind = failure_kind(stream, error_code);
    enum err error = http2->reason != NULL ? http2->error : ERR_RESET;
    const char *reason = http2->reason != NULL ? http2->reason
                         : kind == UPSTREAM_REFUSED ? "the backend refused the request"
                                                    : "the backend reset the stream";
    struct exchange *exchange = unlink_exchange(stream);
    free_stream(stream);
    if (kind == UPSTREAM_REFUSED)
        exchange->refused_by = backend;
    if (error_code == H2_HTTP_1_1_REQUIRED)
        exchange->http1_only = true;
    exchange_upstream_failed(exchange, error, kind, reason);
}

/* ---- waiting, and its end ---- */

static void begin(struct upstream_stream *stream, struct upstream_conn *backend)
{
    struct exchange *exchange = stream->upstream.exchange;
    struct worker *worker = stream->pool->worker;
    const struct upstream_transport *transport =
        snapshot_transport(exchange->hold->snapshot, stream->pool->server->transport);
    list_remove(&stream->link);
    timer_cancel(&worker->wheel, &stream->timer);
    stream->backend = backend;
    stream->reused = backend->http2->streams++ > 0;
    if (stream->reused)
        metric_add(&worker->metrics.upstream_reuses, 1);
    if (transport != NULL)
        stream->response_header_timeout_ms = transport->response_header_timeout_ms;
    exchange_upstream_ready(exchange);
}

/* Waits in the pool, behind or before the others; NULL: out of memory. */
static struct upstream_stream *create(struct upstream_pool *pool, struct exchange *exchange)
{
    struct worker *worker = pool->worker;
    const struct upstream_transport *transport =
        snapshot_transport(exchange->hold->snapshot, pool->server->transport);
    int64_t limit = transport != NULL ? transport->dial_timeout_ms : 0;
    struct upstream_stream *stream = upstream_stream_alloc(pool);
    if (stream == NULL)
        return NULL;
    *stream = (struct upstream_stream){
        .upstream = {.ops = &stream_ops, .exchange = exchange}, .pool = pool};
    exchange->upstream = &stream->upstream;
    list_init(&stream->link);
    h2_stream_init(&stream->h2, &exchange->arena, &exchange->response_trailers, OUT_MAX);
    timer_init(&stream->timer, on_timer);
    timer_set(&worker->wheel, &stream->timer, worker->now_ms + (limit > 0 ? limit : WAIT_MS));
    return stream;
}

static struct upstream_stream *first_waiting(const struct upstream_pool *pool)
{
    return list_empty(&pool->waiting)
               ? NULL
               : container_of(pool->waiting.next, struct upstream_stream, link);
}

/* For that exchange; NULL: none. *any: there is one, if not for it. */
static struct upstream_conn *find_session(const struct upstream_pool *pool,
                                          const struct exchange *exchange, bool *any)
{
    list_for_each(node, &pool->sessions) {
        struct upstream_conn *backend = container_of(node, struct upstream_conn, link);
        if (upstream_http2_slots(backend) == 0)
            continue;
        if (backend != exchange->refused_by)
            return backend;
        *any = true;
    }
    return NULL;
}

/* The first that can be served now; false: none. */
static bool serve_one(struct upstream_pool *pool)
{
    bool any = true;
    for (struct list *node = pool->waiting.next; any && node != &pool->waiting;
         node = node->next) {
        struct upstream_stream *stream = container_of(node, struct upstream_stream, link);
        any = false;
        struct upstream_conn *backend = find_session(pool, stream->upstream.exchange, &any);
        if (backend != NULL) {
            begin(stream, backend);
            return true;
        }
    }
    return false;
}

/* Whether a connection is needed that nobody has begun. */
static bool lacks_session(const struct upstream_pool *pool, const struct exchange *exchange)
{
    list_for_each(node, &pool->sessions) {
        const struct upstream_conn *backend = container_of(node, struct upstream_conn, link);
        if (backend != exchange->refused_by && upstream_http2_is_promising(backend))
            return false;
    }
    return pool->dialing == NULL;
}

void upstream_pool_serve(struct upstream_pool *pool)
{
    upstream_pool_use(pool);
    while (serve_one(pool))
        ;
    const struct upstream_stream *first = first_waiting(pool);
    if (first == NULL && pool->gone)
        upstream_undial(pool);
    else if (first != NULL && lacks_session(pool, first->upstream.exchange))
        upstream_dial(pool, first->upstream.exchange->hold);
    upstream_pool_release(pool);
}

void upstream_stream_attach(struct upstream_pool *pool, struct exchange *exchange)
{
    struct upstream_stream *stream = create(pool, exchange);
    if (stream == NULL) {
        exchange_upstream_failed(exchange, ERR_NOMEM, UPSTREAM_FAILED, "out of memory");
        return;
    }
    list_push_back(&pool->waiting, &stream->link);
    upstream_pool_serve(pool);
}

void upstream_stream_open(struct upstream_conn *backend, struct exchange *exchange)
{
    struct upstream_stream *stream = create(backend->pool, exchange);
    if (stream != NULL)
        begin(stream, backend);
    else
        exchange_upstream_failed(exchange, ERR_NOMEM, UPSTREAM_FAILED, "out of memory");
}

struct exchange *upstream_pool_dismiss(struct upstream_pool *pool)
{
    struct upstream_stream *stream = first_waiting(pool);
    if (stream == NULL)
        return NULL;
    struct exchange *exchange = unlink_exchange(stream);
    free_stream(stream);
    return exchange;
}

void upstream_fail_waiting(struct upstream_pool *pool, enum err error, const char *why)
{
    struct exchange *exchange;
    upstream_pool_use(pool);
    while ((exchange = upstream_pool_dismiss(pool)) != NULL)
        exchange_upstream_failed(exchange, error, UPSTREAM_FAILED, why);
    upstream_pool_release(pool);
}
