/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function per operation: takes an entry of the submission queue, fills it
 * and ties it to its op. Entries without an op have user_data 0 and ask for no
 * completion; if they fail after all, ring.c drops what comes.
 */
#include "io/ring_private.h"

#include "io/handover.h"
#include "io/uapi.h"

#include <assert.h>
#include <errno.h>

static void tie_nothing(struct io_uring_sqe *entry)
{
    entry->user_data = 0;
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void ring_nop(struct ring *ring, struct op *op)
{
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_nop(entry);
    ring_tie(entry, op);
}

void ring_recv_bundle(struct ring *ring, struct op *op, int fd, uint16_t buffer_group,
                      uint32_t most)
{
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = buffer_group;
    if (ring->has_recv_bundle)
        entry->ioprio |= IORING_RECVSEND_BUNDLE;
    if (ring->has_recv_limit)
        uapi_set_recv_limit(entry, most);
    ring_tie(entry, op);
}

void ring_recv_piece(struct ring *ring, struct op *op, int fd, uint16_t buffer_group)
{
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_recv(entry, fd, NULL, ring->has_recv_bundle ? RING_RECV_PIECE_MAX : 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = buffer_group;
    if (ring->has_recv_bundle)
        entry->ioprio |= IORING_RECVSEND_BUNDLE;
    ring_tie(entry, op);
}

void ring_connect(struct ring *ring, struct op *op, int fd, const struct sockaddr *address,
                  socklen_t len)
{
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_connect(entry, fd, address, len);
    ring_tie(entry, op);
}

void ring_poll(struct ring *ring, struct op *op, int fd, unsigned events, bool multishot)
{
    struct io_uring_sqe *entry = ring_sqe(ring);
    if (multishot)
        io_uring_prep_poll_multishot(entry, fd, events);
    else
        io_uring_prep_poll_add(entry, fd, events);
    ring_tie(entry, op);
}

/* IORING_OP_SHUTDOWN always runs on a kernel worker thread, though shutting a
 * socket down does not block. So the system call is made here, once what was
 * started before is on its way, and the result comes as a message to itself. */
void ring_shutdown(struct ring *ring, struct op *op, int fd, int how)
{
    if (io_uring_sq_ready(&ring->uring) > 0)
        ring_submit(ring);
    int result = shutdown(fd, how) == 0 ? 0 : -errno;
    if (op == NULL)
        return;
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_msg_ring(entry, ring->fd, (unsigned)result, (uint64_t)(uintptr_t)op, 0);
    ring_tie(entry, op);
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void ring_close(struct ring *ring, int fd)
{
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_close(entry, fd);
    tie_nothing(entry);
}

void ring_cancel(struct ring *ring, struct op *target)
{
    if (!op_pending(target))
        return;
    target->send.cancelled = true;
    struct io_uring_sqe *entry = ring_sqe(ring);
    int flags = target->pending > 1 ? IORING_ASYNC_CANCEL_ALL : 0;
    io_uring_prep_cancel64(entry, (uint64_t)(uintptr_t)target, flags);
    tie_nothing(entry);
}

void ring_message(struct ring *ring, int target_fd, struct op *op, int32_t result)
{
    uint64_t data = (uint64_t)(uintptr_t)op | RING_MESSAGE_TAG;
    struct io_uring_sqe *entry = ring_sqe(ring);
    io_uring_prep_msg_ring(entry, target_fd, (unsigned)result, data, 0);
    entry->user_data = data;
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    handover_release(op);
}
