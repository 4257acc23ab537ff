/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Four arrays. `given` is what the caller listed and owns the references.
 * `certs` holds them in the order of their store keys, without duplicates.
 * `records` holds one set per store key in the same order, so of two records
 * the one with the greater number wins. `lines` is the table, four slots in a
 * cache line; a name is in the first line from its home that had room, so the
 * first line that is not full ends a search. Names lead to numbers of records,
 * so a renewed certificate changes nothing in the table: then it is shared.
 *
 * A wildcard "*.rest" is stored under the salted hash of ".rest" ("*" under
 * that of nothing). A name finds it by what follows its own first label; and
 * so does the literal name "*.rest", whose first label replaced by '*' is itself.
 *
 * A slot compares the whole hash first and then the name, which lies with a
 * length byte before it in `names`; so an unknown name costs two cache lines,
 * fetched side by side.
 */
#include "tls/cert_index.h"

#include "core/base/hash.h"
#include "core/base/limits.h"
#include "tls/cert_sort.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LINE_SLOTS 4
#define CACHE_LINE 64
#define HUGE_PAGE ((size_t)2 << 20)
#define WILDCARD_SALT 1
#define NO_RECORD (-1)

struct slot {
    uint64_t hash;
    uint32_t record;
    uint32_t name; /* offset into `names`; 0: the slot is free */
};

struct line {
    _Alignas(CACHE_LINE) struct slot slots[LINE_SLOTS];
};

struct record {
    _Alignas(CACHE_LINE) struct cert_set set;
    uint32_t first; /* of its certificates in `certs` */
};

struct cert_index {
    struct line *lines;
    size_t line_mask;
    uint8_t *names;
    unsigned *sharers; /* how many indexes have these lines and names */
    struct record *records;
    struct cert **given, **certs;
    struct cert_set default_set;
    size_t given_count, cert_count, record_count, name_count;
    size_t name_bytes;
};

/* What a SAN or a name is looked for by: its hash, and the bytes after '*' for a wildcard. */
struct probe {
    uint64_t hash;
    struct span bytes;
    bool wildcard;
};

static bool is_wildcard(struct span name)
{
    return name.len > 0 && name.ptr[0] == '*' && (name.len == 1 || name.ptr[1] == '.');
}

static struct probe probe_of_san(struct span name)
{
    if (!is_wildcard(name))
        return (struct probe){hash_span(name), name, false};
    struct span rest = span_skip(name, 1);
    return (struct probe){hash_span_salted(rest, WILDCARD_SALT), rest, true};
}

static bool slot_matches(const struct cert_index *index, const struct slot *slot,
                         const struct probe *probe)
{
    if (slot->hash != probe->hash)
        return false;
    const uint8_t *stored = index->names + slot->name;
    struct span name = span_make(stored + 1, stored[0]);
    if (is_wildcard(name) != probe->wildcard)
        return false;
    return span_equal(span_skip(name, probe->wildcard ? 1 : 0), probe->bytes);
}

/* The slot with the name, or the free one where it belongs. The table is at most half full. */
static struct slot *find_slot(const struct cert_index *index, const struct probe *probe)
{
    for (size_t at = probe->hash;; at++) {
        struct line *line = &index->lines[at & index->line_mask];
        for (size_t i = 0; i < LINE_SLOTS; i++) {
            struct slot *slot = &line->slots[i];
            if (slot->name == 0 || slot_matches(index, slot, probe))
                return slot;
        }
    }
}

static int64_t find_record(const struct cert_index *index, const struct probe *probe)
{
    const struct slot *slot = find_slot(index, probe);
    return slot->name == 0 ? NO_RECORD : (int64_t)slot->record;
}

const struct cert_set *cert_index_find(const struct cert_index *index, struct span name,
                                       uint64_t hash)
{
    if (name.len == 0 || name.len > LIMIT_HOST_NAME)
        return NULL;
    __builtin_prefetch(&index->lines[hash & index->line_mask]);
    ptrdiff_t dot = span_find(name, '.', 0);
    struct span rest = span_skip(name, dot < 0 ? name.len : (size_t)dot);
    struct probe wildcard = {hash_span_salted(rest, WILDCARD_SALT), rest, true};
    __builtin_prefetch(&index->lines[wildcard.hash & index->line_mask]);
    struct probe exact = {hash, name, false};

    int64_t by_name = find_record(index, &exact);
    int64_t by_wildcard = find_record(index, &wildcard);
    int64_t winner = by_name > by_wildcard ? by_name : by_wildcard;
    return winner == NO_RECORD ? NULL : &index->records[winner].set;
}

const struct cert_set *cert_index_default(const struct cert_index *index)
{
    return &index->default_set;
}

/* ---- building ---- */

/* Zeroed; on huge pages where it is worth it and the system has them: a look-up in a large table is
 * one miss of the cache and would be one of the TLB too. */
static void *table_alloc(size_t size)
{
    bool large = size >= 2 * HUGE_PAGE;
    size_t alignment = large ? HUGE_PAGE : CACHE_LINE;
    size = (size + alignment - 1) / alignment * alignment;
    void *table = aligned_alloc(alignment, size);
    if (table == NULL)
        return NULL;
    if (large)
        (void)madvise(table, size, MADV_HUGEPAGE);
    return memset(table, 0, size);
}

/* From the sorted list: drops duplicates and makes one record of the certificates of one store
 * key. */
static void build_records(struct cert_index *index)
{
    size_t kept = 0, records = 0;
    for (size_t i = 0; i < index->cert_count; i++) {
        struct cert *cert = index->certs[i];
        if (kept == 0 || !span_equal(index->certs[kept - 1]->store_key, cert->store_key))
            index->records[records++].first = (uint32_t)kept;
        struct cert **place = &index->records[records - 1].set.by_type[cert->key_type];
        if (*place != NULL)
            continue;
        *place = cert;
        index->certs[kept++] = cert;
    }
    index->cert_count = kept;
    index->record_count = records;
}

static const struct cert *record_cert(const struct record *record)
{
    for (size_t type = 0; type < CERT_INDEX_KEY_TYPES; type++) {
        if (record->set.by_type[type] != NULL)
            return record->set.by_type[type];
    }
    return NULL;
}

/* Longer names than a client may ask for need no slot. */
static bool is_indexed(struct span name)
{
    return name.len > 0 && name.len <= LIMIT_HOST_NAME;
}

static void measure_names(const struct cert_index *index, size_t *count, size_t *bytes)
{
    *count = 0;
    *bytes = 1; /* offset 0 means a free slot */
    for (size_t i = 0; i < index->record_count; i++) {
        struct span names = record_cert(&index->records[i])->store_key;
        while (names.len > 0) {
            struct span name;
            names = span_split(names, ',', &name);
            *count += is_indexed(name);
            *bytes += is_indexed(name) ? 1 + name.len : 0;
        }
    }
}

static void insert_name(struct cert_index *index, struct span name, uint32_t record)
{
    struct probe probe = probe_of_san(name);
    struct slot *slot = find_slot(index, &probe);
    if (slot->name != 0)
        return; /* a later record has it, which wins */
    *slot = (struct slot){probe.hash, record, (uint32_t)index->name_bytes};
    index->names[index->name_bytes++] = (uint8_t)name.len;
    memcpy(index->names + index->name_bytes, name.ptr, name.len);
    index->name_bytes += name.len;
    index->name_count++;
}

static enum err build_table(struct cert_index *index)
{
    size_t count, bytes, lines = 1;
    measure_names(index, &count, &bytes);
    if (bytes > UINT32_MAX || index->record_count > INT32_MAX)
        return ERR_LIMIT;
    while (lines * LINE_SLOTS < 2 * count)
        lines *= 2;
    index->lines = table_alloc(lines * sizeof(*index->lines));
    index->names = table_alloc(bytes);
    index->sharers = malloc(sizeof(*index->sharers));
    if (index->sharers != NULL)
        *index->sharers = 1;
    if (index->lines == NULL || index->names == NULL || index->sharers == NULL)
        return ERR_NOMEM;
    index->line_mask = lines - 1;
    index->name_bytes = 1;
    for (size_t record = index->record_count; record-- > 0;) {
        struct span names = record_cert(&index->records[record])->store_key;
        while (names.len > 0) {
            struct span name;
            names = span_split(names, ',', &name);
            if (is_indexed(name))
                insert_name(index, name, (uint32_t)record);
        }
    }
    return ERR_OK;
}

static enum err take_certs(struct cert_index *index, struct cert *const *certs, size_t count)
{
    if (count == 0)
        return ERR_OK;
    index->given = calloc(count, sizeof(*index->given));
    index->certs = calloc(count, sizeof(*index->certs));
    index->records = table_alloc(count * sizeof(*index->records));
    if (index->given == NULL || index->certs == NULL || index->records == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        index->given[i] = cert_ref(certs[i]);
    index->given_count = count;
    return ERR_OK;
}

static enum err arrange(struct cert_index *index)
{
    if (index->given_count > 0)
        memcpy(index->certs, index->given, index->given_count * sizeof(*index->certs));
    index->cert_count = index->given_count;
    TRY(cert_sort(index->certs, index->cert_count));
    build_records(index);
    return build_table(index);
}

static void take_default(struct cert_index *index, const struct cert_set *set)
{
    size_t given = 0;
    for (size_t type = 0; type < CERT_INDEX_KEY_TYPES; type++) {
        if (set->by_type[type] != NULL) {
            index->default_set.by_type[type] = cert_ref(set->by_type[type]);
            given++;
        }
    }
    assert(given > 0);
}

/* ---- building from the one before ---- */

/* Whether the lists are the same but for certificates that stand in the places of others with the
 * same names and key type. */
static bool differs_in_renewals_only(const struct cert_index *previous, struct cert *const *certs,
                                     size_t count)
{
    if (previous->given_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct cert *old = previous->given[i];
        if (old != certs[i] && (old->key_type != certs[i]->key_type ||
                                !span_equal(old->store_key, certs[i]->store_key)))
            return false;
    }
    return true;
}

/* The record of a store key that has one. */
static struct record *record_of(const struct cert_index *index, struct span store_key)
{
    size_t low = 0, high = index->record_count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span_compare(record_cert(&index->records[middle])->store_key, store_key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return &index->records[low];
}

static void renew(struct cert_index *index, const struct cert *old, struct cert *new)
{
    struct record *record = record_of(index, old->store_key);
    if (record->set.by_type[old->key_type] != old)
        return; /* a duplicate: not used */
    record->set.by_type[old->key_type] = new;
    size_t at = record->first;
    while (index->certs[at] != old)
        at++;
    index->certs[at] = new;
}

static void take_over(struct cert_index *index, const struct cert_index *previous)
{
    index->lines = previous->lines;
    index->line_mask = previous->line_mask;
    index->names = previous->names;
    index->name_bytes = previous->name_bytes;
    index->name_count = previous->name_count;
    index->sharers = previous->sharers;
    ++*index->sharers;
    index->cert_count = previous->cert_count;
    index->record_count = previous->record_count;
    if (index->given_count == 0)
        return;
    memcpy(index->certs, previous->certs, index->cert_count * sizeof(*index->certs));
    memcpy(index->records, previous->records, index->record_count * sizeof(*index->records));
    for (size_t i = 0; i < index->given_count; i++) {
        if (index->given[i] != previous->given[i])
            renew(index, previous->given[i], index->given[i]);
    }
}

/* ---- life ---- */

enum err cert_index_create(struct cert *const *certs, size_t count,
                           const struct cert_set *default_set, const struct cert_index *previous,
                           size_t *duplicates, struct cert_index **out)
{
    struct cert_index *index = calloc(1, sizeof(*index));
    if (index == NULL)
        return ERR_NOMEM;
    take_default(index, default_set);
    enum err error = take_certs(index, certs, count);
    if (error == ERR_OK && previous != NULL && differs_in_renewals_only(previous, certs, count))
        take_over(index, previous);
    else if (error == ERR_OK)
        error = arrange(index);
    if (error != ERR_OK) {
        cert_index_destroy(index);
        return error;
    }
    if (duplicates != NULL)
        *duplicates = count - index->cert_count;
    *out = index;
    return ERR_OK;
}

void cert_index_destroy(struct cert_index *index)
{
    if (index == NULL)
        return;
    for (size_t i = 0; i < index->given_count; i++)
        cert_unref(index->given[i]);
    for (size_t type = 0; type < CERT_INDEX_KEY_TYPES; type++)
        cert_unref(index->default_set.by_type[type]);
    if (index->sharers == NULL || --*index->sharers == 0) {
        free(index->lines);
        free(index->names);
        free(index->sharers);
    }
    free(index->given);
    free(index->certs);
    free(index->records);
    free(index);
}

/* ---- the rest ---- */

size_t cert_name_normalise(struct span name, char *out)
{
    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    if (name.len == 0 || name.len > LIMIT_HOST_NAME)
        return 0;
    for (size_t i = 0; i < name.len; i++)
        out[i] = ascii_lower(name.ptr[i]);
    out[name.len] = '\0';
    return name.len;
}

void cert_index_stats(const struct cert_index *index, struct cert_index_stats *out)
{
    size_t lines = index->line_mask + 1;
    *out = (struct cert_index_stats){
        .certs = index->cert_count,
        .names = index->name_count,
        .slots = lines * LINE_SLOTS,
        .bytes = sizeof(*index) + lines * sizeof(*index->lines) + index->name_bytes +
                 index->given_count * (2 * sizeof(*index->certs) + sizeof(*index->records)),
    };
}

const struct cert *cert_index_at(const struct cert_index *index, size_t i)
{
    assert(i < index->cert_count);
    return index->certs[i];
}
