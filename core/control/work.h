/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Threads for what takes the control thread too long: making RSA keys, writing
 * files that must be on the disk, waiting for DNS. Jobs begin in the order they
 * were given; one thread does one at a time. All functions are for the owner's
 * thread.
 */
#ifndef WEIR_CORE_CONTROL_WORK_H
#define WEIR_CORE_CONTROL_WORK_H

#include "core/base/err.h"
#include "core/base/list.h"

struct work;

/* Embedded in the owner's struct, and not touched by it between start and done. */
struct work_job {
    struct list link;
    void (*run)(struct work_job *job);  /* on the thread */
    void (*done)(struct work_job *job); /* on the owner's, from work_finish_done */
};

#define WORK_THREADS_MAX 16
/* name: of the threads, at most 15 bytes. */
MUST_USE enum err work_create(const char *name, size_t threads, struct work **out,
                              struct err_text *why);
/* Waits for the jobs that run; the others are given back undone: `done` is called
 * for none of them. NULL is fine. */
void work_destroy(struct work *work);
void work_start(struct work *work, struct work_job *job);
/* Readable when jobs are done. */
int work_fd(const struct work *work);
/* Calls `done` of each job that has run. */
void work_finish_done(struct work *work);

#endif
