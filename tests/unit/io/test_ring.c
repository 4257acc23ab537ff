/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ring itself: turns, waits, the order and number of completions, full
 * queues, cancellation, messages, and rings that change hands.
 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int setup(void **state)
{
    *state = harness_ring(64);
    return 0;
}

static int teardown(void **state)
{
    harness_ring_free(*state);
    return 0;
}

/* ---- turns ---- */

static void nop_completes_in_the_next_turn(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    probe_init(&probe);
    ring_nop(ring, &probe.op);
    assert_true(op_pending(&probe.op));
    assert_int_equal(probe.calls, 0);
    assert_ok(ring_turn(ring, 0, NULL));
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, 0);
    assert_false(op_pending(&probe.op));
}

static void turn_without_work_returns_at_its_deadline(void **state)
{
    struct ring *ring = *state;
    int64_t before = harness_now_ms();
    assert_ok(ring_turn(ring, 30, NULL));
    int64_t after = harness_now_ms();
    assert_true(after - before >= 29);
    assert_ok(ring_turn(ring, 0, NULL));
    assert_true(harness_now_ms() - after < HARNESS_DEADLINE_MS);
}

static void turn_for_ever_ends_with_the_first_completion(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int ends[2];
    probe_init(&probe);
    harness_unix_pair(ends);
    ring_poll(ring, &probe.op, ends[0], POLLIN, false);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_ok(ring_turn(ring, -1, NULL));
    assert_int_equal(probe.calls, 1);
    assert_true(probe.result & POLLIN);
    close(ends[0]);
    close(ends[1]);
}

static void on_alarm(int number)
{
    (void)number;
}

static void signal_ends_the_wait_without_error(void **state)
{
    struct ring *ring = *state;
    struct sigaction action = {.sa_handler = on_alarm}, old;
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_ok(ring_turn(ring, -1, NULL));
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
}

static void count_call(void *argument)
{
    ++*(int *)argument;
}

static void before_and_after_surround_only_a_wait(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int calls = 0;
    struct ring_wait wait = {count_call, count_call, &calls};
    struct ring_wait none = {NULL, NULL, NULL};
    probe_init(&probe);
    assert_ok(ring_turn(ring, 0, &wait));
    assert_int_equal(calls, 0);
    ring_nop(ring, &probe.op);
    assert_ok(ring_turn(ring, 1000, &wait));
    assert_int_equal(calls, 2);
    assert_int_equal(probe.calls, 1);
    assert_ok(ring_turn(ring, 1, &none));
}

/* ---- callbacks ---- */

struct restarter {
    struct op op;
    struct ring *ring;
    int calls;
};

static void on_restart(struct op *op, int32_t result, uint32_t flags)
{
    struct restarter *restarter = container_of(op, struct restarter, op);
    assert_int_equal(result, 0);
    (void)flags;
    restarter->calls++;
    ring_nop(restarter->ring, op);
    ring_submit(restarter->ring); /* as when the submission queue is full */
}

static void what_a_callback_starts_waits_for_the_next_turn(void **state)
{
    struct ring *ring = *state;
    struct restarter restarter = {.ring = ring};
    op_init(&restarter.op, on_restart);
    ring_nop(ring, &restarter.op);
    for (int turn = 1; turn <= 10; turn++) {
        assert_ok(ring_turn(ring, 0, NULL));
        assert_int_equal(restarter.calls, turn);
    }
}

struct doomed {
    struct op op;
    int *left;
};

static void on_doomed(struct op *op, int32_t result, uint32_t flags)
{
    struct doomed *doomed = container_of(op, struct doomed, op);
    assert_int_equal(result, 0);
    (void)flags;
    --*doomed->left;
    free(doomed);
}

static void callbacks_may_free_what_they_complete(void **state)
{
    struct ring *ring = *state;
    int left = 1000;
    for (int i = 0; i < 1000; i++) {
        struct doomed *doomed = malloc(sizeof(*doomed));
        doomed->left = &left;
        op_init(&doomed->op, on_doomed);
        ring_nop(ring, &doomed->op);
    }
    turn_until(ring, left == 0);
}

/* ---- full queues ---- */

#define MANY 10000

struct numbered {
    struct op op;
    int *next;
    int number;
    bool in_order;
};

static void on_numbered(struct op *op, int32_t result, uint32_t flags)
{
    struct numbered *numbered = container_of(op, struct numbered, op);
    assert_int_equal(result, 0);
    (void)flags;
    numbered->in_order = numbered->number == *numbered->next;
    ++*numbered->next;
}

static void ten_thousand_operations_fit_a_ring_of_eight(void **state)
{
    struct ring *ring = harness_ring(8);
    struct numbered *many = calloc(MANY, sizeof(*many));
    int next = 0;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        many[i] = (struct numbered){.next = &next, .number = i};
        op_init(&many[i].op, on_numbered);
        ring_nop(ring, &many[i].op);
    }
    turn_until(ring, next == MANY);
    for (int i = 0; i < MANY; i++) {
        assert_true(many[i].in_order);
        assert_false(op_pending(&many[i].op));
    }
    assert_ok(ring_turn(ring, 0, NULL));
    assert_int_equal(next, MANY);
    free(many);
    harness_ring_free(ring);
}

/* ---- cancellation ---- */

static void cancelled_operation_completes_once(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int ends[2];
    probe_init(&probe);
    harness_unix_pair(ends);
    ring_poll(ring, &probe.op, ends[0], POLLIN, false);
    assert_ok(ring_turn(ring, 0, NULL));
    assert_int_equal(probe.calls, 0);
    ring_cancel(ring, &probe.op);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, -ECANCELED);
    assert_ok(ring_turn(ring, 0, NULL));
    assert_int_equal(probe.calls, 1);
    close(ends[0]);
    close(ends[1]);
}

static void cancel_in_the_same_turn_as_its_start(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int ends[2];
    char byte;
    probe_init(&probe);
    harness_unix_pair(ends);
    harness_recv(ring, &probe.op, ends[0], &byte, 1);
    ring_cancel(ring, &probe.op);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.result, -ECANCELED);
    close(ends[0]);
    close(ends[1]);
}

/* A cancellation on its way must not hit what is started after it. */
static void cancel_spares_what_is_started_later(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int ends[2];
    char byte;
    probe_init(&probe);
    harness_unix_pair(ends);
    ring_nop(ring, &probe.op);
    ring_submit(ring);
    ring_cancel(ring, &probe.op);
    probe.op.pending = 0; /* as if it had completed and its memory served anew */
    harness_recv(ring, &probe.op, ends[0], &byte, 1);
    probe.op.pending++;
    assert_ok(ring_turn(ring, 0, NULL));
    assert_ok(ring_turn(ring, 0, NULL));
    assert_int_equal(probe.calls, 1);
    assert_true(op_pending(&probe.op));
    assert_int_equal(write(ends[1], "x", 1), 1);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.result, 1);
    close(ends[0]);
    close(ends[1]);
}

static void cancel_ends_every_operation_of_one_op(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int ends[2];
    probe_init(&probe);
    harness_unix_pair(ends);
    ring_poll(ring, &probe.op, ends[0], POLLIN, false);
    ring_poll(ring, &probe.op, ends[1], POLLIN, false);
    assert_int_equal(probe.op.pending, 2);
    assert_ok(ring_turn(ring, 0, NULL));
    ring_cancel(ring, &probe.op);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 2);
    assert_int_equal(probe.result, -ECANCELED);
    close(ends[0]);
    close(ends[1]);
}

static void cancel_of_what_does_not_run_does_nothing(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    probe_init(&probe);
    ring_cancel(ring, &probe.op);
    assert_ok(ring_turn(ring, 0, NULL));
    assert_int_equal(probe.calls, 0);
}

/* ---- messages ---- */

static void message_completes_on_the_other_ring(void **state)
{
    struct ring *ring = *state;
    struct ring *other = harness_ring(8);
    struct probe probe;
    probe_init(&probe);
    ring_message(ring, ring_fd(other), &probe.op, -7);
    assert_ok(ring_turn(ring, 0, NULL));
    assert_int_equal(probe.calls, 0);
    turn_until(other, probe.calls > 0);
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, -7);
    assert_false(op_pending(&probe.op));
    harness_ring_free(other);
}

static void message_to_itself_arrives(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    probe_init(&probe);
    ring_message(ring, ring_fd(ring), &probe.op, 5);
    turn_until(ring, probe.calls > 0);
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, 5);
}

static void message_to_no_ring_fails_at_its_sender(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int ends[2];
    probe_init(&probe);
    harness_unix_pair(ends);
    close(ends[1]);
    ring_message(ring, ends[1], &probe.op, 1);
    turn_until(ring, probe.calls > 0);
    assert_int_equal(probe.result, -EBADF);
    ring_message(ring, ends[0], &probe.op, 1);
    turn_until(ring, probe.calls > 1);
    assert_int_equal(probe.result, -EBADFD);
    close(ends[0]);
}

static void messages_overflow_into_the_kernel_and_all_arrive(void **state)
{
    struct ring *ring = *state;
    struct ring *other = harness_ring(4);
    struct probe probe;
    probe_init(&probe);
    for (int i = 0; i < 1000; i++)
        ring_message(ring, ring_fd(other), &probe.op, 1);
    assert_ok(ring_turn(ring, 0, NULL));
    turn_until(other, probe.calls == 1000);
    assert_int_equal(probe.total, 1000);
    assert_ok(ring_turn(other, 0, NULL));
    assert_int_equal(probe.calls, 1000);
    harness_ring_free(other);
}

/* ---- changing hands ---- */

struct hands {
    struct ring ring;
    enum err enabled;
    int calls;
};

static void *enable_and_use(void *argument)
{
    struct hands *hands = argument;
    struct probe probe;
    probe_init(&probe);
    hands->enabled = ring_enable(&hands->ring, NULL);
    ring_nop(&hands->ring, &probe.op);
    if (ring_turn(&hands->ring, HARNESS_DEADLINE_MS, NULL) == ERR_OK)
        hands->calls = probe.calls;
    return NULL;
}

static void ring_made_here_is_used_by_another_thread(void **state)
{
    struct hands hands = {.calls = 0};
    pthread_t thread;
    (void)state;
    assert_ok(ring_create(&hands.ring, 8, NULL));
    assert_int_equal(pthread_create(&thread, NULL, enable_and_use, &hands), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(hands.enabled);
    assert_int_equal(hands.calls, 1);
    ring_finish(&hands.ring);
}

static void message_before_enable_is_refused(void **state)
{
    struct ring *ring = *state;
    struct ring other;
    struct probe probe;
    probe_init(&probe);
    assert_ok(ring_create(&other, 8, NULL));
    ring_message(ring, ring_fd(&other), &probe.op, 1);
    turn_until(ring, probe.calls > 0);
    assert_int_equal(probe.result, -EBADFD);
    assert_ok(ring_enable(&other, NULL));
    ring_message(ring, ring_fd(&other), &probe.op, 1);
    assert_ok(ring_turn(ring, 0, NULL));
    turn_until(&other, probe.calls > 1);
    assert_int_equal(probe.result, 1);
    ring_finish(&other);
}

static void rings_come_and_go_without_leaving_descriptors(void **state)
{
    struct ring *ring = *state;
    int first = ring_fd(ring), spare = dup(first);
    for (int i = 0; i < 200; i++) {
        struct ring *one = harness_ring(4);
        assert_true(ring_fd(one) <= spare + 1);
        harness_ring_free(one);
    }
    close(spare);
}

#define ring_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ring_test(nop_completes_in_the_next_turn),
        ring_test(turn_without_work_returns_at_its_deadline),
        ring_test(turn_for_ever_ends_with_the_first_completion),
        ring_test(signal_ends_the_wait_without_error),
        ring_test(before_and_after_surround_only_a_wait),
        ring_test(what_a_callback_starts_waits_for_the_next_turn),
        ring_test(callbacks_may_free_what_they_complete),
        ring_test(ten_thousand_operations_fit_a_ring_of_eight),
        ring_test(cancelled_operation_completes_once),
        ring_test(cancel_in_the_same_turn_as_its_start),
        ring_test(cancel_spares_what_is_started_later),
        ring_test(cancel_ends_every_operation_of_one_op),
        ring_test(cancel_of_what_does_not_run_does_nothing),
        ring_test(message_completes_on_the_other_ring),
        ring_test(message_to_itself_arrives),
        ring_test(message_to_no_ring_fails_at_its_sender),
        ring_test(messages_overflow_into_the_kernel_and_all_arrive),
        ring_test(ring_made_here_is_used_by_another_thread),
        ring_test(message_before_enable_is_refused),
        ring_test(rings_come_and_go_without_leaving_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
