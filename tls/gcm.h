/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AES-GCM for the records of a connection: sealing only, from pieces of plain text
 * that need not lie together. Where Intel's IPsec multi-buffer library was there at
 * build time and runs on this CPU it does the work (with the widest vector
 * instructions there are), else wolfCrypt. A key is used by one thread at a time.
 */
#ifndef WEIR_TLS_GCM_H
#define WEIR_TLS_GCM_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/span.h"

#define GCM_NONCE_SIZE 12
#define GCM_TAG_SIZE 16

struct gcm_key;

/* Before the first key and after the last one, on one thread. Without the library
 * nothing is lost but speed. */
void gcm_global_init(void);
void gcm_global_finish(void);
/* The library's name and version, for `weir version`. */
const char *gcm_library(void);

/* size: 16 or 32. The bytes are copied. */
MUST_USE enum err gcm_key_create(const uint8_t *bytes, size_t size, struct gcm_key **out);
/* Wipes. NULL is fine. */
void gcm_key_destroy(struct gcm_key *key);

/* Writes the ciphertext of all pieces, in order, and the tag to `out`, which overlaps
 * none of them. A nonce must never be used twice. */
MUST_USE enum err gcm_seal(struct gcm_key *key, const uint8_t nonce[GCM_NONCE_SIZE],
                           struct span associated, const struct span *pieces, size_t count,
                           char *out);

#endif
