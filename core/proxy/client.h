/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection from a client, from accept to its front: takes a PROXY header off
 * where the entry point has proxyProtocol (client_proxy.c), looks at the first
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

enum client_side {
    CLIENT_PEEKING,
    CLIENT_HTTP1,
    CLIENT_HTTP2,
    CLIENT_TCP,
    CLIENT_CHALLENGE,
};

/* What a PROXY header said, when it was believed. */
struct client_proxied {
    struct sock_address destination; /* what the client had connected to */
};

struct client {
    struct conn conn; /* first member */
    struct list link; /* worker->clients */
    struct list arriving_link; /* worker->arriving */
    struct list hello_link;    /* in worker->hellos */
    size_t entry;     /* index of the entry point */
    /* The client: who connected, or whom a believed PROXY header speaks for. Settled
     * before client_peer_known. */
    struct sock_address peer;
    uint8_t peer_ip[16];
    address_slot *counted; /* among the connections of its address */
    char peer_text[SOCK_TEXT_SIZE]; /* ip:port */
    struct client_proxied *proxied; /* NULL: without a PROXY header */
    enum client_side side;
    bool is_tls;
    bool idle; /* may be closed at once, when draining or to make room */
    uint64_t tls_options_identity; /* of the options that the handshake used */
    uint64_t tls_epoch;            /* of the snapshot that they were of */
    char server_name[LIMIT_HOST_NAME + 1]; /* normalised SNI, "" */
    struct buf peeked; /* a PROXY header or a ClientHello that came in pieces */
    bool sifting; /* a PROXY header that nobody believes may still come first */
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
void client_accept(struct worker *worker, size_t entry, int fd, const struct sock_address *peer);
/* From here on the client's address is known: the one place for whatever counts or
 * refuses connections by it. Goes on to the front. `first`: what was read already. */
void client_peer_known(struct client *client, struct span first);
void client_set_peer(struct client *client, const struct sock_address *peer);
/* The TCP router without tls that takes the connection whatever it says, so that its
 * server may speak first; NULL: the client's bytes are waited for. */
const struct route *client_silent_route(const struct client *client);
/* The address that the client came to. */
MUST_USE enum err client_local(const struct client *client, struct sock_address *out);
/* The model of the client's entry point. */
const struct model_entry_point *client_entry(const struct client *client);
/* What the newest snapshot serves there. */
const struct entry_routes *client_routes(const struct client *client);
/* Host (server name) and address for the TCP routers. */
void client_facts(const struct client *client, struct rule_facts *facts);
/* A front has started. */
void client_arrived(struct client *client);
/* The worker's hello_task: the next handshakes of those that wait. */
void client_begin_hellos(struct worker_task *task);
/* Every handler's on_closed ends here: unlinks and frees. */
void client_closed(struct conn *conn);

#endif
