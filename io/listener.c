/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A poll waits for the backlog to have something unless the listener is paused,
 * closing or waiting to try again; rearm() starts it when none of these holds. A
 * cancelled poll completes once more, and that completion decides anew: so resuming
 * before the cancellation has come through needs no special care. One whose socket
 * is ready already completes at once, hence in the next turn.
 *
 * No multishot accept: it takes in a whole backlog before anybody can stop it, and
 * thousands of new connections in one turn keep everybody else waiting.
 */
#include "io/listener.h"

#include <errno.h>
#include <poll.h>

/* Of the one connection, not of the listener (accept(2), "Error handling"). */
static bool is_of_connection(int error_number)
{
    switch (error_number) {
    case EAGAIN:
    case EINTR:
    case ECANCELED:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
        return true;
    default:
        return false;
    }
}

static void rearm(struct listener *listener)
{
    bool wanted = !listener->paused && !listener->closing && !timer_running(&listener->retry);
    if (wanted && !op_pending(&listener->ready))
        ring_poll(listener->ring, &listener->ready, listener->fd, POLLIN, false);
}

static void close_socket(struct listener *listener)
{
    if (listener->fd >= 0)
        ring_close(listener->ring, listener->fd);
    listener->fd = -1;
}

static void on_retry(struct timer *timer)
{
    rearm(container_of(timer, struct listener, retry));
}

static void rest_a_while(struct listener *listener, int error_number)
{
    if (!listener->paused)
        timer_set(listener->wheel, &listener->retry, listener->wheel->now_ms + LISTENER_RETRY_MS);
    if (listener->troubled)
        return;
    listener->troubled = true;
    if (listener->on_trouble != NULL)
        listener->on_trouble(listener, error_number);
}

/* Whether there may be more to take. */
static bool take_one(struct listener *listener)
{
    struct sock_address peer;
    int fd = sock_accept(listener->fd, &peer);
    if (fd >= 0) {
        listener->troubled = false;
        listener->on_accept(listener, fd, &peer);
        return !listener->paused && !listener->closing;
    }
    if (is_of_connection(-fd))
        return fd != -EAGAIN;
    rest_a_while(listener, -fd);
    return false;
}

static void on_ready(struct op *op, int32_t result, uint32_t flags)
{
    struct listener *listener = container_of(op, struct listener, ready);
    (void)flags;
    if (listener->closing) {
        close_socket(listener);
        return;
    }
    if (result < 0 && result != -ECANCELED)
        rest_a_while(listener, -result);
    else if (!listener->paused)
        for (int i = 0; i < LISTENER_BURST && take_one(listener); i++)
            ;
    rearm(listener);
}

void listener_init(struct listener *listener, struct ring *ring, struct timerwheel *wheel, int fd,
                   listener_accepted *accepted, void *owner)
{
    *listener = (struct listener){
        .ring = ring,
        .wheel = wheel,
        .fd = fd,
        .on_accept = accepted,
        .owner = owner,
    };
    op_init(&listener->ready, on_ready);
    timer_init(&listener->retry, on_retry);
}

void listener_start(struct listener *listener)
{
    rearm(listener);
}

void listener_pause(struct listener *listener)
{
    if (listener->paused || listener->closing)
        return;
    listener->paused = true;
    timer_cancel(listener->wheel, &listener->retry);
    ring_cancel(listener->ring, &listener->ready);
}

void listener_resume(struct listener *listener)
{
    listener->paused = false;
    rearm(listener);
}

void listener_stop(struct listener *listener)
{
    if (listener->closing)
        return;
    listener->closing = true;
    timer_cancel(listener->wheel, &listener->retry);
    if (op_pending(&listener->ready))
        ring_cancel(listener->ring, &listener->ready);
    else
        close_socket(listener);
}
