/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The multishot accept runs unless the listener is paused, closing or waiting
 * to try again; rearm() starts it when none of these holds. A cancelled accept
 * completes once more, and that completion decides anew: so resuming before the
 * cancellation has come through needs no special care.
 */
#include "io/listener.h"

#include <errno.h>

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
    if (wanted && !op_pending(&listener->accept))
        ring_accept_multishot(listener->ring, &listener->accept, listener->fd);
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

static void on_accept(struct op *op, int32_t result, uint32_t flags)
{
    struct listener *listener = container_of(op, struct listener, accept);
    (void)flags;
    if (result >= 0 && listener->closing) {
        ring_close(listener->ring, result);
    } else if (result >= 0) {
        listener->troubled = false;
        listener->on_accept(listener, result);
    } else if (!listener->closing && !is_of_connection(-result)) {
        rest_a_while(listener, -result);
    }
    if (op_pending(op))
        return;
    if (listener->closing)
        close_socket(listener);
    else
        rearm(listener);
}

void listener_init(struct listener *listener, struct ring *ring, struct timerwheel *wheel, int fd,
                   void (*accepted)(struct listener *, int fd), void *owner)
{
    *listener = (struct listener){
        .ring = ring,
        .wheel = wheel,
        .fd = fd,
        .on_accept = accepted,
        .owner = owner,
    };
    op_init(&listener->accept, on_accept);
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
    ring_cancel(listener->ring, &listener->accept);
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
    if (op_pending(&listener->accept))
        ring_cancel(listener->ring, &listener->accept);
    else
        close_socket(listener);
}
