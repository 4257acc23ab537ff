/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * URLs and authorities. Everything is cut out of the text in one pass; the
 * characters of a host are checked against the class table, IPv6 literals by
 * inet_pton.
 */
#include "core/http/uri.h"
#include "core/base/limits.h"
#include "core/http/scan.h"

#include <arpa/inet.h>

/* ---- authority ---- */

static bool ipv6_is_valid(struct span text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return memchr(copy, '\0', text.len) == NULL && inet_pton(AF_INET6, copy, &address) == 1;
}

static bool reg_name_is_valid(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!http_char_is(text.ptr[i], HTTP_CHAR_HOST))
            return false;
    }
    return text.len > 0 && text.len <= LIMIT_HOST_NAME;
}

/* ":8080", ":" or "" → port. */
static bool port_parse(struct span text, uint16_t *port)
{
    uint64_t value = 0;
    if (text.len > 1 && (!span_to_u64(span_skip(text, 1), &value) || value == 0 || value > 65535))
        return false;
    if (text.len > 0 && text.ptr[0] != ':')
        return false;
    *port = (uint16_t)value;
    return true;
}

static enum err authority_split(struct span authority, struct span *host, uint16_t *port)
{
    struct span name, rest;
    bool valid;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        ptrdiff_t close = span_find(authority, ']', 1);
        if (close < 0)
            return ERR_SYNTAX;
        name = span_make(authority.ptr + 1, (size_t)close - 1);
        rest = span_skip(authority, (size_t)close + 1);
        valid = ipv6_is_valid(name);
    } else {
        ptrdiff_t colon = span_find(authority, ':', 0);
        name = colon < 0 ? authority : span_first(authority, (size_t)colon);
        rest = span_skip(authority, name.len);
        valid = reg_name_is_valid(name);
    }
    if (!valid || !port_parse(rest, port))
        return ERR_SYNTAX;
    *host = name;
    return ERR_OK;
}

static bool has_upper(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z')
            return true;
    }
    return false;
}

enum err uri_parse_authority(struct span authority, struct arena *arena, struct span *host,
                             uint16_t *port)
{
    struct span name;
    uint16_t number;
    TRY(authority_split(authority, &name, &number));
    if (name.len > 1 && name.ptr[name.len - 1] == '.')
        name.len--;
    if (has_upper(name)) {
        char *lower = arena_bytes(arena, name.len);
        if (lower == NULL)
            return ERR_NOMEM;
        for (size_t i = 0; i < name.len; i++)
            lower[i] = ascii_lower(name.ptr[i]);
        name.ptr = lower;
    }
    *host = name;
    *port = number;
    return ERR_OK;
}

/* ---- URL ---- */

struct scheme {
    struct span name;
    uint16_t port;
};

static struct scheme scheme_of(struct span written)
{
    static const struct scheme known[] = {
        {{"http", 4}, 80}, {{"https", 5}, 443}, {{"h2c", 3}, 80},
        {{"ws", 2}, 80},   {{"wss", 3}, 443},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (span_equal_nocase(known[i].name, written))
            return known[i];
    }
    return (struct scheme){written, 0};
}

static bool scheme_is_valid(struct span scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        char c = scheme.ptr[i], lower = (char)(c | 0x20);
        bool letter = lower >= 'a' && lower <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !other))
            return false;
    }
    return scheme.len > 0;
}

/* The index of the first byte that ends an authority. */
static size_t authority_length(struct span text)
{
    size_t i = 0;
    while (i < text.len && text.ptr[i] != '/' && text.ptr[i] != '?' && text.ptr[i] != '#')
        i++;
    return i;
}

enum err uri_parse(struct span text, struct uri *out)
{
    struct uri uri = {0};
    ptrdiff_t colon = span_find(text, ':', 0);
    if (colon < 0 || !span_starts_with(span_skip(text, (size_t)colon), SPAN("://")))
        return ERR_SYNTAX;
    struct span rest = span_skip(text, (size_t)colon + 3);
    if (!scheme_is_valid(span_first(text, (size_t)colon)) || !uri_target_is_clean(rest) ||
        span_find(rest, '#', 0) >= 0)
        return ERR_SYNTAX;
    struct scheme scheme = scheme_of(span_first(text, (size_t)colon));
    uri.scheme = scheme.name;
    uri.authority = span_first(rest, authority_length(rest));
    TRY(authority_split(uri.authority, &uri.host, &uri.port));
    if (uri.port == 0)
        uri.port = scheme.port;
    rest = span_skip(rest, uri.authority.len);
    ptrdiff_t question = span_find(rest, '?', 0);
    uri.path = question < 0 ? rest : span_first(rest, (size_t)question);
    if (question >= 0)
        uri.query = span_skip(rest, (size_t)question + 1);
    *out = uri;
    return ERR_OK;
}

void uri_split_target(struct span target, struct span *path, struct span *query)
{
    ptrdiff_t question = span_find(target, '?', 0);
    *path = question < 0 ? target : span_first(target, (size_t)question);
    *query = question < 0 ? SPAN_EMPTY : span_skip(target, (size_t)question + 1);
}

bool uri_target_is_clean(struct span target)
{
    return target.len == 0 ||
           http_scan_target(target.ptr, target.ptr + target.len) == target.ptr + target.len;
}
