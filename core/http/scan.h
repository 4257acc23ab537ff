/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Character classes of RFC 9110 §5.6 and RFC 3986, and scans that stop at the
 * first byte outside a class. Private to core/http. Any thread.
 */
#ifndef WEIR_CORE_HTTP_SCAN_H
#define WEIR_CORE_HTTP_SCAN_H

#include "core/base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum http_char_class {
    HTTP_CHAR_TOKEN = 1, /* tchar */
    HTTP_CHAR_VALUE = 2, /* in a field value: HTAB, SP, VCHAR, obs-text */
    HTTP_CHAR_HOST = 4,  /* in a reg-name: unreserved and sub-delims, no comma */
    HTTP_CHAR_HEX = 8,
};

extern const uint8_t http_char_classes[256];

static inline bool http_char_is(char c, enum http_char_class class)
{
    return (http_char_classes[(uint8_t)c] & class) != 0;
}

static inline const char *http_scan_token(const char *p, const char *end)
{
    while (p < end && http_char_is(*p, HTTP_CHAR_TOKEN))
        p++;
    return p;
}

/* RFC 9110 §5.6.2. */
static inline bool http_is_token(struct span text)
{
    return text.len > 0 &&
           http_scan_token(text.ptr, text.ptr + text.len) == text.ptr + text.len;
}

/* The first byte in [p, end) that may not stand in a field value. */
const char *http_scan_value(const char *p, const char *end);
/* The first byte in [p, end) that may not stand in a request target: anything
 * but 0x21 to 0x7e. */
const char *http_scan_target(const char *p, const char *end);

static inline bool http_is_value(struct span text)
{
    return text.len == 0 || http_scan_value(text.ptr, text.ptr + text.len) == text.ptr + text.len;
}

static inline int http_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

#endif
