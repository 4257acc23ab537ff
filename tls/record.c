/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record is its header (which is what GCM authenticates beside the text), the
 * sealed text with its true type behind it, and the tag. The nonce is the IV with
 * the sequence number in its last eight bytes, by exclusive or.
 */
#include "tls/record.h"

#include <assert.h>
#include <string.h>

/* Well below 2^24.5, where AES-GCM's margin for full records ends. */
#define RECORDS_PER_KEY (UINT64_C(1) << 24)
#define OUTER_TYPE RECORD_DATA

bool record_writer_supports(WOLFSSL *wolfssl)
{
    int size = wolfSSL_GetKeySize(wolfssl);
    return wolfSSL_version(wolfssl) == TLS1_3_VERSION &&
           wolfSSL_GetBulkCipher(wolfssl) == wolfssl_aes_gcm && (size == 16 || size == 32);
}

/* What a writer of this connection begins with, but for the sequence number. */
static enum err take_keys(struct record_writer *writer, WOLFSSL *wolfssl, bool is_client)
{
    const byte *key = is_client ? wolfSSL_GetClientWriteKey(wolfssl)
                                : wolfSSL_GetServerWriteKey(wolfssl);
    const byte *iv = is_client ? wolfSSL_GetClientWriteIV(wolfssl)
                               : wolfSSL_GetServerWriteIV(wolfssl);
    TRY(gcm_key_create(key, (size_t)wolfSSL_GetKeySize(wolfssl), &writer->key));
    memcpy(writer->iv, iv, GCM_NONCE_SIZE);
    writer->sequence = 0;
    return ERR_OK;
}

enum err record_writer_start(struct record_writer *writer, WOLFSSL *wolfssl, bool is_client)
{
    assert(record_writer_supports(wolfssl));
    TRY(take_keys(writer, wolfssl, is_client));
    /* Says that it failed when the number is 0. */
    (void)wolfSSL_GetSequenceNumber(wolfssl, &writer->sequence);
    return ERR_OK;
}

enum err record_writer_update(struct record_writer *writer, WOLFSSL *wolfssl, bool is_client)
{
    struct record_writer next;
    TRY(take_keys(&next, wolfssl, is_client));
    record_writer_finish(writer);
    *writer = next;
    return ERR_OK;
}

void record_writer_finish(struct record_writer *writer)
{
    gcm_key_destroy(writer->key);
    explicit_bzero(writer, sizeof(*writer));
}

bool record_writer_is_worn(const struct record_writer *writer)
{
    return writer->sequence >= RECORDS_PER_KEY;
}

static void next_nonce(struct record_writer *writer, uint8_t nonce[GCM_NONCE_SIZE])
{
    uint64_t sequence = writer->sequence++;
    memcpy(nonce, writer->iv, GCM_NONCE_SIZE);
    for (int i = 0; i < 8; i++)
        nonce[GCM_NONCE_SIZE - 1 - i] ^= (uint8_t)(sequence >> (8 * i));
}

enum err record_writer_append(struct record_writer *writer, enum record_type type,
                              struct span first, struct span second, struct buf *output)
{
    char *record, inner_type = (char)type;
    size_t len = first.len + second.len + 1 + GCM_TAG_SIZE;
    assert(first.len + second.len <= RECORD_PLAIN_MAX);
    TRY(buf_reserve(output, RECORD_HEADER_SIZE + len, &record));
    record[0] = OUTER_TYPE;
    record[1] = 3; /* legacy version 1.2 */
    record[2] = 3;
    record[3] = (char)(len >> 8);
    record[4] = (char)len;
    uint8_t nonce[GCM_NONCE_SIZE];
    next_nonce(writer, nonce);
    const struct span pieces[] = {first, second, {&inner_type, 1}};
    TRY(gcm_seal(writer->key, nonce, span_make(record, RECORD_HEADER_SIZE), pieces,
                 sizeof(pieces) / sizeof(pieces[0]), record + RECORD_HEADER_SIZE));
    buf_commit(output, RECORD_HEADER_SIZE + len);
    return ERR_OK;
}
