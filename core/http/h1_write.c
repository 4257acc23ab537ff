/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message is measured first, so that the buffer is asked for room once; then
 * it is written by plain copying. What is copied is checked on the way, and a
 * message that fails the check is never committed to the buffer.
 */
#include "core/http/h1.h"
#include "core/http/scan.h"
#include "core/http/uri.h"

#include <assert.h>

#define FRAMING_MAX 80      /* Content-Length or Transfer-Encoding, Connection, blank line */
#define STATUS_LINE_MAX 16  /* "HTTP/1.1 200 " and CR LF */
#define FIELD_EXTRA 4       /* ": " and CR LF */

struct writer {
    char *p;
    bool invalid;
};

static void put(struct writer *writer, struct span bytes)
{
    if (bytes.len > 0)
        memcpy(writer->p, bytes.ptr, bytes.len);
    writer->p += bytes.len;
}

static void put_number(struct writer *writer, uint64_t number)
{
    char room[SPAN_U64_DIGITS];
    put(writer, span_from_u64(number, room));
}

static void put_value(struct writer *writer, struct span value)
{
    if (!http_is_value(value))
        writer->invalid = true;
    put(writer, value);
}

static void put_field(struct writer *writer, struct span name, struct span value)
{
    if (!http_is_token(name))
        writer->invalid = true;
    put(writer, name);
    put(writer, SPAN(": "));
    put_value(writer, value);
    put(writer, SPAN("\r\n"));
}

static size_t fields_size(const struct http_fields *fields)
{
    size_t size = 0;
    for (size_t i = 0; i < fields->count; i++)
        size += fields->items[i].name.len + fields->items[i].value.len + FIELD_EXTRA;
    return size;
}

static bool is_framing(enum http_field_id id)
{
    return id == HTTP_FIELD_CONTENT_LENGTH || id == HTTP_FIELD_TRANSFER_ENCODING;
}

static void put_framing(struct writer *writer, enum http_body_kind body, uint64_t content_length)
{
    if (body == HTTP_BODY_CHUNKED)
        put(writer, SPAN("Transfer-Encoding: chunked\r\n"));
    if (body == HTTP_BODY_LENGTH) {
        put(writer, SPAN("Content-Length: "));
        put_number(writer, content_length);
        put(writer, SPAN("\r\n"));
    }
}

static enum err writer_commit(const struct writer *writer, struct buf *out, const char *start)
{
    if (writer->invalid)
        return ERR_INVALID;
    buf_commit(out, (size_t)(writer->p - start));
    return ERR_OK;
}

/* ---- requests ---- */

enum err h1_write_request(struct buf *out, const struct http_request *request, struct span target)
{
    const struct http_field *host_field = http_fields_find_id(&request->fields, HTTP_FIELD_HOST);
    struct span host = host_field ? host_field->value : request->authority;
    size_t size = request->method_text.len + target.len + STATUS_LINE_MAX + host.len +
                  sizeof("Host: \r\n") + fields_size(&request->fields) + FRAMING_MAX;
    if (!http_is_token(request->method_text) || target.len == 0 || !uri_target_is_clean(target) ||
        request->body == HTTP_BODY_UNTIL_CLOSE)
        return ERR_INVALID;
    char *start;
    TRY(buf_reserve(out, size, &start));
    struct writer writer = {.p = start};
    put(&writer, request->method_text);
    put(&writer, SPAN(" "));
    put(&writer, target);
    put(&writer, SPAN(" HTTP/1.1\r\n"));
    put_field(&writer, host_field ? host_field->name : SPAN("Host"), host);
    for (size_t i = 0; i < request->fields.count; i++) {
        const struct http_field *field = &request->fields.items[i];
        if (field->id != HTTP_FIELD_HOST && !is_framing(field->id))
            put_field(&writer, field->name, field->value);
    }
    put_framing(&writer, request->body, request->content_length);
    put(&writer, SPAN("\r\n"));
    return writer_commit(&writer, out, start);
}

/* ---- responses ---- */

static bool response_copies(const struct http_response *response, const struct http_field *field)
{
    if (field->id == HTTP_FIELD_TRANSFER_ENCODING)
        return false;
    if (field->id == HTTP_FIELD_CONTENT_LENGTH)
        return response->body == HTTP_BODY_NONE && response->status >= 200 &&
               response->status != 204 &&
               field == http_fields_find_id(&response->fields, HTTP_FIELD_CONTENT_LENGTH);
    if (field->id == HTTP_FIELD_CONNECTION || field->id == HTTP_FIELD_KEEP_ALIVE)
        return response->status < 200;
    return true;
}

static void put_status_line(struct writer *writer, uint16_t status, struct span reason)
{
    put(writer, SPAN("HTTP/1.1 "));
    put_number(writer, status);
    put(writer, SPAN(" "));
    put_value(writer, reason);
    put(writer, SPAN("\r\n"));
}

static void put_connection(struct writer *writer, const struct http_response *response,
                           enum http_version client_version, bool keep_alive)
{
    if (response->status < 200)
        return;
    if (!keep_alive || response->body == HTTP_BODY_UNTIL_CLOSE)
        put(writer, SPAN("Connection: close\r\n"));
    else if (client_version == HTTP_1_0)
        put(writer, SPAN("Connection: keep-alive\r\n"));
}

enum err h1_write_response(struct buf *out, const struct http_response *response,
                           enum http_version client_version, bool keep_alive)
{
    struct span reason = response->reason;
    if (reason.len == 0)
        reason = span_cstr(http_status_reason(response->status));
    if (response->status < 100 || response->status > 999 ||
        (response->body == HTTP_BODY_CHUNKED && client_version == HTTP_1_0))
        return ERR_INVALID;
    size_t size = STATUS_LINE_MAX + reason.len + fields_size(&response->fields) + FRAMING_MAX;
    char *start;
    TRY(buf_reserve(out, size, &start));
    struct writer writer = {.p = start};
    put_status_line(&writer, response->status, reason);
    for (size_t i = 0; i < response->fields.count; i++) {
        const struct http_field *field = &response->fields.items[i];
        if (response_copies(response, field))
            put_field(&writer, field->name, field->value);
    }
    put_framing(&writer, response->body, response->content_length);
    put_connection(&writer, response, client_version, keep_alive);
    put(&writer, SPAN("\r\n"));
    return writer_commit(&writer, out, start);
}

/* ---- chunks ---- */

enum err h1_write_chunk_start(struct buf *out, size_t size)
{
    assert(size > 0);
    char line[sizeof(size) * 2 + 2];
    size_t at = sizeof(line);
    line[--at] = '\n';
    line[--at] = '\r';
    for (; size > 0; size >>= 4)
        line[--at] = "0123456789abcdef"[size & 15];
    return buf_append(out, span_make(line + at, sizeof(line) - at));
}

enum err h1_write_last_chunk(struct buf *out, const struct http_fields *trailers)
{
    char *start;
    TRY(buf_reserve(out, (trailers ? fields_size(trailers) : 0) + sizeof("0\r\n\r\n"), &start));
    struct writer writer = {.p = start};
    put(&writer, SPAN("0\r\n"));
    for (size_t i = 0; trailers != NULL && i < trailers->count; i++) {
        if (!is_framing(trailers->items[i].id))
            put_field(&writer, trailers->items[i].name, trailers->items[i].value);
    }
    put(&writer, SPAN("\r\n"));
    return writer_commit(&writer, out, start);
}
