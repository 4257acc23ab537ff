/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TLS side is costly (the system's CA bundle), so it is made only for
 * transports that some https or tls server uses, and taken over from the
 * snapshot before when nothing that goes into it has changed.
 */
#include "core/control/build_transports.h"

#include "config/content.h"
#include "core/base/clock.h"
#include "core/base/hash.h"

#include <stdlib.h>

#define NO_LIMIT (-1)

/* The contents of a transport's files, read for one build. */
struct trust {
    struct span *roots;
    size_t root_count;
    struct cert *client_cert;
};

static void trust_finish(struct trust *trust)
{
    for (size_t i = 0; i < trust->root_count; i++)
        content_release(&trust->roots[i]);
    free(trust->roots);
    cert_unref(trust->client_cert);
}

static enum err read_client_cert(const struct model_certificate *model, struct cert **out,
                                 struct err_text *why)
{
    struct span cert, key;
    bool from_file;
    TRY(content_read(model->cert.value, &cert, &from_file, why));
    enum err error = content_read(model->key.value, &key, &from_file, why);
    if (error == ERR_OK) {
        error = cert_load(cert, key, out, why);
        content_release(&key);
    }
    content_release(&cert);
    return error;
}

static enum err trust_read(const struct model_servers_transport *model, struct trust *trust,
                           struct err_text *why)
{
    bool from_file;
    trust->roots = calloc(model->root_ca_count + 1, sizeof(struct span));
    if (trust->roots == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < model->root_ca_count; i++) {
        TRY(content_read(model->root_cas[i].value, &trust->roots[i], &from_file, why));
        trust->root_count = i + 1;
    }
    if (model->certificate_count > 0)
        TRY(read_client_cert(&model->certificates[0], &trust->client_cert, why));
    return ERR_OK;
}

static uint64_t digest_list(uint64_t digest, const struct span *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        digest = hash_span_salted(items[i], digest + 1);
    return digest;
}

/* Everything that decides how the TLS side behaves. */
static uint64_t digest_of(const struct model_servers_transport *model, const struct trust *trust,
                          bool http2)
{
    uint64_t numbers[4] = {
        (uint64_t)model->insecure_skip_verify << 1 | (uint64_t)http2,
        (uint64_t)model->min_version << 8 | (uint64_t)model->max_version,
        trust->client_cert != NULL ? trust->client_cert->digest : 0,
        trust->root_count,
    };
    uint64_t digest = hash_span(span_make(numbers, sizeof(numbers)));
    digest = digest_list(digest, trust->roots, trust->root_count);
    return digest_list(digest, model->cipher_suites.items, model->cipher_suites.count);
}

static struct tls_context *take_over(const struct upstream_transport *old, size_t count,
                                     uint64_t digest)
{
    for (size_t i = 0; i < count; i++) {
        if (old[i].tls != NULL && old[i].tls_digest == digest)
            return tls_context_ref(old[i].tls);
    }
    return NULL;
}

static int wire_version(enum tls_version version)
{
    return version == TLS_VERSION_UNSET ? 0 : 0x0300 + (int)version;
}

static enum err make_context(const struct model_servers_transport *model,
                             const struct trust *trust, bool http2,
                             struct tls_context **out, struct err_text *why)
{
    static const struct span protocols[] = {{"h2", 2}, {"http/1.1", 8}};
    size_t skip = http2 ? 0 : 1;
    struct tls_client_config config = {
        .insecure_skip_verify = model->insecure_skip_verify,
        .root_cas = trust->roots,
        .root_ca_count = trust->root_count,
        .client_cert = trust->client_cert,
        .min_version = wire_version(model->min_version),
        .max_version = wire_version(model->max_version),
        .cipher_suites = model->cipher_suites.items,
        .cipher_suite_count = model->cipher_suites.count,
        .alpn = protocols + skip,
        .alpn_count = 2 - skip,
    };
    return tls_client_context_create(&config, out, why);
}

/* The old transports that a context may be taken over from. */
struct predecessors {
    const struct upstream_transport *items;
    size_t count;
};

/* The default ones stand under keys of their own in the static configuration. */
static void report(const struct build_context *context, bool tcp, const struct model_object *object,
                   const char *why)
{
    const char *section = tcp ? "tcp.serversTransports" : "http.serversTransports";
    if (object->problem.len > 0)
        return;
    if (span_equal(object->provider, SPAN("internal")))
        diagnostics_report(context->findings, SEVERITY_PROBLEM, object->mark,
                           tcp ? "tcpServersTransport" : "serversTransport",
                           "is not served: %s", why);
    else
        build_report(context, section, object, why);
}

static void build_tls_side(const struct build_context *context,
                           const struct model_servers_transport *model,
                           struct predecessors old, struct upstream_transport *transport,
                           const struct model_object *object)
{
    struct trust trust = {0};
    struct err_text why = {""};
    enum err error = trust_read(model, &trust, &why);
    if (error == ERR_OK) {
        transport->tls_digest = digest_of(model, &trust, transport->http2);
        transport->tls = take_over(old.items, old.count, transport->tls_digest);
        if (transport->tls == NULL)
            error = make_context(model, &trust, transport->http2, &transport->tls, &why);
    }
    trust_finish(&trust);
    if (error == ERR_OK)
        return;
    const char *text = why.text[0] ? why.text : err_message(error);
    transport->problem = span_cstr(span_dup(span_cstr(text)));
    report(context, object != &model->object, object, text);
}

static bool uses_tls(const struct model_service *services, size_t count, struct span transport)
{
    for (size_t i = 0; i < count; i++) {
        if (!span_equal(services[i].servers_transport, transport))
            continue;
        for (size_t j = 0; j < services[i].server_count; j++) {
            const struct model_server *server = &services[i].servers[j];
            if (server->tls || span_starts_with(server->url, SPAN("https:")))
                return true;
        }
    }
    return false;
}

static void set_limits(const struct build_context *context,
                       const struct model_servers_transport *model,
                       struct upstream_transport *transport)
{
    transport->name = model->object.name;
    transport->server_name = model->server_name;
    transport->dial_timeout_ms = model->dial_timeout / NS_PER_MS;
    transport->response_header_timeout_ms = model->response_header_timeout / NS_PER_MS;
    transport->idle_timeout_ms = model->idle_conn_timeout / NS_PER_MS;
    transport->http2 = !model->disable_http2;
    transport->read_idle_timeout_ms = model->read_idle_timeout / NS_PER_MS;
    transport->ping_timeout_ms = model->ping_timeout / NS_PER_MS;
    transport->max_idle = (size_t)context->settings->weir.upstream_idle_per_server;
    if (model->max_idle_conns_per_host < 0)
        transport->max_idle = 0;
    else if (model->max_idle_conns_per_host > 0 &&
             (size_t)model->max_idle_conns_per_host < transport->max_idle)
        transport->max_idle = (size_t)model->max_idle_conns_per_host;
    transport->termination_delay_ms = NO_LIMIT;
}

static enum err build_http(const struct build_context *context, struct snapshot *snapshot)
{
    const struct model_dynamic *model = snapshot->model;
    const struct snapshot *previous = context->previous;
    struct predecessors old = {NULL, 0};
    if (previous != NULL)
        old = (struct predecessors){previous->transports, previous->transport_count};
    snapshot->transports = calloc(model->http_transport_count + 1, sizeof(*snapshot->transports));
    if (snapshot->transports == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < model->http_transport_count; i++) {
        const struct model_servers_transport *item = &model->http_transports[i];
        struct upstream_transport *transport = &snapshot->transports[i];
        snapshot->transport_count = i + 1;
        set_limits(context, item, transport);
        if (uses_tls(model->http_services, model->http_service_count, transport->name))
            build_tls_side(context, item, old, transport, &item->object);
    }
    return ERR_OK;
}

static void set_tcp_limits(const struct model_tcp_servers_transport *item,
                           struct upstream_transport *transport)
{
    transport->name = item->object.name;
    transport->http2 = false;
    transport->dial_timeout_ms = item->dial_timeout / NS_PER_MS;
    /* Nobody chose the default one's delay (docs/decisions/0022). */
    if (!span_equal(item->object.provider, SPAN("internal")))
        transport->termination_delay_ms = item->termination_delay / NS_PER_MS;
    transport->proxy_protocol = item->proxy_protocol;
}

static enum err build_tcp(const struct build_context *context, struct snapshot *snapshot)
{
    const struct model_dynamic *model = snapshot->model;
    const struct snapshot *previous = context->previous;
    struct predecessors old = {NULL, 0};
    if (previous != NULL)
        old = (struct predecessors){previous->tcp_transports, previous->tcp_transport_count};
    snapshot->tcp_transports =
        calloc(model->tcp_transport_count + 1, sizeof(*snapshot->tcp_transports));
    if (snapshot->tcp_transports == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < model->tcp_transport_count; i++) {
        const struct model_tcp_servers_transport *item = &model->tcp_transports[i];
        struct upstream_transport *transport = &snapshot->tcp_transports[i];
        snapshot->tcp_transport_count = i + 1;
        set_limits(context, &item->tls, transport);
        set_tcp_limits(item, transport);
        if (uses_tls(model->tcp_services, model->tcp_service_count, transport->name))
            build_tls_side(context, &item->tls, old, transport, &item->object);
    }
    return ERR_OK;
}

enum err build_transports(const struct build_context *context, struct snapshot *snapshot)
{
    TRY(build_http(context, snapshot));
    return build_tcp(context, snapshot);
}
