/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP/2 side of a client connection (RFC 9113): gives each stream's request to
 * an exchange, as many at once as the entry point's http2.maxConcurrentStreams, and
 * sends what they answer. Frames that were made in one turn of the worker leave
 * together. Worker thread.
 *
 * Memory, beside the exchanges' own:
 *   a response    whose client has no window for it waits in its stream up to
 *                 H2_DRAINED; with one, up to weir.limits.sendBufferBytes, until all
 *                 streams of the connection have FRONT_HTTP2_CROWD times that: then
 *                 up to H2_DRAINED too. Beyond, the backend is stopped. What it may
 *                 have sent before comes on top: CONN_RECEIVE_SMALL where there is no
 *                 window or nothing has been sent yet, else what all streams share
 *                 of twice the crowd's bound. Its own windows: upstream_stream.h.
 *   request bodies that backends do not take: FRONT_HTTP2_STREAM_WINDOW a stream and
 *                 FRONT_HTTP2_CONNECTION_WINDOW a connection; the client's windows
 *                 allow no more.
 */
#ifndef WEIR_CORE_PROXY_FRONT_HTTP2_H
#define WEIR_CORE_PROXY_FRONT_HTTP2_H

#include "core/base/span.h"
#include "core/proxy/worker.h"

#define FRONT_HTTP2_STREAM_WINDOW (64u << 10)
#define FRONT_HTTP2_CONNECTION_WINDOW (1u << 20)
#define FRONT_HTTP2_CROWD 16

struct client;
struct h2_session;

/* What the connection's one timer is waiting for. */
enum front_http2_watch {
    FRONT_HTTP2_FIRST, /* the first request */
    FRONT_HTTP2_IDLE,  /* another */
    FRONT_HTTP2_HEAD,  /* the rest of a head */
    FRONT_HTTP2_BUSY,  /* streams that make no progress */
};

struct front_http2 {
    struct h2_session *session;
    struct worker_task task; /* output, and what follows from it */
    struct list starting; /* streams whose requests start at the end of the turn */
    enum front_http2_watch watch;
    uint64_t requests; /* on this connection */
    uint64_t requests_watched; /* when the idle time was last begun */
    int64_t opened_ms;
    bool shut;     /* GOAWAY is said */
    bool closing;
};

/* The connection is open and speaks HTTP/2. `first` was read already. */
void front_http2_start(struct client *client, struct span first);
/* No new requests: GOAWAY, and the connection ends with its last stream. */
void front_http2_drain(struct client *client);

#endif
