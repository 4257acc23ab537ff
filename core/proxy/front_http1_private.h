/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between front_http1.c (what comes in, and the order of things) and
 * front_http1_send.c (what goes out). Worker thread.
 */
#ifndef WEIR_CORE_PROXY_FRONT_HTTP1_PRIVATE_H
#define WEIR_CORE_PROXY_FRONT_HTTP1_PRIVATE_H

#include "core/proxy/client.h"
#include "core/proxy/exchange.h"

extern const struct downstream_ops front_http1_ops;

void front_http1_set_state(struct front_http1 *front, enum front_http1_state state);
/* The response is over, or broken: goes on from there at the end of the turn,
 * when nobody is inside the exchange any more. */
void front_http1_settle(struct client *client);
/* The tunnel that took the connection has ended and is about to close it. */
void front_http1_tunnel_ended(struct exchange *exchange);
/* Time for the next piece of the request body, or none. */
void front_http1_watch_body(struct client *client, bool waiting);

#endif
