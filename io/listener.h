/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A multishot accept on a listening socket of one worker. At the descriptor
 * limit (EMFILE, ENFILE) and when its owner pauses it, it stops accepting and
 * leaves connections in the backlog; it starts again by itself after
 * LISTENER_RETRY_MS, or when resumed. One worker thread.
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
    bool troubled; /* on_trouble was called and nothing accepted since */
    /* Takes over the non-blocking descriptor. May come a few times more after
     * listener_pause, for connections that were accepted by then. May call any
     * function here, but not free the listener. */
    void (*on_accept)(struct listener *listener, int fd);
    /* Once per pause; may be NULL. */
    void (*on_trouble)(struct listener *listener, int error_number);
    void *owner;
};

#define LISTENER_RETRY_MS 50

/* Takes the descriptor over. on_trouble starts as NULL. */
void listener_init(struct listener *listener, struct ring *ring, struct timerwheel *wheel, int fd,
                   void (*on_accept)(struct listener *, int fd), void *owner);
void listener_start(struct listener *listener);
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
/* Stops and closes, and closes what is accepted after that; the struct must
 * live until !op_pending(&listener->accept). Stopping twice is fine. */
void listener_stop(struct listener *listener);

#endif
