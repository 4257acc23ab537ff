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

void upstream_set_state(struct upstream_http1 *http1, enum upstream_state state)
{
    if (!(state_transitions[http1->state] & (1u << state)))
        log_error("upstream state", "from", state_names[http1->state], "to",
                  state_names[state]);
    assert(state_transitions[http1->state] & (1u << state));
    http1->state = state;
}

struct exchange *upstream_unlink(struct upstream_http1 *http1)
{
    struct exchange *exchange = http1->upstream.exchange;
    upstream_splice_stop(http1);
    http1->upstream.exchange = NULL;
    if (exchange != NULL)
        exchange->upstream = NULL;
    return exchange;
}

/* ---- a new connection ---- */

static void give_up(struct upstream_http1 *http1, enum err error, const char *why)
{
    struct exchange *exchange = upstream_unlink(http1);
    upstream_free(http1);
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
static enum err time_left(const struct upstream_http1 *http1, int64_t *left)
{
    if (http1->connect_deadline_ms == 0) {
        *left = 0;
        return ERR_AGAIN;
    }
    *left = http1->connect_deadline_ms - http1->conn.worker->now_ms;
    return *left > 0 ? ERR_AGAIN : ERR_TIMEOUT;
}

void upstream_connect_next(struct upstream_http1 *http1)
{
    struct worker *worker = http1->conn.worker;
    const struct server *server = http1->pool->server;
    const struct server_addresses *addresses = rcu_load(&server->addresses);
    const struct upstream_transport *transport =
        snapshot_transport(http1->upstream.exchange->hold->snapshot, server->transport);
    const struct conn_tls tls = {
        .context = transport->tls,
        .server_name =
            transport->server_name.len > 0 ? transport->server_name.ptr : server->host.ptr,
    };
    int64_t left;
    for (; addresses != NULL && http1->address < addresses->count; http1->address++) {
        if (time_left(http1, &left) != ERR_AGAIN) {
            http1->error = ERR_TIMEOUT;
            break;
        }
        struct sock_address address = {.storage = addresses->items[http1->address],
                                       .len = addresses->lengths[http1->address]};
        metric_add(&worker->metrics.upstream_connects, 1);
        http1->error =
            conn_connect(&http1->conn, worker, &address, server->https ? &tls : NULL, left,
                         &upstream_http1_handler);
        if (http1->error == ERR_OK)
            return;
    }
    if (addresses == NULL || addresses->count == 0)
        give_up(http1, ERR_NOTFOUND, "the backend's name is not resolved");
    else
        give_up(http1, http1->error, failure_text(http1->error));
}

void upstream_connect(struct upstream_http1 *http1)
{
    const struct server *server = http1->pool->server;
    const struct upstream_transport *transport =
        snapshot_transport(http1->upstream.exchange->hold->snapshot, server->transport);
    if (transport == NULL || transport->problem.len > 0 ||
        (server->https && transport->tls == NULL)) {
        give_up(http1, ERR_UNSUPPORTED, "the servers transport is unusable");
        return;
    }
    if (transport->dial_timeout_ms > 0)
        http1->connect_deadline_ms =
            http1->conn.worker->now_ms + transport->dial_timeout_ms;
    http1->tls_digest = transport->tls_digest;
    upstream_connect_next(http1);
}

void upstream_attach(struct exchange *exchange, bool fresh)
{
    struct worker *worker = exchange->worker;
    struct upstream_pool *pool = upstream_pool_find(worker, exchange->server);
    struct upstream_http1 *http1 = NULL;
    if (pool != NULL && !fresh)
        http1 = upstream_pool_take(pool);
    bool reused = http1 != NULL;
    if (pool != NULL && !reused)
        http1 = upstream_create(worker, pool);
    if (http1 == NULL) {
        exchange_upstream_failed(exchange, ERR_NOMEM, false, "out of memory");
        return;
    }
    http1->upstream.exchange = exchange;
    exchange->upstream = &http1->upstream;
    if (!reused) {
        upstream_connect(http1);
        return;
    }
    metric_add(&worker->metrics.upstream_reuses, 1);
    http1->reused = true;
    upstream_http1_begin(http1);
}
