/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a field's name to its id: the length and one byte leave a single
 * candidate, whose canonical name is then compared eight bytes at a time. A
 * letter differs from its upper case in the bit 0x20 only, so setting that bit
 * where the canonical byte is a letter compares without regard to case.
 */
#include "core/http/fields.h"

#include <assert.h>

static const struct span canonical_names[HTTP_FIELD_IDS] = {
    [HTTP_FIELD_OTHER] = {"", 0},
#define HTTP_FIELD_NAME(id, name) [HTTP_FIELD_##id] = {name, sizeof(name) - 1},
    HTTP_FIELD_LIST(HTTP_FIELD_NAME)
#undef HTTP_FIELD_NAME
};

static const char *const wire_names[HTTP_FIELD_IDS] = {
    [HTTP_FIELD_OTHER] = "",
    [HTTP_FIELD_ACCEPT_ENCODING] = "Accept-Encoding",
    [HTTP_FIELD_AUTHORIZATION] = "Authorization",
    [HTTP_FIELD_CONNECTION] = "Connection",
    [HTTP_FIELD_CONTENT_LENGTH] = "Content-Length",
    [HTTP_FIELD_CONTENT_TYPE] = "Content-Type",
    [HTTP_FIELD_COOKIE] = "Cookie",
    [HTTP_FIELD_DATE] = "Date",
    [HTTP_FIELD_EXPECT] = "Expect",
    [HTTP_FIELD_FORWARDED] = "Forwarded",
    [HTTP_FIELD_HOST] = "Host",
    [HTTP_FIELD_HTTP2_SETTINGS] = "HTTP2-Settings",
    [HTTP_FIELD_KEEP_ALIVE] = "Keep-Alive",
    [HTTP_FIELD_LOCATION] = "Location",
    [HTTP_FIELD_PROXY_AUTHENTICATE] = "Proxy-Authenticate",
    [HTTP_FIELD_PROXY_AUTHORIZATION] = "Proxy-Authorization",
    [HTTP_FIELD_PROXY_CONNECTION] = "Proxy-Connection",
    [HTTP_FIELD_REFERER] = "Referer",
    [HTTP_FIELD_SERVER] = "Server",
    [HTTP_FIELD_SET_COOKIE] = "Set-Cookie",
    [HTTP_FIELD_TE] = "TE",
    [HTTP_FIELD_TRAILER] = "Trailer",
    [HTTP_FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
    [HTTP_FIELD_UPGRADE] = "Upgrade",
    [HTTP_FIELD_USER_AGENT] = "User-Agent",
    [HTTP_FIELD_X_FORWARDED_FOR] = "X-Forwarded-For",
    [HTTP_FIELD_X_FORWARDED_HOST] = "X-Forwarded-Host",
    [HTTP_FIELD_X_FORWARDED_PORT] = "X-Forwarded-Port",
    [HTTP_FIELD_X_FORWARDED_PREFIX] = "X-Forwarded-Prefix",
    [HTTP_FIELD_X_FORWARDED_PROTO] = "X-Forwarded-Proto",
    [HTTP_FIELD_X_FORWARDED_SERVER] = "X-Forwarded-Server",
    [HTTP_FIELD_X_FORWARDED_METHOD] = "X-Forwarded-Method",
    [HTTP_FIELD_X_FORWARDED_URI] = "X-Forwarded-Uri",
    [HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT] = "X-Forwarded-Tls-Client-Cert",
    [HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT_INFO] = "X-Forwarded-Tls-Client-Cert-Info",
    [HTTP_FIELD_X_FORWARDED_SCHEME] = "X-Forwarded-Scheme",
    [HTTP_FIELD_X_SCHEME] = "X-Scheme",
    [HTTP_FIELD_X_REAL_IP] = "X-Real-Ip",
};

struct span http_field_name(enum http_field_id id)
{
    assert(id < HTTP_FIELD_IDS);
    return canonical_names[id];
}

struct span http_field_wire_name(enum http_field_id id)
{
    assert(id < HTTP_FIELD_IDS);
    return span_make(wire_names[id], canonical_names[id].len);
}

static bool word_is(uint64_t word, uint64_t canonical)
{
    uint64_t letters = (canonical & UINT64_C(0x4040404040404040)) >> 1;
    return (word | letters) == canonical;
}

/* `len` bytes of a name against a canonical one of the same length. */
static bool name_is(const char *name, const char *canonical, size_t len)
{
    uint64_t word = 0, expected = 0;
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        memcpy(&word, name + i, 8);
        memcpy(&expected, canonical + i, 8);
        if (!word_is(word, expected))
            return false;
    }
    for (; i < len; i++) {
        char mask = (char)((canonical[i] & 0x40) >> 1);
        if ((char)(name[i] | mask) != canonical[i])
            return false;
    }
    return true;
}

#define LOWER(i) ((char)(name.ptr[i] | 0x20))

/* The candidates of 4 to 10 bytes. */
static enum http_field_id candidate_short(struct span name)
{
    switch (name.len) {
    case 4:
        return LOWER(0) == 'h' ? HTTP_FIELD_HOST : HTTP_FIELD_DATE;
    case 6:
        return LOWER(0) == 'c'   ? HTTP_FIELD_COOKIE
               : LOWER(0) == 'e' ? HTTP_FIELD_EXPECT
                                 : HTTP_FIELD_SERVER;
    case 7:
        return LOWER(0) == 'r'   ? HTTP_FIELD_REFERER
               : LOWER(0) == 't' ? HTTP_FIELD_TRAILER
                                 : HTTP_FIELD_UPGRADE;
    case 8:
        return LOWER(0) == 'l' ? HTTP_FIELD_LOCATION : HTTP_FIELD_X_SCHEME;
    case 9:
        return LOWER(0) == 'f' ? HTTP_FIELD_FORWARDED : HTTP_FIELD_X_REAL_IP;
    case 10:
        return LOWER(0) == 'c'   ? HTTP_FIELD_CONNECTION
               : LOWER(0) == 'u' ? HTTP_FIELD_USER_AGENT
               : LOWER(0) == 'k' ? HTTP_FIELD_KEEP_ALIVE
                                 : HTTP_FIELD_SET_COOKIE;
    default:
        return HTTP_FIELD_OTHER;
    }
}

/* The candidates of 12 to 16 bytes. */
static enum http_field_id candidate_medium(struct span name)
{
    switch (name.len) {
    case 12:
        return HTTP_FIELD_CONTENT_TYPE;
    case 13:
        return HTTP_FIELD_AUTHORIZATION;
    case 14:
        return LOWER(0) == 'c' ? HTTP_FIELD_CONTENT_LENGTH : HTTP_FIELD_HTTP2_SETTINGS;
    case 15:
        return LOWER(0) == 'a'    ? HTTP_FIELD_ACCEPT_ENCODING
               : LOWER(12) == 'f' ? HTTP_FIELD_X_FORWARDED_FOR
                                  : HTTP_FIELD_X_FORWARDED_URI;
    case 16:
        return LOWER(0) == 'p'    ? HTTP_FIELD_PROXY_CONNECTION
               : LOWER(12) == 'h' ? HTTP_FIELD_X_FORWARDED_HOST
                                  : HTTP_FIELD_X_FORWARDED_PORT;
    default:
        return HTTP_FIELD_OTHER;
    }
}

static enum http_field_id candidate_long(struct span name)
{
    switch (name.len) {
    case 17:
        return LOWER(0) == 't' ? HTTP_FIELD_TRANSFER_ENCODING : HTTP_FIELD_X_FORWARDED_PROTO;
    case 18:
        return LOWER(0) == 'p'    ? HTTP_FIELD_PROXY_AUTHENTICATE
               : LOWER(12) == 'p' ? HTTP_FIELD_X_FORWARDED_PREFIX
               : LOWER(12) == 'm' ? HTTP_FIELD_X_FORWARDED_METHOD
               : LOWER(13) == 'e' ? HTTP_FIELD_X_FORWARDED_SERVER
                                  : HTTP_FIELD_X_FORWARDED_SCHEME;
    case 19:
        return HTTP_FIELD_PROXY_AUTHORIZATION;
    case 27:
        return HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT;
    case 32:
        return HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT_INFO;
    default:
        return HTTP_FIELD_OTHER;
    }
}

enum http_field_id http_field_id_of(struct span name)
{
    enum http_field_id id = name.len == 2    ? HTTP_FIELD_TE
                            : name.len <= 10 ? candidate_short(name)
                            : name.len <= 16 ? candidate_medium(name)
                                             : candidate_long(name);
    if (id == HTTP_FIELD_OTHER || !name_is(name.ptr, canonical_names[id].ptr, name.len))
        return HTTP_FIELD_OTHER;
    return id;
}
