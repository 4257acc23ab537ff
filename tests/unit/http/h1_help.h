/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the tests of HTTP/1: cmocka with what it needs, and an exact copy of the
 * input on the heap, so that the sanitizer sees a read behind its end.
 */
#ifndef WEIR_TESTS_UNIT_HTTP_H1_HELP_H
#define WEIR_TESTS_UNIT_HTTP_H1_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/http/h1.h"

static const struct h1_limits test_limits = {.head_bytes = 4096, .field_count = 64};

static inline char *heap_copy(struct span bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    assert_non_null(copy);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return copy;
}

static inline void assert_span(struct span actual, const char *expected)
{
    if (actual.len != strlen(expected) ||
        (actual.len > 0 && memcmp(actual.ptr, expected, actual.len) != 0))
        fail_msg("\"%.*s\" instead of \"%s\"", SPAN_ARG(actual), expected);
}

static inline void assert_err(enum err actual, enum err expected)
{
    if (actual != expected)
        fail_msg("ERR_%s instead of ERR_%s", err_name(actual), err_name(expected));
}

#endif
