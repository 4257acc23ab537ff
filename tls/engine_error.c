/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words for what went wrong: first what the peer told us by an alert, then what
 * we know better than wolfSSL, then the common failures in plain words, then
 * wolfSSL's own reason; and the alert that we sent.
 */
#include <stdio.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/alert.h"
#include "tls/engine_private.h"

struct reason {
    int error;
    const char *text;
};

static const struct reason reasons[] = {
    {MATCH_SUITE_ERROR, "no cipher suite in common"},
    {UNSUPPORTED_SUITE, "no cipher suite in common"},
    {VERSION_ERROR, "no TLS version in common"},
    {UNSUPPORTED_PROTO_VERSION, "no TLS version in common"},
    {ECC_CURVE_ERROR, "no curve in common"},
    {KEY_SHARE_ERROR, "no curve in common"},
    {BAD_KEY_SHARE_DATA, "no usable key share"},
    {UNKNOWN_ALPN_PROTOCOL_NAME_E, "no application protocol in common"},
    {UNKNOWN_RECORD_TYPE, "what came is not TLS"},
    {INVALID_PARAMETER, "an illegal parameter in the handshake"},
    {BUFFER_ERROR, "a malformed handshake message"},
    {DECODE_E, "a malformed handshake message"},
    {OUT_OF_ORDER_E, "a handshake message out of order"},
    {SANITY_MSG_E, "a handshake message out of order"},
    {DUPLICATE_MSG_E, "a handshake message twice"},
    {DECRYPT_ERROR, "a record that cannot be decrypted"},
    {VERIFY_MAC_ERROR, "a record that cannot be decrypted"},
    {AES_GCM_AUTH_E, "a record that cannot be decrypted"},
    {MAC_CMP_FAILED_E, "a record that cannot be decrypted"},
    {EMPTY_RECORD_LIMIT_E, "too many records in a row without data"},
    {BAD_BINDER, "the resumption binder is wrong"},
    {ASN_NO_SIGNER_E, "the certificate is signed by an unknown authority"},
    {ASN_SELF_SIGNED_E, "the certificate is self-signed and not among the trusted ones"},
    {ASN_AFTER_DATE_E, "the certificate is expired"},
    {ASN_BEFORE_DATE_E, "the certificate is not valid yet"},
    {ASN_SIG_CONFIRM_E, "the certificate's signature is wrong"},
    {EXTKEYUSE_AUTH_E, "the certificate is not meant for this use"},
    {NO_PEER_CERT, "no certificate came"},
    {MEMORY_E, "out of memory"},
    {MEMORY_ERROR, "out of memory"},
};

static const char *reason_text(int error)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].error == error)
            return reasons[i].text;
    return tls_wolfssl_reason(error);
}

static void explain_received(const char *peer, int description, struct err_text *why)
{
    const char *name = tls_alert_name(description);
    if (name != NULL)
        (void)err_set(why, ERR_TLS, "the %s %s (alert %s)", peer, tls_alert_meaning(description),
                      name);
    else
        (void)err_set(why, ERR_TLS, "the %s sent alert %d", peer, description);
}

void tls_engine_explain(const struct tls_engine *engine, struct err_text *why)
{
    const char *peer = engine->context->is_client ? "server" : "client";
    WOLFSSL_ALERT_HISTORY history = {{-1, 0}, {-1, 0}};
    wolfSSL_get_alert_history(engine->wolfssl, &history);
    if (engine->refusal != 0) {
        (void)err_set(why, ERR_TLS, "%s (we sent alert %s)",
                      engine->refusal_why != NULL ? engine->refusal_why->text : "",
                      tls_alert_name(engine->refusal));
        return;
    }
    if (engine->failure == FATAL_ERROR && history.last_rx.code >= 0) {
        explain_received(peer, history.last_rx.code, why);
        return;
    }
    char sent[64] = "";
    if (history.last_tx.level == alert_fatal) {
        const char *name = tls_alert_name(history.last_tx.code);
        snprintf(sent, sizeof(sent), " (we sent alert %s)", name != NULL ? name : "?");
    }
    if (engine->wants_new_keys)
        (void)err_set(why, ERR_TLS,
                      "the %s asks for new keys, which kernel TLS cannot change", peer);
    else if (engine->name_mismatch)
        (void)err_set(why, ERR_TLS, "the server's certificate is not for \"%s\"%s",
                      engine->server_name, sent);
    else
        (void)err_set(why, ERR_TLS, "%s%s", reason_text(engine->failure), sent);
}
