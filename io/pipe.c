/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cache is a stack: the pipe that was used last has the warmest pages. A
 * larger pipe than the kernel allows this user is asked for by halves, down to
 * what a pipe has by itself.
 */
#include "io/pipe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIPE_CAPACITY_MIN 4096

static void close_pipe(struct splice_pipe *pipe)
{
    close(pipe->read_fd);
    close(pipe->write_fd);
}

void pipe_cache_init(struct pipe_cache *cache, size_t wanted_capacity)
{
    cache->count = 0;
    cache->wanted_capacity = wanted_capacity;
}

void pipe_cache_finish(struct pipe_cache *cache)
{
    while (cache->count > 0)
        close_pipe(&cache->idle[--cache->count]);
}

/* The capacity that it has in the end. */
static size_t set_capacity(int fd, size_t wanted)
{
    int size = fcntl(fd, F_GETPIPE_SZ);
    size_t have = size > 0 ? (size_t)size : PIPE_CAPACITY_MIN;
    for (size_t ask = wanted; ask > have; ask /= 2) {
        size = fcntl(fd, F_SETPIPE_SZ, (int)ask);
        if (size >= 0)
            return (size_t)size;
        if (errno != EPERM && errno != ENOMEM && errno != EINVAL)
            break;
    }
    return have;
}

enum err pipe_cache_take(struct pipe_cache *cache, struct splice_pipe *out)
{
    if (cache->count > 0) {
        *out = cache->idle[--cache->count];
        return ERR_OK;
    }
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return err_from_errno(errno);
    *out = (struct splice_pipe){
        .read_fd = ends[0],
        .write_fd = ends[1],
        .capacity = set_capacity(ends[1], cache->wanted_capacity),
    };
    return ERR_OK;
}

void pipe_cache_give(struct pipe_cache *cache, struct splice_pipe *pipe)
{
    if (pipe->filled == 0 && cache->count < PIPE_CACHE_MAX)
        cache->idle[cache->count++] = *pipe;
    else
        close_pipe(pipe);
    pipe->read_fd = pipe->write_fd = -1;
    pipe->filled = 0;
}

static enum err move(int from_fd, int to_fd, size_t max, unsigned flags, size_t *moved)
{
    ssize_t count;
    do {
        count = splice(from_fd, NULL, to_fd, NULL, max, flags | SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return err_from_errno(errno);
    if (count == 0)
        return ERR_CLOSED;
    *moved = (size_t)count;
    return ERR_OK;
}

enum err pipe_fill(struct splice_pipe *pipe, int from_fd, size_t max, size_t *moved)
{
    assert(max > 0);
    return move(from_fd, pipe->write_fd, max, 0, moved);
}

enum err pipe_drain(struct splice_pipe *pipe, int to_fd, bool more, size_t *moved)
{
    assert(pipe->filled > 0);
    return move(pipe->read_fd, to_fd, pipe->filled, more ? SPLICE_F_MORE : 0, moved);
}
