/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two lists under a mutex; a condition wakes a thread, an eventfd the owner.
 */
#include "core/control/work.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct work {
    pthread_t threads[WORK_THREADS_MAX];
    size_t count; /* of those that have been started */
    bool stopping;
    int event;
    pthread_mutex_t lock;
    pthread_cond_t wanted_more;
    struct list wanted, done;
};

static void *thread_main(void *argument)
{
    struct work *work = argument;
    pthread_mutex_lock(&work->lock);
    while (!work->stopping) {
        struct list *node = list_pop_front(&work->wanted);
        if (node == NULL) {
            pthread_cond_wait(&work->wanted_more, &work->lock);
            continue;
        }
        struct work_job *job = container_of(node, struct work_job, link);
        pthread_mutex_unlock(&work->lock);
        job->run(job);
        pthread_mutex_lock(&work->lock);
        list_push_back(&work->done, &job->link);
        (void)eventfd_write(work->event, 1);
    }
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

static int start_threads(struct work *work, const char *name, size_t threads)
{
    while (work->count < threads) {
        int error = pthread_create(&work->threads[work->count], NULL, thread_main, work);
        if (error != 0)
            return error;
        pthread_setname_np(work->threads[work->count++], name);
    }
    return 0;
}

enum err work_create(const char *name, size_t threads, struct work **out, struct err_text *why)
{
    assert(threads > 0 && threads <= WORK_THREADS_MAX);
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    pthread_mutex_init(&work->lock, NULL);
    pthread_cond_init(&work->wanted_more, NULL);
    list_init(&work->wanted);
    list_init(&work->done);
    work->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int error = work->event < 0 ? errno : start_threads(work, name, threads);
    if (error != 0) {
        work_destroy(work);
        return err_set(why, err_from_errno(error), "no thread %s: %s", name, strerror(error));
    }
    *out = work;
    return ERR_OK;
}

void work_destroy(struct work *work)
{
    if (work == NULL)
        return;
    pthread_mutex_lock(&work->lock);
    work->stopping = true;
    pthread_cond_broadcast(&work->wanted_more);
    pthread_mutex_unlock(&work->lock);
    while (work->count > 0)
        pthread_join(work->threads[--work->count], NULL);
    if (work->event >= 0)
        close(work->event);
    pthread_cond_destroy(&work->wanted_more);
    pthread_mutex_destroy(&work->lock);
    free(work);
}

void work_start(struct work *work, struct work_job *job)
{
    pthread_mutex_lock(&work->lock);
    list_push_back(&work->wanted, &job->link);
    pthread_cond_signal(&work->wanted_more);
    pthread_mutex_unlock(&work->lock);
}

int work_fd(const struct work *work)
{
    return work->event;
}

void work_finish_done(struct work *work)
{
    eventfd_t ignored;
    struct list done, *node;
    (void)eventfd_read(work->event, &ignored);
    list_init(&done);
    pthread_mutex_lock(&work->lock);
    while ((node = list_pop_front(&work->done)) != NULL)
        list_push_back(&done, node);
    pthread_mutex_unlock(&work->lock);
    while ((node = list_pop_front(&done)) != NULL) {
        struct work_job *job = container_of(node, struct work_job, link);
        job->done(job);
    }
}
