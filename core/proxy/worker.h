/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one worker thread owns. Every object of the data plane points to its
 * worker and is touched by that thread only; the exceptions are the counters
 * (read by anyone) and what a snapshot shares.
 *
 * core/app/worker.c runs the loop; this is the ground it runs on.
 */
#ifndef WEIR_CORE_PROXY_WORKER_H
#define WEIR_CORE_PROXY_WORKER_H

#include "core/base/metric.h"
#include "core/base/pool.h"
#include "core/base/rate.h"
#include "core/base/timerwheel.h"
#include "core/proxy/address_counts.h"
#include "core/proxy/hello_line.h"
#include "core/proxy/limit_summary.h"
#include "core/proxy/snapshot.h"
#include "io/bufring.h"
#include "io/mailbox.h"
#include "io/pipe.h"
#include "io/ring.h"
#include "io/sock.h"
#include "tls/cert_cache.h"

/* Of a stream, read at once; with a buffer's overhead it fits 128 KB. */
#define WORKER_PIECE_SIZE (((size_t)128 << 10) - 64)
#define WORKER_SCRATCH_SIZE (17 << 10) /* one TLS record in plain text, and a little */

#define WORKER_METRIC_LIST(X)                                                          \
    X(connections_accepted) X(connections_open) X(connections_refused)                 \
    X(connections_evicted)                                                             \
    X(handshakes_full) X(handshakes_resumed) X(handshakes_failed)                      \
    X(requests) X(requests_tls) X(bytes_in) X(bytes_out) X(bytes_spliced)              \
    X(upstream_connects) X(upstream_reuses) X(upstream_failures) X(upstream_retries)   \
    X(ktls_handovers) X(ktls_refusals)                                                 \
    X(proxy_headers_used) X(proxy_headers_ignored) X(proxy_headers_refused)            \
    X(tunnels_open) X(access_log_dropped)

struct worker_metrics {
#define WORKER_METRIC_FIELD(name) struct metric name;
    WORKER_METRIC_LIST(WORKER_METRIC_FIELD)
#undef WORKER_METRIC_FIELD
};

/* A received buffer that waits for its connection to go on. */
struct buffer_link {
    uint16_t next;
    uint32_t offset, length;
};

#define WORKER_ENTRIES_COUNTED 64 /* entry points whose connections are counted by themselves */

struct exchange;
struct access_record;
struct worker;
struct upstream_pools;
struct exchange_pool;

/* What stands above the data plane plugs in here (core/admin, core/app). */
struct worker_hooks {
    /* A finished exchange or TCP connection; NULL: no access log. Must not block. */
    void (*access_log)(struct worker *worker, const struct access_record *record);
    /* Serves api@internal, ping@internal …; answers with exchange_reply at once
     * or later. NULL: 404. */
    void (*internal_service)(struct exchange *exchange, struct span service);
    void *context;
};

/* Work to go on with in the next turn (fairness between connections). */
struct worker_task {
    struct list link;
    void (*run)(struct worker_task *task);
};

struct worker {
    size_t index, worker_count;
    const struct model_static *settings;
    struct ring ring;
    struct bufring buffers;
    struct buffer_link *buffer_links; /* per buffer id; conn_in.c chains with it */
    struct timerwheel wheel;
    struct pipe_cache pipes;
    struct cert_cache *cert_cache;
    int64_t now_ms;      /* monotonic, once per turn */
    int64_t now_wall_ns; /* once per turn */
    struct snapshot_publication *publication;
    struct list holds;
    struct snapshot_hold *hold; /* the newest */
    struct list flush;   /* connections with output for the end of the turn */
    struct list later;   /* connections with output that may wait for more, oldest first */
    struct timer later_timer;
    struct list again;   /* struct worker_task: called once more in the next turn */
    struct list clients; /* client connections, for draining */
    struct list arriving; /* those whose front has not started, oldest first */
    struct pool client_pool;
    struct pool stream_pool; /* front_http2_private.h */
    struct upstream_pools *upstreams;
    struct exchange_pool *exchanges;
    size_t client_count, client_limit; /* this worker's share of weir.limits.connections */
    struct address_counts *addresses; /* all workers'; NULL: no limit. Set after worker_init */
    struct hello_line hellos; /* clients whose handshake may begin in one of the next turns */
    struct worker_task hello_task;
    int64_t hello_ns; /* spent in this turn on handshakes that began */
    size_t congested; /* clients that have more to read than they take */
    struct rate refusals; /* that clients were told of */
    void (*on_client_closed)(struct worker *worker); /* resumes paused listeners; may be NULL */
    bool has_ktls; /* TLS may be handed to the kernel; set after worker_init */
    bool full; /* at the limit of connections: nothing is accepted, none kept that does nothing */
    bool draining; /* no new requests; connections close as they fall idle */
    bool aborting; /* nothing is waited for: what is unsent is dropped */
    struct worker_hooks hooks;
    struct worker_metrics metrics;
    struct limit_reports limits;
    struct limit_summary limit_summary; /* its totals: set after worker_init */
    struct metric open_by_entry[WORKER_ENTRIES_COUNTED];
    char *scratch; /* WORKER_SCRATCH_SIZE, valid within one callback */
    char *piece;   /* WORKER_PIECE_SIZE, the same */
};

/* On the worker's own thread. The ring and everything else come to life. */
MUST_USE enum err worker_init(struct worker *worker, size_t index, size_t worker_count,
                              const struct model_static *settings,
                              struct snapshot_publication *publication, struct err_text *why);
void worker_finish(struct worker *worker);

/* The parts of a turn around ring_turn: reads clocks, adopts a new snapshot,
 * runs timers and tasks / flushes output. */
void worker_turn_begin(struct worker *worker);
void worker_turn_end(struct worker *worker);
/* How long the ring may wait, in milliseconds; 0 with tasks to run. */
int64_t worker_wait_ms(const struct worker *worker);
void worker_defer(struct worker *worker, struct worker_task *task);

/* No connection is kept for a next request. */
static inline bool worker_wants_room(const struct worker *worker)
{
    return worker->draining || worker->full;
}

static inline void worker_task_cancel(struct worker_task *task)
{
    list_remove(&task->link);
}

/* Draining: closes idle clients now, the others when their exchange ends. */
void worker_drain(struct worker *worker);
/* Ends all client connections whatever they do. */
void worker_abort_clients(struct worker *worker);

/* A connection was accepted on entry point `entry`; takes the descriptor. */
void worker_accept(struct worker *worker, size_t entry, int fd, const struct sock_address *peer);

#endif
