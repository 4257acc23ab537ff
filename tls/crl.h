/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificate revocation lists (RFC 5280 §5): read once, on the control thread,
 * and then asked by all workers. Serial numbers are sorted, so that asking a long
 * list costs as little as asking a short one. Lists that speak of a part of their
 * issuer's certificates only (delta lists, those with an issuing distribution
 * point, indirect ones) are refused: what they do not name would pass for valid.
 *
 * Immutable but for one word, which remembers whose signature was found right.
 */
#ifndef WEIR_TLS_CRL_H
#define WEIR_TLS_CRL_H

#include "core/base/err.h"
#include "core/base/span.h"

#include <stdatomic.h>

#define CRL_FILE_MAX (64 << 20) /* bytes of a file of lists */

struct crl {
    struct crl *next;  /* in a set; newest first where issuers are the same */
    struct span der;   /* the list itself, malloc'ed */
    struct span issuer;        /* contents of its Name, in der */
    struct span key_id;        /* of the issuer's key, in der; empty: not told */
    struct span *serials;      /* in der, sorted; as in the certificates */
    size_t serial_count;
    int64_t this_update_s, next_update_s; /* next: 0 where it has none */
    _Atomic uint64_t signer;   /* hash of the certificate that it was found signed by; 0: none */
};

/* Reference-counted atomically; complete before it is shared. */
struct crl_set {
    _Atomic uint32_t references;
    struct crl *first;
    size_t count;
    uint64_t digest; /* of all lists in their order */
};

/* An empty set; NULL when out of memory. */
struct crl_set *crl_set_create(void);
struct crl_set *crl_set_ref(struct crl_set *set);
void crl_set_unref(struct crl_set *set); /* NULL is fine */

/* Adds the lists of a file, in PEM (any number of "X509 CRL" blocks) or DER.
 * Nothing is added on failure. ERR_SYNTAX, ERR_UNSUPPORTED, ERR_NOMEM. */
MUST_USE enum err crl_set_add(struct crl_set *set, struct span file, struct err_text *why);
/* Whether a list names the serial number (contents of the INTEGER). Pure. */
bool crl_names(const struct crl *crl, struct span serial);

/*
 * Asks the lists that `issuer` (a DER certificate) has signed. ERR_OK: there is a
 * current one, and none names the serial. ERR_EXISTS: revoked. ERR_NOTFOUND: the
 * set has no list of this issuer; ERR_TIMEOUT: only such as have run out;
 * ERR_MISMATCH: only such as name another key than its own. ERR_TLS: one of them
 * has a wrong signature or cannot be checked. Any thread.
 */
MUST_USE enum err crl_set_check(const struct crl_set *set, struct span issuer_der,
                                struct span serial, int64_t now_s);

#endif
