/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One direction. `source_ready` and `sink_ready` say what the last splice or
 * poll told; a step moves until one of them is false or its budget is spent,
 * and then the rest is a task for the next turn, so that one fast stream does
 * not starve the others.
 */
#include "core/proxy/pump.h"

#include <poll.h>
#include <stdlib.h>

#define PUMP_BUDGET ((size_t)1 << 20)

struct pump {
    struct worker *worker;
    int from_fd, to_fd;
    const struct pump_events *events;
    void *owner;
    uint64_t left; /* to take from the source; PUMP_ALL: as much as comes */
    struct op readable, writable;
    struct worker_task task;
    struct splice_pipe pipe;
    bool has_pipe;
    bool source_ready, source_ended, sink_ready;
    bool sink_failed;
    bool stopped, ended;
};

static void free_if_quiet(struct pump *pump)
{
    if (pump->stopped && !op_pending(&pump->readable) && !op_pending(&pump->writable))
        free(pump);
}

static void give_pipe_back(struct pump *pump)
{
    if (!pump->has_pipe)
        return;
    pipe_cache_give(&pump->worker->pipes, &pump->pipe);
    pump->has_pipe = false;
}

static void end(struct pump *pump, enum err error)
{
    pump->ended = true;
    pump->events->on_end(pump->owner, error);
}

/* ERR_OK: moved or nothing to do now; else the pump is over. */
static enum err fill(struct pump *pump, size_t *moved)
{
    *moved = 0;
    if (pump->source_ended || !pump->source_ready)
        return ERR_OK;
    if (!pump->has_pipe) {
        TRY(pipe_cache_take(&pump->worker->pipes, &pump->pipe));
        pump->has_pipe = true;
    }
    size_t room = pump->pipe.capacity - pump->pipe.filled;
    if (room > pump->left)
        room = (size_t)pump->left;
    if (room == 0)
        return ERR_OK;
    enum err error = pipe_fill(&pump->pipe, pump->from_fd, room, moved);
    pump->pipe.filled += *moved;
    if (pump->left != PUMP_ALL)
        pump->left -= *moved;
    if (pump->left == 0)
        pump->source_ended = true;
    if (error == ERR_CLOSED) {
        pump->source_ended = true;
        return ERR_OK;
    }
    if (error != ERR_AGAIN)
        return error;
    /* With bytes inside, "again" may also mean that the pipe has no room. */
    if (pump->pipe.filled == 0)
        pump->source_ready = false;
    return ERR_OK;
}

static enum err drain(struct pump *pump, size_t *moved)
{
    *moved = 0;
    if (!pump->has_pipe || pump->pipe.filled == 0 || !pump->sink_ready)
        return ERR_OK;
    enum err error = pipe_drain(&pump->pipe, pump->to_fd, false, moved);
    pump->pipe.filled -= *moved;
    if (error != ERR_AGAIN) {
        pump->sink_failed = error != ERR_OK;
        return error;
    }
    pump->sink_ready = false;
    if (!op_pending(&pump->writable))
        ring_poll(&pump->worker->ring, &pump->writable, pump->to_fd, POLLOUT, false);
    return ERR_OK;
}

static void step(struct pump *pump)
{
    size_t budget = PUMP_BUDGET, filled, drained;
    size_t total = 0;
    enum err error;
    do {
        error = fill(pump, &filled);
        if (error == ERR_OK)
            error = drain(pump, &drained);
        if (error != ERR_OK) {
            end(pump, error);
            return;
        }
        total += drained;
    } while ((filled > 0 || drained > 0) && total < budget);
    if (total > 0) {
        metric_add(&pump->worker->metrics.bytes_spliced, total);
        pump->events->on_progress(pump->owner, total);
    }
    bool empty = !pump->has_pipe || pump->pipe.filled == 0;
    if (empty && pump->source_ended) {
        give_pipe_back(pump);
        end(pump, ERR_OK);
    } else if (total >= budget) {
        worker_defer(pump->worker, &pump->task);
    } else if (empty) {
        give_pipe_back(pump);
    }
}

static void on_readable(struct op *op, int32_t result, uint32_t flags)
{
    struct pump *pump = container_of(op, struct pump, readable);
    (void)flags;
    if (pump->stopped) {
        free_if_quiet(pump);
        return;
    }
    if (pump->ended)
        return;
    if (result < 0 && !op_pending(op)) {
        end(pump, ERR_IO);
        return;
    }
    if (!op_pending(op))
        ring_poll(&pump->worker->ring, op, pump->from_fd, POLLIN | POLLRDHUP, true);
    pump->source_ready = true;
    worker_defer(pump->worker, &pump->task);
}

static void on_writable(struct op *op, int32_t result, uint32_t flags)
{
    struct pump *pump = container_of(op, struct pump, writable);
    (void)flags;
    if (pump->stopped) {
        free_if_quiet(pump);
        return;
    }
    if (pump->ended)
        return;
    if (result < 0) {
        pump->sink_failed = true;
        end(pump, ERR_IO);
        return;
    }
    pump->sink_ready = true;
    worker_defer(pump->worker, &pump->task);
}

static void on_task(struct worker_task *task)
{
    struct pump *pump = container_of(task, struct pump, task);
    if (!pump->stopped && !pump->ended)
        step(pump);
}

bool pump_sink_failed(const struct pump *pump)
{
    return pump->sink_failed;
}

struct pump *pump_start(struct worker *worker, int from_fd, int to_fd, uint64_t limit,
                        const struct pump_events *events, void *owner)
{
    struct pump *pump = calloc(1, sizeof(*pump));
    if (pump == NULL)
        return NULL;
    pump->worker = worker;
    pump->from_fd = from_fd;
    pump->to_fd = to_fd;
    pump->events = events;
    pump->owner = owner;
    pump->left = limit;
    pump->source_ready = pump->sink_ready = true;
    op_init(&pump->readable, on_readable);
    op_init(&pump->writable, on_writable);
    list_init(&pump->task.link);
    pump->task.run = on_task;
    ring_poll(&worker->ring, &pump->readable, from_fd, POLLIN | POLLRDHUP, true);
    worker_defer(worker, &pump->task);
    return pump;
}

void pump_stop(struct pump *pump)
{
    pump->stopped = true;
    worker_task_cancel(&pump->task);
    give_pipe_back(pump);
    if (op_pending(&pump->readable))
        ring_cancel(&pump->worker->ring, &pump->readable);
    if (op_pending(&pump->writable))
        ring_cancel(&pump->worker->ring, &pump->writable);
    free_if_quiet(pump);
}
