/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Four arrays. `given` is what the caller listed and owns the references.
 * `certs` holds them in the order of their store keys. `records` holds one set
 * per store key: first those without a valid certificate, then the others, each
 * in the order of their keys; so of two records the one with the greater number
 * wins. Who becomes valid or expires moves, so the time up to which this holds
 * is kept, and what is made after it is arranged anew. `lines` is the table, four slots in a
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
    uint32_t first, count; /* its certificates in `certs`, the unused ones too */
};

struct cert_index {
    struct line *lines;
    size_t line_mask;
    uint8_t *names;
    unsigned *sharers; /* how many indexes have these lines and names */
    struct record *records;
    struct cert **given, **certs;
    struct cert_set default_set;
    size_t given_count, record_count, name_count;
    size_t invalid_count; /* records without a valid certificate */
    size_t name_bytes;
    int64_t made_s, change_s; /* holds from then until before then */
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

/* Where the certificates with the store key of number i end. */
static size_t run_end(const struct cert_index *index, size_t i)
{
    size_t end = i + 1;
    while (end < index->given_count &&
           span_equal(index->certs[i]->store_key, index->certs[end]->store_key))
        end++;
    return end;
}

static bool has_valid(const struct cert_index *index, size_t begin, size_t end)
{
    while (begin < end && cert_validity(index->certs[begin], index->made_s) != CERT_VALID)
        begin++;
    return begin < end;
}

/* Of each key type the first that is valid; where none is at all, just the first. */
static void settle_record(const struct cert_index *index, struct record *record)
{
    size_t begin = record->first, end = begin + record->count;
    bool valid = has_valid(index, begin, end);
    record->set = (struct cert_set){{NULL}};
    for (size_t i = begin; i < end; i++) {
        struct cert *cert = index->certs[i];
        struct cert **place = &record->set.by_type[cert->key_type];
        if (*place == NULL && (!valid || cert_validity(cert, index->made_s) == CERT_VALID))
            *place = cert;
    }
}

static void add_records(struct cert_index *index, bool valid)
{
    for (size_t i = 0, end; i < index->given_count; i = end) {
        end = run_end(index, i);
        if (has_valid(index, i, end) != valid)
            continue;
        struct record *record = &index->records[index->record_count++];
        record->first = (uint32_t)i;
        record->count = (uint32_t)(end - i);
        settle_record(index, record);
    }
}

/* From the sorted list: one record of the certificates of one store key. */
static void build_records(struct cert_index *index)
{
    add_records(index, false);
    index->invalid_count = index->record_count;
    add_records(index, true);
}

static struct span record_key(const struct cert_index *index, const struct record *record)
{
    return index->certs[record->first]->store_key;
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
        struct span names = record_key(index, &index->records[i]);
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
        struct span names = record_key(index, &index->records[record]);
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
    TRY(cert_sort(index->certs, index->given_count));
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

/* Whether the new one can stand where the old one stood. */
static bool is_renewal(const struct cert *old, const struct cert *new, int64_t now_s)
{
    return old->key_type == new->key_type && span_equal(old->store_key, new->store_key) &&
           cert_validity(old, now_s) == cert_validity(new, now_s);
}

/* Whether the lists are the same but for certificates that stand in the places of others with the
 * same names, key type and validity, and nobody's validity has changed meanwhile. */
static bool differs_in_renewals_only(const struct cert_index *previous, struct cert *const *certs,
                                     size_t count, int64_t now_s)
{
    if (previous->given_count != count || now_s < previous->made_s || now_s >= previous->change_s)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (previous->given[i] != certs[i] && !is_renewal(previous->given[i], certs[i], now_s))
            return false;
    }
    return true;
}

/* The first record from `low` to before `high` whose key is not below. */
static size_t search_records(const struct cert_index *index, size_t low, size_t high,
                             struct span store_key)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span_compare(record_key(index, &index->records[middle]), store_key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The record of a store key that has one. */
static struct record *record_of(const struct cert_index *index, struct span store_key)
{
    size_t at = search_records(index, 0, index->invalid_count, store_key);
    if (at == index->invalid_count ||
        !span_equal(record_key(index, &index->records[at]), store_key))
        at = search_records(index, index->invalid_count, index->record_count, store_key);
    return &index->records[at];
}

static void renew(struct cert_index *index, const struct cert *old, struct cert *new)
{
    struct record *record = record_of(index, old->store_key);
    size_t at = record->first;
    while (index->certs[at] != old)
        at++;
    index->certs[at] = new;
    settle_record(index, record);
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
    index->record_count = previous->record_count;
    index->invalid_count = previous->invalid_count;
    if (index->given_count == 0)
        return;
    memcpy(index->certs, previous->certs, index->given_count * sizeof(*index->certs));
    memcpy(index->records, previous->records, index->record_count * sizeof(*index->records));
    for (size_t i = 0; i < index->given_count; i++) {
        if (index->given[i] != previous->given[i])
            renew(index, previous->given[i], index->given[i]);
    }
}

/* ---- life ---- */

/* When the validity of some certificate changes next. */
static int64_t next_change(const struct cert_index *index)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < index->given_count; i++) {
        const struct cert *cert = index->given[i];
        enum cert_validity validity = cert_validity(cert, index->made_s);
        int64_t change = validity == CERT_NOT_YET_VALID ? cert->not_before_s
                         : validity == CERT_VALID       ? cert->not_after_s + 1
                                                        : INT64_MAX;
        next = change < next ? change : next;
    }
    return next;
}

static size_t count_used(const struct cert_index *index)
{
    size_t used = 0;
    for (size_t i = 0; i < index->record_count; i++) {
        for (size_t type = 0; type < CERT_INDEX_KEY_TYPES; type++)
            used += index->records[i].set.by_type[type] != NULL;
    }
    return used;
}

enum err cert_index_create(struct cert *const *certs, size_t count,
                           const struct cert_set *default_set, int64_t now_s,
                           const struct cert_index *previous, size_t *unused,
                           struct cert_index **out)
{
    struct cert_index *index = calloc(1, sizeof(*index));
    if (index == NULL)
        return ERR_NOMEM;
    index->made_s = now_s;
    take_default(index, default_set);
    enum err error = take_certs(index, certs, count);
    if (error == ERR_OK && previous != NULL &&
        differs_in_renewals_only(previous, certs, count, now_s))
        take_over(index, previous);
    else if (error == ERR_OK)
        error = arrange(index);
    if (error != ERR_OK) {
        cert_index_destroy(index);
        return error;
    }
    index->change_s = next_change(index);
    if (unused != NULL)
        *unused = count - count_used(index);
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
        .certs = index->given_count,
        .names = index->name_count,
        .slots = lines * LINE_SLOTS,
        .bytes = sizeof(*index) + lines * sizeof(*index->lines) + index->name_bytes +
                 index->given_count * (2 * sizeof(*index->certs) + sizeof(*index->records)),
    };
}

const struct cert *cert_index_at(const struct cert_index *index, size_t i)
{
    assert(i < index->given_count);
    return index->certs[i];
}

bool cert_index_uses(const struct cert_index *index, const struct cert *cert)
{
    return record_of(index, cert->store_key)->set.by_type[cert->key_type] == cert;
}

int64_t cert_index_change_s(const struct cert_index *index)
{
    return index->change_s;
}
