/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private keys for ACME: of accounts, which sign requests (RFC 7515, RFC 7518),
 * and of certificates. libcrypto makes and uses them. Making RSA keys takes
 * seconds: never on a worker nor on the control thread. Any thread; one key may
 * be used by several at the same time.
 */
#ifndef WEIR_TLS_ACME_KEY_H
#define WEIR_TLS_ACME_KEY_H

#include "core/base/buf.h"

#include <stdatomic.h>

enum acme_key_type {
    ACME_KEY_EC256,
    ACME_KEY_EC384,
    ACME_KEY_RSA2048,
    ACME_KEY_RSA4096,
    ACME_KEY_RSA8192,
};

#define ACME_KEY_TEXT_MAX (32 << 10) /* bytes of a key in DER, PEM or as a JWK */
#define ACME_THUMBPRINT_SIZE 44      /* with a NUL */

struct acme_key;

/* cancel: may be NULL; once another thread sets it, ERR_CANCELED comes soon. */
MUST_USE enum err acme_key_generate(enum acme_key_type type, const _Atomic bool *cancel,
                                    struct acme_key **out, struct err_text *why);
/* PKCS#1, SEC1 or PKCS#8; RSA of 2,048 bits or more, P-256, P-384. */
MUST_USE enum err acme_key_from_der(struct span der, struct acme_key **out, struct err_text *why);
MUST_USE enum err acme_key_from_pem(struct span pem, struct acme_key **out, struct err_text *why);
void acme_key_destroy(struct acme_key *key); /* wipes; NULL is fine */

/* PKCS#1 for RSA, SEC1 for EC, as Traefik writes them. */
MUST_USE enum err acme_key_append_der(const struct acme_key *key, struct buf *out);
MUST_USE enum err acme_key_append_pem(const struct acme_key *key, struct buf *out);

/* "ES256", "ES384", "RS256". */
const char *acme_key_algorithm(const struct acme_key *key);
/* The public key as a JWK whose members are in the order that RFC 7638 hashes. */
MUST_USE enum err acme_key_append_jwk(const struct acme_key *key, struct buf *out);
/* SHA-256 of that, in base64url (RFC 7638). */
MUST_USE enum err acme_key_thumbprint(const struct acme_key *key, char out[ACME_THUMBPRINT_SIZE]);
/* The signature as JWS has it: r and s side by side for EC (RFC 7518 §3.4). */
MUST_USE enum err acme_key_sign(const struct acme_key *key, struct span text, struct buf *out);

/* libcrypto's object (EVP_PKEY), for CSRs and certificates. */
void *acme_key_native(const struct acme_key *key);

#endif
