/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A model lies in its own arena, the struct that holds the arena included:
 * destroying it moves the arena out first. Arrays are sorted by name, so a
 * look-up is a binary search.
 */
#include "config/model.h"

void model_dynamic_destroy(struct model_dynamic *model)
{
    if (model == NULL)
        return;
    struct arena arena = model->arena;
    arena_finish(&arena);
}

void model_static_destroy(struct model_static *model)
{
    if (model == NULL)
        return;
    struct arena arena = model->arena;
    arena_finish(&arena);
}

/* All named things begin with a struct model_object. */
static const void *find(const void *items, size_t count, size_t size, struct span name)
{
    const char *base = items;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct model_object *object = (const void *)(base + middle * size);
        int order = span_compare(object->name, name);
        if (order == 0)
            return object;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

#define FIND(items, count, name) find((items), (count), sizeof(*(items)), (name))

const struct model_service *model_http_service(const struct model_dynamic *model,
                                               struct span name)
{
    return FIND(model->http_services, model->http_service_count, name);
}

const struct model_service *model_tcp_service(const struct model_dynamic *model, struct span name)
{
    return FIND(model->tcp_services, model->tcp_service_count, name);
}

const struct model_middleware *model_http_middleware(const struct model_dynamic *model,
                                                     struct span name)
{
    return FIND(model->http_middlewares, model->http_middleware_count, name);
}

const struct model_middleware *model_tcp_middleware(const struct model_dynamic *model,
                                                    struct span name)
{
    return FIND(model->tcp_middlewares, model->tcp_middleware_count, name);
}

const struct model_servers_transport *model_http_transport(const struct model_dynamic *model,
                                                           struct span name)
{
    return FIND(model->http_transports, model->http_transport_count, name);
}

const struct model_tcp_servers_transport *model_tcp_transport(const struct model_dynamic *model,
                                                              struct span name)
{
    return FIND(model->tcp_transports, model->tcp_transport_count, name);
}

const struct model_tls_options *model_tls_options(const struct model_dynamic *model,
                                                  struct span name)
{
    return FIND(model->tls_options, model->tls_option_count, name);
}

const struct model_tls_store *model_tls_store(const struct model_dynamic *model, struct span name)
{
    return FIND(model->tls_stores, model->tls_store_count, name);
}

const struct model_resolver *model_resolver(const struct model_static *model, struct span name)
{
    for (size_t i = 0; i < model->resolver_count; i++)
        if (span_equal(model->resolvers[i].object.name, name))
            return &model->resolvers[i];
    return NULL;
}

const struct model_entry_point *model_entry_point(const struct model_static *model,
                                                  struct span name)
{
    return FIND(model->entry_points, model->entry_point_count, name);
}
