/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A listening socket of one worker. It accepts LISTENER_BURST connections in a turn
 * at most, so that a crowd waits in the backlog and not before everybody's requests.
 * At the descriptor limit (EMFILE, ENFILE) and when its owner pauses it, it stops
 * accepting; it starts again by itself after LISTENER_RETRY_MS, or when resumed.
 * One worker thread.
 */
#ifndef WEIR_IO_LISTENER_H
#define WEIR_IO_LISTENER_H

#include "core/base/timerwheel.h"
#include "io/ring.h"
#include "io/sock.h"

struct listener;

/* Takes over the non-blocking descriptor. May call any function here, but not free the
 * listener; after listener_pause nothing comes any more. */
typedef void listener_accepted(struct listener *listener, int fd, const struct sock_address *peer);

struct listener {
    struct op ready;
    struct timer retry;
    struct ring *ring;
    struct timerwheel *wheel;
    int fd;
    bool paused, closing;
    bool troubled; /* on_trouble was called and nothing accepted since */
    listener_accepted *on_accept;
    /* Once per pause; may be NULL. */
    void (*on_trouble)(struct listener *listener, int error_number);
    void *owner;
};

#define LISTENER_RETRY_MS 50
#define LISTENER_BURST 8

/* Takes the descriptor over. on_trouble starts as NULL. */
void listener_init(struct listener *listener, struct ring *ring, struct timerwheel *wheel, int fd,
                   listener_accepted *on_accept, void *owner);
void listener_start(struct listener *listener);
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
/* Stops and closes, with what is in the backlog; the struct must live until
 * !op_pending(&listener->ready). Stopping twice is fine. */
void listener_stop(struct listener *listener);

#endif
