/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wolfSSL makes the key and writes and signs the certificate; the dates are
 * written by us, so that the caller's clock counts. What comes out goes
 * through the same checks as a loaded certificate.
 */
#include "tls/selfsigned.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/rsa.h>

#define VALID_S (365 * 24 * 3600)
#define BACKDATE_S 3600 /* clients' clocks may be slow */
#define RSA_BITS 2048
#define DER_MAX 4096
#define TAG_UTC_TIME 0x17
#define TAG_GENERALIZED_TIME 0x18
#define YEAR_UTC_TIME_ENDS 2050 /* RFC 5280 §4.1.2.5 */

struct maker {
    WC_RNG rng;
    ecc_key ecc;
    RsaKey rsa;
    bool is_rsa;
    uint8_t chain[DER_MAX], key[DER_MAX];
    int chain_len, key_len;
};

/* A Time with its header. Returns its size. */
static int write_time(int64_t unix_s, uint8_t *out, size_t cap)
{
    time_t seconds = (time_t)unix_s;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    int year = parts.tm_year + 1900;
    bool utc = year < YEAR_UTC_TIME_ENDS;
    int len = snprintf((char *)out + 2, cap - 2, "%0*d%02d%02d%02d%02d%02dZ", utc ? 2 : 4,
                       utc ? year % 100 : year, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                       parts.tm_min, parts.tm_sec);
    assert(len > 0 && (size_t)len + 2 < cap);
    out[0] = utc ? TAG_UTC_TIME : TAG_GENERALIZED_TIME;
    out[1] = (uint8_t)len;
    return len + 2;
}

static int make_key(struct maker *maker)
{
    if (maker->is_rsa) {
        int result = wc_MakeRsaKey(&maker->rsa, RSA_BITS, WC_RSA_EXPONENT, &maker->rng);
        if (result != 0)
            return result;
        return maker->key_len = wc_RsaKeyToDer(&maker->rsa, maker->key, sizeof(maker->key));
    }
    int result = wc_ecc_make_key_ex(&maker->rng, 32, &maker->ecc, ECC_SECP256R1);
    if (result != 0)
        return result;
    return maker->key_len = wc_EccKeyToDer(&maker->ecc, maker->key, sizeof(maker->key));
}

static int make_cert(struct maker *maker, Cert *cert, int64_t now_s)
{
    RsaKey *rsa = maker->is_rsa ? &maker->rsa : NULL;
    ecc_key *ecc = maker->is_rsa ? NULL : &maker->ecc;
    int result = wc_InitCert(cert);
    if (result != 0)
        return result;
    snprintf(cert->subject.commonName, sizeof(cert->subject.commonName), "%s",
             SELFSIGNED_COMMON_NAME);
    cert->sigType = maker->is_rsa ? CTC_SHA256wRSA : CTC_SHA256wECDSA;
    cert->beforeDateSz =
        write_time(now_s - BACKDATE_S, cert->beforeDate, sizeof(cert->beforeDate));
    cert->afterDateSz = write_time(now_s + VALID_S, cert->afterDate, sizeof(cert->afterDate));
    if ((result = wc_SetKeyUsage(cert, "digitalSignature")) != 0 ||
        (result = wc_SetExtKeyUsage(cert, "serverAuth")) != 0)
        return result;
    result = wc_MakeCert(cert, maker->chain, sizeof(maker->chain), rsa, ecc, &maker->rng);
    if (result < 0)
        return result;
    return maker->chain_len = wc_SignCert(cert->bodySz, cert->sigType, maker->chain,
                                          sizeof(maker->chain), rsa, ecc, &maker->rng);
}

static int make(struct maker *maker, int64_t now_s)
{
    Cert *cert = malloc(sizeof(*cert)); /* tens of kilobytes */
    if (cert == NULL)
        return MEMORY_E;
    int result = make_key(maker);
    if (result > 0)
        result = make_cert(maker, cert, now_s);
    free(cert);
    return result;
}

static int run(struct maker *maker, int64_t now_s)
{
    int result = wc_InitRng(&maker->rng);
    if (result != 0)
        return result;
    result = maker->is_rsa ? wc_InitRsaKey(&maker->rsa, NULL) : wc_ecc_init(&maker->ecc);
    if (result == 0) {
        result = make(maker, now_s);
        if (maker->is_rsa)
            wc_FreeRsaKey(&maker->rsa);
        else
            wc_ecc_free(&maker->ecc);
    }
    wc_FreeRng(&maker->rng);
    return result;
}

enum err selfsigned_create(enum cert_key_type key_type, int64_t now_s, struct cert **out,
                           struct err_text *why)
{
    assert(key_type == CERT_KEY_RSA || key_type == CERT_KEY_ECDSA_P256);
    struct maker *maker = calloc(1, sizeof(*maker));
    if (maker == NULL)
        return ERR_NOMEM;
    maker->is_rsa = key_type == CERT_KEY_RSA;
    int result = run(maker, now_s);
    enum err error;
    if (result > 0)
        error = cert_create(span_make(maker->chain, (size_t)maker->chain_len),
                            span_make(maker->key, (size_t)maker->key_len), out, why);
    else
        error = err_set(why, ERR_TLS, "could not make the self-signed certificate: wolfSSL says %s",
                        wc_GetErrorString(result));
    explicit_bzero(maker, sizeof(*maker));
    free(maker);
    return error;
}
