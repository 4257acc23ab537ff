/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PROXY header (io/proxy_header.h) in front of everything else on an entry point
 * with proxyProtocol. From an address that is trusted it says who the client is;
 * from any other it is read away and not believed, as Traefik does. Who sends none
 * is served under its own address. A malformed header, or one that is not complete
 * within clientHelloTimeout, ends the connection.
 *
 * Where a plain TCP router's server may speak first, a trusted peer's header is
 * waited for, and its silence for clientHelloTimeout is taken for having none; the
 * others are connected at once, and a header of theirs is taken out on the way.
 * Worker thread.
 */
#ifndef WEIR_CORE_PROXY_CLIENT_PROXY_H
#define WEIR_CORE_PROXY_CLIENT_PROXY_H

#include "core/base/err.h"
#include "core/base/span.h"

struct client;
struct conn;

/* An accepted connection of such an entry point; comes to client_peer_known. */
void client_proxy_start(struct client *client);

/*
 * While client->sifting: takes a header off the stream's beginning. ERR_OK: *data is
 * what remains for the backend, good until the next call, and sifting is over;
 * ERR_AGAIN: the bytes are kept, more are needed; else the connection is to end.
 * No data: the stream has ended.
 */
MUST_USE enum err client_proxy_sift(struct conn *conn, struct span *data);

#endif
