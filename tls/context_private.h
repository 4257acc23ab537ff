/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a context is made of: for the files tls/context_*.c and tls/engine*.c
 * only. Everything here is immutable once the context has been published.
 */
#ifndef WEIR_TLS_CONTEXT_PRIVATE_H
#define WEIR_TLS_CONTEXT_PRIVATE_H

#include <wolfssl/ssl.h>

#include "tls/context.h"
#include "tls/rsa_signer.h"
#include "tls/ticket.h"

struct tls_context {
    _Atomic uint32_t references;
    WOLFSSL_CTX *wolfssl;
    bool is_client;
    /* Server. */
    struct cert *cert;
    struct tls_options *options;
    struct ticket_binding binding;
    struct rsa_signer *rsa_signer; /* NULL: wolfSSL signs */
    /* Client. */
    bool verify;
    char *alpn; /* joined with ','; NULL: none is offered */
};

/* An empty context with one reference, or NULL. tls_context_unref frees it at
 * any stage of being filled. */
struct tls_context *tls_context_new(bool is_client);

/* "unknown_ca …" of a wolfSSL result, for err_text. */
const char *tls_wolfssl_reason(int result);

/* The method for the versions, which tls_versions_check has seen. */
WOLFSSL_METHOD *tls_method(bool is_client, int min_version, int max_version);

/* The settings that both sides share: versions, suites, groups, I/O callbacks,
 * no session cache. */
MUST_USE enum err tls_context_configure(struct tls_context *context, int min_version,
                                        const char *cipher_list, const int *groups,
                                        size_t group_count, struct err_text *why);

MUST_USE enum err tls_context_load_cert(struct tls_context *context, const struct cert *cert,
                                        struct err_text *why);

/* A fresh server context, not in any table. */

/* ---- in engine*.c, called by wolfSSL ---- */
int tls_engine_receive_callback(WOLFSSL *ssl, char *data, int size, void *engine);
int tls_engine_send_callback(WOLFSSL *ssl, char *data, int size, void *engine);
int tls_engine_verify_callback(int ok, WOLFSSL_X509_STORE_CTX *store);
int tls_engine_rsa_callback(WOLFSSL *ssl, const unsigned char *digest_info, unsigned size,
                            unsigned char *out, unsigned *out_size, const unsigned char *key,
                            unsigned key_size, void *context);
int tls_engine_rsa_pss_callback(WOLFSSL *ssl, const unsigned char *digest, unsigned size,
                                unsigned char *out, unsigned *out_size, int hash, int mgf,
                                const unsigned char *key, unsigned key_size, void *context);
int tls_engine_rsa_checked(WOLFSSL *ssl, unsigned char *signature, unsigned size,
                           unsigned char **out, const unsigned char *key, unsigned key_size,
                           void *context);
int tls_engine_rsa_pss_checked(WOLFSSL *ssl, unsigned char *signature, unsigned size,
                               unsigned char **out, int hash, int mgf, const unsigned char *key,
                               unsigned key_size, void *context);
int tls_engine_client_callback(int ok, WOLFSSL_X509_STORE_CTX *store);
int tls_engine_status_callback(WOLFSSL *ssl, void *cert);
int tls_engine_ticket_callback(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                               unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                               unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt,
                               unsigned char *ticket, int size, int *out_size, void *context);

#endif
