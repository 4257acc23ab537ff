/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bucket is the highest bit of the value and the six bits below it. */
#include "perf/client/histogram.h"

static unsigned bucket_of(uint64_t value)
{
    if (value < 64)
        return (unsigned)value;
    unsigned shift = 63 - 6 - (unsigned)__builtin_clzll(value);
    unsigned bucket = (shift + 1) * 64 + (unsigned)((value >> shift) & 63);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t value_of(unsigned bucket)
{
    if (bucket < 64)
        return bucket;
    return ((uint64_t)64 + bucket % 64) << (bucket / 64 - 1);
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->buckets[bucket_of(value)]++;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_add(struct histogram *sum, const struct histogram *other)
{
    sum->count += other->count;
    sum->max = other->max > sum->max ? other->max : sum->max;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum->buckets[i] += other->buckets[i];
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count), seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted)
            return value_of(i);
    }
    return histogram->max;
}
