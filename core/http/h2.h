/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/2 (RFC 9113) through nghttp2, without I/O, both roles. A session takes the
 * peer's bytes and tells of them stream by stream; what goes out gathers in the
 * streams and leaves when the owner asks for it, as many frames of as many streams
 * as there are, through handler->write.
 *
 * In:  heads are collected into the stream's arena, counted against the limits;
 *      DATA is given on as it lies in the input. While a stream is paused nothing of
 *      it is consumed, so that the peer's windows close: what a session may be sent
 *      beyond what its owner takes is bounded by settings.connection_window, and by
 *      settings.stream_window for each stream.
 * Out: bytes given to h2_send_data wait in the stream until the peer's windows and
 *      the connection take them; h2_queued tells how much, on_drained when it has
 *      become little. The owner stops its source above what it wants to hold.
 * Abuse: what costs us more than the peer is counted per second; beyond a limit the
 *      owner is told which, and the session ends with ENHANCE_YOUR_CALM.
 *
 * Ownership: the owner's streams embed struct h2_stream; one is the session's from
 * on_stream (or h2_send_request) to on_closed, which comes for every one, at the
 * latest from h2_session_destroy. A server's heads and trailers are borrowed until
 * then; a client's are copied. No function here is called from within handler
 * functions but h2_send_*, h2_reset, h2_abandon, h2_pause, h2_resume, h2_widen,
 * h2_session_end and those that only tell something; handler functions are called
 * from h2_session_receive, h2_session_output and h2_session_destroy only. One thread.
 */
#ifndef WEIR_CORE_HTTP_H2_H
#define WEIR_CORE_HTTP_H2_H

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/http/message.h"

/* What a client with prior knowledge begins with, RFC 9113 §3.4. */
#define H2_PREFACE SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

enum h2_error_code { /* RFC 9113 §7 */
    H2_NO_ERROR = 0x0,
    H2_PROTOCOL_ERROR = 0x1,
    H2_INTERNAL_ERROR = 0x2,
    H2_FLOW_CONTROL_ERROR = 0x3,
    H2_REFUSED_STREAM = 0x7,
    H2_CANCEL = 0x8,
    H2_ENHANCE_YOUR_CALM = 0xb,
    H2_HTTP_1_1_REQUIRED = 0xd,
};

/* What the counts are of. */
#define H2_LIMIT_LIST(X)                                                              \
    X(RESETS)        /* streams reset by the peer, or for its faults */               \
    X(CONTINUATIONS) /* frames of one head */                                         \
    X(SETTINGS) X(PINGS)                                                              \
    X(EMPTY_FRAMES)  /* that do nothing: DATA without any, PRIORITY, unknown ones,    \
                      * heads for streams that are over, WINDOW_UPDATEs for nothing */ \
    X(HEADER_BYTES)  /* a head many times too long */                                 \
    X(ANSWERS)       /* control frames that wait for a peer that does not read */

enum h2_limit {
#define H2_LIMIT_ENUM(name) H2_LIMIT_##name,
    H2_LIMIT_LIST(H2_LIMIT_ENUM)
#undef H2_LIMIT_ENUM
        H2_LIMITS,
};

struct h2_settings {
    uint32_t max_concurrent_streams; /* that the peer may open; 0 for a client's session */
    uint32_t stream_window, connection_window; /* bytes */
    uint32_t decoder_table, encoder_table;     /* HPACK, bytes */
    size_t header_bytes, header_count; /* of one head, names, values and 32 each */
    bool extended_connect;             /* RFC 8441 */
    /* Events a second, with bursts (core/base/rate.h); of CONTINUATIONS in one head, of
     * ANSWERS at once; of HEADER_BYTES nothing. 0: no limit. */
    uint32_t limits[H2_LIMITS];
};

struct h2_session;
struct h2_stream;

struct h2_handler {
    /* Server: a request begins. Returns a stream, made with h2_stream_init, or NULL
     * to refuse it. */
    struct h2_stream *(*on_stream)(struct h2_session *session);
    /* stream->head is whole: a request, or a response (informational ones too, each
     * by itself). `end`: nothing follows it, and no on_end. */
    void (*on_head)(struct h2_stream *stream, bool end);
    void (*on_data)(struct h2_stream *stream, struct span data);
    /* The peer's side has ended; stream->trailers may have come. */
    void (*on_end)(struct h2_stream *stream);
    /* Both sides are done, or either has reset it. The stream is the owner's again. */
    void (*on_closed)(struct h2_stream *stream, uint32_t error_code);
    /* h2_queued has fallen below H2_DRAINED. May be NULL. */
    void (*on_drained)(struct h2_stream *stream);
    void (*on_limit)(struct h2_session *session, enum h2_limit limit);
    /* Bytes for the peer, in order; borrowed for the call. */
    enum err (*write)(struct h2_session *session, struct span bytes);
    /* Whether the connection takes more now; asked before each frame. */
    bool (*may_write)(struct h2_session *session);
};

/* A head as it comes in, before anybody has judged it. */
struct h2_head {
    struct span method, scheme, authority, path, protocol; /* ptr NULL: not there */
    uint16_t status;
    struct http_fields fields;
    size_t bytes;   /* names, values and 32 each */
    bool too_large; /* beyond the limits; what came after is left out */
};

struct h2_stream {
    struct h2_session *session; /* NULL: not, or not any more, the session's */
    struct list link;           /* the session's */
    int32_t id;
    struct arena *arena;           /* for what comes in; NULL: nobody wants it */
    struct h2_head head;
    struct http_fields *trailers;  /* of what comes in */
    bool head_done;                /* the final head has come */
    bool remote_ended, local_ended; /* END_STREAM came / was asked for */
    bool paused;
    bool deferred; /* nghttp2 waits to be told of more */
    bool begun;    /* a client's: the peer was sent the head */
    size_t unconsumed;
    uint64_t sent; /* bytes of DATA */
    struct buf out;
    const struct http_fields *out_trailers;
};

#define H2_DRAINED ((size_t)12 << 10)

/* ---- sessions ---- */

/* NULL: out of memory. The settings are queued. `owner` is the handler's to find. */
struct h2_session *h2_session_create_server(const struct h2_settings *settings,
                                            const struct h2_handler *handler, void *owner);
struct h2_session *h2_session_create_client(const struct h2_settings *settings,
                                            const struct h2_handler *handler, void *owner);
/* on_closed comes for every stream first. NULL: nothing happens. */
void h2_session_destroy(struct h2_session *session);
void *h2_session_owner(const struct h2_session *session);

/* All of `bytes` is taken. now_ms: for what is counted per second. An error ends the
 * session: after h2_session_output the connection is to be closed. */
MUST_USE enum err h2_session_receive(struct h2_session *session, struct span bytes,
                                     int64_t now_ms);
/* Writes what may be written. */
MUST_USE enum err h2_session_output(struct h2_session *session);
/* Neither side has anything left to say. */
bool h2_session_is_over(const struct h2_session *session);
/* A head is coming in pieces. */
bool h2_session_in_head(const struct h2_session *session);
/* Streams of the session, and the bytes that wait in them. */
size_t h2_session_streams(const struct h2_session *session);
size_t h2_session_queued(const struct h2_session *session);
/* Calls `visit` for each, until it returns false. It may reset streams. */
void h2_session_each(struct h2_session *session,
                     bool (*visit)(struct h2_stream *stream, void *context), void *context);
/* What the peer did wrong, in words; "" when nothing. */
const char *h2_session_failure(const struct h2_session *session);

/* GOAWAY: nothing new is taken, what runs is finished. */
void h2_session_shutdown(struct h2_session *session);
/* GOAWAY with an error: nothing that comes any more is looked at. */
void h2_session_end(struct h2_session *session, uint32_t error_code);

/* Client: how many more requests the peer's settings let start now, and whether it
 * takes any at all (GOAWAY, identifiers used up). */
size_t h2_session_free_slots(const struct h2_session *session);
bool h2_session_takes_requests(const struct h2_session *session);
/* Whether the peer's settings have come. */
bool h2_session_is_settled(const struct h2_session *session);
MUST_USE enum err h2_session_ping(struct h2_session *session);

/* ---- streams ---- */

/* `arena` and `trailers` live as long as the stream; out_max is a ceiling that the
 * owner never lets h2_queued reach. */
void h2_stream_init(struct h2_stream *stream, struct arena *arena, struct http_fields *trailers,
                    size_t out_max);
/* For a stream that the session does not have any more. */
void h2_stream_finish(struct h2_stream *stream);

static inline size_t h2_queued(const struct h2_stream *stream)
{
    return buf_len(&stream->out);
}

/* How much more of DATA than is queued the peer's windows take, its own and that of the
 * connection, which all streams share. */
size_t h2_window(const struct h2_stream *stream);

/* Heads: fields become lower case, connection-specific ones are left out, framing is
 * written from body and content_length. ERR_INVALID when something may not stand
 * there, ERR_NOMEM. `end`: END_STREAM. */
MUST_USE enum err h2_send_informational(struct h2_stream *stream,
                                        const struct http_response *response);
MUST_USE enum err h2_send_response(struct h2_stream *stream, const struct http_response *response,
                                   bool end);
/* Client: opens the stream. `target` as in HTTP/1. */
MUST_USE enum err h2_send_request(struct h2_session *session, struct h2_stream *stream,
                                  const struct http_request *request, struct span scheme,
                                  struct span target, bool end);
MUST_USE enum err h2_send_data(struct h2_stream *stream, struct span data);
/* trailers may be NULL; borrowed until on_closed, or h2_abandon. */
MUST_USE enum err h2_send_end(struct h2_stream *stream, const struct http_fields *trailers);
/* RST_STREAM; on_closed follows when it is written. */
void h2_reset(struct h2_stream *stream, uint32_t error_code);
/* Client: arena and trailers end before the stream. It is reset, unless both sides have
 * ended, and nothing of what still comes is kept or tells of itself but on_closed. */
void h2_abandon(struct h2_stream *stream, uint32_t error_code);
/* Stops and goes on with consuming what comes. */
void h2_pause(struct h2_stream *stream);
void h2_resume(struct h2_stream *stream);
/* From now on so much may come before any of it is consumed. */
void h2_widen(struct h2_stream *stream, uint32_t window);

/* ---- translation ---- */

/*
 * A request's head, in the terms that routers know: RFC 9113 §8.3.1 with nothing
 * that a HTTP/1 backend could frame otherwise. Host comes first among the fields
 * (:authority, which a Host field must agree with), cookies are joined. Extended
 * CONNECT for a websocket becomes the GET with Upgrade that it stands for, without
 * its Sec-WebSocket-Key. `end`: no body.
 *   ERR_SYNTAX *status = 400 or 501 (CONNECT to another protocol)
 *   ERR_LIMIT  *status = 431
 *   ERR_NOMEM  *status = 503
 */
MUST_USE enum err h2_read_request(const struct h2_head *head, bool end, size_t field_limit,
                                  struct arena *arena, struct http_request *out,
                                  uint16_t *status, struct err_text *why);
/* A response's head; request_method and `end` settle the body. ERR_SYNTAX: malformed. */
MUST_USE enum err h2_read_response(const struct h2_head *head, bool end,
                                   enum http_method request_method, struct http_response *out,
                                   struct err_text *why);

#endif
