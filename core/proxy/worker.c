/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ground of a worker: what it owns comes to life here on its own thread,
 * and a loop turn is cut into a beginning (clocks, new snapshot, timers, tasks
 * that were put off) and an end (everything queued leaves).
 */
#include "core/proxy/worker.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/proxy/client.h"
#include "core/proxy/exchange_pool.h"
#include "core/proxy/front_http2_private.h"
#include "core/proxy/upstream.h"

#include <assert.h>
#include <stdlib.h>

#define WORKER_BUFFER_GROUP 1
#define WORKER_PIPE_BYTES (256 << 10)
#define WORKER_POOL_KEEP 1024

static void read_clocks(struct worker *worker)
{
    worker->now_ms = clock_monotonic_ns() / NS_PER_MS;
    worker->now_wall_ns = clock_wall_ns();
}

static enum err init_memory(struct worker *worker)
{
    const struct model_weir *tuning = &worker->settings->weir;
    worker->scratch = malloc(WORKER_SCRATCH_SIZE);
    worker->piece = malloc(WORKER_PIECE_SIZE);
    worker->buffer_links = calloc(worker->buffers.count, sizeof(*worker->buffer_links));
    if (worker->scratch == NULL || worker->piece == NULL || worker->buffer_links == NULL)
        return ERR_NOMEM;
    TRY(cert_cache_create((size_t)tuning->selection_cache_entries, &worker->cert_cache));
    pipe_cache_init(&worker->pipes, WORKER_PIPE_BYTES);
    pool_init(&worker->client_pool, sizeof(struct client), WORKER_POOL_KEEP);
    pool_init(&worker->stream_pool, sizeof(struct front_stream), WORKER_POOL_KEEP);
    TRY(exchange_pool_init(worker));
    return upstream_pools_init(worker);
}

enum err worker_init(struct worker *worker, size_t index, size_t worker_count,
                     const struct model_static *settings,
                     struct snapshot_publication *publication, struct err_text *why)
{
    const struct model_weir *tuning = &settings->weir;
    worker->index = index;
    worker->worker_count = worker_count;
    worker->settings = settings;
    worker->publication = publication;
    list_init(&worker->holds);
    list_init(&worker->flush);
    list_init(&worker->later);
    timer_init(&worker->later_timer, conn_flush_overdue);
    list_init(&worker->again);
    list_init(&worker->clients);
    list_init(&worker->arriving);
    hello_line_init(&worker->hellos);
    list_init(&worker->hello_task.link);
    worker->hello_task.run = client_begin_hellos;
    read_clocks(worker);
    timerwheel_init(&worker->wheel, worker->now_ms);
    worker->client_limit = (size_t)tuning->max_connections / worker_count;
    if (worker->client_limit == 0)
        worker->client_limit = 1;
    TRY(ring_init(&worker->ring, (unsigned)tuning->ring_entries, why));
    TRY(bufring_init(&worker->buffers, &worker->ring, WORKER_BUFFER_GROUP,
                     (uint32_t)tuning->buffer_size, (uint32_t)tuning->buffer_count, why));
    enum err error = init_memory(worker);
    if (error != ERR_OK)
        return err_set(why, error, "worker %zu cannot get its memory: %s", index,
                       err_message(error));
    bool changed;
    worker->hold = snapshot_hold_current(publication, &worker->holds, &changed);
    return worker->hold != NULL ? ERR_OK : err_set(why, ERR_NOMEM, "out of memory");
}

void worker_finish(struct worker *worker)
{
    upstream_pools_finish(worker);
    exchange_pool_finish(worker);
    pool_finish(&worker->stream_pool);
    pool_finish(&worker->client_pool);
    snapshot_hold_finish(&worker->holds);
    pipe_cache_finish(&worker->pipes);
    cert_cache_destroy(worker->cert_cache);
    bufring_finish(&worker->buffers);
    ring_finish(&worker->ring);
    free(worker->buffer_links);
    free(worker->piece);
    free(worker->scratch);
}

static void adopt_snapshot(struct worker *worker)
{
    bool changed;
    worker->hold = snapshot_hold_current(worker->publication, &worker->holds, &changed);
    if (changed)
        upstream_pools_refresh(worker, worker->hold->snapshot);
}

/* Tasks put off during this run wait for the next turn. */
static void run_tasks(struct worker *worker)
{
    struct list due;
    list_init(&due);
    while (!list_empty(&worker->again))
        list_push_back(&due, list_pop_front(&worker->again));
    struct list *node;
    while ((node = list_pop_front(&due)) != NULL) {
        struct worker_task *task = container_of(node, struct worker_task, link);
        task->run(task);
    }
}

void worker_turn_begin(struct worker *worker)
{
    read_clocks(worker);
    worker->hello_ns = 0;
    adopt_snapshot(worker);
}

void worker_turn_end(struct worker *worker)
{
    timerwheel_advance(&worker->wheel, worker->now_ms);
    run_tasks(worker);
    struct list *node;
    while ((node = list_pop_front(&worker->flush)) != NULL)
        conn_flush(container_of(node, struct conn, flush_link));
}

int64_t worker_wait_ms(const struct worker *worker)
{
    if (!list_empty(&worker->again))
        return 0;
    int64_t next = timerwheel_next_ms(&worker->wheel);
    if (next == INT64_MAX)
        return -1;
    return next > worker->now_ms ? next - worker->now_ms : 0;
}

void worker_defer(struct worker *worker, struct worker_task *task)
{
    list_remove(&task->link);
    list_push_back(&worker->again, &task->link);
}

void worker_drain(struct worker *worker)
{
    worker->draining = true;
    list_for_each(node, &worker->clients) {
        struct client *client = container_of(node, struct client, link);
        if (client->side == CLIENT_HTTP2)
            front_http2_drain(client);
        else if (client->idle)
            conn_close_after_flush(&client->conn, false);
    }
}

void worker_abort_clients(struct worker *worker)
{
    worker->draining = worker->aborting = true;
    list_for_each(node, &worker->clients) {
        struct client *client = container_of(node, struct client, link);
        conn_fail(&client->conn, ERR_CANCELED, NULL);
    }
}

void worker_accept(struct worker *worker, size_t entry, int fd, const struct sock_address *peer)
{
    client_accept(worker, entry, fd, peer);
}
