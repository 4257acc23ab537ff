/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our own walk finds the numbers to compare: RSA's modulus and exponent stand
 * in the private key, and so does an ECDSA key's point as a rule; where it does
 * not, and for Ed25519, wolfSSL computes it. wolfSSL decodes every key besides,
 * so that one it cannot use is refused here and not in the first handshake.
 */
#include "tls/cert_key.h"

#include "tls/der.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>

#define OID_RSA SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01") /* 1.2.840.113549.1.1.1 */
#define OID_RSA_PSS SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")
#define OID_EC SPAN("\x2a\x86\x48\xce\x3d\x02\x01")          /* 1.2.840.10045.2.1 */
#define OID_ED25519 SPAN("\x2b\x65\x70")                     /* 1.3.101.112 */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_EXPONENT_MAX 8 /* bytes */
#define POINT_MAX (1 + 2 * 66)
#define SUPPORTED_KEYS "RSA of 2048 to 8192 bits, ECDSA P-256, P-384, P-521 and Ed25519"

static const struct curve {
    enum cert_key_type type;
    int wolfssl_id;
    size_t bytes; /* of a coordinate */
    struct span oid;
} curves[] = {
    {CERT_KEY_ECDSA_P256, ECC_SECP256R1, 32, {"\x2a\x86\x48\xce\x3d\x03\x01\x07", 8}},
    {CERT_KEY_ECDSA_P384, ECC_SECP384R1, 48, {"\x2b\x81\x04\x00\x22", 5}},
    {CERT_KEY_ECDSA_P521, ECC_SECP521R1, 66, {"\x2b\x81\x04\x00\x23", 5}},
};

static const struct curve *curve_of_oid(struct span oid)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (span_equal(curves[i].oid, oid))
            return &curves[i];
    }
    return NULL;
}

static const struct curve *curve_of_type(enum cert_key_type type)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (curves[i].type == type)
            return &curves[i];
    }
    return NULL;
}

/* ---- public keys ---- */

static size_t bit_length(struct span magnitude)
{
    uint8_t first = (uint8_t)magnitude.ptr[0];
    return first == 0 ? 0 : 8 * magnitude.len - (size_t)__builtin_clz(first) + 24;
}

static enum err read_public_rsa(struct span bits, struct cert_public_key *out,
                                struct err_text *why)
{
    struct span key;
    if (!der_read(&bits, DER_SEQUENCE, &key) || bits.len != 0 ||
        !der_read_unsigned(&key, &out->modulus) || !der_read_unsigned(&key, &out->exponent) ||
        key.len != 0)
        return err_set(why, ERR_SYNTAX, "the certificate's RSA key is broken");
    size_t size = bit_length(out->modulus);
    if (size < RSA_BITS_MIN || size > RSA_BITS_MAX)
        return err_set(why, ERR_UNSUPPORTED,
                       "the certificate's RSA key has %zu bits; use %d to %d, or ECDSA", size,
                       RSA_BITS_MIN, RSA_BITS_MAX);
    out->type = CERT_KEY_RSA;
    return ERR_OK;
}

static enum err read_public_ec(struct span parameters, struct span bits,
                               struct cert_public_key *out, struct err_text *why)
{
    struct span oid;
    const struct curve *curve = NULL;
    if (der_read(&parameters, DER_OID, &oid))
        curve = curve_of_oid(oid);
    if (curve == NULL)
        return err_set(why, ERR_UNSUPPORTED,
                       "the certificate's ECDSA key is on an unsupported curve; use P-256, P-384 "
                       "or P-521, by name");
    if (bits.len != 1 + 2 * curve->bytes || bits.ptr[0] != 4)
        return err_set(why, ERR_UNSUPPORTED,
                       "the certificate's ECDSA key is not an uncompressed point");
    out->type = curve->type;
    out->point = bits;
    return ERR_OK;
}

enum err cert_key_read_public(struct span public_key, struct cert_public_key *out,
                              struct err_text *why)
{
    struct cert_public_key key = {0};
    struct span algorithm, oid, bits;
    enum err error;
    if (!der_read(&public_key, DER_SEQUENCE, &algorithm) || !der_read(&algorithm, DER_OID, &oid) ||
        !der_read_bits(&public_key, &bits) || public_key.len != 0)
        return err_set(why, ERR_SYNTAX, "the certificate's public key is broken");
    if (span_equal(oid, OID_RSA)) {
        error = read_public_rsa(bits, &key, why);
    } else if (span_equal(oid, OID_EC)) {
        error = read_public_ec(algorithm, bits, &key, why);
    } else if (span_equal(oid, OID_ED25519) && bits.len == ED25519_PUB_KEY_SIZE) {
        key.type = CERT_KEY_ED25519;
        key.point = bits;
        error = ERR_OK;
    } else {
        error = err_set(why, ERR_UNSUPPORTED,
                        "the certificate's key is of an unsupported kind; supported are "
                        SUPPORTED_KEYS);
    }
    if (error == ERR_OK)
        *out = key;
    return error;
}

bool cert_key_is_cheap(struct span public_key)
{
    struct span algorithm, oid, bits, key, number;
    if (!der_read(&public_key, DER_SEQUENCE, &algorithm) ||
        !der_read(&algorithm, DER_OID, &oid) || !der_read_bits(&public_key, &bits))
        return false;
    if (!span_equal(oid, OID_RSA) && !span_equal(oid, OID_RSA_PSS))
        return true;
    return der_read(&bits, DER_SEQUENCE, &key) && der_read_unsigned(&key, &number) &&
           der_read_unsigned(&key, &number) && number.len <= RSA_EXPONENT_MAX;
}

/* ---- private keys ---- */

enum private_kind { PRIVATE_RSA, PRIVATE_EC, PRIVATE_ED25519 };

struct private_key {
    enum private_kind kind;
    struct span modulus, exponent; /* RSA */
    struct span secret;            /* EC: the scalar; Ed25519: the seed */
    struct span curve;             /* EC: the OID, empty where it is not said */
    struct span point;             /* EC: empty where it is left out */
};

static bool read_pkcs1(struct span fields, struct private_key *out)
{
    int version;
    out->kind = PRIVATE_RSA;
    return der_read_small(&fields, &version) && version == 0 &&
           der_read_unsigned(&fields, &out->modulus) && der_read_unsigned(&fields, &out->exponent);
}

static bool read_sec1(struct span fields, struct private_key *out)
{
    struct span parameters, point;
    int version;
    out->kind = PRIVATE_EC;
    if (!der_read_small(&fields, &version) || version != 1 ||
        !der_read(&fields, DER_OCTET_STRING, &out->secret) || out->secret.len == 0 ||
        !der_read_optional(&fields, DER_CONTEXT_CONSTRUCTED(0), &parameters) ||
        !der_read_optional(&fields, DER_CONTEXT_CONSTRUCTED(1), &point))
        return false;
    if (parameters.ptr != NULL && !der_read(&parameters, DER_OID, &out->curve))
        return false;
    return point.ptr == NULL || der_read_bits(&point, &out->point);
}

/* A SEQUENCE that is the whole of `der`. */
static bool read_whole_sequence(struct span der, struct span *fields)
{
    return der_read(&der, DER_SEQUENCE, fields) && der.len == 0;
}

static bool read_pkcs8(struct span fields, struct private_key *out, bool *supported)
{
    struct span algorithm, oid, curve, octets, inner;
    int version;
    if (!der_read_small(&fields, &version) || version > 1 ||
        !der_read(&fields, DER_SEQUENCE, &algorithm) || !der_read(&algorithm, DER_OID, &oid) ||
        !der_read(&fields, DER_OCTET_STRING, &octets))
        return false;
    if (span_equal(oid, OID_RSA))
        return read_whole_sequence(octets, &inner) && read_pkcs1(inner, out);
    if (span_equal(oid, OID_EC)) {
        if (!der_read(&algorithm, DER_OID, &curve) || !read_whole_sequence(octets, &inner) ||
            !read_sec1(inner, out) || (out->curve.len > 0 && !span_equal(out->curve, curve)))
            return false;
        out->curve = curve;
        return true;
    }
    *supported = span_equal(oid, OID_ED25519);
    out->kind = PRIVATE_ED25519;
    return *supported && der_read(&octets, DER_OCTET_STRING, &out->secret) && octets.len == 0 &&
           out->secret.len == ED25519_KEY_SIZE;
}

/* Behind the version comes a SEQUENCE in PKCS#8, an OCTET STRING in SEC1, an INTEGER in PKCS#1. */
static enum err read_private(struct span der, struct private_key *out, struct err_text *why)
{
    struct span fields = SPAN_EMPTY, rest;
    bool good = read_whole_sequence(der, &fields), supported = true;
    rest = fields;
    good = good && der_skip(&rest, DER_INTEGER) && rest.len > 0;
    uint8_t second = good ? (uint8_t)rest.ptr[0] : 0;
    if (second == DER_SEQUENCE)
        good = read_pkcs8(fields, out, &supported);
    else if (second == DER_OCTET_STRING)
        good = read_sec1(fields, out);
    else
        good = good && read_pkcs1(fields, out);
    if (!supported)
        return err_set(why, ERR_UNSUPPORTED,
                       "the private key is of an unsupported kind; supported are "
                       SUPPORTED_KEYS);
    if (!good)
        return err_set(why, ERR_SYNTAX,
                       "the private key is broken, or is none in PKCS#8, PKCS#1 or SEC1");
    return ERR_OK;
}

/* The header of a SEQUENCE, written so that it ends where the contents begin. */
static uint8_t *put_header_before(uint8_t *contents, size_t len)
{
    uint8_t *at = contents;
    size_t bytes = 0;
    for (size_t left = len; len >= 0x80 && left > 0; left >>= 8, bytes++)
        *--at = (uint8_t)left;
    *--at = (uint8_t)(bytes == 0 ? len : 0x80 | bytes);
    *--at = DER_SEQUENCE;
    return at;
}

struct span cert_key_strip(uint8_t *der, size_t len)
{
    struct span whole = span_make(der, len), fields, rest;
    if (!read_whole_sequence(whole, &fields))
        return whole;
    rest = fields;
    if (!der_skip(&rest, DER_INTEGER) || !der_skip(&rest, DER_SEQUENCE) ||
        !der_skip(&rest, DER_OCTET_STRING) || rest.len == 0)
        return whole;
    /* Fewer bytes never need a longer header, so it fits in front. */
    uint8_t *contents = der + (len - fields.len);
    size_t kept = fields.len - rest.len;
    if (contents[0] == DER_INTEGER && contents[1] == 1)
        contents[2] = 0; /* version 1 would promise the public key */
    uint8_t *start = put_header_before(contents, kept);
    return span_make(start, (size_t)(contents + kept - start));
}

static enum err refuse_undecodable(struct err_text *why)
{
    return err_set(why, ERR_SYNTAX, "the private key is broken: wolfSSL cannot decode it");
}

static enum err refuse_mismatch(struct err_text *why)
{
    return err_set(why, ERR_MISMATCH, "the private key does not belong to the certificate");
}

static enum err check_rsa(const struct cert_public_key *public_key, struct span der,
                          const struct private_key *key, struct err_text *why)
{
    word32 index = 0;
    int size;
    if (!span_equal(key->modulus, public_key->modulus) ||
        !span_equal(key->exponent, public_key->exponent))
        return refuse_mismatch(why);
    if (wc_RsaPrivateKeyValidate((const byte *)der.ptr, &index, &size, (word32)der.len) != 0)
        return refuse_undecodable(why);
    return ERR_OK;
}

/* Computes the point of a scalar. */
static bool derive_point(const struct curve *curve, struct span secret, uint8_t *out)
{
    ecc_key key;
    WC_RNG rng;
    word32 len = POINT_MAX;
    if (wc_ecc_init(&key) != 0)
        return false;
    bool good = wc_InitRng(&rng) == 0;
    if (good) {
        good = wc_ecc_import_private_key_ex((const byte *)secret.ptr, (word32)secret.len, NULL, 0,
                                            &key, curve->wolfssl_id) == 0 &&
               wc_ecc_make_pub_ex(&key, NULL, &rng) == 0 &&
               wc_ecc_export_x963(&key, out, &len) == 0 && len == 1 + 2 * curve->bytes;
        wc_FreeRng(&rng);
    }
    wc_ecc_free(&key);
    return good;
}

static bool decodes_as_ec(struct span der, const struct curve *curve)
{
    ecc_key key;
    word32 index = 0;
    if (wc_ecc_init(&key) != 0)
        return false;
    bool good = wc_EccPrivateKeyDecode((const byte *)der.ptr, &index, &key, (word32)der.len) == 0 &&
                key.dp != NULL && key.dp->id == curve->wolfssl_id;
    wc_ecc_free(&key);
    return good;
}

static enum err check_ec(const struct cert_public_key *public_key, struct span der,
                         const struct private_key *key, struct err_text *why)
{
    const struct curve *curve = curve_of_type(public_key->type);
    uint8_t derived[POINT_MAX];
    struct span point = key->point;
    if (key->curve.len > 0 && !span_equal(key->curve, curve->oid))
        return refuse_mismatch(why);
    if (key->secret.len > curve->bytes)
        return refuse_mismatch(why);
    if (!decodes_as_ec(der, curve))
        return refuse_undecodable(why);
    if (point.len == 0 || point.ptr[0] != 4) {
        if (!derive_point(curve, key->secret, derived))
            return refuse_undecodable(why);
        point = span_make(derived, 1 + 2 * curve->bytes);
    }
    return span_equal(point, public_key->point) ? ERR_OK : refuse_mismatch(why);
}

static enum err check_ed25519(const struct cert_public_key *public_key, struct span der,
                              const struct private_key *key, struct err_text *why)
{
    ed25519_key decoded;
    word32 index = 0;
    uint8_t derived[ED25519_PUB_KEY_SIZE];
    (void)key;
    if (wc_ed25519_init(&decoded) != 0)
        return ERR_NOMEM;
    bool good = wc_Ed25519PrivateKeyDecode((const byte *)der.ptr, &index, &decoded,
                                           (word32)der.len) == 0 &&
                wc_ed25519_make_public(&decoded, derived, sizeof(derived)) == 0;
    wc_ed25519_free(&decoded);
    if (!good)
        return refuse_undecodable(why);
    bool same = span_equal(span_make(derived, sizeof(derived)), public_key->point);
    return same ? ERR_OK : refuse_mismatch(why);
}

enum err cert_key_check(const struct cert_public_key *public_key, struct span private_key,
                        struct err_text *why)
{
    struct private_key key = {0};
    TRY(read_private(private_key, &key, why));
    bool rsa = public_key->type == CERT_KEY_RSA;
    bool ed25519 = public_key->type == CERT_KEY_ED25519;
    if (rsa != (key.kind == PRIVATE_RSA) || ed25519 != (key.kind == PRIVATE_ED25519))
        return refuse_mismatch(why);
    if (rsa)
        return check_rsa(public_key, private_key, &key, why);
    if (ed25519)
        return check_ed25519(public_key, private_key, &key, why);
    return check_ec(public_key, private_key, &key, why);
}
