/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests counted by entry point, router and service, each by status and
 * method, with bytes and durations: what Prometheus asks for. Every worker has
 * a table of its own, to which cells are only ever added; so counting takes no
 * lock and no atomic read-modify-write, and whoever reads adds the tables up.
 */
#ifndef WEIR_CORE_ADMIN_REQUEST_METRICS_H
#define WEIR_CORE_ADMIN_REQUEST_METRICS_H

#include "config/model.h"
#include "core/base/metric.h"
#include "core/proxy/exchange.h"

#define REQUEST_CELLS_MAX 65536 /* per worker; what is new beyond is only counted as lost */

enum request_scope { REQUEST_ENTRY_POINT, REQUEST_ROUTER, REQUEST_SERVICE, REQUEST_SCOPES };

struct request_cell {
    struct request_cell *next_in_bucket, *next; /* next: towards the older ones */
    uint64_t hash;
    enum request_scope scope;
    uint16_t code;
    enum http_method method;
    struct span name; /* ours; without "@file" nothing is cut off */
    struct metric requests, request_bytes, response_bytes, duration_us;
    struct metric buckets[]; /* settings->bucket_count; each counts its own range */
};

struct request_metrics;

/* `settings` outlives it. Main thread. */
MUST_USE enum err request_metrics_create(const struct model_prometheus *settings,
                                         size_t worker_count, struct request_metrics **out);
/* The workers have ended. NULL is fine. */
void request_metrics_destroy(struct request_metrics *metrics);
/* On the worker's thread, when an exchange has ended. */
void request_metrics_record(struct request_metrics *metrics, size_t worker,
                            const struct access_record *record);
/* All cells with the sums over the workers, *out malloc'ed and sorted by scope,
 * name, code and method. Any thread, while the workers go on. */
MUST_USE enum err request_metrics_sum(const struct request_metrics *metrics,
                                      struct request_cell ***out, size_t *count);
void request_metrics_sum_free(struct request_cell **cells, size_t count);
/* Requests that had no cell. */
uint64_t request_metrics_lost(const struct request_metrics *metrics);

#endif
