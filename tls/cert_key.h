/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which kind of key a certificate has, and whether a private key is the one
 * that belongs to it. Private keys: PKCS#1 (RFC 8017 A.1.2), SEC1 (RFC 5915)
 * and PKCS#8 (RFC 5208, RFC 8410), told apart by their structure. Any thread.
 */
#ifndef WEIR_TLS_CERT_KEY_H
#define WEIR_TLS_CERT_KEY_H

#include "core/base/err.h"
#include "core/base/span.h"
#include "tls/cert.h"

struct cert_public_key {
    enum cert_key_type type;
    struct span modulus, exponent; /* RSA */
    struct span point;             /* ECDSA: 04 x y; Ed25519: the 32 bytes */
};

/* From the contents of a SubjectPublicKeyInfo. ERR_UNSUPPORTED for other
 * algorithms, curves and sizes (RSA is 2048 to 8192 bits), ERR_SYNTAX. */
MUST_USE enum err cert_key_read_public(struct span public_key, struct cert_public_key *out,
                                       struct err_text *why);

/* Whether a signature by it is verified in a millisecond, whoever chose it: RSA with an
 * exponent of at most 64 bits, or another algorithm. From the same contents; false as well
 * where they cannot be read. */
bool cert_key_is_cheap(struct span public_key);

/*
 * Takes off what may stand behind the key in PKCS#8 (attributes, and the public
 * key of RFC 5958), which wolfSSL does not read with every kind of key. Works in
 * place and returns where the key is now; anything else stays as it is.
 */
struct span cert_key_strip(uint8_t *der, size_t len);

/* ERR_OK when the private key (DER) belongs to the public one; ERR_MISMATCH
 * when it does not; ERR_SYNTAX or ERR_UNSUPPORTED when it cannot be used. */
MUST_USE enum err cert_key_check(const struct cert_public_key *public_key, struct span private_key,
                                 struct err_text *why);

#endif
