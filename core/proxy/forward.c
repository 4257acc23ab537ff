/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One pass over the fields removes and learns what is there; the rest is
 * adding. Texts are borrowed from the client, the request or the worker.
 */
#include "core/proxy/forward.h"

#include "core/proxy/client.h"
#include "core/proxy/exchange.h"
#include "core/proxy/exchange_pool.h"

#define NAME_MAX_LEN 40 /* longer than any name looked for */

static bool is_forwarding(enum http_field_id id)
{
    return id == HTTP_FIELD_FORWARDED ||
           (id >= HTTP_FIELD_X_FORWARDED_FOR && id <= HTTP_FIELD_X_REAL_IP);
}

/* "X_Forwarded_For", "Content_Length" and the like, which CGI and its kin read as
 * the real one. */
static bool is_disguised(const struct http_field *field)
{
    char name[NAME_MAX_LEN];
    struct span text = field->name;
    if (field->id != HTTP_FIELD_OTHER || text.len > sizeof(name) || span_find(text, '_', 0) < 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        name[i] = text.ptr[i] == '_' ? '-' : text.ptr[i];
    enum http_field_id id = http_field_id_of(span_make(name, text.len));
    return is_forwarding(id) || id == HTTP_FIELD_CONTENT_LENGTH ||
           id == HTTP_FIELD_TRANSFER_ENCODING;
}

static bool peer_is_trusted(const struct client *client)
{
    const struct model_entry_point *entry = client_entry(client);
    return entry->forwarded_insecure ||
           model_cidr_list_contains(&entry->forwarded_trusted, client->peer_ip);
}

/* Removes what may not pass; the values that stay, by id. */
static void sift(struct http_fields *fields, bool trusted, struct span known[HTTP_FIELD_IDS])
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct http_field *field = &fields->items[i];
        bool forwarding = is_forwarding(field->id);
        if ((forwarding && !trusted) || is_disguised(field))
            continue;
        if (forwarding && known[field->id].len == 0)
            known[field->id] = field->value;
        fields->items[kept++] = *field;
    }
    fields->count = (uint32_t)kept;
}

struct span forward_peer(const struct exchange *exchange)
{
    struct span text = span_cstr(exchange->client->peer_text);
    ptrdiff_t colon = span_find_last(text, ':');
    if (colon < 0)
        return text;
    text = span_first(text, (size_t)colon);
    if (text.len >= 2 && text.ptr[0] == '[')
        text = span_make(text.ptr + 1, text.len - 2);
    ptrdiff_t zone = span_find(text, '%', 0);
    return zone < 0 ? text : span_first(text, (size_t)zone);
}

static struct span scheme_of(const struct exchange *exchange)
{
    bool tls = exchange->client->is_tls;
    if (exchange->request.upgrade &&
        http_fields_has_token(&exchange->request.fields, HTTP_FIELD_UPGRADE, SPAN("websocket")))
        return tls ? SPAN("wss") : SPAN("ws");
    return tls ? SPAN("https") : SPAN("http");
}

/* The Host's port, else that of the scheme. */
static struct span port_of(const struct exchange *exchange, struct span proto)
{
    struct span authority = exchange->request.authority;
    ptrdiff_t colon = span_find_last(authority, ':'), bracket = span_find_last(authority, ']');
    if (colon > bracket && (size_t)colon + 1 < authority.len)
        return span_skip(authority, (size_t)colon + 1);
    if (exchange->client->is_tls || span_equal(proto, SPAN("https")) ||
        span_equal(proto, SPAN("wss")))
        return SPAN("443");
    return SPAN("80");
}

/* All X-Forwarded-For there are, and `last` behind them, as one list. */
static struct span joined_for(struct exchange *exchange, struct span last)
{
    const struct http_fields *fields = &exchange->request.fields;
    size_t len = last.len, count = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->items[i].id == HTTP_FIELD_X_FORWARDED_FOR) {
            len += fields->items[i].value.len + 2;
            count++;
        }
    }
    if (count == 0)
        return last;
    char *text = arena_bytes(&exchange->arena, len), *at = text;
    if (text == NULL)
        return SPAN_EMPTY;
    for (size_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        if (field->id != HTTP_FIELD_X_FORWARDED_FOR)
            continue;
        if (field->value.len > 0)
            memcpy(at, field->value.ptr, field->value.len);
        memcpy(at + field->value.len, ", ", 2);
        at += field->value.len + 2;
    }
    if (last.len > 0)
        memcpy(at, last.ptr, last.len);
    return span_make(text, last.len > 0 ? len : len - 2);
}

/* Rules and backends that take the first for the whole are not to be misled. */
static enum err join_several(struct exchange *exchange)
{
    struct http_fields *fields = &exchange->request.fields;
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++)
        count += fields->items[i].id == HTTP_FIELD_X_FORWARDED_FOR;
    if (count < 2)
        return ERR_OK;
    struct span all = joined_for(exchange, SPAN_EMPTY);
    if (all.ptr == NULL)
        return ERR_NOMEM;
    return http_fields_set_id(fields, HTTP_FIELD_X_FORWARDED_FOR, all);
}

enum err forward_receive(struct exchange *exchange)
{
    const struct model_entry_point *entry = client_entry(exchange->client);
    struct http_fields *fields = &exchange->request.fields;
    struct span known[HTTP_FIELD_IDS] = {{0}};
    struct span host = exchange->request.authority;
    struct span server = span_cstr(exchange->worker->exchanges->host_name);
    sift(fields, peer_is_trusted(exchange->client), known);
    http_fields_remove_named_by_connection(fields, entry->forwarded_connection.items,
                                           entry->forwarded_connection.count);
    TRY(join_several(exchange));
    if (known[HTTP_FIELD_X_REAL_IP].len == 0)
        TRY(http_fields_set_id(fields, HTTP_FIELD_X_REAL_IP, forward_peer(exchange)));
    struct span proto = known[HTTP_FIELD_X_FORWARDED_PROTO];
    if (proto.len == 0) {
        proto = scheme_of(exchange);
        TRY(http_fields_set_id(fields, HTTP_FIELD_X_FORWARDED_PROTO, proto));
    }
    if (known[HTTP_FIELD_X_FORWARDED_PORT].len == 0)
        TRY(http_fields_set_id(fields, HTTP_FIELD_X_FORWARDED_PORT, port_of(exchange, proto)));
    if (known[HTTP_FIELD_X_FORWARDED_HOST].len == 0 && host.len > 0)
        TRY(http_fields_set_id(fields, HTTP_FIELD_X_FORWARDED_HOST, host));
    if (server.len > 0)
        TRY(http_fields_set_id(fields, HTTP_FIELD_X_FORWARDED_SERVER, server));
    return ERR_OK;
}

enum err forward_send(struct exchange *exchange)
{
    if (client_entry(exchange->client)->forwarded_not_append_xff)
        return ERR_OK;
    struct span all = joined_for(exchange, forward_peer(exchange));
    if (all.ptr == NULL)
        return ERR_NOMEM;
    return http_fields_set_id(&exchange->request.fields, HTTP_FIELD_X_FORWARDED_FOR, all);
}
