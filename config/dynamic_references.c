/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Problems travel towards the routers: a transport's to its services, a
 * service's to the services that weigh it and to its routers, a middleware's
 * and TLS options' to the routers that name them. A router whose problem is
 * somebody's mistake is reported as a problem; one that only waits for what is
 * not built is a warning.
 */
#include "config/dynamic_build.h"

struct checker {
    const struct model_static *model;
    struct model_dynamic *dynamic;
    struct diagnostics *diagnostics;
    bool failed;
};

/* "http.routers.NAME", without "@file". */
static void format_key(const char *section, const struct model_object *object, char *out,
                       size_t size)
{
    ptrdiff_t at = span_find_last(object->name, '@');
    struct span name = span_first(object->name, at > 0 ? (size_t)at : object->name.len);
    snprintf(out, size, "%s.%.*s", section, SPAN_ARG(name));
}

static void break_object(struct checker *checker, struct model_object *object,
                         enum severity severity, const char *section, const char *text)
{
    if (object->problem.len > 0 || text == NULL) {
        checker->failed |= text == NULL;
        return;
    }
    object->problem = span_cstr(text);
    char key[256];
    format_key(section, object, key, sizeof(key));
    diagnostics_add(checker->diagnostics, severity, object->mark, key, "is not served: %s", text);
}

#define BREAK(checker, object, severity, section, ...)                                       \
    break_object((checker), (object), (severity), (section),                                 \
                 arena_format(&(checker)->dynamic->arena, __VA_ARGS__))

/* ---- services ---- */

static void check_types(struct checker *checker, struct model_service *services, size_t count,
                        const char *section)
{
    for (size_t i = 0; i < count; i++)
        if (services[i].type_count == 0)
            BREAK(checker, &services[i].object, SEVERITY_PROBLEM, section,
                  "the service has no type; write for example loadBalancer");
}

static void check_transports(struct checker *checker)
{
    struct model_dynamic *dynamic = checker->dynamic;
    for (size_t i = 0; i < dynamic->http_service_count; i++) {
        struct model_service *service = &dynamic->http_services[i];
        if (service->kind != SERVICE_LOAD_BALANCER)
            continue;
        struct span name = service->servers_transport;
        const struct model_servers_transport *transport = model_http_transport(dynamic, name);
        if (transport == NULL)
            BREAK(checker, &service->object, SEVERITY_PROBLEM, "http.services",
                  "there is no serversTransport %.*s", SPAN_ARG(name));
        else if (transport->object.problem.len > 0)
            BREAK(checker, &service->object, SEVERITY_WARNING, "http.services",
                  "serversTransport %.*s: %.*s", SPAN_ARG(name),
                  SPAN_ARG(transport->object.problem));
    }
    for (size_t i = 0; i < dynamic->tcp_service_count; i++) {
        struct model_service *service = &dynamic->tcp_services[i];
        if (service->kind != SERVICE_LOAD_BALANCER)
            continue;
        struct span name = service->servers_transport;
        const struct model_tcp_servers_transport *transport = model_tcp_transport(dynamic, name);
        if (transport == NULL)
            BREAK(checker, &service->object, SEVERITY_PROBLEM, "tcp.services",
                  "there is no serversTransport %.*s", SPAN_ARG(name));
        else if (transport->object.problem.len > 0)
            BREAK(checker, &service->object, SEVERITY_WARNING, "tcp.services",
                  "serversTransport %.*s: %.*s", SPAN_ARG(name),
                  SPAN_ARG(transport->object.problem));
    }
}

static const struct model_service *find_service(const struct checker *checker, bool tcp,
                                                struct span name)
{
    return tcp ? model_tcp_service(checker->dynamic, name)
               : model_http_service(checker->dynamic, name);
}

/* One round over the weighted services; true when something changed. */
static bool check_children(struct checker *checker, struct model_service *services, size_t count,
                           bool tcp)
{
    bool changed = false;
    const char *section = tcp ? "tcp.services" : "http.services";
    for (size_t i = 0; i < count; i++) {
        struct model_service *service = &services[i];
        for (size_t j = 0; j < service->weighted_count && service->object.problem.len == 0; j++) {
            struct span name = service->weighted[j].service;
            const struct model_service *child = find_service(checker, tcp, name);
            if (child == NULL)
                BREAK(checker, &service->object, SEVERITY_PROBLEM, section,
                      "there is no service %.*s", SPAN_ARG(name));
            else if (child->object.problem.len > 0)
                BREAK(checker, &service->object, SEVERITY_WARNING, section,
                      "service %.*s: %.*s", SPAN_ARG(name), SPAN_ARG(child->object.problem));
            changed |= service->object.problem.len > 0;
        }
    }
    return changed;
}

/* A service is sound when all it weighs are. Those that never become so in as
 * many rounds as there are services weigh themselves. */
static bool mark_sound(const struct checker *checker, const struct model_service *services,
                       size_t count, bool tcp, uint8_t *sound)
{
    bool changed = false;
    for (size_t i = 0; i < count; i++) {
        bool all = true;
        for (size_t j = 0; j < services[i].weighted_count; j++) {
            const struct model_service *child =
                find_service(checker, tcp, services[i].weighted[j].service);
            all &= child == NULL || sound[child - services];
        }
        changed |= all && !sound[i];
        sound[i] = all;
    }
    return changed;
}

static void check_cycles(struct checker *checker, struct model_service *services, size_t count,
                         bool tcp)
{
    uint8_t *sound = ARENA_ARRAY(&checker->dynamic->arena, uint8_t, count + 1);
    if (sound == NULL) {
        checker->failed = true;
        return;
    }
    while (mark_sound(checker, services, count, tcp, sound))
        ;
    for (size_t i = 0; i < count; i++)
        if (!sound[i])
            BREAK(checker, &services[i].object, SEVERITY_PROBLEM,
                  tcp ? "tcp.services" : "http.services",
                  "its services lead back to itself");
}

static void check_services(struct checker *checker)
{
    struct model_dynamic *dynamic = checker->dynamic;
    check_types(checker, dynamic->http_services, dynamic->http_service_count, "http.services");
    check_types(checker, dynamic->tcp_services, dynamic->tcp_service_count, "tcp.services");
    check_transports(checker);
    check_cycles(checker, dynamic->http_services, dynamic->http_service_count, false);
    check_cycles(checker, dynamic->tcp_services, dynamic->tcp_service_count, true);
    while (check_children(checker, dynamic->http_services, dynamic->http_service_count, false))
        ;
    while (check_children(checker, dynamic->tcp_services, dynamic->tcp_service_count, true))
        ;
}

static void check_middlewares(struct checker *checker, struct model_middleware *middlewares,
                              size_t count, const char *section)
{
    for (size_t i = 0; i < count; i++)
        if (middlewares[i].type.len == 0)
            BREAK(checker, &middlewares[i].object, SEVERITY_PROBLEM, section,
                  "the middleware has no type; write for example redirectScheme");
}

/* ---- routers ---- */

/* There is none of this name, or it is UDP; those that may be meant are listed. */
static void report_entry_point(struct checker *checker, const struct model_router *router,
                               const char *section, struct span name)
{
    const struct model_static *model = checker->model;
    char key[256], list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < model->entry_point_count && used < sizeof(list) - 64; i++) {
        if (model->entry_points[i].udp)
            continue;
        int n = snprintf(list + used, sizeof(list) - used, "%s%.*s", used ? ", " : "",
                         SPAN_ARG(span_first(model->entry_points[i].object.name, 60)));
        used += n > 0 ? (size_t)n : 0;
    }
    ptrdiff_t at = span_find_last(router->object.name, '@');
    size_t length = at > 0 ? (size_t)at : router->object.name.len;
    snprintf(key, sizeof(key), "%s.%.*s.entryPoints", section,
             SPAN_ARG(span_first(router->object.name, length)));
    diagnostics_add(checker->diagnostics, SEVERITY_PROBLEM, router->object.mark, key,
                    model_entry_point(model, name) ? "the entry point \"%.*s\" is UDP; choose of %s"
                                                   : "there is no entry point \"%.*s\", only %s",
                    SPAN_ARG(name), list);
}

static void check_entry_points(struct checker *checker, struct model_router *router,
                               const char *section)
{
    size_t known = 0;
    struct span *kept =
        ARENA_ARRAY(&checker->dynamic->arena, struct span, router->entry_points.count + 1);
    if (kept == NULL) {
        checker->failed = true;
        return;
    }
    for (size_t i = 0; i < router->entry_points.count; i++) {
        struct span name = router->entry_points.items[i];
        const struct model_entry_point *point = model_entry_point(checker->model, name);
        if (point == NULL || point->udp) {
            report_entry_point(checker, router, section, name);
            continue;
        }
        kept[known++] = name;
        if (point->object.problem.len > 0)
            BREAK(checker, &router->object, SEVERITY_WARNING, section, "entry point %.*s: %.*s",
                  SPAN_ARG(name), SPAN_ARG(point->object.problem));
    }
    if (known == 0)
        BREAK(checker, &router->object, SEVERITY_PROBLEM, section, "%s",
              router->entry_points.count > 0 ? "none of its entry points exists"
                                             : "it has no entry point");
    else
        router->entry_points = (struct span_list){kept, known};
}

/* The entry point from which the router has the middleware; empty: its own. */
static struct span middleware_origin(const struct checker *checker,
                                     const struct model_router *router, struct span middleware)
{
    for (size_t i = 0; i < router->entry_points.count; i++) {
        const struct model_entry_point *point =
            model_entry_point(checker->model, router->entry_points.items[i]);
        for (size_t j = 0; point != NULL && j < point->middlewares.count; j++)
            if (span_equal(point->middlewares.items[j], middleware))
                return point->object.name;
    }
    return SPAN_EMPTY;
}

static void check_router_middlewares(struct checker *checker, struct model_router *router,
                                     bool tcp, const char *section)
{
    for (size_t i = 0; i < router->middlewares.count; i++) {
        struct span name = router->middlewares.items[i];
        const struct model_middleware *middleware =
            tcp ? model_tcp_middleware(checker->dynamic, name)
                : model_http_middleware(checker->dynamic, name);
        struct span origin = middleware_origin(checker, router, name);
        const char *of = origin.len > 0 ? " of entry point " : "";
        if (middleware == NULL)
            BREAK(checker, &router->object, SEVERITY_PROBLEM, section,
                  "middleware \"%.*s\"%s%.*s does not exist", SPAN_ARG(name), of,
                  SPAN_ARG(origin));
        else if (middleware->object.problem.len > 0)
            BREAK(checker, &router->object, SEVERITY_WARNING, section,
                  "middleware %.*s%s%.*s: %.*s", SPAN_ARG(name), of, SPAN_ARG(origin),
                  SPAN_ARG(middleware->object.problem));
    }
}

static void check_router_tls(struct checker *checker, struct model_router *router,
                             const char *section)
{
    if (!router->has_tls || router->tls.passthrough)
        return;
    struct span name = router->tls.options.len > 0 ? router->tls.options : SPAN("default");
    const struct model_tls_options *options = model_tls_options(checker->dynamic, name);
    if (options == NULL)
        BREAK(checker, &router->object, SEVERITY_PROBLEM, section, "unknown TLS options: %.*s",
              SPAN_ARG(name));
    else if (options->object.problem.len > 0)
        BREAK(checker, &router->object, SEVERITY_WARNING, section, "TLS options %.*s: %.*s",
              SPAN_ARG(name), SPAN_ARG(options->object.problem));
}

/* What is obtained only helps: the router is served without it. */
static void check_resolver(struct checker *checker, const struct model_object *object,
                           struct span name, const char *section, const char *below)
{
    char key[256], path[300];
    if (name.len == 0 || model_resolver(checker->model, name) != NULL)
        return;
    format_key(section, object, key, sizeof(key));
    snprintf(path, sizeof(path), "%s.%s", key, below);
    diagnostics_add(checker->diagnostics, SEVERITY_WARNING, object->mark, path,
                    "there is no certificate resolver \"%.*s\": nothing is obtained",
                    SPAN_ARG(name));
}

static void check_router_service(struct checker *checker, struct model_router *router, bool tcp,
                                 const char *section)
{
    if (router->service.len == 0) {
        BREAK(checker, &router->object, SEVERITY_PROBLEM, section, "it names no service");
        return;
    }
    const struct model_service *service = find_service(checker, tcp, router->service);
    if (service == NULL)
        BREAK(checker, &router->object, SEVERITY_PROBLEM, section,
              "the service \"%.*s\" does not exist", SPAN_ARG(router->service));
    else if (service->object.problem.len > 0)
        BREAK(checker, &router->object, SEVERITY_WARNING, section, "service %.*s: %.*s",
              SPAN_ARG(router->service), SPAN_ARG(service->object.problem));
}

static void check_routers(struct checker *checker, struct model_router *routers, size_t count,
                          bool tcp)
{
    const char *section = tcp ? "tcp.routers" : "http.routers";
    for (size_t i = 0; i < count; i++) {
        check_entry_points(checker, &routers[i], section);
        if (routers[i].rule.len == 0)
            BREAK(checker, &routers[i].object, SEVERITY_PROBLEM, section, "it has no rule");
        check_router_middlewares(checker, &routers[i], tcp, section);
        check_router_tls(checker, &routers[i], section);
        check_resolver(checker, &routers[i].object, routers[i].tls.cert_resolver, section,
                       "tls.certResolver");
        check_router_service(checker, &routers[i], tcp, section);
    }
}

enum err dynamic_check_references(const struct model_static *model, struct model_dynamic *dynamic,
                                  struct diagnostics *diagnostics)
{
    struct checker checker = {model, dynamic, diagnostics, false};
    check_middlewares(&checker, dynamic->http_middlewares, dynamic->http_middleware_count,
                      "http.middlewares");
    check_middlewares(&checker, dynamic->tcp_middlewares, dynamic->tcp_middleware_count,
                      "tcp.middlewares");
    check_services(&checker);
    check_routers(&checker, dynamic->http_routers, dynamic->http_router_count, false);
    check_routers(&checker, dynamic->tcp_routers, dynamic->tcp_router_count, true);
    for (size_t i = 0; i < dynamic->tls_store_count; i++)
        check_resolver(&checker, &dynamic->tls_stores[i].object,
                       dynamic->tls_stores[i].generated_resolver, "tls.stores",
                       "defaultGeneratedCert.resolver");
    return checker.failed ? ERR_NOMEM : ERR_OK;
}
