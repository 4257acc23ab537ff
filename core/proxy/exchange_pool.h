/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the exchanges of one worker share: idle exchanges, kept with the first
 * block of their arenas so that a small request allocates nothing; a buffer in
 * which heads are put together; the texts of Date and of the host's name.
 * Worker thread.
 */
#ifndef WEIR_CORE_PROXY_EXCHANGE_POOL_H
#define WEIR_CORE_PROXY_EXCHANGE_POOL_H

#include "core/base/clock.h"
#include "core/proxy/exchange.h"

struct worker;

struct exchange_pool {
    struct list idle;
    size_t idle_count, used_count;
    struct buf wire; /* valid within one callback */
    int64_t date_second;
    char date[CLOCK_RFC3339_SIZE];
    char host_name[256];
};

MUST_USE enum err exchange_pool_init(struct worker *worker);
/* No exchange is in use any more. */
void exchange_pool_finish(struct worker *worker);

/* Zeroed but for arena and bufs; NULL: out of memory. head_bytes: the longest
 * request head, which the arena's limit follows. */
struct exchange *exchange_pool_get(struct worker *worker, size_t head_bytes);
void exchange_pool_put(struct worker *worker, struct exchange *exchange);

/* An empty buf for one message head. */
struct buf *exchange_pool_wire(struct worker *worker);
/* The Date of now; its text changes in place. */
struct span exchange_pool_date(struct worker *worker);

#endif
