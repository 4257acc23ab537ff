/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of an exchange call of each other: exchange.c (life and
 * request body), exchange_route.c (router, middlewares, service),
 * exchange_request.c (the head for the backend), exchange_response.c,
 * exchange_tunnel.c and reply.c. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_EXCHANGE_PRIVATE_H
#define WEIR_CORE_PROXY_EXCHANGE_PRIVATE_H

#include "core/proxy/client.h"
#include "core/proxy/exchange.h"
#include "core/proxy/exchange_pool.h"
#include "core/proxy/upstream.h"

void exchange_set_state(struct exchange *exchange, enum exchange_state state);
/* Monotonic; exact only where an access log wants it. */
int64_t exchange_now_ns(const struct exchange *exchange);
/* What the exchange was routed by. */
static inline const struct snapshot *exchange_snapshot(const struct exchange *exchange)
{
    return exchange->hold->snapshot;
}

/* From the path to an answer or to exchange_connect. */
void exchange_route(struct exchange *exchange);
/* Puts exchange->head together. */
MUST_USE enum err exchange_write_request(struct exchange *exchange, bool pass_host_header);
/* Server and head are settled; fresh: not from the pool. */
void exchange_connect(struct exchange *exchange, bool fresh);
/* Lets the connection to the backend go; it is closed unless all was read. */
void exchange_leave_upstream(struct exchange *exchange);
/* Whoever was to answer need not any more. */
void exchange_forget_answerer(struct exchange *exchange);
/* exchange->response is the final one: middlewares, Date, downstream. */
void exchange_respond(struct exchange *exchange, bool end);
/* The backend agreed to an upgrade. */
void exchange_tunnel(struct exchange *exchange);

#endif
