/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The linker sends the rooms' calls of malloc here and ours of __real_malloc to
 * the C library (or to the sanitizer).
 */
#include "fail_malloc.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static size_t countdown;
static bool happened;

void fail_malloc_at(size_t n)
{
    countdown = n;
    happened = false;
}

bool fail_malloc_happened(void)
{
    return happened;
}

static bool fails(void)
{
    if (countdown == 0)
        return false;
    if (countdown > 1) {
        countdown--;
        return false;
    }
    happened = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}
