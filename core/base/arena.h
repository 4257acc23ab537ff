/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bump allocator: many small things that die together (a configuration
 * model, one request). Blocks grow from `first_block`; what is handed out
 * never exceeds `max`. The caller owns the struct. One thread at a time.
 */
#ifndef WEIR_CORE_BASE_ARENA_H
#define WEIR_CORE_BASE_ARENA_H

#include "core/base/span.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out, with what alignment costs */
    size_t first_block;
    size_t max; /* of `used` */
};

void arena_init(struct arena *arena, size_t first_block, size_t max);
void arena_finish(struct arena *arena);
/* Forgets everything but keeps the first block for the next round. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned to 16; NULL when memory or the limit is exhausted. */
void *arena_alloc(struct arena *arena, size_t size);
/* The same for an array; NULL too when the product overflows. */
void *arena_alloc_array(struct arena *arena, size_t size, size_t n);
/* Not zeroed, unaligned. */
char *arena_bytes(struct arena *arena, size_t size);
/* A copy, NUL-terminated beyond its length; ptr NULL on exhaustion. */
struct span arena_span(struct arena *arena, struct span bytes);
const char *arena_cstr(struct arena *arena, struct span bytes);
/* The decimal number; ptr NULL on exhaustion. */
struct span arena_u64(struct arena *arena, uint64_t number);
const char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_alloc_array((arena), sizeof(type), (n)))

#endif
