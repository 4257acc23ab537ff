/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bodies as they come in. Content is given as views into the input. A chunk's
 * size line and each line of the trailer section are parsed in the input when
 * they are whole, and are put together in `line` when they arrive in pieces,
 * never more than their limits.
 */
#include "core/http/h1_head.h"
#include "core/http/scan.h"

#include <assert.h>

#define CHUNK_LINE_MAX 256 /* size, extensions and line end */

void h1_body_init(struct h1_body *body, enum http_body_kind kind, uint64_t content_length,
                  const struct h1_limits *limits)
{
    *body = (struct h1_body){.kind = kind, .state = H1_BODY_DATA};
    body->trailer_limit = limits->head_bytes;
    buf_init(&body->line, body->trailer_limit > CHUNK_LINE_MAX ? body->trailer_limit
                                                               : CHUNK_LINE_MAX);
    if (kind == HTTP_BODY_CHUNKED)
        body->state = H1_BODY_CHUNK_SIZE;
    if (kind == HTTP_BODY_LENGTH)
        body->remaining = content_length;
    if (kind == HTTP_BODY_NONE || (kind == HTTP_BODY_LENGTH && content_length == 0))
        body->state = H1_BODY_COMPLETE;
}

void h1_body_finish(struct h1_body *body)
{
    buf_finish(&body->line);
}

/* The next line up to and with its LF: in the input, or put together in
 * body->line, which the caller then clears. */
static enum err take_line(struct h1_body *body, struct span *input, size_t limit,
                          struct span *line)
{
    ptrdiff_t at = span_find(*input, '\n', 0);
    struct span piece = at < 0 ? *input : span_first(*input, (size_t)at + 1);
    if (piece.len > limit || buf_len(&body->line) > limit - piece.len)
        return ERR_LIMIT;
    bool whole = at >= 0 && buf_len(&body->line) == 0;
    if (!whole)
        TRY(buf_append(&body->line, piece));
    *input = span_skip(*input, piece.len);
    if (at < 0)
        return ERR_AGAIN;
    *line = whole ? piece : buf_span(&body->line);
    return ERR_OK;
}

/* ---- chunks ---- */

/* The end of the hexadecimal number at p, at most 16 significant digits. */
static const char *parse_hex(const char *p, const char *end, uint64_t *value)
{
    uint64_t number = 0;
    for (; p < end && http_char_is(*p, HTTP_CHAR_HEX); p++) {
        if (number >> 60 != 0)
            return NULL;
        number = number << 4 | (uint64_t)http_hex_value(*p);
    }
    *value = number;
    return p;
}

/* "size [;extensions] CRLF" */
static enum err parse_chunk_line(struct span line, uint64_t *size)
{
    const char *end = line.ptr + line.len;
    uint64_t value;
    const char *p = parse_hex(line.ptr, end, &value);
    if (p == NULL || p == line.ptr || value > INT64_MAX)
        return ERR_SYNTAX;
    const char *extensions = p;
    while (*p == ' ' || *p == '\t')
        p++;
    if (*p == ';')
        p = http_scan_value(p, end);
    else if (p != extensions)
        return ERR_SYNTAX;
    if (end - p != 2 || p[0] != '\r')
        return ERR_SYNTAX;
    *size = value;
    return ERR_OK;
}

static enum err decode_chunk_size(struct h1_body *body, struct span *input)
{
    struct span line;
    TRY(take_line(body, input, CHUNK_LINE_MAX, &line));
    TRY(parse_chunk_line(line, &body->remaining));
    buf_clear(&body->line);
    body->state = body->remaining > 0 ? H1_BODY_CHUNK_DATA : H1_BODY_TRAILERS;
    if (body->state == H1_BODY_TRAILERS)
        body->remaining = body->trailer_limit;
    return ERR_OK;
}

/* CR, then LF: `remaining` says how many of the two are still to come. */
static enum err decode_chunk_end(struct h1_body *body, struct span *input)
{
    while (body->remaining > 0 && input->len > 0) {
        if (input->ptr[0] != (body->remaining == 2 ? '\r' : '\n'))
            return ERR_SYNTAX;
        *input = span_skip(*input, 1);
        body->remaining--;
    }
    if (body->remaining > 0)
        return ERR_AGAIN;
    body->state = H1_BODY_CHUNK_SIZE;
    return ERR_OK;
}

/* ---- trailers ---- */

static enum err add_trailer(struct http_fields *trailers, struct span name, struct span value)
{
    if (trailers == NULL || !http_field_may_trail(http_field_id_of(name), name))
        return ERR_OK;
    name = arena_span(trailers->arena, name);
    value = arena_span(trailers->arena, value);
    if (name.ptr == NULL || value.ptr == NULL)
        return ERR_NOMEM;
    return http_fields_add(trailers, name, value);
}

static enum err parse_trailer(struct span line, struct http_fields *trailers, bool *last)
{
    struct h1_head head = {0};
    struct h1_cursor cursor = {line.ptr, line.ptr + line.len};
    struct span name, value;
    *last = line.ptr[0] == '\r' || line.ptr[0] == '\n';
    enum err error = *last ? h1_take_crlf(&cursor, &head)
                           : h1_take_field(&cursor, &head, &name, &value);
    if (error != ERR_OK)
        return ERR_SYNTAX;
    return *last ? ERR_OK : add_trailer(trailers, name, value);
}

static enum err decode_trailers(struct h1_body *body, struct span *input,
                                struct http_fields *trailers)
{
    struct span line;
    bool last;
    TRY(take_line(body, input, (size_t)body->remaining, &line));
    TRY(parse_trailer(line, trailers, &last));
    body->remaining -= line.len;
    buf_clear(&body->line);
    if (last)
        body->state = H1_BODY_COMPLETE;
    return ERR_OK;
}

/* ---- content ---- */

/* What comes after the last byte of a body or chunk. */
static void content_is_complete(struct h1_body *body)
{
    if (body->state == H1_BODY_DATA) {
        body->state = H1_BODY_COMPLETE;
        return;
    }
    body->state = H1_BODY_CHUNK_END;
    body->remaining = 2;
}

static enum err decode_content(struct h1_body *body, struct span *input, struct span *data)
{
    if (input->len == 0)
        return ERR_AGAIN;
    bool counted = body->kind != HTTP_BODY_UNTIL_CLOSE;
    size_t len = input->len;
    if (counted && body->remaining < len)
        len = (size_t)body->remaining;
    *data = span_first(*input, len);
    *input = span_skip(*input, len);
    if (counted)
        body->remaining -= len;
    if (counted && body->remaining == 0)
        content_is_complete(body);
    return ERR_OK;
}

/* One step that gives no content. */
static enum err decode_framing(struct h1_body *body, struct span *input,
                               struct http_fields *trailers)
{
    if (body->state == H1_BODY_COMPLETE)
        return ERR_CLOSED;
    if (body->state == H1_BODY_FAILED)
        return ERR_SYNTAX;
    if (input->len == 0)
        return ERR_AGAIN;
    if (body->state == H1_BODY_CHUNK_SIZE)
        return decode_chunk_size(body, input);
    if (body->state == H1_BODY_CHUNK_END)
        return decode_chunk_end(body, input);
    return decode_trailers(body, input, trailers);
}

enum err h1_body_decode(struct h1_body *body, struct span *input, struct span *data,
                        struct http_fields *trailers)
{
    enum err error = ERR_OK;
    while (error == ERR_OK) {
        if (body->state == H1_BODY_DATA || body->state == H1_BODY_CHUNK_DATA)
            return decode_content(body, input, data);
        error = decode_framing(body, input, trailers);
    }
    if (error != ERR_AGAIN && error != ERR_CLOSED)
        body->state = H1_BODY_FAILED;
    return error;
}

void h1_body_skip(struct h1_body *body, uint64_t bytes)
{
    assert(body->state == H1_BODY_DATA);
    if (body->kind != HTTP_BODY_LENGTH)
        return;
    assert(bytes <= body->remaining);
    body->remaining -= bytes;
    if (body->remaining == 0)
        body->state = H1_BODY_COMPLETE;
}

enum err h1_body_end_of_stream(struct h1_body *body)
{
    if (body->kind == HTTP_BODY_UNTIL_CLOSE && body->state == H1_BODY_DATA)
        body->state = H1_BODY_COMPLETE;
    if (body->state == H1_BODY_COMPLETE)
        return ERR_OK;
    body->state = H1_BODY_FAILED;
    return ERR_PROTOCOL;
}
