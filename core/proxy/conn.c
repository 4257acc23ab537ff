/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection's life and its two directions. Received buffers go to the
 * transport at once or, while the owner has paused, into a chain of held
 * buffers that lives in the worker's array of links. Output gathers in
 * `filling` and is swapped into `sending` while one send runs. Handlers are
 * never called from inside their own conn_resume or conn_close: those put a
 * task off to the end of the turn.
 */
#include "core/proxy/conn.h"

#include "core/proxy/transport.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define HELD_NONE UINT16_MAX
/* Held buffers at which the kernel is told to stop receiving. */
#define HELD_MAX 2
/* The share of the worker's buffers that may be held; what comes beyond is copied,
 * so that connections that wait do not take the others' buffers away. */
#define HELD_SHARE 4
/* A receive of so much makes a stream of a connection, and so many shorter ones in a
 * row end it. */
#define STREAM_BYTES (WORKER_PIECE_SIZE / 2)
#define STREAM_SHORT_RECEIVES 16
#define LINGER_MS 2000
#define FLUSH_TIMEOUT_MS 30000
#define FLUSH_LATER_MS 10
#define OUTPUT_MAX ((size_t)256 << 20)

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

static void on_receive(struct op *op, int32_t result, uint32_t flags);
static void on_readable(struct op *op, int32_t result, uint32_t flags);
static void on_send(struct op *op, int32_t result, uint32_t flags);
static void on_connect(struct op *op, int32_t result, uint32_t flags);
static void on_timer(struct timer *timer);
static void on_task(struct worker_task *task);
static void on_buffers(struct bufring_waiter *waiter);
static void process_held(struct conn *conn);

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
    conn->held_first = conn->held_last = HELD_NONE;
    op_init(&conn->receive, on_receive);
    op_init(&conn->send, on_send);
    timer_init(&conn->timer, on_timer);
    list_init(&conn->flush_link);
    list_init(&conn->task.link);
    list_init(&conn->buffer_waiter.link);
    conn->task.run = on_task;
    conn->buffer_waiter.resume = on_buffers;
    buf_init(&conn->held_bytes, (size_t)worker->buffers.count * worker->buffers.size);
    buf_init(&conn->staged, OUTPUT_MAX);
    buf_init(&conn->filling, OUTPUT_MAX);
    buf_init(&conn->sending, OUTPUT_MAX);
}

void conn_init_accepted(struct conn *conn, struct worker *worker, int fd,
                        const struct conn_handler *handler)
{
    conn_init(conn, worker, fd, handler);
    set_state(conn, CONN_OPEN);
}

enum err conn_connect(struct conn *conn, struct worker *worker, const struct sock_address *address,
                      struct tls_context *tls, const char *server_name, int64_t timeout_ms,
                      const struct conn_handler *handler)
{
    int fd;
    TRY(sock_stream(address, &fd));
    conn_init(conn, worker, fd, handler);
    if (tls != NULL) {
        enum err error = tls_engine_create_client(tls, server_name, &conn->tls);
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
    buf_finish(&conn->staged);
    buf_finish(&conn->filling);
    buf_finish(&conn->sending);
    conn->handler->on_closed(conn);
}

static bool is_quiet(const struct conn *conn)
{
    return !op_pending(&conn->receive) && !op_pending(&conn->send) && !conn->delivering;
}

/* True when the connection is gone and must not be touched any more. */
static bool finish_if_quiet(struct conn *conn)
{
    if (conn->state != CONN_CLOSING || !is_quiet(conn))
        return false;
    finish(conn);
    return true;
}

static void release_held(struct conn *conn)
{
    struct worker *worker = conn->worker;
    while (conn->held_first != HELD_NONE) {
        uint16_t id = conn->held_first;
        conn->held_first = worker->buffer_links[id].next;
        bufring_return(&worker->buffers, id);
    }
    conn->held_last = HELD_NONE;
    conn->held_count = 0;
    buf_finish(&conn->held_bytes);
}

static bool holds_input(const struct conn *conn)
{
    return conn->held_first != HELD_NONE || buf_len(&conn->held_bytes) > 0;
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSING || conn->state == CONN_FREE)
        return;
    struct worker *worker = conn->worker;
    set_state(conn, CONN_CLOSING);
    timer_cancel(&worker->wheel, &conn->timer);
    list_remove(&conn->flush_link);
    list_remove(&conn->buffer_waiter.link);
    release_held(conn);
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
    conn->flush_mark = conn->bytes_out + op_sent(&conn->send);
    conn_set_timeout(conn, FLUSH_TIMEOUT_MS);
}

void conn_close_after_flush(struct conn *conn, bool linger)
{
    bool is_up = conn->state == CONN_OPEN || conn->state == CONN_HANDSHAKING;
    if (!is_up || conn->send_failed || conn->worker->aborting) {
        if (conn_backlog(conn) > 0)
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
    release_held(conn);
    watch_flush(conn);
    conn_schedule_flush(conn);
}

static void flushed_for_good(struct conn *conn)
{
    if (!conn->linger || conn->receive_ended) {
        conn_close(conn);
        return;
    }
    shutdown(conn->fd, SHUT_WR);
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
    bool progresses = conn->bytes_out + op_sent(&conn->send) != conn->flush_mark;
    if (conn->state == CONN_FLUSHING && progresses)
        watch_flush(conn);
    else
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

void conn_start(struct conn *conn)
{
    struct worker *worker = conn->worker;
    if (conn->fd < 0 || op_pending(&conn->receive) || conn->receive_ended)
        return;
    op_init(&conn->receive, conn->streaming ? on_readable : on_receive);
    if (conn->streaming)
        ring_poll(&worker->ring, &conn->receive, conn->fd, POLLIN, false);
    else
        ring_recv_bundle(&worker->ring, &conn->receive, conn->fd, worker->buffers.group);
}

static void on_connect(struct op *op, int32_t result, uint32_t flags)
{
    (void)flags;
    struct conn *conn = container_of(op, struct conn, send);
    if (finish_if_quiet(conn) || conn->state == CONN_CLOSING)
        return;
    op_init(&conn->send, on_send);
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

/* ---- in ---- */

void conn_deliver(struct conn *conn, struct span data)
{
    conn->handler->on_data(conn, data);
}

static void chain_buffer(struct conn *conn, uint16_t id, uint32_t offset, uint32_t length)
{
    struct buffer_link *links = conn->worker->buffer_links;
    links[id] = (struct buffer_link){HELD_NONE, offset, length};
    if (conn->held_last == HELD_NONE)
        conn->held_first = id;
    else
        links[conn->held_last].next = id;
    conn->held_last = id;
}

/* Keeps what the transport does not take now: in the buffer, or as a copy when
 * buffers are scarce or bytes that came before are copied already. */
static void hold_buffer(struct conn *conn, uint16_t id, struct span bytes)
{
    struct bufring *buffers = &conn->worker->buffers;
    bool copy = buf_len(&conn->held_bytes) > 0 || buffers->lent > buffers->count / HELD_SHARE;
    enum err error = copy ? buf_append(&conn->held_bytes, bytes) : ERR_OK;
    if (copy)
        bufring_return(buffers, id);
    else
        chain_buffer(conn, id,
                     (uint32_t)(bytes.ptr - (buffers->memory + (size_t)id * buffers->size)),
                     (uint32_t)bytes.len);
    if (error != ERR_OK) {
        conn_fail(conn, error, NULL);
        return;
    }
    conn->held_count++;
    if (conn->held_count >= HELD_MAX && op_pending(&conn->receive))
        ring_cancel(&conn->worker->ring, &conn->receive);
}

static void deliver_end(struct conn *conn)
{
    if (conn->end_delivered || !conn->receive_ended || conn->paused || holds_input(conn) ||
        conn->transport->has_pending(conn))
        return;
    if (conn->state == CONN_LINGERING) {
        conn_close(conn);
        return;
    }
    if (conn->state == CONN_HANDSHAKING) {
        conn_fail(conn, ERR_CLOSED, NULL);
        return;
    }
    if (conn->state != CONN_OPEN)
        return;
    conn->end_delivered = true;
    conn->handler->on_end(conn);
}

/* Gives the bytes to the transport; what it leaves stays in *input. */
static void run_transport(struct conn *conn, struct span *input)
{
    struct err_text why = {""};
    conn->delivering = true;
    enum err error = conn->transport->receive(conn, input, &why);
    conn->delivering = false;
    if (error == ERR_CLOSED) {
        /* What follows a close_notify is nobody's (RFC 8446 §6.1). */
        conn->receive_ended = true;
        *input = span_skip(*input, input->len);
    } else if (error != ERR_OK)
        conn_fail(conn, error, &why);
}

static void take_buffer(struct conn *conn, uint16_t id, struct span bytes)
{
    struct worker *worker = conn->worker;
    bool reading = conn_is_reading(conn) && !conn->receive_ended;
    struct span rest = bytes;
    if (reading && !holds_input(conn))
        run_transport(conn, &rest);
    bool wanted = conn->state == CONN_OPEN || conn->state == CONN_HANDSHAKING;
    if (rest.len > 0 && wanted && !conn->receive_ended)
        hold_buffer(conn, id, rest);
    else
        bufring_return(&worker->buffers, id);
}

static void watch_stream(struct conn *conn, size_t received)
{
    if (received < STREAM_BYTES) {
        if (conn->streaming && ++conn->short_receives >= STREAM_SHORT_RECEIVES)
            conn->streaming = false;
        return;
    }
    conn->short_receives = 0;
    if (conn->streaming)
        return;
    conn->streaming = true;
    if (op_pending(&conn->receive))
        ring_cancel(&conn->worker->ring, &conn->receive);
}

static void take_buffers(struct conn *conn, int32_t result, uint32_t flags)
{
    struct worker *worker = conn->worker;
    watch_stream(conn, (size_t)result);
    conn->bytes_in += (uint32_t)result;
    metric_add(&worker->metrics.bytes_in, (uint32_t)result);
    struct bufring_bundle bundle = bufring_take_bundle(&worker->buffers, result, flags);
    struct span bytes;
    uint16_t id;
    while (bufring_bundle_next(&bundle, &bytes, &id))
        take_buffer(conn, id, bytes);
}

/* Whether the owner wants more bytes and the receive has ended. */
static void rearm(struct conn *conn)
{
    if (op_pending(&conn->receive) || conn->receive_ended || conn->release_done != NULL)
        return;
    bool wanted = conn_is_reading(conn) || conn->state == CONN_LINGERING;
    if (wanted && !holds_input(conn) && list_empty(&conn->buffer_waiter.link))
        conn_start(conn);
}

static void release_if_done(struct conn *conn)
{
    if (conn->release_done == NULL || op_pending(&conn->receive) || conn->delivering ||
        conn->state != CONN_OPEN)
        return;
    conn->paused = false;
    process_held(conn);
    if (conn->state != CONN_OPEN || holds_input(conn))
        return;
    void (*done)(struct conn *) = conn->release_done;
    conn->release_done = NULL;
    conn->paused = true; /* whoever has the socket now reads it */
    done(conn);
}

static void end_of_receive(struct conn *conn, int32_t result)
{
    if (result == 0)
        conn->receive_ended = true;
    else if (result == -ENOBUFS)
        bufring_wait(&conn->worker->buffers, &conn->buffer_waiter);
    else if (result < 0 && result != -ECANCELED && result != -EINTR && result != -EAGAIN)
        conn_fail(conn, err_from_errno(-result), NULL);
}

/* What every completion of a receive comes to. */
static void after_receive(struct conn *conn)
{
    if (finish_if_quiet(conn) || conn->state == CONN_CLOSING)
        return;
    deliver_end(conn);
    rearm(conn);
    release_if_done(conn);
}

static void on_receive(struct op *op, int32_t result, uint32_t flags)
{
    struct conn *conn = container_of(op, struct conn, receive);
    if (result > 0 && (flags & IORING_CQE_F_BUFFER))
        take_buffers(conn, result, flags);
    else if (conn->state != CONN_CLOSING)
        end_of_receive(conn, result);
    after_receive(conn);
}

/* The bytes are in the worker's buffer: what the transport does not take now is copied. */
static void take_piece(struct conn *conn, struct span bytes)
{
    conn->bytes_in += bytes.len;
    metric_add(&conn->worker->metrics.bytes_in, bytes.len);
    watch_stream(conn, bytes.len);
    if (conn->state == CONN_LINGERING)
        return;
    run_transport(conn, &bytes);
    bool wanted = conn->state == CONN_OPEN || conn->state == CONN_HANDSHAKING;
    if (bytes.len > 0 && wanted && buf_append(&conn->held_bytes, bytes) != ERR_OK)
        conn_fail(conn, ERR_NOMEM, NULL);
}

static void on_readable(struct op *op, int32_t result, uint32_t flags)
{
    struct conn *conn = container_of(op, struct conn, receive);
    bool wanted = (conn_is_reading(conn) && !holds_input(conn)) || conn->state == CONN_LINGERING;
    (void)flags;
    if (result > 0 && wanted) {
        char *piece = conn->worker->piece;
        ssize_t length = recv(conn->fd, piece, WORKER_PIECE_SIZE, MSG_DONTWAIT);
        if (length > 0)
            take_piece(conn, span_make(piece, (size_t)length));
        else
            end_of_receive(conn, length == 0 ? 0 : -errno);
    } else if (result < 0 && conn->state != CONN_CLOSING) {
        end_of_receive(conn, result);
    }
    after_receive(conn);
}

static void on_buffers(struct bufring_waiter *waiter)
{
    struct conn *conn = container_of(waiter, struct conn, buffer_waiter);
    rearm(conn);
}

/* Gives the oldest held buffer to the transport; false: the chain is gone with its
 * connection, or some of the bytes are left. */
static bool process_buffer(struct conn *conn)
{
    struct worker *worker = conn->worker;
    uint16_t id = conn->held_first;
    struct buffer_link *link = &worker->buffer_links[id];
    struct span rest = {worker->buffers.memory + (size_t)id * worker->buffers.size + link->offset,
                        link->length};
    run_transport(conn, &rest);
    if (conn->held_first != id)
        return false;
    link->offset += link->length - (uint32_t)rest.len;
    link->length = (uint32_t)rest.len;
    if (rest.len > 0)
        return false;
    conn->held_first = link->next;
    if (conn->held_first == HELD_NONE)
        conn->held_last = HELD_NONE;
    conn->held_count--;
    bufring_return(&worker->buffers, id);
    return true;
}

/* The same for what was copied, which comes behind all held buffers. */
static void process_copied(struct conn *conn)
{
    struct buf taken = conn->held_bytes;
    struct span rest = buf_span(&taken);
    buf_init(&conn->held_bytes, taken.max);
    run_transport(conn, &rest);
    if (rest.len > 0 && (conn->state == CONN_OPEN || conn->state == CONN_HANDSHAKING)) {
        buf_consume(&taken, buf_len(&taken) - rest.len);
        conn->held_bytes = taken;
        return;
    }
    buf_finish(&taken);
    conn->held_count = 0;
}

/* Delivers what is held, oldest first, until it is empty or paused again. */
static void process_held(struct conn *conn)
{
    if (conn->held_first == HELD_NONE && conn_is_reading(conn) &&
        conn->transport->has_pending(conn)) {
        struct span nothing = SPAN_EMPTY;
        run_transport(conn, &nothing);
    }
    while (conn->held_first != HELD_NONE && conn_is_reading(conn)) {
        if (!process_buffer(conn))
            return;
    }
    if (buf_len(&conn->held_bytes) > 0 && conn_is_reading(conn))
        process_copied(conn);
}

void conn_pause(struct conn *conn)
{
    conn->paused = true;
}

void conn_resume(struct conn *conn)
{
    if (!conn->paused)
        return;
    conn->paused = false;
    worker_defer(conn->worker, &conn->task);
}

/* A resume or the end of a closed connection, put off to here. */
static void on_task(struct worker_task *task)
{
    struct conn *conn = container_of(task, struct conn, task);
    if (conn->state == CONN_CLOSING) {
        (void)finish_if_quiet(conn);
        return;
    }
    process_held(conn);
    after_receive(conn);
}

void conn_release_receive(struct conn *conn, void (*done)(struct conn *conn))
{
    assert(conn->tls == NULL && conn->state == CONN_OPEN);
    conn->release_done = done;
    if (op_pending(&conn->receive))
        ring_cancel(&conn->worker->ring, &conn->receive);
    else
        worker_defer(conn->worker, &conn->task);
}

/* ---- out ---- */

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

bool conn_is_congested(struct conn *conn)
{
    if (conn_backlog(conn) > (size_t)conn->worker->settings->weir.send_buffer_bytes)
        conn->above_high_mark = true;
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
    struct ring *ring = &conn->worker->ring;
    if (ends_with_send(conn))
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
    if (conn->state == CONN_FLUSHING) {
        flushed_for_good(conn);
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
        all_sent(conn);
        return;
    }
    struct buf empty = conn->sending;
    conn->sending = conn->filling;
    conn->filling = empty;
    start_send(conn);
}

static void on_send(struct op *op, int32_t result, uint32_t flags)
{
    (void)flags;
    struct conn *conn = container_of(op, struct conn, send);
    if (finish_if_quiet(conn) || conn->state == CONN_CLOSING)
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
        conn->above_high_mark = false;
        conn->handler->on_drained(conn);
    }
    if (conn->state != CONN_CLOSING)
        conn_flush(conn);
}
