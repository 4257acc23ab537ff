/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list of idle exchanges, last in first out. Buffers that one large request
 * made grow are given back, so that the pool's memory stays that of small ones.
 */
#include "core/proxy/exchange_pool.h"

#include "core/proxy/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_FIRST ((size_t)8 << 10)
#define ARENA_MAX ((size_t)4 << 20) /* beside what request heads need */
#define IDLE_MAX 256
#define BUF_KEEP ((size_t)16 << 10)
#define WIRE_MAX ((size_t)16 << 20)
#define BODY_MAX ((size_t)4 << 20) /* far above where the front is paused */

enum err exchange_pool_init(struct worker *worker)
{
    struct exchange_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL)
        return ERR_NOMEM;
    list_init(&pool->idle);
    buf_init(&pool->wire, WIRE_MAX);
    pool->date_second = -1;
    if (gethostname(pool->host_name, sizeof(pool->host_name) - 1) != 0)
        pool->host_name[0] = '\0';
    worker->exchanges = pool;
    return ERR_OK;
}

static void destroy(struct exchange *exchange)
{
    arena_finish(&exchange->arena);
    buf_finish(&exchange->body);
    free(exchange);
}

void exchange_pool_finish(struct worker *worker)
{
    struct exchange_pool *pool = worker->exchanges;
    if (pool == NULL)
        return;
    assert(pool->used_count == 0);
    struct list *node;
    while ((node = list_pop_front(&pool->idle)) != NULL)
        destroy(container_of(node, struct exchange, link));
    buf_finish(&pool->wire);
    free(pool);
    worker->exchanges = NULL;
}

static struct exchange *take(struct exchange_pool *pool)
{
    struct list *node = list_pop_front(&pool->idle);
    if (node != NULL) {
        pool->idle_count--;
        return container_of(node, struct exchange, link);
    }
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return NULL;
    arena_init(&exchange->arena, ARENA_FIRST, ARENA_MAX);
    buf_init(&exchange->body, BODY_MAX);
    list_init(&exchange->link);
    return exchange;
}

struct exchange *exchange_pool_get(struct worker *worker, size_t head_bytes)
{
    struct exchange_pool *pool = worker->exchanges;
    struct exchange *exchange = take(pool);
    if (exchange == NULL)
        return NULL;
    pool->used_count++;
    exchange->arena.max = ARENA_MAX + 4 * head_bytes;
    exchange->worker = worker;
    http_fields_init(&exchange->request_trailers, &exchange->arena);
    http_fields_init(&exchange->response_trailers, &exchange->arena);
    http_fields_init(&exchange->response.fields, &exchange->arena);
    return exchange;
}

void exchange_pool_put(struct worker *worker, struct exchange *exchange)
{
    struct exchange_pool *pool = worker->exchanges;
    pool->used_count--;
    if (pool->idle_count == IDLE_MAX) {
        destroy(exchange);
        return;
    }
    buf_finish(&exchange->body);
    arena_reset(&exchange->arena);
    struct exchange empty = {.arena = exchange->arena, .body = exchange->body};
    *exchange = empty;
    list_push_front(&pool->idle, &exchange->link);
    pool->idle_count++;
}

struct buf *exchange_pool_wire(struct worker *worker)
{
    struct buf *wire = &worker->exchanges->wire;
    buf_clear(wire);
    if (wire->cap > BUF_KEEP)
        buf_release(wire);
    return wire;
}

struct span exchange_pool_date(struct worker *worker)
{
    struct exchange_pool *pool = worker->exchanges;
    int64_t second = worker->now_wall_ns / NS_PER_S;
    if (second != pool->date_second) {
        clock_format_http_date(worker->now_wall_ns, pool->date);
        pool->date_second = second;
    }
    return span_cstr(pool->date);
}
