/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an exchange to a connection: an idle one if there is any, else a new one
 * to the server's first address that answers. All tries share one deadline. Over TLS
 * the two sides agree on the protocol (RFC 7301); what is asked of h2c:// servers is
 * HTTP/2 at once (RFC 9113 §3.3), but for upgrades, which only HTTP/1 has.
 */
#include "core/proxy/upstream_stream.h"

#include "core/base/log.h"
#include "core/base/rcu.h"

#include <assert.h>

static const char *const state_names[] = {
#define UPSTREAM_STATE_TEXT(name) #name,
    UPSTREAM_STATE_LIST(UPSTREAM_STATE_TEXT)
#undef UPSTREAM_STATE_TEXT
};

#define TO(name) (1u << UPSTREAM_##name)
static const unsigned state_transitions[] = {
    [UPSTREAM_CONNECTING] = TO(IDLE) | TO(BUSY) | TO(SESSION) | TO(CLOSING),
    [UPSTREAM_IDLE] = TO(BUSY) | TO(CLOSING),
    [UPSTREAM_BUSY] = TO(IDLE) | TO(TUNNEL) | TO(CLOSING),
    [UPSTREAM_TUNNEL] = 0,
    [UPSTREAM_SESSION] = TO(CLOSING),
    [UPSTREAM_CLOSING] = TO(CLOSING),
};

void upstream_set_state(struct upstream_conn *backend, enum upstream_state state)
{
    if (!(state_transitions[backend->state] & (1u << state)))
        log_error("upstream state", "from", state_names[backend->state], "to",
                  state_names[state]);
    assert(state_transitions[backend->state] & (1u << state));
    backend->state = state;
}

struct exchange *upstream_unlink(struct upstream_conn *backend)
{
    struct exchange *exchange = backend->upstream.exchange;
    upstream_splice_stop(backend);
    backend->upstream.exchange = NULL;
    if (exchange != NULL)
        exchange->upstream = NULL;
    return exchange;
}

/* ---- a new connection ---- */

static bool has_usable_session(const struct upstream_pool *pool)
{
    list_for_each(node, &pool->sessions) {
        if (upstream_http2_is_usable(container_of(node, struct upstream_conn, link)))
            return true;
    }
    return false;
}

static void give_up(struct upstream_conn *backend, enum err error, const char *why)
{
    struct upstream_pool *pool = backend->pool;
    struct exchange *exchange = upstream_unlink(backend);
    bool shared = pool->dialing == backend;
    if (shared)
        pool->dialing = NULL;
    upstream_pool_use(pool);
    upstream_free(backend);
    if (exchange != NULL)
        exchange_upstream_failed(exchange, error, UPSTREAM_FAILED, why);
    if (shared && !has_usable_session(pool))
        upstream_fail_waiting(pool, error, why);
    upstream_pool_release(pool);
}

static const char *failure_text(enum err error)
{
    switch (error) {
    case ERR_TIMEOUT:
        return "connecting to the backend timed out";
    case ERR_REFUSED:
        return "the backend refused the connection";
    case ERR_UNREACHABLE:
        return "the backend is unreachable";
    case ERR_TLS:
        return "the TLS handshake with the backend failed";
    default:
        return "the backend cannot be connected";
    }
}

/* ERR_AGAIN: there is time for another try, of *left ms (0: any). */
static enum err time_left(const struct upstream_conn *backend, int64_t *left)
{
    if (backend->connect_deadline_ms == 0) {
        *left = 0;
        return ERR_AGAIN;
    }
    *left = backend->connect_deadline_ms - backend->conn.worker->now_ms;
    return *left > 0 ? ERR_AGAIN : ERR_TIMEOUT;
}

static const struct upstream_transport *transport_of(const struct upstream_conn *backend)
{
    return snapshot_transport(backend->hold->snapshot, backend->pool->server->transport);
}

static const struct conn_handler connecting_handler;

static void connect_next(struct upstream_conn *backend)
{
    struct worker *worker = backend->conn.worker;
    const struct server *server = backend->pool->server;
    const struct server_addresses *addresses = rcu_load(&server->addresses);
    const struct upstream_transport *transport = transport_of(backend);
    const struct conn_tls tls = {
        .context = transport->tls,
        .server_name =
            transport->server_name.len > 0 ? transport->server_name.ptr : server->host.ptr,
        .alpn = backend->http1_only ? "http/1.1" : NULL,
    };
    int64_t left;
    for (; addresses != NULL && backend->address < addresses->count; backend->address++) {
        if (time_left(backend, &left) != ERR_AGAIN) {
            backend->error = ERR_TIMEOUT;
            break;
        }
        struct sock_address address = {.storage = addresses->items[backend->address],
                                       .len = addresses->lengths[backend->address]};
        metric_add(&worker->metrics.upstream_connects, 1);
        backend->error = conn_connect(&backend->conn, worker, &address,
                                      server->https ? &tls : NULL, left, &connecting_handler);
        if (backend->error == ERR_OK)
            return;
    }
    if (addresses == NULL || addresses->count == 0)
        give_up(backend, ERR_NOTFOUND, "the backend's name is not resolved");
    else
        give_up(backend, backend->error, failure_text(backend->error));
}

/* For its exchange or, if it has none, for the pool's. */
static void connect_first(struct upstream_conn *backend, struct snapshot_hold *hold)
{
    backend->hold = snapshot_hold_use(hold);
    const struct upstream_transport *transport = transport_of(backend);
    if (transport == NULL || transport->problem.len > 0 ||
        (backend->pool->server->https && transport->tls == NULL)) {
        give_up(backend, ERR_UNSUPPORTED, "the servers transport is unusable");
        return;
    }
    if (transport->dial_timeout_ms > 0)
        backend->connect_deadline_ms =
            backend->conn.worker->now_ms + transport->dial_timeout_ms;
    backend->tls_digest = transport->tls_digest;
    connect_next(backend);
}

void upstream_dial(struct upstream_pool *pool, struct snapshot_hold *hold)
{
    struct upstream_conn *backend = upstream_create(pool);
    if (backend == NULL) {
        upstream_fail_waiting(pool, ERR_NOMEM, "out of memory");
        return;
    }
    pool->dialing = backend;
    connect_first(backend, hold);
}

void upstream_undial(struct upstream_pool *pool)
{
    struct upstream_conn *backend = pool->dialing;
    if (backend == NULL)
        return;
    pool->dialing = NULL;
    upstream_set_state(backend, UPSTREAM_CLOSING);
    conn_close(&backend->conn);
}

/* ---- HTTP/1 ---- */

static void link_exchange(struct upstream_conn *backend, struct exchange *exchange)
{
    backend->upstream.exchange = exchange;
    exchange->upstream = &backend->upstream;
}

static bool wants_http1(const struct exchange *exchange)
{
    return exchange->upgrade || exchange->http1_only;
}

static void attach_http1(struct upstream_pool *pool, struct exchange *exchange, bool fresh)
{
    struct upstream_conn *backend = fresh ? NULL : upstream_pool_take(pool);
    bool reused = backend != NULL;
    if (!reused)
        backend = upstream_create(pool);
    if (backend == NULL) {
        exchange_upstream_failed(exchange, ERR_NOMEM, UPSTREAM_FAILED, "out of memory");
        return;
    }
    link_exchange(backend, exchange);
    if (!reused) {
        backend->http1_only = wants_http1(exchange);
        connect_first(backend, exchange->hold);
        return;
    }
    metric_add(&pool->worker->metrics.upstream_reuses, 1);
    backend->reused = true;
    upstream_http1_begin(backend);
}

/* It was dialled for the pool, whose server turns out to speak HTTP/1: the first that
 * waits gets it, and the others go their own ways. */
static void share_http1(struct upstream_conn *backend)
{
    struct upstream_pool *pool = backend->pool;
    struct exchange *exchange = upstream_pool_dismiss(pool);
    if (exchange != NULL) {
        link_exchange(backend, exchange);
        upstream_http1_begin(backend);
    } else if (!upstream_pool_park(backend)) {
        upstream_set_state(backend, UPSTREAM_CLOSING);
        conn_close(&backend->conn);
    }
    while ((exchange = upstream_pool_dismiss(pool)) != NULL)
        attach_http1(pool, exchange, false);
}

/* ---- what a try comes to ---- */

static enum upstream_protocol spoken_on(const struct upstream_conn *backend)
{
    struct tls_engine_info info;
    if (backend->http1_only)
        return UPSTREAM_HTTP1;
    if (backend->conn.tls == NULL)
        return backend->pool->server->h2c ? UPSTREAM_HTTP2 : UPSTREAM_HTTP1;
    tls_engine_info(backend->conn.tls, &info);
    return info.alpn != NULL && strcmp(info.alpn, "h2") == 0 ? UPSTREAM_HTTP2 : UPSTREAM_HTTP1;
}

static void on_open(struct conn *conn)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    struct upstream_pool *pool = backend->pool;
    enum upstream_protocol protocol = spoken_on(backend);
    bool shared = pool->dialing == backend;
    struct snapshot_hold *hold = backend->hold;
    backend->hold = NULL;
    if (shared)
        pool->dialing = NULL;
    if (!backend->http1_only)
        pool->protocol = protocol;
    upstream_pool_use(pool);
    conn->handler = &upstream_http1_handler;
    if (protocol == UPSTREAM_HTTP2)
        upstream_http2_start(backend,
                             snapshot_transport(hold->snapshot, pool->server->transport));
    else if (shared)
        share_http1(backend);
    else
        upstream_http1_begin(backend);
    upstream_pool_release(pool);
    snapshot_hold_release(hold);
}

static void never_on_data(struct conn *conn, struct span data)
{
    (void)conn; /* on_open comes first, and another handler with it */
    (void)data;
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    if (why->text[0] != '\0')
        log_debug("backend connection failed", "server", backend->pool->server->authority.ptr,
                  "error", why->text);
    backend->error = error;
    conn_close(conn); /* on_closed tries the next address */
}

static void on_closed(struct conn *conn)
{
    struct upstream_conn *backend = upstream_conn_of(conn);
    if (backend->state != UPSTREAM_CONNECTING) {
        upstream_free(backend);
        return;
    }
    backend->address++;
    connect_next(backend);
}

static const struct conn_handler connecting_handler = {
    .on_open = on_open,
    .on_data = never_on_data,
    .on_failed = on_failed,
    .on_closed = on_closed,
};

/* ---- from an exchange ---- */

void upstream_attach(struct exchange *exchange, bool fresh)
{
    struct upstream_pool *pool = upstream_pool_find(exchange->worker, exchange->server);
    if (pool == NULL)
        exchange_upstream_failed(exchange, ERR_NOMEM, UPSTREAM_FAILED, "out of memory");
    else if (pool->protocol == UPSTREAM_HTTP1 || wants_http1(exchange))
        attach_http1(pool, exchange, fresh);
    else
        upstream_stream_attach(pool, exchange);
}
