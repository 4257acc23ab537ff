/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection's life: how it opens, its states, its timer and its ends. Its two
 * directions are in conn_in.c and conn_out.c. Handlers are never called from inside
 * their own conn_resume or conn_close: those put a task off to the end of the turn.
 */
#include "core/proxy/conn_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LINGER_MS 2000
#define FLUSH_TIMEOUT_MS 30000

static const char *const state_names[] = {
#define CONN_STATE_TEXT(name) #name,
    CONN_STATE_LIST(CONN_STATE_TEXT)
#undef CONN_STATE_TEXT
};

/* Rows: from; bits: where it may go. */
#define TO(name) (1u << CONN_##name)
static const unsigned state_transitions[] = {
    [CONN_FREE] = TO(CONNECTING) | TO(OPEN),
    [CONN_CONNECTING] = TO(HANDSHAKING) | TO(OPEN) | TO(CLOSING),
    [CONN_HANDSHAKING] = TO(OPEN) | TO(FLUSHING) | TO(CLOSING),
    [CONN_OPEN] = TO(HANDSHAKING) | TO(FLUSHING) | TO(CLOSING),
    [CONN_FLUSHING] = TO(LINGERING) | TO(CLOSING),
    [CONN_LINGERING] = TO(CLOSING),
    [CONN_CLOSING] = TO(FREE),
};

static void on_connect(struct op *op, int32_t result, uint32_t flags);
static void on_timer(struct timer *timer);
static void on_task(struct worker_task *task);

const char *conn_state_name(enum conn_state state)
{
    return state_names[state];
}

static void set_state(struct conn *conn, enum conn_state state)
{
    assert(state_transitions[conn->state] & (1u << state));
    conn->state = state;
}

static void conn_init(struct conn *conn, struct worker *worker, int fd,
                      const struct conn_handler *handler)
{
    memset(conn, 0, sizeof(*conn));
    conn->worker = worker;
    conn->handler = handler;
    conn->transport = &transport_plain;
    conn->fd = fd;
    timer_init(&conn->timer, on_timer);
    timer_init(&conn->reader.timer, conn_reader_expired);
    list_init(&conn->task.link);
    conn->task.run = on_task;
    conn_input_init(conn);
    conn_output_init(conn);
}

void conn_init_accepted(struct conn *conn, struct worker *worker, int fd,
                        const struct conn_handler *handler)
{
    conn_init(conn, worker, fd, handler);
    set_state(conn, CONN_OPEN);
}

enum err conn_connect(struct conn *conn, struct worker *worker, const struct sock_address *address,
                      const struct conn_tls *tls, int64_t timeout_ms,
                      const struct conn_handler *handler)
{
    int fd;
    TRY(sock_stream(address, &fd));
    conn_init(conn, worker, fd, handler);
    if (tls != NULL) {
        enum err error = tls_engine_create_client(tls->context, tls->server_name, tls->alpn,
                                                  &conn->tls);
        if (error != ERR_OK) {
            close(fd);
            return error;
        }
        conn->transport = &transport_tls;
    }
    set_state(conn, CONN_CONNECTING);
    conn->connect_address = *address;
    op_init(&conn->send, on_connect);
    ring_connect(&worker->ring, &conn->send, fd, &conn->connect_address.any,
                 conn->connect_address.len);
    conn_set_timeout(conn, timeout_ms);
    return ERR_OK;
}

/* ---- the end ---- */

static void finish(struct conn *conn)
{
    worker_task_cancel(&conn->task);
    set_state(conn, CONN_FREE);
    tls_engine_destroy(conn->tls);
    conn->tls = NULL;
    free(conn->ktls);
    conn->ktls = NULL;
    conn_output_finish(conn);
    conn->handler->on_closed(conn);
}

static bool is_quiet(const struct conn *conn)
{
    return !op_pending(&conn->receive) && !op_pending(&conn->send) && !conn->delivering;
}

bool conn_finish_if_quiet(struct conn *conn)
{
    if (conn->state != CONN_CLOSING || !is_quiet(conn))
        return false;
    finish(conn);
    return true;
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSING || conn->state == CONN_FREE)
        return;
    struct worker *worker = conn->worker;
    set_state(conn, CONN_CLOSING);
    timer_cancel(&worker->wheel, &conn->timer);
    timer_cancel(&worker->wheel, &conn->reader.timer);
    conn_set_congested(conn, false);
    list_remove(&conn->flush_link);
    list_remove(&conn->buffer_waiter.link);
    conn_release_held(conn);
    if (op_pending(&conn->receive))
        ring_cancel(&worker->ring, &conn->receive);
    if (op_pending(&conn->send))
        ring_cancel(&worker->ring, &conn->send);
    ring_close(&worker->ring, conn->fd);
    conn->fd = -1;
    if (is_quiet(conn))
        worker_defer(worker, &conn->task);
}

void conn_abort(struct conn *conn)
{
    if (conn->fd >= 0)
        sock_set_abort_on_close(conn->fd);
    conn_close(conn);
}

/* The time to flush is that of a peer that takes nothing at all. */
static void watch_flush(struct conn *conn)
{
    conn->flush_mark = conn_output_mark(conn);
    conn_set_timeout(conn, FLUSH_TIMEOUT_MS);
}

void conn_close_after_flush(struct conn *conn, bool linger)
{
    bool is_up = conn->state == CONN_OPEN || conn->state == CONN_HANDSHAKING;
    if (!is_up || conn->send_failed || conn->worker->aborting) {
        if (conn->send_failed || conn_backlog(conn) > 0)
            conn_abort(conn);
        else
            conn_close(conn);
        return;
    }
    if (conn->state == CONN_OPEN && !conn->output_ended)
        conn->transport->end(conn);
    set_state(conn, CONN_FLUSHING);
    conn->linger = linger;
    conn->paused = false;
    conn_unwatch_hangup(conn);
    conn_release_held(conn);
    timer_cancel(&conn->worker->wheel, &conn->reader.timer);
    conn->reader.took_all = false;
    watch_flush(conn);
    conn_schedule_flush(conn);
}

void conn_flushed(struct conn *conn)
{
    /* The last bytes wait in the kernel for this FIN; a close alone would drop them if
     * something had come that nobody has read. */
    shutdown(conn->fd, SHUT_WR);
    if (!conn->linger || conn->receive_ended) {
        conn_close(conn);
        return;
    }
    set_state(conn, CONN_LINGERING);
    conn_set_timeout(conn, LINGER_MS);
    if (!op_pending(&conn->receive))
        conn_start(conn);
}

void conn_fail(struct conn *conn, enum err error, const struct err_text *why)
{
    static const struct err_text nothing = {""};
    switch (conn->state) {
    case CONN_CONNECTING:
    case CONN_HANDSHAKING:
    case CONN_OPEN:
        conn->handler->on_failed(conn, error, why != NULL ? why : &nothing);
        break;
    case CONN_FLUSHING: /* the peer must not take what it has for all */
        conn_abort(conn);
        break;
    case CONN_LINGERING:
        conn_close(conn);
        break;
    case CONN_CLOSING:
    case CONN_FREE:
        break;
    }
}

static void on_timer(struct timer *timer)
{
    struct conn *conn = container_of(timer, struct conn, timer);
    if (conn->state != CONN_FLUSHING) {
        conn_fail(conn, ERR_TIMEOUT, NULL);
        return;
    }
    uint64_t taken = conn_output_mark(conn) - conn->flush_mark;
    if (conn_took_enough(conn, taken, FLUSH_TIMEOUT_MS)) {
        watch_flush(conn);
        return;
    }
    limit_report_conn(conn, LIMIT_OF_SLOW_READER);
    conn_fail(conn, ERR_TIMEOUT, NULL);
}

void conn_set_timeout(struct conn *conn, int64_t after_ms)
{
    struct worker *worker = conn->worker;
    if (after_ms <= 0)
        timer_cancel(&worker->wheel, &conn->timer);
    else
        timer_set(&worker->wheel, &conn->timer, worker->now_ms + after_ms);
}

/* ---- opening ---- */

void conn_opened(struct conn *conn)
{
    set_state(conn, CONN_OPEN);
    conn_set_timeout(conn, 0);
    conn->handler->on_open(conn);
}

static void on_connect(struct op *op, int32_t result, uint32_t flags)
{
    (void)flags;
    struct conn *conn = container_of(op, struct conn, send);
    if (conn_finish_if_quiet(conn) || conn->state == CONN_CLOSING)
        return;
    conn_output_connected(conn);
    if (result < 0) {
        conn_fail(conn, err_from_errno(-result), NULL);
        return;
    }
    conn_start(conn);
    if (conn->tls == NULL) {
        conn_opened(conn);
        return;
    }
    set_state(conn, CONN_HANDSHAKING);
    struct span nothing = SPAN_EMPTY;
    struct err_text why = {""};
    enum err error = conn->transport->receive(conn, &nothing, &why);
    if (error != ERR_OK)
        conn_fail(conn, error, &why);
}

enum err conn_start_tls_server(struct conn *conn, struct tls_context *context,
                               const struct tls_server_params *params, struct span hello)
{
    TRY(tls_engine_create_server(context, params, &conn->tls));
    conn->transport = &transport_tls;
    set_state(conn, CONN_HANDSHAKING);
    struct err_text why = {""};
    enum err error = conn->transport->receive(conn, &hello, &why);
    if (error == ERR_OK && hello.len > 0 && conn->state == CONN_HANDSHAKING)
        error = ERR_PROTOCOL;
    if (error != ERR_OK)
        conn_fail(conn, error, &why);
    return ERR_OK;
}

/* ---- what was put off ---- */

/* The end of a closed connection, or a resume. */
static void on_task(struct worker_task *task)
{
    struct conn *conn = container_of(task, struct conn, task);
    if (conn->state == CONN_CLOSING)
        (void)conn_finish_if_quiet(conn);
    else
        conn_input_task(conn);
}
