/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OCSP (RFC 6960) for stapling: what to ask a responder about a certificate, and
 * whether its answer may be stapled. No I/O. The control thread asks, checks and
 * publishes; engines load the staple under RCU.
 */
#ifndef WEIR_TLS_OCSP_H
#define WEIR_TLS_OCSP_H

#include "core/base/buf.h"
#include "tls/cert.h"
#include "tls/x509.h"

#define OCSP_RESPONSE_MAX 32768 /* longer ones are refused */
#define OCSP_CLOCK_SKEW_S 300   /* a responder's clock may be ahead of ours */

struct ocsp_staple {
    int64_t next_update_s; /* not stapled from then on */
    size_t len;
    uint8_t bytes[];
};

/* The first http or https responder that a certificate names, or empty. */
struct span ocsp_responder(const struct x509 *leaf);

/* Appends the request for the leaf. ERR_NOTFOUND: the chain has no issuer, which
 * must be known. */
MUST_USE enum err ocsp_request_append(const struct cert *cert, struct buf *out);

enum ocsp_status {
    OCSP_GOOD,
    OCSP_REVOKED,  /* and the answer is genuine */
    OCSP_UNUSABLE, /* stale, not genuine, unknown, broken …: `why` */
};
struct ocsp_answer {
    int64_t this_update_s, next_update_s; /* good ones only */
};
/* The answer must be for this certificate, signed by its issuer or by who the
 * issuer has authorised, and current. Control thread, tests, fuzzing. */
enum ocsp_status ocsp_check(const struct cert *cert, struct span response, int64_t now_s,
                            struct ocsp_answer *out, struct err_text *why);

/* Makes what is stapled from now on; response empty: nothing. *old, or
 * NULL, is to be freed after a grace period. ERR_NOMEM: nothing has changed.
 * Control thread. */
MUST_USE enum err ocsp_publish(struct cert *cert, struct span response, int64_t next_update_s,
                               struct ocsp_staple **old);

#endif
