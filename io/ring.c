/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A turn is one io_uring_enter: with GETEVENTS alone when nothing may be waited
 * for, else with a wait for one completion and a time-out. Each completion is
 * copied and its slot given back before its callback runs, so a callback may do
 * what it likes with the queues. Entries that did not fit the completion queue
 * are in the kernel, which hands them out at the next enter.
 */
#include "io/ring_private.h"

#include "core/base/log.h"
#include "io/handover.h"
#include "io/uapi.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define RING_CQ_FACTOR 4

static const unsigned ring_setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                         IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                                         IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                                         IORING_SETUP_R_DISABLED;

/* ---- life ---- */

/* Kernels that do not know the limit say so before they look at the descriptor. A ring
 * of its own, as to a ring in use messages may come meanwhile. */
static bool kernel_knows_recv_limit(void)
{
    struct io_uring asked;
    struct io_uring_cqe *answer;
    if (io_uring_queue_init(1, &asked, 0) < 0)
        return false;
    struct io_uring_sqe *entry = io_uring_get_sqe(&asked);
    io_uring_prep_recv_multishot(entry, -1, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    uapi_set_recv_limit(entry, 1);
    bool known = io_uring_submit_and_wait(&asked, 1) == 1 &&
                 io_uring_peek_cqe(&asked, &answer) == 0 && answer->res == -EBADF;
    io_uring_queue_exit(&asked);
    return known;
}

enum err ring_create(struct ring *ring, unsigned entries, struct err_text *why)
{
    assert(entries > 0);
    struct ring made;
    memset(&made, 0, sizeof(made));
    struct io_uring_params params;
    memset(&params, 0, sizeof(params));
    params.flags = ring_setup_flags;
    params.cq_entries = entries * RING_CQ_FACTOR;
    int result = io_uring_queue_init_params(entries, &made.uring, &params);
    if (result < 0)
        return ring_explain(-result, "io_uring_setup", why);
    made.fd = made.uring.ring_fd;
    made.features = params.features;
    made.has_recv_bundle = (params.features & IORING_FEAT_RECVSEND_BUNDLE) != 0;
    made.has_recv_limit = kernel_knows_recv_limit();
    *ring = made;
    return ERR_OK;
}

enum err ring_enable(struct ring *ring, struct err_text *why)
{
    /* liburing 2.3 declares io_uring_enable_rings but does not export it. */
    int result = io_uring_register((unsigned)ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (result < 0)
        return ring_explain(-result, "io_uring_register", why);
    /* Saves the descriptor's look-up at every enter; works without it too. */
    (void)io_uring_register_ring_fd(&ring->uring);
    return ERR_OK;
}

enum err ring_init(struct ring *ring, unsigned entries, struct err_text *why)
{
    struct ring made;
    TRY(ring_create(&made, entries, why));
    enum err error = ring_enable(&made, why);
    if (error != ERR_OK) {
        ring_finish(&made);
        return error;
    }
    *ring = made;
    return ERR_OK;
}

void ring_finish(struct ring *ring)
{
    io_uring_queue_exit(&ring->uring);
    ring->fd = -1;
}

int ring_fd(const struct ring *ring)
{
    return ring->fd;
}

/* ---- the turn ---- */

static int wait_for_completions(struct ring *ring, int64_t timeout_ms, const struct ring_wait *wait)
{
    struct io_uring_cqe *first;
    struct __kernel_timespec timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = timeout_ms % 1000 * 1000 * 1000,
    };
    if (wait != NULL && wait->before != NULL)
        wait->before(wait->argument);
    int result = io_uring_submit_and_wait_timeout(&ring->uring, &first, 1,
                                                  timeout_ms < 0 ? NULL : &timeout, NULL);
    if (wait != NULL && wait->after != NULL)
        wait->after(wait->argument);
    return result;
}

static void complete(struct ring *ring, uint64_t data, int32_t result, uint32_t flags)
{
    if (data == 0)
        return; /* a close or a cancellation that failed: it was too late */
    struct op *op = (struct op *)(uintptr_t)(data & ~RING_MESSAGE_TAG);
    if (data & RING_MESSAGE_TAG) {
        handover_acquire(op);
    } else if (!(flags & IORING_CQE_F_MORE)) {
        assert(op->pending > 0);
        op->pending--;
        if (op->send.left > 0 && ring_send_goes_on(ring, op, &result))
            return;
    }
    op->complete(op, result, flags);
}

static void dispatch(struct ring *ring)
{
    unsigned count = io_uring_cq_ready(&ring->uring);
    for (unsigned i = 0; i < count; i++) {
        struct io_uring_cqe *entry;
        if (io_uring_peek_cqe(&ring->uring, &entry) != 0)
            return;
        uint64_t data = entry->user_data;
        int32_t result = entry->res;
        uint32_t flags = entry->flags;
        io_uring_cqe_seen(&ring->uring, entry);
        complete(ring, data, result, flags);
    }
}

enum err ring_turn(struct ring *ring, int64_t timeout_ms, const struct ring_wait *wait)
{
    int result;
    if (timeout_ms == 0 || io_uring_cq_ready(&ring->uring) > 0)
        result = io_uring_submit_and_get_events(&ring->uring);
    else
        result = wait_for_completions(ring, timeout_ms, wait);
    dispatch(ring);
    if (result == -EBADR) {
        log_error("the kernel lost completions for want of memory; some connections may hang");
        return ERR_OK;
    }
    return result >= 0 || ring_error_passes(result) ? ERR_OK : err_from_errno(-result);
}
