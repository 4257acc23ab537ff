/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Grace periods with real threads. Under ThreadSanitizer and AddressSanitizer
 * the storm fails as soon as something is freed that a reader may still see.
 */
#include "unit.h"

#include "core/base/rcu.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>

struct snapshot {
    uint64_t epoch;
    uint64_t doubled; /* always 2 * epoch */
    struct snapshot *self;
};

static struct {
    _Atomic(struct snapshot *) current;
    atomic_bool stop;
    atomic_uint_fast64_t turns;
    atomic_uint_fast64_t wrong;
} storm;

#define READERS 3

static struct snapshot *snapshot_create(uint64_t epoch)
{
    struct snapshot *snapshot = malloc(sizeof(*snapshot));
    if (snapshot == NULL)
        abort();
    *snapshot = (struct snapshot){.epoch = epoch, .doubled = 2 * epoch, .self = snapshot};
    return snapshot;
}

static void *storm_reader(void *argument)
{
    uint64_t number = (uintptr_t)argument, last = 0, turn = 0;
    rcu_reader_register();
    while (!atomic_load_explicit(&storm.stop, memory_order_relaxed)) {
        struct snapshot *snapshot = rcu_load(&storm.current);
        bool good = snapshot->self == snapshot && snapshot->epoch >= last;
        last = snapshot->epoch;
        if (turn % 64 == 0)
            sched_yield(); /* let the writer wait for us */
        good = good && snapshot->doubled == 2 * last;
        atomic_fetch_add_explicit(&storm.wrong, !good, memory_order_relaxed);
        rcu_reader_quiescent();
        if (++turn % (16 + number) == 0) {
            rcu_reader_offline();
            sched_yield();
            rcu_reader_online();
        }
        if (turn % 500 == 0) {
            rcu_reader_unregister();
            rcu_reader_register();
        }
        atomic_fetch_add_explicit(&storm.turns, 1, memory_order_relaxed);
    }
    rcu_reader_unregister();
    return NULL;
}

static void nothing_is_freed_under_a_reader(void **state)
{
    (void)state;
    atomic_store(&storm.current, snapshot_create(1));
    pthread_t readers[READERS];
    for (uintptr_t i = 0; i < READERS; i++)
        assert_ok(pthread_create(&readers[i], NULL, storm_reader, (void *)i));
    uint64_t epoch = 1;
    while (epoch < 1500 || atomic_load(&storm.turns) < 3000) {
        struct snapshot *old = rcu_exchange(&storm.current, snapshot_create(++epoch));
        rcu_wait_for_readers();
        old->doubled = 1; /* any reader that still looks will see it */
        old->self = NULL;
        free(old);
    }
    atomic_store(&storm.stop, true);
    for (int i = 0; i < READERS; i++)
        assert_ok(pthread_join(readers[i], NULL));
    assert_int_equal(atomic_load(&storm.wrong), 0);
    free(atomic_load(&storm.current));
}

static struct {
    sem_t go, done;
    atomic_int reader_left; /* the round in which the reader announced itself */
    int seen;               /* what the waiter found after its grace period */
} handshake;

static void *wait_for_rounds(void *argument)
{
    int rounds = *(int *)argument;
    for (int i = 1; i <= rounds; i++) {
        sem_wait(&handshake.go);
        rcu_wait_for_readers();
        handshake.seen = atomic_load_explicit(&handshake.reader_left, memory_order_relaxed);
        sem_post(&handshake.done);
    }
    return NULL;
}

/* The waiter starts while this thread is a reader; it must not come back before
 * this thread's quiescent state, however that is announced. */
static void the_wait_ends_after_each_reader_was_quiescent(void **state)
{
    (void)state;
    int rounds = 600;
    assert_ok(sem_init(&handshake.go, 0, 0));
    assert_ok(sem_init(&handshake.done, 0, 0));
    pthread_t waiter;
    assert_ok(pthread_create(&waiter, NULL, wait_for_rounds, &rounds));
    rcu_reader_register();
    for (int i = 1; i <= rounds; i++) {
        sem_post(&handshake.go);
        for (int k = 0; k < i % 50; k++)
            sched_yield();
        atomic_store_explicit(&handshake.reader_left, i, memory_order_relaxed);
        if (i % 2)
            rcu_reader_quiescent();
        rcu_reader_offline();
        sem_wait(&handshake.done);
        assert_int_equal(handshake.seen, i);
        rcu_reader_online();
    }
    rcu_reader_unregister();
    assert_ok(pthread_join(waiter, NULL));
    sem_destroy(&handshake.go);
    sem_destroy(&handshake.done);
}

static void without_readers_the_wait_returns(void **state)
{
    (void)state;
    rcu_wait_for_readers();
    rcu_reader_register();
    rcu_reader_offline();
    rcu_wait_for_readers();
    rcu_reader_unregister();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_readers_the_wait_returns),
        cmocka_unit_test(the_wait_ends_after_each_reader_was_quiescent),
        cmocka_unit_test(nothing_is_freed_under_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
