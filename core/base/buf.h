/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growable byte queue with a stated maximum: append at the end, consume at
 * the front. The caller owns the struct (init/finish); the bytes are malloc'ed
 * on first use and freed by finish or release. One thread at a time.
 */
#ifndef WEIR_CORE_BASE_BUF_H
#define WEIR_CORE_BASE_BUF_H

#include "core/base/err.h"
#include "core/base/span.h"

struct buf {
    char *data;
    size_t start; /* first unconsumed byte */
    size_t end;   /* one past the last byte */
    size_t cap;
    size_t max; /* unconsumed bytes never exceed it */
    bool fixed; /* data is the caller's, see buf_init_fixed */
};

void buf_init(struct buf *buf, size_t max);
/* Over the caller's memory: holds size - 1 bytes, never calls malloc, and
 * finish leaves the memory alone. */
void buf_init_fixed(struct buf *buf, char *memory, size_t size);
void buf_finish(struct buf *buf);
/* Frees the memory of an empty buf and leaves it usable. */
void buf_release(struct buf *buf);

static inline size_t buf_len(const struct buf *buf)
{
    return buf->end - buf->start;
}

static inline struct span buf_span(const struct buf *buf)
{
    return span_make(buf->data ? buf->data + buf->start : NULL, buf_len(buf));
}

/* ERR_LIMIT when max would be exceeded, ERR_NOMEM; nothing is appended then.
 * What is appended must not lie in the buf itself. */
MUST_USE enum err buf_append(struct buf *buf, struct span bytes);
MUST_USE enum err buf_append_format(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Room for at least n more bytes at the returned place; then buf_commit(≤ n). */
MUST_USE enum err buf_reserve(struct buf *buf, size_t n, char **where);
void buf_commit(struct buf *buf, size_t n);
void buf_consume(struct buf *buf, size_t n);
void buf_clear(struct buf *buf);

#endif
