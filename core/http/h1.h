/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1.x framing (RFC 9112) without I/O: heads, bodies, chunks, trailers,
 * both roles. Strict where laxness lets requests be smuggled: bare CR or LF,
 * white space before a colon, obs-fold, conflicting or repeated lengths,
 * Transfer-Encoding other than exactly "chunked", Transfer-Encoding with
 * Content-Length or in HTTP/1.0, bad chunk sizes, NUL and control bytes,
 * several Host fields. Everything is parsed in place; spans point into the
 * input given to the parser until h1_request_rebase. One thread.
 */
#ifndef WEIR_CORE_HTTP_H1_H
#define WEIR_CORE_HTTP_H1_H

#include "core/base/buf.h"
#include "core/http/message.h"

struct h1_limits {
    size_t head_bytes;   /* start line and fields */
    size_t field_count;
};

/*
 * Parses one request head. `scanned` starts at 0 and is kept by the caller
 * between calls with more bytes, so that a head that trickles in is scanned
 * once. Field arrays come from `arena`.
 *   ERR_OK     *head_len bytes were the head (leading empty line included)
 *   ERR_AGAIN  incomplete
 *   ERR_LIMIT  *status = 431 (or 414 for the target)
 *   ERR_SYNTAX *status = 400, 417 (Expect), 505 or 501 (Transfer-Encoding unknown)
 *   ERR_NOMEM  *status = 503
 * and `why` says in words what is wrong. *status is set only on failure.
 *
 * HTTP/1.2 to 1.9 count as 1.1. In absolute-form the target's authority also
 * takes the place of the Host field's value. An empty Host is legal (RFC 9112
 * §3.2) and leaves authority and host empty. CONNECT takes only authority-form
 * and gets the path "/". Content-Length and Transfer-Encoding stay among the
 * fields as received; h1_write_* write their own.
 */
MUST_USE enum err h1_parse_request(struct span bytes, const struct h1_limits *limits,
                                   struct arena *arena, size_t *scanned,
                                   struct http_request *out, size_t *head_len, uint16_t *status,
                                   struct err_text *why);
/* The same for a response; `request_method` and the status settle the body
 * (HEAD, 1xx, 204, 304, CONNECT). ERR_SYNTAX and ERR_LIMIT mean 502. For a
 * response without a body, content_length is what a Content-Length field said
 * (0 without one). */
MUST_USE enum err h1_parse_response(struct span bytes, const struct h1_limits *limits,
                                    struct arena *arena, size_t *scanned,
                                    enum http_method request_method, struct http_response *out,
                                    size_t *head_len, struct err_text *why);

/* Moves every span that points into [from, from+len) to the copy at `to`; `from`
 * may be freed already. */
void h1_request_rebase(struct http_request *request, const char *from, size_t len, const char *to);
void h1_response_rebase(struct http_response *response, const char *from, size_t len,
                        const char *to);

/* ---- bodies in ---- */

enum h1_body_state_id {
    H1_BODY_DATA, H1_BODY_CHUNK_SIZE, H1_BODY_CHUNK_DATA, H1_BODY_CHUNK_END, H1_BODY_TRAILERS,
    H1_BODY_COMPLETE, H1_BODY_FAILED,
};

struct h1_body {
    enum http_body_kind kind;
    enum h1_body_state_id state;
    uint64_t remaining;   /* of the body or of the chunk */
    struct buf line;      /* a chunk-size line or trailer section in pieces; bounded */
    size_t trailer_limit;
};

void h1_body_init(struct h1_body *body, enum http_body_kind kind, uint64_t content_length,
                  const struct h1_limits *limits);
void h1_body_finish(struct h1_body *body);
/*
 * Takes from *input and gives the next piece of content in *data (a view into
 * the input, may be empty). ERR_OK: look at *data and call again; ERR_AGAIN:
 * input is used up; ERR_CLOSED: the body is complete (*input holds what follows);
 * ERR_SYNTAX, ERR_LIMIT: framing broken.
 * trailers (may be NULL) receives the trailer fields, copied into its arena.
 */
MUST_USE enum err h1_body_decode(struct h1_body *body, struct span *input, struct span *data,
                                 struct http_fields *trailers);
/* `bytes` of the content, at most `remaining`, were taken elsewhere than from an input;
 * for bodies with a length or until the close. */
void h1_body_skip(struct h1_body *body, uint64_t bytes);
/* The peer closed: ERR_OK when that ends the body properly, else ERR_PROTOCOL. */
MUST_USE enum err h1_body_end_of_stream(struct h1_body *body);

/* ---- out ---- */

/*
 * All of these append to `out` or leave it as it is. Content-Length and
 * Transfer-Encoding among the fields are never copied: the framing fields are
 * written from body and content_length. Names keep their case. ERR_INVALID when
 * a name is no token or when a value, target or method holds what may not stand
 * there (CR, LF and NUL above all): nothing can be injected.
 */

/* "METHOD target HTTP/1.1", Host first (the field, else request->authority),
 * the fields, framing by body kind, blank line. Connection is the caller's. */
MUST_USE enum err h1_write_request(struct buf *out, const struct http_request *request,
                                   struct span target);
/*
 * Status line and fields; framing by response->body: NONE passes a
 * Content-Length field on (HEAD, 304) except for 1xx and 204; CHUNKED for a 1.0
 * client is ERR_INVALID (make it UNTIL_CLOSE first). "Connection: close" when
 * !keep_alive or UNTIL_CLOSE, "keep-alive" for 1.0 clients; from status 200 on
 * no Connection or Keep-Alive of the fields is copied, below 200 (101) nothing
 * is added to them.
 */
MUST_USE enum err h1_write_response(struct buf *out, const struct http_response *response,
                                    enum http_version client_version, bool keep_alive);
/* "size CRLF" (size > 0) and, after the data, H1_CHUNK_END; h1_write_last_chunk
 * ends with the trailers (may be NULL), without those that frame. */
MUST_USE enum err h1_write_chunk_start(struct buf *out, size_t size);
#define H1_CHUNK_END SPAN("\r\n")
MUST_USE enum err h1_write_last_chunk(struct buf *out, const struct http_fields *trailers);

#endif
