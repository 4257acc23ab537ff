/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools stand in a hash table by the server's id. Idle connections are used
 * last in, first out, so that the superfluous ones grow old and time out; those
 * above the pool's limit do so at once, but not before the next burst has had
 * its chance to use them. A pool whose server is gone leaves the table and is
 * freed with its last user.
 */
#include "core/proxy/upstream_stream.h"

#include "core/base/clock.h"

#include <assert.h>
#include <stdlib.h>

#define BUCKETS_FIRST 64
#define OBJECTS_KEEP 256
#define SURPLUS_MS 1000 /* how long an idle connection above the limit is kept */
#define FINISH_WAIT_NS (2 * NS_PER_S)

struct upstream_pools {
    struct upstream_pool **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    struct pool objects; /* struct upstream_conn */
    struct pool streams; /* struct upstream_stream */
    struct list flushing; /* connections that close when they have sent all */
};

enum err upstream_pools_init(struct worker *worker)
{
    struct upstream_pools *pools = calloc(1, sizeof(*pools));
    if (pools == NULL)
        return ERR_NOMEM;
    pools->bucket_count = BUCKETS_FIRST;
    pools->buckets = calloc(pools->bucket_count, sizeof(*pools->buckets));
    if (pools->buckets == NULL) {
        free(pools);
        return ERR_NOMEM;
    }
    pool_init(&pools->objects, sizeof(struct upstream_conn), OBJECTS_KEEP);
    list_init(&pools->flushing);
    pool_init(&pools->streams, sizeof(struct upstream_stream), OBJECTS_KEEP);
    worker->upstreams = pools;
    return ERR_OK;
}

/* ---- one pool ---- */

static void free_pool(struct upstream_pool *pool)
{
    assert(pool->users == 0 && list_empty(&pool->idle) && list_empty(&pool->waiting));
    server_unref(pool->server);
    free(pool);
}

static void close_idle(struct upstream_pool *pool)
{
    struct upstream_conn *backend;
    while ((backend = upstream_pool_take(pool)) != NULL) {
        upstream_set_state(backend, UPSTREAM_CLOSING);
        conn_close(&backend->conn);
    }
}

/* Those that carry streams end with the last of them. */
static void retire_sessions(struct upstream_pool *pool)
{
    list_for_each(node, &pool->sessions) {
        upstream_http2_retire(container_of(node, struct upstream_conn, link));
    }
}

/* Before the server was asked. */
static enum upstream_protocol first_protocol(const struct upstream_pool *pool)
{
    if (pool->server->h2c)
        return UPSTREAM_HTTP2;
    return pool->server->https && pool->http2 ? UPSTREAM_UNKNOWN : UPSTREAM_HTTP1;
}

/* What the snapshot says of the server's transport. */
static void learn_transport(struct upstream_pool *pool, const struct snapshot *snapshot)
{
    const struct upstream_transport *transport =
        snapshot_transport(snapshot, pool->server->transport);
    if (transport == NULL)
        return;
    bool same = transport->tls_digest == pool->tls_digest;
    pool->tls_digest = transport->tls_digest;
    pool->http2 = transport->http2;
    pool->idle_timeout_ms = transport->idle_timeout_ms;
    pool->max_idle = transport->max_idle;
    if (same)
        return;
    pool->protocol = first_protocol(pool);
    close_idle(pool);
    retire_sessions(pool);
}

struct upstream_conn *upstream_pool_take(struct upstream_pool *pool)
{
    struct list *node = list_pop_front(&pool->idle);
    if (node == NULL)
        return NULL;
    pool->idle_count--;
    return container_of(node, struct upstream_conn, link);
}

/* How long the next one may be idle; 0: for ever. */
static int64_t idle_time_ms(const struct upstream_pool *pool)
{
    bool surplus = pool->idle_count >= pool->max_idle;
    if (surplus && (pool->idle_timeout_ms == 0 || pool->idle_timeout_ms > SURPLUS_MS))
        return SURPLUS_MS;
    return pool->idle_timeout_ms;
}

bool upstream_pool_park(struct upstream_conn *backend)
{
    struct upstream_pool *pool = backend->pool;
    if (pool->gone || pool->max_idle == 0 || backend->tls_digest != pool->tls_digest)
        return false;
    int64_t idle_ms = idle_time_ms(pool);
    upstream_set_state(backend, UPSTREAM_IDLE);
    list_push_front(&pool->idle, &backend->link);
    pool->idle_count++;
    conn_set_timeout(&backend->conn, idle_ms);
    return true;
}

void upstream_pool_use(struct upstream_pool *pool)
{
    pool->users++;
}

void upstream_pool_release(struct upstream_pool *pool)
{
    pool->users--;
    if (pool->gone && pool->users == 0)
        free_pool(pool);
}

struct upstream_conn *upstream_create(struct upstream_pool *pool)
{
    struct worker *worker = pool->worker;
    struct upstream_conn *backend = pool_get(&worker->upstreams->objects);
    if (backend == NULL)
        return NULL;
    memset(backend, 0, sizeof(*backend));
    backend->upstream.ops = &upstream_http1_ops;
    backend->conn.worker = worker;
    backend->pool = pool;
    backend->state = UPSTREAM_CONNECTING;
    list_init(&backend->link);
    list_init(&backend->task.link);
    buf_init(&backend->input, UPSTREAM_HEAD_BYTES + WORKER_SCRATCH_SIZE +
                                   (size_t)worker->settings->weir.buffer_size);
    upstream_pool_use(pool);
    return backend;
}

void upstream_close_after_flush(struct upstream_conn *backend)
{
    upstream_set_state(backend, UPSTREAM_CLOSING);
    list_push_back(&backend->conn.worker->upstreams->flushing, &backend->link);
    conn_close_after_flush(&backend->conn, false);
}

void upstream_free(struct upstream_conn *backend)
{
    struct upstream_pool *pool = backend->pool;
    struct worker *worker = backend->conn.worker;
    list_remove(&backend->link);
    assert(backend->upstream.exchange == NULL);
    worker_task_cancel(&backend->task);
    buf_finish(&backend->input);
    h1_body_finish(&backend->body);
    if (backend->hold != NULL)
        snapshot_hold_release(backend->hold);
    free(backend->http2);
    pool_put(&worker->upstreams->objects, backend);
    upstream_pool_release(pool);
}

struct upstream_stream *upstream_stream_alloc(struct upstream_pool *pool)
{
    struct upstream_stream *stream = pool_get(&pool->worker->upstreams->streams);
    if (stream != NULL)
        upstream_pool_use(pool);
    return stream;
}

void upstream_stream_free(struct upstream_stream *stream)
{
    struct upstream_pool *pool = stream->pool;
    pool_put(&pool->worker->upstreams->streams, stream);
    upstream_pool_release(pool);
}

/* ---- the table ---- */

static struct upstream_pool **bucket_of(const struct upstream_pools *pools, uint64_t id)
{
    return &pools->buckets[id & (pools->bucket_count - 1)];
}

/* Without memory the table stays as it is, only slower. */
static void grow(struct upstream_pools *pools)
{
    struct upstream_pools next = {.bucket_count = pools->bucket_count * 2};
    next.buckets = calloc(next.bucket_count, sizeof(*next.buckets));
    if (next.buckets == NULL)
        return;
    for (size_t i = 0; i < pools->bucket_count; i++) {
        struct upstream_pool *pool;
        while ((pool = pools->buckets[i]) != NULL) {
            pools->buckets[i] = pool->next;
            struct upstream_pool **bucket = bucket_of(&next, pool->server->id);
            pool->next = *bucket;
            *bucket = pool;
        }
    }
    free(pools->buckets);
    pools->buckets = next.buckets;
    pools->bucket_count = next.bucket_count;
}

static struct upstream_pool *add_pool(struct worker *worker, const struct server *server)
{
    struct upstream_pools *pools = worker->upstreams;
    struct upstream_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL)
        return NULL;
    pool->worker = worker;
    pool->server = server_ref((struct server *)server);
    list_init(&pool->idle);
    list_init(&pool->sessions);
    list_init(&pool->waiting);
    learn_transport(pool, worker->hold->snapshot);
    pool->protocol = first_protocol(pool);
    if (pools->count >= pools->bucket_count)
        grow(pools);
    struct upstream_pool **bucket = bucket_of(pools, server->id);
    pool->next = *bucket;
    *bucket = pool;
    pools->count++;
    return pool;
}

struct upstream_pool *upstream_pool_find(struct worker *worker, const struct server *server)
{
    struct upstream_pool *pool = *bucket_of(worker->upstreams, server->id);
    while (pool != NULL && pool->server != server)
        pool = pool->next;
    return pool != NULL ? pool : add_pool(worker, server);
}

/* Takes the pool that *place points to out of the table. */
static void drop_pool(struct upstream_pools *pools, struct upstream_pool **place)
{
    struct upstream_pool *pool = *place;
    *place = pool->next;
    pools->count--;
    pool->gone = true;
    upstream_pool_use(pool);
    close_idle(pool);
    retire_sessions(pool);
    if (list_empty(&pool->waiting))
        upstream_undial(pool);
    upstream_pool_release(pool);
}

void upstream_pools_refresh(struct worker *worker, const struct snapshot *snapshot)
{
    struct upstream_pools *pools = worker->upstreams;
    for (size_t i = 0; i < pools->bucket_count; i++) {
        struct upstream_pool **place = &pools->buckets[i];
        while (*place != NULL) {
            struct upstream_pool *pool = *place;
            /* Relaxed: the snapshot's publication has ordered it before. */
            uint64_t epoch = atomic_load_explicit(&pool->server->epoch, memory_order_relaxed);
            if (epoch < snapshot->epoch) {
                drop_pool(pools, place);
                continue;
            }
            learn_transport(pool, snapshot);
            place = &pool->next;
        }
    }
}

/* The kernel's answers to the closing are waited for, as the operations are
 * embedded in the objects. */
static void wait_until_closed(struct worker *worker)
{
    list_for_each(node, &worker->upstreams->flushing) {
        conn_close(&container_of(node, struct upstream_conn, link)->conn);
    }
    int64_t deadline = clock_monotonic_ns() + FINISH_WAIT_NS;
    while (worker->upstreams->objects.used_count > 0 && clock_monotonic_ns() < deadline) {
        if (ring_turn(&worker->ring, worker_wait_ms(worker) == 0 ? 0 : 10, NULL) != ERR_OK)
            return;
        worker_turn_end(worker);
    }
}

void upstream_pools_finish(struct worker *worker)
{
    struct upstream_pools *pools = worker->upstreams;
    if (pools == NULL)
        return;
    for (size_t i = 0; i < pools->bucket_count; i++) {
        while (pools->buckets[i] != NULL)
            drop_pool(pools, &pools->buckets[i]);
    }
    wait_until_closed(worker);
    pool_finish(&pools->objects);
    pool_finish(&pools->streams);
    free(pools->buckets);
    free(pools);
    worker->upstreams = NULL;
}
