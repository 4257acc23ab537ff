/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP/1.x side of a client connection: finds requests in the bytes, gives
 * each to an exchange, frames the responses, keeps the connection alive or
 * ends it, and enforces the time limits of heads, bodies and idleness. One
 * request at a time; pipelined bytes wait in `input`. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_FRONT_HTTP1_H
#define WEIR_CORE_PROXY_FRONT_HTTP1_H

#include "core/base/buf.h"
#include "core/http/h1.h"
#include "core/proxy/body_rate.h"
#include "core/proxy/worker.h"

struct conn;
struct client;
struct exchange;

#define FRONT_HTTP1_STATE_LIST(X)                                                   \
    X(IDLE) /* between requests */ X(HEAD) /* part of a head has come */            \
    X(EXCHANGE) /* a request is being answered */ X(TUNNEL) X(CLOSING)

enum front_http1_state {
#define FRONT_HTTP1_STATE_ENUM(name) FRONT_HTTP1_##name,
    FRONT_HTTP1_STATE_LIST(FRONT_HTTP1_STATE_ENUM)
#undef FRONT_HTTP1_STATE_ENUM
};

struct front_http1 {
    enum front_http1_state state;
    struct exchange *exchange;
    struct buf input;      /* an incomplete head, or bytes behind the request */
    size_t scanned;
    struct h1_body body;   /* of the running request */
    bool request_complete; /* body read to its end */
    bool request_whole;    /* the body came with the head, though not yet read */
    bool discard;          /* nothing more is read: the framing is lost */
    bool broken;           /* the response could not be written */
    bool response_complete;
    bool keep_alive;
    bool response_chunked; /* how the running response's body is framed */
    uint64_t requests;     /* on this connection */
    int64_t opened_ms;
    int64_t read_deadline_ms; /* for the whole of the running request; 0: none */
    struct body_rate body_rate;
    struct worker_task task; /* what follows a finished response */
};

/* The connection is open (plain, or the handshake is done): from here on it is
 * HTTP. `first` was read already. */
void front_http1_start(struct client *client, struct span first);

#endif
