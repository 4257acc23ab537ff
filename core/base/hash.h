/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Seeded XXH3-64 and a string map on it. The seed is drawn once per process by
 * hash_seed_init (before any thread starts), so that nobody can choose names
 * that collide.
 */
#ifndef WEIR_CORE_BASE_HASH_H
#define WEIR_CORE_BASE_HASH_H

#include "core/base/err.h"
#include "core/base/span.h"

/* Draws the process's seed from getrandom; hash_seed_set is for tests. */
void hash_seed_init(void);
void hash_seed_set(uint64_t seed);

uint64_t hash_span(struct span bytes);
/* The same seed, mixed with `salt`. */
uint64_t hash_span_salted(struct span bytes, uint64_t salt);

/*
 * strmap: open addressing, keys borrowed (they must outlive the map), values
 * are pointers. Build on one thread; afterwards any number may read.
 */
struct strmap_slot {
    uint64_t hash;
    struct span key;
    void *value;
};

struct strmap {
    struct strmap_slot *slots;
    size_t cap; /* zero or a power of two */
    size_t count;
};

void strmap_init(struct strmap *map);
void strmap_finish(struct strmap *map);
/* ERR_EXISTS keeps the old value. value must not be NULL. */
MUST_USE enum err strmap_add(struct strmap *map, struct span key, void *value);
/* Adds, or replaces both the value and the borrowed key. */
MUST_USE enum err strmap_set(struct strmap *map, struct span key, void *value);
void *strmap_get(const struct strmap *map, struct span key);
void *strmap_get_hashed(const struct strmap *map, uint64_t hash, struct span key);

#define strmap_for_each(map, slot)                                                       \
    for (struct strmap_slot *slot = (map)->slots;                                        \
         (map)->slots != NULL && slot < (map)->slots + (map)->cap; slot++)               \
        if (slot->value != NULL)

#endif
