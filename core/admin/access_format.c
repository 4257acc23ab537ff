/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The common log format. Whatever comes from outside is escaped: quotes,
 * backslashes and control characters must not forge a line or drive a terminal.
 */
#include "core/admin/access_format.h"

#include "core/admin/access_log.h"
#include "core/base/clock.h"
#include "core/base/utf8.h"
#include "core/proxy/client.h"

#include <inttypes.h>

static const struct span field_names[ACCESS_FIELDS] = {
#define ACCESS_FIELD_NAME(name) [ACCESS_##name] = {#name, sizeof(#name) - 1},
    ACCESS_FIELD_LIST(ACCESS_FIELD_NAME)
#undef ACCESS_FIELD_NAME
};

static enum access_header_mode mode_of(struct span text)
{
    if (span_equal_nocase(text, SPAN("keep")))
        return ACCESS_HEADER_KEEP;
    return span_equal_nocase(text, SPAN("redact")) ? ACCESS_HEADER_REDACT : ACCESS_HEADER_DROP;
}

void access_format_init(struct access_format *format, const struct model_access_log *settings)
{
    *format = (struct access_format){
        .format = settings->format,
        .header_default = mode_of(settings->headers_default_mode),
        .header_modes = &settings->header_modes,
    };
    for (size_t field = 0; field < ACCESS_FIELDS; field++) {
        format->kept[field] = settings->fields_default_keep;
        for (size_t i = 0; i < settings->field_modes.count; i++)
            if (span_equal_nocase(settings->field_modes.items[i].key, field_names[field]))
                format->kept[field] =
                    span_equal_nocase(settings->field_modes.items[i].value, SPAN("keep"));
    }
}

enum access_header_mode access_header_mode_of(const struct access_format *format,
                                              struct span name)
{
    const struct model_string_map *modes = format->header_modes;
    for (size_t i = 0; i < modes->count; i++)
        if (span_equal_nocase(modes->items[i].key, name))
            return mode_of(modes->items[i].value);
    return format->header_default;
}

struct span access_clip(struct span value)
{
    return span_first(value, ACCESS_LOG_VALUE);
}

/* "[::1]:80" and "127.0.0.1:80" at the last colon. */
static struct span client_part(const struct exchange *exchange, bool port)
{
    if (exchange->client == NULL)
        return SPAN("-");
    struct span text = span_cstr(exchange->client->peer_text);
    ptrdiff_t colon = span_find_last(text, ':');
    if (colon < 0)
        return port ? SPAN("-") : text;
    if (port)
        return span_skip(text, (size_t)colon + 1);
    struct span host = span_first(text, (size_t)colon);
    bool bracketed = host.len >= 2 && host.ptr[0] == '[';
    return bracketed ? span_make(host.ptr + 1, host.len - 2) : host;
}

struct span access_client_host(const struct exchange *exchange)
{
    return client_part(exchange, false);
}

struct span access_client_port(const struct exchange *exchange)
{
    return client_part(exchange, true);
}

struct span access_target(const struct exchange *exchange)
{
    struct span target = exchange->request.target;
    return access_clip(target.len > 0 ? target : exchange->request.path);
}

uint16_t access_status(const struct exchange *exchange)
{
    return exchange->status != 0 ? exchange->status : exchange->origin_status;
}

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

static enum err put_header(const struct access_format *format, struct buf *out,
                           const struct exchange *exchange, enum http_field_id id)
{
    const struct http_field *field = http_fields_find_id(&exchange->request.fields, id);
    enum access_header_mode mode = access_header_mode_of(format, http_field_name(id));
    struct span value = field != NULL ? field->value : SPAN_EMPTY;
    if (mode == ACCESS_HEADER_REDACT && field != NULL)
        value = SPAN("REDACTED");
    return put_quoted(out, mode != ACCESS_HEADER_DROP, value);
}

static enum err put_start(const struct access_format *format, struct buf *out,
                          const struct exchange *exchange)
{
    char date[CLOCK_RFC3339_SIZE];
    const bool *kept = format->kept;
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
    TRY(put_header(format, out, exchange, HTTP_FIELD_REFERER));
    TRY(buf_append(out, SPAN(" ")));
    return put_header(format, out, exchange, HTTP_FIELD_USER_AGENT);
}

static enum err put_additions(const struct access_format *format, struct buf *out,
                              const struct access_record *record,
                              const struct access_facts *facts)
{
    const struct exchange *exchange = record->exchange;
    const bool *kept = format->kept;
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

enum err access_format_line(const struct access_format *format,
                            const struct access_record *record, const struct access_facts *facts,
                            struct buf *out)
{
    if (format->format == LOG_FORMAT_JSON)
        return access_write_json(format, record, facts, out);
    TRY(put_start(format, out, record->exchange));
    if (format->format == LOG_FORMAT_COMMON)
        TRY(put_additions(format, out, record, facts));
    return buf_append(out, SPAN("\n"));
}
