/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A turn: quiescent for RCU, wait (offline), then clocks and snapshot before
 * what completed is called, timers and output after it. A mail tells a worker
 * to drain or to abort; it ends itself when its last client has gone, turns
 * until the kernel has nothing more for it, and adds to the eventfd.
 */
#include "core/app/worker_thread.h"

#include "core/app/acceptor.h"
#include "core/app/cores.h"
#include "core/base/log.h"
#include "core/base/rcu.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SETTLE_TURNS 100
#define SETTLE_MS 10

struct worker_thread {
    struct worker worker;
    pthread_t thread;
    struct worker_thread_settings settings;
    size_t index;
    int core, ended;
    int mailbox; /* the ring's descriptor, once started */
    struct acceptor acceptor;
    bool turn_begun;
    struct mail drain, abort;
    sem_t started; /* posted once start_error is set */
    enum err start_error;
    struct err_text why;
};

static void on_client_closed(struct worker *worker)
{
    acceptor_on_client_closed(&container_of(worker, struct worker_thread, worker)->acceptor);
}

/* ---- mails ---- */

static void on_drain(struct mail *mail, void *receiver)
{
    struct worker_thread *thread = receiver;
    (void)mail;
    acceptor_stop(&thread->acceptor);
    worker_drain(&thread->worker);
}

static void on_abort(struct mail *mail, void *receiver)
{
    struct worker_thread *thread = receiver;
    (void)mail;
    worker_abort_clients(&thread->worker);
}

/* The worker has ended by itself already. */
static void on_lost(struct mail *mail, void *receiver)
{
    (void)mail;
    (void)receiver;
}

/* ---- the loop ---- */

static void before_wait(void *argument)
{
    (void)argument;
    rcu_reader_offline();
}

static void begin_turn(struct worker_thread *thread)
{
    thread->turn_begun = true;
    worker_turn_begin(&thread->worker);
}

static void after_wait(void *argument)
{
    rcu_reader_online();
    begin_turn(argument);
}

/* The hooks run only in a turn that waits. */
static void turn(struct worker_thread *thread, int64_t wait_ms)
{
    struct worker *worker = &thread->worker;
    struct ring_wait wait = {before_wait, after_wait, thread};
    rcu_reader_quiescent();
    thread->turn_begun = false;
    if (wait_ms == 0)
        begin_turn(thread);
    enum err error = ring_turn(&worker->ring, wait_ms, &wait);
    if (error != ERR_OK)
        log_error("a worker's ring fails", "error", err_message(error));
    if (!thread->turn_begun)
        begin_turn(thread);
    worker_turn_end(worker);
}

static bool is_done(const struct worker_thread *thread)
{
    const struct worker *worker = &thread->worker;
    return worker->draining && worker->client_count == 0 && !acceptor_is_pending(&thread->acceptor);
}

/* What still closes behind the clients: connections to backends, replies of the
 * control thread. */
static void settle(struct worker_thread *thread)
{
    for (int i = 0; i < SETTLE_TURNS; i++) {
        struct pollfd ready = {.fd = ring_fd(&thread->worker.ring), .events = POLLIN};
        turn(thread, 0);
        ring_submit(&thread->worker.ring);
        if (worker_wait_ms(&thread->worker) != 0 && poll(&ready, 1, SETTLE_MS) == 0)
            return;
    }
}

static void run(struct worker_thread *thread)
{
    while (!is_done(thread))
        turn(thread, worker_wait_ms(&thread->worker));
    settle(thread);
}

/* ---- the thread ---- */

static enum err start_worker(struct worker_thread *thread)
{
    const struct worker_thread_settings *settings = &thread->settings;
    struct worker *worker = &thread->worker;
    TRY(worker_init(worker, thread->index, settings->count, settings->settings,
                    settings->publication, &thread->why));
    worker->on_client_closed = on_client_closed;
    worker->hooks = settings->hooks;
    worker->has_ktls = settings->has_ktls;
    worker->addresses = settings->addresses;
    worker->limit_summary.totals = settings->limit_totals;
    if (acceptor_init(&thread->acceptor, worker, settings->sockets) == ERR_OK)
        return ERR_OK;
    worker_finish(worker);
    return err_set(&thread->why, ERR_NOMEM, "out of memory");
}

static void *thread_main(void *argument)
{
    struct worker_thread *thread = argument;
    char name[16];
    snprintf(name, sizeof(name), "weir-%zu", thread->index);
    pthread_setname_np(pthread_self(), name);
    core_pin(thread->core);
    rcu_reader_register();
    thread->start_error = start_worker(thread);
    bool started = thread->start_error == ERR_OK;
    thread->mailbox = started ? ring_fd(&thread->worker.ring) : -1;
    sem_post(&thread->started);
    if (started) {
        run(thread);
        worker_finish(&thread->worker);
        acceptor_finish(&thread->acceptor);
    }
    rcu_reader_unregister();
    (void)eventfd_write(thread->ended, 1);
    return NULL;
}

/* ---- control thread ---- */

static struct worker_thread *thread_create(const struct worker_thread_settings *settings,
                                           size_t index, int ended)
{
    struct worker_thread *thread = aligned_alloc(64, (sizeof(*thread) + 63) / 64 * 64);
    if (thread == NULL)
        return NULL;
    memset(thread, 0, sizeof(*thread));
    thread->settings = *settings;
    thread->index = index;
    thread->ended = ended;
    thread->core = settings->settings->weir.pin_workers ? core_at(index) : -1;
    sem_init(&thread->started, 0, 0);
    return thread;
}

static void thread_destroy(struct worker_thread *thread)
{
    sem_destroy(&thread->started);
    free(thread);
}

static enum err start_thread(struct worker_threads *threads, struct worker_thread *thread,
                             struct err_text *why)
{
    int error = pthread_create(&thread->thread, NULL, thread_main, thread);
    if (error != 0)
        return err_set(why, err_from_errno(error), "no thread for a worker: %s", strerror(error));
    threads->started++;
    while (sem_wait(&thread->started) != 0)
        continue;
    if (thread->start_error != ERR_OK && why != NULL)
        *why = thread->why;
    return thread->start_error;
}

/* The last one has failed by itself; the others are told through a ring of the
 * moment. */
static void stop_started(struct worker_threads *threads)
{
    struct ring ring;
    struct err_text why;
    if (ring_init(&ring, 8, &why) != ERR_OK)
        exit(EXIT_FAILURE);
    worker_threads_drain(threads, &ring);
    worker_threads_join(threads);
    ring_finish(&ring);
}

enum err worker_threads_create(struct worker_threads *threads,
                               const struct worker_thread_settings *settings, struct err_text *why)
{
    *threads = (struct worker_threads){
        .items = calloc(settings->count, sizeof(struct worker_thread *)),
        .workers = calloc(settings->count, sizeof(struct worker *)),
        .ended = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
    };
    if (threads->items == NULL || threads->workers == NULL || threads->ended < 0)
        return err_set(why, ERR_NOMEM, "out of memory or descriptors");
    for (size_t i = 0; i < settings->count; i++) {
        struct worker_thread *thread = thread_create(settings, i, threads->ended);
        if (thread == NULL)
            return err_set(why, ERR_NOMEM, "out of memory");
        threads->workers[i] = &thread->worker;
        threads->items[i] = thread;
        threads->count++;
    }
    return ERR_OK;
}

enum err worker_threads_start(struct worker_threads *threads, struct err_text *why)
{
    enum err error = ERR_OK;
    for (size_t i = 0; i < threads->count && error == ERR_OK; i++)
        error = start_thread(threads, threads->items[i], why);
    if (error != ERR_OK)
        stop_started(threads);
    return error;
}

void worker_threads_drain(struct worker_threads *threads, struct ring *from)
{
    for (size_t i = 0; i < threads->started; i++) {
        struct worker_thread *thread = threads->items[i];
        if (thread->start_error == ERR_OK)
            mailbox_post_or(from, thread->mailbox, &thread->drain, on_drain, on_lost, thread);
    }
    mailbox_flush(from);
}

void worker_threads_abort(struct worker_threads *threads, struct ring *from)
{
    for (size_t i = 0; i < threads->started; i++) {
        struct worker_thread *thread = threads->items[i];
        mailbox_post_or(from, thread->mailbox, &thread->abort, on_abort, on_lost, thread);
    }
    mailbox_flush(from);
}

void worker_threads_join(struct worker_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        if (i < threads->started)
            pthread_join(threads->items[i]->thread, NULL);
        thread_destroy(threads->items[i]);
    }
    free(threads->items);
    free(threads->workers);
    if (threads->ended >= 0)
        close(threads->ended);
    *threads = (struct worker_threads){.ended = -1};
}
