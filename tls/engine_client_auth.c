/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's look at its client's certificate. The context has no authorities, so
 * for wolfSSL every chain ends at an unknown one and our callback decides; nothing
 * of a chain is ever added to the context, which all workers share.
 *
 * wolfSSL's own choice of an alert follows the error that it knows. So when we
 * refuse, its alert's record is dropped and ours is sent in its place: plain in
 * TLS 1.2; in 1.3 sealed with the keys and the record number that wolfSSL used.
 */
#include <assert.h>
#include <stdlib.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "core/base/clock.h"
#include "tls/cert_key.h"
#include "tls/client_trust.h"
#include "tls/engine_private.h"
#include "tls/x509.h"

#define ALERT_RECORD_TYPE 21
#define APPLICATION_RECORD_TYPE 23
#define FATAL 2

/* ---- the alert ---- */

static enum err seal_alert(struct tls_engine *engine, const uint8_t nonce[GCM_NONCE_SIZE],
                           struct span header, struct span plain, char *out)
{
    WOLFSSL *wolfssl = engine->wolfssl;
    const byte *key = wolfSSL_GetServerWriteKey(wolfssl);
    if (wolfSSL_GetBulkCipher(wolfssl) == wolfssl_chacha)
        return wc_ChaCha20Poly1305_Encrypt(key, nonce, (const byte *)header.ptr,
                                           (word32)header.len, (const byte *)plain.ptr,
                                           (word32)plain.len, (byte *)out,
                                           (byte *)out + plain.len) == 0
                   ? ERR_OK
                   : ERR_TLS;
    struct gcm_key *gcm;
    TRY(gcm_key_create(key, (size_t)wolfSSL_GetKeySize(wolfssl), &gcm));
    enum err error = gcm_seal(gcm, nonce, header, &plain, 1, out);
    gcm_key_destroy(gcm);
    return error;
}

static enum err append_sealed_alert(struct tls_engine *engine, struct buf *output)
{
    const char plain[] = {FATAL, (char)engine->refusal, ALERT_RECORD_TYPE};
    const size_t sealed = sizeof(plain) + GCM_TAG_SIZE;
    const byte *iv = wolfSSL_GetServerWriteIV(engine->wolfssl);
    uint8_t nonce[GCM_NONCE_SIZE];
    char *record;
    TRY(buf_reserve(output, RECORD_HEADER_SIZE + sealed, &record));
    memcpy(record, (const char[]){APPLICATION_RECORD_TYPE, 3, 3, 0, (char)sealed},
           RECORD_HEADER_SIZE);
    memcpy(nonce, iv, GCM_NONCE_SIZE);
    for (int i = 0; i < 8; i++)
        nonce[GCM_NONCE_SIZE - 1 - i] ^= (uint8_t)(engine->alert_sequence >> (8 * i));
    TRY(seal_alert(engine, nonce, span_make(record, RECORD_HEADER_SIZE),
                   span_make(plain, sizeof(plain)), record + RECORD_HEADER_SIZE));
    buf_commit(output, RECORD_HEADER_SIZE + sealed);
    return ERR_OK;
}

enum err tls_engine_send_refusal(struct tls_engine *engine, struct buf *output)
{
    return wolfSSL_version(engine->wolfssl) == TLS1_3_VERSION
               ? append_sealed_alert(engine, output)
               : tls_alert_append(output, engine->refusal);
}

/* ---- the decision ---- */

static int refuse(struct tls_engine *engine, enum tls_alert alert, const char *why)
{
    engine->refusal = (uint8_t)alert;
    engine->refusal_why = malloc(sizeof(*engine->refusal_why));
    if (engine->refusal_why != NULL)
        (void)err_set(engine->refusal_why, ERR_TLS, "%s", why);
    /* Says that it failed when the number is 0. */
    (void)wolfSSL_GetSequenceNumber(engine->wolfssl, &engine->alert_sequence);
    return 0;
}

/* What wolfSSL finds where it knows no authority. */
static bool is_about_trust(int error)
{
    return error == ASN_NO_SIGNER_E || error == ASN_SELF_SIGNED_E;
}

static enum err keep(struct tls_engine *engine, const WOLFSSL_X509_STORE_CTX *store,
                     struct span certs[CLIENT_CERT_MAX], size_t *count)
{
    if (store->totalCerts < 1 || store->totalCerts > CLIENT_CERT_MAX)
        return ERR_LIMIT;
    *count = (size_t)store->totalCerts;
    for (size_t i = 0; i < *count; i++)
        certs[i] = span_make(store->certs[i].buffer, store->certs[i].length);
    return client_cert_create(certs, *count, &engine->client_cert);
}

/* wolfSSL verifies the client's signature with its key next, whatever that costs. */
static bool has_cheap_key(struct span certificate)
{
    struct x509 parsed;
    return x509_parse(certificate, &parsed, NULL) == ERR_OK &&
           cert_key_is_cheap(parsed.public_key);
}

static int look_at_leaf(struct tls_engine *engine, const WOLFSSL_X509_STORE_CTX *store)
{
    const struct tls_client_trust *trust = engine->context->options->client_trust;
    struct span certs[CLIENT_CERT_MAX];
    struct err_text why = {""};
    size_t count;
    enum err error = keep(engine, store, certs, &count);
    if (error != ERR_OK)
        return refuse(engine, error == ERR_NOMEM ? TLS_ALERT_INTERNAL_ERROR
                                                 : TLS_ALERT_BAD_CERTIFICATE,
                      err_message(error));
    if (!has_cheap_key(certs[0]))
        return refuse(engine, TLS_ALERT_BAD_CERTIFICATE,
                      "its RSA key has an exponent of more than 64 bits");
    if (trust == NULL)
        return 1;
    enum tls_alert alert =
        tls_client_trust_verify(trust, certs, count, clock_wall_ns() / NS_PER_S, &why);
    return alert == TLS_CLIENT_ACCEPTED ? 1 : refuse(engine, alert, why.text);
}

int tls_engine_client_callback(int ok, WOLFSSL_X509_STORE_CTX *store)
{
    struct tls_engine *engine = store->userCtx;
    if (store->totalCerts == 0) /* whether that may be, wolfSSL decides by the mode */
        return ok;
    if (engine->refusal != 0)
        return 0;
    if (!ok && !is_about_trust(store->error))
        return refuse(engine, TLS_ALERT_BAD_CERTIFICATE, tls_wolfssl_reason(store->error));
    /* Called for the leaf a second time when everything else about it is right. */
    if (store->error_depth > 0 || engine->client_cert != NULL)
        return 1;
    return look_at_leaf(engine, store);
}

/* ---- what became of it ---- */

const struct client_cert *tls_engine_client_cert(const struct tls_engine *engine)
{
    return engine->established ? engine->client_cert : NULL;
}

bool tls_engine_client_refused(const struct tls_engine *engine, const char **subject)
{
    bool none = !engine->context->is_client && engine->failure == NO_PEER_CERT;
    if (engine->refusal == 0 && !none)
        return false;
    *subject = engine->client_cert != NULL ? engine->client_cert->subject : "";
    return true;
}

void tls_engine_forget_client(struct tls_engine *engine)
{
    client_cert_destroy(engine->client_cert);
    free(engine->refusal_why);
}
