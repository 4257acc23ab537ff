/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Searching and splitting of byte views. Everything works on (ptr, len) with
 * len zero allowed to have ptr NULL, which memchr and memcmp do not allow.
 */
#include "core/base/span.h"

#include <stdlib.h>

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    }
    return true;
}

int span_compare(struct span a, struct span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

ptrdiff_t span_find(struct span s, char c, size_t from)
{
    if (from >= s.len)
        return -1;
    const char *found = memchr(s.ptr + from, c, s.len - from);
    return found ? found - s.ptr : -1;
}

ptrdiff_t span_find_last(struct span s, char c)
{
    if (s.len == 0)
        return -1;
    const char *found = memrchr(s.ptr, c, s.len);
    return found ? found - s.ptr : -1;
}

static bool span_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.len > 0 && span_is_blank(s.ptr[0]))
        s = span_skip(s, 1);
    while (s.len > 0 && span_is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct span span_split(struct span s, char separator, struct span *head)
{
    ptrdiff_t at = span_find(s, separator, 0);
    if (at < 0) {
        *head = s;
        return SPAN_EMPTY;
    }
    *head = span_first(s, (size_t)at);
    return span_skip(s, (size_t)at + 1);
}

bool span_to_u64(struct span s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

struct span span_from_u64(uint64_t number, char room[SPAN_U64_DIGITS])
{
    size_t at = SPAN_U64_DIGITS;
    do {
        room[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return span_make(room + at, SPAN_U64_DIGITS - at);
}

char *span_dup(struct span s)
{
    if (s.len == SIZE_MAX)
        return NULL;
    char *copy = malloc(s.len + 1);
    if (copy == NULL)
        return NULL;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}
