/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RSA signatures by OpenSSL's libcrypto, which has code for the vector units of
 * current CPUs where wolfSSL has not (docs/decisions/0025-rsa.md). A signer is one
 * private key, immutable; any thread may sign with it.
 */
#ifndef WEIR_TLS_RSA_SIGNER_H
#define WEIR_TLS_RSA_SIGNER_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"

struct rsa_signer;

const char *rsa_signer_library(void);

/* The key in DER, PKCS#1 or PKCS#8; it is copied. ERR_TLS: libcrypto does not take it. */
MUST_USE enum err rsa_signer_create(struct span key, struct rsa_signer **out);
/* Wipes. NULL is fine. */
void rsa_signer_destroy(struct rsa_signer *signer);

/* *length is the room in `out`, then the signature's length. */

/* RSASSA-PSS over a digest of SHA-256, SHA-384 or SHA-512 (its length tells), with MGF1
 * of the same hash and a salt as long as the digest (RFC 8446 §4.2.3). */
MUST_USE enum err rsa_signer_pss(const struct rsa_signer *signer, struct span digest,
                                 uint8_t *out, size_t *length);
/* RSASSA-PKCS1-v1_5 over a DigestInfo that is encoded already (RFC 8017 §9.2). */
MUST_USE enum err rsa_signer_pkcs1(const struct rsa_signer *signer, struct span digest_info,
                                   uint8_t *out, size_t *length);

#endif
