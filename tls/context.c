/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What servers' and clients' contexts have in common: reference counts, and the
 * settings that make a WOLFSSL_CTX ours. A context's own count decides when it
 * dies; wolfSSL's count inside keeps the WOLFSSL_CTX while engines use it.
 */
#include "tls/context.h"

#include <assert.h>
#include <stdlib.h>

#include "tls/cipher_suites.h"
#include "tls/context_private.h"

struct tls_context *tls_context_new(bool is_client)
{
    struct tls_context *context = calloc(1, sizeof(*context));
    if (context == NULL)
        return NULL;
    atomic_init(&context->references, 1);
    context->is_client = is_client;
    return context;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    /* Relaxed: whoever takes a reference holds one already. */
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tls_context_unref(struct tls_context *context)
{
    if (context == NULL)
        return;
    /* Acquire-release: all uses happen before the memory is freed. */
    uint32_t before = atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    wolfSSL_CTX_free(context->wolfssl);
    rsa_signer_destroy(context->rsa_signer);
    cert_unref(context->cert);
    tls_options_unref(context->options);
    free(context->alpn);
    free(context);
}

WOLFSSL_METHOD *tls_method(bool is_client, int min_version, int max_version)
{
    if (min_version == TLS_VERSION_1_3)
        return is_client ? wolfTLSv1_3_client_method() : wolfTLSv1_3_server_method();
    if (max_version == TLS_VERSION_1_2)
        return is_client ? wolfTLSv1_2_client_method() : wolfTLSv1_2_server_method();
    return is_client ? wolfTLS_client_method() : wolfTLS_server_method();
}

enum err tls_context_configure(struct tls_context *context, int min_version,
                               const char *cipher_list, const int *groups, size_t group_count,
                               struct err_text *why)
{
    WOLFSSL_CTX *wolfssl = context->wolfssl;
    int lowest = min_version == TLS_VERSION_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2;
    if (wolfSSL_CTX_SetMinVersion(wolfssl, lowest) != WOLFSSL_SUCCESS)
        return err_set(why, ERR_TLS, "wolfSSL refuses the TLS version");
    if (wolfSSL_CTX_set_cipher_list(wolfssl, cipher_list) != WOLFSSL_SUCCESS)
        return err_set(why, ERR_TLS, "wolfSSL refuses the cipher suites %s", cipher_list);
    if (wolfSSL_CTX_set_groups(wolfssl, (int *)(uintptr_t)groups, (int)group_count) !=
        WOLFSSL_SUCCESS)
        return err_set(why, ERR_TLS, "wolfSSL refuses the curves");
    wolfSSL_CTX_set_session_cache_mode(wolfssl, WOLFSSL_SESS_CACHE_OFF);
    wolfSSL_CTX_set_group_messages(wolfssl);
    wolfSSL_CTX_SetIORecv(wolfssl, tls_engine_receive_callback);
    wolfSSL_CTX_SetIOSend(wolfssl, tls_engine_send_callback);
    return ERR_OK;
}

enum err tls_context_load_cert(struct tls_context *context, const struct cert *cert,
                               struct err_text *why)
{
    int result = wolfSSL_CTX_use_certificate_chain_buffer_format(
        context->wolfssl, (const unsigned char *)cert->chain.ptr, (long)cert->chain.len,
        WOLFSSL_FILETYPE_ASN1);
    if (result != WOLFSSL_SUCCESS)
        return err_set(why, ERR_TLS, "certificate for %.*s cannot be used: %s",
                       (int)(cert->store_key.len < 128 ? cert->store_key.len : 128),
                       cert->store_key.ptr, tls_wolfssl_reason(result));
    result = wolfSSL_CTX_use_PrivateKey_buffer(context->wolfssl,
                                               (const unsigned char *)cert->key.ptr,
                                               (long)cert->key.len, WOLFSSL_FILETYPE_ASN1);
    if (result != WOLFSSL_SUCCESS)
        return err_set(why, ERR_TLS, "the key of the certificate for %.*s cannot be used: %s",
                       (int)(cert->store_key.len < 128 ? cert->store_key.len : 128),
                       cert->store_key.ptr, tls_wolfssl_reason(result));
    return ERR_OK;
}
