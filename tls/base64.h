/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base64 (RFC 4648): the standard alphabet with padding (§4), as JSON of Go
 * programs has bytes, and the one for URLs without padding (§5), as JOSE has
 * them. Any thread.
 */
#ifndef WEIR_TLS_BASE64_H
#define WEIR_TLS_BASE64_H

#include "core/base/buf.h"

enum base64_alphabet { BASE64_STANDARD, BASE64_URL };

/* ERR_LIMIT, ERR_NOMEM; nothing is appended then. */
MUST_USE enum err base64_append(struct buf *out, struct span bytes, enum base64_alphabet alphabet);
/* Appends the bytes. Padding is optional for BASE64_URL and must not be wrong;
 * ERR_SYNTAX: another character, or a length that cannot be. */
MUST_USE enum err base64_decode(struct buf *out, struct span text, enum base64_alphabet alphabet);
/* The same into malloc'ed NUL-terminated text. NULL: out of memory. */
char *base64_text(struct span bytes, enum base64_alphabet alphabet);

#endif
