/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thin coat over an EVP_PKEY, which is shared without locks because it is
 * never changed.
 */
#include "tls/acme_key.h"

#include "tls/base64.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define RSA_BITS_LEAST 2048
#define SIGNATURE_MAX 2048

struct acme_key {
    EVP_PKEY *native;
};

static enum err wrap(EVP_PKEY *native, struct acme_key **out)
{
    struct acme_key *key = malloc(sizeof(*key));
    if (key == NULL) {
        EVP_PKEY_free(native);
        return ERR_NOMEM;
    }
    key->native = native;
    *out = key;
    return ERR_OK;
}

/* Called by libcrypto between its tries for primes. Relaxed: a flag for itself. */
static int go_on(EVP_PKEY_CTX *operation)
{
    const _Atomic bool *cancel = EVP_PKEY_CTX_get_app_data(operation);
    return !atomic_load_explicit(cancel, memory_order_relaxed);
}

static EVP_PKEY *generate_rsa(int bits, const _Atomic bool *cancel)
{
    EVP_PKEY *native = NULL;
    EVP_PKEY_CTX *operation = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    if (operation == NULL)
        return NULL;
    if (EVP_PKEY_keygen_init(operation) == 1 &&
        EVP_PKEY_CTX_set_rsa_keygen_bits(operation, bits) == 1) {
        if (cancel != NULL) {
            EVP_PKEY_CTX_set_app_data(operation, (void *)cancel);
            EVP_PKEY_CTX_set_cb(operation, go_on);
        }
        (void)EVP_PKEY_generate(operation, &native);
    }
    EVP_PKEY_CTX_free(operation);
    return native;
}

enum err acme_key_generate(enum acme_key_type type, const _Atomic bool *cancel,
                           struct acme_key **out, struct err_text *why)
{
    static const int bits[] = {
        [ACME_KEY_RSA2048] = 2048, [ACME_KEY_RSA4096] = 4096, [ACME_KEY_RSA8192] = 8192};
    bool ec = type == ACME_KEY_EC256 || type == ACME_KEY_EC384;
    EVP_PKEY *native = ec ? EVP_EC_gen(type == ACME_KEY_EC256 ? "P-256" : "P-384")
                          : generate_rsa(bits[type], cancel);
    if (native == NULL && cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed))
        return err_set(why, ERR_CANCELED, "%s", err_message(ERR_CANCELED));
    if (native == NULL)
        return err_set(why, ERR_TLS, "libcrypto cannot make a key");
    return wrap(native, out);
}

/* 256, 384, or 0 for RSA; -1: of no use. */
static int curve_of(const EVP_PKEY *native)
{
    if (EVP_PKEY_get_base_id(native) == EVP_PKEY_RSA)
        return EVP_PKEY_get_bits(native) >= RSA_BITS_LEAST ? 0 : -1;
    char name[32] = "";
    if (EVP_PKEY_get_base_id(native) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(native, name, sizeof(name), NULL) != 1)
        return -1;
    if (strcmp(name, "prime256v1") == 0 || strcmp(name, "P-256") == 0)
        return 256;
    return strcmp(name, "secp384r1") == 0 || strcmp(name, "P-384") == 0 ? 384 : -1;
}

static enum err accept(EVP_PKEY *native, struct acme_key **out, struct err_text *why)
{
    ERR_clear_error();
    if (native == NULL)
        return err_set(why, ERR_TLS, "this is no private key");
    if (curve_of(native) < 0) {
        EVP_PKEY_free(native);
        return err_set(why, ERR_UNSUPPORTED,
                       "the key is neither RSA of 2048 bits or more, nor P-256, nor P-384");
    }
    return wrap(native, out);
}

enum err acme_key_from_der(struct span der, struct acme_key **out, struct err_text *why)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    return accept(d2i_AutoPrivateKey(NULL, &at, (long)der.len), out, why);
}

static int no_passphrase(char *out, int size, int writing, void *argument)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)argument;
    return -1;
}

enum err acme_key_from_pem(struct span pem, struct acme_key **out, struct err_text *why)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr != NULL ? pem.ptr : "", (int)pem.len);
    if (bio == NULL)
        return ERR_NOMEM;
    EVP_PKEY *native = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    return accept(native, out, why);
}

void acme_key_destroy(struct acme_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->native); /* wipes */
    free(key);
}

void *acme_key_native(const struct acme_key *key)
{
    return key->native;
}

/* ---- texts ---- */

enum err acme_key_append_der(const struct acme_key *key, struct buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(key->native, &der);
    if (len <= 0)
        return ERR_TLS;
    enum err error = buf_append(out, span_make(der, (size_t)len));
    OPENSSL_clear_free(der, (size_t)len);
    return error;
}

enum err acme_key_append_pem(const struct acme_key *key, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    enum err error = ERR_TLS;
    if (bio == NULL)
        return ERR_NOMEM;
    if (PEM_write_bio_PrivateKey_traditional(bio, key->native, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        error = buf_append(out, span_make(text, (size_t)len));
    }
    BIO_free(bio); /* wipes what it had */
    return error;
}

const char *acme_key_algorithm(const struct acme_key *key)
{
    int curve = curve_of(key->native);
    return curve == 256 ? "ES256" : curve == 384 ? "ES384" : "RS256";
}

/* A number of the public key in base64url, left-padded to `size` bytes (0: as it is). */
static enum err append_number(const EVP_PKEY *native, const char *name, size_t size,
                              struct buf *out)
{
    unsigned char bytes[RSA_BITS_LEAST];
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(native, name, &number) != 1)
        return ERR_TLS;
    size_t len = (size_t)BN_num_bytes(number);
    len = len > size ? len : size;
    enum err error = ERR_LIMIT;
    if (len <= sizeof(bytes) && BN_bn2binpad(number, bytes, (int)len) == (int)len)
        error = base64_append(out, span_make(bytes, len), BASE64_URL);
    BN_free(number);
    return error;
}

static enum err append_rsa_jwk(const EVP_PKEY *native, struct buf *out)
{
    TRY(buf_append(out, SPAN("{\"e\":\"")));
    TRY(append_number(native, OSSL_PKEY_PARAM_RSA_E, 0, out));
    TRY(buf_append(out, SPAN("\",\"kty\":\"RSA\",\"n\":\"")));
    TRY(append_number(native, OSSL_PKEY_PARAM_RSA_N, 0, out));
    return buf_append(out, SPAN("\"}"));
}

static enum err append_ec_jwk(const EVP_PKEY *native, int curve, struct buf *out)
{
    size_t size = (size_t)curve / 8;
    TRY(buf_append_format(out, "{\"crv\":\"P-%d\",\"kty\":\"EC\",\"x\":\"", curve));
    TRY(append_number(native, OSSL_PKEY_PARAM_EC_PUB_X, size, out));
    TRY(buf_append(out, SPAN("\",\"y\":\"")));
    TRY(append_number(native, OSSL_PKEY_PARAM_EC_PUB_Y, size, out));
    return buf_append(out, SPAN("\"}"));
}

enum err acme_key_append_jwk(const struct acme_key *key, struct buf *out)
{
    int curve = curve_of(key->native);
    return curve == 0 ? append_rsa_jwk(key->native, out) : append_ec_jwk(key->native, curve, out);
}

enum err acme_key_thumbprint(const struct acme_key *key, char out[ACME_THUMBPRINT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    struct buf jwk;
    buf_init(&jwk, ACME_KEY_TEXT_MAX);
    enum err error = acme_key_append_jwk(key, &jwk);
    if (error == ERR_OK && EVP_Digest(buf_span(&jwk).ptr, buf_len(&jwk), digest, &digest_len,
                                      EVP_sha256(), NULL) != 1)
        error = ERR_TLS;
    buf_finish(&jwk);
    if (error == ERR_OK) {
        char *encoded = base64_text(span_make(digest, digest_len), BASE64_URL);
        if (encoded == NULL)
            return ERR_NOMEM;
        memcpy(out, encoded, ACME_THUMBPRINT_SIZE);
        free(encoded);
    }
    return error;
}

/* ---- signatures ---- */

/* The two numbers of a DER signature side by side. */
static enum err append_raw(const unsigned char *der, size_t der_len, size_t size, struct buf *out)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    unsigned char raw[2 * 48];
    enum err error = ERR_TLS;
    if (pair == NULL)
        return ERR_TLS;
    if (BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, (int)size) > 0 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + size, (int)size) > 0)
        error = buf_append(out, span_make(raw, 2 * size));
    ECDSA_SIG_free(pair);
    return error;
}

enum err acme_key_sign(const struct acme_key *key, struct span text, struct buf *out)
{
    int curve = curve_of(key->native);
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof(signature);
    EVP_MD_CTX *operation = EVP_MD_CTX_new();
    if (operation == NULL)
        return ERR_NOMEM;
    const EVP_MD *hash = curve == 384 ? EVP_sha384() : EVP_sha256();
    bool good = EVP_DigestSignInit(operation, NULL, hash, NULL, key->native) == 1 &&
                EVP_DigestSign(operation, signature, &len, (const unsigned char *)text.ptr,
                               text.len) == 1;
    EVP_MD_CTX_free(operation);
    if (!good)
        return ERR_TLS;
    if (curve == 0)
        return buf_append(out, span_make(signature, len));
    return append_raw(signature, len, (size_t)curve / 8, out);
}
