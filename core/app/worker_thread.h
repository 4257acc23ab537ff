/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The threads around struct worker: each makes its worker, listens on its own
 * sockets, turns its loop until it is told to drain, and takes everything down
 * again. Functions are for the control thread.
 */
#ifndef WEIR_CORE_APP_WORKER_THREAD_H
#define WEIR_CORE_APP_WORKER_THREAD_H

#include "core/app/sockets.h"
#include "core/proxy/worker.h"

struct worker_thread;

struct worker_threads {
    size_t count;   /* made */
    size_t started; /* running or ended, not joined */
    struct worker_thread **items;
    struct worker **workers; /* parallel */
    int ended; /* eventfd: each thread adds 1 when it is done; -1 at first */
};

struct worker_thread_settings {
    const struct model_static *settings;
    struct snapshot_publication *publication;
    struct sockets *sockets; /* the listening sockets are taken */
    size_t count;
    bool has_ktls; /* see struct worker */
    struct address_counts *addresses; /* the same; outlives the threads */
    struct limit_total *limit_totals; /* likewise */
    struct worker_hooks hooks;
};

/* Makes the structs, so that their counters may be read. On failure, and in the
 * end, worker_threads_join frees them. */
MUST_USE enum err worker_threads_create(struct worker_threads *threads,
                                        const struct worker_thread_settings *settings,
                                        struct err_text *why);
/* Returns when every worker accepts connections, or with the first failure, all
 * threads ended. */
MUST_USE enum err worker_threads_start(struct worker_threads *threads, struct err_text *why);
/* Stop accepting, close idle clients, end the others after what they are doing;
 * a worker without clients ends. `from` is the control thread's ring. */
void worker_threads_drain(struct worker_threads *threads, struct ring *from);
/* After drain: end all clients now. */
void worker_threads_abort(struct worker_threads *threads, struct ring *from);
/* Every thread that was started has ended or is about to. Frees. */
void worker_threads_join(struct worker_threads *threads);

#endif
