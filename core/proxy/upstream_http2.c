/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection to a backend that speaks HTTP/2 (RFC 9113). Bytes go to the session,
 * whatever comes of them; one task at the end of the turn writes, sees what the
 * connection has come to, and gives those who wait in the pool their streams. The
 * session is destroyed there, or in an event of the connection: never under itself.
 */
#include "core/proxy/upstream_stream.h"

#include "core/base/log.h"

#include <stdlib.h>

#define HPACK_TABLE 4096u

/* What no backend does that means well. */
static const struct h2_settings session_settings = {
    .stream_window = UPSTREAM_STREAM_WINDOW_FIRST,
    .connection_window = UPSTREAM_CONNECTION_WINDOW,
    .decoder_table = HPACK_TABLE,
    .encoder_table = HPACK_TABLE,
    .header_bytes = UPSTREAM_HEAD_BYTES,
    .header_count = UPSTREAM_FIELDS_MAX,
    .limits = {
        [H2_LIMIT_RESETS] = 10000, /* each costs one of our requests */
        [H2_LIMIT_CONTINUATIONS] = 64,
        [H2_LIMIT_SETTINGS] = 100,
        [H2_LIMIT_PINGS] = 10000, /* gRPC measures with them, once per round trip */
        [H2_LIMIT_EMPTY_FRAMES] = 10000,
        [H2_LIMIT_ANSWERS] = 1000,
    },
};

/* ---- what it is good for ---- */

bool upstream_http2_is_usable(const struct upstream_conn *backend)
{
    return backend->state == UPSTREAM_SESSION && !backend->http2->flooded &&
           backend->tls_digest == backend->pool->tls_digest &&
           h2_session_takes_requests(backend->http2->session);
}

size_t upstream_http2_slots(const struct upstream_conn *backend)
{
    if (!upstream_http2_is_usable(backend))
        return 0;
    const struct h2_session *session = backend->http2->session;
    size_t open = h2_session_streams(session);
    size_t most = h2_session_is_settled(session) ? UPSTREAM_STREAMS_MAX : 1;
    if (open >= most)
        return 0;
    size_t allowed = h2_session_free_slots(session);
    return allowed < most - open ? allowed : most - open;
}

bool upstream_http2_is_promising(const struct upstream_conn *backend)
{
    if (!upstream_http2_is_usable(backend))
        return false;
    const struct h2_session *session = backend->http2->session;
    /* One that allows no stream at all would not allow it on another connection. */
    return !h2_session_is_settled(session) || h2_session_streams(session) == 0;
}

/* Whether a connection without streams is kept. */
static bool is_wanted(const struct upstream_conn *backend)
{
    const struct upstream_pool *pool = backend->pool;
    size_t older = 0;
    if (pool->gone || !upstream_http2_is_usable(backend))
        return false;
    list_for_each(node, &pool->sessions) {
        const struct upstream_conn *other = container_of(node, struct upstream_conn, link);
        if (other == backend)
            break;
        older += h2_session_streams(other->http2->session) == 0;
    }
    return older < pool->max_idle;
}

/* ---- ends ---- */

/* Its streams are told, when it is out of the pool and closing. */
static void end(struct upstream_conn *backend, enum err error, const char *reason)
{
    struct upstream_http2 *http2 = backend->http2;
    struct upstream_pool *pool = backend->pool;
    const char *why = h2_session_failure(http2->session);
    if (error != ERR_OK)
        log_debug("HTTP/2 connection to backend ended", "server", pool->server->authority.ptr,
                  "error", why[0] != '\0' ? why : reason);
    list_remove(&backend->link);
    timer_cancel(&pool->worker->wheel, &http2->timer);
    worker_task_cancel(&backend->task);
    http2->error = error;
    http2->reason = reason;
    upstream_close_after_flush(backend);
    upstream_pool_use(pool);
    h2_session_destroy(http2->session);
    http2->session = NULL;
    upstream_pool_serve(pool);
    upstream_pool_release(pool);
}

/* Without streams, and with a word of farewell. */
static void close_idle(struct upstream_conn *backend)
{
    h2_session_shutdown(backend->http2->session);
    (void)!h2_session_output(backend->http2->session);
    end(backend, ERR_OK, "the connection was idle");
}

void upstream_http2_retire(struct upstream_conn *backend)
{
    if (h2_session_streams(backend->http2->session) == 0)
        close_idle(backend);
}

/* ---- time ---- */

static int64_t sooner(int64_t due, int64_t since, int64_t limit)
{
    return limit > 0 && since + limit < due ? since + limit : due;
}

/* Of a connection without streams. */
static int64_t idle_until(const struct upstream_conn *backend)
{
    const struct upstream_http2 *http2 = backend->http2;
    if (http2->idle_since_ms == 0)
        return INT64_MAX;
    return sooner(INT64_MAX, http2->idle_since_ms, backend->pool->idle_timeout_ms);
}

/* Of one that says nothing: when it is pinged, or given up. */
static int64_t silent_until(const struct upstream_conn *backend)
{
    const struct upstream_http2 *http2 = backend->http2;
    if (http2->read_idle_timeout_ms == 0)
        return INT64_MAX;
    if (http2->pinged_ms != 0)
        return sooner(INT64_MAX, http2->pinged_ms, http2->ping_timeout_ms);
    return http2->received_ms + http2->read_idle_timeout_ms;
}

static void watch(struct upstream_conn *backend)
{
    struct upstream_http2 *http2 = backend->http2;
    struct worker *worker = backend->conn.worker;
    int64_t due = silent_until(backend), idle;
    if (h2_session_streams(http2->session) > 0)
        http2->idle_since_ms = 0;
    else if (http2->idle_since_ms == 0)
        http2->idle_since_ms = worker->now_ms;
    if (h2_session_is_settled(http2->session))
        http2->settle_by_ms = 0;
    if (http2->settle_by_ms != 0 && http2->settle_by_ms < due)
        due = http2->settle_by_ms;
    if ((idle = idle_until(backend)) < due)
        due = idle;
    if (due != INT64_MAX)
        timer_set(&worker->wheel, &http2->timer, due);
    else if (timer_running(&http2->timer))
        timer_cancel(&worker->wheel, &http2->timer);
}

static void ping(struct upstream_conn *backend)
{
    struct upstream_http2 *http2 = backend->http2;
    http2->pinged_ms = backend->conn.worker->now_ms;
    (void)!h2_session_ping(http2->session); /* unsent it is unanswered, too */
    upstream_http2_schedule(backend);
}

static void on_timer(struct timer *timer)
{
    struct upstream_http2 *http2 = container_of(timer, struct upstream_http2, timer);
    struct upstream_conn *backend = h2_session_owner(http2->session);
    int64_t now_ms = backend->conn.worker->now_ms;
    if (http2->settle_by_ms != 0 && http2->settle_by_ms <= now_ms)
        end(backend, ERR_TIMEOUT, "the backend did not begin HTTP/2 in time");
    else if (idle_until(backend) <= now_ms)
        close_idle(backend);
    else if (silent_until(backend) > now_ms)
        watch(backend); /* there were bytes since it was set */
    else if (http2->pinged_ms != 0)
        end(backend, ERR_TIMEOUT, "the backend did not answer a ping");
    else
        ping(backend);
}

/* ---- the task ---- */

/* Whether the connection goes on. */
static bool settle(struct upstream_conn *backend)
{
    struct upstream_http2 *http2 = backend->http2;
    enum err error = h2_session_output(http2->session);
    if (http2->flooded)
        end(backend, ERR_PROTOCOL, "the backend floods the connection");
    else if (error != ERR_OK)
        end(backend, error, "the connection to the backend broke");
    else if (h2_session_is_over(http2->session))
        end(backend, ERR_PROTOCOL, "the backend broke HTTP/2");
    else if (h2_session_streams(http2->session) == 0 && !is_wanted(backend))
        close_idle(backend);
    else
        return true;
    return false;
}

static void on_task(struct worker_task *task)
{
    struct upstream_conn *backend = container_of(task, struct upstream_conn, task);
    struct upstream_pool *pool = backend->pool;
    if (!settle(backend))
        return;
    watch(backend);
    if (!list_empty(&pool->waiting))
        upstream_pool_serve(pool);
}

void upstream_http2_schedule(struct upstream_conn *backend)
{
    if (backend->state == UPSTREAM_SESSION)
        worker_defer(backend->conn.worker, &backend->task);
}

/* ---- the session ---- */

static void on_limit(struct h2_session *session, enum h2_limit limit)
{
    static const char *const names[] = {
#define LIMIT_TEXT(name) #name,
        H2_LIMIT_LIST(LIMIT_TEXT)
#undef LIMIT_TEXT
    };
    struct upstream_conn *backend = h2_session_owner(session);
    backend->http2->flooded = true;
    log_warn("HTTP/2 backend exceeds a limit", "server",
                backend->pool->server->authority.ptr, "limit", names[limit]);
}

static enum err write_out(struct h2_session *session, struct span bytes)
{
    struct upstream_conn *backend = h2_session_owner(session);
    return conn_write(&backend->conn, bytes);
}

static bool may_write(struct h2_session *session)
{
    struct upstream_conn *backend = h2_session_owner(session);
    return !conn_is_congested(&backend->conn);
}

static const struct h2_handler session_handler = {
    .on_head = upstream_stream_on_head,
    .on_data = upstream_stream_on_data,
    .on_end = upstream_stream_on_end,
    .on_closed = upstream_stream_on_closed,
    .on_drained = upstream_stream_on_drained,
    .on_limit = on_limit,
    .write = write_out,
    .may_write = may_write,
};

/* ---- events of the connection ---- */

static void on_data(struct conn *conn, struct span data)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    struct upstream_http2 *http2 = backend->http2;
    http2->received_ms = conn->worker->now_ms;
    http2->pinged_ms = 0;
    /* What is wrong with it, the task sees. */
    (void)!h2_session_receive(http2->session, data, conn->worker->now_ms);
    upstream_http2_schedule(backend);
}

static void on_end(struct conn *conn)
{
    end(upstream_conn_of(conn), ERR_CLOSED, "the backend closed the connection");
}

static void on_drained(struct conn *conn)
{
    upstream_http2_schedule(upstream_conn_of(conn));
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    if (why->text[0] != '\0')
        log_debug("backend connection failed", "server", backend->pool->server->authority.ptr,
                  "error", why->text);
    end(backend, error, "the connection to the backend broke");
}

static void on_closed(struct conn *conn)
{
    upstream_free(upstream_conn_of(conn));
}

static const struct conn_handler session_conn_handler = {
    .on_data = on_data,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_failed = on_failed,
    .on_closed = on_closed,
};

/* ---- the beginning ---- */

static enum err make_session(struct upstream_conn *backend,
                             const struct upstream_transport *transport)
{
    struct upstream_http2 *http2 = calloc(1, sizeof(*http2));
    if (http2 == NULL)
        return ERR_NOMEM;
    backend->http2 = http2;
    http2->settle_by_ms = backend->connect_deadline_ms;
    http2->received_ms = backend->conn.worker->now_ms;
    http2->read_idle_timeout_ms = transport->read_idle_timeout_ms;
    http2->ping_timeout_ms = transport->ping_timeout_ms;
    timer_init(&http2->timer, on_timer);
    http2->session = h2_session_create_client(&session_settings, &session_handler, backend);
    return http2->session != NULL ? ERR_OK : ERR_NOMEM;
}

void upstream_http2_start(struct upstream_conn *backend,
                          const struct upstream_transport *transport)
{
    struct upstream_pool *pool = backend->pool;
    struct exchange *exchange = upstream_unlink(backend);
    backend->conn.handler = &session_conn_handler;
    backend->task.run = on_task;
    if (make_session(backend, transport) != ERR_OK) {
        upstream_set_state(backend, UPSTREAM_CLOSING);
        conn_close(&backend->conn);
        if (exchange != NULL)
            exchange_upstream_failed(exchange, ERR_NOMEM, UPSTREAM_FAILED, "out of memory");
        upstream_fail_waiting(pool, ERR_NOMEM, "out of memory");
        return;
    }
    upstream_set_state(backend, UPSTREAM_SESSION);
    list_push_back(&pool->sessions, &backend->link);
    upstream_http2_schedule(backend);
    if (exchange != NULL)
        upstream_stream_open(backend, exchange);
    upstream_pool_serve(pool);
}
