/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Percent-decoding, dot segments, and the pairs of a query. All are one pass
 * over the text; the common case, nothing to do, neither allocates nor copies.
 */
#include "core/http/scan.h"
#include "core/http/uri.h"

/* The byte that the escape at text[i] stands for, or -1. */
static int escape_value(struct span text, size_t i)
{
    if (text.len - i < 3 || text.ptr[i] != '%')
        return -1;
    int high = http_hex_value(text.ptr[i + 1]), low = http_hex_value(text.ptr[i + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* RFC 3986 §2.2, and the escape character itself. */
static bool is_reserved(int c)
{
    return c > 0 && strchr(":/?#[]@!$&'()*+,;=%", c) != NULL;
}

/* Decodes all escapes, or (`routing`) all but the reserved ones. */
static enum err decode(struct span text, struct arena *arena, bool routing, struct span *out)
{
    if (span_find(text, '%', 0) < 0) {
        *out = text;
        return ERR_OK;
    }
    char *bytes = arena_bytes(arena, text.len);
    if (bytes == NULL)
        return ERR_NOMEM;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = (uint8_t)text.ptr[i];
        if (text.ptr[i] == '%') {
            value = escape_value(text, i);
            if (value < 0)
                return ERR_SYNTAX;
            i += 2;
            if (routing && is_reserved(value)) {
                bytes[len++] = '%';
                bytes[len++] = "0123456789ABCDEF"[value >> 4];
                value = "0123456789ABCDEF"[value & 15];
            }
        }
        bytes[len++] = (char)value;
    }
    *out = span_make(bytes, len);
    return ERR_OK;
}

enum err uri_decode(struct span text, struct arena *arena, struct span *out)
{
    return decode(text, arena, false, out);
}

enum err uri_routing_path(struct span path, struct arena *arena, struct span *out)
{
    return decode(path, arena, true, out);
}

/* ---- dot segments ---- */

/* How many dots the segment consists of (1 or 2), or 0 when it is another. */
static int segment_dots(struct span segment)
{
    int dots = 0;
    for (size_t i = 0; i < segment.len; i++) {
        if (segment.ptr[i] != '.') {
            if (escape_value(segment, i) != '.')
                return 0;
            i += 2;
        }
        if (++dots > 2)
            return 0;
    }
    return dots;
}

/* Whether any segment is empty (the last one aside), "." or "..". */
static bool path_is_untidy(struct span path)
{
    struct span rest = span_skip(path, 1);
    while (rest.ptr != NULL) {
        struct span segment;
        rest = span_split(rest, '/', &segment);
        if (segment.len == 0 ? rest.ptr != NULL : segment_dots(segment) > 0)
            return true;
    }
    return false;
}

/* Takes the last "/segment" off. */
static size_t path_pop(const char *bytes, size_t len)
{
    while (len > 0 && bytes[len - 1] != '/')
        len--;
    return len > 0 ? len - 1 : 0;
}

enum err uri_sanitize_path(struct span path, struct arena *arena, struct span *out)
{
    if (path.len == 0 || path.ptr[0] != '/' || !path_is_untidy(path)) {
        *out = path;
        return ERR_OK;
    }
    char *bytes = arena_bytes(arena, path.len);
    if (bytes == NULL)
        return ERR_NOMEM;
    size_t len = 0;
    struct span rest = span_skip(path, 1);
    while (rest.ptr != NULL) {
        struct span segment;
        rest = span_split(rest, '/', &segment);
        int dots = segment_dots(segment);
        if (dots == 2)
            len = path_pop(bytes, len);
        if (dots > 0 || segment.len == 0)
            continue;
        bytes[len++] = '/';
        memcpy(bytes + len, segment.ptr, segment.len);
        len += segment.len;
    }
    if (len == 0 || path.ptr[path.len - 1] == '/')
        bytes[len++] = '/';
    *out = span_make(bytes, len);
    return ERR_OK;
}

uint32_t uri_encoded_characters(struct span path)
{
    static const char characters[] = {'/', '\\', '\0', ';', '%', '?', '#'};
    uint32_t found = 0;
    for (ptrdiff_t at = span_find(path, '%', 0); at >= 0;
         at = span_find(path, '%', (size_t)at + 1)) {
        int value = escape_value(path, (size_t)at);
        for (size_t bit = 0; bit < sizeof(characters); bit++) {
            if (value == characters[bit])
                found |= UINT32_C(1) << bit;
        }
    }
    return found;
}

/* ---- query ---- */

bool uri_query_next(struct span *rest, struct span *key, struct span *value)
{
    while (rest->len > 0) {
        struct span pair;
        *rest = span_split(*rest, '&', &pair);
        if (pair.len == 0)
            continue;
        *value = span_split(pair, '=', key);
        return true;
    }
    return false;
}

/* The byte at text[*i] decoded, *i moved past it; -1 when malformed. */
static int query_byte(struct span text, size_t *i)
{
    char c = text.ptr[*i];
    if (c == '%') {
        int value = escape_value(text, *i);
        *i += 3;
        return value;
    }
    *i += 1;
    return c == '+' ? ' ' : (uint8_t)c;
}

bool uri_query_equal(struct span encoded, struct span plain)
{
    size_t i = 0, matched = 0;
    while (i < encoded.len) {
        int byte = query_byte(encoded, &i);
        if (byte < 0 || matched == plain.len || (uint8_t)plain.ptr[matched] != byte)
            return false;
        matched++;
    }
    return matched == plain.len;
}

bool uri_query_decode(struct span encoded, char *out, size_t *len)
{
    size_t i = 0, n = 0;
    while (i < encoded.len) {
        int byte = query_byte(encoded, &i);
        if (byte < 0)
            return false;
        out[n++] = (char)byte;
    }
    *len = n;
    return true;
}
