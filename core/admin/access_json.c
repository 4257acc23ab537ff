/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The functions stand in the order of the names that they write, so that
 * nothing is sorted when a line is made.
 */
#include "core/admin/access_json.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/proxy/client.h"

#include <stdio.h>

struct line {
    struct json json;
    const struct access_fields *fields;
    const struct exchange *exchange;
};

static void put_text(struct line *line, enum access_field field, const char *name,
                     struct span text)
{
    if (line->fields->kept[field])
        json_field_string(&line->json, name, access_clip(text));
}

static void put_int(struct line *line, enum access_field field, const char *name, int64_t value)
{
    if (line->fields->kept[field])
        json_field_int(&line->json, name, value);
}

/* The expression's field is named as the constant. */
#define TEXT(line, field, text) put_text((line), ACCESS_##field, #field, (text))
#define INT(line, field, value) put_int((line), ACCESS_##field, #field, (int64_t)(value))

static void put_client(struct line *line)
{
    const struct exchange *exchange = line->exchange;
    bool known = exchange->client != NULL;
    TEXT(line, ClientAddr, known ? span_cstr(exchange->client->peer_text) : SPAN("-"));
    TEXT(line, ClientHost, access_client_host(exchange));
    TEXT(line, ClientPort, access_client_port(exchange));
    TEXT(line, ClientUsername, SPAN("-"));
}

static void put_sizes(struct line *line, int64_t duration_ns)
{
    const struct exchange *exchange = line->exchange;
    int64_t origin_ns = exchange->upstream_duration_ns;
    bool from_origin = exchange->origin_status != 0;
    INT(line, DownstreamContentSize, exchange->response_bytes);
    INT(line, DownstreamStatus, access_status(exchange));
    INT(line, Duration, duration_ns);
    INT(line, GzipRatio, 0);
    INT(line, OriginContentSize, from_origin ? exchange->response_bytes : 0);
    INT(line, OriginDuration, origin_ns);
    INT(line, OriginStatus, exchange->origin_status);
    INT(line, Overhead, duration_ns - origin_ns);
}

static void put_request(struct line *line, uint64_t request_count)
{
    const struct http_request *request = &line->exchange->request;
    struct span authority = request->authority, host = authority, port = SPAN_EMPTY;
    ptrdiff_t colon = span_find_last(authority, ':');
    ptrdiff_t bracket = span_find_last(authority, ']');
    if (colon > bracket) {
        host = span_first(authority, (size_t)colon);
        port = span_skip(authority, (size_t)colon + 1);
    }
    bool tls = line->exchange->client != NULL && line->exchange->client->is_tls;
    INT(line, RequestContentSize, line->exchange->request_bytes);
    INT(line, RequestCount, request_count);
    TEXT(line, RequestHost, host);
    TEXT(line, RequestMethod, request->method_text);
    TEXT(line, RequestPath, access_target(line->exchange));
    TEXT(line, RequestPort, port.len > 0 ? port : SPAN("-"));
    TEXT(line, RequestProtocol, span_cstr(http_version_text(request->version)));
    TEXT(line, RequestScheme, tls ? SPAN("https") : SPAN("http"));
}

static void put_service(struct line *line)
{
    const struct exchange *exchange = line->exchange;
    const struct server *server = exchange->server;
    char address[300];
    if (exchange->route != NULL)
        TEXT(line, RouterName, exchange->route->model->object.name);
    if (server != NULL) {
        bool v6 = span_find(server->host, ':', 0) >= 0;
        snprintf(address, sizeof(address), "%s%.*s%s:%u", v6 ? "[" : "", SPAN_ARG(server->host),
                 v6 ? "]" : "", server->port);
        TEXT(line, ServiceAddr, span_cstr(address));
    }
    if (exchange->route != NULL)
        TEXT(line, ServiceName, exchange->route->model->service);
    if (server != NULL)
        TEXT(line, ServiceURL, server->url);
}

/* "…Z" becomes "…+02:00" with the clock of that zone. */
static void format_local(int64_t wall_ns, int32_t offset_s, char out[CLOCK_RFC3339_SIZE])
{
    clock_format_rfc3339_nano(wall_ns + offset_s * NS_PER_S, out);
    size_t len = strlen(out);
    if (offset_s == 0 || len == 0)
        return;
    int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    snprintf(out + len - 1, CLOCK_RFC3339_SIZE - len + 1, "%c%02d:%02d", offset_s < 0 ? '-' : '+',
             minutes / 60 % 100, minutes % 60);
}

static void put_times(struct line *line, const struct access_facts *facts)
{
    char text[CLOCK_RFC3339_SIZE];
    format_local(line->exchange->started_wall_ns, facts->utc_offset_s, text);
    TEXT(line, StartLocal, span_cstr(text));
    clock_format_rfc3339_nano(line->exchange->started_wall_ns, text);
    TEXT(line, StartUTC, span_cstr(text));
}

static void put_tls(struct line *line)
{
    const struct client *client = line->exchange->client;
    if (client == NULL || client->conn.tls == NULL)
        return;
    struct tls_engine_info info;
    tls_engine_info(client->conn.tls, &info);
    TEXT(line, TLSCipher, span_cstr(info.cipher));
    const struct client_cert *cert = tls_engine_client_cert(client->conn.tls);
    if (cert != NULL)
        TEXT(line, TLSClientSubject, span_cstr(cert->subject));
    TEXT(line, TLSVersion, span_cstr(info.version));
}

/* "user-agent" becomes "User-Agent", as Go spells names. */
static struct span canonical(struct span name, char *out, size_t size)
{
    bool start = true;
    size_t n = 0;
    for (; n < name.len && n < size; n++) {
        char c = ascii_lower(name.ptr[n]);
        out[n] = start && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        start = c == '-';
    }
    return span_make(out, n);
}

/* Whether an earlier field has the same name. */
static bool is_repeated(const struct http_fields *fields, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (span_equal_nocase(fields->items[i].name, fields->items[at].name))
            return true;
    return false;
}

/* All values of the name at `at`, with commas, cut to what fits. */
static struct span join_values(const struct http_fields *fields, uint32_t at, struct buf *out)
{
    for (uint32_t i = at; i < fields->count; i++) {
        if (!span_equal_nocase(fields->items[i].name, fields->items[at].name))
            continue;
        if (i > at && buf_append(out, SPAN(",")) != ERR_OK)
            break;
        struct span value = span_first(fields->items[i].value, out->max - buf_len(out));
        if (buf_append(out, value) != ERR_OK)
            break;
    }
    return buf_span(out);
}

static void put_headers(struct line *line, const char *prefix, const struct http_fields *fields)
{
    char key[160], joined[ACCESS_LOG_VALUE + 1];
    size_t prefix_len = strlen(prefix);
    memcpy(key, prefix, prefix_len);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        enum access_header_mode mode = access_header_mode_of(line->fields, field->name);
        if (mode == ACCESS_HEADER_DROP || is_repeated(fields, i))
            continue;
        struct buf value;
        buf_init_fixed(&value, joined, sizeof(joined));
        struct span name =
            canonical(field->name, key + prefix_len, sizeof(key) - prefix_len);
        json_write_key(&line->json, span_make(key, prefix_len + name.len));
        json_write_string(&line->json, mode == ACCESS_HEADER_REDACT
                                           ? SPAN("REDACTED")
                                           : join_values(fields, i, &value));
    }
}

static void put_log_keys(struct line *line, int64_t now_ns)
{
    char text[CLOCK_RFC3339_SIZE];
    json_field_cstr(&line->json, "level", "info");
    json_field_cstr(&line->json, "msg", "");
    if (line->exchange->origin_status != 0)
        put_headers(line, "origin_", &line->exchange->response.fields);
    put_headers(line, "request_", &line->exchange->request.fields);
    clock_format_rfc3339(now_ns, text);
    json_field_cstr(&line->json, "time", text);
}

enum err access_write_json(const struct access_fields *fields,
                           const struct access_record *record, const struct access_facts *facts,
                           struct buf *out)
{
    struct line line = {.fields = fields, .exchange = record->exchange};
    json_init(&line.json, out, true);
    json_begin_object(&line.json);
    put_client(&line);
    put_sizes(&line, record->duration_ns);
    TEXT(&line, RequestAddr, record->exchange->request.authority);
    put_request(&line, facts->request_count);
    INT(&line, RetryAttempts,
        record->exchange->attempts > 1 ? record->exchange->attempts - 1 : 0);
    put_service(&line);
    put_times(&line, facts);
    put_tls(&line);
    put_headers(&line, "downstream_", &record->exchange->response.fields);
    if (record->exchange->client != NULL)
        TEXT(&line, entryPointName, client_entry(record->exchange->client)->object.name);
    put_log_keys(&line, record->exchange->started_wall_ns + record->duration_ns);
    json_end_object(&line.json);
    TRY(json_finish(&line.json));
    return buf_append(out, SPAN("\n"));
}
