/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a client takes what is sent to it. From the first send on, one timer looks
 * at each span of weir.limits.sendTimeout: where something waited at its beginning
 * and at its end, and nothing was acknowledged in between, the client is too slow.
 * So a request costs nothing, and it is told after one to two spans. What the kernel
 * has not got rid of waits too: a peer whose window is closed holds that memory.
 */
#include "core/proxy/conn_private.h"

#include "core/base/clock.h"

/* Who sleeps may wake up again: a tunnel's connection has state that a request can
 * be repeated without. */
#define TUNNEL_PATIENCE 10

static int64_t span_ms(const struct conn *conn)
{
    int64_t span = conn->worker->settings->weir.send_timeout / NS_PER_MS;
    return conn->tunnel != NULL ? span * TUNNEL_PATIENCE : span;
}

uint64_t conn_output_mark(const struct conn *conn)
{
    if (conn->bytes_out == 0) /* the first send: nothing to ask the kernel for */
        return op_sent(&conn->send);
    return conn->bytes_out + op_sent(&conn->send) - sock_unsent(conn->fd);
}

bool conn_took_enough(const struct conn *conn, uint64_t bytes, int64_t elapsed_ms)
{
    uint64_t rate = (uint64_t)conn->worker->settings->weir.send_bytes_per_second;
    if (bytes == 0)
        return false;
    return conn->tunnel != NULL || conn->reader.took_all ||
           bytes >= rate * (uint64_t)elapsed_ms / MS_PER_S;
}

void conn_reader_took(struct conn *conn)
{
    bool rated = conn->worker->settings->weir.send_bytes_per_second > 0;
    if (!rated || !conn->kernel_bounded || sock_unsent(conn->fd) == 0)
        conn->reader.took_all = true;
}

static void begin_span(struct conn *conn, bool waits)
{
    struct conn_reader *reader = &conn->reader;
    reader->since_ms = conn->worker->now_ms;
    reader->mark = conn_output_mark(conn);
    reader->waited = waits;
    reader->took_all = false;
    timer_set(&conn->worker->wheel, &reader->timer, reader->since_ms + span_ms(conn));
}

void conn_watch_reader(struct conn *conn, bool waits)
{
    if (conn->is_client && span_ms(conn) > 0)
        begin_span(conn, waits);
}

static bool waits_for_reader(const struct conn *conn)
{
    return op_pending(&conn->send) || sock_unsent(conn->fd) > 0;
}

void conn_reader_expired(struct timer *timer)
{
    static const struct err_text why = {"the client takes nothing of what waits for it"};
    struct conn_reader *reader = container_of(timer, struct conn_reader, timer);
    struct conn *conn = container_of(reader, struct conn, reader);
    int64_t elapsed = conn->worker->now_ms - reader->since_ms;
    if (conn->state != CONN_OPEN)
        return;
    if (elapsed < span_ms(conn)) { /* it has become a tunnel's */
        timer_set(&conn->worker->wheel, timer, reader->since_ms + span_ms(conn));
        return;
    }
    bool waits = waits_for_reader(conn);
    if (waits && reader->waited &&
        !conn_took_enough(conn, conn_output_mark(conn) - reader->mark, elapsed)) {
        limit_report_conn(conn, LIMIT_OF_SLOW_READER);
        conn->send_failed = true;
        conn_fail(conn, ERR_LIMIT, &why);
    } else if (waits || reader->spliced) {
        begin_span(conn, waits);
    }
}
