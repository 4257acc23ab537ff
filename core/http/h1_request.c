/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request head. The first call parses what is there and learns on the way
 * whether it is complete; later calls parse only once a blank line has been
 * seen, so that a trickling head costs one scan in all. The request is put
 * together on the stack and copied out when everything held.
 */
#include "core/base/limits.h"
#include "core/http/h1_head.h"
#include "core/http/scan.h"
#include "core/http/uri.h"

/* ---- the start line ---- */

/* "HTTP/1.1" at the cursor. */
static enum err take_version(struct h1_cursor *cursor, struct h1_head *head,
                             enum http_version *version)
{
    static const char pattern[] = "HTTP/1.1";
    size_t left = (size_t)(cursor->end - cursor->p), len = sizeof(pattern) - 1;
    for (size_t i = 0; i < len && i < left; i++) {
        char c = cursor->p[i];
        bool digit = pattern[i] == '1' && c >= '0' && c <= '9';
        if (!digit && (c != pattern[i] || pattern[i] == '1'))
            return H1_FAIL(head, 400, ERR_SYNTAX, "the start line has no HTTP version");
    }
    if (left < len)
        return ERR_AGAIN;
    if (cursor->p[5] != '1')
        return H1_FAIL(head, 505, ERR_SYNTAX, "HTTP version %.3s", cursor->p + 5);
    *version = cursor->p[7] == '0' ? HTTP_1_0 : HTTP_1_1;
    cursor->p += len;
    return ERR_OK;
}

static enum err take_target(struct h1_cursor *cursor, struct h1_head *head, struct span *target)
{
    const char *start = cursor->p;
    cursor->p = http_scan_target(start, cursor->end);
    if (cursor->p == cursor->end)
        return ERR_AGAIN;
    if (cursor->p == start || *cursor->p != ' ')
        return H1_FAIL(head, 400, ERR_SYNTAX, "byte 0x%02x in or behind the request target",
                       (uint8_t)*cursor->p);
    *target = span_make(start, (size_t)(cursor->p - start));
    cursor->p++;
    return ERR_OK;
}

static enum err take_start_line(struct h1_cursor *cursor, struct h1_head *head,
                                struct http_request *request)
{
    const char *start = cursor->p;
    cursor->p = http_scan_token(start, cursor->end);
    if (cursor->p == cursor->end)
        return ERR_AGAIN;
    if (cursor->p == start || *cursor->p != ' ')
        return H1_FAIL(head, 400, ERR_SYNTAX, "byte 0x%02x in or behind the method",
                       (uint8_t)*cursor->p);
    request->method_text = span_make(start, (size_t)(cursor->p - start));
    request->method = http_method_of(request->method_text);
    cursor->p++;
    TRY(take_target(cursor, head, &request->target));
    TRY(take_version(cursor, head, &request->version));
    return h1_take_crlf(cursor, head);
}

/* ---- the target's forms, RFC 9112 §3.2 ---- */

static enum err absolute_form(struct h1_head *head, struct http_request *request)
{
    struct uri uri;
    if (uri_parse(request->target, &uri) != ERR_OK)
        return H1_FAIL(head, 400, ERR_SYNTAX, "the request target is neither path nor URL");
    if (!span_equal(uri.scheme, SPAN("http")) && !span_equal(uri.scheme, SPAN("https")))
        return H1_FAIL(head, 400, ERR_SYNTAX, "a request target that is not http or https");
    request->authority = uri.authority;
    request->path = uri.path;
    request->query = uri.query;
    if (uri.path.len == 0) {
        bool asterisk = request->method == HTTP_METHOD_OPTIONS && uri.query.ptr == NULL;
        request->path = asterisk ? SPAN("*") : SPAN("/");
    }
    return ERR_OK;
}

static enum err parse_target(struct h1_head *head, struct http_request *request)
{
    struct span target = request->target;
    if (request->method == HTTP_METHOD_CONNECT) {
        request->authority = target;
        request->path = SPAN("/");
        return ERR_OK;
    }
    if (target.ptr[0] == '/') {
        if (span_find(target, '#', 0) >= 0)
            return H1_FAIL(head, 400, ERR_SYNTAX, "a fragment in the request target");
        uri_split_target(target, &request->path, &request->query);
        return ERR_OK;
    }
    if (request->method == HTTP_METHOD_OPTIONS && span_equal(target, SPAN("*"))) {
        request->path = target;
        return ERR_OK;
    }
    return absolute_form(head, request);
}

/* ---- what the fields settle ---- */

static enum err settle_host(struct h1_head *head, struct http_request *request)
{
    uint16_t port = 0;
    struct http_field *field = NULL;
    if (head->seen & H1_SEEN_HOST)
        field = &head->fields.items[head->host_index];
    if (field == NULL && request->version != HTTP_1_0)
        return H1_FAIL(head, 400, ERR_SYNTAX, "no Host field");
    enum err error = ERR_OK;
    if (field != NULL && field->value.len > 0)
        error = uri_parse_authority(field->value, head->fields.arena, &request->host, &port);
    if (error == ERR_OK && request->authority.len > 0)
        error = uri_parse_authority(request->authority, head->fields.arena, &request->host, &port);
    else if (field != NULL)
        request->authority = field->value;
    if (error == ERR_NOMEM)
        return H1_FAIL(head, 503, error, "no room for the host");
    if (error != ERR_OK)
        return H1_FAIL(head, 400, error, "malformed Host or authority");
    if (request->method == HTTP_METHOD_CONNECT && port == 0)
        return H1_FAIL(head, 400, ERR_SYNTAX, "CONNECT without a port");
    if (field != NULL)
        field->value = request->authority;
    return ERR_OK;
}

static enum err settle_body(struct h1_head *head, struct http_request *request)
{
    if (head->seen & H1_SEEN_TRANSFER_ENCODING) {
        if (request->version == HTTP_1_0)
            return H1_FAIL(head, 400, ERR_SYNTAX, "Transfer-Encoding in HTTP/1.0");
        if (head->seen & H1_SEEN_LENGTH)
            return H1_FAIL(head, 400, ERR_SYNTAX, "Transfer-Encoding and Content-Length");
        request->body = HTTP_BODY_CHUNKED;
    } else if (head->seen & H1_SEEN_LENGTH) {
        request->body = HTTP_BODY_LENGTH;
        request->content_length = head->content_length;
    }
    return ERR_OK;
}

static void settle_connection(const struct h1_head *head, struct http_request *request)
{
    uint32_t seen = head->seen;
    bool recent = request->version != HTTP_1_0;
    request->keep_alive = !(seen & H1_SEEN_CLOSE) && (recent || seen & H1_SEEN_KEEP_ALIVE);
    request->upgrade = recent && seen & H1_SEEN_CONNECTION_UPGRADE && seen & H1_SEEN_UPGRADE;
    request->expect_continue =
        recent && seen & H1_SEEN_CONTINUE && request->body != HTTP_BODY_NONE;
}

/* ---- all of it ---- */

static enum err take_request(struct h1_cursor *cursor, struct h1_head *head,
                             struct http_request *request)
{
    if (cursor->p < cursor->end && (*cursor->p == '\r' || *cursor->p == '\n'))
        TRY(h1_take_crlf(cursor, head)); /* RFC 9112 §2.2: one empty line in front */
    TRY(take_start_line(cursor, head, request));
    TRY(parse_target(head, request));
    TRY(h1_take_fields(cursor, head));
    TRY(settle_host(head, request));
    TRY(settle_body(head, request));
    settle_connection(head, request);
    request->fields = head->fields;
    return ERR_OK;
}

/* 414 when not even the start line fits, else 431. */
static uint16_t limit_status(struct span bytes, const struct h1_limits *limits)
{
    return span_find(span_first(bytes, limits->head_bytes), '\n', 2) < 0 ? 414 : 431;
}

enum err h1_parse_request(struct span bytes, const struct h1_limits *limits, struct arena *arena,
                          size_t *scanned, struct http_request *out, size_t *head_len,
                          uint16_t *status, struct err_text *why)
{
    struct h1_cursor cursor;
    struct http_request request = {0};
    struct h1_head head = {.request = true, .field_limit = limits->field_count, .why = why};
    http_fields_init(&head.fields, arena);
    enum err error = h1_find_head(bytes, limits, scanned, &cursor);
    if (error == ERR_OK) {
        error = take_request(&cursor, &head, &request);
        if (error == ERR_AGAIN)
            error = h1_head_incomplete(bytes, limits, scanned);
    }
    if (error == ERR_LIMIT && head.status == 0)
        H1_FAIL(&head, limit_status(bytes, limits), error, "a head of more than %zu bytes",
                limits->head_bytes);
    if (error == ERR_OK) {
        *out = request;
        *head_len = (size_t)(cursor.p - bytes.ptr);
    } else if (error != ERR_AGAIN) {
        *status = head.status;
    }
    return error;
}

void h1_request_rebase(struct http_request *request, const char *from, size_t len, const char *to)
{
    h1_rebase_span(&request->method_text, from, len, to);
    h1_rebase_span(&request->target, from, len, to);
    h1_rebase_span(&request->path, from, len, to);
    h1_rebase_span(&request->query, from, len, to);
    h1_rebase_span(&request->authority, from, len, to);
    h1_rebase_span(&request->host, from, len, to);
    h1_rebase_fields(&request->fields, from, len, to);
}
