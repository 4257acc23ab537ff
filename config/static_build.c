/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decodes, then applies the rules that span several keys: an entry point needs
 * an address, without any there is `http` on :80, and `traefik` on :8080 is
 * added for the insecure API and for ping. Names of other entry points are
 * checked. The arrays stay sorted by name.
 */
#include "config/static_build.h"

#include "core/base/clock.h"

#include "config/convert.h"
#include "config/decode.h"
#include "config/schema_tables.h"

#include <stdlib.h>

#define MODEL_MEMORY (256u << 20)

static int compare_names(const void *a, const void *b)
{
    const struct model_object *left = a, *right = b;
    return span_compare(left->name, right->name);
}

/* Adds an entry point that the operator did not write. */
static enum err add_entry_point(struct model_static *model, const char *name, const char *address)
{
    struct model_entry_point *points =
        ARENA_ARRAY(&model->arena, struct model_entry_point, model->entry_point_count + 1);
    if (points == NULL)
        return ERR_NOMEM;
    if (model->entry_point_count > 0)
        memcpy(points, model->entry_points, model->entry_point_count * sizeof(*points));
    struct model_entry_point *added = &points[model->entry_point_count];
    TRY(decode_defaults(&model->arena, schema_entry_point, added));
    added->object = (struct model_object){.name = span_cstr(name), .mark = {"", 0, 0}};
    added->address = span_cstr(address);
    TRY(convert_address(added->address, &added->host, &added->port, &added->udp));
    model->entry_points = points;
    model->entry_point_count++;
    qsort(points, model->entry_point_count, sizeof(*points), compare_names);
    return ERR_OK;
}

static bool wants_traefik(const struct model_static *model)
{
    bool ping = model->has_ping && !model->ping_manual_routing &&
                span_equal(model->ping_entry_point, SPAN("traefik"));
    const struct model_prometheus *metrics = &model->prometheus;
    bool scraped = metrics->enabled && !metrics->manual_routing &&
                   span_equal(metrics->entry_point, SPAN("traefik"));
    return ping || scraped || (model->has_api && model->api_insecure);
}

static enum err complete_entry_points(struct model_static *model)
{
    if (model->entry_point_count == 0)
        TRY(add_entry_point(model, "http", ":80"));
    if (wants_traefik(model) && model_entry_point(model, SPAN("traefik")) == NULL)
        TRY(add_entry_point(model, "traefik", ":8080"));
    return ERR_OK;
}

static void check_redirect(const struct model_static *model, const struct model_entry_point *point,
                           struct diagnostics *diagnostics)
{
    uint64_t port;
    char key[128];
    snprintf(key, sizeof(key), "entryPoints.%.*s.http.redirections.entryPoint.to",
             SPAN_ARG(point->object.name));
    struct span to = point->redirect_to;
    const struct model_entry_point *target = model_entry_point(model, to);
    if (to.len == 0)
        diagnostics_add(diagnostics, SEVERITY_ERROR, point->object.mark, key,
                        "is missing; write an entry point or a port, for example websecure "
                        "or :443");
    else if (to.ptr[0] == ':') {
        if (!span_to_u64(span_skip(to, 1), &port) || port == 0 || port > 65535)
            diagnostics_add(diagnostics, SEVERITY_ERROR, point->object.mark, key,
                            "\"%.*s\" is no port", SPAN_ARG(to));
    } else if (target == NULL) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, point->object.mark, key,
                        "there is no entry point \"%.*s\"", SPAN_ARG(to));
    } else if (target->udp) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, point->object.mark, key,
                        "the entry point \"%.*s\" is UDP", SPAN_ARG(to));
    }
}

static bool is_any_host(struct span host)
{
    return host.len == 0 || span_equal(host, SPAN("::"));
}

/* Every worker listens with SO_REUSEPORT, so the kernel would not refuse the
 * second: it would hand out connections to both by chance. */
static bool same_socket(const struct model_entry_point *a, const struct model_entry_point *b)
{
    return a->port != 0 && a->port == b->port && a->udp == b->udp &&
           ((is_any_host(a->host) && is_any_host(b->host)) ||
            span_equal_nocase(a->host, b->host)) &&
           !(a->reuse_port && b->reuse_port);
}

static void check_sockets(const struct model_static *model, size_t i,
                          struct diagnostics *diagnostics)
{
    const struct model_entry_point *point = &model->entry_points[i];
    char key[128];
    snprintf(key, sizeof(key), "entryPoints.%.*s.address", SPAN_ARG(point->object.name));
    for (size_t j = 0; j < i; j++) {
        const struct model_entry_point *other = &model->entry_points[j];
        if (same_socket(point, other))
            diagnostics_add(diagnostics, SEVERITY_ERROR,
                            point->object.mark.line > 0 ? point->object.mark : other->object.mark,
                            key, "\"%.*s\" is the address of the entry point \"%.*s\" already; "
                            "choose another port", SPAN_ARG(point->address),
                            SPAN_ARG(other->object.name));
    }
}

static void check_entry_points(const struct model_static *model, struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < model->entry_point_count; i++) {
        const struct model_entry_point *point = &model->entry_points[i];
        char key[128];
        snprintf(key, sizeof(key), "entryPoints.%.*s", SPAN_ARG(point->object.name));
        if (point->address.len == 0)
            diagnostics_add(diagnostics, SEVERITY_ERROR, point->object.mark, key,
                            "has no address; write for example address: \":443\"");
        if (point->has_redirect)
            check_redirect(model, point, diagnostics);
        check_sockets(model, i, diagnostics);
    }
}

static struct source_mark mark_at(const struct node *root, const char *section)
{
    const struct node *node = node_get(root, section);
    return node != NULL ? node->mark : (struct source_mark){"", 0, 0};
}

static void check_rest(const struct model_static *model, const struct node *root,
                       struct diagnostics *diagnostics)
{
    if (model->has_ping && !model->ping_manual_routing &&
        model_entry_point(model, model->ping_entry_point) == NULL)
        diagnostics_add(diagnostics, SEVERITY_ERROR, mark_at(root, "ping"), "ping.entryPoint",
                        "there is no entry point \"%.*s\"", SPAN_ARG(model->ping_entry_point));
    const struct model_prometheus *metrics = &model->prometheus;
    if (metrics->enabled && !metrics->manual_routing &&
        model_entry_point(model, metrics->entry_point) == NULL)
        diagnostics_add(diagnostics, SEVERITY_ERROR, mark_at(root, "metrics"),
                        "metrics.prometheus.entryPoint", "there is no entry point \"%.*s\"",
                        SPAN_ARG(metrics->entry_point));
    struct source_mark file = mark_at(node_get(root, "providers"), "file");
    if (model->has_file_provider && model->file_name.len == 0 && model->file_directory.len == 0)
        diagnostics_add(diagnostics, SEVERITY_ERROR, file, "providers.file",
                        "needs a filename or a directory");
    if (model->file_name.len > 0 && model->file_directory.len > 0)
        diagnostics_add(diagnostics, SEVERITY_WARNING, file, "providers.file",
                        "has a directory and a filename; the directory is used");
    if (model->has_api && (model->api_base_path.len == 0 || model->api_base_path.ptr[0] != '/'))
        diagnostics_add(diagnostics, SEVERITY_ERROR, mark_at(root, "api"), "api.basePath",
                        "must begin with a slash");
}

static const struct model_entry_point *challenge_entry(const struct model_static *model,
                                                       const struct model_acme *acme)
{
    return acme->has_http ? model_entry_point(model, acme->http_entry_point) : NULL;
}

static enum model_dns_provider dns_provider(struct span name)
{
    static const char *const names[] = {[MODEL_DNS_EXEC] = "exec",
                                        [MODEL_DNS_HTTPREQ] = "httpreq",
                                        [MODEL_DNS_RFC2136] = "rfc2136"};
    for (size_t i = MODEL_DNS_EXEC; i <= MODEL_DNS_RFC2136; i++)
        if (span_equal(name, span_cstr(names[i])))
            return (enum model_dns_provider)i;
    return MODEL_DNS_UNKNOWN;
}

static void settle_dns(struct model_acme *acme)
{
    acme->dns_provider_kind = dns_provider(acme->dns_provider);
    acme->dns_disable_checks |= acme->dns_disable_checks_former;
    if (acme->dns_delay == 0)
        acme->dns_delay = acme->dns_delay_former;
}

/* Why nothing can be obtained through the resolver; NULL: nothing is wrong. */
static const char *resolver_problem(const struct model_static *model,
                                    const struct model_resolver *resolver)
{
    const struct model_acme *acme = &resolver->acme;
    if (!resolver->has_acme)
        return "only ACME resolvers are supported";
    if (acme->storage.len == 0)
        return "it has no storage for the certificates; write for example storage: acme.json";
    if (acme->has_http && challenge_entry(model, acme) == NULL)
        return "httpChallenge.entryPoint names no entry point; it is the one that listens on "
               "port 80";
    if (acme->has_dns && acme->dns_provider_kind == MODEL_DNS_UNKNOWN)
        return "dnsChallenge.provider is none of those that there are: exec, httpreq and rfc2136";
    if (acme->has_http || acme->has_tls || acme->has_dns)
        return NULL;
    return "it has no challenge; write for example tlsChallenge: {}";
}

static void check_resolvers(struct model_static *model, struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < model->resolver_count; i++) {
        struct model_resolver *resolver = &model->resolvers[i];
        settle_dns(&resolver->acme);
        const char *why = resolver_problem(model, resolver);
        char key[160];
        if (why == NULL)
            continue;
        resolver->object.problem = span_cstr(why);
        snprintf(key, sizeof(key), "certificatesResolvers.%.*s", SPAN_ARG(resolver->object.name));
        diagnostics_add(diagnostics, SEVERITY_WARNING, resolver->object.mark, key,
                        "obtains nothing: %s", why);
    }
}

static void name_transports(struct model_static *model)
{
    struct model_object object = {
        .name = SPAN("default@internal"), .provider = SPAN("internal"), .mark = {"", 0, 0}};
    struct span problem = model->default_transport.object.problem;
    struct span tcp_problem = model->default_tcp_transport.tls.object.problem;
    model->default_transport.object = object;
    model->default_transport.object.problem = problem;
    model->default_tcp_transport.object = object;
    model->default_tcp_transport.object.problem = tcp_problem;
}

/* The default of the schema's row, which keeps no numbers. */
static void default_buckets(struct model_prometheus *prometheus)
{
    static const int64_t bounds[] = {NS_PER_S / 10, 3 * NS_PER_S / 10, 12 * NS_PER_S / 10,
                                     5 * NS_PER_S};
    prometheus->bucket_count = sizeof(bounds) / sizeof(bounds[0]);
    memcpy(prometheus->buckets_ns, bounds, sizeof(bounds));
}

static enum err fill(struct model_static *model, const struct node *root, struct span source,
                     struct diagnostics *diagnostics)
{
    TRY(decode_defaults(&model->arena, schema_static, model));
    model->access_log.fields_default_keep = true;
    default_buckets(&model->prometheus);
    model->source = arena_span(&model->arena, source);
    if (model->source.ptr == NULL)
        return ERR_NOMEM;
    struct decoder decoder = {.arena = &model->arena, .diagnostics = diagnostics};
    TRY(decode_root(&decoder, schema_static, root, model));
    name_transports(model);
    TRY(complete_entry_points(model));
    check_entry_points(model, diagnostics);
    check_rest(model, root, diagnostics);
    check_resolvers(model, diagnostics);
    return diagnostics->errors > 0 ? ERR_INVALID : ERR_OK;
}

enum err static_build(const struct node *root, struct span source,
                      struct diagnostics *diagnostics, struct model_static **out)
{
    struct arena arena;
    arena_init(&arena, 16384, MODEL_MEMORY);
    struct model_static *model = ARENA_NEW(&arena, struct model_static);
    if (model == NULL) {
        arena_finish(&arena);
        return ERR_NOMEM;
    }
    model->arena = arena;
    enum err error = fill(model, root, source, diagnostics);
    if (error == ERR_OK)
        *out = model;
    else
        model_static_destroy(model);
    return error;
}
