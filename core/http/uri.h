/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Request targets and URLs (RFC 3986, RFC 9112 §3.2), without I/O. Any thread.
 */
#ifndef WEIR_CORE_HTTP_URI_H
#define WEIR_CORE_HTTP_URI_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct uri {
    struct span scheme; /* lower case as written: "http", "https", "h2c" */
    struct span host;   /* without brackets */
    uint16_t port;      /* explicit, or the scheme's default */
    struct span authority; /* host[:port] as written */
    struct span path;   /* "" or begins with '/' */
    struct span query;  /* ptr NULL: none */
};

/* An absolute URL of a server or of an absolute-form target. Borrowed spans; the
 * schemes http, https, h2c, ws and wss come back in lower case however they are
 * written. Port 0: the scheme has no default and the URL names none. User
 * information, fragments and an empty host are ERR_SYNTAX (RFC 9110 §4.2). */
MUST_USE enum err uri_parse(struct span text, struct uri *out);

/* Host[:port] → host (lower-cased into arena unless it is lower case already,
 * brackets and trailing dot removed) and port (0: none). ERR_SYNTAX on what
 * RFC 3986 §3.2 forbids, on user information, and on percent-encoded host
 * names, which two parties could read as two hosts. */
MUST_USE enum err uri_parse_authority(struct span authority, struct arena *arena,
                                      struct span *host, uint16_t *port);

/* "/path?query" in two; query is as in struct uri. */
void uri_split_target(struct span target, struct span *path, struct span *query);
/* Whether every byte may stand in a request target (no control, space, ≥ 0x7f). */
bool uri_target_is_clean(struct span target);
/* Percent-decodes (for matching); malformed escapes are ERR_SYNTAX. Returns the
 * input itself when there is nothing to decode. */
MUST_USE enum err uri_decode(struct span text, struct arena *arena, struct span *out);
/* The path that rules look at: escapes are decoded, except those of RFC 3986's
 * reserved characters and of '%', which would change what the path means; they
 * stay, in upper case. ERR_SYNTAX on a malformed escape. Returns the input
 * itself when there is nothing to do. */
MUST_USE enum err uri_routing_path(struct span path, struct arena *arena, struct span *out);
/* Traefik's sanitizePath: removes dot segments (also percent-encoded dots) and
 * doubled slashes, keeps a trailing slash, leaves other escapes as they are. A
 * last segment that is "." or ".." leaves no slash, as in Go's path.Clean.
 * Returns the input itself when there is nothing to do. */
MUST_USE enum err uri_sanitize_path(struct span path, struct arena *arena, struct span *out);
/* Which of the ENCODED_* characters (bits as in the entry point's
 * encodedCharacters: slash 1, backslash 2, NUL 4, semicolon 8, percent 16,
 * question mark 32, hash 64) stand percent-encoded in the path. */
uint32_t uri_encoded_characters(struct span path);

/* The next key=value of a query; false at the end. Not decoded. Pairs are
 * separated by '&' only; empty pairs are skipped. Begin with *rest = query. */
bool uri_query_next(struct span *rest, struct span *key, struct span *value);
/* Whether an undecoded key or value of a query stands for the same bytes as
 * `plain` ('+' is a space; a malformed escape stands for nothing). */
bool uri_query_equal(struct span encoded, struct span plain);
/* Decodes into `out`, which holds at least encoded.len bytes; false when an
 * escape is malformed. */
bool uri_query_decode(struct span encoded, char *out, size_t *len);

#endif
