/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The producer publishes bytes by moving head with release, the consumer gives
 * the room back by moving tail with release; each reads the other's with
 * acquire. The producer looks at tail only when its last look leaves no room.
 */
#include "core/admin/access_ring.h"

#include <assert.h>
#include <stdlib.h>

enum err access_ring_init(struct access_ring *ring, size_t size)
{
    assert((size & (size - 1)) == 0);
    *ring = (struct access_ring){.size = size};
    ring->data = malloc(size);
    return ring->data != NULL ? ERR_OK : ERR_NOMEM;
}

void access_ring_finish(struct access_ring *ring)
{
    free(ring->data);
    ring->data = NULL;
}

bool access_ring_put(struct access_ring *ring, struct span bytes, size_t *filled)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head + bytes.len - ring->known_tail > ring->size)
        ring->known_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head + bytes.len - ring->known_tail > ring->size)
        return false;
    size_t at = head & (ring->size - 1), first = ring->size - at;
    if (first > bytes.len)
        first = bytes.len;
    memcpy(ring->data + at, bytes.ptr, first);
    memcpy(ring->data, bytes.ptr + first, bytes.len - first);
    atomic_store_explicit(&ring->head, head + bytes.len, memory_order_release);
    *filled = head + bytes.len - ring->known_tail;
    return true;
}

size_t access_ring_peek(const struct access_ring *ring, struct span pieces[2])
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t at = tail & (ring->size - 1), len = head - tail, first = ring->size - at;
    if (first > len)
        first = len;
    pieces[0] = span_make(ring->data + at, first);
    pieces[1] = span_make(ring->data, len - first);
    return len;
}

void access_ring_drop(struct access_ring *ring, size_t n)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
}
