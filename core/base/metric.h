/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters without read-modify-write on shared memory: each has exactly one
 * writing thread; any thread may read, and sums over the workers.
 */
#ifndef WEIR_CORE_BASE_METRIC_H
#define WEIR_CORE_BASE_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

struct metric {
    _Atomic uint64_t value;
};

/* Relaxed: a counter orders nothing, and its owner is the only writer. */
static inline void metric_add(struct metric *metric, uint64_t n)
{
    uint64_t value = atomic_load_explicit(&metric->value, memory_order_relaxed);
    atomic_store_explicit(&metric->value, value + n, memory_order_relaxed);
}

static inline void metric_sub(struct metric *metric, uint64_t n)
{
    metric_add(metric, (uint64_t)0 - n);
}

static inline uint64_t metric_read(const struct metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

#endif
