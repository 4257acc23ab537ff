/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls into liburcu's QSBR flavour and nothing else. ThreadSanitizer does not
 * see into liburcu; for it, each quiescent state releases one variable and
 * the end of a grace period acquires it, which is the order that liburcu gives:
 * what a reader did before its quiescent state happens before the wait returns.
 */
#include "core/base/rcu.h"

#include <urcu-qsbr.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RCU_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define RCU_TSAN 1
#endif

#ifdef RCU_TSAN
#include <sanitizer/tsan_interface.h>
static char rcu_order;
#define RCU_RELEASE() __tsan_release(&rcu_order)
#define RCU_ACQUIRE() __tsan_acquire(&rcu_order)
#else
#define RCU_RELEASE() ((void)0)
#define RCU_ACQUIRE() ((void)0)
#endif

void rcu_reader_register(void)
{
    rcu_register_thread();
}

void rcu_reader_unregister(void)
{
    RCU_RELEASE();
    rcu_unregister_thread();
}

void rcu_reader_quiescent(void)
{
    RCU_RELEASE();
    rcu_quiescent_state();
}

void rcu_reader_offline(void)
{
    RCU_RELEASE();
    rcu_thread_offline();
}

void rcu_reader_online(void)
{
    rcu_thread_online();
}

void rcu_wait_for_readers(void)
{
    synchronize_rcu();
    RCU_ACQUIRE();
}
