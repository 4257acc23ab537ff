/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/2 towards a backend: sessions (upstream_http2.c) and their streams
 * (upstream_stream.c), one per exchange. Worker thread.
 *
 * A session carries at most UPSTREAM_STREAMS_MAX streams, or fewer if the backend says
 * so; when all are full, another is dialled for those who wait, who do that for as long
 * as the dial timeout. Until the backend's settings have come a session carries one.
 *
 * Memory, beside the exchanges' own and HPACK's (4 KB a direction):
 *   a request's body  waits in its stream up to UPSTREAM_STREAM_QUEUE before the front
 *                     is stopped; one delivery of the front may come on top.
 *   a response's body is passed on as it comes. Of one whose client takes nothing the
 *                     front gets UPSTREAM_STREAM_WINDOW_FIRST at most, or if it flowed
 *                     before UPSTREAM_STREAM_WINDOW more: what a stopped stream received
 *                     counts as taken only once it goes on, so that the backend's window
 *                     closes. A connection's window is that of all its streams together,
 *                     so that none stops another.
 *   written frames    wait in the connection up to weir.limits.sendBufferBytes and a
 *                     frame.
 */
#ifndef WEIR_CORE_PROXY_UPSTREAM_STREAM_H
#define WEIR_CORE_PROXY_UPSTREAM_STREAM_H

#include "core/http/h2.h"
#include "core/proxy/upstream_private.h"

#define UPSTREAM_STREAMS_MAX 100u
#define UPSTREAM_STREAM_WINDOW_FIRST (32u << 10)
#define UPSTREAM_STREAM_WINDOW (256u << 10)
#define UPSTREAM_CONNECTION_WINDOW (UPSTREAM_STREAMS_MAX * UPSTREAM_STREAM_WINDOW)
#define UPSTREAM_STREAM_QUEUE ((size_t)64 << 10)

/* One connection's. */
struct upstream_http2 {
    struct h2_session *session;
    struct timer timer; /* settings, silence, a ping's answer, idleness: the soonest */
    int64_t settle_by_ms;                     /* 0: settled, or no limit */
    int64_t received_ms, idle_since_ms;       /* the last bytes; without streams since */
    int64_t pinged_ms;                        /* 0: no ping is on its way */
    int64_t read_idle_timeout_ms, ping_timeout_ms; /* 0: none */
    uint64_t streams; /* so far */
    bool flooded;     /* over a limit: ends when nobody is inside the session */
    /* While the streams are told of the end. */
    enum err error;
    const char *reason;
};

struct upstream_stream {
    struct upstream upstream;
    struct h2_stream h2;
    struct upstream_pool *pool;
    struct upstream_conn *backend; /* NULL: it waits */
    struct list link;              /* pool->waiting */
    struct timer timer;            /* waiting; then for the head of the response */
    int64_t response_header_timeout_ms;
    bool wide;   /* has UPSTREAM_STREAM_WINDOW */
    bool reused; /* the session had served others before */
    bool head_done, response_complete;
};

/* ---- sessions ---- */

/* The connection is open, and HTTP/2 is what it speaks. If it has an exchange, that one
 * gets the first stream. */
void upstream_http2_start(struct upstream_conn *backend,
                          const struct upstream_transport *transport);
/* Whether it takes requests at all, if perhaps not now. */
bool upstream_http2_is_usable(const struct upstream_conn *backend);
/* How many more streams it takes now. */
size_t upstream_http2_slots(const struct upstream_conn *backend);
/* Whether it may soon take more than it does now, so that none need be dialled. */
bool upstream_http2_is_promising(const struct upstream_conn *backend);
/* There is something to write, or to look at, when nobody is inside the session. */
void upstream_http2_schedule(struct upstream_conn *backend);
/* The pool has no use for it any more: ends with its last stream. */
void upstream_http2_retire(struct upstream_conn *backend);

/* ---- streams ---- */

/* A stream for the exchange: at once, or it waits in the pool for one. Its failure may
 * come at once, too. */
void upstream_stream_attach(struct upstream_pool *pool, struct exchange *exchange);
/* The first stream of a new session. */
void upstream_stream_open(struct upstream_conn *backend, struct exchange *exchange);
/* Gives those who wait what there is, and dials for the rest. */
void upstream_pool_serve(struct upstream_pool *pool);
/* Takes the exchange of the first that waits; NULL: nobody does. */
struct exchange *upstream_pool_dismiss(struct upstream_pool *pool);
/* Everyone who waits in the pool has failed. */
void upstream_fail_waiting(struct upstream_pool *pool, enum err error, const char *why);

/* For the session's handler. */
void upstream_stream_on_head(struct h2_stream *h2, bool end);
void upstream_stream_on_data(struct h2_stream *h2, struct span data);
void upstream_stream_on_end(struct h2_stream *h2);
void upstream_stream_on_closed(struct h2_stream *h2, uint32_t error_code);
void upstream_stream_on_drained(struct h2_stream *h2);

#endif
