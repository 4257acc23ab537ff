/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A multishot accept on a listening socket of one worker. At the descriptor
 * limit (EMFILE, ENFILE) and when its owner pauses it, it stops accepting and
 * leaves connections in the backlog; it starts again by itself after
 * `retry_ms`, or when resumed. One worker thread.
 */
#ifndef WEIR_IO_LISTENER_H
#define WEIR_IO_LISTENER_H

#include "core/base/timerwheel.h"
#include "io/ring.h"

struct listener {
    struct op accept;
    struct timer retry;
    struct ring *ring;
    struct timerwheel *wheel;
    int fd;
    bool paused, closing;
    void (*on_accept)(struct listener *listener, int fd);
    void (*on_trouble)(struct listener *listener, int error_number); /* once per pause; may be NULL */
    void *owner;
};

#define LISTENER_RETRY_MS 50

/* Takes the descriptor over. */
void listener_init(struct listener *listener, struct ring *ring, struct timerwheel *wheel, int fd,
                   void (*on_accept)(struct listener *, int fd), void *owner);
void listener_start(struct listener *listener);
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
/* Stops and closes; the struct must live until !op_pending(&listener->accept). */
void listener_stop(struct listener *listener);

#endif
