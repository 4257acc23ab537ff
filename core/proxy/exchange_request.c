/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request as the backend gets it: target, Host, no hop-by-hop fields,
 * forwarding fields. What the upstream writes of it, it can write again on
 * another connection.
 */
#include "core/proxy/exchange_private.h"

#include "core/proxy/forward.h"

/* Base path and path with exactly one slash between. */
static struct span join_paths(struct exchange *exchange, struct span base, struct span path)
{
    if (span_ends_with(base, SPAN("/")))
        base.len--;
    if (base.len == 0 || path.len == 0 || path.ptr[0] != '/')
        return path;
    char *bytes = arena_bytes(&exchange->arena, base.len + path.len);
    if (bytes == NULL)
        return SPAN_EMPTY;
    memcpy(bytes, base.ptr, base.len);
    memcpy(bytes + base.len, path.ptr, path.len);
    return span_make(bytes, base.len + path.len);
}

/* Path, '?' and query. Like Traefik, `;` becomes the `&` that some take it for. */
static struct span make_target(struct exchange *exchange)
{
    const struct server *server = exchange->server;
    struct span path = exchange->request.path, query = exchange->request.query;
    if (server->preserve_path && server->base_path.len > 0)
        path = join_paths(exchange, server->base_path, path);
    if (query.ptr == NULL || path.len == 0)
        return path;
    bool semicolon = span_find(query, ';', 0) >= 0;
    if (!semicolon && path.ptr + path.len + 1 == query.ptr)
        return span_make(path.ptr, path.len + 1 + query.len);
    char *bytes = arena_bytes(&exchange->arena, path.len + 1 + query.len);
    if (bytes == NULL)
        return SPAN_EMPTY;
    memcpy(bytes, path.ptr, path.len);
    bytes[path.len] = '?';
    for (size_t i = 0; i < query.len; i++)
        bytes[path.len + 1 + i] = query.ptr[i] == ';' ? '&' : query.ptr[i];
    return span_make(bytes, path.len + 1 + query.len);
}

/* The protocol to upgrade to, or nothing: HTTP/2 through an upgrade would carry
 * requests past the router. */
static struct span wanted_upgrade(const struct http_request *request)
{
    const struct http_field *field = http_fields_find_id(&request->fields, HTTP_FIELD_UPGRADE);
    if (!request->upgrade || field == NULL ||
        http_fields_has_token(&request->fields, HTTP_FIELD_UPGRADE, SPAN("h2c")))
        return SPAN_EMPTY;
    return field->value;
}

static enum err settle_fields(struct exchange *exchange, bool pass_host_header)
{
    struct http_request *request = &exchange->request;
    struct http_fields *fields = &request->fields;
    struct span upgrade = wanted_upgrade(request);
    struct span host = request->authority;
    http_fields_remove_hop_by_hop(fields);
    http_fields_remove_id(fields, HTTP_FIELD_EXPECT);
    if (!pass_host_header || host.len == 0)
        host = exchange->server->authority;
    TRY(http_fields_set_id(fields, HTTP_FIELD_HOST, host));
    exchange->upgrade = upgrade.len > 0;
    if (exchange->upgrade) {
        TRY(http_fields_add_id(fields, HTTP_FIELD_CONNECTION, SPAN("Upgrade")));
        TRY(http_fields_add_id(fields, HTTP_FIELD_UPGRADE, upgrade));
    }
    return forward_send(exchange);
}

enum err exchange_settle_request(struct exchange *exchange, bool pass_host_header)
{
    TRY(settle_fields(exchange, pass_host_header));
    exchange->target_sent = make_target(exchange);
    return exchange->target_sent.len > 0 ? ERR_OK : ERR_NOMEM;
}
