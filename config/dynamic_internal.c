/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The internal provider: what Traefik derives from the static configuration.
 * Its names end in @internal. Each kind of object is collected in an array
 * that has room for the operator's and for these; then all are sorted.
 */
#include "config/dynamic_build.h"

#include <stdlib.h>

#define PRIORITY_MAX INT64_MAX

static int compare_names(const void *a, const void *b)
{
    const struct model_object *left = a, *right = b;
    return span_compare(left->name, right->name);
}

/* A bigger copy of the array, sorted again by finish(). */
static enum err enlarge(struct arena *arena, void **items, size_t count, size_t extra, size_t size)
{
    void *bigger = arena_alloc(arena, (count + extra + 1) * size);
    if (bigger == NULL)
        return ERR_NOMEM;
    if (count > 0)
        memcpy(bigger, *items, count * size);
    *items = bigger;
    return ERR_OK;
}

static struct model_object internal(struct span name, struct source_mark mark)
{
    return (struct model_object){.name = name, .provider = SPAN("internal"), .mark = mark};
}

static enum err add_router(struct model_dynamic *dynamic, struct span name,
                           struct source_mark mark, struct span entry_point, struct span rule,
                           struct span service, int64_t priority, struct span middleware)
{
    struct arena *arena = &dynamic->arena;
    struct span *names = ARENA_ARRAY(arena, struct span, 2);
    if (names == NULL || name.ptr == NULL || rule.ptr == NULL)
        return ERR_NOMEM;
    names[0] = arena_span(arena, entry_point);
    names[1] = middleware;
    if (names[0].ptr == NULL)
        return ERR_NOMEM;
    dynamic->http_routers[dynamic->http_router_count++] = (struct model_router){
        .object = internal(name, mark),
        .entry_points = {names, 1},
        .middlewares = {names + 1, middleware.len > 0},
        .service = service,
        .rule = rule,
        .priority = priority,
        .access_logs = false, /* addInternals is not built */
        .metrics = false,
        .access_logs_set = true,
        .metrics_set = true,
    };
    return ERR_OK;
}

static void add_service(struct model_dynamic *dynamic, struct span name)
{
    dynamic->http_services[dynamic->http_service_count++] = (struct model_service){
        .object = internal(name, (struct source_mark){"", 0, 0}),
        .kind = SERVICE_INTERNAL,
        .pass_host_header = true,
        .type_count = 1,
    };
}

/* ---- redirections ---- */

/* Letters and digits, everything between them one dash. */
static struct span normalise(struct arena *arena, const char *text)
{
    char *out = arena_bytes(arena, strlen(text) + 1);
    size_t n = 0;
    if (out == NULL)
        return SPAN_EMPTY;
    for (const char *c = text; *c != '\0'; c++) {
        bool word = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
                    (*c >= 'A' && *c <= 'Z') || (*c & 0x80) != 0;
        if (word)
            out[n++] = *c;
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    n -= n > 0 && out[n - 1] == '-';
    return span_make(out, n);
}

static struct span redirect_port(const struct model_static *model, struct arena *arena,
                                 struct span to)
{
    if (to.len > 0 && to.ptr[0] == ':')
        return arena_span(arena, span_skip(to, 1));
    const struct model_entry_point *target = model_entry_point(model, to);
    if (target == NULL || target->port == 0)
        return SPAN("");
    return span_cstr(arena_format(arena, "%u", target->port));
}

static enum err add_redirection(const struct model_static *model, struct model_dynamic *dynamic,
                                const struct model_entry_point *point)
{
    struct arena *arena = &dynamic->arena;
    const char *pair = arena_format(arena, "%.*s-to-%.*s", SPAN_ARG(point->object.name),
                                    SPAN_ARG(point->redirect_to));
    struct span base = pair ? normalise(arena, pair) : SPAN_EMPTY;
    if (base.ptr == NULL)
        return ERR_NOMEM;
    struct span router = span_cstr(arena_format(arena, "%.*s@internal", SPAN_ARG(base)));
    struct span middleware =
        span_cstr(arena_format(arena, "redirect-%.*s@internal", SPAN_ARG(base)));
    struct span scheme = arena_span(arena, point->redirect_scheme);
    struct span port = redirect_port(model, arena, point->redirect_to);
    struct source_mark mark = point->object.mark;
    mark.file = arena_cstr(arena, span_cstr(mark.file));
    if (middleware.ptr == NULL || scheme.ptr == NULL || port.ptr == NULL || mark.file == NULL)
        return ERR_NOMEM;
    dynamic->http_middlewares[dynamic->http_middleware_count++] = (struct model_middleware){
        .object = internal(middleware, mark),
        .kind = MIDDLEWARE_REDIRECT_SCHEME,
        .type = SPAN("redirectScheme"),
        .redirect_scheme = {scheme, port, point->redirect_permanent},
    };
    return add_router(dynamic, router, mark, point->object.name, SPAN("HostRegexp(`^.+$`)"),
                      SPAN("noop@internal"), point->redirect_priority, middleware);
}

/* ---- API and ping ---- */

static enum err add_api_router(struct model_dynamic *dynamic, struct span name, const char *rule,
                               int64_t priority)
{
    return add_router(dynamic, name, (struct source_mark){"", 0, 0}, SPAN("traefik"),
                      span_cstr(rule), name, priority, SPAN_EMPTY);
}

static enum err add_api(const struct model_static *model, struct model_dynamic *dynamic)
{
    if (!model->has_api)
        return ERR_OK;
    add_service(dynamic, SPAN("api@internal"));
    if (model->api_dashboard)
        add_service(dynamic, SPAN("dashboard@internal"));
    if (!model->api_insecure)
        return ERR_OK;
    struct span base = model->api_base_path;
    base.len -= span_ends_with(base, SPAN("/"));
    const char *rule = arena_format(&dynamic->arena, "PathPrefix(`%.*s/api`)", SPAN_ARG(base));
    TRY(add_api_router(dynamic, SPAN("api@internal"), rule, PRIORITY_MAX - 1));
    if (!model->api_dashboard)
        return ERR_OK;
    rule = arena_format(&dynamic->arena, "PathPrefix(`%.*s`)",
                        SPAN_ARG(base.len > 0 ? base : SPAN("/")));
    return add_api_router(dynamic, SPAN("dashboard@internal"), rule, PRIORITY_MAX - 2);
}

static enum err add_ping(const struct model_static *model, struct model_dynamic *dynamic)
{
    if (!model->has_ping)
        return ERR_OK;
    add_service(dynamic, SPAN("ping@internal"));
    if (model->ping_manual_routing)
        return ERR_OK;
    return add_router(dynamic, SPAN("ping@internal"), (struct source_mark){"", 0, 0},
                      model->ping_entry_point, SPAN("PathPrefix(`/ping`)"), SPAN("ping@internal"),
                      PRIORITY_MAX, SPAN_EMPTY);
}

static enum err add_prometheus(const struct model_static *model, struct model_dynamic *dynamic)
{
    if (!model->prometheus.enabled)
        return ERR_OK;
    add_service(dynamic, SPAN("prometheus@internal"));
    if (model->prometheus.manual_routing)
        return ERR_OK;
    return add_router(dynamic, SPAN("prometheus@internal"), (struct source_mark){"", 0, 0},
                      model->prometheus.entry_point, SPAN("PathPrefix(`/metrics`)"),
                      SPAN("prometheus@internal"), PRIORITY_MAX, SPAN_EMPTY);
}

/* ---- ACME ---- */

static bool answers_challenges(const struct model_static *model, struct span entry_point)
{
    for (size_t i = 0; i < model->resolver_count; i++) {
        const struct model_resolver *resolver = &model->resolvers[i];
        if (resolver->has_acme && resolver->acme.has_http &&
            span_equal(resolver->acme.http_entry_point, entry_point))
            return true;
    }
    return false;
}

/* HTTP-01 goes before everything else, unless routers are to answer themselves. */
static enum err add_acme(const struct model_static *model, struct model_dynamic *dynamic)
{
    size_t count = 0;
    for (size_t i = 0; i < model->entry_point_count; i++) {
        const struct model_entry_point *point = &model->entry_points[i];
        if (!answers_challenges(model, point->object.name))
            continue;
        const char *name = arena_format(&dynamic->arena, "acme-http%s%.*s@internal",
                                        count > 0 ? "-" : "",
                                        count > 0 ? (int)point->object.name.len : 0,
                                        point->object.name.ptr);
        count++;
        TRY(add_router(dynamic, span_cstr(name), (struct source_mark){"", 0, 0},
                       point->object.name, SPAN("PathPrefix(`/.well-known/acme-challenge/`)"),
                       SPAN("acme-http@internal"), point->acme_bypass ? 0 : PRIORITY_MAX,
                       SPAN_EMPTY));
    }
    if (count > 0)
        add_service(dynamic, SPAN("acme-http@internal"));
    return ERR_OK;
}

/* ---- transports ---- */

static enum err copy_contents(struct arena *arena, const struct model_content *from, size_t count,
                              struct model_content **to)
{
    *to = ARENA_ARRAY(arena, struct model_content, count + 1);
    if (*to == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        (*to)[i].value = arena_span(arena, from[i].value);
        if ((*to)[i].value.ptr == NULL)
            return ERR_NOMEM;
    }
    return ERR_OK;
}

/* The static model may end before this one does: nothing of it is shared. */
static enum err add_transports(const struct model_static *model, struct model_dynamic *dynamic)
{
    struct arena *arena = &dynamic->arena;
    struct model_servers_transport *http =
        &dynamic->http_transports[dynamic->http_transport_count++];
    *http = model->default_transport;
    TRY(copy_contents(arena, model->default_transport.root_cas, http->root_ca_count,
                      &http->root_cas));
    struct model_tcp_servers_transport *tcp =
        &dynamic->tcp_transports[dynamic->tcp_transport_count++];
    *tcp = model->default_tcp_transport;
    TRY(copy_contents(arena, model->default_tcp_transport.tls.root_cas, tcp->tls.root_ca_count,
                      &tcp->tls.root_cas));
    http->object.problem = arena_span(arena, http->object.problem);
    tcp->object.problem = arena_span(arena, tcp->object.problem);
    return http->object.problem.ptr && tcp->object.problem.ptr ? ERR_OK : ERR_NOMEM;
}

#define ENLARGE(field, count, extra)                                                         \
    TRY(enlarge(&dynamic->arena, (void **)&dynamic->field, dynamic->count, (extra),          \
                sizeof(*dynamic->field)))
#define SORT(field, count)                                                                   \
    qsort(dynamic->field, dynamic->count, sizeof(*dynamic->field), compare_names)

enum err dynamic_add_internals(const struct model_static *model, struct model_dynamic *dynamic)
{
    size_t points = model->entry_point_count;
    ENLARGE(http_routers, http_router_count, 2 * points + 4);
    ENLARGE(http_middlewares, http_middleware_count, points);
    ENLARGE(http_services, http_service_count, 6);
    ENLARGE(http_transports, http_transport_count, 1);
    ENLARGE(tcp_transports, tcp_transport_count, 1);
    add_service(dynamic, SPAN("noop@internal"));
    TRY(add_api(model, dynamic));
    TRY(add_ping(model, dynamic));
    TRY(add_prometheus(model, dynamic));
    TRY(add_acme(model, dynamic));
    for (size_t i = 0; i < points; i++)
        if (model->entry_points[i].has_redirect)
            TRY(add_redirection(model, dynamic, &model->entry_points[i]));
    TRY(add_transports(model, dynamic));
    SORT(http_routers, http_router_count);
    SORT(http_middlewares, http_middleware_count);
    SORT(http_services, http_service_count);
    SORT(http_transports, http_transport_count);
    SORT(tcp_transports, tcp_transport_count);
    return ERR_OK;
}
