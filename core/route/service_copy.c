/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Services outlive the model that they were made from, so each has a copy of
 * its part of it. Copying is bitwise first; then every pointer is replaced by a
 * copy of what it points to.
 */
#include "core/route/service_tree.h"

static bool own_span(struct arena *arena, struct span *span)
{
    if (span->len == 0)
        return true;
    *span = arena_span(arena, *span);
    return span->ptr != NULL;
}

static bool own_mark(struct arena *arena, struct source_mark *mark)
{
    if (mark->file != NULL)
        mark->file = arena_cstr(arena, span_cstr(mark->file));
    return true;
}

static bool own_object(struct arena *arena, struct model_object *object)
{
    return own_span(arena, &object->name) && own_span(arena, &object->provider) &&
           own_span(arena, &object->problem) && own_mark(arena, &object->mark);
}

static bool own_sticky(struct arena *arena, struct model_sticky *sticky)
{
    return own_span(arena, &sticky->name) && own_span(arena, &sticky->same_site) &&
           own_span(arena, &sticky->path) && own_span(arena, &sticky->domain);
}

static bool own_servers(struct arena *arena, struct model_service *service)
{
    const struct model_server *from = service->servers;
    service->servers = ARENA_ARRAY(arena, struct model_server, service->server_count);
    for (size_t i = 0; service->servers != NULL && i < service->server_count; i++) {
        struct model_server *server = &service->servers[i];
        *server = from[i];
        if (!own_span(arena, &server->url) || !own_span(arena, &server->address) ||
            !own_mark(arena, &server->mark))
            return false;
    }
    return service->servers != NULL;
}

static bool own_weighted(struct arena *arena, struct model_service *service)
{
    const struct model_weighted_ref *from = service->weighted;
    service->weighted = ARENA_ARRAY(arena, struct model_weighted_ref, service->weighted_count);
    for (size_t i = 0; service->weighted != NULL && i < service->weighted_count; i++) {
        service->weighted[i] = from[i];
        if (!own_span(arena, &service->weighted[i].service))
            return false;
    }
    return service->weighted != NULL;
}

enum err model_service_copy(struct arena *arena, const struct model_service *from,
                            struct model_service *to)
{
    struct model_service copy = *from;
    if (!own_object(arena, &copy.object) || !own_servers(arena, &copy) ||
        !own_span(arena, &copy.servers_transport) || !own_sticky(arena, &copy.sticky) ||
        !own_weighted(arena, &copy))
        return ERR_NOMEM;
    *to = copy;
    return ERR_OK;
}

static bool servers_equal(const struct model_service *a, const struct model_service *b)
{
    if (a->server_count != b->server_count)
        return false;
    for (size_t i = 0; i < a->server_count; i++) {
        const struct model_server *x = &a->servers[i], *y = &b->servers[i];
        if (!span_equal(x->url, y->url) || !span_equal(x->address, y->address) ||
            x->weight != y->weight || x->preserve_path != y->preserve_path || x->tls != y->tls)
            return false;
    }
    return true;
}

static bool weighted_equal(const struct model_service *a, const struct model_service *b)
{
    if (a->weighted_count != b->weighted_count)
        return false;
    for (size_t i = 0; i < a->weighted_count; i++) {
        if (!span_equal(a->weighted[i].service, b->weighted[i].service) ||
            a->weighted[i].weight != b->weighted[i].weight)
            return false;
    }
    return true;
}

static bool sticky_equal(const struct model_sticky *a, const struct model_sticky *b)
{
    return a->enabled == b->enabled && span_equal(a->name, b->name) &&
           span_equal(a->same_site, b->same_site) && span_equal(a->path, b->path) &&
           span_equal(a->domain, b->domain) && a->secure == b->secure &&
           a->http_only == b->http_only && a->max_age_s == b->max_age_s;
}

bool model_service_equal(const struct model_service *a, const struct model_service *b)
{
    return span_equal(a->object.name, b->object.name) &&
           span_equal(a->object.provider, b->object.provider) &&
           span_equal(a->object.problem, b->object.problem) && a->kind == b->kind &&
           a->strategy == b->strategy && a->pass_host_header == b->pass_host_header &&
           a->flush_interval == b->flush_interval &&
           span_equal(a->servers_transport, b->servers_transport) &&
           a->has_health_check == b->has_health_check &&
           a->termination_delay == b->termination_delay &&
           a->proxy_protocol == b->proxy_protocol && sticky_equal(&a->sticky, &b->sticky) &&
           servers_equal(a, b) && weighted_equal(a, b);
}
