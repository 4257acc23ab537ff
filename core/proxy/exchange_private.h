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
/* Makes of exchange->request what the backend gets, with exchange->target_sent. */
MUST_USE enum err exchange_settle_request(struct exchange *exchange, bool pass_host_header);
/* The request cannot be passed on: answers. */
void exchange_refuse_request(struct exchange *exchange, enum err error);
/* Server and request are settled; fresh: not from the pool. */
void exchange_connect(struct exchange *exchange, bool fresh);
/* Lets the connection to the backend go; it is closed unless all was read. */
void exchange_leave_upstream(struct exchange *exchange);
/* Whoever was to answer need not any more. */
void exchange_forget_answerer(struct exchange *exchange);
/* exchange->response is the final one: middlewares, Date, downstream. */
void exchange_respond(struct exchange *exchange, bool end);
/* The backend agreed to an upgrade. */
void exchange_tunnel(struct exchange *exchange);
/* RFC 8441: a success that is no 101 would be taken for the agreement. Then the client
 * has 502 instead, and this returns true. */
bool exchange_mistakes_tunnel(struct exchange *exchange);
/* As exchange_tunnel, without a tunnel of two connections: from now on the bodies are the bytes of
 * the backend's connection, and what the client has sent already goes first. The head
 * for the client has been sent. */
void exchange_switch_to_bytes(struct exchange *exchange);

#endif
