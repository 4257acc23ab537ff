/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever comes from outside is escaped: quotes, backslashes and control
 * characters must not forge a line or drive a terminal.
 */
#include "core/admin/access_common.h"

#include "core/base/clock.h"
#include "core/base/utf8.h"

#include <inttypes.h>

/* How many bytes at the start may stand as they are: printable ASCII, and UTF-8
 * behind U+009F, since terminals obey the control characters before it. */
static size_t plain_bytes(struct span text)
{
    uint32_t code_point = 0;
    unsigned char c = (unsigned char)text.ptr[0];
    if (c < 0x80)
        return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
    size_t len = utf8_next(text, &code_point);
    return code_point >= 0xa0 ? len : 0;
}

static enum err put_escaped(struct buf *out, struct span text)
{
    static const char digits[] = "0123456789abcdef";
    size_t from = 0;
    for (size_t i = 0, plain; i < text.len; i += plain > 0 ? plain : 1) {
        unsigned char c = (unsigned char)text.ptr[i];
        plain = plain_bytes(span_skip(text, i));
        if (plain > 0)
            continue;
        char escape[4] = {'\\', 'x', digits[c >> 4], digits[c & 15]};
        TRY(buf_append(out, span_make(text.ptr + from, i - from)));
        if (c == '"' || c == '\\')
            TRY(buf_append(out, span_make((char[]){'\\', (char)c}, 2)));
        else
            TRY(buf_append(out, span_make(escape, 4)));
        from = i + 1;
    }
    return buf_append(out, span_skip(text, from));
}

/* The text, or "-" without what is in front and behind; quoted text keeps its
 * quotes then. */
static enum err put_quoted(struct buf *out, bool kept, struct span text)
{
    TRY(buf_append(out, SPAN("\"")));
    TRY(put_escaped(out, kept && text.len > 0 ? access_clip(text) : SPAN("-")));
    return buf_append(out, SPAN("\""));
}

static enum err put_field(struct buf *out, bool kept, struct span text)
{
    return put_escaped(out, kept && text.len > 0 ? text : SPAN("-"));
}

static enum err put_number(struct buf *out, bool kept, uint64_t value, const char *after)
{
    return kept ? buf_append_format(out, "%" PRIu64 "%s", value, after)
                : buf_append_format(out, "-%s", after);
}

static enum err put_header(const struct access_fields *fields, struct buf *out,
                           const struct exchange *exchange, enum http_field_id id)
{
    const struct http_field *field = http_fields_find_id(&exchange->request.fields, id);
    enum access_header_mode mode = access_header_mode_of(fields, http_field_name(id));
    struct span value = field != NULL ? field->value : SPAN_EMPTY;
    if (mode == ACCESS_HEADER_REDACT && field != NULL)
        value = SPAN("REDACTED");
    return put_quoted(out, mode != ACCESS_HEADER_DROP, value);
}

static enum err put_start(const struct access_fields *fields, struct buf *out,
                          const struct exchange *exchange)
{
    char date[CLOCK_RFC3339_SIZE];
    const bool *kept = fields->kept;
    clock_format_common_log(exchange->started_wall_ns, date);
    TRY(put_field(out, kept[ACCESS_ClientHost], access_client_host(exchange)));
    TRY(buf_append_format(out, " - - [%s] \"", date));
    TRY(put_field(out, kept[ACCESS_RequestMethod], access_clip(exchange->request.method_text)));
    TRY(buf_append(out, SPAN(" ")));
    TRY(put_field(out, kept[ACCESS_RequestPath], access_target(exchange)));
    TRY(buf_append(out, SPAN(" ")));
    TRY(put_field(out, kept[ACCESS_RequestProtocol],
                  span_cstr(http_version_text(exchange->request.version))));
    TRY(buf_append(out, SPAN("\" ")));
    TRY(put_number(out, kept[ACCESS_DownstreamStatus], access_status(exchange), " "));
    TRY(put_number(out, kept[ACCESS_DownstreamContentSize], exchange->response_bytes, " "));
    TRY(put_header(fields, out, exchange, HTTP_FIELD_REFERER));
    TRY(buf_append(out, SPAN(" ")));
    return put_header(fields, out, exchange, HTTP_FIELD_USER_AGENT);
}

static enum err put_additions(const struct access_fields *fields, struct buf *out,
                              const struct access_record *record,
                              const struct access_facts *facts)
{
    const struct exchange *exchange = record->exchange;
    const bool *kept = fields->kept;
    struct span router = exchange->route ? exchange->route->model->object.name : SPAN_EMPTY;
    struct span url = exchange->server ? exchange->server->url : SPAN_EMPTY;
    uint64_t ms = (uint64_t)(record->duration_ns / NS_PER_MS);
    TRY(buf_append(out, SPAN(" ")));
    TRY(put_number(out, kept[ACCESS_RequestCount], facts->request_count, " "));
    TRY(put_quoted(out, kept[ACCESS_RouterName], router));
    TRY(buf_append(out, SPAN(" ")));
    TRY(put_quoted(out, kept[ACCESS_ServiceURL], url));
    return buf_append_format(out, " %" PRIu64 "ms", kept[ACCESS_Duration] ? ms : 0);
}

enum err access_write_common(const struct access_fields *fields, bool additions,
                             const struct access_record *record, const struct access_facts *facts,
                             struct buf *out)
{
    TRY(put_start(fields, out, record->exchange));
    if (additions)
        TRY(put_additions(fields, out, record, facts));
    return buf_append(out, SPAN("\n"));
}
