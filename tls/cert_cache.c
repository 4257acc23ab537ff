/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A set is one cache line of hashes and four entries. A hit reads that line
 * and one entry. The victim is the next one round the set that was not hit
 * since the hand last passed, so that a flood of random names leaves those that
 * are asked for again.
 */
#include "tls/cert_cache.h"

#include "core/base/hash.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#define WAYS 4
#define CACHE_LINE 64
#define NAME_MAX_CACHED 63
#define ENTRIES_MAX ((size_t)1 << 24)

struct entry {
    uint64_t epoch; /* 0: empty; no epoch is */
    int64_t expires_s;
    const struct cert_set *set;
    uint8_t name_len;
    bool known;
    char name[NAME_MAX_CACHED];
};

struct cache_set {
    _Alignas(CACHE_LINE) uint64_t hashes[WAYS];
    uint8_t hand;
    uint8_t used; /* a bit for each way: hit since it was put in, or since the hand passed */
    struct entry entries[WAYS];
};

struct cert_cache {
    struct cache_set *sets;
    size_t mask;
    _Atomic uint64_t hits, misses;
};

enum err cert_cache_create(size_t entries, struct cert_cache **out)
{
    size_t sets = 1;
    if (entries > ENTRIES_MAX)
        return ERR_LIMIT;
    while (sets * WAYS < entries)
        sets *= 2;
    struct cert_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL)
        return ERR_NOMEM;
    cache->sets = aligned_alloc(CACHE_LINE, sets * sizeof(*cache->sets));
    if (cache->sets == NULL) {
        free(cache);
        return ERR_NOMEM;
    }
    memset(cache->sets, 0, sets * sizeof(*cache->sets));
    cache->mask = sets - 1;
    *out = cache;
    return ERR_OK;
}

void cert_cache_destroy(struct cert_cache *cache)
{
    if (cache == NULL)
        return;
    free(cache->sets);
    free(cache);
}

/* One writer: no read-modify-write is needed, only that readers see whole values. */
static void count_one(_Atomic uint64_t *counter)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static bool entry_is_fresh(const struct entry *entry, uint64_t epoch, int64_t now_s)
{
    return entry->epoch == epoch && now_s < entry->expires_s;
}

/* The way that holds the name, fresh or not, or WAYS. */
static size_t find_way(const struct cache_set *set, uint64_t hash, struct span name)
{
    for (size_t way = 0; way < WAYS; way++) {
        const struct entry *entry = &set->entries[way];
        if (set->hashes[way] == hash && entry->epoch != 0 &&
            span_equal(span_make(entry->name, entry->name_len), name))
            return way;
    }
    return WAYS;
}

static size_t take_victim(struct cache_set *set)
{
    while (set->used & 1u << set->hand) {
        set->used &= (uint8_t)~(1u << set->hand);
        set->hand = (set->hand + 1) % WAYS;
    }
    size_t victim = set->hand;
    set->hand = (set->hand + 1) % WAYS;
    return victim;
}

static const struct cert_set *select_uncached(const struct cert_index *index, struct span name,
                                              uint64_t hash, bool *known)
{
    const struct cert_set *set = cert_index_find(index, name, hash);
    *known = set != NULL;
    return set != NULL ? set : cert_index_default(index);
}

static size_t add_name(struct cache_set *set, uint64_t hash, struct span name)
{
    size_t way = take_victim(set);
    struct entry *entry = &set->entries[way];
    set->hashes[way] = hash;
    entry->name_len = (uint8_t)name.len;
    if (name.len > 0)
        memcpy(entry->name, name.ptr, name.len);
    return way;
}

const struct cert_set *cert_cache_select(struct cert_cache *cache, const struct cert_index *index,
                                         uint64_t epoch, struct span name, int64_t now_s,
                                         bool *known)
{
    assert(epoch != 0);
    uint64_t hash = hash_span(name);
    if (name.len > NAME_MAX_CACHED) {
        count_one(&cache->misses);
        return select_uncached(index, name, hash, known);
    }
    struct cache_set *set = &cache->sets[hash & cache->mask];
    size_t way = find_way(set, hash, name);
    if (way < WAYS && entry_is_fresh(&set->entries[way], epoch, now_s)) {
        count_one(&cache->hits);
        set->used |= (uint8_t)(1u << way);
        *known = set->entries[way].known;
        return set->entries[way].set;
    }
    count_one(&cache->misses);
    const struct cert_set *chosen = select_uncached(index, name, hash, known);
    if (way == WAYS)
        way = add_name(set, hash, name);
    struct entry *entry = &set->entries[way];
    entry->set = chosen;
    entry->known = *known;
    entry->epoch = epoch;
    entry->expires_s = now_s + CERT_CACHE_TTL_S;
    return chosen;
}

struct cert_cache_stats cert_cache_stats(const struct cert_cache *cache)
{
    return (struct cert_cache_stats){
        .hits = atomic_load_explicit(&cache->hits, memory_order_relaxed),
        .misses = atomic_load_explicit(&cache->misses, memory_order_relaxed),
    };
}
