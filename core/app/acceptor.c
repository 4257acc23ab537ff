/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A multishot accept takes in a whole backlog before anybody can stop it; hence
 * the descriptors that wait. Room is given out by a task in the next turn, never
 * while the client that makes room is still being taken down.
 */
#include "core/app/acceptor.h"

#include "core/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_full(const struct acceptor *acceptor)
{
    return acceptor->worker->client_count >= acceptor->worker->client_limit;
}

/* ---- at the limit ---- */

static void pause_all(struct acceptor *acceptor)
{
    if (acceptor->paused)
        return;
    acceptor->paused = true;
    for (size_t i = 0; i < acceptor->count; i++)
        listener_pause(&acceptor->listeners[i]);
    if (!acceptor->said)
        log_warn("the limit of connections is reached: clients wait in the backlog");
    acceptor->said = true;
}

static void resume_all(struct acceptor *acceptor)
{
    if (!acceptor->paused)
        return;
    acceptor->paused = false;
    for (size_t i = 0; i < acceptor->count; i++)
        listener_resume(&acceptor->listeners[i]);
}

static void keep_waiting(struct acceptor *acceptor, size_t entry, int fd)
{
    if (acceptor->waiting == NULL)
        acceptor->waiting = calloc(acceptor->waiting_limit, sizeof(*acceptor->waiting));
    if (acceptor->waiting == NULL || acceptor->waiting_count == acceptor->waiting_limit) {
        metric_add(&acceptor->worker->metrics.connections_refused, 1);
        close(fd);
        return;
    }
    size_t last = (acceptor->first + acceptor->waiting_count) % acceptor->waiting_limit;
    acceptor->waiting[last] = (struct waiting){fd, entry};
    acceptor->waiting_count++;
}

static struct waiting take_waiting(struct acceptor *acceptor)
{
    struct waiting taken = acceptor->waiting[acceptor->first];
    acceptor->first = (acceptor->first + 1) % acceptor->waiting_limit;
    acceptor->waiting_count--;
    return taken;
}

static void admit(struct worker_task *task)
{
    struct acceptor *acceptor = container_of(task, struct acceptor, admit);
    while (acceptor->waiting_count > 0 && !is_full(acceptor)) {
        struct waiting next = take_waiting(acceptor);
        worker_accept(acceptor->worker, next.entry, next.fd);
    }
    if (!is_full(acceptor))
        resume_all(acceptor);
}

void acceptor_on_client_closed(struct acceptor *acceptor)
{
    if (acceptor->paused && !is_full(acceptor))
        worker_defer(acceptor->worker, &acceptor->admit);
}

/* ---- listeners ---- */

static void on_accept(struct listener *listener, int fd)
{
    struct acceptor *acceptor = listener->owner;
    size_t entry = (size_t)(listener - acceptor->listeners);
    if (acceptor->waiting_count > 0 || is_full(acceptor)) {
        keep_waiting(acceptor, entry, fd);
        pause_all(acceptor);
        return;
    }
    worker_accept(acceptor->worker, entry, fd);
    if (is_full(acceptor))
        pause_all(acceptor);
}

static void on_trouble(struct listener *listener, int error_number)
{
    (void)listener;
    log_error("connections cannot be accepted: trying again", "error", strerror(error_number));
}

enum err acceptor_init(struct acceptor *acceptor, struct worker *worker, struct sockets *sockets,
                       size_t waiting_limit)
{
    memset(acceptor, 0, sizeof(*acceptor));
    acceptor->worker = worker;
    acceptor->waiting_limit = waiting_limit;
    acceptor->listeners = calloc(sockets->entries + 1, sizeof(struct listener));
    if (acceptor->listeners == NULL)
        return ERR_NOMEM;
    acceptor->count = sockets->entries;
    list_init(&acceptor->admit.link);
    acceptor->admit.run = admit;
    for (size_t i = 0; i < acceptor->count; i++) {
        struct listener *listener = &acceptor->listeners[i];
        int fd = sockets_take(sockets, worker->index, i);
        listener_init(listener, &worker->ring, &worker->wheel, fd, on_accept, acceptor);
        listener->on_trouble = on_trouble;
        if (fd >= 0)
            listener_start(listener);
        else
            listener_stop(listener);
    }
    return ERR_OK;
}

void acceptor_stop(struct acceptor *acceptor)
{
    worker_task_cancel(&acceptor->admit);
    for (size_t i = 0; i < acceptor->count; i++)
        listener_stop(&acceptor->listeners[i]);
    acceptor->paused = false; /* clients that go make no room any more */
    while (acceptor->waiting_count > 0)
        close(take_waiting(acceptor).fd);
}

bool acceptor_is_pending(const struct acceptor *acceptor)
{
    for (size_t i = 0; i < acceptor->count; i++) {
        if (op_pending(&acceptor->listeners[i].accept))
            return true;
    }
    return false;
}

void acceptor_finish(struct acceptor *acceptor)
{
    free(acceptor->listeners);
    free(acceptor->waiting);
}
