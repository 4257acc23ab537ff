/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * So many events a second, bursts allowed: the generic cell rate algorithm, one
 * word per counted thing. Zeroed, a full burst is allowed. One thread.
 */
#ifndef WEIR_CORE_BASE_RATE_H
#define WEIR_CORE_BASE_RATE_H

#include "core/base/clock.h"

#include <stdbool.h>

#define RATE_BURST_S INT64_C(5) /* the burst: what this many seconds allow */

struct rate {
    int64_t due_ns; /* when the events so far would be over at the steady rate */
};

/* One more event. Whether it is one too many; 0 per second: never. now_ms is
 * monotonic. */
static inline bool rate_exceeded(struct rate *rate, int64_t per_second, int64_t now_ms)
{
    if (per_second <= 0)
        return false;
    int64_t now_ns = now_ms * NS_PER_MS;
    if (rate->due_ns < now_ns)
        rate->due_ns = now_ns;
    if (rate->due_ns - now_ns > RATE_BURST_S * NS_PER_S - NS_PER_S / per_second)
        return true;
    rate->due_ns += NS_PER_S / per_second;
    return false;
}

#endif
