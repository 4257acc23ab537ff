/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an exchange to a connection: an idle one if there is any, else a new one
 * to the server's first address that answers. All tries share one deadline.
 */
#include "core/proxy/upstream_private.h"

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
    [UPSTREAM_CONNECTING] = TO(BUSY) | TO(CLOSING),
    [UPSTREAM_IDLE] = TO(BUSY) | TO(CLOSING),
    [UPSTREAM_BUSY] = TO(IDLE) | TO(TUNNEL) | TO(CLOSING),
    [UPSTREAM_TUNNEL] = 0,
    [UPSTREAM_CLOSING] = TO(CLOSING),
};

void upstream_set_state(struct upstream *upstream, enum upstream_state state)
{
    if (!(state_transitions[upstream->state] & (1u << state)))
        log_error("upstream state", "from", state_names[upstream->state], "to",
                  state_names[state]);
    assert(state_transitions[upstream->state] & (1u << state));
    upstream->state = state;
}

struct exchange *upstream_unlink(struct upstream *upstream)
{
    struct exchange *exchange = upstream->exchange;
    upstream_splice_stop(upstream);
    upstream->exchange = NULL;
    if (exchange != NULL)
        exchange->upstream = NULL;
    return exchange;
}

/* ---- a new connection ---- */

static void give_up(struct upstream *upstream, enum err error, const char *why)
{
    struct exchange *exchange = upstream_unlink(upstream);
    upstream_free(upstream);
    if (exchange != NULL)
        exchange_upstream_failed(exchange, error, false, why);
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
static enum err time_left(const struct upstream *upstream, int64_t *left)
{
    if (upstream->connect_deadline_ms == 0) {
        *left = 0;
        return ERR_AGAIN;
    }
    *left = upstream->connect_deadline_ms - upstream->conn.worker->now_ms;
    return *left > 0 ? ERR_AGAIN : ERR_TIMEOUT;
}

void upstream_connect_next(struct upstream *upstream)
{
    struct worker *worker = upstream->conn.worker;
    const struct server *server = upstream->pool->server;
    const struct server_addresses *addresses = rcu_load(&server->addresses);
    const struct upstream_transport *transport =
        snapshot_transport(upstream->exchange->hold->snapshot, server->transport);
    const char *name =
        transport->server_name.len > 0 ? transport->server_name.ptr : server->host.ptr;
    int64_t left;
    for (; addresses != NULL && upstream->address < addresses->count; upstream->address++) {
        if (time_left(upstream, &left) != ERR_AGAIN) {
            upstream->error = ERR_TIMEOUT;
            break;
        }
        struct sock_address address = {.storage = addresses->items[upstream->address],
                                       .len = addresses->lengths[upstream->address]};
        metric_add(&worker->metrics.upstream_connects, 1);
        upstream->error =
            conn_connect(&upstream->conn, worker, &address, server->https ? transport->tls : NULL,
                         name, left, &upstream_http1_handler);
        if (upstream->error == ERR_OK)
            return;
    }
    if (addresses == NULL || addresses->count == 0)
        give_up(upstream, ERR_NOTFOUND, "the backend's name is not resolved");
    else
        give_up(upstream, upstream->error, failure_text(upstream->error));
}

void upstream_connect(struct upstream *upstream)
{
    const struct server *server = upstream->pool->server;
    const struct upstream_transport *transport =
        snapshot_transport(upstream->exchange->hold->snapshot, server->transport);
    if (transport == NULL || transport->problem.len > 0 ||
        (server->https && transport->tls == NULL)) {
        give_up(upstream, ERR_UNSUPPORTED, "the servers transport is unusable");
        return;
    }
    if (transport->dial_timeout_ms > 0)
        upstream->connect_deadline_ms =
            upstream->conn.worker->now_ms + transport->dial_timeout_ms;
    upstream->tls_digest = transport->tls_digest;
    upstream_connect_next(upstream);
}

void upstream_attach(struct exchange *exchange, bool fresh)
{
    struct worker *worker = exchange->worker;
    struct upstream_pool *pool = upstream_pool_find(worker, exchange->server);
    struct upstream *upstream = NULL;
    if (pool != NULL && !fresh)
        upstream = upstream_pool_take(pool);
    bool reused = upstream != NULL;
    if (pool != NULL && !reused)
        upstream = upstream_create(worker, pool);
    if (upstream == NULL) {
        exchange_upstream_failed(exchange, ERR_NOMEM, false, "out of memory");
        return;
    }
    upstream->exchange = exchange;
    exchange->upstream = upstream;
    if (!reused) {
        upstream_connect(upstream);
        return;
    }
    metric_add(&worker->metrics.upstream_reuses, 1);
    upstream->reused = true;
    upstream_http1_begin(upstream);
}
