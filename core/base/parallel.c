/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A shared number says which batch is next, so a thread that is held up holds up
 * one batch.
 */
#include "core/base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define BATCH 64

struct share {
    size_t count;
    void (*work)(void *context, size_t i);
    void *context;
    _Atomic size_t next;
};

static void *run(void *argument)
{
    struct share *share = argument;
    for (;;) {
        /* Relaxed: only the number counts; join and create order the rest. */
        size_t begin = atomic_fetch_add_explicit(&share->next, BATCH, memory_order_relaxed);
        if (begin >= share->count)
            return NULL;
        size_t end = share->count - begin < BATCH ? share->count : begin + BATCH;
        for (size_t i = begin; i < end; i++)
            share->work(share->context, i);
    }
}

static size_t others_wanted(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
        return 0;
    size_t count = (size_t)CPU_COUNT(&cores);
    return (count < PARALLEL_THREADS_MAX ? count : PARALLEL_THREADS_MAX) - 1;
}

void parallel_for(size_t count, size_t worth, void (*work)(void *context, size_t i), void *context)
{
    struct share share = {.count = count, .work = work, .context = context};
    pthread_t threads[PARALLEL_THREADS_MAX];
    size_t wanted = count < worth ? 0 : others_wanted(), started = 0;
    while (started < wanted && pthread_create(&threads[started], NULL, run, &share) == 0)
        started++;
    (void)run(&share);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}
