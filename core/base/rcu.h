/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Read-copy-update, the only file that names liburcu (QSBR flavour).
 *
 * Workers are readers: between two quiescent states everything loaded with
 * rcu_load stays valid. A worker announces one quiescent state per loop turn
 * and is offline while it waits in the kernel. The control thread is the only
 * writer: it exchanges a pointer, waits for a grace period with
 * rcu_wait_for_readers, and frees what it took out. The control thread is not
 * registered as a reader.
 */
#ifndef WEIR_CORE_BASE_RCU_H
#define WEIR_CORE_BASE_RCU_H

#include <stdatomic.h>

/* Reader side, each on its own thread. A thread is online after register. */
void rcu_reader_register(void);
void rcu_reader_unregister(void);
void rcu_reader_quiescent(void);
void rcu_reader_offline(void);
void rcu_reader_online(void);

/* Consume order is promoted to acquire; costs nothing on x86. */
#define rcu_load(pointer) atomic_load_explicit((pointer), memory_order_acquire)
/* Writer side: publishes `value`, whose contents are complete, and returns the
 * old one. */
#define rcu_exchange(pointer, value) \
    atomic_exchange_explicit((pointer), (value), memory_order_acq_rel)

/* Returns when every reader has passed a quiescent state. Not from a reader. */
void rcu_wait_for_readers(void);

#endif
