/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A free list of equal-sized objects for one thread: pool_get and pool_put
 * never lock and seldom reach malloc. Objects come back uninitialised. At most
 * `keep` idle objects are kept; the number in use is not limited here (each
 * owner has its own limit).
 */
#ifndef WEIR_CORE_BASE_POOL_H
#define WEIR_CORE_BASE_POOL_H

#include <stddef.h>

struct pool_item;

struct pool {
    struct pool_item *idle;
    size_t size;
    size_t keep;
    size_t idle_count;
    size_t used_count;
};

void pool_init(struct pool *pool, size_t size, size_t keep);
/* Every object must have come back. */
void pool_finish(struct pool *pool);
void *pool_get(struct pool *pool); /* NULL: out of memory */
void pool_put(struct pool *pool, void *object);

#endif
