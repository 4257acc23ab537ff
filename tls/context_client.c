/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A context towards backends. The chain is checked by wolfSSL against the given
 * authorities or the system's bundle, the name by us in the verify callback;
 * both must pass before an engine calls the handshake complete.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "tls/cipher_suites.h"
#include "tls/context_private.h"

#define BUNDLE_MAX (16 << 20)

static const int client_groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1,
                                    WOLFSSL_ECC_SECP384R1, WOLFSSL_ECC_SECP521R1};

/* Where Debian, Fedora, openSUSE and Alpine keep the system's authorities. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static enum err file_read(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_from_errno(errno);
    enum err error = ERR_OK;
    for (size_t got = 1; got > 0 && error == ERR_OK;) {
        char *where;
        error = buf_reserve(out, 64 << 10, &where);
        got = error == ERR_OK ? fread(where, 1, 64 << 10, file) : 0;
        if (error == ERR_OK)
            buf_commit(out, got);
    }
    if (error == ERR_OK && ferror(file))
        error = ERR_IO;
    fclose(file);
    return error;
}

static enum err client_load_pem(struct tls_context *context, struct span pem, word32 flags,
                                struct err_text *why)
{
    int result = wolfSSL_CTX_load_verify_buffer_ex(context->wolfssl,
                                                   (const unsigned char *)pem.ptr, (long)pem.len,
                                                   WOLFSSL_FILETYPE_PEM, 0, flags);
    if (result != WOLFSSL_SUCCESS)
        return err_set(why, ERR_INVALID, "the root certificates cannot be used: %s",
                       tls_wolfssl_reason(result));
    return ERR_OK;
}

static enum err client_load_system(struct tls_context *context, struct err_text *why)
{
    const char *chosen = getenv("SSL_CERT_FILE");
    struct buf pem;
    buf_init(&pem, BUNDLE_MAX);
    enum err error = chosen != NULL ? file_read(chosen, &pem) : ERR_NOTFOUND;
    for (size_t i = 0; chosen == NULL && i < sizeof(bundles) / sizeof(bundles[0]); i++) {
        error = file_read(bundles[i], &pem);
        if (error == ERR_OK)
            break;
    }
    if (error == ERR_OK)
        /* The bundle is not ours: what wolfSSL cannot read in it is skipped. */
        error = client_load_pem(context, buf_span(&pem),
                                WOLFSSL_LOAD_FLAG_IGNORE_ERR | WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY,
                                why);
    else
        error = err_set(why, error,
                        "the system has no certificate bundle (%s: %s); install ca-certificates, "
                        "give rootCAs, or set SSL_CERT_FILE",
                        chosen != NULL ? chosen : bundles[0], err_message(error));
    buf_finish(&pem);
    return error;
}

static enum err client_load_roots(struct tls_context *context,
                                  const struct tls_client_config *config, struct err_text *why)
{
    if (config->root_ca_count == 0)
        return client_load_system(context, why);
    for (size_t i = 0; i < config->root_ca_count; i++)
        TRY(client_load_pem(context, config->root_cas[i], WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY, why));
    return ERR_OK;
}

static enum err client_set_alpn(struct tls_context *context,
                                const struct tls_client_config *config, struct err_text *why)
{
    struct buf list;
    buf_init(&list, 256);
    enum err error = ERR_OK;
    for (size_t i = 0; i < config->alpn_count && error == ERR_OK; i++)
        error = buf_append_format(&list, "%s%.*s", i ? "," : "", SPAN_ARG(config->alpn[i]));
    if (error == ERR_OK && buf_len(&list) > 0) {
        context->alpn = span_dup(buf_span(&list));
        if (context->alpn == NULL)
            error = ERR_NOMEM;
    }
    buf_finish(&list);
    return error == ERR_OK ? ERR_OK : err_set(why, error, "the ALPN protocols cannot be used");
}

static enum err client_fill(struct tls_context *context, const struct tls_client_config *config,
                            int min_version, int max_version, const char *cipher_list,
                            struct err_text *why)
{
    context->wolfssl = wolfSSL_CTX_new(tls_method(true, min_version, max_version));
    if (context->wolfssl == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    TRY(tls_context_configure(context, min_version, cipher_list, client_groups,
                              sizeof(client_groups) / sizeof(client_groups[0]), why));
    context->verify = !config->insecure_skip_verify;
    if (context->verify) {
        TRY(client_load_roots(context, config, why));
        wolfSSL_CTX_set_verify(context->wolfssl, WOLFSSL_VERIFY_PEER, tls_engine_verify_callback);
    } else {
        wolfSSL_CTX_set_verify(context->wolfssl, WOLFSSL_VERIFY_NONE, NULL);
    }
    if (config->client_cert != NULL)
        TRY(tls_context_load_cert(context, config->client_cert, why));
    return client_set_alpn(context, config, why);
}

enum err tls_client_context_create(const struct tls_client_config *config,
                                   struct tls_context **out, struct err_text *why)
{
    int min_version = config->min_version, max_version = config->max_version;
    char *cipher_list;
    TRY(tls_versions_check(&min_version, &max_version, why));
    TRY(cipher_suites_join(config->cipher_suites, config->cipher_suite_count, min_version,
                           max_version, &cipher_list, why));
    struct tls_context *context = tls_context_new(true);
    enum err error = context == NULL ? err_set(why, ERR_NOMEM, "out of memory")
                                     : client_fill(context, config, min_version, max_version,
                                                   cipher_list, why);
    free(cipher_list);
    if (error != ERR_OK) {
        tls_context_unref(context);
        return error;
    }
    *out = context;
    return ERR_OK;
}
