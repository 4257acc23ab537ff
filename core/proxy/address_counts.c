/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Buckets of one cache line. A slot is one word, who and how many: a slot with the
 * number 0 is free, so that leaving is one subtraction, and a slot with a number is
 * nobody else's. Two workers that add the same address at the same time may take
 * two slots for it; their numbers are added up.
 *
 * Relaxed throughout: a word orders nothing but itself.
 */
#include "core/proxy/address_counts.h"

#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 8 /* of a bucket */
#define COUNT_BITS 24
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
/* Slots for each connection: even if every one has an address of its own, a bucket
 * has two on average, and more than eight in one of four thousand. */
#define SPARE 4

struct bucket {
    _Alignas(64) address_slot slots[SLOTS];
};

struct address_counts {
    struct bucket *buckets;
    uint64_t mask;
    uint64_t limit;
    unsigned prefix6;
};

enum err address_counts_create(size_t connections, size_t limit, unsigned prefix6,
                               struct address_counts **out)
{
    size_t count = 1;
    while (count * SLOTS < connections * SPARE)
        count *= 2;
    struct address_counts *counts = calloc(1, sizeof(*counts));
    if (counts == NULL)
        return ERR_NOMEM;
    counts->buckets = aligned_alloc(_Alignof(struct bucket), count * sizeof(struct bucket));
    if (counts->buckets == NULL) {
        free(counts);
        return ERR_NOMEM;
    }
    memset(counts->buckets, 0, count * sizeof(struct bucket));
    counts->mask = count - 1;
    counts->limit = limit < COUNT_MASK ? limit : COUNT_MASK;
    counts->prefix6 = prefix6;
    *out = counts;
    return ERR_OK;
}

void address_counts_destroy(struct address_counts *counts)
{
    if (counts == NULL)
        return;
    free(counts->buckets);
    free(counts);
}

uint64_t address_hash(const uint8_t ip[16], unsigned prefix6)
{
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t bytes[16] = {0};
    unsigned bits = memcmp(ip, v4_mapped, sizeof(v4_mapped)) == 0 ? 128 : prefix6;
    memcpy(bytes, ip, bits / 8);
    if (bits % 8 != 0)
        bytes[bits / 8] = (uint8_t)(ip[bits / 8] & (0xff00 >> bits % 8));
    return hash_span(span_make(bytes, sizeof(bytes)));
}

struct place {
    uint64_t total;     /* of that address */
    address_slot *slot; /* to count in: its own, or a free one; NULL: none */
    uint64_t before;    /* what the slot held */
};

static struct place find(struct bucket *bucket, uint64_t who)
{
    struct place place = {0, NULL, 0};
    bool own = false;
    for (size_t i = 0; i < SLOTS; i++) {
        address_slot *slot = &bucket->slots[i];
        uint64_t word = atomic_load_explicit(slot, memory_order_relaxed);
        uint64_t count = word & COUNT_MASK;
        bool same = count > 0 && word >> COUNT_BITS == who;
        if (same)
            place.total += count;
        if ((same && !own) || (count == 0 && place.slot == NULL)) {
            place.slot = slot;
            place.before = word;
            own = same;
        }
    }
    return place;
}

bool address_counts_enter(struct address_counts *counts, const uint8_t ip[16], address_slot **out)
{
    uint64_t hash = address_hash(ip, counts->prefix6);
    uint64_t who = hash >> COUNT_BITS;
    struct bucket *bucket = &counts->buckets[hash & counts->mask];
    for (;;) {
        struct place place = find(bucket, who);
        if (place.total >= counts->limit)
            return false;
        *out = place.slot;
        if (place.slot == NULL)
            return true;
        uint64_t count = place.before & COUNT_MASK;
        if (atomic_compare_exchange_weak_explicit(place.slot, &place.before,
                                                  who << COUNT_BITS | (count + 1),
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    }
}

void address_counts_leave(address_slot *slot)
{
    if (slot != NULL)
        atomic_fetch_sub_explicit(slot, 1, memory_order_relaxed);
}
