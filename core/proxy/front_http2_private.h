/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between front_http2.c (the connection), front_http2_stream.c (a request's way in,
 * and its time limits) and front_http2_send.c (what goes out). Worker thread.
 */
#ifndef WEIR_CORE_PROXY_FRONT_HTTP2_PRIVATE_H
#define WEIR_CORE_PROXY_FRONT_HTTP2_PRIVATE_H

#include "core/http/h2.h"
#include "core/proxy/body_rate.h"
#include "core/proxy/client.h"
#include "core/proxy/exchange.h"

/* One request and its response. From the worker's pool; lives until nghttp2 knows the
 * stream no more, and its exchange with it. */
struct front_stream {
    struct h2_stream h2; /* first member */
    struct client *client;
    struct exchange *exchange;
    struct list start_link;     /* front->starting */
    struct timer timer;         /* the request body, and writeTimeout */
    int64_t read_deadline_ms;   /* for the whole of the request; 0: none */
    struct body_rate body_rate;
    int64_t write_deadline_ms;  /* for the response, once the request has come; 0: none */
    bool discard;               /* what still comes of the request is dropped */
    /* When progress was last looked at: whether something waited, and h2.sent. */
    bool waited;
    uint64_t sent_mark;
};

extern const struct downstream_ops front_http2_ops;

static inline struct front_stream *front_stream_of(struct h2_stream *stream)
{
    return container_of(stream, struct front_stream, h2);
}

/* Output, at the end of the turn. */
void front_http2_schedule(struct client *client);

/* For the session's handler. */
struct h2_stream *front_stream_begin(struct h2_session *session);
void front_stream_head(struct h2_stream *h2, bool end);
void front_stream_data(struct h2_stream *h2, struct span data);
void front_stream_end(struct h2_stream *h2);
void front_stream_closed(struct h2_stream *h2, uint32_t error_code);
void front_stream_drained(struct h2_stream *h2);

/* Requests that were not reset again within the turn. */
void front_stream_start_all(struct client *client);
/* Time for the next piece of the request body, or for the response. */
void front_stream_watch(struct front_stream *stream);
/* Whether what waits has not moved since the last call. */
bool front_stream_is_stalled(struct front_stream *stream);

#endif
