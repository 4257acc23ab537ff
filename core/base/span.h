/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A borrowed view of bytes: who made it says how long it lives. Not
 * NUL-terminated. Any thread.
 */
#ifndef WEIR_CORE_BASE_SPAN_H
#define WEIR_CORE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})
#define SPAN_EMPTY ((struct span){NULL, 0})
/* For printf("%.*s", SPAN_ARG(s)). */
#define SPAN_ARG(s) (int)(s).len, (s).ptr

static inline struct span span_make(const void *ptr, size_t len)
{
    return (struct span){ptr, len};
}

static inline struct span span_cstr(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline struct span span_skip(struct span s, size_t n)
{
    return (struct span){n ? s.ptr + n : s.ptr, s.len - n}; /* NULL + 0 is undefined */
}

static inline struct span span_first(struct span s, size_t n)
{
    return (struct span){s.ptr, n < s.len ? n : s.len};
}

static inline bool span_starts_with(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_equal(span_first(s, prefix.len), prefix);
}

static inline bool span_ends_with(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_equal(span_skip(s, s.len - suffix.len), suffix);
}

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* ASCII case-insensitive. */
bool span_equal_nocase(struct span a, struct span b);
/* As memcmp over the shorter, then by length: <0, 0, >0. */
int span_compare(struct span a, struct span b);
/* Index of the first `c` at or after `from`, or -1. */
ptrdiff_t span_find(struct span s, char c, size_t from);
/* Index of the last `c`, or -1. */
ptrdiff_t span_find_last(struct span s, char c);
/* Without leading and trailing spaces and tabs. */
struct span span_trim(struct span s);
/* Splits at the first `separator`: *head is what stands before it, the result
 * what follows; without one, *head is all and the result is empty with ptr NULL. */
struct span span_split(struct span s, char separator, struct span *head);
/* Decimal digits only, the whole span, no overflow. */
bool span_to_u64(struct span s, uint64_t *out);
/* The decimal number, which lies at the end of `room`. */
#define SPAN_U64_DIGITS 20
struct span span_from_u64(uint64_t number, char room[SPAN_U64_DIGITS]);
/* malloc'ed, NUL-terminated copy, or NULL. */
char *span_dup(struct span s);

#endif
