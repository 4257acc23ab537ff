/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Session ticket keys, shared by all workers: AES-256-GCM, either made in memory
 * (the current key and two older generations, rotated every 12 hours by the
 * control thread) or taken from files that several machines have
 * (tls/ticket_file.h). A ring is immutable; a change makes the next one and
 * publishes it. The AAD binds a ticket to the key name, the certificate group
 * and the TLS options' identity, so that it is refused anywhere else
 * (CVE-2025-23419).
 */
#ifndef WEIR_TLS_TICKET_H
#define WEIR_TLS_TICKET_H

#include "core/base/err.h"
#include "core/base/span.h"

#define TICKET_GENERATIONS 3 /* of keys in memory */
#define TICKET_KEYS_MAX 32   /* of a ring */
#define TICKET_ROTATION_S (12 * 3600)
#define TICKET_LIFETIME_S (24 * 3600)

struct ticket_keys;

/* A ring with one fresh key; or the next ring: a fresh key in front of
 * `previous`'s newest ones. Control thread. */
MUST_USE enum err ticket_keys_create(const struct ticket_keys *previous, struct ticket_keys **out);
/* A key as a file has it: what tickets name it by, and what its secret is
 * derived from. */
struct ticket_material {
    struct span name; /* TICKET_NAME_SIZE bytes */
    struct span secret;
};
/* A ring of given keys, the newest first; number `seal` seals, all open.
 * ERR_EXISTS: two have the same name. */
MUST_USE enum err ticket_keys_derive(const struct ticket_material *material, size_t count,
                                     size_t seal, struct ticket_keys **out);
void ticket_keys_destroy(struct ticket_keys *keys); /* wiped */

/*
 * Publishes the ring that all engines of the process use from now on and
 * returns the one before, to be destroyed after a grace period. Engines load
 * it under RCU inside their own loop turn. Control thread.
 */
struct ticket_keys *ticket_keys_publish(struct ticket_keys *keys);
/* The published ring, or NULL before the first one: then no tickets are given.
 * Valid until the calling reader's next quiescent state. */
const struct ticket_keys *ticket_keys_current(void);

/* Sealing, for the engine and for tests. out holds at least
 * plain.len + TICKET_OVERHEAD bytes. */
#define TICKET_NAME_SIZE 16
#define TICKET_NONCE_SIZE 12
#define TICKET_TAG_SIZE 16
#define TICKET_OVERHEAD (TICKET_NAME_SIZE + TICKET_NONCE_SIZE + TICKET_TAG_SIZE)
struct ticket_binding {
    uint64_t cert_group;
    uint64_t options_identity;
};
MUST_USE enum err ticket_seal(const struct ticket_keys *keys, const struct ticket_binding *binding,
                              struct span plain, uint8_t *out, size_t *out_len);
/* *old is set when a key older than the sealing one opened it (renew). ERR_MISMATCH: not ours. out
 * holds at least sealed.len bytes and may not overlap it. */
MUST_USE enum err ticket_open(const struct ticket_keys *keys, const struct ticket_binding *binding,
                              struct span sealed, uint8_t *out, size_t *out_len, bool *old);

/* The same on the pieces of a ticket as wolfSSL has them. Sealing writes name,
 * nonce and tag, and `bytes` in place; opening reads the four. */
struct ticket_pieces {
    uint8_t *name;  /* TICKET_NAME_SIZE */
    uint8_t *nonce; /* TICKET_NONCE_SIZE */
    uint8_t *tag;   /* TICKET_TAG_SIZE */
    uint8_t *bytes;
    size_t len;
};
MUST_USE enum err ticket_seal_pieces(const struct ticket_keys *keys,
                                     const struct ticket_binding *binding,
                                     const struct ticket_pieces *pieces);
MUST_USE enum err ticket_open_pieces(const struct ticket_keys *keys,
                                     const struct ticket_binding *binding,
                                     const struct ticket_pieces *pieces, uint8_t *out, bool *old);

#endif
