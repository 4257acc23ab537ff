/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS whose records the kernel makes of what is sent; what comes in is decrypted as
 * before (transport_tls.c). Bytes go out as on a plain connection. An alert follows
 * everything queued, and waits until the socket has room again: the kernel takes a
 * record before it has room for all of it, and what it could not pass on would be
 * lost at a FIN. With room, the alert's own sending passes it on first.
 */
#include "core/proxy/conn_private.h"

#include "io/ktls.h"
#include "tls/ktls.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct conn_ktls {
    bool has_alert; /* to be sent */
    uint8_t alert_bytes[KTLS_ALERT_SIZE];
    struct ktls_alert alert; /* being sent */
};

/* ---- alerts ---- */

static void on_alert_sent(struct op *op, int32_t result, uint32_t flags)
{
    struct conn *conn = container_of(op, struct conn, send);
    (void)flags;
    if (conn_finish_if_quiet(conn) || conn->state == CONN_CLOSING)
        return;
    conn_output_connected(conn);
    if (result < 0) {
        conn->send_failed = true;
        conn_fail(conn, err_from_errno(-result), NULL);
        return;
    }
    conn_flush(conn);
}

static void on_room(struct op *op, int32_t result, uint32_t flags)
{
    struct conn *conn = container_of(op, struct conn, send);
    struct conn_ktls *ktls = conn->ktls;
    (void)flags;
    if (conn_finish_if_quiet(conn) || conn->state == CONN_CLOSING)
        return;
    if (result < 0) {
        on_alert_sent(op, result, 0);
        return;
    }
    ktls->has_alert = false;
    ktls_alert_init(&ktls->alert, ktls->alert_bytes);
    op_init(&conn->send, on_alert_sent);
    ring_sendmsg(&conn->worker->ring, &conn->send, conn->fd, &ktls->alert.message, false);
}

bool conn_ktls_send_alert(struct conn *conn)
{
    if (conn->ktls == NULL || !conn->ktls->has_alert)
        return false;
    op_init(&conn->send, on_room);
    ring_poll(&conn->worker->ring, &conn->send, conn->fd, POLLOUT, false);
    return true;
}

static void take_alert(struct conn *conn)
{
    struct conn_ktls *ktls = conn->ktls;
    if (!tls_engine_take_alert(conn->tls, ktls->alert_bytes))
        return;
    ktls->has_alert = true;
    if (conn->state == CONN_OPEN)
        conn_schedule_flush(conn);
}

/* ---- the transport ---- */

static enum err ktls_receive(struct conn *conn, struct span *input, struct err_text *why)
{
    enum err error = transport_tls.receive(conn, input, why);
    take_alert(conn);
    return error;
}

static bool ktls_has_pending(const struct conn *conn)
{
    return transport_tls.has_pending(conn);
}

static enum err ktls_write(struct conn *conn, struct span data)
{
    return buf_append(&conn->filling, data);
}

static enum err ktls_flush(struct conn *conn)
{
    (void)conn;
    return ERR_OK;
}

static void ktls_end(struct conn *conn)
{
    tls_engine_close(conn->tls, NULL);
    take_alert(conn);
}

const struct transport transport_ktls = {
    .name = "ktls",
    .receive = ktls_receive,
    .has_pending = ktls_has_pending,
    .write = ktls_write,
    .flush = ktls_flush,
    .end = ktls_end,
};

/* ---- the hand-over ---- */

bool conn_takes_splice(const struct conn *conn)
{
    if (conn->state != CONN_OPEN || conn->output_ended || conn->send_failed)
        return false;
    return conn->transport != &transport_tls || (conn->worker->has_ktls && !conn->ktls_refused);
}

static enum err hand_over(struct conn *conn)
{
    struct tls_ktls_info info;
    struct conn_ktls *ktls = calloc(1, sizeof(*ktls));
    if (ktls == NULL)
        return ERR_NOMEM;
    enum err error = tls_engine_export(conn->tls, &info);
    if (error == ERR_OK) {
        error = ktls_enable(conn->fd, &info, info.size);
        tls_ktls_wipe(&info);
    }
    if (error != ERR_OK) {
        free(ktls);
        return error;
    }
    tls_engine_set_exported(conn->tls);
    conn->ktls = ktls;
    conn->transport = &transport_ktls;
    return ERR_OK;
}

enum err conn_open_to_splice(struct conn *conn)
{
    assert(conn_backlog(conn) == 0 && !op_pending(&conn->send));
    if (!conn_takes_splice(conn))
        return ERR_UNSUPPORTED;
    conn->reader.spliced = true;
    if (!timer_running(&conn->reader.timer))
        conn_watch_reader(conn, false);
    if (conn->transport != &transport_tls)
        return ERR_OK;
    struct worker_metrics *metrics = &conn->worker->metrics;
    if (hand_over(conn) == ERR_OK) {
        metric_add(&metrics->ktls_handovers, 1);
        return ERR_OK;
    }
    metric_add(&metrics->ktls_refusals, 1);
    conn->ktls_refused = true;
    return ERR_UNSUPPORTED;
}
