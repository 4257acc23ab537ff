/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request as the backend gets it: target, Host, no hop-by-hop fields,
 * forwarding fields. What the upstream writes of it, it can write again on
 * another connection.
 */
#include "core/proxy/exchange_private.h"

#include "core/http/scan.h"
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

/* "name" or "name/version" (RFC 9110 §7.8), and none that carries requests itself,
 * whatever its version: what came through it would pass the router by. */
static bool may_be_asked_for(struct span protocol)
{
    static const struct span carriers[] = {{"h2c", 3}, {"h2", 2}, {"http", 4}, {"tls", 3}};
    struct span name, version = span_split(protocol, '/', &name);
    if (!http_is_token(name) || (version.ptr != NULL && !http_is_token(version)))
        return false;
    for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
        if (span_equal_nocase(name, carriers[i]))
            return false;
    }
    return true;
}

/* The protocols to upgrade to, or nothing. */
static struct span wanted_upgrade(const struct http_request *request)
{
    const struct http_fields *fields = &request->fields;
    const struct http_field *first = http_fields_find_id(fields, HTTP_FIELD_UPGRADE);
    if (!request->upgrade || first == NULL)
        return SPAN_EMPTY;
    struct span rest = first->value, protocol;
    while (rest.ptr != NULL) {
        rest = span_split(rest, ',', &protocol);
        if (!may_be_asked_for(span_trim(protocol)))
            return SPAN_EMPTY;
    }
    return first->value;
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
