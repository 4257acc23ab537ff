/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In the order in which Traefik does it: strip, then fill in what is absent,
 * then append the peer to X-Forwarded-For.
 */
#include "core/proxy/forward.h"

#include "core/http/uri.h"
#include "core/proxy/exchange_private.h"

static bool cidr_contains(const struct model_cidr *range, const uint8_t address[16])
{
    size_t whole = range->prefix / 8, bits = range->prefix % 8;
    if (memcmp(range->address, address, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> bits);
    return bits == 0 || ((range->address[whole] ^ address[whole]) & mask) == 0;
}

static bool is_trusted(const struct exchange *exchange)
{
    const struct model_entry_point *entry = client_entry(exchange->client);
    if (entry->forwarded_insecure)
        return true;
    for (size_t i = 0; i < entry->forwarded_trusted.count; i++) {
        if (cidr_contains(&entry->forwarded_trusted.items[i], exchange->client->peer_ip))
            return true;
    }
    return false;
}

static bool is_forwarding_id(enum http_field_id id)
{
    switch (id) {
    case HTTP_FIELD_FORWARDED:
    case HTTP_FIELD_X_FORWARDED_FOR:
    case HTTP_FIELD_X_FORWARDED_HOST:
    case HTTP_FIELD_X_FORWARDED_PORT:
    case HTTP_FIELD_X_FORWARDED_PREFIX:
    case HTTP_FIELD_X_FORWARDED_PROTO:
    case HTTP_FIELD_X_FORWARDED_SERVER:
    case HTTP_FIELD_X_FORWARDED_METHOD:
    case HTTP_FIELD_X_FORWARDED_URI:
    case HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT:
    case HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT_INFO:
    case HTTP_FIELD_X_REAL_IP:
        return true;
    default:
        return false;
    }
}

/* X_Forwarded_For and the like. */
static bool is_forwarding_alias(struct span name)
{
    char dashed[64];
    if (name.len >= sizeof(dashed) || span_find(name, '_', 0) < 0)
        return false;
    for (size_t i = 0; i < name.len; i++)
        dashed[i] = name.ptr[i] == '_' ? '-' : name.ptr[i];
    return is_forwarding_id(http_field_id_of(span_make(dashed, name.len)));
}

static void strip(struct http_fields *fields, bool trusted)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        bool goes = field->id == HTTP_FIELD_OTHER ? is_forwarding_alias(field->name)
                                                  : !trusted && is_forwarding_id(field->id);
        if (!goes)
            fields->items[kept++] = *field;
    }
    fields->count = kept;
}

static enum err set_if_absent(struct http_fields *fields, enum http_field_id id, struct span value)
{
    const struct http_field *field = http_fields_find_id(fields, id);
    if (field != NULL && field->value.len > 0)
        return ERR_OK;
    return http_fields_set_id(fields, id, value);
}

static struct span peer_host(struct exchange *exchange)
{
    const struct client *client = exchange->client;
    char text[SOCK_TEXT_SIZE];
    sock_address_format_host(&client->peer, text);
    return arena_span(&exchange->arena, span_cstr(text));
}

static struct span protocol(const struct exchange *exchange)
{
    bool tls = exchange->client->is_tls;
    const struct http_field *upgrade =
        http_fields_find_id(&exchange->request.fields, HTTP_FIELD_UPGRADE);
    if (exchange->upgrade && upgrade != NULL &&
        span_equal_nocase(upgrade->value, SPAN("websocket")))
        return tls ? SPAN("wss") : SPAN("ws");
    return tls ? SPAN("https") : SPAN("http");
}

/* The port of the Host field, else the one that the protocol stands for. */
static struct span port_of(struct exchange *exchange)
{
    struct span host;
    uint16_t port = 0;
    struct span authority = exchange->request.authority;
    if (uri_parse_authority(authority, &exchange->arena, &host, &port) == ERR_OK && port != 0)
        return span_cstr(arena_format(&exchange->arena, "%u", port));
    const struct http_field *proto =
        http_fields_find_id(&exchange->request.fields, HTTP_FIELD_X_FORWARDED_PROTO);
    bool secure = proto != NULL && (span_equal(proto->value, SPAN("https")) ||
                                    span_equal(proto->value, SPAN("wss")));
    return secure || exchange->client->is_tls ? SPAN("443") : SPAN("80");
}

/* Several fields become one list with the peer at its end. */
static enum err append_for(struct exchange *exchange, struct span peer)
{
    struct http_fields *fields = &exchange->request.fields;
    if (client_entry(exchange->client)->forwarded_not_append_xff)
        return ERR_OK;
    size_t len = peer.len;
    for (uint32_t i = 0; i < fields->count; i++) {
        if (fields->items[i].id == HTTP_FIELD_X_FORWARDED_FOR)
            len += fields->items[i].value.len + 2;
    }
    if (len == peer.len)
        return http_fields_add_id(fields, HTTP_FIELD_X_FORWARDED_FOR, peer);
    char *list = arena_bytes(&exchange->arena, len), *at = list;
    if (list == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        if (field->id != HTTP_FIELD_X_FORWARDED_FOR)
            continue;
        if (field->value.len > 0)
            memcpy(at, field->value.ptr, field->value.len);
        memcpy(at + field->value.len, ", ", 2);
        at += field->value.len + 2;
    }
    memcpy(at, peer.ptr, peer.len);
    return http_fields_set_id(fields, HTTP_FIELD_X_FORWARDED_FOR, span_make(list, len));
}

enum err forward_set_fields(struct exchange *exchange)
{
    struct http_fields *fields = &exchange->request.fields;
    strip(fields, is_trusted(exchange));
    struct span peer = peer_host(exchange);
    if (peer.ptr == NULL)
        return ERR_NOMEM;
    TRY(set_if_absent(fields, HTTP_FIELD_X_REAL_IP, peer));
    TRY(set_if_absent(fields, HTTP_FIELD_X_FORWARDED_PROTO, protocol(exchange)));
    TRY(set_if_absent(fields, HTTP_FIELD_X_FORWARDED_PORT, port_of(exchange)));
    if (exchange->request.authority.len > 0)
        TRY(set_if_absent(fields, HTTP_FIELD_X_FORWARDED_HOST, exchange->request.authority));
    const char *host_name = exchange->worker->exchanges->host_name;
    if (host_name[0] != '\0')
        TRY(http_fields_set_id(fields, HTTP_FIELD_X_FORWARDED_SERVER, span_cstr(host_name)));
    return append_for(exchange, peer);
}
