/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * X-Forwarded-*, X-Real-Ip and Forwarded, as Traefik sets them: what a client
 * says of itself is believed only where the entry point's forwardedHeaders
 * trust its address, and names that a backend could take for one of these (an
 * underscore for a hyphen) never pass. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_FORWARD_H
#define WEIR_CORE_PROXY_FORWARD_H

#include "core/base/err.h"
#include "core/base/span.h"

struct exchange;

/* Before routing, so that rules and middlewares see no lies: removes what is
 * not trusted and what Connection names (but for forwardedHeaders.connection), adds
 * what is missing, and makes one X-Forwarded-For of several. */
MUST_USE enum err forward_receive(struct exchange *exchange);
/* When the request goes to a backend: the client's address is appended to
 * X-Forwarded-For. */
MUST_USE enum err forward_send(struct exchange *exchange);
/* The client's address without the port. */
struct span forward_peer(const struct exchange *exchange);

#endif
