/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a server name to the certificates for it: an immutable open-addressed
 * table keyed by the seeded XXH3-64 of the normalised name. One probe for the
 * exact name, one for "*." and the rest. Where several certificates carry the
 * name, the one whose store key comes first in reverse byte order wins
 * (TRAEFIK-CONFIG §2), which is settled at build time for each table entry and
 * between the exact and the wildcard entry at look-up; but one that is valid
 * wins over all that have expired or are not valid yet. Certificates with the
 * same store key but another key type stand together in one entry.
 *
 * Built and destroyed on the control thread, in time linear in the names; read by all workers.
 */
#ifndef WEIR_TLS_CERT_INDEX_H
#define WEIR_TLS_CERT_INDEX_H

#include "tls/cert.h"

#define CERT_INDEX_KEY_TYPES 5

/* The certificates of one store key, by key type; NULL where there is none. */
struct cert_set {
    struct cert *by_type[CERT_INDEX_KEY_TYPES];
};

struct cert_index;

/*
 * Takes a reference on each certificate. Of those with the same store key and
 * key type the first that is valid at now_s is used, and without any valid one
 * the first; where a store key has a valid one of any type, no other is used.
 * *unused counts the rest (may be NULL). default_set: what is served where
 * nothing matches (never in the match list); must hold at least one certificate.
 *
 * previous: NULL, or an index to share the names with where it was made of the
 * same certificates in the same order, but for some in whose places there are
 * others now with the same names, key type and validity (renewed). Either may
 * go first.
 */
MUST_USE enum err cert_index_create(struct cert *const *certs, size_t count,
                                    const struct cert_set *default_set, int64_t now_s,
                                    const struct cert_index *previous, size_t *unused,
                                    struct cert_index **out);
void cert_index_destroy(struct cert_index *index);

/* The set for a normalised name (with its hash_span), or NULL without a match. */
const struct cert_set *cert_index_find(const struct cert_index *index, struct span name,
                                       uint64_t hash);
const struct cert_set *cert_index_default(const struct cert_index *index);

/* Lower-cases and strips one trailing dot into `out` (LIMIT_HOST_NAME + 1
 * bytes); the length, or 0 when it is empty or too long. */
size_t cert_name_normalise(struct span name, char *out);

struct cert_index_stats {
    size_t certs, names, slots;
    size_t bytes; /* table and bookkeeping, without the certificates */
};
void cert_index_stats(const struct cert_index *index, struct cert_index_stats *out);

/* Walks the certificates in the order of their store keys, i below stats.certs
 * (API, metrics); whether one of them is used. */
const struct cert *cert_index_at(const struct cert_index *index, size_t i);
bool cert_index_uses(const struct cert_index *index, const struct cert *cert);

/* When a certificate expires or becomes valid next (Unix time, INT64_MAX: never):
 * an index that is made then may choose others. */
int64_t cert_index_change_s(const struct cert_index *index);

#endif
