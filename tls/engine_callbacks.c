/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What wolfSSL calls back: bytes in and out, session tickets, and the check of a
 * backend's certificate.
 *
 * A sealed ticket is wolfSSL's own state and one byte of ours behind it: how
 * often in a row this session was resumed. wolfSSL numbers the tickets of such a
 * chain with one byte and fails fatally when it runs out, so we refuse a ticket
 * before that and the client does a full handshake.
 */
#include <assert.h>

#include <wolfssl/wolfcrypt/error-crypt.h>

#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "tls/engine_private.h"
#include "tls/ocsp.h"
#include "tls/peer_name.h"

#define TICKET_CHAIN_MAX 250
#define TICKET_STATE_MAX 1024 /* more than any wolfSSL ticket has */

/* Follows the record headers in what wolfSSL takes. */
static void count_records(struct tls_engine *engine, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t piece = 1;
        if (engine->record_left > 0) {
            piece = len < engine->record_left ? len : engine->record_left;
            engine->record_left -= (uint32_t)piece;
        } else {
            engine->header[engine->header_have++] = *data;
        }
        if (engine->header_have == RECORD_HEADER_SIZE) {
            engine->header_have = 0;
            engine->record_left = (uint32_t)engine->header[3] << 8 | engine->header[4];
            engine->idle_records++;
        }
        data += piece;
        len -= piece;
    }
}

int tls_engine_receive_callback(WOLFSSL *ssl, char *data, int size, void *argument)
{
    struct tls_engine *engine = argument;
    struct span *input = engine->input;
    (void)ssl;
    assert(size >= 0);
    if (input == NULL || input->len == 0 || engine->idle_records > TLS_IDLE_RECORDS_MAX)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    size_t taken = (size_t)size < input->len ? (size_t)size : input->len;
    memcpy(data, input->ptr, taken);
    if (engine->established)
        count_records(engine, (const uint8_t *)data, taken);
    *input = span_skip(*input, taken);
    return (int)taken;
}

int tls_engine_send_callback(WOLFSSL *ssl, char *data, int size, void *argument)
{
    struct tls_engine *engine = argument;
    (void)ssl;
    assert(size >= 0);
    if (engine->exported)
        return tls_engine_keep_message(engine, (size_t)size) == ERR_OK ? size
                                                                       : WOLFSSL_CBIO_ERR_GENERAL;
    enum err error = ERR_LIMIT;
    if (engine->output != NULL && engine->refusal != 0)
        error = tls_engine_send_refusal(engine, engine->output);
    else if (engine->output != NULL)
        error = engine->has_writer
                    ? tls_engine_seal_again(engine, (size_t)size, engine->output)
                    : buf_append(engine->output, span_make(data, (size_t)size));
    engine->stuck = error != ERR_OK;
    if (error != ERR_OK) {
        engine->output_error = error;
        return WOLFSSL_CBIO_ERR_WANT_WRITE;
    }
    engine->emitted = true;
    return size;
}

int tls_engine_verify_callback(int ok, WOLFSSL_X509_STORE_CTX *store)
{
    struct tls_engine *engine = store->userCtx;
    if (!ok)
        return 0;
    if (store->error_depth > 0)
        return 1;
    struct span leaf = span_make(store->certs[0].buffer, store->certs[0].length);
    engine->peer_verified = peer_name_in_certificate(leaf, engine->server_name);
    engine->name_mismatch = !engine->peer_verified;
    return engine->peer_verified;
}

/* ---- signatures ---- */

static const struct rsa_signer *signer_of(WOLFSSL *ssl)
{
    const struct tls_engine *engine = wolfSSL_GetIOReadCtx(ssl);
    return engine->context->rsa_signer;
}

int tls_engine_rsa_callback(WOLFSSL *ssl, const unsigned char *digest_info, unsigned size,
                            unsigned char *out, unsigned *out_size, const unsigned char *key,
                            unsigned key_size, void *context)
{
    struct span text = span_make((const char *)digest_info, size);
    size_t length = *out_size;
    (void)key;
    (void)key_size;
    (void)context;
    if (rsa_signer_pkcs1(signer_of(ssl), text, out, &length) != ERR_OK)
        return RSA_BUFFER_E;
    *out_size = (unsigned)length;
    return 0;
}

int tls_engine_rsa_pss_callback(WOLFSSL *ssl, const unsigned char *digest, unsigned size,
                                unsigned char *out, unsigned *out_size, int hash, int mgf,
                                const unsigned char *key, unsigned key_size, void *context)
{
    struct span text = span_make((const char *)digest, size);
    size_t length = *out_size;
    (void)hash;
    (void)mgf;
    (void)key;
    (void)key_size;
    (void)context;
    if (rsa_signer_pss(signer_of(ssl), text, out, &length) != ERR_OK)
        return RSA_BUFFER_E;
    *out_size = (unsigned)length;
    return 0;
}

/* wolfSSL would verify the signature, against faults. libcrypto has done so: an RSA
 * operation by the Chinese remainder theorem is checked with the public exponent. */
int tls_engine_rsa_checked(WOLFSSL *ssl, unsigned char *signature, unsigned size,
                           unsigned char **out, const unsigned char *key, unsigned key_size,
                           void *context)
{
    (void)ssl;
    (void)signature;
    (void)size;
    (void)out;
    (void)key;
    (void)key_size;
    (void)context;
    return 0;
}

int tls_engine_rsa_pss_checked(WOLFSSL *ssl, unsigned char *signature, unsigned size,
                               unsigned char **out, int hash, int mgf, const unsigned char *key,
                               unsigned key_size, void *context)
{
    (void)hash;
    (void)mgf;
    return tls_engine_rsa_checked(ssl, signature, size, out, key, key_size, context);
}

/* ---- tickets ---- */

static int ticket_encrypt(struct tls_engine *engine, const struct ticket_pieces *pieces)
{
    const struct ticket_keys *keys = ticket_keys_current();
    if (keys == NULL)
        return WOLFSSL_TICKET_RET_FATAL;
    bool resumed = wolfSSL_session_reused(engine->wolfssl);
    pieces->bytes[pieces->len - 1] = resumed ? (uint8_t)(engine->ticket_chain + 1) : 0;
    if (ticket_seal_pieces(keys, &engine->context->binding, pieces) != ERR_OK)
        return WOLFSSL_TICKET_RET_FATAL;
    return WOLFSSL_TICKET_RET_OK;
}

static int ticket_decrypt(struct tls_engine *engine, const struct ticket_pieces *pieces)
{
    const struct ticket_keys *keys = ticket_keys_current();
    uint8_t plain[TICKET_STATE_MAX];
    bool old;
    if (keys == NULL || pieces->len < 2 || pieces->len > sizeof(plain) ||
        ticket_open_pieces(keys, &engine->context->binding, pieces, plain, &old) != ERR_OK)
        return WOLFSSL_TICKET_RET_REJECT;
    uint8_t chain = plain[pieces->len - 1];
    int result = WOLFSSL_TICKET_RET_REJECT;
    if (chain < TICKET_CHAIN_MAX) {
        /* The client may offer several and wolfSSL may take any: count for the worst. */
        if (chain > engine->ticket_chain)
            engine->ticket_chain = chain;
        memcpy(pieces->bytes, plain, pieces->len - 1);
        /* TLS 1.3 gives a new ticket with every resumption, and takes CREATE for a refusal. */
        bool renew = old && wolfSSL_version(engine->wolfssl) != TLS1_3_VERSION;
        result = renew ? WOLFSSL_TICKET_RET_CREATE : WOLFSSL_TICKET_RET_OK;
    }
    explicit_bzero(plain, sizeof(plain));
    return result;
}

int tls_engine_ticket_callback(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                               unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                               unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt,
                               unsigned char *ticket, int size, int *out_size, void *context)
{
    _Static_assert(WOLFSSL_TICKET_NAME_SZ == TICKET_NAME_SIZE, "the key name fills the field");
    _Static_assert(WOLFSSL_TICKET_IV_SZ >= TICKET_NONCE_SIZE, "the nonce fits");
    _Static_assert(WOLFSSL_TICKET_MAC_SZ >= TICKET_TAG_SIZE, "the tag fits");
    struct tls_engine *engine = wolfSSL_GetIOReadCtx(ssl);
    assert(engine->context == context && size > 0);
    struct ticket_pieces pieces = {
        .name = name,
        .nonce = iv,
        .tag = mac,
        .bytes = ticket,
        .len = (size_t)size + (encrypt ? 1 : 0),
    };
    int result = encrypt ? ticket_encrypt(engine, &pieces) : ticket_decrypt(engine, &pieces);
    if (result == WOLFSSL_TICKET_RET_OK || result == WOLFSSL_TICKET_RET_CREATE)
        *out_size = encrypt ? size + 1 : size - 1;
    return result;
}

/* The copy is wolfSSL's. A staple that has become stale meanwhile stays behind. */
int tls_engine_status_callback(WOLFSSL *ssl, void *argument)
{
    const struct cert *cert = argument;
    const struct ocsp_staple *staple = rcu_load(&cert->staple);
    if (staple == NULL || clock_wall_ns() / NS_PER_S >= staple->next_update_s)
        return WOLFSSL_OCSP_STATUS_CB_NOACK;
    unsigned char *copy = wolfSSL_Malloc(staple->len);
    if (copy == NULL)
        return WOLFSSL_OCSP_STATUS_CB_NOACK;
    memcpy(copy, staple->bytes, staple->len);
    if (wolfSSL_set_tlsext_status_ocsp_resp(ssl, copy, (int)staple->len) != WOLFSSL_SUCCESS) {
        wolfSSL_Free(copy);
        return WOLFSSL_OCSP_STATUS_CB_NOACK;
    }
    return WOLFSSL_OCSP_STATUS_CB_OK;
}
