/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moves bytes from one plain socket to another through a pipe, without
 * touching them: readiness comes from the ring (poll), the worker calls
 * non-blocking splice(2) itself, so the kernel starts no worker thread. A pipe
 * is taken only while bytes are in flight. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_PUMP_H
#define WEIR_CORE_PROXY_PUMP_H

#include "core/proxy/worker.h"

struct pump;

struct pump_events {
    /* Some bytes reached the sink. */
    void (*on_progress)(void *owner, size_t bytes);
    /* The source has ended and everything reached the sink (ERR_OK), or one of
     * them failed. The last call; pump_stop must follow. */
    void (*on_end)(void *owner, enum err error);
};

/* Starts moving at the next turn: `limit` bytes, or PUMP_ALL that come. At the limit
 * it is over as if the source had ended there. The descriptors stay the caller's and
 * must stay open until pump_stop. NULL: out of memory. */
#define PUMP_ALL UINT64_MAX
struct pump *pump_start(struct worker *worker, int from_fd, int to_fd, uint64_t limit,
                        const struct pump_events *events, void *owner);
/* In on_end with an error: whether it was the sink's. */
bool pump_sink_failed(const struct pump *pump);
/* Nothing is called any more; frees itself once the kernel has let go. */
void pump_stop(struct pump *pump);

#endif
