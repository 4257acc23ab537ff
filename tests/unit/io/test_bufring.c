/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Provided buffers: multishot receive into them, running out of them and going
 * on, bundles, and who is woken when.
 */
#include "harness.h"

#include "io/bufring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROUP 7
#define SIZE 1024

struct fixture {
    struct ring *ring;
    struct bufring buffers;
    uint32_t most;
    uint16_t head; /* where the kernel would go on, while `take` plays its part */
};

static int start(void **state, uint32_t count)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct err_text why = {{0}};
    fixture->ring = harness_ring(64);
    if (bufring_init(&fixture->buffers, fixture->ring, GROUP, SIZE, count, &why) != ERR_OK)
        fail_msg("%s", why.text);
    *state = fixture;
    return 0;
}

static int setup(void **state)
{
    return start(state, 8);
}

static int setup_large(void **state)
{
    return start(state, 4096);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    bufring_finish(&fixture->buffers);
    harness_ring_free(fixture->ring);
    free(fixture);
    return 0;
}

/* ---- a receiver ---- */

struct receiver {
    struct op op;
    struct bufring_waiter waiter;
    struct fixture *fixture;
    int fd;
    size_t got;
    bool once; /* is not started again by itself */
    bool keep; /* do not return buffers */
    uint16_t kept[64];
    int kept_count;
    int calls, starved, resumed;
    int32_t last;
};

static void receiver_start(struct receiver *receiver)
{
    struct fixture *fixture = receiver->fixture;
    ring_recv_bundle(fixture->ring, &receiver->op, receiver->fd, GROUP, fixture->most);
}

static void take_one(struct receiver *receiver, struct span bytes, uint16_t id)
{
    harness_check_pattern(bytes.ptr, bytes.len, receiver->got);
    receiver->got += bytes.len;
    if (receiver->keep)
        receiver->kept[receiver->kept_count++] = id;
    else
        bufring_return(&receiver->fixture->buffers, id);
}

static void on_receive(struct op *op, int32_t result, uint32_t flags)
{
    struct receiver *receiver = container_of(op, struct receiver, op);
    struct bufring *buffers = &receiver->fixture->buffers;
    struct span bytes;
    uint16_t id;
    receiver->last = result;
    receiver->calls++;
    if (result > 0) {
        struct bufring_bundle bundle = bufring_take_bundle(buffers, result, flags);
        while (bufring_bundle_next(&bundle, &bytes, &id))
            take_one(receiver, bytes, id);
    }
    if (op_pending(op) || receiver->once)
        return;
    if (result == -ENOBUFS) {
        receiver->starved++;
        bufring_wait(buffers, &receiver->waiter);
    } else if (result > 0) {
        receiver_start(receiver);
    }
}

static void on_resume(struct bufring_waiter *waiter)
{
    struct receiver *receiver = container_of(waiter, struct receiver, waiter);
    receiver->resumed++;
    receiver_start(receiver);
}

static struct receiver *receiver_create(struct fixture *fixture, int fd)
{
    struct receiver *receiver = calloc(1, sizeof(*receiver));
    op_init(&receiver->op, on_receive);
    list_init(&receiver->waiter.link);
    receiver->waiter.resume = on_resume;
    receiver->fixture = fixture;
    receiver->fd = fd;
    return receiver;
}

static void receiver_destroy(struct receiver *receiver)
{
    list_remove(&receiver->waiter.link);
    ring_cancel(receiver->fixture->ring, &receiver->op);
    turn_until(receiver->fixture->ring, !op_pending(&receiver->op));
    free(receiver);
}

/* Writes the pattern from `from` on, as much as fits. */
static size_t feed(int fd, size_t from, size_t len)
{
    char data[SIZE];
    size_t done = 0;
    while (done < len) {
        size_t part = len - done < sizeof(data) ? len - done : sizeof(data);
        harness_fill_pattern(data, part, from + done);
        ssize_t n = send(fd, data, part, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            break;
        }
        done += (size_t)n;
    }
    return done;
}

static void transfer(struct fixture *fixture, struct receiver *receiver, int from, size_t total)
{
    size_t sent = 0;
    int64_t deadline = harness_now_ms() + HARNESS_DEADLINE_MS;
    while (receiver->got < total) {
        assert_true(harness_now_ms() < deadline);
        sent += feed(from, sent, total - sent);
        assert_ok(ring_turn(fixture->ring, 5, NULL));
    }
}

/* ---- receiving ---- */

static void multishot_receive_fills_buffer_after_buffer(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    fixture->ring->has_recv_bundle = false;
    harness_tcp_pair(ends);
    struct receiver *receiver = receiver_create(fixture, ends[1]);
    receiver_start(receiver);
    transfer(fixture, receiver, ends[0], 1 << 20);
    assert_int_equal(fixture->buffers.lent, 0);
    assert_true(receiver->calls > 100);
    close(ends[0]);
    turn_until(fixture->ring, !op_pending(&receiver->op) && receiver->last == 0);
    receiver_destroy(receiver);
    close(ends[1]);
}

static void bundles_carry_the_same_bytes(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    harness_tcp_pair(ends);
    struct receiver *receiver = receiver_create(fixture, ends[1]);
    receiver_start(receiver);
    transfer(fixture, receiver, ends[0], 4 << 20);
    assert_int_equal(fixture->buffers.lent, 0);
    if (fixture->ring->has_recv_bundle)
        assert_true(receiver->calls < (4 << 20) / SIZE / 2);
    receiver_destroy(receiver);
    close(ends[0]);
    close(ends[1]);
}

/* Buffers that come back in another order than they went out change the order
 * of the ring; a bundle must still find its parts. */
static void bundles_survive_a_shuffled_ring(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    size_t sent = 0;
    harness_tcp_pair(ends);
    struct receiver *receiver = receiver_create(fixture, ends[1]);
    receiver->keep = true;
    receiver_start(receiver);
    for (unsigned round = 0; round < 200; round++) {
        size_t part = 1 + round * 37 % (4 * SIZE);
        sent += feed(ends[0], sent, part);
        turn_until(fixture->ring, receiver->got == sent);
        assert_int_equal(fixture->buffers.lent, receiver->kept_count);
        while (receiver->kept_count > (int)(round % 3)) {
            unsigned pick = (round * 7 + 3) % (unsigned)receiver->kept_count;
            bufring_return(&fixture->buffers, receiver->kept[pick]);
            receiver->kept[pick] = receiver->kept[--receiver->kept_count];
        }
    }
    while (receiver->kept_count > 0)
        bufring_return(&fixture->buffers, receiver->kept[--receiver->kept_count]);
    receiver_destroy(receiver);
    close(ends[0]);
    close(ends[1]);
}

/* However much there is: nothing comes beyond, until it is started again. */
static void a_receive_ends_when_the_most_has_come(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    size_t total = 20 * SIZE;
    if (!fixture->ring->has_recv_limit)
        skip();
    fixture->most = 3 * SIZE;
    harness_tcp_pair(ends);
    assert_int_equal(feed(ends[0], 0, total), total);
    struct receiver *receiver = receiver_create(fixture, ends[1]);
    receiver->once = true;
    for (size_t got = 3 * SIZE; got < total; got += 3 * SIZE) {
        receiver_start(receiver);
        turn_until(fixture->ring, !op_pending(&receiver->op));
        assert_int_equal(receiver->got, got);
    }
    receiver_destroy(receiver);
    close(ends[0]);
    close(ends[1]);
}

/* ---- running out ---- */

static void empty_ring_ends_the_receive_and_returns_resume_it(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    size_t total = 20 * SIZE;
    fixture->ring->has_recv_bundle = false;
    harness_tcp_pair(ends);
    struct receiver *receiver = receiver_create(fixture, ends[1]);
    receiver->keep = true;
    receiver_start(receiver);
    assert_int_equal(feed(ends[0], 0, total), total);
    turn_until(fixture->ring, receiver->starved == 1);
    assert_int_equal(receiver->kept_count, 8);
    assert_int_equal(fixture->buffers.lent, 8);
    for (int i = 0; i < 10; i++)
        assert_ok(ring_turn(fixture->ring, 0, NULL));
    assert_int_equal(receiver->resumed, 0);
    bufring_return(&fixture->buffers, receiver->kept[--receiver->kept_count]);
    assert_int_equal(receiver->resumed, 0);
    turn_until(fixture->ring, receiver->starved == 2);
    assert_int_equal(receiver->resumed, 1);
    assert_int_equal(receiver->kept_count, 8);
    receiver->keep = false;
    while (receiver->kept_count > 0)
        bufring_return(&fixture->buffers, receiver->kept[--receiver->kept_count]);
    turn_until(fixture->ring, receiver->got == total);
    assert_int_equal(fixture->buffers.lent, 0);
    receiver_destroy(receiver);
    close(ends[0]);
    close(ends[1]);
}

/* Eight buffers for forty connections that all want to send at once. */
static void starving_receivers_all_get_through(void **state)
{
    struct fixture *fixture = *state;
    struct receiver *receivers[40];
    int ends[40][2];
    size_t part = 3 * SIZE + 5;
    for (int i = 0; i < 40; i++) {
        harness_tcp_pair(ends[i]);
        receivers[i] = receiver_create(fixture, ends[i][1]);
        receiver_start(receivers[i]);
        assert_int_equal(feed(ends[i][0], 0, part), part);
    }
    for (int i = 0; i < 40; i++)
        turn_until(fixture->ring, receivers[i]->got == part);
    assert_int_equal(fixture->buffers.lent, 0);
    for (int i = 0; i < 40; i++) {
        receiver_destroy(receivers[i]);
        close(ends[i][0]);
        close(ends[i][1]);
    }
}

/* ---- waiters ---- */

/* Takes the buffer that the kernel would fill next. */
static uint16_t take(struct fixture *fixture, int32_t len)
{
    struct bufring *buffers = &fixture->buffers;
    unsigned next = buffers->entries->bufs[fixture->head++ & (buffers->count - 1)].bid;
    uint32_t flags = IORING_CQE_F_BUFFER | next << IORING_CQE_BUFFER_SHIFT;
    struct bufring_bundle bundle = bufring_take_bundle(buffers, len, flags);
    struct span bytes;
    uint16_t id;
    assert_true(bufring_bundle_next(&bundle, &bytes, &id));
    assert_int_equal(bytes.len, len);
    assert_int_equal(id, next);
    assert_false(bufring_bundle_next(&bundle, &bytes, &id));
    return id;
}

struct counter {
    struct bufring_waiter waiter;
    int *next;
    int order;
    int calls;
};

static void on_count(struct bufring_waiter *waiter)
{
    struct counter *counter = container_of(waiter, struct counter, waiter);
    counter->calls++;
    counter->order = (*counter->next)++;
}

static void counter_init(struct counter *counter, int *next)
{
    *counter = (struct counter){.waiter.resume = on_count, .next = next};
    list_init(&counter->waiter.link);
}

static void waiting_with_buffers_there_resumes_in_the_next_turn(void **state)
{
    struct fixture *fixture = *state;
    struct counter counter;
    int next = 0;
    counter_init(&counter, &next);
    bufring_wait(&fixture->buffers, &counter.waiter);
    bufring_wait(&fixture->buffers, &counter.waiter);
    assert_int_equal(counter.calls, 0);
    assert_ok(ring_turn(fixture->ring, 0, NULL));
    assert_int_equal(counter.calls, 1);
    assert_true(list_empty(&counter.waiter.link));
    assert_ok(ring_turn(fixture->ring, 0, NULL));
    assert_int_equal(counter.calls, 1);
}

static void waiters_are_served_in_order_and_none_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct counter *counters = calloc(1000, sizeof(*counters));
    int next = 0;
    for (int i = 0; i < 1000; i++) {
        counter_init(&counters[i], &next);
        bufring_wait(&fixture->buffers, &counters[i].waiter);
    }
    list_remove(&counters[500].waiter.link);
    turn_until(fixture->ring, next == 999);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(counters[i].calls, i == 500 ? 0 : 1);
        if (i != 500)
            assert_int_equal(counters[i].order, i < 500 ? i : i - 1);
    }
    free(counters);
}

static void waiters_wake_when_an_eighth_is_back(void **state)
{
    struct fixture *fixture = *state;
    struct bufring *buffers = &fixture->buffers;
    struct counter counter;
    int next = 0;
    counter_init(&counter, &next);
    for (unsigned i = 0; i < 4096; i++)
        assert_int_equal(take(fixture, SIZE), i);
    bufring_wait(buffers, &counter.waiter);
    for (unsigned i = 0; i < 511; i++)
        bufring_return(buffers, (uint16_t)i);
    assert_ok(ring_turn(fixture->ring, 0, NULL));
    assert_int_equal(counter.calls, 0);
    bufring_return(buffers, 511);
    assert_ok(ring_turn(fixture->ring, 0, NULL));
    assert_int_equal(counter.calls, 1);
}

/* ---- the window ---- */

static void take_and_return(struct fixture *fixture, unsigned count, int32_t len)
{
    for (unsigned i = 0; i < count; i++)
        bufring_return(&fixture->buffers, take(fixture, len));
}

static void the_kernel_is_given_a_window_that_grows_when_it_runs_out(void **state)
{
    struct fixture *fixture = *state;
    struct bufring *buffers = &fixture->buffers;
    struct counter counter;
    int next = 0;
    uint32_t smallest = buffers->window;
    assert_int_equal(smallest * SIZE, 1 << 20);
    assert_int_equal(buffers->offered, smallest);
    counter_init(&counter, &next);
    bufring_wait(buffers, &counter.waiter);
    assert_int_equal(buffers->window, 2 * smallest);
    assert_int_equal(buffers->offered, 2 * smallest);
    assert_ok(ring_turn(fixture->ring, 0, NULL));
    assert_int_equal(counter.calls, 1);
    /* Without need it is the smallest again after a while. */
    take_and_return(fixture, 40000, 100);
    assert_int_equal(buffers->window, smallest);
    assert_int_equal(buffers->offered, smallest);
}

static void full_buffers_do_not_widen_the_window(void **state)
{
    struct fixture *fixture = *state;
    struct bufring *buffers = &fixture->buffers;
    struct counter counter;
    int next = 0;
    uint32_t smallest = buffers->window;
    take_and_return(fixture, 10, SIZE);
    counter_init(&counter, &next);
    bufring_wait(buffers, &counter.waiter);
    assert_int_equal(buffers->window, smallest);
    assert_ok(ring_turn(fixture->ring, 0, NULL));
    assert_int_equal(counter.calls, 1);
}

/* As long as there are others, who holds buffers takes none away from the kernel. */
static void buffers_that_are_held_are_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct bufring *buffers = &fixture->buffers;
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(take(fixture, SIZE), i);
        assert_true(buffers->offered >= buffers->window / 2);
    }
    assert_int_equal(buffers->lent, 2000);
    for (unsigned i = 0; i < 2000; i++)
        bufring_return(buffers, (uint16_t)i);
    assert_int_equal(buffers->lent, 0);
    assert_int_equal(buffers->offered + buffers->spare_count, 4096);
}

/* ---- failures ---- */

static void taken_group_is_refused_and_nothing_changes(void **state)
{
    struct fixture *fixture = *state;
    struct bufring second = {.count = 99};
    struct err_text why = {{0}};
    assert_int_equal(bufring_init(&second, fixture->ring, GROUP, SIZE, 8, &why), ERR_UNSUPPORTED);
    assert_contains(why.text, "8 receive buffers");
    assert_int_equal(second.count, 99);
}

#define small_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define large_test(test) cmocka_unit_test_setup_teardown(test, setup_large, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        small_test(multishot_receive_fills_buffer_after_buffer),
        large_test(multishot_receive_fills_buffer_after_buffer),
        large_test(bundles_carry_the_same_bytes),
        large_test(a_receive_ends_when_the_most_has_come),
        small_test(a_receive_ends_when_the_most_has_come),
        small_test(bundles_survive_a_shuffled_ring),
        small_test(empty_ring_ends_the_receive_and_returns_resume_it),
        small_test(starving_receivers_all_get_through),
        small_test(waiting_with_buffers_there_resumes_in_the_next_turn),
        small_test(waiters_are_served_in_order_and_none_is_forgotten),
        large_test(waiters_wake_when_an_eighth_is_back),
        large_test(the_kernel_is_given_a_window_that_grows_when_it_runs_out),
        large_test(full_buffers_do_not_widen_the_window),
        large_test(buffers_that_are_held_are_replaced),
        small_test(taken_group_is_refused_and_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
