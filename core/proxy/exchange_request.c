/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request as the backend gets it: written afresh from the parsed one, with
 * its own framing, without hop-by-hop fields, with the fields that say where
 * it came from.
 */
#include "core/proxy/exchange_private.h"

#include "core/http/h1.h"
#include "core/proxy/forward.h"

/* ';' as %3B, for backends that take it as a separator. */
static struct span encode_semicolons(struct arena *arena, struct span query)
{
    size_t extra = 0;
    for (size_t i = 0; i < query.len; i++)
        extra += query.ptr[i] == ';' ? 2 : 0;
    if (extra == 0)
        return query;
    char *out = arena_bytes(arena, query.len + extra), *at = out;
    if (out == NULL)
        return SPAN_EMPTY;
    for (size_t i = 0; i < query.len; i++) {
        if (query.ptr[i] == ';') {
            memcpy(at, "%3B", 3);
            at += 3;
        } else {
            *at++ = query.ptr[i];
        }
    }
    return span_make(out, query.len + extra);
}

static struct span join_target(struct arena *arena, struct span base, struct span path,
                               struct span query)
{
    if (base.len > 0 && base.ptr[base.len - 1] == '/' && path.len > 0 && path.ptr[0] == '/')
        base.len--;
    size_t len = base.len + path.len + (query.ptr != NULL ? 1 + query.len : 0);
    char *out = arena_bytes(arena, len), *at = out;
    if (out == NULL)
        return SPAN_EMPTY;
    if (base.len > 0)
        memcpy(at, base.ptr, base.len);
    at += base.len;
    memcpy(at, path.ptr, path.len);
    at += path.len;
    if (query.ptr != NULL) {
        *at++ = '?';
        memcpy(at, query.ptr, query.len);
    }
    return span_make(out, len);
}

/* The target, as received where nothing about it changed. */
static struct span make_target(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    const struct server *server = exchange->server;
    struct span base = server->preserve_path ? server->base_path : SPAN_EMPTY;
    struct span query = request->query;
    if (query.ptr != NULL && client_entry(exchange->client)->encode_query_semicolons)
        query = encode_semicolons(&exchange->arena, query);
    bool same_path = request->path.ptr == request->target.ptr;
    if (base.len == 0 && same_path && query.ptr == request->query.ptr)
        return request->target;
    return join_target(&exchange->arena, base, request->path, query);
}

/* Hop-by-hop fields go; an upgrade is a hop of its own and is asked for anew. */
static enum err set_connection(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    const struct http_field *field = http_fields_find_id(&request->fields, HTTP_FIELD_UPGRADE);
    struct span upgrade = field != NULL ? field->value : SPAN_EMPTY;
    bool wanted = request->upgrade && upgrade.len > 0 &&
                  !span_equal_nocase(upgrade, SPAN("h2c"));
    exchange->upgrade = wanted;
    http_fields_remove_hop_by_hop(&request->fields);
    http_fields_remove_id(&request->fields, HTTP_FIELD_EXPECT);
    http_fields_remove_id(&request->fields, HTTP_FIELD_HTTP2_SETTINGS);
    if (!wanted)
        return ERR_OK;
    TRY(http_fields_set_id(&request->fields, HTTP_FIELD_CONNECTION, SPAN("Upgrade")));
    return http_fields_set_id(&request->fields, HTTP_FIELD_UPGRADE, upgrade);
}

enum err exchange_write_request(struct exchange *exchange, bool pass_host_header)
{
    struct http_request *request = &exchange->request;
    TRY(set_connection(exchange));
    TRY(forward_set_fields(exchange));
    if (!pass_host_header)
        TRY(http_fields_set_id(&request->fields, HTTP_FIELD_HOST, exchange->server->authority));
    struct span target = make_target(exchange);
    if (target.len == 0)
        return ERR_NOMEM;
    buf_clear(&exchange->head);
    return h1_write_request(&exchange->head, request, target);
}
