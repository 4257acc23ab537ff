/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sending half of the record layer of TLS 1.3 (RFC 8446 §5), taken over from
 * wolfSSL once the handshake is done: it seals from where the plain text lies to
 * where the ciphertext is sent from, without wolfSSL's copies. Only for the suites
 * of AES-GCM. One connection's, on its thread.
 */
#ifndef WEIR_TLS_RECORD_H
#define WEIR_TLS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <wolfssl/ssl.h>

#include "core/base/buf.h"
#include "tls/gcm.h"

#define RECORD_PLAIN_MAX ((size_t)16384)
#define RECORD_HEADER_SIZE 5
/* Header, content type and tag. */
#define RECORD_OVERHEAD (RECORD_HEADER_SIZE + 1 + GCM_TAG_SIZE)

enum record_type { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };

struct record_writer {
    struct gcm_key *key;
    uint8_t iv[GCM_NONCE_SIZE];
    uint64_t sequence; /* of the next record */
};

/* Whether this connection's records can be written here. */
bool record_writer_supports(WOLFSSL *wolfssl);
/* With the keys and the sequence number that wolfSSL would use next. */
MUST_USE enum err record_writer_start(struct record_writer *writer, WOLFSSL *wolfssl,
                                      bool is_client);
/* After a KeyUpdate of ours: the new keys, from sequence number 0. On failure the
 * writer keeps what it had. */
MUST_USE enum err record_writer_update(struct record_writer *writer, WOLFSSL *wolfssl,
                                       bool is_client);
void record_writer_finish(struct record_writer *writer);

/* Whether these keys have protected as many records as they should (RFC 8446 §5.5). */
bool record_writer_is_worn(const struct record_writer *writer);

/* Appends one record that holds `first` and `second`, together at most
 * RECORD_PLAIN_MAX bytes; or nothing. */
MUST_USE enum err record_writer_append(struct record_writer *writer, enum record_type type,
                                       struct span first, struct span second,
                                       struct buf *output);

#endif
