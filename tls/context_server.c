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
    if (wolfSSL_CTX_set_TicketEncCb(wolfssl, tls_engine_ticket_callback) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_TicketEncCtx(wolfssl, context) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_TicketHint(wolfssl, TICKET_LIFETIME_S) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_timeout(wolfssl, TICKET_LIFETIME_S) <= 0)
        return err_set(why, ERR_TLS, "wolfSSL refuses session tickets");
    return ERR_OK;
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
    TRY(tls_context_load_cert(context, context->cert, why));
    wolfSSL_CTX_set_verify(context->wolfssl, WOLFSSL_VERIFY_NONE, NULL);
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
