/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel takes buffers in the order in which they stand in the entries, so
 * a bundle is found again by the position of its first buffer. Positions of
 * buffers that are out are not written over: between the first of them and the
 * tail there are never more than `count`.
 *
 * Waiters are woken from the loop, by a NOP: BUFRING_WAKE_BATCH per turn while
 * there is room, so that thousands of them do not all find the ring empty again.
 */
#include "io/bufring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BUFRING_HUGE_PAGE ((size_t)2 << 20)
#define BUFRING_WAKE_BATCH 64
/* Of the smallest window: a usual second-level cache. */
#define BUFRING_WINDOW_BYTES ((uint32_t)1 << 20)
#define BUFRING_WINDOW_LENDS 16384 /* after so many the window is halved */

static void on_wake(struct op *op, int32_t result, uint32_t flags);

/* ---- memory ---- */

static size_t entries_bytes(const struct bufring *bufring)
{
    return bufring->count * sizeof(struct io_uring_buf);
}

static size_t memory_bytes(const struct bufring *bufring)
{
    return (size_t)bufring->count * bufring->size;
}

static void *map_pages(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Starts on a huge page's boundary when it is large enough to have any. */
static char *map_buffers(size_t bytes)
{
    if (bytes < BUFRING_HUGE_PAGE)
        return map_pages(bytes);
    char *reserved = map_pages(bytes + BUFRING_HUGE_PAGE);
    if (reserved == NULL)
        return NULL;
    size_t before = -(uintptr_t)reserved & (BUFRING_HUGE_PAGE - 1);
    size_t page = 4096;
    size_t used = (before + bytes + page - 1) & ~(page - 1);
    if (before > 0)
        munmap(reserved, before);
    if (used < bytes + BUFRING_HUGE_PAGE)
        munmap(reserved + used, bytes + BUFRING_HUGE_PAGE - used);
    (void)madvise(reserved + before, bytes, MADV_HUGEPAGE);
    return reserved + before;
}

static void free_memory(struct bufring *bufring)
{
    if (bufring->entries != NULL)
        munmap(bufring->entries, entries_bytes(bufring));
    if (bufring->memory != NULL)
        munmap(bufring->memory, memory_bytes(bufring));
    free(bufring->positions);
    free(bufring->spare);
}

static bool get_memory(struct bufring *bufring)
{
    bufring->entries = map_pages(entries_bytes(bufring));
    bufring->memory = map_buffers(memory_bytes(bufring));
    bufring->positions = calloc(bufring->count, sizeof(*bufring->positions));
    bufring->spare = calloc(bufring->count, sizeof(*bufring->spare));
    return bufring->entries != NULL && bufring->memory != NULL && bufring->positions != NULL &&
           bufring->spare != NULL;
}

static char *buffer_at(const struct bufring *bufring, uint16_t id)
{
    return bufring->memory + (size_t)id * bufring->size;
}

static void add_buffer(struct bufring *bufring, uint16_t id)
{
    bufring->positions[id] = bufring->entries->tail;
    io_uring_buf_ring_add(bufring->entries, buffer_at(bufring, id), bufring->size, id,
                          (int)bufring->count - 1, 0);
    io_uring_buf_ring_advance(bufring->entries, 1);
}

/* ---- the window ---- */

static uint32_t smallest_window(const struct bufring *bufring)
{
    uint32_t window = BUFRING_WINDOW_BYTES / bufring->size;
    if (window > bufring->count)
        return bufring->count;
    return window > 1 ? window : 1;
}

static void offer(struct bufring *bufring, uint16_t id)
{
    if (bufring->offered >= bufring->window) {
        bufring->spare[bufring->spare_count++] = id;
        return;
    }
    add_buffer(bufring, id);
    bufring->offered++;
}

static void fill_window(struct bufring *bufring)
{
    while (bufring->offered < bufring->window && bufring->spare_count > 0)
        offer(bufring, bufring->spare[--bufring->spare_count]);
}

static bool carries_little(const struct bufring *bufring)
{
    return bufring->bytes <= (uint64_t)bufring->lends * bufring->size / 4;
}

static void widen_window(struct bufring *bufring)
{
    bufring->window = bufring->window > bufring->count / 2 ? bufring->count : bufring->window * 2;
    fill_window(bufring);
}

static void watch_window(struct bufring *bufring, uint32_t len)
{
    bufring->bytes += len;
    if (bufring->offered < bufring->window / 2)
        fill_window(bufring);
    if (++bufring->lends < BUFRING_WINDOW_LENDS)
        return;
    bufring->lends = 0;
    bufring->bytes = 0;
    if (bufring->window / 2 >= smallest_window(bufring))
        bufring->window /= 2;
}

/* ---- life ---- */

static int register_entries(struct bufring *bufring)
{
    struct io_uring_buf_reg registration;
    memset(&registration, 0, sizeof(registration));
    registration.ring_addr = (uint64_t)(uintptr_t)bufring->entries;
    registration.ring_entries = bufring->count;
    registration.bgid = bufring->group;
    return io_uring_register_buf_ring(&bufring->ring->uring, &registration, 0);
}

enum err bufring_init(struct bufring *bufring, struct ring *ring, uint16_t group, uint32_t size,
                      uint32_t count, struct err_text *why)
{
    assert(count > 0 && count <= BUFRING_COUNT_MAX && (count & (count - 1)) == 0 && size > 0);
    struct bufring made = {.ring = ring, .size = size, .count = count, .group = group};
    if (!get_memory(&made)) {
        free_memory(&made);
        return err_set(why, ERR_NOMEM, "no memory for %u receive buffers of %u bytes", count, size);
    }
    int result = register_entries(&made);
    if (result < 0) {
        free_memory(&made);
        return err_set(why, result == -ENOMEM ? ERR_NOMEM : ERR_UNSUPPORTED,
                       "the kernel does not take a ring of %u receive buffers: %s", count,
                       strerror(-result));
    }
    *bufring = made;
    list_init(&bufring->waiters);
    op_init(&bufring->wake, on_wake);
    bufring->window = smallest_window(bufring);
    for (uint32_t id = count; id-- > 0;)
        bufring->spare[bufring->spare_count++] = (uint16_t)id;
    fill_window(bufring);
    return ERR_OK;
}

void bufring_finish(struct bufring *bufring)
{
    list_for_each(node, &bufring->waiters)
        list_remove(node);
    (void)io_uring_unregister_buf_ring(&bufring->ring->uring, bufring->group);
    free_memory(bufring);
}

/* ---- waiters ---- */

static bool has_enough(const struct bufring *bufring)
{
    return bufring->count - bufring->lent >= (bufring->count + 7) / 8;
}

static void wake_waiters(struct bufring *bufring)
{
    bool wanted = !list_empty(&bufring->waiters) && has_enough(bufring);
    if (wanted && !op_pending(&bufring->wake))
        ring_nop(bufring->ring, &bufring->wake);
}

static void on_wake(struct op *op, int32_t result, uint32_t flags)
{
    struct bufring *bufring = container_of(op, struct bufring, wake);
    (void)result;
    (void)flags;
    for (int i = 0; i < BUFRING_WAKE_BATCH && has_enough(bufring); i++) {
        struct list *node = list_pop_front(&bufring->waiters);
        if (node == NULL)
            return;
        struct bufring_waiter *waiter = container_of(node, struct bufring_waiter, link);
        waiter->resume(waiter);
    }
    wake_waiters(bufring);
}

void bufring_wait(struct bufring *bufring, struct bufring_waiter *waiter)
{
    if (list_empty(&waiter->link))
        list_push_back(&bufring->waiters, &waiter->link);
    if (bufring->spare_count > 0 && carries_little(bufring))
        widen_window(bufring);
    fill_window(bufring);
    wake_waiters(bufring);
}

/* ---- buffers ---- */

static struct span lend(struct bufring *bufring, uint16_t id, uint32_t len)
{
    assert(id < bufring->count && len <= bufring->size && bufring->offered > 0);
    bufring->lent++;
    bufring->offered--;
    watch_window(bufring, len);
    return span_make(buffer_at(bufring, id), len);
}

struct bufring_bundle bufring_take_bundle(struct bufring *bufring, int32_t result, uint32_t flags)
{
    assert(result > 0 && (flags & IORING_CQE_F_BUFFER));
    uint16_t first = (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT);
    assert(first < bufring->count);
    return (struct bufring_bundle){bufring, (uint32_t)result, bufring->positions[first]};
}

bool bufring_bundle_next(struct bufring_bundle *bundle, struct span *bytes, uint16_t *id)
{
    struct bufring *bufring = bundle->bufring;
    if (bundle->left == 0)
        return false;
    uint32_t len = bundle->left < bufring->size ? bundle->left : bufring->size;
    *id = bufring->entries->bufs[bundle->position & (bufring->count - 1)].bid;
    *bytes = lend(bufring, *id, len);
    bundle->left -= len;
    bundle->position++;
    return true;
}

void bufring_return(struct bufring *bufring, uint16_t id)
{
    assert(bufring->lent > 0 && id < bufring->count);
    bufring->lent--;
    offer(bufring, id);
    wake_waiters(bufring);
}
