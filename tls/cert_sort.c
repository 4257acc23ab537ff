/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A radix sort over eight bytes of the keys at a time: load them as one
 * big-endian number, sort by it (least significant byte first, leaving out the
 * bytes that all share), then go on eight bytes deeper in each run that is
 * still equal. Keys hold no NUL, so padding with zeros puts shorter ones first.
 */
#include "tls/cert_sort.h"

#include <endian.h>
#include <stdlib.h>

#define WORD 8
#define SMALL_RUN 24 /* below it, insertion is quicker than counting */

struct sort_item {
    uint64_t word; /* the key's bytes at the depth that is being sorted */
    struct cert *cert;
};

static uint64_t load_word(struct span key, size_t depth)
{
    uint64_t word = 0;
    if (depth < key.len) {
        size_t n = key.len - depth;
        memcpy(&word, key.ptr + depth, n < WORD ? n : WORD);
    }
    return be64toh(word);
}

static void insertion_sort(struct sort_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct sort_item item = items[i];
        size_t to = i;
        while (to > 0 && span_compare(items[to - 1].cert->store_key, item.cert->store_key) > 0) {
            items[to] = items[to - 1];
            to--;
        }
        items[to] = item;
    }
}

/* One stable pass by one byte of the word, from `from` to `to`. */
__attribute__((noinline)) static void counting_pass(const struct sort_item *from,
                                                    struct sort_item *to, size_t count,
                                                    unsigned shift)
{
    size_t next[256] = {0};
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        next[from[i].word >> shift & 0xff]++;
    for (size_t value = 0; value < 256; value++) {
        size_t of_value = next[value];
        next[value] = total;
        total += of_value;
    }
    for (size_t i = 0; i < count; i++)
        to[next[from[i].word >> shift & 0xff]++] = from[i];
}

static void sort_by_word(struct sort_item *items, struct sort_item *scratch, size_t count,
                         uint64_t differing)
{
    struct sort_item *from = items, *to = scratch;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if ((differing >> shift & 0xff) == 0)
            continue;
        counting_pass(from, to, count, shift);
        struct sort_item *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != items)
        memcpy(items, from, count * sizeof(*items));
}

/* Loads the words at the first depth from `depth` on where the keys differ. */
static uint64_t load_words(struct sort_item *items, size_t count, size_t *depth)
{
    for (;; *depth += WORD) {
        uint64_t differing = 0;
        size_t longest = 0;
        for (size_t i = 0; i < count; i++) {
            struct span key = items[i].cert->store_key;
            items[i].word = load_word(key, *depth);
            differing |= items[i].word ^ items[0].word;
            longest = key.len > longest ? key.len : longest;
        }
        if (differing != 0 || longest <= *depth + WORD)
            return differing;
    }
}

static void sort_run(struct sort_item *items, struct sort_item *scratch, size_t count,
                     size_t depth)
{
    if (count <= SMALL_RUN) {
        insertion_sort(items, count);
        return;
    }
    uint64_t differing = load_words(items, count, &depth);
    if (differing == 0)
        return;
    sort_by_word(items, scratch, count, differing);
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count && items[end].word == items[start].word; end++)
            ;
        if (end - start > 1)
            sort_run(items + start, scratch, end - start, depth + WORD);
    }
}

enum err cert_sort(struct cert **certs, size_t count)
{
    if (count < 2)
        return ERR_OK;
    struct sort_item *items = calloc(count, 2 * sizeof(*items));
    if (items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        items[i].cert = certs[i];
    sort_run(items, items + count, count, 0);
    for (size_t i = 0; i < count; i++)
        certs[i] = items[i].cert;
    free(items);
    return ERR_OK;
}
