/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key is decoded once; each signature has an operation of its own, which costs
 * five of its two hundred microseconds and spares all sharing.
 */
#include "tls/rsa_signer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

struct rsa_signer {
    EVP_PKEY *key;
};

const char *rsa_signer_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

enum err rsa_signer_create(struct span key, struct rsa_signer **out)
{
    const unsigned char *at = (const unsigned char *)key.ptr;
    struct rsa_signer *signer = malloc(sizeof(*signer));
    if (signer == NULL)
        return ERR_NOMEM;
    signer->key = d2i_AutoPrivateKey(NULL, &at, (long)key.len);
    if (signer->key == NULL || EVP_PKEY_get_base_id(signer->key) != EVP_PKEY_RSA) {
        rsa_signer_destroy(signer);
        return ERR_TLS;
    }
    *out = signer;
    return ERR_OK;
}

void rsa_signer_destroy(struct rsa_signer *signer)
{
    if (signer == NULL)
        return;
    EVP_PKEY_free(signer->key); /* wipes */
    free(signer);
}

static const EVP_MD *hash_of(struct span digest)
{
    switch (digest.len) {
    case 32:
        return EVP_sha256();
    case 48:
        return EVP_sha384();
    case 64:
        return EVP_sha512();
    default:
        return NULL;
    }
}

/* hash NULL: PKCS#1 padding, what is signed is taken as it is. */
static bool prepare(EVP_PKEY_CTX *operation, const EVP_MD *hash)
{
    if (EVP_PKEY_sign_init(operation) != 1)
        return false;
    if (hash == NULL)
        return EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PADDING) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_signature_md(operation, hash) == 1;
}

static enum err sign(const struct rsa_signer *signer, const EVP_MD *hash, struct span text,
                     uint8_t *out, size_t *length)
{
    EVP_PKEY_CTX *operation = EVP_PKEY_CTX_new(signer->key, NULL);
    if (operation == NULL)
        return ERR_NOMEM;
    bool signed_well = prepare(operation, hash) &&
                       EVP_PKEY_sign(operation, out, length, (const unsigned char *)text.ptr,
                                     text.len) == 1;
    EVP_PKEY_CTX_free(operation);
    return signed_well ? ERR_OK : ERR_TLS;
}

enum err rsa_signer_pss(const struct rsa_signer *signer, struct span digest, uint8_t *out,
                        size_t *length)
{
    const EVP_MD *hash = hash_of(digest);
    return hash != NULL ? sign(signer, hash, digest, out, length) : ERR_INVALID;
}

enum err rsa_signer_pkcs1(const struct rsa_signer *signer, struct span digest_info, uint8_t *out,
                          size_t *length)
{
    return sign(signer, NULL, digest_info, out, length);
}
