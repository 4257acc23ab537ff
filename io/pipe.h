/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pipes for splice(2), kept for the next body: a pipe is taken only while
 * bytes are in flight. A pipe that comes back with bytes in it is closed. One
 * thread. The process must ignore SIGPIPE: splice(2) cannot be told not to
 * raise it.
 */
#ifndef WEIR_IO_PIPE_H
#define WEIR_IO_PIPE_H

#include "core/base/err.h"

#include <stdbool.h>

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
/* A pipe of the wanted capacity, or of less where the kernel gives no more
 * (fs.pipe-max-size, fs.pipe-user-pages-soft): see `capacity`. ERR_LIMIT: out
 * of descriptors. */
MUST_USE enum err pipe_cache_take(struct pipe_cache *cache, struct splice_pipe *out);
/* Keeps it, or closes it. Its descriptors are -1 after that. */
void pipe_cache_give(struct pipe_cache *cache, struct splice_pipe *pipe);

/* Non-blocking splice(2); both sockets must be non-blocking. ERR_OK with
 * *moved > 0; ERR_CLOSED: end of stream (drain: nobody reads any more);
 * ERR_AGAIN: would block; else failed. Neither changes `filled`.
 *
 * A pipe is full when its pages are, however few bytes are on each: with bytes
 * inside, ERR_AGAIN of pipe_fill may mean that it wants draining. */
MUST_USE enum err pipe_fill(struct splice_pipe *pipe, int from_fd, size_t max, size_t *moved);
/* Up to `filled` bytes. more: MSG_MORE. */
MUST_USE enum err pipe_drain(struct splice_pipe *pipe, int to_fd, bool more, size_t *moved);

#endif
