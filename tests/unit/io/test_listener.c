/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accepting, pausing, stopping, and the descriptor limit. The wheel's time is
 * the test's own.
 */
#include "harness.h"

#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct fixture {
    struct ring *ring;
    struct timerwheel wheel;
    struct listener listener;
    struct sock_address address, last_peer;
    int fds[64];
    int accepted, troubles, last_trouble;
    bool stop_at_once, pause_at_once;
};

static void on_accept(struct listener *listener, int fd, const struct sock_address *peer)
{
    struct fixture *fixture = listener->owner;
    fixture->last_peer = *peer;
    fixture->fds[fixture->accepted++] = fd;
    if (fixture->stop_at_once)
        listener_stop(listener);
    if (fixture->pause_at_once)
        listener_pause(listener);
}

static void on_trouble(struct listener *listener, int error_number)
{
    struct fixture *fixture = listener->owner;
    fixture->troubles++;
    fixture->last_trouble = error_number;
}

static void fixture_start(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->ring = harness_ring(64);
    timerwheel_init(&fixture->wheel, 1000);
    int fd = harness_listen(&fixture->address);
    listener_init(&fixture->listener, fixture->ring, &fixture->wheel, fd, on_accept, fixture);
    fixture->listener.on_trouble = on_trouble;
}

static int setup(void **state)
{
    *state = malloc(sizeof(struct fixture));
    fixture_start(*state);
    listener_start(&((struct fixture *)*state)->listener);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    listener_stop(&fixture->listener);
    turn_until(fixture->ring, !op_pending(&fixture->listener.ready));
    for (int i = 0; i < fixture->accepted; i++)
        close(fixture->fds[i]);
    harness_ring_free(fixture->ring);
    free(fixture);
    return 0;
}

static void some_turns(struct fixture *fixture)
{
    for (int i = 0; i < 5; i++)
        assert_ok(ring_turn(fixture->ring, 2, NULL));
}

static void settle(struct fixture *fixture)
{
    turn_until(fixture->ring, !op_pending(&fixture->listener.ready));
}

/* ---- accepting ---- */

static void accepts_until_it_is_stopped(void **state)
{
    struct fixture *fixture = *state;
    int clients[20];
    for (int i = 0; i < 20; i++)
        clients[i] = harness_connect(&fixture->address);
    turn_until(fixture->ring, fixture->accepted == 20);
    int fd = fixture->listener.fd;
    listener_stop(&fixture->listener);
    listener_stop(&fixture->listener);
    settle(fixture);
    turn_until(fixture->ring, fcntl(fd, F_GETFD) == -1);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(late, &fixture->address.any, fixture->address.len), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(late);
    for (int i = 0; i < 20; i++)
        close(clients[i]);
}

/* The rest of a crowd comes in the turns after. */
static void a_crowd_is_let_in_bit_by_bit(void **state)
{
    struct fixture *fixture = *state;
    int clients[2 * LISTENER_BURST + 1], before = 0;
    for (int i = 0; i <= 2 * LISTENER_BURST; i++)
        clients[i] = harness_connect(&fixture->address);
    while (fixture->accepted <= 2 * LISTENER_BURST) {
        assert_ok(ring_turn(fixture->ring, HARNESS_DEADLINE_MS, NULL));
        assert_true(fixture->accepted > before || before == 0);
        assert_true(fixture->accepted - before <= LISTENER_BURST);
        before = fixture->accepted;
    }
    for (int i = 0; i <= 2 * LISTENER_BURST; i++)
        close(clients[i]);
}

static void it_is_told_who_comes(void **state)
{
    struct fixture *fixture = *state;
    struct sock_address local;
    int client = harness_connect(&fixture->address);
    turn_until(fixture->ring, fixture->accepted == 1);
    assert_ok(sock_local(client, &local));
    assert_true(sock_address_equal(&local, &fixture->last_peer));
    close(client);
}

static void stopping_from_its_own_callback(void **state)
{
    struct fixture *fixture = *state;
    int clients[5];
    fixture->stop_at_once = true;
    for (int i = 0; i < 5; i++)
        clients[i] = harness_connect(&fixture->address);
    turn_until(fixture->ring, fixture->accepted > 0);
    settle(fixture);
    some_turns(fixture);
    assert_int_equal(fixture->accepted, 1);
    assert_int_equal(fixture->listener.fd, -1);
    for (int i = 0; i < 5; i++)
        close(clients[i]);
}

/* Whoever is in the backlog at the stop is let go, not left hanging. */
static void connections_that_wait_at_the_stop_are_closed(void **state)
{
    struct fixture *fixture = *state;
    fixture->stop_at_once = true;
    int first = harness_connect(&fixture->address), second = harness_connect(&fixture->address);
    turn_until(fixture->ring, fixture->accepted > 0);
    settle(fixture);
    some_turns(fixture);
    struct pollfd gone = {.fd = second, .events = POLLIN};
    assert_int_equal(poll(&gone, 1, HARNESS_DEADLINE_MS), 1);
    char byte;
    assert_true(read(second, &byte, 1) <= 0);
    close(first);
    close(second);
}

static void stopped_before_it_ran_closes_its_socket(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture);
    int fd = fixture.listener.fd;
    listener_stop(&fixture.listener);
    assert_false(op_pending(&fixture.listener.ready));
    turn_until(fixture.ring, fcntl(fd, F_GETFD) == -1);
    harness_ring_free(fixture.ring);
}

/* ---- pausing ---- */

static void paused_listener_leaves_connections_waiting(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(ring_turn(fixture->ring, 0, NULL));
    listener_pause(&fixture->listener);
    listener_pause(&fixture->listener);
    settle(fixture);
    int client = harness_connect(&fixture->address);
    some_turns(fixture);
    assert_int_equal(fixture->accepted, 0);
    assert_int_equal(fixture->troubles, 0);
    listener_resume(&fixture->listener);
    turn_until(fixture->ring, fixture->accepted == 1);
    close(client);
}

static void resumed_before_the_pause_took_effect(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(ring_turn(fixture->ring, 0, NULL));
    for (int i = 0; i < 3; i++) {
        listener_pause(&fixture->listener);
        listener_resume(&fixture->listener);
    }
    some_turns(fixture);
    int client = harness_connect(&fixture->address);
    turn_until(fixture->ring, fixture->accepted == 1);
    assert_true(op_pending(&fixture->listener.ready));
    close(client);
}

static void pausing_from_its_own_callback(void **state)
{
    struct fixture *fixture = *state;
    int clients[5];
    fixture->pause_at_once = true;
    for (int i = 0; i < 5; i++)
        clients[i] = harness_connect(&fixture->address);
    turn_until(fixture->ring, fixture->accepted > 0);
    settle(fixture);
    int before = fixture->accepted;
    some_turns(fixture);
    assert_int_equal(fixture->accepted, before);
    fixture->pause_at_once = false;
    listener_resume(&fixture->listener);
    turn_until(fixture->ring, fixture->accepted == 5);
    for (int i = 0; i < 5; i++)
        close(clients[i]);
}

/* ---- the descriptor limit ---- */

#define CHILD_CHECK(condition)                                            \
    do {                                                                  \
        if (!(condition)) {                                               \
            snprintf(text, 512, "line %d: %s", __LINE__, #condition);     \
            return 1;                                                     \
        }                                                                 \
    } while (0)

#define CHILD_TURN_UNTIL(condition)                                       \
    while (!(condition))                                                  \
        CHILD_CHECK(ring_turn(fixture.ring, 20, NULL) == ERR_OK)

static int highest_descriptor(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static int run_out_of_descriptors(char text[512])
{
    struct fixture fixture;
    int clients[6];
    fixture_start(&fixture);
    for (int i = 0; i < 6; i++)
        clients[i] = harness_connect(&fixture.address);
    struct rlimit limit = {(rlim_t)highest_descriptor() + 3, 4096};
    CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    listener_start(&fixture.listener);
    CHILD_TURN_UNTIL(fixture.troubles == 1);
    CHILD_CHECK(fixture.last_trouble == EMFILE);
    CHILD_CHECK(fixture.accepted == 3);
    CHILD_CHECK(!op_pending(&fixture.listener.ready));

    /* Tries again in its own time and in vain, without another word. */
    timerwheel_advance(&fixture.wheel, 1000 + LISTENER_RETRY_MS - 1);
    CHILD_CHECK(!op_pending(&fixture.listener.ready));
    timerwheel_advance(&fixture.wheel, 1000 + LISTENER_RETRY_MS);
    CHILD_CHECK(op_pending(&fixture.listener.ready));
    CHILD_TURN_UNTIL(timer_running(&fixture.listener.retry));
    CHILD_CHECK(fixture.troubles == 1 && fixture.accepted == 3);

    /* One descriptor comes free: one more, and then trouble anew. */
    close(fixture.fds[0]);
    timerwheel_advance(&fixture.wheel, 1000 + 2 * LISTENER_RETRY_MS);
    CHILD_TURN_UNTIL(fixture.troubles == 2);
    CHILD_CHECK(fixture.accepted == 4);

    /* Resuming does not wait for the timer. */
    limit.rlim_cur = 4096;
    CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    listener_pause(&fixture.listener);
    CHILD_CHECK(!timer_running(&fixture.listener.retry));
    listener_resume(&fixture.listener);
    CHILD_TURN_UNTIL(fixture.accepted == 6);
    CHILD_CHECK(fixture.troubles == 2);
    (void)clients;
    return 0;
}

static void descriptor_limit_pauses_and_passes(void **state)
{
    char text[512];
    (void)state;
    if (harness_in_child(run_out_of_descriptors, text) != 0)
        fail_msg("%s", text);
}

#define listener_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        listener_test(accepts_until_it_is_stopped),
        listener_test(a_crowd_is_let_in_bit_by_bit),
        listener_test(it_is_told_who_comes),
        listener_test(stopping_from_its_own_callback),
        listener_test(connections_that_wait_at_the_stop_are_closed),
        cmocka_unit_test(stopped_before_it_ran_closes_its_socket),
        listener_test(paused_listener_leaves_connections_waiting),
        listener_test(resumed_before_the_pause_took_effect),
        listener_test(pausing_from_its_own_callback),
        cmocka_unit_test(descriptor_limit_pauses_and_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
