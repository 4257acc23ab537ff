/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Latencies, in buckets that are at most 1/64 wide: 32-bit counts of nanoseconds.
 * One thread writes; histogram_add joins those of many.
 */
#ifndef WEIR_PERF_CLIENT_HISTOGRAM_H
#define WEIR_PERF_CLIENT_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS (64 * 48)

struct histogram {
    uint64_t count, max;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *histogram, uint64_t value);
void histogram_add(struct histogram *sum, const struct histogram *other);
/* The lower bound of the bucket that the given share (0 to 1) of all values does not exceed. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
