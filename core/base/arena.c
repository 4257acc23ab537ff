/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks in a list, newest first; only the newest is bumped. Each new block is
 * twice as large as the one before, up to ARENA_BLOCK_MAX, or as large as the
 * request if that is more. Under AddressSanitizer the rest of a block is
 * poisoned, so that writing past the newest object is caught.
 */
#include "core/base/arena.h"
#include "core/base/poison.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_ALIGN 16
#define ARENA_BLOCK_MIN 256
#define ARENA_BLOCK_MAX ((size_t)1 << 20)

struct arena_block {
    struct arena_block *older;
    size_t cap;
    size_t used;
    alignas(ARENA_ALIGN) char data[];
};

void arena_init(struct arena *arena, size_t first_block, size_t max)
{
    if (first_block < ARENA_BLOCK_MIN)
        first_block = ARENA_BLOCK_MIN;
    *arena = (struct arena){.first_block = first_block, .max = max};
}

static void arena_free_until(struct arena *arena, const struct arena_block *last)
{
    while (arena->blocks != last) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->older;
        unpoison_bytes(block->data, block->cap);
        free(block);
    }
}

void arena_finish(struct arena *arena)
{
    arena_free_until(arena, NULL);
    arena->used = 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *first = arena->blocks;
    while (first != NULL && first->older != NULL)
        first = first->older;
    arena_free_until(arena, first);
    arena->used = 0;
    if (first != NULL) {
        first->used = 0;
        poison_bytes(first->data, first->cap);
    }
}

static struct arena_block *arena_add_block(struct arena *arena, size_t size)
{
    size_t cap = arena->first_block;
    if (arena->blocks != NULL) {
        cap = arena->blocks->cap;
        cap = cap < ARENA_BLOCK_MAX / 2 ? cap * 2 : ARENA_BLOCK_MAX;
    }
    if (cap < size)
        cap = size;
    if (cap > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof(*block) + cap);
    if (block == NULL)
        return NULL;
    block->older = arena->blocks;
    block->cap = cap;
    block->used = 0;
    poison_bytes(block->data, cap);
    arena->blocks = block;
    return block;
}

static char *arena_take(struct arena *arena, size_t size, size_t align)
{
    struct arena_block *block = arena->blocks;
    size_t pad = block ? (size_t)-block->used & (align - 1) : 0;
    bool fits = block != NULL && block->cap - block->used >= pad &&
                block->cap - block->used - pad >= size;
    if (!fits)
        pad = 0;
    if (size > SIZE_MAX - pad || size + pad > arena->max - arena->used)
        return NULL;
    if (!fits)
        block = arena_add_block(arena, size);
    if (block == NULL)
        return NULL;
    char *bytes = block->data + block->used + pad;
    block->used += pad + size;
    arena->used += pad + size;
    unpoison_bytes(bytes, size);
    return bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    char *bytes = arena_take(arena, size, ARENA_ALIGN);
    return bytes ? memset(bytes, 0, size) : NULL;
}

void *arena_alloc_array(struct arena *arena, size_t size, size_t n)
{
    size_t total;
    if (__builtin_mul_overflow(size, n, &total))
        return NULL;
    return arena_alloc(arena, total);
}

char *arena_bytes(struct arena *arena, size_t size)
{
    return arena_take(arena, size, 1);
}

struct span arena_span(struct arena *arena, struct span bytes)
{
    char *copy = bytes.len < SIZE_MAX ? arena_bytes(arena, bytes.len + 1) : NULL;
    if (copy == NULL)
        return SPAN_EMPTY;
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    return span_make(copy, bytes.len);
}

const char *arena_cstr(struct arena *arena, struct span bytes)
{
    return arena_span(arena, bytes).ptr;
}

struct span arena_u64(struct arena *arena, uint64_t number)
{
    char room[SPAN_U64_DIGITS];
    return arena_span(arena, span_from_u64(number, room));
}

const char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = len < 0 ? NULL : arena_bytes(arena, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
