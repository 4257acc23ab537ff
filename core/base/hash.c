/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * XXH3 is compiled in (XXH_INLINE_ALL), which is what makes short keys cheap.
 * The map probes linearly over a power of two of slots, at most two thirds
 * full; a slot is free while its value is NULL. Nothing is ever removed.
 */
#include "core/base/hash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define STRMAP_FIRST 16
#define HASH_SALT_SPREAD UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio, odd */

/* Written before the first thread starts, afterwards only read. */
static uint64_t hash_seed;

void hash_seed_init(void)
{
    uint64_t seed;
    ssize_t got;
    do {
        got = getrandom(&seed, sizeof(seed), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(seed))
        abort();
    hash_seed = seed;
}

void hash_seed_set(uint64_t seed)
{
    hash_seed = seed;
}

static uint64_t hash_with(struct span bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.ptr ? bytes.ptr : "", bytes.len, seed);
}

uint64_t hash_span(struct span bytes)
{
    return hash_with(bytes, hash_seed);
}

uint64_t hash_span_salted(struct span bytes, uint64_t salt)
{
    return hash_with(bytes, hash_seed ^ (salt * HASH_SALT_SPREAD));
}

void strmap_init(struct strmap *map)
{
    *map = (struct strmap){0};
}

void strmap_finish(struct strmap *map)
{
    free(map->slots);
    strmap_init(map);
}

/* The slot that has the key, or the free one where it belongs. */
static struct strmap_slot *strmap_probe(const struct strmap *map, uint64_t hash,
                                        struct span key)
{
    size_t mask = map->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct strmap_slot *slot = &map->slots[i];
        if (slot->value == NULL || (slot->hash == hash && span_equal(slot->key, key)))
            return slot;
    }
}

static enum err strmap_grow(struct strmap *map)
{
    struct strmap next = {.cap = map->cap ? map->cap * 2 : STRMAP_FIRST, .count = map->count};
    next.slots = calloc(next.cap, sizeof(*next.slots));
    if (next.slots == NULL)
        return ERR_NOMEM;
    strmap_for_each(map, slot)
        *strmap_probe(&next, slot->hash, slot->key) = *slot;
    free(map->slots);
    *map = next;
    return ERR_OK;
}

static enum err strmap_put(struct strmap *map, struct span key, void *value, bool replace)
{
    assert(value != NULL);
    uint64_t hash = hash_span(key);
    struct strmap_slot *slot = map->cap ? strmap_probe(map, hash, key) : NULL;
    bool exists = slot != NULL && slot->value != NULL;
    if (exists && !replace)
        return ERR_EXISTS;
    if (!exists && map->count + 1 > map->cap / 3 * 2) {
        TRY(strmap_grow(map));
        slot = strmap_probe(map, hash, key);
    }
    *slot = (struct strmap_slot){.hash = hash, .key = key, .value = value};
    map->count += !exists;
    return ERR_OK;
}

enum err strmap_add(struct strmap *map, struct span key, void *value)
{
    return strmap_put(map, key, value, false);
}

enum err strmap_set(struct strmap *map, struct span key, void *value)
{
    return strmap_put(map, key, value, true);
}

void *strmap_get_hashed(const struct strmap *map, uint64_t hash, struct span key)
{
    return map->cap ? strmap_probe(map, hash, key)->value : NULL;
}

void *strmap_get(const struct strmap *map, struct span key)
{
    return map->cap ? strmap_get_hashed(map, hash_span(key), key) : NULL;
}
