/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TCP side of a client connection: a route was chosen by server name, ALPN
 * and address; picks a server, connects, and joins the two with a tunnel.
 * Passthrough never decrypts; terminated TLS is decrypted here; plain TCP may
 * have a server that speaks first. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_FRONT_TCP_H
#define WEIR_CORE_PROXY_FRONT_TCP_H

#include "core/base/buf.h"
#include "core/proxy/snapshot.h"

struct conn;
struct client;
struct upstream_tcp;

struct front_tcp {
    struct snapshot_hold *hold; /* NULL: not held (any more) */
    const struct route *route;
    struct upstream_tcp *upstream; /* NULL until connecting */
    struct buf early; /* bytes from the client before the backend is connected */
};

/* Plain or passthrough: `first` was read already (the ClientHello, or none). */
void front_tcp_start(struct client *client, const struct route *route, struct span first);
/* Terminated TLS: the handshake is done; hold and route are set already. */
void front_tcp_start_terminated(struct client *client);

#endif
