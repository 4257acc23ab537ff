/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same check serves twice: for the answer, and for a certificate that came
 * with it, which the issuer must have signed for this very purpose (RFC 6960
 * §4.2.2.2). SHA-1 and MD5 are no signatures any more.
 */
#include "tls/der.h"
#include "tls/ocsp_private.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/signature.h>

#define OID_OCSP_SIGNING SPAN("\x2b\x06\x01\x05\x05\x07\x03\x09") /* 1.3.6.1.5.5.7.3.9 */
#define SIGNERS_MAX 4

struct algorithm {
    struct span oid;
    enum wc_HashType hash;
    bool rsa;
};

static const struct algorithm *find_algorithm(struct span identifier)
{
    static const struct algorithm algorithms[] = { /* RSA: PKCS #1 1.5 */
        {{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9}, WC_HASH_TYPE_SHA256, true},
        {{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 9}, WC_HASH_TYPE_SHA384, true},
        {{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 9}, WC_HASH_TYPE_SHA512, true},
        {{"\x2a\x86\x48\xce\x3d\x04\x03\x02", 8}, WC_HASH_TYPE_SHA256, false},
        {{"\x2a\x86\x48\xce\x3d\x04\x03\x03", 8}, WC_HASH_TYPE_SHA384, false},
        {{"\x2a\x86\x48\xce\x3d\x04\x03\x04", 8}, WC_HASH_TYPE_SHA512, false},
    };
    struct span oid;
    if (!der_read(&identifier, DER_OID, &oid))
        return NULL;
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (span_equal(algorithms[i].oid, oid))
            return &algorithms[i];
    }
    return NULL;
}

struct signed_bytes {
    struct span bytes; /* what was signed, with tag and length */
    const struct algorithm *algorithm;
    struct span signature;
};

/* Data, algorithm and signature off the front of a sequence. */
static bool read_signed(struct span *in, struct span *data, struct signed_bytes *out)
{
    struct span identifier;
    if (!der_read(in, DER_SEQUENCE, data) || !der_read(in, DER_SEQUENCE, &identifier) ||
        !der_read_bits(in, &out->signature))
        return false;
    out->bytes = der_whole(*data);
    out->algorithm = find_algorithm(identifier);
    return out->algorithm != NULL;
}

static bool verify(const struct signed_bytes *in, enum wc_SignatureType type, void *key,
                   size_t key_size)
{
    return wc_SignatureVerify(in->algorithm->hash, type, (const byte *)in->bytes.ptr,
                              (word32)in->bytes.len, (const byte *)in->signature.ptr,
                              (word32)in->signature.len, key, (word32)key_size) == 0;
}

static bool verify_rsa(const struct signed_bytes *in, struct span public_key)
{
    RsaKey key;
    word32 at = 0;
    if (wc_InitRsaKey(&key, NULL) != 0)
        return false;
    bool good = wc_RsaPublicKeyDecode((const byte *)public_key.ptr, &at, &key,
                                      (word32)public_key.len) == 0 &&
                verify(in, WC_SIGNATURE_TYPE_RSA_W_ENC, &key, sizeof(key));
    wc_FreeRsaKey(&key);
    return good;
}

static bool verify_ecdsa(const struct signed_bytes *in, struct span public_key)
{
    ecc_key key;
    word32 at = 0;
    if (wc_ecc_init(&key) != 0)
        return false;
    bool good = wc_EccPublicKeyDecode((const byte *)public_key.ptr, &at, &key,
                                      (word32)public_key.len) == 0 &&
                verify(in, WC_SIGNATURE_TYPE_ECC, &key, sizeof(key));
    wc_ecc_free(&key);
    return good;
}

static bool is_signed_by(const struct signed_bytes *in, const struct x509 *signer)
{
    struct span key = der_whole(signer->public_key);
    return in->algorithm->rsa ? verify_rsa(in, key) : verify_ecdsa(in, key);
}

static bool may_sign(const struct x509 *signer)
{
    struct span octets = signer->ext_key_usage, list, oid;
    if (!der_read(&octets, DER_SEQUENCE, &list))
        return false;
    while (der_read(&list, DER_OID, &oid)) {
        if (span_equal(oid, OID_OCSP_SIGNING))
            return true;
    }
    return false;
}

/* A certificate (contents) that the issuer has made for signing answers. */
static bool is_authorised(struct span contents, const struct x509 *issuer, int64_t now_s,
                          struct x509 *out)
{
    struct signed_bytes certificate;
    struct span data, rest = contents;
    return x509_parse(der_whole(contents), out, NULL) == ERR_OK && may_sign(out) &&
           span_equal(out->issuer, issuer->subject) && out->not_before_s <= now_s &&
           now_s <= out->not_after_s && read_signed(&rest, &data, &certificate) &&
           is_signed_by(&certificate, issuer);
}

static bool is_signed_by_delegate(const struct signed_bytes *answer, struct span certificates,
                                  const struct x509 *issuer, int64_t now_s)
{
    struct span list, contents;
    struct x509 signer;
    if (!der_read(&certificates, DER_SEQUENCE, &list))
        return false;
    for (int i = 0; i < SIGNERS_MAX && der_read(&list, DER_SEQUENCE, &contents); i++) {
        if (is_authorised(contents, issuer, now_s, &signer) && is_signed_by(answer, &signer))
            return true;
    }
    return false;
}

bool ocsp_is_signed(struct span basic, const struct x509 *issuer, int64_t now_s,
                    struct span *data)
{
    struct signed_bytes answer;
    struct span certificates;
    if (!read_signed(&basic, data, &answer) ||
        !der_read_optional(&basic, DER_CONTEXT_CONSTRUCTED(0), &certificates) || basic.len != 0)
        return false;
    return is_signed_by(&answer, issuer) ||
           is_signed_by_delegate(&answer, certificates, issuer, now_s);
}
