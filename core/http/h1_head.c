/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line of a field is one scan of its name by table and one of its value with
 * SIMD. The few fields that decide about framing are looked at as they pass,
 * by id, so that the end of the head needs no second look at the fields.
 */
#include "core/http/h1_head.h"
#include "core/http/scan.h"

/* ---- finding the end of a head that trickles in ---- */

/* Whether a blank line follows some line end at or after `from`. */
static bool has_blank_line(struct span bytes, size_t from)
{
    for (ptrdiff_t at = span_find(bytes, '\n', from); at >= 0;
         at = span_find(bytes, '\n', (size_t)at + 1)) {
        struct span after = span_skip(bytes, (size_t)at + 1);
        if (span_starts_with(after, SPAN("\r\n")) || span_starts_with(after, SPAN("\n")))
            return true;
    }
    return false;
}

enum err h1_head_incomplete(struct span bytes, const struct h1_limits *limits, size_t *scanned)
{
    if (bytes.len >= limits->head_bytes)
        return ERR_LIMIT;
    *scanned = bytes.len > 2 ? bytes.len - 2 : 0;
    return ERR_AGAIN;
}

enum err h1_find_head(struct span bytes, const struct h1_limits *limits, size_t *scanned,
                      struct h1_cursor *cursor)
{
    struct span usable = span_first(bytes, limits->head_bytes);
    if (*scanned > 0 && !has_blank_line(usable, *scanned))
        return h1_head_incomplete(bytes, limits, scanned);
    *cursor = (struct h1_cursor){usable.ptr, usable.ptr + usable.len};
    return ERR_OK;
}

/* ---- lines ---- */

enum err h1_take_crlf(struct h1_cursor *cursor, struct h1_head *head)
{
    size_t left = (size_t)(cursor->end - cursor->p);
    if (left > 0 && cursor->p[0] == '\n')
        return H1_FAIL(head, 400, ERR_SYNTAX, "a line ends with LF only");
    if (left > 0 && cursor->p[0] != '\r')
        return H1_FAIL(head, 400, ERR_SYNTAX, "control character 0x%02x", (uint8_t)cursor->p[0]);
    if (left < 2)
        return ERR_AGAIN;
    if (cursor->p[1] != '\n')
        return H1_FAIL(head, 400, ERR_SYNTAX, "CR without LF");
    cursor->p += 2;
    return ERR_OK;
}

/* Says what is wrong where a name must end with ':' and does not. */
static enum err bad_name(const struct h1_cursor *cursor, struct h1_head *head)
{
    char c = *cursor->p;
    if (c == ' ' || c == '\t')
        return H1_FAIL(head, 400, ERR_SYNTAX, "white space in front of or inside a field name");
    if (c == '\r' || c == '\n')
        return H1_FAIL(head, 400, ERR_SYNTAX, "a field line without ':'");
    if (c == ':')
        return H1_FAIL(head, 400, ERR_SYNTAX, "an empty field name");
    return H1_FAIL(head, 400, ERR_SYNTAX, "byte 0x%02x in a field name", (uint8_t)c);
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

enum err h1_take_field(struct h1_cursor *cursor, struct h1_head *head, struct span *name,
                       struct span *value)
{
    const char *start = cursor->p;
    cursor->p = http_scan_token(start, cursor->end);
    if (cursor->p == cursor->end)
        return ERR_AGAIN;
    if (*cursor->p != ':' || cursor->p == start)
        return bad_name(cursor, head);
    *name = span_make(start, (size_t)(cursor->p - start));
    const char *first = skip_blanks(cursor->p + 1, cursor->end);
    cursor->p = http_scan_value(first, cursor->end);
    const char *last = cursor->p;
    TRY(h1_take_crlf(cursor, head));
    while (last > first && (last[-1] == ' ' || last[-1] == '\t'))
        last--;
    *value = span_make(first, (size_t)(last - first));
    return ERR_OK;
}

/* ---- what the fields say about framing ---- */

static enum err note_host(struct h1_head *head)
{
    if (head->request && head->seen & H1_SEEN_HOST)
        return H1_FAIL(head, 400, ERR_SYNTAX, "several Host fields");
    head->seen |= H1_SEEN_HOST;
    head->host_index = head->fields.count - 1;
    return ERR_OK;
}

static enum err note_content_length(struct h1_head *head, struct span value)
{
    if (head->seen & H1_SEEN_LENGTH)
        return H1_FAIL(head, 400, ERR_SYNTAX, "several Content-Length fields");
    if (!span_to_u64(value, &head->content_length) || head->content_length > INT64_MAX)
        return H1_FAIL(head, 400, ERR_SYNTAX, "Content-Length is not one decimal number");
    head->seen |= H1_SEEN_LENGTH;
    return ERR_OK;
}

/* Any value but "chunked": a coding that we do not know is 501 as RFC 9112 §6.1
 * has it, a list that nobody may send is 400. */
static enum err bad_transfer_encoding(struct h1_head *head, struct span value)
{
    bool well_formed = true, chunked = false;
    do {
        struct span coding, name;
        value = span_split(value, ',', &coding);
        bool parameters = span_split(coding, ';', &name).ptr != NULL;
        name = span_trim(name);
        bool token = http_scan_token(name.ptr, name.ptr + name.len) == name.ptr + name.len;
        well_formed = well_formed && !chunked && name.len > 0 && token;
        chunked = span_equal_nocase(name, SPAN("chunked"));
        well_formed = well_formed && !(chunked && parameters);
    } while (value.ptr != NULL);
    if (!well_formed)
        return H1_FAIL(head, 400, ERR_SYNTAX, "malformed Transfer-Encoding");
    return H1_FAIL(head, 501, ERR_SYNTAX, "Transfer-Encoding other than chunked");
}

static enum err note_transfer_encoding(struct h1_head *head, struct span value)
{
    if (head->seen & H1_SEEN_TRANSFER_ENCODING)
        return H1_FAIL(head, 400, ERR_SYNTAX, "several Transfer-Encoding fields");
    if (!span_equal_nocase(value, SPAN("chunked")))
        return bad_transfer_encoding(head, value);
    head->seen |= H1_SEEN_TRANSFER_ENCODING;
    return ERR_OK;
}

static enum err note_connection(struct h1_head *head, struct span value)
{
    while (value.len > 0) {
        struct span option;
        value = span_split(value, ',', &option);
        option = span_trim(option);
        if (++head->connection_options > HTTP_CONNECTION_OPTIONS_MAX)
            return H1_FAIL(head, 400, ERR_SYNTAX, "more than %d connection options",
                           HTTP_CONNECTION_OPTIONS_MAX);
        if (span_equal_nocase(option, SPAN("close")))
            head->seen |= H1_SEEN_CLOSE;
        else if (span_equal_nocase(option, SPAN("keep-alive")))
            head->seen |= H1_SEEN_KEEP_ALIVE;
        else if (span_equal_nocase(option, SPAN("upgrade")))
            head->seen |= H1_SEEN_CONNECTION_UPGRADE;
    }
    return ERR_OK;
}

static enum err note_expect(struct h1_head *head, struct span value)
{
    if (!head->request)
        return ERR_OK;
    if (!span_equal_nocase(value, SPAN("100-continue")))
        return H1_FAIL(head, 417, ERR_SYNTAX, "Expect other than 100-continue");
    head->seen |= H1_SEEN_CONTINUE;
    return ERR_OK;
}

static enum err note_field(struct h1_head *head, enum http_field_id id, struct span value)
{
    switch (id) {
    case HTTP_FIELD_HOST:
        return note_host(head);
    case HTTP_FIELD_CONTENT_LENGTH:
        return note_content_length(head, value);
    case HTTP_FIELD_TRANSFER_ENCODING:
        return note_transfer_encoding(head, value);
    case HTTP_FIELD_CONNECTION:
        return note_connection(head, value);
    case HTTP_FIELD_EXPECT:
        return note_expect(head, value);
    case HTTP_FIELD_UPGRADE:
        head->seen |= value.len > 0 ? H1_SEEN_UPGRADE : 0;
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

static enum err add_field(struct h1_head *head, struct span name, struct span value)
{
    if (head->fields.count >= head->field_limit)
        return H1_FAIL(head, 431, ERR_LIMIT, "more than %zu fields", head->field_limit);
    enum err error = http_fields_add(&head->fields, name, value);
    if (error != ERR_OK)
        return H1_FAIL(head, error == ERR_LIMIT ? 431 : 503, error, "no room for another field");
    enum http_field_id id = head->fields.items[head->fields.count - 1].id;
    return id == HTTP_FIELD_OTHER ? ERR_OK : note_field(head, id, value);
}

enum err h1_take_fields(struct h1_cursor *cursor, struct h1_head *head)
{
    while (cursor->p < cursor->end) {
        struct span name, value;
        if (*cursor->p == '\r' || *cursor->p == '\n')
            return h1_take_crlf(cursor, head);
        TRY(h1_take_field(cursor, head, &name, &value));
        TRY(add_field(head, name, value));
    }
    return ERR_AGAIN;
}

/* ---- moving ---- */

void h1_rebase_span(struct span *span, const char *from, size_t len, const char *to)
{
    uintptr_t offset = (uintptr_t)span->ptr - (uintptr_t)from;
    if (span->ptr != NULL && offset < len)
        span->ptr = to + offset;
}

void h1_rebase_fields(struct http_fields *fields, const char *from, size_t len, const char *to)
{
    for (size_t i = 0; i < fields->count; i++) {
        h1_rebase_span(&fields->items[i].name, from, len, to);
        h1_rebase_span(&fields->items[i].value, from, len, to);
    }
}
