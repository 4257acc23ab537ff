/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Room is given out by a task in the next turn, never while the client that makes
 * room is still being taken down.
 */
#include "core/app/acceptor.h"

#include "core/base/log.h"
#include "core/proxy/client_room.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_MS 100

static bool is_full(const struct acceptor *acceptor)
{
    return acceptor->worker->client_count >= acceptor->worker->client_limit;
}

/* ---- at the limit ---- */

static void look_for_room(struct acceptor *acceptor)
{
    struct worker *worker = acceptor->worker;
    client_make_room(worker);
    timer_set(&worker->wheel, &acceptor->again, worker->now_ms + LOOK_AGAIN_MS);
}

static void on_again(struct timer *timer)
{
    look_for_room(container_of(timer, struct acceptor, again));
}

static void pause_all(struct acceptor *acceptor)
{
    if (acceptor->worker->full)
        return;
    acceptor->worker->full = true;
    for (size_t i = 0; i < acceptor->count; i++)
        listener_pause(&acceptor->listeners[i]);
    if (!acceptor->said)
        log_warn("the limit of connections is reached: those that do nothing are ended, and "
                 "clients wait in the backlog");
    acceptor->said = true;
    look_for_room(acceptor);
}

static void resume_all(struct acceptor *acceptor)
{
    if (!acceptor->worker->full)
        return;
    acceptor->worker->full = false;
    timer_cancel(&acceptor->worker->wheel, &acceptor->again);
    for (size_t i = 0; i < acceptor->count; i++)
        listener_resume(&acceptor->listeners[i]);
}

static void admit(struct worker_task *task)
{
    struct acceptor *acceptor = container_of(task, struct acceptor, admit);
    if (!is_full(acceptor))
        resume_all(acceptor);
}

void acceptor_on_client_closed(struct acceptor *acceptor)
{
    if (acceptor->worker->full && !is_full(acceptor))
        worker_defer(acceptor->worker, &acceptor->admit);
}

/* ---- listeners ---- */

static void on_accept(struct listener *listener, int fd, const struct sock_address *peer)
{
    struct acceptor *acceptor = listener->owner;
    worker_accept(acceptor->worker, (size_t)(listener - acceptor->listeners), fd, peer);
    if (is_full(acceptor))
        pause_all(acceptor);
}

static void on_trouble(struct listener *listener, int error_number)
{
    (void)listener;
    log_error("connections cannot be accepted: trying again", "error", strerror(error_number));
}

enum err acceptor_init(struct acceptor *acceptor, struct worker *worker, struct sockets *sockets)
{
    memset(acceptor, 0, sizeof(*acceptor));
    acceptor->worker = worker;
    acceptor->listeners = calloc(sockets->entries + 1, sizeof(struct listener));
    if (acceptor->listeners == NULL)
        return ERR_NOMEM;
    acceptor->count = sockets->entries;
    list_init(&acceptor->admit.link);
    acceptor->admit.run = admit;
    timer_init(&acceptor->again, on_again);
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
    timer_cancel(&acceptor->worker->wheel, &acceptor->again);
    acceptor->worker->full = false; /* clients that go make no room any more */
}

bool acceptor_is_pending(const struct acceptor *acceptor)
{
    for (size_t i = 0; i < acceptor->count; i++) {
        if (op_pending(&acceptor->listeners[i].ready))
            return true;
    }
    return false;
}

void acceptor_finish(struct acceptor *acceptor)
{
    free(acceptor->listeners);
}
