/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sending. Output gathers in `filling` and is swapped into `sending` while one send
 * runs. Output for which nobody waits stands in the worker's list `later`, oldest
 * first, and one timer of the worker's watches over all of it.
 */
#include "core/proxy/conn_private.h"

#include <assert.h>
#include <errno.h>

#define FLUSH_LATER_MS 10
/* The kernel may keep so many times our own bound of what the peer has no window for:
 * enough to send on while we are asked for more. */
#define KERNEL_SHARE 4
#define OUTPUT_MAX ((size_t)256 << 20)

static void on_send(struct op *op, int32_t result, uint32_t flags);

void conn_output_init(struct conn *conn)
{
    op_init(&conn->send, on_send);
    list_init(&conn->flush_link);
    buf_init(&conn->staged, OUTPUT_MAX);
    buf_init(&conn->filling, OUTPUT_MAX);
    buf_init(&conn->sending, OUTPUT_MAX);
}

void conn_output_finish(struct conn *conn)
{
    buf_finish(&conn->staged);
    buf_finish(&conn->filling);
    buf_finish(&conn->sending);
}

void conn_output_connected(struct conn *conn)
{
    op_init(&conn->send, on_send);
    if (buf_len(&conn->filling) > 0)
        conn_schedule_flush(conn);
}

enum err conn_send_first(struct conn *conn, struct span bytes)
{
    assert(conn->state == CONN_CONNECTING);
    return buf_append(&conn->filling, bytes);
}

void conn_schedule_flush(struct conn *conn)
{
    if (conn->flush_at_ms != 0) {
        conn->flush_at_ms = 0;
        list_remove(&conn->flush_link);
    }
    if (list_empty(&conn->flush_link))
        list_push_back(&conn->worker->flush, &conn->flush_link);
}

void conn_schedule_flush_later(struct conn *conn)
{
    struct worker *worker = conn->worker;
    if (!list_empty(&conn->flush_link))
        return;
    conn->flush_at_ms = worker->now_ms + FLUSH_LATER_MS;
    list_push_back(&worker->later, &conn->flush_link);
    if (!timer_running(&worker->later_timer))
        timer_set(&worker->wheel, &worker->later_timer, conn->flush_at_ms);
}

void conn_flush_overdue(struct timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, later_timer);
    list_for_each(node, &worker->later) {
        struct conn *conn = container_of(node, struct conn, flush_link);
        if (conn->flush_at_ms > worker->now_ms) {
            timer_set(&worker->wheel, timer, conn->flush_at_ms);
            return;
        }
        conn_schedule_flush(conn);
    }
}

enum err conn_write(struct conn *conn, struct span data)
{
    assert(!conn->output_ended);
    if (conn->state != CONN_OPEN)
        return ERR_CLOSED;
    if (data.len == 0)
        return ERR_OK;
    TRY(conn->transport->write(conn, data));
    conn_schedule_flush(conn);
    return ERR_OK;
}

size_t conn_backlog(const struct conn *conn)
{
    return buf_len(&conn->staged) + buf_len(&conn->filling) + buf_len(&conn->sending);
}

void conn_set_congested(struct conn *conn, bool congested)
{
    if (conn->above_high_mark == congested)
        return;
    conn->above_high_mark = congested;
    if (conn->is_client)
        conn->worker->congested += congested ? 1 : SIZE_MAX;
}

bool conn_is_congested(struct conn *conn)
{
    size_t most = (size_t)conn->worker->settings->weir.send_buffer_bytes;
    if (conn->above_high_mark || conn_backlog(conn) <= most)
        return conn->above_high_mark;
    conn_set_congested(conn, true);
    if (conn->is_client && !conn->kernel_bounded) { /* it has more than it can send at once */
        sock_set_unsent_max(conn->fd, most * KERNEL_SHARE);
        conn->kernel_bounded = true;
    }
    return conn->above_high_mark;
}

void conn_end_output(struct conn *conn)
{
    if (conn->output_ended || conn->state != CONN_OPEN)
        return;
    conn->transport->end(conn);
    conn->output_ended = true;
    conn_schedule_flush(conn);
}

/* Whether FIN follows what is being sent: then the kernel keeps the last segment
 * until it has the FIN for it. */
static bool ends_with_send(const struct conn *conn)
{
    return (conn->state == CONN_FLUSHING || conn->output_ended) && buf_len(&conn->filling) == 0;
}

static void start_send(struct conn *conn)
{
    struct span bytes = buf_span(&conn->sending);
    if (!timer_running(&conn->reader.timer))
        conn_watch_reader(conn, true);
    struct ring *ring = &conn->worker->ring;
    if (conn->ktls != NULL) /* which takes no MSG_WAITALL, and no MSG_MORE at the end */
        ring_send(ring, &conn->send, conn->fd, bytes.ptr, bytes.len, false);
    else if (ends_with_send(conn))
        ring_send_more(ring, &conn->send, conn->fd, bytes.ptr, bytes.len);
    else
        ring_send(ring, &conn->send, conn->fd, bytes.ptr, bytes.len, true);
}

/* Nothing waits any more: gives the memory back and does what waited for it. */
static void all_sent(struct conn *conn)
{
    buf_release(&conn->sending);
    buf_release(&conn->filling);
    conn->provoked_bytes = 0;
    conn_reader_took(conn);
    if (conn->state == CONN_FLUSHING) {
        conn_flushed(conn);
        return;
    }
    if (conn->output_ended && !conn->output_shut) {
        conn->output_shut = true;
        shutdown(conn->fd, SHUT_WR);
    }
    if (conn->handler->on_flushed != NULL && conn->state == CONN_OPEN)
        conn->handler->on_flushed(conn);
}

void conn_flush(struct conn *conn)
{
    list_remove(&conn->flush_link);
    if (conn->state == CONN_CLOSING || conn->state == CONN_FREE)
        return;
    if (conn->transport->flush(conn) != ERR_OK) {
        conn_fail(conn, ERR_NOMEM, NULL);
        return;
    }
    if (op_pending(&conn->send))
        return;
    if (buf_len(&conn->filling) == 0) {
        if (!conn_ktls_send_alert(conn))
            all_sent(conn);
        return;
    }
    /* The memory of what is sent goes back: a peer that is slow for long would keep two
     * buffers of full size. */
    buf_release(&conn->sending);
    conn->sending = conn->filling;
    buf_init(&conn->filling, OUTPUT_MAX);
    start_send(conn);
}

static void on_send(struct op *op, int32_t result, uint32_t flags)
{
    (void)flags;
    struct conn *conn = container_of(op, struct conn, send);
    if (conn_finish_if_quiet(conn) || conn->state == CONN_CLOSING)
        return;
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
        conn->send_failed = true;
        conn_fail(conn, err_from_errno(-result), NULL);
        return;
    }
    if (result > 0) {
        conn->bytes_out += (uint64_t)result;
        metric_add(&conn->worker->metrics.bytes_out, (uint64_t)result);
        buf_consume(&conn->sending, (size_t)result);
    }
    if (buf_len(&conn->sending) > 0) {
        start_send(conn);
        return;
    }
    if (conn->above_high_mark && conn->state == CONN_OPEN &&
        conn_backlog(conn) <= (size_t)conn->worker->settings->weir.send_buffer_bytes / 2) {
        conn_set_congested(conn, false);
        conn->handler->on_drained(conn);
    }
    if (conn->state != CONN_CLOSING)
        conn_flush(conn);
}
