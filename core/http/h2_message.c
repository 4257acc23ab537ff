/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From HTTP/2's heads to the messages that routers, services and HTTP/1 backends
 * know. nghttp2 has refused most of what is malformed; everything that another
 * version would frame or route by is judged here again.
 */
#include "core/http/h2.h"
#include "core/http/scan.h"
#include "core/http/uri.h"

#define ADDED_FIELDS 4 /* Host, and those of an upgrade */

struct reader {
    struct arena *arena;
    uint16_t status; /* what a broken request is answered with */
    struct err_text *why;
    struct span host_field, content_length;
    size_t hosts, cookies;
    size_t cookie_bytes;
};

/* return FAIL(reader, 400, ERR_SYNTAX, "…"); */
#define FAIL(reader, code, error, ...) \
    ((reader)->status = (code), err_set((reader)->why, (error), __VA_ARGS__))

/* ---- fields ---- */

static bool is_lower_token(struct span name)
{
    if (!http_is_token(name))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != ascii_lower(name.ptr[i]))
            return false;
    }
    return true;
}

static enum err look_at(struct reader *reader, const struct http_field *field)
{
    if (!is_lower_token(field->name) || !http_is_value(field->value) ||
        span_trim(field->value).len != field->value.len)
        return FAIL(reader, 400, ERR_SYNTAX, "a malformed field");
    if (http_field_is_of_connection(field))
        return FAIL(reader, 400, ERR_SYNTAX, "%.*s, which is of a connection",
                    (int)field->name.len, field->name.ptr);
    switch (field->id) {
    case HTTP_FIELD_HOST:
        reader->host_field = field->value;
        if (reader->hosts++ > 0)
            return FAIL(reader, 400, ERR_SYNTAX, "several Host fields");
        return ERR_OK;
    case HTTP_FIELD_COOKIE:
        reader->cookies++;
        reader->cookie_bytes += field->value.len + 2;
        return ERR_OK;
    case HTTP_FIELD_CONTENT_LENGTH:
        if (reader->content_length.ptr != NULL)
            return FAIL(reader, 400, ERR_SYNTAX, "several Content-Length fields");
        reader->content_length = field->value;
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

static enum err look_at_all(struct reader *reader, const struct http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        TRY(look_at(reader, &fields->items[i]));
    return ERR_OK;
}

/* The length that was said, if one was. */
static enum err read_length(struct reader *reader, bool *given, uint64_t *length)
{
    struct span text = reader->content_length;
    *given = text.ptr != NULL;
    *length = 0;
    if (*given && (!span_to_u64(text, length) || *length > INT64_MAX))
        return FAIL(reader, 400, ERR_SYNTAX, "a malformed Content-Length");
    return ERR_OK;
}

/* RFC 9113 §8.2.3: what was split for HPACK is one field in HTTP/1. */
static enum err join_cookies(struct reader *reader, struct http_fields *fields)
{
    if (reader->cookies < 2)
        return ERR_OK;
    char *text = arena_bytes(reader->arena, reader->cookie_bytes), *at = text;
    if (text == NULL)
        return FAIL(reader, 503, ERR_NOMEM, "no room for the cookies");
    struct http_field *first = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct http_field field = fields->items[i];
        if (field.id != HTTP_FIELD_COOKIE) {
            fields->items[kept++] = field;
            continue;
        }
        if (first != NULL) {
            memcpy(at, "; ", 2);
            at += 2;
        } else {
            first = &fields->items[kept++];
            *first = field;
        }
        memcpy(at, field.value.ptr, field.value.len);
        at += field.value.len;
    }
    first->value = span_make(text, (size_t)(at - text));
    fields->count = (uint32_t)kept;
    return ERR_OK;
}

/* ---- requests ---- */

static enum err read_target(struct reader *reader, const struct h2_head *head,
                            struct http_request *request)
{
    struct span path = head->path;
    request->target = path;
    if (path.len == 0 || !uri_target_is_clean(path))
        return FAIL(reader, 400, ERR_SYNTAX, "a malformed :path");
    if (request->method == HTTP_METHOD_OPTIONS && span_equal(path, SPAN("*"))) {
        request->path = path;
        return ERR_OK;
    }
    if (path.ptr[0] != '/' || span_find(path, '#', 0) >= 0)
        return FAIL(reader, 400, ERR_SYNTAX, "a :path that is no path");
    uri_split_target(path, &request->path, &request->query);
    return ERR_OK;
}

static enum err read_method(struct reader *reader, const struct h2_head *head,
                            struct http_request *request)
{
    request->method_text = head->method;
    request->method = http_method_of(head->method);
    if (!http_is_token(head->method))
        return FAIL(reader, 400, ERR_SYNTAX, "a malformed :method");
    if (head->protocol.ptr == NULL)
        return ERR_OK;
    if (request->method != HTTP_METHOD_CONNECT)
        return FAIL(reader, 400, ERR_SYNTAX, ":protocol without CONNECT");
    if (!span_equal(head->protocol, SPAN("websocket")))
        return FAIL(reader, 501, ERR_SYNTAX, "CONNECT to a protocol that is not served");
    request->method_text = SPAN("GET");
    request->method = HTTP_METHOD_GET;
    request->upgrade = true;
    return ERR_OK;
}

static enum err read_start(struct reader *reader, const struct h2_head *head,
                           struct http_request *request)
{
    TRY(read_method(reader, head, request));
    if (request->method == HTTP_METHOD_CONNECT) {
        if (head->path.ptr != NULL || head->scheme.ptr != NULL)
            return FAIL(reader, 400, ERR_SYNTAX, "CONNECT with a path or a scheme");
        request->target = head->authority;
        request->path = SPAN("/");
        return ERR_OK;
    }
    if (!span_equal(head->scheme, SPAN("https")) && !span_equal(head->scheme, SPAN("http")))
        return FAIL(reader, 400, ERR_SYNTAX, "a :scheme that is neither http nor https");
    return read_target(reader, head, request);
}

static enum err read_host(struct reader *reader, const struct h2_head *head,
                          struct http_request *request)
{
    uint16_t port;
    struct span authority = head->authority.ptr != NULL ? head->authority : reader->host_field;
    if (authority.len == 0)
        return FAIL(reader, 400, ERR_SYNTAX, "neither :authority nor Host");
    if (reader->hosts > 0 && !span_equal_nocase(authority, reader->host_field))
        return FAIL(reader, 400, ERR_SYNTAX, "Host differs from :authority");
    enum err error = uri_parse_authority(authority, reader->arena, &request->host, &port);
    if (error == ERR_NOMEM)
        return FAIL(reader, 503, error, "no room for the host");
    if (error != ERR_OK)
        return FAIL(reader, 400, error, "a malformed :authority");
    request->authority = authority;
    return ERR_OK;
}

static enum err read_body(struct reader *reader, bool end, struct http_request *request)
{
    bool given;
    TRY(read_length(reader, &given, &request->content_length));
    if (end && request->content_length > 0)
        return FAIL(reader, 400, ERR_SYNTAX, "a Content-Length without the content");
    if (request->upgrade) {
        if (given)
            return FAIL(reader, 400, ERR_SYNTAX, "CONNECT with a Content-Length");
        request->body = HTTP_BODY_NONE;
    } else if (given) {
        request->body = HTTP_BODY_LENGTH;
    } else {
        request->body = end ? HTTP_BODY_NONE : HTTP_BODY_CHUNKED;
    }
    return ERR_OK;
}

static enum err read_expect(struct reader *reader, bool end, struct http_request *request)
{
    const struct http_field *expect = http_fields_find_id(&request->fields, HTTP_FIELD_EXPECT);
    if (expect == NULL)
        return ERR_OK;
    if (!span_equal_nocase(expect->value, SPAN("100-continue")))
        return FAIL(reader, 417, ERR_SYNTAX, "an expectation that cannot be met");
    request->expect_continue = !end;
    return ERR_OK;
}

/* Host, and of an extended CONNECT the fields of the upgrade that it stands for. */
static enum err complete_fields(struct reader *reader, struct http_request *request)
{
    struct http_fields *fields = &request->fields;
    TRY(join_cookies(reader, fields));
    enum err error = http_fields_set_id(fields, HTTP_FIELD_HOST, request->authority);
    if (error == ERR_OK && request->upgrade) {
        error = http_fields_add_id(fields, HTTP_FIELD_CONNECTION, SPAN("Upgrade"));
        if (error == ERR_OK)
            error = http_fields_add_id(fields, HTTP_FIELD_UPGRADE, SPAN("websocket"));
    }
    return error == ERR_OK ? ERR_OK : FAIL(reader, error == ERR_NOMEM ? 503 : 431, error,
                                           "no room for the fields");
}

static enum err read_request(struct reader *reader, const struct h2_head *head, bool end,
                             size_t field_limit, struct http_request *request)
{
    if (head->too_large || head->fields.count > field_limit)
        return FAIL(reader, 431, ERR_LIMIT, "a head that is too large");
    request->version = HTTP_2;
    request->keep_alive = true;
    request->fields = head->fields;
    TRY(read_start(reader, head, request));
    TRY(look_at_all(reader, &head->fields));
    TRY(read_host(reader, head, request));
    TRY(read_body(reader, end, request));
    TRY(read_expect(reader, end, request));
    return complete_fields(reader, request);
}

enum err h2_read_request(const struct h2_head *head, bool end, size_t field_limit,
                         struct arena *arena, struct http_request *out, uint16_t *status,
                         struct err_text *why)
{
    struct reader reader = {.arena = arena, .why = why};
    struct http_request request = {0};
    enum err error = read_request(&reader, head, end, field_limit, &request);
    if (error == ERR_OK)
        *out = request;
    else
        *status = reader.status;
    return error;
}

/* ---- responses ---- */

static bool has_no_body(uint16_t status, enum http_method request_method)
{
    return request_method == HTTP_METHOD_HEAD || status < 200 || status == 204 || status == 304;
}

enum err h2_read_response(const struct h2_head *head, bool end, enum http_method request_method,
                          struct http_response *out, struct err_text *why)
{
    struct reader reader = {.why = why};
    struct http_response response = {
        .status = head->status, .version = HTTP_2, .keep_alive = true, .fields = head->fields};
    bool given;
    if (head->too_large)
        return FAIL(&reader, 502, ERR_SYNTAX, "a head that is too large");
    if (head->status < 100 || head->status > 999 || head->status == 101)
        return FAIL(&reader, 502, ERR_SYNTAX, "a malformed :status");
    if (head->status < 200 && end)
        return FAIL(&reader, 502, ERR_SYNTAX, "the stream ends with an informational response");
    TRY(look_at_all(&reader, &head->fields));
    TRY(read_length(&reader, &given, &response.content_length));
    if (has_no_body(head->status, request_method))
        response.body = HTTP_BODY_NONE;
    else if (end && response.content_length > 0)
        return FAIL(&reader, 502, ERR_SYNTAX, "a Content-Length without the content");
    else
        response.body = given || end ? HTTP_BODY_LENGTH : HTTP_BODY_CHUNKED;
    *out = response;
    return ERR_OK;
}
