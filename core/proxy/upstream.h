/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an exchange has of its backend: one request and its response, in whatever
 * version of HTTP. Behind it stands a connection of its own (upstream_http1.c), from
 * one pool of idle keep-alive connections per server and worker, or a new one; or a
 * stream of one that many share (upstream_stream.c). An idle connection keeps its
 * receive armed, so a backend that closes is noticed at once. Pools of servers that
 * the newest snapshot no longer has are emptied.
 *
 * Ownership: the pool's. Exchange and upstream forget each other in
 * upstream_detach and upstream_take_tunnel, and before exchange_upstream_failed.
 * Worker thread.
 */
#ifndef WEIR_CORE_PROXY_UPSTREAM_H
#define WEIR_CORE_PROXY_UPSTREAM_H

#include "core/base/err.h"
#include "core/base/span.h"
#include "core/http/message.h"

struct exchange;
struct upstream;
struct worker;
struct snapshot;
struct conn;

/* What may come of a failure. */
enum upstream_failure {
    UPSTREAM_FAILED,  /* nothing more: the backend may have acted on the request */
    UPSTREAM_STALE,   /* nothing had come on a connection that had served others before: what
                       * may be done twice may be repeated */
    UPSTREAM_REFUSED, /* the backend has not looked at it: any request may be repeated */
};

MUST_USE enum err upstream_pools_init(struct worker *worker);
void upstream_pools_finish(struct worker *worker);
/* After a new snapshot was adopted: drops pools of servers that are gone. */
void upstream_pools_refresh(struct worker *worker, const struct snapshot *snapshot);

/*
 * Gets a connection to exchange->server and joins the two;
 * exchange_upstream_ready comes at once for a pooled connection, else when
 * connected, or exchange_upstream_failed. fresh: not from the pool (a retry).
 */
void upstream_attach(struct exchange *exchange, bool fresh);

struct upstream_ops {
    enum err (*send_head)(struct upstream *upstream);
    void (*send_body)(struct upstream *upstream, struct span data);
    void (*send_end)(struct upstream *upstream, const struct http_fields *trailers);
    bool (*is_congested)(struct upstream *upstream);
    void (*want)(struct upstream *upstream, size_t bytes);
    void (*sink_flushed)(struct upstream *upstream);
    struct conn *(*take_tunnel)(struct upstream *upstream, struct span *early);
    void (*switch_to_bytes)(struct upstream *upstream);
    void (*detach)(struct upstream *upstream);
};

struct upstream {
    const struct upstream_ops *ops;
    struct exchange *exchange; /* NULL: nobody's */
};

/* The request: the head first, made of exchange->request and exchange->target_sent,
 * then body pieces. On an error (ERR_INVALID: it holds what may not stand there)
 * nothing was written. */
MUST_USE static inline enum err upstream_send_head(struct upstream *upstream)
{
    return upstream->ops->send_head(upstream);
}

static inline void upstream_send_body(struct upstream *upstream, struct span data)
{
    upstream->ops->send_body(upstream, data);
}

/* trailers may be NULL; they live as long as the exchange. */
static inline void upstream_send_end(struct upstream *upstream,
                                     const struct http_fields *trailers)
{
    upstream->ops->send_end(upstream, trailers);
}

static inline bool upstream_is_congested(struct upstream *upstream)
{
    return upstream->ops->is_congested(upstream);
}

/* Stops the response (0) or goes on with it. Of a body about so much is to come before
 * the exchange is asked again; a little comes at once in any case. */
static inline void upstream_want(struct upstream *upstream, size_t bytes)
{
    upstream->ops->want(upstream, bytes);
}

/* The front has sent all that it had: a body may wait for that to be spliced. */
static inline void upstream_sink_flushed(struct upstream *upstream)
{
    if (upstream->ops->sink_flushed != NULL)
        upstream->ops->sink_flushed(upstream);
}

/* After 101, from inside exchange_upstream_head: gives the connection for a tunnel
 * with what was read beyond. */
static inline struct conn *upstream_take_tunnel(struct upstream *upstream, struct span *early)
{
    return upstream->ops->take_tunnel(upstream, early);
}

/*
 * After 101 too, in place of a tunnel: from here on send_body and
 * exchange_upstream_body are the connection's bytes as they are, those first that
 * were read beyond the head. send_end ends our side of the connection; the backend's
 * FIN comes as exchange_upstream_end. upstream_detach before both have ended resets it.
 */
static inline void upstream_switch_to_bytes(struct upstream *upstream)
{
    upstream->ops->switch_to_bytes(upstream);
}

/* The exchange is done with it. A connection goes back to the pool if both sides were
 * read to the end and may be kept alive, else it is closed. */
static inline void upstream_detach(struct upstream *upstream)
{
    upstream->ops->detach(upstream);
}

#endif
