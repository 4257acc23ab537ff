/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table whose links live in what it holds, so that holding and dropping
 * allocate nothing but the array of buckets. Several things may have the same
 * hash; who looks up compares. Part of config/watch; one thread.
 */
#ifndef WEIR_CONFIG_WATCH_TABLE_H
#define WEIR_CONFIG_WATCH_TABLE_H

#include "core/base/err.h"

#include <stdint.h>

struct watch_link {
    struct watch_link *next;
    uint64_t hash; /* set before watch_table_add */
};

struct watch_table {
    struct watch_link **buckets;
    size_t cap; /* zero or a power of two */
    size_t count;
};

void watch_table_finish(struct watch_table *table);
/* Room for `extra` more; ERR_NOMEM only when there is none at all yet: a table
 * that cannot grow gets slower, not wrong. */
MUST_USE enum err watch_table_reserve(struct watch_table *table, size_t extra);
/* Needs a table that was reserved once. */
void watch_table_add(struct watch_table *table, struct watch_link *link);
/* link must be in the table. */
void watch_table_remove(struct watch_table *table, struct watch_link *link);

/* All that have that hash, in no order. */
struct watch_link *watch_table_first(const struct watch_table *table, uint64_t hash);
struct watch_link *watch_table_next(const struct watch_link *link);

#endif
