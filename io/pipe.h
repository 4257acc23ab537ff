/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pipes for splice(2), kept for the next body: a pipe is taken only while
 * bytes are in flight. A pipe that comes back with bytes in it is closed. One
 * thread.
 */
#ifndef WEIR_IO_PIPE_H
#define WEIR_IO_PIPE_H

#include "core/base/err.h"

#define PIPE_CACHE_MAX 64

struct splice_pipe {
    int read_fd, write_fd;
    size_t capacity;
    size_t filled; /* bytes inside; its user keeps the count */
};

struct pipe_cache {
    struct splice_pipe idle[PIPE_CACHE_MAX];
    size_t count;
    size_t wanted_capacity;
};

void pipe_cache_init(struct pipe_cache *cache, size_t wanted_capacity);
void pipe_cache_finish(struct pipe_cache *cache);
MUST_USE enum err pipe_cache_take(struct pipe_cache *cache, struct splice_pipe *out);
void pipe_cache_give(struct pipe_cache *cache, struct splice_pipe *pipe);

/* Non-blocking splice(2). ERR_OK with *moved > 0; ERR_CLOSED: end of stream;
 * ERR_AGAIN: would block; else failed. */
MUST_USE enum err pipe_fill(struct splice_pipe *pipe, int from_fd, size_t max, size_t *moved);
MUST_USE enum err pipe_drain(struct splice_pipe *pipe, int to_fd, bool more, size_t *moved);

#endif
