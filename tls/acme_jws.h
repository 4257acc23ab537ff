/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signed requests of ACME: the flattened JSON form of a JWS (RFC 7515 §7.2.2,
 * RFC 8555 §6.2), and the binding of an account to one that the CA knows
 * already (RFC 8555 §7.3.4). Any thread.
 */
#ifndef WEIR_TLS_ACME_JWS_H
#define WEIR_TLS_ACME_JWS_H

#include "tls/acme_key.h"

#define ACME_JWS_MAX (256 << 10) /* bytes of one signed request */

struct acme_jws {
    const struct acme_key *key;
    const char *kid; /* URL of the account; NULL: the public key itself is sent */
    const char *nonce;
    const char *url; /* that it is posted to */
};

/* payload: JSON, or empty for a POST-as-GET. */
MUST_USE enum err acme_jws_append(const struct acme_jws *jws, struct span payload,
                                  struct buf *out);

/* kid and hmac as the CA gave them; hmac in base64url. ERR_SYNTAX: it is not. */
MUST_USE enum err acme_eab_append(const struct acme_key *account, const char *kid,
                                  struct span hmac, const char *new_account_url, struct buf *out);

#endif
