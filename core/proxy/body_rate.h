/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a request's body comes: weir.limits.bodyTimeout is the silence that is
 * allowed, or with bodyBytesPerSecond the span over which so many bytes are to come.
 * Counted only while we wait for the client. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_BODY_RATE_H
#define WEIR_CORE_PROXY_BODY_RATE_H

#include "core/base/clock.h"
#include "core/proxy/worker.h"

/* Zeroed: nobody waits. */
struct body_rate {
    int64_t since_ms; /* when the span began; 0: none has */
    uint64_t mark;    /* bytes of the body then */
};

/* Something has come (`bytes` in all), or is waited for. When the wait is over, in
 * monotonic milliseconds; INT64_MAX: never. */
static inline int64_t body_rate_due_ms(struct body_rate *rate, const struct worker *worker,
                                       uint64_t bytes)
{
    const struct model_weir *limits = &worker->settings->weir;
    if (rate->since_ms == 0 || limits->body_bytes_per_second == 0)
        *rate = (struct body_rate){worker->now_ms, bytes};
    return limits->body_timeout > 0 ? rate->since_ms + limits->body_timeout / NS_PER_MS
                                    : INT64_MAX;
}

/* At that moment: whether enough has come, so that another span may begin. */
static inline bool body_rate_is_kept(const struct body_rate *rate, const struct worker *worker,
                                     uint64_t bytes)
{
    int64_t least = worker->settings->weir.body_bytes_per_second;
    int64_t elapsed = worker->now_ms - rate->since_ms;
    return least > 0 && bytes - rate->mark >= (uint64_t)(least * elapsed / MS_PER_S);
}

#endif
