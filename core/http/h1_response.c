/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A response head, as strict as the request's: what an upstream server and we
 * could read differently is a broken response, because the bytes behind it
 * would be given to another client.
 */
#include "core/base/limits.h"
#include "core/http/h1_head.h"
#include "core/http/scan.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200" at the cursor. */
static enum err take_status(struct h1_cursor *cursor, struct h1_head *head,
                            struct http_response *response)
{
    static const char pattern[] = "HTTP/1.0 000";
    size_t left = (size_t)(cursor->end - cursor->p), len = sizeof(pattern) - 1;
    for (size_t i = 0; i < len && i < left; i++) {
        char c = cursor->p[i];
        if (pattern[i] == '0' ? !is_digit(c) : c != pattern[i])
            return H1_FAIL(head, 502, ERR_SYNTAX, "no HTTP/1 status line");
    }
    if (left < len)
        return ERR_AGAIN;
    const char *digits = cursor->p + 9;
    response->version = cursor->p[7] == '0' ? HTTP_1_0 : HTTP_1_1;
    response->status =
        (uint16_t)((digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0'));
    if (response->status < 100)
        return H1_FAIL(head, 502, ERR_SYNTAX, "status %.3s", digits);
    cursor->p += len;
    return ERR_OK;
}

/* " reason", which may be missing altogether. */
static enum err take_reason(struct h1_cursor *cursor, struct h1_head *head, struct span *reason)
{
    if (cursor->p < cursor->end && *cursor->p == ' ') {
        const char *start = ++cursor->p;
        cursor->p = http_scan_value(start, cursor->end);
        *reason = span_make(start, (size_t)(cursor->p - start));
    } else if (cursor->p < cursor->end && http_char_is(*cursor->p, HTTP_CHAR_VALUE)) {
        return H1_FAIL(head, 502, ERR_SYNTAX, "a status of more than three digits");
    }
    return h1_take_crlf(cursor, head);
}

static bool has_no_body(const struct http_response *response, enum http_method request_method)
{
    return request_method == HTTP_METHOD_HEAD || response->status < 200 ||
           response->status == 204 || response->status == 304 ||
           (request_method == HTTP_METHOD_CONNECT && response->status < 300);
}

static enum err settle_body(struct h1_head *head, enum http_method request_method,
                            struct http_response *response)
{
    bool chunked = head->seen & H1_SEEN_TRANSFER_ENCODING, length = head->seen & H1_SEEN_LENGTH;
    if (chunked && length)
        return H1_FAIL(head, 502, ERR_SYNTAX, "Transfer-Encoding and Content-Length");
    if (chunked && response->version == HTTP_1_0)
        return H1_FAIL(head, 502, ERR_SYNTAX, "Transfer-Encoding in HTTP/1.0");
    response->content_length = head->content_length;
    response->body = has_no_body(response, request_method) ? HTTP_BODY_NONE
                     : chunked                             ? HTTP_BODY_CHUNKED
                     : length                              ? HTTP_BODY_LENGTH
                                                           : HTTP_BODY_UNTIL_CLOSE;
    bool persistent = response->version != HTTP_1_0 || head->seen & H1_SEEN_KEEP_ALIVE;
    response->keep_alive = persistent && !(head->seen & H1_SEEN_CLOSE) &&
                           response->body != HTTP_BODY_UNTIL_CLOSE;
    return ERR_OK;
}

static enum err take_response(struct h1_cursor *cursor, struct h1_head *head,
                              enum http_method request_method, struct http_response *response)
{
    TRY(take_status(cursor, head, response));
    TRY(take_reason(cursor, head, &response->reason));
    TRY(h1_take_fields(cursor, head));
    TRY(settle_body(head, request_method, response));
    response->fields = head->fields;
    return ERR_OK;
}

enum err h1_parse_response(struct span bytes, const struct h1_limits *limits, struct arena *arena,
                           size_t *scanned, enum http_method request_method,
                           struct http_response *out, size_t *head_len, struct err_text *why)
{
    struct h1_cursor cursor;
    struct http_response response = {0};
    struct h1_head head = {.field_limit = limits->field_count, .why = why};
    http_fields_init(&head.fields, arena);
    enum err error = h1_find_head(bytes, limits, scanned, &cursor);
    if (error == ERR_OK) {
        error = take_response(&cursor, &head, request_method, &response);
        if (error == ERR_AGAIN)
            error = h1_head_incomplete(bytes, limits, scanned);
    }
    if (error == ERR_LIMIT && head.status == 0)
        H1_FAIL(&head, 502, error, "a head of more than %zu bytes", limits->head_bytes);
    if (error == ERR_OK) {
        *out = response;
        *head_len = (size_t)(cursor.p - bytes.ptr);
    }
    return error;
}

void h1_response_rebase(struct http_response *response, const char *from, size_t len,
                        const char *to)
{
    h1_rebase_span(&response->reason, from, len, to);
    h1_rebase_fields(&response->fields, from, len, to);
}
