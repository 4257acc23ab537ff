/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A cache line per worker, so that no handshake touches another core's. They
 * are made when the certificate is served for the first time: most of a hundred
 * thousand never are.
 */
#include "core/base/metric.h"
#include "tls/cert.h"

#include <assert.h>
#include <stdlib.h>

#define CACHE_LINE 64

struct cert_counter {
    _Alignas(CACHE_LINE) struct metric served;
};

struct cert_counters {
    size_t count;
    struct cert_counter workers[];
};

/* Two workers may come at the same time: one wins. NULL: no memory. */
static struct cert_counters *make(struct cert *cert, size_t workers)
{
    size_t size = sizeof(struct cert_counters) + workers * sizeof(struct cert_counter);
    struct cert_counters *made = aligned_alloc(CACHE_LINE, size);
    struct cert_counters *there = NULL;
    if (made == NULL)
        return NULL;
    memset(made, 0, size);
    made->count = workers;
    /* Release: complete before anybody finds it; acquire: so is the other's. */
    if (atomic_compare_exchange_strong_explicit(&cert->counters, &there, made,
                                                memory_order_release, memory_order_acquire))
        return made;
    free(made);
    return there;
}

void cert_count_served(struct cert *cert, size_t worker, size_t workers)
{
    struct cert_counters *counters =
        atomic_load_explicit(&cert->counters, memory_order_acquire);
    if (counters == NULL)
        counters = make(cert, workers);
    if (counters == NULL)
        return;
    assert(worker < counters->count);
    metric_add(&counters->workers[worker].served, 1);
}

uint64_t cert_served(const struct cert *cert)
{
    const struct cert_counters *counters =
        atomic_load_explicit(&cert->counters, memory_order_acquire);
    uint64_t sum = 0;
    for (size_t i = 0; counters != NULL && i < counters->count; i++)
        sum += metric_read(&counters->workers[i].served);
    return sum;
}
