/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One certificate under one set of options. Tickets are bound to both: the
 * ticket callback gets the context and takes the binding from it.
 */
#include "tls/cipher_suites.h"
#include "tls/context_private.h"

static enum err server_enable_tickets(struct tls_context *context, struct err_text *why)
{
    WOLFSSL_CTX *wolfssl = context->wolfssl;
    /* Without UseSessionTicket a client of TLS 1.2 whose ticket is refused gets no new one. */
    if (wolfSSL_CTX_UseSessionTicket(wolfssl) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_TicketEncCb(wolfssl, tls_engine_ticket_callback) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_TicketEncCtx(wolfssl, context) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_TicketHint(wolfssl, TICKET_LIFETIME_S) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_timeout(wolfssl, TICKET_LIFETIME_S) <= 0)
        return err_set(why, ERR_TLS, "wolfSSL refuses session tickets");
    return ERR_OK;
}

/* Where there is no staple yet, the callback says so. */
static enum err server_enable_stapling(struct tls_context *context, struct err_text *why)
{
    if (context->cert->responder.len == 0)
        return ERR_OK;
    if (wolfSSL_CTX_EnableOCSPStapling(context->wolfssl) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_tlsext_status_cb(context->wolfssl, tls_engine_status_callback) !=
            WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_tlsext_status_arg(context->wolfssl, context->cert) != WOLFSSL_SUCCESS)
        return err_set(why, ERR_TLS, "wolfSSL refuses OCSP stapling");
    return ERR_OK;
}

static bool options_allow(const struct tls_options *options, int group)
{
    for (size_t i = 0; i < options->group_count; i++)
        if (options->groups[i] == group)
            return true;
    return false;
}

/*
 * In TLS 1.2 wolfSSL does not keep to the groups that were set, only to a
 * smallest size: it takes X25519 or P-256 as the client lists them, or the
 * smallest that is larger. Where just one of the two is allowed we ask for a
 * larger one if we can; the engine refuses what is not allowed in the end.
 */
static unsigned short smallest_group_bytes(const struct tls_options *options)
{
    bool x25519 = options_allow(options, WOLFSSL_ECC_X25519);
    bool p256 = options_allow(options, WOLFSSL_ECC_SECP256R1);
    if (x25519 && p256)
        return 32;
    if (options_allow(options, WOLFSSL_ECC_SECP384R1))
        return 48;
    if (options_allow(options, WOLFSSL_ECC_SECP521R1))
        return 66;
    return 32;
}

/* wolfSSL parses the key all the same, so that without a signer nothing is lost. */
static void server_sign_by_libcrypto(struct tls_context *context)
{
    const struct cert *cert = context->cert;
    if (cert->key_type != CERT_KEY_RSA ||
        rsa_signer_create(cert->key, &context->rsa_signer) != ERR_OK)
        return;
    wolfSSL_CTX_SetRsaSignCb(context->wolfssl, tls_engine_rsa_callback);
    wolfSSL_CTX_SetRsaSignCheckCb(context->wolfssl, tls_engine_rsa_checked);
    wolfSSL_CTX_SetRsaPssSignCb(context->wolfssl, tls_engine_rsa_pss_callback);
    wolfSSL_CTX_SetRsaPssSignCheckCb(context->wolfssl, tls_engine_rsa_pss_checked);
}

/* The context knows no authority: who may pass is decided in the callback. */
static void server_ask_client(struct tls_context *context)
{
    enum tls_client_auth auth = context->options->client_auth;
    bool required = auth == TLS_CLIENT_AUTH_REQUIRE_ANY ||
                    auth == TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY;
    int mode = WOLFSSL_VERIFY_PEER | (required ? WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    if (auth == TLS_CLIENT_AUTH_NONE)
        wolfSSL_CTX_set_verify(context->wolfssl, WOLFSSL_VERIFY_NONE, NULL);
    else
        wolfSSL_CTX_set_verify(context->wolfssl, mode, tls_engine_client_callback);
}

static enum err server_fill(struct tls_context *context, struct err_text *why)
{
    const struct tls_options *options = context->options;
    context->wolfssl =
        wolfSSL_CTX_new(tls_method(false, options->min_version, options->max_version));
    if (context->wolfssl == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    TRY(tls_context_configure(context, options->min_version, options->cipher_list, options->groups,
                              options->group_count, why));
    if (wolfSSL_CTX_SetTmpEC_DHE_Sz(context->wolfssl, smallest_group_bytes(options)) !=
        WOLFSSL_SUCCESS)
        return err_set(why, ERR_TLS, "wolfSSL refuses the curves");
    TRY(tls_context_load_cert(context, context->cert, why));
    server_sign_by_libcrypto(context);
    server_ask_client(context);
    TRY(server_enable_stapling(context, why));
    return options->session_tickets ? server_enable_tickets(context, why) : ERR_OK;
}

enum err tls_server_context_create(struct cert *cert, struct tls_options *options,
                                   struct tls_context **out, struct err_text *why)
{
    struct tls_context *context = tls_context_new(false);
    if (context == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    context->cert = cert_ref(cert);
    context->options = tls_options_ref(options);
    context->binding = (struct ticket_binding){cert->group, options->identity};
    enum err error = server_fill(context, why);
    if (error != ERR_OK) {
        tls_context_unref(context);
        return error;
    }
    *out = context;
    return ERR_OK;
}
