/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * After decoding, routers are rebuilt once: a router without entry points gets
 * the default ones, and for each of its entry points that has TLS, middlewares
 * or observability of its own it is split off under the name ENTRYPOINT-NAME,
 * as Traefik does (a router with one entry point keeps its name). References
 * are qualified here, so that everything behind sees full names only.
 */
#include "config/dynamic_build.h"

#include "config/decode.h"

#include <stdlib.h>

#define MODEL_MEMORY (4ull << 30)

static int compare_names(const void *a, const void *b)
{
    const struct model_object *left = a, *right = b;
    return span_compare(left->name, right->name);
}

/* ---- TLS ---- */

/* A certificate without certFile or keyFile was warned of; it is left out. */
static void drop_certificates(struct model_dynamic *model)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->certificate_count; i++) {
        const struct model_certificate *certificate = &model->certificates[i];
        if (certificate->cert.value.len > 0 && certificate->key.value.len > 0)
            model->certificates[kept++] = *certificate;
    }
    model->certificate_count = kept;
}

/* `default` is the one name that is not qualified; it is always there. */
static enum err complete_options(struct model_dynamic *model, const struct schema_row *rows)
{
    for (size_t i = 0; i < model->tls_option_count; i++)
        if (span_equal(model->tls_options[i].object.name, SPAN("default@file")))
            model->tls_options[i].object.name = SPAN("default");
    size_t count = model->tls_option_count;
    struct model_tls_options *options =
        ARENA_ARRAY(&model->arena, struct model_tls_options, count + 1);
    if (options == NULL)
        return ERR_NOMEM;
    if (count > 0)
        memcpy(options, model->tls_options, count * sizeof(*options));
    model->tls_options = options;
    qsort(options, count, sizeof(*options), compare_names);
    if (model_tls_options(model, SPAN("default")) != NULL)
        return ERR_OK;
    TRY(decode_defaults(&model->arena, rows, &options[count]));
    options[count].object =
        (struct model_object){.name = SPAN("default"), .provider = SPAN("internal"),
                              .mark = {"", 0, 0}};
    model->tls_option_count = count + 1;
    qsort(options, count + 1, sizeof(*options), compare_names);
    return ERR_OK;
}

static enum err complete_stores(struct model_dynamic *model)
{
    size_t count = model->tls_store_count;
    for (size_t i = 0; i < count; i++)
        if (model->tls_stores[i].has_default_certificate)
            model->tls_stores[i].default_certificate.mark = model->tls_stores[i].object.mark;
    if (model_tls_store(model, SPAN("default")) != NULL)
        return ERR_OK;
    struct model_tls_store *stores =
        ARENA_ARRAY(&model->arena, struct model_tls_store, count + 1);
    if (stores == NULL)
        return ERR_NOMEM;
    if (count > 0)
        memcpy(stores, model->tls_stores, count * sizeof(*stores));
    stores[count].object =
        (struct model_object){.name = SPAN("default"), .provider = SPAN("internal"),
                              .mark = {"", 0, 0}};
    model->tls_stores = stores;
    model->tls_store_count = count + 1;
    qsort(stores, count + 1, sizeof(*stores), compare_names);
    return ERR_OK;
}

/* ---- names ---- */

static enum err qualify(struct arena *arena, struct span *name, struct span provider)
{
    if (name->len == 0)
        return ERR_OK;
    struct span full = decode_qualify(arena, *name, provider);
    if (full.ptr == NULL)
        return ERR_NOMEM;
    *name = full;
    return ERR_OK;
}

static enum err qualify_services(struct arena *arena, struct model_service *services, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct model_service *service = &services[i];
        struct span provider = service->object.provider;
        if (service->servers_transport.len == 0)
            service->servers_transport = SPAN("default@internal");
        TRY(qualify(arena, &service->servers_transport, provider));
        for (size_t j = 0; j < service->weighted_count; j++)
            TRY(qualify(arena, &service->weighted[j].service, provider));
    }
    return ERR_OK;
}

/* Options named `default` are the default ones. */
static enum err qualify_tls(struct arena *arena, struct model_router_tls *tls,
                            struct span provider)
{
    if (span_equal(tls->options, SPAN("default")))
        tls->options = SPAN_EMPTY;
    return qualify(arena, &tls->options, provider);
}

/* The entry point's middlewares, then the router's own, all with full names. */
static enum err join_middlewares(struct arena *arena, const struct span_list *first,
                                 struct model_router *router)
{
    size_t before = first ? first->count : 0, count = before + router->middlewares.count;
    struct span *names = ARENA_ARRAY(arena, struct span, count + 1);
    if (names == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        names[i] = i < before ? first->items[i] : router->middlewares.items[i - before];
        TRY(qualify(arena, &names[i], router->object.provider));
    }
    router->middlewares = (struct span_list){names, count};
    return ERR_OK;
}

/* ---- routers ---- */

static enum err default_entry_points(const struct model_static *model, struct arena *arena,
                                     struct span_list *out)
{
    bool chosen = false;
    for (size_t i = 0; i < model->entry_point_count; i++)
        chosen |= model->entry_points[i].as_default;
    struct span *names = ARENA_ARRAY(arena, struct span, model->entry_point_count + 1);
    size_t count = 0;
    if (names == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < model->entry_point_count; i++) {
        const struct model_entry_point *point = &model->entry_points[i];
        if (point->udp || (chosen && !point->as_default) ||
            span_equal(point->object.name, SPAN("traefik")))
            continue;
        names[count] = arena_span(arena, point->object.name);
        if (names[count++].ptr == NULL)
            return ERR_NOMEM;
    }
    *out = (struct span_list){names, count};
    return ERR_OK;
}

static bool has_defaults(const struct model_entry_point *point)
{
    return point != NULL &&
           (point->has_tls || point->middlewares.count > 0 || !point->access_logs ||
            !point->metrics);
}

/* A copy of the static model's tls in the dynamic model's memory. */
static enum err copy_tls(struct arena *arena, const struct model_router_tls *from,
                         struct model_router_tls *to)
{
    *to = *from;
    to->options = arena_span(arena, from->options);
    to->cert_resolver = arena_span(arena, from->cert_resolver);
    to->domains = ARENA_ARRAY(arena, struct model_domain, from->domain_count + 1);
    if (to->options.ptr == NULL || to->cert_resolver.ptr == NULL || to->domains == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < from->domain_count; i++) {
        const struct model_domain *domain = &from->domains[i];
        struct span *sans = ARENA_ARRAY(arena, struct span, domain->sans.count + 1);
        to->domains[i].main = arena_span(arena, domain->main);
        if (sans == NULL || to->domains[i].main.ptr == NULL)
            return ERR_NOMEM;
        for (size_t j = 0; j < domain->sans.count; j++) {
            sans[j] = arena_span(arena, domain->sans.items[j]);
            if (sans[j].ptr == NULL)
                return ERR_NOMEM;
        }
        to->domains[i].sans = (struct span_list){sans, domain->sans.count};
    }
    return ERR_OK;
}

/* One router for one entry point that has defaults of its own. */
static enum err split_off(struct arena *arena, const struct model_entry_point *point,
                          const struct model_router *from, struct model_router *to)
{
    *to = *from;
    struct span *name = ARENA_NEW(arena, struct span);
    if (name == NULL)
        return ERR_NOMEM;
    *name = arena_span(arena, point->object.name);
    if (name->ptr == NULL)
        return ERR_NOMEM;
    to->entry_points = (struct span_list){name, 1};
    if (from->entry_points.count > 1) {
        to->object.name = span_cstr(arena_format(arena, "%.*s-%.*s", SPAN_ARG(*name),
                                                 SPAN_ARG(from->object.name)));
        if (to->object.name.ptr == NULL)
            return ERR_NOMEM;
    }
    if (!to->has_tls && point->has_tls) {
        to->has_tls = true;
        TRY(copy_tls(arena, &point->tls, &to->tls));
    }
    if (!to->access_logs_set)
        to->access_logs = point->access_logs;
    if (!to->metrics_set)
        to->metrics = point->metrics;
    TRY(join_middlewares(arena, &point->middlewares, to));
    return qualify_tls(arena, &to->tls, to->object.provider);
}

struct routers {
    struct model_router *items;
    size_t count;
};

/* What is left of the router for the entry points without defaults, and one
 * router for each of the others. */
static enum err expand(const struct model_static *model, struct arena *arena,
                       const struct model_router *router, struct routers *out)
{
    struct span *plain = ARENA_ARRAY(arena, struct span, router->entry_points.count + 1);
    size_t count = 0;
    if (plain == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < router->entry_points.count; i++) {
        struct span name = router->entry_points.items[i];
        const struct model_entry_point *point = model_entry_point(model, name);
        if (has_defaults(point))
            TRY(split_off(arena, point, router, &out->items[out->count++]));
        else
            plain[count++] = name;
    }
    if (count == 0 && router->entry_points.count > 0)
        return ERR_OK;
    struct model_router *rest = &out->items[out->count++];
    *rest = *router;
    rest->entry_points = (struct span_list){plain, count};
    TRY(join_middlewares(arena, NULL, rest));
    return qualify_tls(arena, &rest->tls, rest->object.provider);
}

static enum err complete_http_routers(const struct model_static *model,
                                      struct model_dynamic *dynamic,
                                      const struct span_list *defaults)
{
    size_t most = 0;
    for (size_t i = 0; i < dynamic->http_router_count; i++) {
        struct model_router *router = &dynamic->http_routers[i];
        if (router->entry_points.count == 0)
            router->entry_points = *defaults;
        TRY(qualify(&dynamic->arena, &router->service, router->object.provider));
        most += router->entry_points.count + 1;
    }
    struct routers all = {ARENA_ARRAY(&dynamic->arena, struct model_router, most + 1), 0};
    if (all.items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < dynamic->http_router_count; i++)
        TRY(expand(model, &dynamic->arena, &dynamic->http_routers[i], &all));
    qsort(all.items, all.count, sizeof(*all.items), compare_names);
    dynamic->http_routers = all.items;
    dynamic->http_router_count = all.count;
    return ERR_OK;
}

static enum err complete_tcp_routers(struct model_dynamic *dynamic,
                                     const struct span_list *defaults)
{
    for (size_t i = 0; i < dynamic->tcp_router_count; i++) {
        struct model_router *router = &dynamic->tcp_routers[i];
        if (router->entry_points.count == 0)
            router->entry_points = *defaults;
        TRY(qualify(&dynamic->arena, &router->service, router->object.provider));
        TRY(join_middlewares(&dynamic->arena, NULL, router));
        TRY(qualify_tls(&dynamic->arena, &router->tls, router->object.provider));
        /* The schema has no observability for TCP. */
        router->access_logs = router->metrics = true;
    }
    return ERR_OK;
}

static enum err fill(const struct model_static *model, const struct node *root,
                     struct diagnostics *diagnostics, struct model_dynamic *dynamic)
{
    struct decoder decoder = {.arena = &dynamic->arena,
                              .diagnostics = diagnostics,
                              .provider = SPAN("file"),
                              .dynamic = true};
    TRY(decode_root(&decoder, schema_dynamic, root, dynamic));
    if (diagnostics->errors > 0)
        return ERR_INVALID;
    drop_certificates(dynamic);
    TRY(complete_options(dynamic, schema_find(schema_find(schema_dynamic, SPAN("tls"))->rows,
                                              SPAN("options"))->rows));
    TRY(complete_stores(dynamic));
    TRY(dynamic_add_internals(model, dynamic));
    struct span_list defaults;
    TRY(default_entry_points(model, &dynamic->arena, &defaults));
    TRY(qualify_services(&dynamic->arena, dynamic->http_services, dynamic->http_service_count));
    TRY(qualify_services(&dynamic->arena, dynamic->tcp_services, dynamic->tcp_service_count));
    TRY(complete_http_routers(model, dynamic, &defaults));
    TRY(complete_tcp_routers(dynamic, &defaults));
    return dynamic_check_references(model, dynamic, diagnostics);
}

enum err dynamic_build(const struct model_static *model, const struct node *root,
                       struct diagnostics *diagnostics, struct model_dynamic **out)
{
    struct arena arena;
    arena_init(&arena, 65536, MODEL_MEMORY);
    struct model_dynamic *dynamic = ARENA_NEW(&arena, struct model_dynamic);
    if (dynamic == NULL) {
        arena_finish(&arena);
        return ERR_NOMEM;
    }
    dynamic->arena = arena;
    enum err error = fill(model, root, diagnostics, dynamic);
    if (error == ERR_OK)
        *out = dynamic;
    else
        model_dynamic_destroy(dynamic);
    return error;
}
