/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's nonce is salt and iv, to which TLS 1.3 adds the record's number by
 * exclusive or. TLS 1.2 with AES-GCM sends the iv with each record instead; the
 * kernel counts it up from what it is given, and we give it the record's number.
 * wolfSSL's own begin at a random number of 64 bits, so that the two do not meet.
 */
#include "tls/ktls.h"

#include <assert.h>
#include <string.h>

#include "tls/engine_private.h"

#define SEQUENCE_SIZE 8

static void write_sequence(uint64_t sequence, unsigned char out[SEQUENCE_SIZE])
{
    for (int i = 0; i < SEQUENCE_SIZE; i++)
        out[i] = (unsigned char)(sequence >> (8 * (SEQUENCE_SIZE - 1 - i)));
}

/* Of the next record. */
static uint64_t next_sequence(const struct tls_engine *engine)
{
    uint64_t sequence = 0;
    if (engine->has_writer)
        return engine->keys_changed ? 0 : engine->writer.sequence;
    /* Says that it failed when the number is 0. */
    (void)wolfSSL_GetSequenceNumber(engine->wolfssl, &sequence);
    return sequence;
}

struct source {
    const byte *key, *iv;
    uint64_t sequence;
    bool is_tls13;
};

/* The parts of both sizes of AES-GCM are named alike. */
#define FILL_AES_GCM(member_, source_)                                       \
    do {                                                                     \
        memcpy((member_)->key, (source_)->key, sizeof((member_)->key));      \
        memcpy((member_)->salt, (source_)->iv, sizeof((member_)->salt));     \
        write_sequence((source_)->sequence, (member_)->rec_seq);             \
        if ((source_)->is_tls13)                                             \
            memcpy((member_)->iv, (source_)->iv + sizeof((member_)->salt),   \
                   sizeof((member_)->iv));                                   \
        else                                                                 \
            write_sequence((source_)->sequence, (member_)->iv);              \
        out->size = sizeof(*(member_));                                      \
    } while (0)

static void fill_aes_gcm(const struct source *source, int key_size, struct tls_ktls_info *out)
{
    if (key_size == TLS_CIPHER_AES_GCM_128_KEY_SIZE) {
        out->info.cipher_type = TLS_CIPHER_AES_GCM_128;
        FILL_AES_GCM(&out->aes_gcm_128, source);
    } else {
        out->info.cipher_type = TLS_CIPHER_AES_GCM_256;
        FILL_AES_GCM(&out->aes_gcm_256, source);
    }
}

static void fill_chacha20_poly1305(const struct source *source, struct tls_ktls_info *out)
{
    struct tls12_crypto_info_chacha20_poly1305 *member = &out->chacha20_poly1305;
    out->info.cipher_type = TLS_CIPHER_CHACHA20_POLY1305;
    memcpy(member->key, source->key, sizeof(member->key));
    memcpy(member->iv, source->iv, sizeof(member->iv));
    write_sequence(source->sequence, member->rec_seq);
    out->size = sizeof(*member);
}

static bool can_export(const struct tls_engine *engine)
{
    return engine->established && !engine->exported && !engine->stuck && !engine->closed &&
           engine->failure == 0 && !engine->context->is_client;
}

enum err tls_engine_export(const struct tls_engine *engine, struct tls_ktls_info *out)
{
    WOLFSSL *wolfssl = engine->wolfssl;
    int version = wolfSSL_version(wolfssl), cipher = wolfSSL_GetBulkCipher(wolfssl);
    int key_size = wolfSSL_GetKeySize(wolfssl);
    bool is_tls13 = version == TLS1_3_VERSION;
    bool is_gcm = cipher == wolfssl_aes_gcm && (key_size == TLS_CIPHER_AES_GCM_128_KEY_SIZE ||
                                                key_size == TLS_CIPHER_AES_GCM_256_KEY_SIZE);
    if (!can_export(engine) || (!is_tls13 && version != TLS1_2_VERSION) ||
        (!is_gcm && cipher != wolfssl_chacha))
        return ERR_UNSUPPORTED;
    struct source source = {
        .key = wolfSSL_GetServerWriteKey(wolfssl),
        .iv = wolfSSL_GetServerWriteIV(wolfssl),
        .sequence = next_sequence(engine),
        .is_tls13 = is_tls13,
    };
    memset(out, 0, sizeof(*out));
    out->info.version = is_tls13 ? TLS_1_3_VERSION : TLS_1_2_VERSION;
    if (is_gcm)
        fill_aes_gcm(&source, key_size, out);
    else
        fill_chacha20_poly1305(&source, out);
    return ERR_OK;
}

void tls_ktls_wipe(struct tls_ktls_info *info)
{
    explicit_bzero(info, sizeof(*info));
}

void tls_engine_set_exported(struct tls_engine *engine)
{
    assert(can_export(engine));
    if (engine->has_writer)
        record_writer_finish(&engine->writer);
    engine->has_writer = false;
    engine->writer_tried = true;
    engine->exported = true;
}

/* What wolfSSL wants to send is a sealed record, and useless; which message it was
 * is known all the same: nothing but alerts, unless a KeyUpdate is being answered. */
enum err tls_engine_keep_message(struct tls_engine *engine, size_t record_size)
{
    WOLFSSL_ALERT_HISTORY history;
    if (tls_engine_is_key_update(engine, record_size)) {
        engine->wants_new_keys = true;
        return ERR_UNSUPPORTED;
    }
    if (wolfSSL_get_alert_history(engine->wolfssl, &history) != WOLFSSL_SUCCESS)
        return ERR_TLS;
    engine->alert[0] = (uint8_t)history.last_tx.level;
    engine->alert[1] = (uint8_t)history.last_tx.code;
    engine->has_alert = true;
    return ERR_OK;
}

bool tls_engine_take_alert(struct tls_engine *engine, uint8_t alert[2])
{
    if (!engine->has_alert)
        return false;
    memcpy(alert, engine->alert, sizeof(engine->alert));
    engine->has_alert = false;
    return true;
}
