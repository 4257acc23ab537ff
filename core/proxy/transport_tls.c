/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS in user space. Small writes of one turn are staged and leave as one
 * record; whole records' worth of plain text is encrypted at once, without the
 * detour. Plain text that comes in is decrypted into the worker's scratch.
 */
#include "core/proxy/transport.h"

#define TLS_RECORD_BYTES ((size_t)16384)
/* Answers (to KeyUpdates) that may wait for a peer that does not read them. */
#define PROVOKED_MAX ((size_t)16 << 10)

/* What a server of TLS 1.3 has to send when the handshake is over is session
 * tickets, for which a client does not wait: they leave with the first answer. */
static enum err shake_hands(struct conn *conn, struct span *input, struct err_text *why)
{
    enum err error = tls_engine_handshake(conn->tls, input, &conn->filling, why);
    if (buf_len(&conn->filling) > 0) {
        if (error == ERR_OK && tls_engine_sends_tickets_last(conn->tls))
            conn_schedule_flush_later(conn);
        else
            conn_schedule_flush(conn);
    }
    if (error == ERR_OK)
        conn_opened(conn);
    return error;
}

/* Records without data cost the peer nothing and us a decryption, or a new key. */
static enum err count_quiet(struct conn *conn, struct err_text *why)
{
    int64_t most = conn->worker->settings->weir.key_updates_per_second;
    uint64_t records = tls_engine_quiet_records(conn->tls);
    for (; conn->quiet_records < records; conn->quiet_records++)
        if (rate_exceeded(&conn->quiet_rate, most, conn->worker->now_ms))
            return err_set(why, ERR_LIMIT, "too many KeyUpdates or records without data");
    return ERR_OK;
}

static enum err decrypt(struct conn *conn, struct span *input, struct err_text *why)
{
    char *scratch = conn->worker->scratch;
    while (conn_is_reading(conn)) {
        size_t length, before = buf_len(&conn->filling);
        enum err error = tls_engine_read(conn->tls, input, &conn->filling, scratch,
                                         WORKER_SCRATCH_SIZE, &length, why);
        if (buf_len(&conn->filling) > before)
            conn_schedule_flush(conn);
        conn->provoked_bytes += buf_len(&conn->filling) - before;
        if (conn->provoked_bytes > PROVOKED_MAX)
            return err_set(why, ERR_LIMIT, "the peer asks for TLS records and does not read them");
        TRY(count_quiet(conn, why));
        if (error == ERR_AGAIN)
            return ERR_OK;
        if (error != ERR_OK)
            return error;
        conn_deliver(conn, span_make(scratch, length));
    }
    return ERR_OK;
}

static enum err read_on(struct conn *conn, struct span *input, struct err_text *why)
{
    enum err error = decrypt(conn, input, why);
    if (error == ERR_LIMIT || (error == ERR_TLS && tls_engine_is_flooded(conn->tls)))
        limit_report_conn(conn, LIMIT_OF_KEY_UPDATES);
    return error;
}

static enum err tls_receive(struct conn *conn, struct span *input, struct err_text *why)
{
    if (conn->state == CONN_HANDSHAKING) {
        enum err error = shake_hands(conn, input, why);
        if (error != ERR_OK)
            return error == ERR_AGAIN ? ERR_OK : error;
    }
    if (conn->state == CONN_OPEN && (input->len > 0 || tls_engine_pending(conn->tls) > 0))
        return read_on(conn, input, why);
    return ERR_OK;
}

static bool tls_has_pending(const struct conn *conn)
{
    return conn->state == CONN_OPEN && tls_engine_pending(conn->tls) > 0;
}

static enum err encrypt_staged(struct conn *conn)
{
    if (buf_len(&conn->staged) == 0)
        return ERR_OK;
    TRY(tls_engine_write(conn->tls, buf_span(&conn->staged), &conn->filling));
    buf_clear(&conn->staged);
    return ERR_OK;
}

static enum err tls_write(struct conn *conn, struct span data)
{
    struct span staged = buf_span(&conn->staged);
    size_t len = staged.len + data.len;
    if (len < TLS_RECORD_BYTES)
        return buf_append(&conn->staged, data);
    struct span whole = span_first(data, len - len % TLS_RECORD_BYTES - staged.len);
    TRY(tls_engine_write_both(conn->tls, staged, whole, &conn->filling));
    buf_clear(&conn->staged);
    return buf_append(&conn->staged, span_skip(data, whole.len));
}

static enum err tls_flush(struct conn *conn)
{
    TRY(encrypt_staged(conn));
    buf_release(&conn->staged);
    return ERR_OK;
}

static void tls_end(struct conn *conn)
{
    if (encrypt_staged(conn) == ERR_OK)
        tls_engine_close(conn->tls, &conn->filling);
}

const struct transport transport_tls = {
    .name = "tls",
    .receive = tls_receive,
    .has_pending = tls_has_pending,
    .write = tls_write,
    .flush = tls_flush,
    .end = tls_end,
};
