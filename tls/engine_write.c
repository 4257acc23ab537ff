/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plain text out. It begins with wolfSSL; the first long write takes the record
 * layer over (record.h), where the suite allows it, and from then on every record
 * of ours is made here. What wolfSSL still wants to send after that, an alert or a
 * KeyUpdate, it seals with a sequence number that is no longer true: so its record
 * is dropped and the same message sealed again. Their lengths tell them apart.
 */
#include <assert.h>

#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/engine_private.h"

/* From here on the keys' set-up and memory are worth it. */
#define TAKE_OVER_BYTES ((size_t)4096)
#define RECORD_OVERHEAD_MAX 96 /* header, IV, MAC and padding of the worst suite */
#define STUCK_OUTPUT_MAX 1024  /* a ticket, a KeyUpdate or an alert that found no room */

#define ALERT_SIZE 2
#define KEY_UPDATE_SIZE 5

/* ---- the record layer, taken over ---- */

static void take_over(struct tls_engine *engine)
{
    if (engine->writer_tried || engine->stuck)
        return;
    engine->writer_tried = true;
    if (record_writer_supports(engine->wolfssl) &&
        record_writer_start(&engine->writer, engine->wolfssl, engine->context->is_client) == ERR_OK)
        engine->has_writer = true;
}

static enum err append_record(struct tls_engine *engine, enum record_type type, struct span first,
                              struct span second, struct buf *output)
{
    if (engine->keys_changed) {
        TRY(record_writer_update(&engine->writer, engine->wolfssl, engine->context->is_client));
        engine->keys_changed = false;
    }
    return record_writer_append(&engine->writer, type, first, second, output);
}

static enum err append_alert(struct tls_engine *engine, struct buf *output)
{
    WOLFSSL_ALERT_HISTORY history;
    if (wolfSSL_get_alert_history(engine->wolfssl, &history) != WOLFSSL_SUCCESS)
        return ERR_TLS;
    char alert[ALERT_SIZE] = {(char)history.last_tx.level, (char)history.last_tx.code};
    return append_record(engine, RECORD_ALERT, span_make(alert, ALERT_SIZE), SPAN_EMPTY, output);
}

/* wolfSSL's keys are the new ones once the callback has returned. */
static enum err append_key_update(struct tls_engine *engine, struct buf *output)
{
    int answer_wanted = 0;
    (void)wolfSSL_key_update_response(engine->wolfssl, &answer_wanted);
    /* key_update, its length, update_requested or not (RFC 8446 §4.6.3) */
    char message[KEY_UPDATE_SIZE] = {24, 0, 0, 1, (char)(answer_wanted != 0)};
    TRY(append_record(engine, RECORD_HANDSHAKE, span_make(message, KEY_UPDATE_SIZE), SPAN_EMPTY,
                      output));
    engine->keys_changed = true;
    return ERR_OK;
}

bool tls_engine_is_key_update(const struct tls_engine *engine, size_t record_size)
{
    return wolfSSL_version(engine->wolfssl) == TLS1_3_VERSION &&
           record_size == RECORD_OVERHEAD + KEY_UPDATE_SIZE;
}

enum err tls_engine_seal_again(struct tls_engine *engine, size_t record_size, struct buf *output)
{
    switch (record_size - RECORD_OVERHEAD) {
    case ALERT_SIZE:
        return append_alert(engine, output);
    case KEY_UPDATE_SIZE:
        return append_key_update(engine, output);
    default:
        return ERR_PROTOCOL;
    }
}

/* Fresh keys when these have done enough. */
static enum err renew_keys(struct tls_engine *engine, struct buf *output)
{
    if (!record_writer_is_worn(&engine->writer) || engine->keys_changed)
        return ERR_OK;
    tls_engine_enter(engine, NULL, output);
    int result = wolfSSL_update_keys(engine->wolfssl);
    if (result != WOLFSSL_SUCCESS)
        tls_engine_fail(engine, wolfSSL_get_error(engine->wolfssl, result));
    tls_engine_leave(engine);
    return engine->failure == 0 ? ERR_OK : ERR_TLS;
}

/* There is room in output. */
static enum err seal(struct tls_engine *engine, struct span first, struct span second,
                     struct buf *output)
{
    while (first.len + second.len > 0) {
        struct span head = span_first(first, RECORD_PLAIN_MAX);
        struct span tail = span_first(second, RECORD_PLAIN_MAX - head.len);
        enum err error = renew_keys(engine, output);
        if (error == ERR_OK)
            error = append_record(engine, RECORD_DATA, head, tail, output);
        if (error != ERR_OK) { /* a part may be out already */
            engine->failure = engine->failure != 0 ? engine->failure : MEMORY_E;
            return ERR_TLS;
        }
        first = span_skip(first, head.len);
        second = span_skip(second, tail.len);
    }
    return ERR_OK;
}

/* ---- writing ---- */

size_t tls_engine_write_bound(size_t plain_len)
{
    size_t records = (plain_len + RECORD_PLAIN_MAX - 1) / RECORD_PLAIN_MAX;
    return plain_len + records * RECORD_OVERHEAD_MAX;
}

static enum err write_by_wolfssl(struct tls_engine *engine, struct span plain, struct buf *output)
{
    if (plain.len == 0)
        return ERR_OK;
    tls_engine_enter(engine, NULL, output);
    int result = wolfSSL_write(engine->wolfssl, plain.ptr, (int)plain.len);
    if (result != (int)plain.len)
        tls_engine_fail(engine, wolfSSL_get_error(engine->wolfssl, result));
    tls_engine_leave(engine);
    return engine->failure == 0 ? ERR_OK : ERR_TLS;
}

enum err tls_engine_write_both(struct tls_engine *engine, struct span first, struct span second,
                               struct buf *output)
{
    assert(engine->established && !engine->exported);
    size_t len = first.len + second.len;
    if (engine->failure != 0)
        return ERR_TLS;
    if (engine->closed)
        return ERR_CLOSED;
    if (len == 0)
        return ERR_OK;
    if (len > INT32_MAX)
        return ERR_LIMIT;
    char *where;
    size_t room = tls_engine_write_bound(first.len) + tls_engine_write_bound(second.len) +
                  (engine->stuck ? STUCK_OUTPUT_MAX : 0);
    TRY(buf_reserve(output, room, &where));
    if (len >= TAKE_OVER_BYTES)
        take_over(engine);
    if (engine->has_writer)
        return seal(engine, first, second, output);
    TRY(write_by_wolfssl(engine, first, output));
    return write_by_wolfssl(engine, second, output);
}

enum err tls_engine_write(struct tls_engine *engine, struct span plain, struct buf *output)
{
    return tls_engine_write_both(engine, plain, SPAN_EMPTY, output);
}

void tls_engine_close(struct tls_engine *engine, struct buf *output)
{
    if (engine->closed || engine->failure != 0)
        return;
    engine->closed = true;
    tls_engine_enter(engine, NULL, output);
    (void)wolfSSL_shutdown(engine->wolfssl);
    tls_engine_leave(engine);
}
