/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Separate chaining; the number of buckets doubles when there are more links
 * than buckets.
 */
#include "config/watch_table.h"

#include <assert.h>
#include <stdlib.h>

#define TABLE_FIRST 64

void watch_table_finish(struct watch_table *table)
{
    free(table->buckets);
    *table = (struct watch_table){0};
}

static struct watch_link **table_bucket(const struct watch_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->cap - 1)];
}

static void table_insert(struct watch_table *table, struct watch_link *link)
{
    struct watch_link **bucket = table_bucket(table, link->hash);
    link->next = *bucket;
    *bucket = link;
}

static enum err table_resize(struct watch_table *table, size_t cap)
{
    struct watch_link **buckets = calloc(cap, sizeof(struct watch_link *));
    if (buckets == NULL)
        return table->buckets != NULL ? ERR_OK : ERR_NOMEM;
    struct watch_table larger = {.buckets = buckets, .cap = cap, .count = table->count};
    for (size_t i = 0; i < table->cap; i++) {
        for (struct watch_link *link = table->buckets[i], *next; link != NULL; link = next) {
            next = link->next;
            table_insert(&larger, link);
        }
    }
    free(table->buckets);
    *table = larger;
    return ERR_OK;
}

enum err watch_table_reserve(struct watch_table *table, size_t extra)
{
    size_t cap = table->cap > 0 ? table->cap : TABLE_FIRST;
    while (cap < table->count + extra)
        cap *= 2;
    return cap == table->cap ? ERR_OK : table_resize(table, cap);
}

void watch_table_add(struct watch_table *table, struct watch_link *link)
{
    assert(table->cap > 0);
    table_insert(table, link);
    table->count++;
}

void watch_table_remove(struct watch_table *table, struct watch_link *link)
{
    struct watch_link **place = table_bucket(table, link->hash);
    while (*place != link) {
        assert(*place != NULL);
        place = &(*place)->next;
    }
    *place = link->next;
    table->count--;
}

static struct watch_link *link_with_hash(struct watch_link *link, uint64_t hash)
{
    while (link != NULL && link->hash != hash)
        link = link->next;
    return link;
}

struct watch_link *watch_table_first(const struct watch_table *table, uint64_t hash)
{
    return table->cap > 0 ? link_with_hash(*table_bucket(table, hash), hash) : NULL;
}

struct watch_link *watch_table_next(const struct watch_link *link)
{
    return link_with_hash(link->next, link->hash);
}
