/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The buckets are for the worker alone; the list of all its cells, newest first,
 * is what others read: a cell is complete before it becomes the head.
 */
#include "core/admin/request_metrics.h"

#include "core/base/hash.h"
#include "core/proxy/client.h"

#include <stdlib.h>

#define TABLE_SLOTS 1024 /* chains get longer with very many services; that is fine */

struct table {
    struct request_cell *slots[TABLE_SLOTS];
    _Atomic(struct request_cell *) newest;
    size_t count;
    struct metric lost;
};

struct request_metrics {
    const struct model_prometheus *settings;
    size_t worker_count;
    struct table *tables[];
};

enum err request_metrics_create(const struct model_prometheus *settings, size_t worker_count,
                                struct request_metrics **out)
{
    struct request_metrics *metrics =
        calloc(1, sizeof(*metrics) + worker_count * sizeof(metrics->tables[0]));
    if (metrics == NULL)
        return ERR_NOMEM;
    metrics->settings = settings;
    metrics->worker_count = worker_count;
    for (size_t i = 0; i < worker_count; i++) {
        metrics->tables[i] = calloc(1, sizeof(struct table));
        if (metrics->tables[i] == NULL) {
            request_metrics_destroy(metrics);
            return ERR_NOMEM;
        }
    }
    *out = metrics;
    return ERR_OK;
}

static void free_cells(struct request_cell *cell)
{
    while (cell != NULL) {
        struct request_cell *next = cell->next;
        free(cell);
        cell = next;
    }
}

void request_metrics_destroy(struct request_metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < metrics->worker_count; i++) {
        if (metrics->tables[i] != NULL)
            free_cells(atomic_load_explicit(&metrics->tables[i]->newest, memory_order_relaxed));
        free(metrics->tables[i]);
    }
    free(metrics);
}

/* ---- counting ---- */

struct cell_key {
    enum request_scope scope;
    struct span name;
    uint16_t code;
    enum http_method method;
    uint64_t hash;
};

static bool cell_is(const struct request_cell *cell, const struct cell_key *key)
{
    return cell->hash == key->hash && cell->scope == key->scope && cell->code == key->code &&
           cell->method == key->method && span_equal(cell->name, key->name);
}

static struct request_cell *cell_create(const struct cell_key *key, size_t buckets)
{
    size_t size = sizeof(struct request_cell) + buckets * sizeof(struct metric);
    struct request_cell *cell = calloc(1, size + key->name.len);
    if (cell == NULL)
        return NULL;
    memcpy((char *)cell + size, key->name.ptr, key->name.len);
    cell->name = span_make((char *)cell + size, key->name.len);
    cell->scope = key->scope;
    cell->code = key->code;
    cell->method = key->method;
    cell->hash = key->hash;
    return cell;
}

static struct request_cell *table_find(struct table *table, const struct cell_key *key,
                                       size_t buckets)
{
    struct request_cell **slot = &table->slots[key->hash % TABLE_SLOTS];
    for (struct request_cell *cell = *slot; cell != NULL; cell = cell->next_in_bucket) {
        if (cell_is(cell, key))
            return cell;
    }
    struct request_cell *cell =
        table->count < REQUEST_CELLS_MAX ? cell_create(key, buckets) : NULL;
    if (cell == NULL)
        return NULL;
    cell->next_in_bucket = *slot;
    *slot = cell;
    cell->next = atomic_load_explicit(&table->newest, memory_order_relaxed);
    /* Release: the cell is complete before a reader finds it. */
    atomic_store_explicit(&table->newest, cell, memory_order_release);
    table->count++;
    return cell;
}

static void count(const struct request_metrics *metrics, struct table *table,
                  struct cell_key *key, const struct access_record *record)
{
    const struct model_prometheus *settings = metrics->settings;
    uint64_t salt = (uint64_t)key->scope << 32 | (uint64_t)key->code << 8 | key->method;
    key->hash = hash_span_salted(key->name, salt);
    struct request_cell *cell = table_find(table, key, settings->bucket_count);
    if (cell == NULL) {
        metric_add(&table->lost, 1);
        return;
    }
    metric_add(&cell->requests, 1);
    metric_add(&cell->request_bytes, record->exchange->request_bytes);
    metric_add(&cell->response_bytes, record->exchange->response_bytes);
    metric_add(&cell->duration_us, (uint64_t)record->duration_ns / 1000);
    size_t i = 0;
    while (i < settings->bucket_count && record->duration_ns > settings->buckets_ns[i])
        i++;
    if (i < settings->bucket_count)
        metric_add(&cell->buckets[i], 1);
}

static bool is_wanted(const struct model_prometheus *settings, const struct route *route)
{
    if (route == NULL)
        return true;
    return route->model->metrics &&
           (settings->add_internals || !span_ends_with(route->model->service, SPAN("@internal")));
}

void request_metrics_record(struct request_metrics *metrics, size_t worker,
                            const struct access_record *record)
{
    const struct model_prometheus *settings = metrics->settings;
    const struct exchange *exchange = record->exchange;
    const struct route *route = exchange->route;
    struct table *table = metrics->tables[worker];
    if (!is_wanted(settings, route))
        return;
    struct cell_key key = {.code = exchange->status, .method = exchange->request.method};
    if (settings->entry_point_labels && exchange->client != NULL) {
        key.scope = REQUEST_ENTRY_POINT;
        key.name = client_entry(exchange->client)->object.name;
        count(metrics, table, &key, record);
    }
    if (settings->router_labels && route != NULL) {
        key.scope = REQUEST_ROUTER;
        key.name = route->model->object.name;
        count(metrics, table, &key, record);
    }
    if (settings->service_labels && exchange->server != NULL) {
        key.scope = REQUEST_SERVICE;
        key.name = service_model(exchange->leaf != NULL ? exchange->leaf : exchange->service)
                       ->object.name;
        count(metrics, table, &key, record);
    }
}

/* ---- reading ---- */

static void add_metric(struct metric *to, const struct metric *from)
{
    metric_add(to, metric_read(from));
}

static void add_cell(struct request_cell *sum, const struct request_cell *cell, size_t buckets)
{
    add_metric(&sum->requests, &cell->requests);
    add_metric(&sum->request_bytes, &cell->request_bytes);
    add_metric(&sum->response_bytes, &cell->response_bytes);
    add_metric(&sum->duration_us, &cell->duration_us);
    for (size_t i = 0; i < buckets; i++)
        add_metric(&sum->buckets[i], &cell->buckets[i]);
}

static enum err sum_table(const struct request_metrics *metrics, const struct table *from,
                          struct table *to)
{
    size_t buckets = metrics->settings->bucket_count;
    /* Acquire: pairs with the release of table_find. */
    const struct request_cell *cell = atomic_load_explicit(&from->newest, memory_order_acquire);
    for (; cell != NULL; cell = cell->next) {
        struct cell_key key = {cell->scope, cell->name, cell->code, cell->method, cell->hash};
        struct request_cell *sum = table_find(to, &key, buckets);
        if (sum == NULL)
            return ERR_NOMEM;
        add_cell(sum, cell, buckets);
    }
    return ERR_OK;
}

static int compare_cells(const void *a, const void *b)
{
    const struct request_cell *left = *(struct request_cell *const *)a;
    const struct request_cell *right = *(struct request_cell *const *)b;
    if (left->scope != right->scope)
        return left->scope < right->scope ? -1 : 1;
    int order = span_compare(left->name, right->name);
    if (order != 0)
        return order;
    if (left->code != right->code)
        return left->code < right->code ? -1 : 1;
    return (left->method > right->method) - (left->method < right->method);
}

static enum err list_cells(const struct table *table, struct request_cell ***out, size_t *count)
{
    struct request_cell **cells = calloc(table->count + 1, sizeof(struct request_cell *));
    size_t n = 0;
    if (cells == NULL)
        return ERR_NOMEM;
    struct request_cell *cell = atomic_load_explicit(&table->newest, memory_order_relaxed);
    for (; cell != NULL; cell = cell->next)
        cells[n++] = cell;
    qsort(cells, n, sizeof(struct request_cell *), compare_cells);
    *out = cells;
    *count = n;
    return ERR_OK;
}

enum err request_metrics_sum(const struct request_metrics *metrics, struct request_cell ***out,
                             size_t *count)
{
    struct table *sum = calloc(1, sizeof(*sum));
    enum err error = sum != NULL ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; error == ERR_OK && i < metrics->worker_count; i++)
        error = sum_table(metrics, metrics->tables[i], sum);
    if (error == ERR_OK)
        error = list_cells(sum, out, count);
    if (error != ERR_OK && sum != NULL)
        free_cells(atomic_load_explicit(&sum->newest, memory_order_relaxed));
    free(sum);
    return error;
}

void request_metrics_sum_free(struct request_cell **cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(cells[i]);
    free(cells);
}

uint64_t request_metrics_lost(const struct request_metrics *metrics)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < metrics->worker_count; i++)
        lost += metric_read(&metrics->tables[i]->lost);
    return lost;
}
