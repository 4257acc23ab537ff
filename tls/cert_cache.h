/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The selection cache of one worker: name → what was chosen, for one hour or
 * until another configuration is published. Fixed size, 4-way set-associative,
 * keyed by the name's hash and checked against the name. An entry carries the
 * epoch it was made in; another epoch means stale, and the check comes before
 * the pointer is followed, so entries may outlive what they point to. Epochs
 * start at 1: a zeroed entry is stale. Misses (the default) are cached too.
 * One worker thread; no lock.
 */
#ifndef WEIR_TLS_CERT_CACHE_H
#define WEIR_TLS_CERT_CACHE_H

#include "tls/cert_index.h"

#define CERT_CACHE_TTL_S 3600

struct cert_cache;

/* entries is rounded up to a power of two ≥ 4. */
MUST_USE enum err cert_cache_create(size_t entries, struct cert_cache **out);
void cert_cache_destroy(struct cert_cache *cache);

/*
 * The set for the name, from the cache or from the index (then cached). *known
 * is false where nothing matched and the default set is returned. now_s is
 * monotonic seconds. Names longer than 63 bytes are looked up uncached.
 */
const struct cert_set *cert_cache_select(struct cert_cache *cache, const struct cert_index *index,
                                         uint64_t epoch, struct span name, int64_t now_s,
                                         bool *known);

struct cert_cache_stats {
    uint64_t hits, misses;
};
/* Any thread may read (single-writer counters). */
struct cert_cache_stats cert_cache_stats(const struct cert_cache *cache);

#endif
