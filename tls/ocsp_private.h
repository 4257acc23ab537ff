/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between tls/ocsp*.c only.
 */
#ifndef WEIR_TLS_OCSP_PRIVATE_H
#define WEIR_TLS_OCSP_PRIVATE_H

#include "tls/ocsp.h"

#define OCSP_HASH_SIZE 20 /* SHA-1: what responders expect in a CertID, and no signature */

/* How a request and its answer name a certificate. */
struct ocsp_id {
    uint8_t name_hash[OCSP_HASH_SIZE], key_hash[OCSP_HASH_SIZE];
    struct span serial; /* contents of the INTEGER */
};

/* Leaf and issuer of the chain. ERR_NOTFOUND without an issuer. */
MUST_USE enum err ocsp_identify(const struct cert *cert, struct x509 *leaf, struct x509 *issuer,
                                struct ocsp_id *out);

struct ocsp_single {
    enum ocsp_status status;
    int64_t this_update_s, next_update_s;
};
/* What the ResponseData (contents) says of the certificate; NULL, or what is wrong. */
const char *ocsp_find(struct span data, const struct ocsp_id *id, struct ocsp_single *out);

/* Whether the basic response (contents of the sequence: data, algorithm,
 * signature, certificates) is signed by the issuer, or by a certificate in it
 * that the issuer has made for this. Gives the data's contents. */
bool ocsp_is_signed(struct span basic, const struct x509 *issuer, int64_t now_s,
                    struct span *data);

#endif
