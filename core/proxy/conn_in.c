/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Receiving. Received buffers go to the transport at once or, while the owner has
 * paused, into a chain of held buffers that lives in the worker's array of links.
 * A stream is polled for, and read by recv(2) into the worker's own piece of
 * memory: what the next piece overwrites was dealt with, so that all streams share
 * the same warm memory and nothing of theirs waits in buffers.
 */
#include "core/proxy/conn_private.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

#define HELD_NONE UINT16_MAX
/* Held buffers at which the kernel is told to stop receiving. */
#define HELD_MAX 2
/* The share of the worker's buffers that may be held; what comes beyond is copied,
 * so that connections that wait do not take the others' buffers away. */
#define HELD_SHARE 4
/* A receive of so much makes a stream of a connection, and so many that are shorter
 * than they might have been, in a row, end it. */
#define STREAM_BYTES ((size_t)64 << 10)
/* What comes into buffers before its owner can say stop: a head, and enough of a body
 * to see that it is a stream. */
#define RECEIVE_MOST ((uint32_t)80 << 10)
#define STREAM_SHORT_RECEIVES 16
/* So many clients that do not keep up may cost what a multishot receive takes in
 * beyond what is wanted, megabytes each. With more of them backends' connections are
 * read piece by piece, which costs more per request. */
#define CONGESTED_FEW 16
/* Of a TLS stream: one record, so that little is left over when its owner pauses. */
#define STREAM_TLS_PIECE ((size_t)17 << 10)

static void on_receive(struct op *op, int32_t result, uint32_t flags);
static void on_hangup(struct op *op, int32_t result, uint32_t flags);
static void on_readable(struct op *op, int32_t result, uint32_t flags);
static void on_buffers(struct bufring_waiter *waiter);
static void process_held(struct conn *conn);

void conn_input_init(struct conn *conn)
{
    const struct bufring *buffers = &conn->worker->buffers;
    conn->held_first = conn->held_last = HELD_NONE;
    conn->wanted = UINT32_MAX;
    buf_init(&conn->held_bytes, (size_t)buffers->count * buffers->size);
    op_init(&conn->receive, on_receive);
    list_init(&conn->buffer_waiter.link);
    conn->buffer_waiter.resume = on_buffers;
}

static bool holds_input(const struct conn *conn)
{
    return conn->held_first != HELD_NONE || buf_len(&conn->held_bytes) > 0;
}

void conn_release_held(struct conn *conn)
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

/* From a backend, whose client may be slow, no more is to be taken in than can be
 * stopped: nobody knows how much a new one will send, and nobody should have to know
 * where others' clients are slow. */
static uint32_t receive_most(const struct conn *conn)
{
    const struct worker *worker = conn->worker;
    bool is_new = conn->bytes_in == 0 || conn->state == CONN_HANDSHAKING;
    if (!conn->is_client && is_new)
        return CONN_RECEIVE_SMALL;
    if (!conn->is_client && !worker->ring.has_recv_limit && worker->congested >= CONGESTED_FEW)
        return CONN_RECEIVE_SMALL;
    return conn->wanted < RECEIVE_MOST ? conn->wanted : RECEIVE_MOST;
}

void conn_start(struct conn *conn)
{
    struct worker *worker = conn->worker;
    if (conn->fd < 0 || op_pending(&conn->receive) || conn->receive_ended)
        return;
    conn->receive_most = receive_most(conn);
    /* Kernels that can be told a limit see to it. */
    conn->by_piece = !worker->ring.has_recv_limit && conn->receive_most < RECEIVE_MOST;
    op_init(&conn->receive, conn->streaming ? on_readable : on_receive);
    if (conn->streaming)
        ring_poll(&worker->ring, &conn->receive, conn->fd, POLLIN, false);
    else if (conn->by_piece)
        ring_recv_piece(&worker->ring, &conn->receive, conn->fd, worker->buffers.group);
    else
        ring_recv_bundle(&worker->ring, &conn->receive, conn->fd, worker->buffers.group,
                         conn->receive_most);
}

void conn_want(struct conn *conn, size_t bytes)
{
    if (bytes > UINT32_MAX)
        bytes = UINT32_MAX;
    conn->wanted = bytes > CONN_RECEIVE_SMALL ? (uint32_t)bytes : CONN_RECEIVE_SMALL;
}

void conn_want_now(struct conn *conn, size_t bytes)
{
    conn_want(conn, bytes);
    if (!conn->streaming && op_pending(&conn->receive) && conn->receive_most > CONN_RECEIVE_SMALL &&
        conn->wanted <= CONN_RECEIVE_SMALL)
        ring_cancel(&conn->worker->ring, &conn->receive); /* and begun anew */
}

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

static void watch_stream(struct conn *conn, size_t received, size_t asked)
{
    if (received < STREAM_BYTES && received < asked) {
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
    watch_stream(conn, (size_t)result, conn->by_piece ? RING_RECV_PIECE_MAX : SIZE_MAX);
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

/* A connection that is paused reads nothing, and would not see an end. */
static void watch_hangup(struct conn *conn)
{
    static const struct err_text why = {"the peer left before it was read to the end"};
    if (!conn->hangup_watched || conn->state != CONN_OPEN)
        return;
    if (conn->receive_ended) {
        conn->hangup_watched = false;
        conn_fail(conn, ERR_CLOSED, &why);
    } else if (!op_pending(&conn->receive)) {
        op_init(&conn->receive, on_hangup);
        ring_poll(&conn->worker->ring, &conn->receive, conn->fd, POLLRDHUP, false);
    }
}

/* What every completion of a receive comes to. */
static void after_receive(struct conn *conn)
{
    if (conn_finish_if_quiet(conn) || conn->state == CONN_CLOSING)
        return;
    deliver_end(conn);
    rearm(conn);
    release_if_done(conn);
    watch_hangup(conn);
}

static void on_hangup(struct op *op, int32_t result, uint32_t flags)
{
    struct conn *conn = container_of(op, struct conn, receive);
    (void)flags;
    if (result > 0 && conn->hangup_watched)
        conn->receive_ended = true;
    after_receive(conn);
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
static void take_piece(struct conn *conn, struct span bytes, size_t asked)
{
    conn->bytes_in += bytes.len;
    metric_add(&conn->worker->metrics.bytes_in, bytes.len);
    watch_stream(conn, bytes.len, asked);
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
        size_t asked = conn->tls != NULL ? STREAM_TLS_PIECE : WORKER_PIECE_SIZE;
        if (asked > conn->wanted)
            asked = conn->wanted;
        ssize_t length = recv(conn->fd, piece, asked, MSG_DONTWAIT);
        if (length > 0)
            take_piece(conn, span_make(piece, (size_t)length), asked);
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

void conn_watch_hangup(struct conn *conn)
{
    assert(conn->paused);
    conn->hangup_watched = true;
    worker_defer(conn->worker, &conn->task);
}

void conn_unwatch_hangup(struct conn *conn)
{
    conn->hangup_watched = false;
    if (op_pending(&conn->receive) && conn->receive.complete == on_hangup)
        ring_cancel(&conn->worker->ring, &conn->receive);
}

void conn_resume(struct conn *conn)
{
    if (!conn->paused)
        return;
    conn->paused = false;
    conn_unwatch_hangup(conn);
    worker_defer(conn->worker, &conn->task);
}

/* A resume, put off to here. */
void conn_input_task(struct conn *conn)
{
    process_held(conn);
    after_receive(conn);
}

void conn_retake_receive(struct conn *conn)
{
    conn->release_done = NULL;
    conn->paused = true; /* for the resume to do something */
    conn_resume(conn);
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
