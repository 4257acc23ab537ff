/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes live in one block that grows up to `max`, doubling while it is small,
 * and always has one spare byte behind `cap` for the NUL that vsnprintf insists on.
 * Room is found, in this order: behind the end, by moving the bytes to the front
 * when at least as many were consumed as must move, by growing, by moving all the
 * same.
 */
#include "core/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* One less than what an allocator has a size for, as the spare byte comes to it. */
#define BUF_FIRST 255
#define BUF_LARGE ((size_t)16 << 10)

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_init_fixed(struct buf *buf, char *memory, size_t size)
{
    assert(size > 0);
    *buf = (struct buf){.data = memory, .cap = size - 1, .max = size - 1, .fixed = true};
}

void buf_finish(struct buf *buf)
{
    if (!buf->fixed)
        free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_release(struct buf *buf)
{
    assert(buf_len(buf) == 0);
    if (!buf->fixed)
        buf_finish(buf);
}

static void buf_move_to_front(struct buf *buf)
{
    size_t len = buf_len(buf);
    memmove(buf->data, buf->data + buf->start, len);
    buf->start = 0;
    buf->end = len;
}

static enum err buf_grow(struct buf *buf, size_t needed)
{
    size_t cap = needed < BUF_LARGE ? buf->cap * 2 + 1 : needed + needed / 4;
    if (cap < BUF_FIRST)
        cap = BUF_FIRST;
    if (cap < needed)
        cap = needed;
    if (cap > buf->max)
        cap = buf->max;
    if (cap == SIZE_MAX)
        return ERR_NOMEM;
    char *data = malloc(cap + 1);
    if (data == NULL)
        return ERR_NOMEM;
    size_t len = buf_len(buf);
    if (len > 0)
        memcpy(data, buf->data + buf->start, len);
    free(buf->data);
    buf->data = data;
    buf->cap = cap;
    buf->start = 0;
    buf->end = len;
    return ERR_OK;
}

/* Room for n bytes behind the end; `n` is known to fit within max. */
static enum err buf_make_room(struct buf *buf, size_t n)
{
    size_t len = buf_len(buf);
    if (n <= buf->cap - buf->end && buf->data != NULL)
        return ERR_OK;
    bool fits = buf->data != NULL && n <= buf->cap - len;
    if (fits && buf->start >= len) {
        buf_move_to_front(buf);
        return ERR_OK;
    }
    if (buf->cap < buf->max || buf->data == NULL) {
        enum err error = buf_grow(buf, len + n);
        if (error == ERR_OK || !fits)
            return error;
    }
    buf_move_to_front(buf);
    return ERR_OK;
}

enum err buf_reserve(struct buf *buf, size_t n, char **where)
{
    if (n > buf->max - buf_len(buf))
        return ERR_LIMIT;
    TRY(buf_make_room(buf, n));
    *where = buf->data + buf->end;
    return ERR_OK;
}

void buf_commit(struct buf *buf, size_t n)
{
    assert(n <= buf->cap - buf->end);
    buf->end += n;
}

enum err buf_append(struct buf *buf, struct span bytes)
{
    if (bytes.len == 0)
        return ERR_OK;
    char *where;
    TRY(buf_reserve(buf, bytes.len, &where));
    memcpy(where, bytes.ptr, bytes.len);
    buf->end += bytes.len;
    return ERR_OK;
}

enum err buf_append_format(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = buf->data != NULL ? buf->cap - buf->end + 1 : 0;
    int written = vsnprintf(room ? buf->data + buf->end : NULL, room, format, args);
    enum err error = written < 0 ? ERR_INVALID : ERR_OK;
    char *where;
    if (error == ERR_OK)
        error = buf_reserve(buf, (size_t)written, &where);
    if (error == ERR_OK && (size_t)written >= room)
        vsnprintf(where, (size_t)written + 1, format, again);
    if (error == ERR_OK)
        buf->end += (size_t)written;
    va_end(again);
    va_end(args);
    return error;
}

void buf_consume(struct buf *buf, size_t n)
{
    assert(n <= buf_len(buf));
    buf->start += n;
    if (buf->start == buf->end)
        buf_clear(buf);
}

void buf_clear(struct buf *buf)
{
    buf->start = 0;
    buf->end = 0;
}
