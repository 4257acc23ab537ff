/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Idle objects are chained through their first bytes. Under AddressSanitizer
 * the rest of an idle object is poisoned, so that a use after pool_put is
 * caught; the chain itself stays visible to LeakSanitizer.
 */
#include "core/base/pool.h"
#include "core/base/poison.h"

#include <assert.h>
#include <stdlib.h>

struct pool_item {
    struct pool_item *next;
};

void pool_init(struct pool *pool, size_t size, size_t keep)
{
    assert(size > 0);
    if (size < sizeof(struct pool_item))
        size = sizeof(struct pool_item);
    *pool = (struct pool){.size = size, .keep = keep};
}

static struct pool_item *pool_pop(struct pool *pool)
{
    struct pool_item *item = pool->idle;
    unpoison_bytes(item + 1, pool->size - sizeof(*item));
    pool->idle = item->next;
    pool->idle_count--;
    return item;
}

void pool_finish(struct pool *pool)
{
    assert(pool->used_count == 0);
    while (pool->idle != NULL)
        free(pool_pop(pool));
}

void *pool_get(struct pool *pool)
{
    void *object = pool->idle != NULL ? pool_pop(pool) : malloc(pool->size);
    if (object != NULL)
        pool->used_count++;
    return object;
}

void pool_put(struct pool *pool, void *object)
{
    assert(object != NULL && pool->used_count > 0);
    pool->used_count--;
    if (pool->idle_count == pool->keep) {
        free(object);
        return;
    }
    struct pool_item *item = object;
    item->next = pool->idle;
    pool->idle = item;
    pool->idle_count++;
    poison_bytes(item + 1, pool->size - sizeof(*item));
}
