/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything is checked here, once, on the control thread, so that making a
 * context cannot fail for a reason that the configuration could have told. The
 * identity is a hash over the finished fields; the name is not part of it:
 * equal options under two names agree on the same things.
 */
#include "tls/options.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/ssl.h>

#include "core/base/buf.h"
#include "tls/cipher_suites.h"
#include "tls/client_trust.h"
#include "tls/clienthello.h"
#include "tls/fingerprint.h"

#define GROUPS_MAX 10 /* WOLFSSL_MAX_GROUP_COUNT */

struct curve {
    const char *name;
    int group;
};

/* Go's names and Traefik's aliases. */
static const struct curve curves[] = {
    {"X25519", WOLFSSL_ECC_X25519},
    {"CurveP256", WOLFSSL_ECC_SECP256R1},
    {"CurveP384", WOLFSSL_ECC_SECP384R1},
    {"CurveP521", WOLFSSL_ECC_SECP521R1},
    {"X25519MLKEM768", WOLFSSL_X25519MLKEM768},
    {"SecP256r1MLKEM768", WOLFSSL_SECP256R1MLKEM768},
    {"SecP384r1MLKEM1024", WOLFSSL_SECP384R1MLKEM1024},
    {"secp256r1", WOLFSSL_ECC_SECP256R1},
    {"secp384r1", WOLFSSL_ECC_SECP384R1},
    {"secp521r1", WOLFSSL_ECC_SECP521R1},
};

/* The hybrid first: a client that offers a key share of it means it. One that
 * sends a share of X25519 alone is served with that, without a HelloRetryRequest. */
static const int default_groups[] = {WOLFSSL_X25519MLKEM768, WOLFSSL_ECC_X25519,
                                     WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};

static int curve_group(struct span name)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (span_equal_nocase(span_cstr(curves[i].name), name))
            return curves[i].group;
    return 0;
}

static bool groups_have(const struct tls_options *options, int group)
{
    for (size_t i = 0; i < options->group_count; i++)
        if (options->groups[i] == group)
            return true;
    return false;
}

static enum err options_set_groups(struct tls_options *options,
                                   const struct tls_options_config *config, struct err_text *why)
{
    options->groups = malloc(GROUPS_MAX * sizeof(options->groups[0]));
    if (options->groups == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    if (config->curve_count == 0) {
        memcpy(options->groups, default_groups, sizeof(default_groups));
        options->group_count = sizeof(default_groups) / sizeof(default_groups[0]);
        return ERR_OK;
    }
    for (size_t i = 0; i < config->curve_count; i++) {
        struct span name = config->curves[i];
        int group = curve_group(name);
        if (group == 0)
            return err_set(why, ERR_INVALID,
                           "unknown curve \"%.*s\"; known are X25519, CurveP256, CurveP384, "
                           "CurveP521, X25519MLKEM768, SecP256r1MLKEM768 and SecP384r1MLKEM1024",
                           (int)(name.len < 64 ? name.len : 64), name.ptr);
        if (!groups_have(options, group))
            options->groups[options->group_count++] = group;
    }
    return ERR_OK;
}

static enum err options_set_alpn(struct tls_options *options,
                                 const struct tls_options_config *config, struct err_text *why)
{
    if (config->alpn_count > TLS_OPTIONS_ALPN_MAX)
        return err_set(why, ERR_LIMIT, "%zu ALPN protocols; at most %d are possible",
                       config->alpn_count, TLS_OPTIONS_ALPN_MAX);
    for (size_t i = 0; i < config->alpn_count; i++) {
        struct span name = config->alpn[i];
        bool fits = name.len > 0 && name.len < sizeof(options->alpn[0]) &&
                    span_find(name, ',', 0) < 0 && memchr(name.ptr, '\0', name.len) == NULL;
        if (!fits)
            return err_set(why, ERR_INVALID,
                           "ALPN protocol \"%.*s\" must have 1 to %zu bytes and no comma",
                           (int)(name.len < 64 ? name.len : 64), name.ptr,
                           sizeof(options->alpn[0]) - 1);
        memcpy(options->alpn[i], name.ptr, name.len);
        options->alpn_count++;
    }
    return ERR_OK;
}

static enum err options_set_client_auth(struct tls_options *options,
                                        const struct tls_options_config *config,
                                        struct err_text *why)
{
    options->client_auth = config->client_auth;
    if (config->client_auth != TLS_CLIENT_AUTH_NONE)
        options->session_tickets = false;
    if (config->client_auth < TLS_CLIENT_AUTH_VERIFY_IF_GIVEN)
        return ERR_OK;
    if (config->client_ca_count == 0)
        return err_set(why, ERR_INVALID,
                       "clientAuth is to verify certificates and has no caFiles: name at least "
                       "one CA");
    return tls_client_trust_create(config->client_cas, config->client_ca_count, config->crls,
                                   &options->client_trust, why);
}

static enum err options_set_identity(struct tls_options *options)
{
    struct buf text;
    buf_init(&text, 4096);
    enum err error =
        buf_append_format(&text, "%d-%d %d%d %s %d %llx", options->min_version,
                          options->max_version, options->sni_strict, options->session_tickets,
                          options->cipher_list, (int)options->client_auth,
                          options->client_trust != NULL
                              ? (unsigned long long)tls_client_trust_digest(options->client_trust)
                              : 0ull);
    for (size_t i = 0; error == ERR_OK && i < options->group_count; i++)
        error = buf_append_format(&text, " %d", options->groups[i]);
    for (size_t i = 0; error == ERR_OK && i < options->alpn_count; i++)
        error = buf_append_format(&text, ",%s", options->alpn[i]);
    if (error == ERR_OK)
        options->identity = fingerprint_of("options", buf_span(&text));
    buf_finish(&text);
    return error;
}

static enum err options_fill(struct tls_options *options, const struct tls_options_config *config,
                             struct err_text *why)
{
    options->min_version = config->min_version;
    options->max_version = config->max_version;
    options->sni_strict = config->sni_strict;
    options->session_tickets = config->session_tickets;
    options->name = span_dup(config->name);
    if (options->name == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    TRY(tls_versions_check(&options->min_version, &options->max_version, why));
    TRY(cipher_suites_join(config->cipher_suites, config->cipher_suite_count,
                           options->min_version, options->max_version, &options->cipher_list,
                           why));
    options->http2_suites = cipher_suites_http2_bits(options->cipher_list);
    TRY(options_set_groups(options, config, why));
    TRY(options_set_alpn(options, config, why));
    TRY(options_set_client_auth(options, config, why));
    return options_set_identity(options);
}

enum err tls_options_create(const struct tls_options_config *config, struct tls_options **out,
                            struct err_text *why)
{
    struct tls_options *options = calloc(1, sizeof(*options));
    if (options == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    atomic_init(&options->references, 1);
    enum err error = options_fill(options, config, why);
    if (error != ERR_OK) {
        tls_options_unref(options);
        return error;
    }
    *out = options;
    return ERR_OK;
}

struct tls_options *tls_options_ref(struct tls_options *options)
{
    /* Relaxed: whoever takes a reference holds one already. */
    atomic_fetch_add_explicit(&options->references, 1, memory_order_relaxed);
    return options;
}

void tls_options_unref(struct tls_options *options)
{
    if (options == NULL)
        return;
    /* Acquire-release: all uses happen before the memory is freed. */
    uint32_t before = atomic_fetch_sub_explicit(&options->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    free(options->name);
    free(options->cipher_list);
    free(options->groups);
    tls_client_trust_destroy(options->client_trust);
    free(options);
}

uint16_t tls_options_version(const struct tls_options *options, const struct clienthello *hello)
{
    uint16_t best = 0;
    for (size_t i = 0; i < hello->version_count; i++) {
        uint16_t version = hello->versions[i];
        if (version >= options->min_version && version <= options->max_version && version > best)
            best = version;
    }
    return best;
}

/* In TLS 1.2 our first suite that the client knows is taken, and CBC comes last. */
static bool may_speak(const struct tls_options *options, const struct clienthello *hello,
                      bool rsa, const char *protocol)
{
    unsigned bits = rsa ? CIPHER_SUITES_HTTP2_RSA : CIPHER_SUITES_HTTP2_ECDSA;
    return strcmp(protocol, "h2") != 0 ||
           tls_options_version(options, hello) == TLS_VERSION_1_3 ||
           (options->http2_suites & hello->http2_suites & bits) != 0;
}

enum err tls_options_choose_alpn(const struct tls_options *options,
                                 const struct clienthello *hello, bool rsa, const char **out)
{
    if (!hello->has_alpn || options->alpn_count == 0) {
        *out = NULL;
        return ERR_OK;
    }
    for (size_t i = 0; i < options->alpn_count; i++) {
        const char *protocol = options->alpn[i];
        if (clienthello_offers_alpn(hello, protocol) && may_speak(options, hello, rsa, protocol)) {
            *out = protocol;
            return ERR_OK;
        }
    }
    return ERR_MISMATCH;
}
