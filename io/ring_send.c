/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A send of everything goes out in parts: each one that the kernel took is
 * followed by a send of the rest, which waits for room first. MSG_WAITALL would
 * do the same inside the kernel, but after 128 waits it moves the send to a
 * kernel worker thread, which then blocks for as long as the peer is slow and
 * cannot be cancelled.
 *
 * A cancellation may pass between two parts, so the op remembers it.
 */
#include "io/ring_private.h"

#include <assert.h>
#include <errno.h>
#include <sys/uio.h>

static void start_part(struct ring *ring, struct op *op, bool wait_first)
{
    const struct op_send *send = &op->send;
    int flags = MSG_NOSIGNAL | (send->more ? MSG_MORE : 0);
    struct io_uring_sqe *entry = ring_sqe(ring);
    if (send->is_message)
        io_uring_prep_sendmsg(entry, send->fd, send->source, (unsigned)flags);
    else
        io_uring_prep_send(entry, send->fd, (const char *)send->source + send->done, send->left,
                           flags);
    if (wait_first)
        entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    ring_tie(entry, op);
}

static void start_all(struct ring *ring, struct op *op, struct op_send send)
{
    assert(!op_pending(op));
    op->send = send;
    start_part(ring, op, false);
}

static size_t message_length(const struct msghdr *message)
{
    size_t len = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        len += message->msg_iov[i].iov_len;
    return len;
}

/* Empties what is out; the kernel passes over empty iovecs. */
static void use_up(const struct msghdr *message, size_t out)
{
    for (size_t i = 0; out > 0; i++) {
        assert(i < message->msg_iovlen);
        struct iovec *piece = &message->msg_iov[i];
        size_t part = out < piece->iov_len ? out : piece->iov_len;
        piece->iov_base = (char *)piece->iov_base + part;
        piece->iov_len -= part;
        out -= part;
    }
}

bool ring_send_goes_on(struct ring *ring, struct op *op, int32_t *result)
{
    struct op_send *send = &op->send;
    if (*result > 0) {
        assert((uint32_t)*result <= send->left);
        if (send->is_message)
            use_up(send->source, (size_t)*result);
        send->left -= (uint32_t)*result;
        send->done += (uint32_t)*result;
        if (send->left > 0 && !send->cancelled) {
            start_part(ring, op, true);
            return true;
        }
        *result = send->left > 0 ? -ECANCELED : (int32_t)send->done;
    } else if (*result == -EINTR && !send->cancelled) {
        start_part(ring, op, true);
        return true;
    } else if (*result == 0) {
        *result = -EIO;
    }
    send->left = 0;
    return false;
}

void ring_send(struct ring *ring, struct op *op, int fd, const void *data, size_t len, bool all)
{
    assert(len <= RING_SEND_MAX);
    if (all && len > 0) {
        start_all(ring, op, (struct op_send){.source = data, .left = (uint32_t)len, .fd = fd});
        return;
    }
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_send(entry, fd, data, len, MSG_NOSIGNAL);
    ring_tie(entry, op);
}

void ring_send_more(struct ring *ring, struct op *op, int fd, const void *data, size_t len)
{
    assert(len > 0 && len <= RING_SEND_MAX);
    start_all(ring, op,
              (struct op_send){.source = data, .left = (uint32_t)len, .fd = fd, .more = true});
}

void ring_sendmsg(struct ring *ring, struct op *op, int fd, const struct msghdr *message, bool all)
{
    size_t len = message_length(message);
    assert(len <= RING_SEND_MAX);
    if (all && len > 0) {
        start_all(ring, op,
                  (struct op_send){
                      .source = message, .left = (uint32_t)len, .fd = fd, .is_message = true});
        return;
    }
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_sendmsg(entry, fd, message, MSG_NOSIGNAL);
    ring_tie(entry, op);
}
