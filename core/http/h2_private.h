/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of HTTP/2 share: h2_session.c (life, input and output), above
 * h2_receive.c (what nghttp2 tells us) and h2_send.c (what we tell it, with h2_list.c),
 * above h2_abuse.c (what is counted), above h2_stream.c. Only these files name nghttp2.
 * One thread.
 */
#ifndef WEIR_CORE_HTTP_H2_PRIVATE_H
#define WEIR_CORE_HTTP_H2_PRIVATE_H

#include "core/base/rate.h"
#include "core/http/h2.h"

#include <nghttp2/nghttp2.h>

struct h2_session {
    nghttp2_session *ng;
    const struct h2_handler *handler;
    void *owner;
    struct h2_settings settings;
    bool server;
    struct list streams;
    size_t stream_count;
    size_t queued; /* bytes in all streams */
    int32_t head_stream; /* whose head comes in pieces; 0: none */
    bool ended;    /* GOAWAY with an error: what comes is not looked at */
    bool settled;  /* the peer's settings have come */
    bool failed;   /* nghttp2 cannot go on */
    /* h2_abuse.c */
    int64_t now_ms;
    struct rate rates[H2_LIMITS];
    uint32_t continuations; /* of the head that is coming */
    bool continued;         /* the frame that nghttp2 reads is a CONTINUATION */
    uint8_t head[9];        /* of the frame that begins, as much as has come */
    size_t head_len;
    size_t passing;         /* bytes before the next frame's head */
    size_t updates_owed;    /* WINDOW_UPDATEs for what was sent */
    bool late;              /* the last head was for a stream that is over */
    struct err_text failure;
};

/* h2_receive.c: fills in the callbacks. */
void h2_receive_callbacks(nghttp2_session_callbacks *callbacks);
void h2_send_callbacks(nghttp2_session_callbacks *callbacks);

/* Joins and parts stream and session. */
void h2_link(struct h2_session *session, struct h2_stream *stream, int32_t id);
/* on_closed. */
void h2_close(struct h2_stream *stream, uint32_t error_code);

/* Bytes of the peer, before nghttp2 gets them; the session may have ended then. */
void h2_count_frames(struct h2_session *session, struct span bytes);
/* The peer may open windows so many times more: in advance of a stream, or for a frame of
 * DATA. `all`: nothing of what waited was kept back for want of a window. */
#define H2_UPDATES_OF_STREAM 2
void h2_owe_updates(struct h2_session *session, size_t count);
void h2_owe_updates_for(struct h2_session *session, size_t sent, bool all);
/* `limit` is exceeded. */
void h2_exceeded(struct h2_session *session, enum h2_limit limit);
/* A stream was reset by either side. */
void h2_count_reset(struct h2_session *session, uint32_t error_code, bool ours);

#endif
