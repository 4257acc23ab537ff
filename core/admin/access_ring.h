/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounded queue of bytes between one producing and one consuming thread,
 * without locks. What is put in is either taken whole or refused.
 */
#ifndef WEIR_CORE_ADMIN_ACCESS_RING_H
#define WEIR_CORE_ADMIN_ACCESS_RING_H

#include "core/base/err.h"
#include "core/base/span.h"

#include <stdatomic.h>

struct access_ring {
    char *data;
    size_t size; /* a power of two */
    /* Counted up without end; on cache lines of their own. */
    _Alignas(64) _Atomic size_t head; /* written by the producer */
    size_t known_tail;                /* the producer's last look at tail */
    _Alignas(64) _Atomic size_t tail; /* written by the consumer */
};

MUST_USE enum err access_ring_init(struct access_ring *ring, size_t size);
void access_ring_finish(struct access_ring *ring);
/* Producer. False: no room, nothing was put in. *filled: bytes that wait now. */
bool access_ring_put(struct access_ring *ring, struct span bytes, size_t *filled);
/* Consumer: what waits, in at most two pieces, valid until it is dropped. */
size_t access_ring_peek(const struct access_ring *ring, struct span pieces[2]);
void access_ring_drop(struct access_ring *ring, size_t n);

#endif
