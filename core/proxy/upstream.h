/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections to backends: one pool of idle keep-alive connections per server
 * and worker, new ones when there is none, HTTP/1.1 on them. An idle
 * connection keeps its receive armed, so a backend that closes is noticed at
 * once. Pools of servers that the newest snapshot no longer has are emptied.
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

/* The request: the head first (already framed bytes), then body pieces. */
void upstream_send_head(struct upstream *upstream, struct span head);
void upstream_send_body(struct upstream *upstream, struct span data);
void upstream_send_end(struct upstream *upstream, const struct http_fields *trailers);
bool upstream_is_congested(struct upstream *upstream);
/* Stops and goes on with the response. */
void upstream_pause(struct upstream *upstream);
void upstream_resume(struct upstream *upstream);
/* The front has sent all that it had: a body may wait for that to be spliced. */
void upstream_sink_flushed(struct upstream *upstream);
/* After 101: gives the connection for a tunnel with what was read beyond. */
struct conn *upstream_take_tunnel(struct upstream *upstream, struct span *early);
/* The exchange is done: back to the pool if both sides were read to the end
 * and may be kept alive, else closed. */
void upstream_detach(struct upstream *upstream);

#endif
