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

/* An absolute URL of a server or of an absolute-form target. Borrowed spans. */
MUST_USE enum err uri_parse(struct span text, struct uri *out);

/* Host[:port] → host (lower-cased into arena, brackets and trailing dot
 * removed) and port (0: none). ERR_SYNTAX on what RFC 3986 §3.2 forbids. */
MUST_USE enum err uri_parse_authority(struct span authority, struct arena *arena,
                                      struct span *host, uint16_t *port);

/* Whether every byte may stand in a request target (no control, space, ≥ 0x7f). */
bool uri_target_is_clean(struct span target);
/* Percent-decodes (for matching); malformed escapes are ERR_SYNTAX. */
MUST_USE enum err uri_decode(struct span text, struct arena *arena, struct span *out);
/* Traefik's sanitizePath: removes dot segments (also percent-encoded dots) and
 * doubled slashes, keeps a trailing slash, leaves other escapes as they are.
 * Returns the input itself when there is nothing to do. */
MUST_USE enum err uri_sanitize_path(struct span path, struct arena *arena, struct span *out);
/* Which of the ENCODED_* characters (bits as in the entry point's
 * encodedCharacters: slash 1, backslash 2, NUL 4, semicolon 8, percent 16,
 * question mark 32, hash 64) stand percent-encoded in the path. */
uint32_t uri_encoded_characters(struct span path);

/* The next key=value of a query; false at the end. Not decoded. */
bool uri_query_next(struct span *rest, struct span *key, struct span *value);

#endif
