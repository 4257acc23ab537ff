/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes one allocation fail: link fail_malloc.c with --wrap of malloc, calloc
 * and realloc. One thread.
 */
#ifndef WEIR_TESTS_UNIT_HTTP_FAIL_MALLOC_H
#define WEIR_TESTS_UNIT_HTTP_FAIL_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* The n-th allocation from now on (from 1) and all behind it fail; 0: none. */
void fail_malloc_at(size_t n);
/* Whether one failed since. */
bool fail_malloc_happened(void);

#endif
