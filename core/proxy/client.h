/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection from a client, from accept to its front: looks at the first
 * bytes (a ClientHello, at most weir.limits.clientHelloBytes, within
 * clientHelloTimeout), settles in the order of TRAEFIK-CONFIG §3 whether the
 * HTTP or the TCP side serves it, with which TLS options and certificate, and
 * hands over. The front then owns the handler; the client stays the memory
 * that both live in. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_CLIENT_H
#define WEIR_CORE_PROXY_CLIENT_H

#include "core/proxy/conn.h"
#include "core/proxy/front_http1.h"
#include "core/proxy/front_http2.h"
#include "core/proxy/front_tcp.h"
#include "tls/clienthello.h"

enum client_side { CLIENT_PEEKING, CLIENT_HTTP1, CLIENT_HTTP2, CLIENT_TCP };

struct client {
    struct conn conn; /* first member */
    struct list link; /* worker->clients */
    size_t entry;     /* index of the entry point */
    struct sock_address peer;
    uint8_t peer_ip[16];
    char peer_text[SOCK_TEXT_SIZE]; /* ip:port */
    enum client_side side;
    bool is_tls;
    bool idle; /* may be closed at once when draining */
    uint64_t tls_options_identity; /* of the options that the handshake used */
    uint64_t tls_epoch;            /* of the snapshot that they were of */
    char server_name[LIMIT_HOST_NAME + 1]; /* normalised SNI, "" */
    struct buf peeked; /* a ClientHello that came in pieces */
    int64_t accepted_ms;
    union {
        struct front_http1 http1;
        struct front_http2 http2;
        struct front_tcp tcp;
    };
};

static inline struct client *client_of(struct conn *conn)
{
    return container_of(conn, struct client, conn);
}

/* Takes the descriptor. */
void client_accept(struct worker *worker, size_t entry, int fd);
/* The model of the client's entry point. */
const struct model_entry_point *client_entry(const struct client *client);
/* What the newest snapshot serves there. */
const struct entry_routes *client_routes(const struct client *client);
/* Host (server name) and address for the TCP routers. */
void client_facts(const struct client *client, struct rule_facts *facts);
/* Every handler's on_closed ends here: unlinks and frees. */
void client_closed(struct conn *conn);

#endif
