/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options whose identity did not change are taken over as the same object, so
 * that the TLS contexts made for them stay good.
 */
#include "core/control/build_tls.h"

#include "core/base/clock.h"
#include "core/control/client_cas.h"

#include <stdio.h>
#include <stdlib.h>

/* What only ACME's challenges speak (core/proxy/challenges.h) is never offered with a
 * certificate of the configuration, so that no client settles on it. */
static bool is_served_alpn(struct span protocol)
{
    return !span_equal(protocol, SPAN("acme-tls/1"));
}

static int wire_version(enum tls_version version)
{
    return version == TLS_VERSION_UNSET ? 0 : 0x0300 + (int)version;
}

static struct tls_options *take_over(const struct snapshot *previous, struct tls_options *fresh)
{
    for (size_t i = 0; previous != NULL && i < previous->tls_option_count; i++) {
        struct tls_options *old = previous->tls_options[i];
        if (old == NULL || old->identity != fresh->identity || strcmp(old->name, fresh->name) != 0)
            continue;
        tls_options_unref(fresh);
        return tls_options_ref(old);
    }
    return fresh;
}

/* Mozilla's guidelines: `modern` is TLS 1.3 alone; what `intermediate` asks for is
 * what our defaults are. Options that name a version of their own keep it. */
static int lowest_version(const struct build_context *context,
                          const struct model_tls_options *model)
{
    bool modern = context->settings->weir.tls_profile == TLS_PROFILE_MODERN;
    bool free = !model->min_version_set && (model->max_version == TLS_VERSION_UNSET ||
                                            model->max_version == TLS_VERSION_13);
    return wire_version(modern && free ? TLS_VERSION_13 : model->min_version);
}

static enum tls_client_auth client_auth_of(enum client_auth auth)
{
    switch (auth) {
    case CLIENT_AUTH_REQUEST:
        return TLS_CLIENT_AUTH_REQUEST;
    case CLIENT_AUTH_REQUIRE_ANY:
        return TLS_CLIENT_AUTH_REQUIRE_ANY;
    case CLIENT_AUTH_VERIFY_IF_GIVEN:
        return TLS_CLIENT_AUTH_VERIFY_IF_GIVEN;
    case CLIENT_AUTH_REQUIRE_AND_VERIFY:
        return TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY;
    default:
        return TLS_CLIENT_AUTH_NONE;
    }
}

static enum err make_options(const struct build_context *context,
                             const struct model_tls_options *model, struct crl_source *crls,
                             struct tls_options **out)
{
    struct span alpn[TLS_OPTIONS_ALPN_MAX];
    size_t alpn_count = 0;
    for (size_t i = 0; i < model->alpn.count && alpn_count < TLS_OPTIONS_ALPN_MAX; i++) {
        if (is_served_alpn(model->alpn.items[i]))
            alpn[alpn_count++] = model->alpn.items[i];
    }
    struct tls_options_config config = {
        .name = model->object.name,
        .min_version = lowest_version(context, model),
        .max_version = wire_version(model->max_version),
        .cipher_suites = model->cipher_suites.items,
        .cipher_suite_count = model->cipher_suites.count,
        .curves = model->curves.items,
        .curve_count = model->curves.count,
        .alpn = alpn,
        .alpn_count = alpn_count,
        .sni_strict = model->sni_strict,
        .session_tickets = !model->disable_session_tickets,
        .client_auth = client_auth_of(model->client_auth),
    };
    struct err_text why = {""};
    struct tls_options *options;
    struct client_cas cas = {0};
    enum err error = client_cas_read(model, crls, &cas, &why);
    config.client_cas = cas.pems;
    config.client_ca_count = cas.count;
    config.crls = cas.crls;
    if (error == ERR_OK)
        error = tls_options_create(&config, &options, &why);
    client_cas_finish(&cas);
    if (error == ERR_OK)
        *out = take_over(context->previous, options);
    else if (model->object.problem.len == 0)
        build_report(context, "tls.options", &model->object, why.text);
    return error;
}

/* The built-in `default`, also what a broken user-made `default` leaves. */
static enum err make_default_options(const struct build_context *context,
                                     struct crl_source *crls, struct tls_options **out)
{
    static struct span http1 = {"http/1.1", 8};
    struct model_tls_options model = {
        .object = {.name = SPAN("default")},
        .min_version = TLS_VERSION_12,
        .alpn = {&http1, 1},
    };
    return make_options(context, &model, crls, out);
}

static enum err make_all_options(const struct build_context *context, struct crl_source *crls,
                                 struct snapshot *snapshot)
{
    const struct model_dynamic *model = snapshot->model;
    snapshot->tls_options = calloc(model->tls_option_count + 1, sizeof(struct tls_options *));
    if (snapshot->tls_options == NULL)
        return ERR_NOMEM;
    snapshot->tls_option_count = 1;
    for (size_t i = 0; i < model->tls_option_count; i++) {
        const struct model_tls_options *item = &model->tls_options[i];
        struct tls_options *options = NULL;
        bool is_default = span_equal(item->object.name, SPAN("default"));
        enum err error = make_options(context, item, crls, &options);
        if (error == ERR_NOMEM)
            return error;
        if (is_default)
            snapshot->tls_options[0] = options;
        else if (options != NULL)
            snapshot->tls_options[snapshot->tls_option_count++] = options;
        if (is_default && options == NULL)
            return error; /* fail closed: nothing may be served under laxer rules */
    }
    if (snapshot->tls_options[0] != NULL)
        return ERR_OK;
    return make_default_options(context, crls, &snapshot->tls_options[0]);
}

enum err build_tls_options(const struct build_context *context, struct snapshot *snapshot)
{
    struct crl_source crls = {.files = &context->settings->weir.crl_files};
    enum err error = make_all_options(context, &crls, snapshot);
    crl_source_finish(&crls);
    return error;
}

/* ---- certificates ---- */

struct inherit_scope {
    const struct snapshot *snapshot;
};

/* A context stays good while its options object is still in use; contexts of
 * certificates that are gone are found by nobody and go with the table. */
static bool keeps_context(const struct cert *cert, const struct tls_options *options,
                          void *argument)
{
    const struct inherit_scope *scope = argument;
    (void)cert;
    for (size_t i = 0; i < scope->snapshot->tls_option_count; i++) {
        if (scope->snapshot->tls_options[i] == options)
            return atomic_load_explicit(&cert->references, memory_order_relaxed) > 1;
    }
    return false;
}

enum err build_certificates(const struct build_context *context, struct snapshot *snapshot,
                            struct err_text *why)
{
    const struct model_dynamic *model = snapshot->model;
    int64_t now_s = clock_wall_ns() / NS_PER_S;
    struct cert_set fallback;
    struct cert **certs = NULL;
    size_t count = 0, unused = 0;
    const struct snapshot *previous = context->previous;
    bool same_model = previous != NULL && previous->model == model;
    TRY(cert_store_collect(context->certs, model, same_model, now_s, &certs, &count));
    enum err error = cert_store_default(context->certs, model, now_s, &fallback, why);
    if (error == ERR_OK)
        error = cert_index_create(certs, count, &fallback, now_s,
                                  previous != NULL ? previous->certs : NULL, &unused,
                                  &snapshot->certs);
    free(certs);
    TRY(error);
    if (unused > 0)
        diagnostics_report(context->findings, SEVERITY_WARNING, (struct source_mark){"", 0, 0},
                           "tls.certificates", "%zu are not used, because an earlier one, or a "
                           "valid one, has the same names", unused);
    TRY(tls_context_table_create((count + 2) * snapshot->tls_option_count, &snapshot->contexts));
    struct inherit_scope scope = {snapshot};
    if (previous != NULL)
        tls_context_table_inherit(snapshot->contexts, previous->contexts, keeps_context, &scope);
    return ERR_OK;
}
