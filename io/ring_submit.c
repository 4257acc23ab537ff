/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The submission queue. Where it is full its entries go to the kernel early.
 */
#include "io/ring_private.h"

#include "core/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROOM_TRIES 2000 /* a millisecond apart */

bool ring_error_passes(int result)
{
    return result == -EAGAIN || result == -EBUSY || result == -EINTR || result == -ETIME;
}

void ring_submit(struct ring *ring)
{
    int result = io_uring_submit(&ring->uring);
    if (result < 0 && !ring_error_passes(result))
        log_error("io_uring does not take submissions", "error", strerror(-result));
}

/* The kernel takes everything unless it is out of memory. */
static struct io_uring_sqe *make_room(struct ring *ring)
{
    static const struct timespec pause = {.tv_nsec = 1000 * 1000};
    for (int tries = 0; tries < ROOM_TRIES; tries++) {
        ring_submit(ring);
        struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
        if (entry != NULL)
            return entry;
        nanosleep(&pause, NULL);
    }
    log_error("io_uring has not taken a submission for seconds; giving up");
    abort();
}

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    return entry != NULL ? entry : make_room(ring);
}
