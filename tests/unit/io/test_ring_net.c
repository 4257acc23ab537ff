/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every socket operation of the ring, on loopback and socket pairs. At the end
 * no kernel worker thread may exist: everything must have gone by readiness.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BIG (8u << 20)

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

/* ---- connect ---- */

static void connect_succeeds(void **state)
{
    struct ring *ring = *state;
    struct sock_address address, peer = {.len = sizeof(peer.storage)};
    struct probe probe;
    int listening = harness_listen(&address), fd;
    probe_init(&probe);
    assert_ok(sock_stream(&address, &fd));
    ring_connect(ring, &probe.op, fd, &address.any, address.len);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, 0);
    assert_int_equal(getpeername(fd, &peer.any, &peer.len), 0);
    assert_true(sock_address_equal(&peer, &address));
    close(fd);
    close(listening);
}

static void connect_is_refused_where_nobody_listens(void **state)
{
    struct ring *ring = *state;
    struct sock_address address;
    struct probe probe;
    int fd, bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    probe_init(&probe);
    assert_ok(sock_address_parse(SPAN("127.0.0.1"), 0, &address));
    assert_int_equal(bind(bound, &address.any, address.len), 0);
    assert_ok(sock_local(bound, &address));
    assert_ok(sock_stream(&address, &fd));
    ring_connect(ring, &probe.op, fd, &address.any, address.len);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.result, -ECONNREFUSED);
    close(fd);
    close(bound);
}

/* A full backlog leaves the connection waiting, as a host that is away does. */
static void waiting_connect_can_be_cancelled(void **state)
{
    struct ring *ring = *state;
    struct sock_address address;
    struct probe probes[8];
    int fds[8], listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_ok(sock_address_parse(SPAN("127.0.0.1"), 0, &address));
    assert_int_equal(bind(listening, &address.any, address.len), 0);
    assert_int_equal(listen(listening, 0), 0);
    assert_ok(sock_local(listening, &address));
    for (int i = 0; i < 8; i++) {
        probe_init(&probes[i]);
        assert_ok(sock_stream(&address, &fds[i]));
        ring_connect(ring, &probes[i].op, fds[i], &address.any, address.len);
    }
    assert_ok(ring_turn(ring, 50, NULL));
    assert_true(op_pending(&probes[7].op));
    ring_cancel(ring, &probes[7].op);
    turn_until(ring, !op_pending(&probes[7].op));
    assert_int_equal(probes[7].result, -ECANCELED);
    for (int i = 0; i < 8; i++) {
        ring_cancel(ring, &probes[i].op);
        turn_until(ring, !op_pending(&probes[i].op));
        close(fds[i]);
    }
    close(listening);
}

/* ---- send ---- */

/* On a socket pair: TCP with less room than a segment waits for timers. */
static void shrink_send_buffer(int fd)
{
    int size = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

/* Reads what is there, while the ring turns, until `expected` bytes came. */
static void drain_while_sending(struct ring *ring, int fd, size_t expected)
{
    char data[8192];
    size_t got = 0;
    int64_t deadline = harness_now_ms() + HARNESS_DEADLINE_MS;
    while (got < expected) {
        assert_true(harness_now_ms() < deadline);
        assert_ok(ring_turn(ring, 1, NULL));
        ssize_t len;
        while (got < expected && (len = read(fd, data, sizeof(data))) > 0) {
            harness_check_pattern(data, (size_t)len, got);
            got += (size_t)len;
        }
    }
}

/* The kernel gives up on readiness after 128 waits for one MSG_WAITALL, so the
 * buffer must be small enough for more than that. */
static void send_all(struct ring *ring, int ends[2])
{
    struct probe probe;
    char *data = malloc(BIG);
    probe_init(&probe);
    harness_fill_pattern(data, BIG, 0);
    ring_send(ring, &probe.op, ends[0], data, BIG, true);
    drain_while_sending(ring, ends[1], BIG);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, BIG);
    free(data);
    close(ends[0]);
    close(ends[1]);
}

static void large_send_completes_once(void **state)
{
    int ends[2];
    harness_tcp_pair(ends);
    send_all(*state, ends);
}

static void large_send_through_a_small_buffer_completes_once(void **state)
{
    int ends[2];
    harness_unix_pair(ends);
    shrink_send_buffer(ends[0]);
    send_all(*state, ends);
}

static void sendmsg_all(struct ring *ring, int ends[2])
{
    struct probe probe;
    char *data = malloc(BIG);
    struct iovec pieces[64];
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 64};
    probe_init(&probe);
    harness_fill_pattern(data, BIG, 0);
    size_t at = 0;
    for (int i = 0; i < 64; i++) {
        size_t len = i < 63 ? (size_t)(i * 4000) : BIG - at; /* the first one is empty */
        pieces[i] = (struct iovec){data + at, len};
        at += len;
    }
    ring_sendmsg(ring, &probe.op, ends[0], &message, true);
    drain_while_sending(ring, ends[1], BIG);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, BIG);
    free(data);
    close(ends[0]);
    close(ends[1]);
}

static void large_sendmsg_of_many_pieces_completes_once(void **state)
{
    int ends[2];
    harness_tcp_pair(ends);
    sendmsg_all(*state, ends);
}

static void large_sendmsg_through_a_small_buffer_completes_once(void **state)
{
    int ends[2];
    harness_unix_pair(ends);
    shrink_send_buffer(ends[0]);
    sendmsg_all(*state, ends);
}

static void send_without_all_takes_what_fits(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    struct iovec piece;
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    char *data = malloc(BIG);
    int ends[2];
    probe_init(&probe);
    harness_unix_pair(ends);
    memset(data, 'x', BIG);
    ring_send(ring, &probe.op, ends[0], data, BIG, false);
    turn_until(ring, !op_pending(&probe.op));
    assert_true(probe.result > 0 && probe.result < (int)BIG);
    close(ends[0]);
    close(ends[1]);
    harness_unix_pair(ends);
    piece = (struct iovec){data, BIG};
    ring_sendmsg(ring, &probe.op, ends[0], &message, false);
    turn_until(ring, !op_pending(&probe.op));
    assert_true(probe.result > 0 && probe.result < (int)BIG);
    assert_int_equal(piece.iov_len, BIG);
    free(data);
    close(ends[0]);
    close(ends[1]);
}

static void send_under_way_is_cancelled_however_long_it_ran(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    char *data = malloc(BIG);
    int ends[2];
    for (size_t drained = 0; drained < BIG; drained += 3u << 20) {
        probe_init(&probe);
        harness_unix_pair(ends);
        shrink_send_buffer(ends[0]);
        harness_fill_pattern(data, BIG, 0);
        ring_send(ring, &probe.op, ends[0], data, BIG, true);
        drain_while_sending(ring, ends[1], drained);
        assert_ok(ring_turn(ring, 0, NULL));
        assert_true(op_pending(&probe.op));
        ring_cancel(ring, &probe.op);
        turn_until(ring, !op_pending(&probe.op));
        assert_int_equal(probe.calls, 1);
        assert_int_equal(probe.result, -ECANCELED);
        close(ends[0]);
        close(ends[1]);
    }
    free(data);
}

/* The part under way is complete and its completion not seen yet: the
 * cancellation finds nothing in the kernel, but the rest must not go out. */
static void cancel_between_two_parts_ends_the_send(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    char *data = calloc(1, BIG), sink[8192];
    int ends[2];
    probe_init(&probe);
    harness_unix_pair(ends);
    ring_send(ring, &probe.op, ends[0], data, BIG, true);
    ring_submit(ring);
    ring_cancel(ring, &probe.op);
    while (read(ends[1], sink, sizeof(sink)) > 0)
        continue;
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, -ECANCELED);
    assert_int_equal(read(ends[1], sink, sizeof(sink)), -1);
    free(data);
    close(ends[0]);
    close(ends[1]);
}

static void send_half_way_fails_when_the_peer_goes(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    char *data = malloc(BIG);
    int ends[2];
    probe_init(&probe);
    harness_tcp_pair(ends);
    harness_fill_pattern(data, BIG, 0);
    ring_send(ring, &probe.op, ends[0], data, BIG, true);
    drain_while_sending(ring, ends[1], 1 << 20);
    assert_true(op_pending(&probe.op));
    sock_set_abort_on_close(ends[1]);
    close(ends[1]);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 1);
    assert_true(probe.result == -ECONNRESET || probe.result == -EPIPE);
    free(data);
    close(ends[0]);
}

static void send_to_a_closed_peer_fails_without_signal(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int ends[2];
    probe_init(&probe);
    harness_unix_pair(ends);
    close(ends[1]);
    ring_send(ring, &probe.op, ends[0], "x", 1, true);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.result, -EPIPE);
    close(ends[0]);
}

/* With MSG_MORE the kernel holds a part of a segment back; what follows without
 * it pushes both out in one. */
static void send_more_waits_for_what_follows(void **state)
{
    struct ring *ring = *state;
    struct probe first, second;
    char data[16];
    int ends[2];
    probe_init(&first);
    probe_init(&second);
    harness_tcp_pair(ends);
    ring_send_more(ring, &first.op, ends[0], "he", 2);
    turn_until(ring, !op_pending(&first.op));
    assert_int_equal(first.result, 2);
    ring_send(ring, &second.op, ends[0], "llo", 3, true);
    turn_until(ring, !op_pending(&second.op));
    struct pollfd readable = {.fd = ends[1], .events = POLLIN};
    assert_int_equal(poll(&readable, 1, HARNESS_DEADLINE_MS), 1);
    assert_int_equal(read(ends[1], data, sizeof(data)), 5);
    assert_memory_equal(data, "hello", 5);
    close(ends[0]);
    close(ends[1]);
}

/* ---- poll ---- */

static void multishot_poll_tells_each_arrival(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    char data[16];
    int ends[2];
    probe_init(&probe);
    harness_tcp_pair(ends);
    ring_poll(ring, &probe.op, ends[1], POLLIN | POLLRDHUP, true);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(write(ends[0], "x", 1), 1);
        turn_until(ring, probe.calls == i);
        assert_true(probe.result & POLLIN);
        assert_true(probe.flags & IORING_CQE_F_MORE);
        assert_int_equal(read(ends[1], data, sizeof(data)), 1);
    }
    assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
    turn_until(ring, probe.calls >= 6);
    assert_true(probe.result & POLLRDHUP);
    ring_cancel(ring, &probe.op);
    turn_until(ring, !op_pending(&probe.op));
    close(ends[0]);
    close(ends[1]);
}

static void one_shot_poll_tells_once(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    char block[4096] = {0};
    int ends[2];
    probe_init(&probe);
    harness_unix_pair(ends);
    while (write(ends[0], block, sizeof(block)) > 0)
        continue;
    ring_poll(ring, &probe.op, ends[0], POLLOUT, false);
    assert_ok(ring_turn(ring, 0, NULL));
    assert_int_equal(probe.calls, 0);
    while (read(ends[1], block, sizeof(block)) > 0)
        continue;
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 1);
    assert_true(probe.result & POLLOUT);
    close(ends[0]);
    close(ends[1]);
}

/* ---- shutdown and close ---- */

static void shutdown_comes_behind_what_was_sent_before(void **state)
{
    struct ring *ring = *state;
    struct probe sent, shut;
    char data[16];
    int ends[2];
    probe_init(&sent);
    probe_init(&shut);
    harness_tcp_pair(ends);
    ring_send(ring, &sent.op, ends[0], "bye", 3, true);
    ring_shutdown(ring, &shut.op, ends[0], SHUT_WR);
    assert_int_equal(shut.calls, 0);
    turn_until(ring, !op_pending(&sent.op) && !op_pending(&shut.op));
    assert_int_equal(sent.result, 3);
    assert_int_equal(shut.calls, 1);
    assert_int_equal(shut.result, 0);
    probe_init(&sent);
    harness_recv(ring, &sent.op, ends[1], data, sizeof(data));
    turn_until(ring, !op_pending(&sent.op));
    assert_int_equal(sent.result, 3);
    harness_recv(ring, &sent.op, ends[1], data, sizeof(data));
    turn_until(ring, !op_pending(&sent.op));
    assert_int_equal(sent.result, 0);
    close(ends[0]);
    close(ends[1]);
}

static void failed_shutdown_tells_why(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    probe_init(&probe);
    ring_shutdown(ring, NULL, fd, SHUT_WR);
    ring_shutdown(ring, &probe.op, fd, SHUT_WR);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, -ENOTCONN);
    close(fd);
}

static void close_frees_the_descriptor_and_tells_the_peer(void **state)
{
    struct ring *ring = *state;
    struct probe probe;
    char data[16];
    int ends[2];
    probe_init(&probe);
    harness_tcp_pair(ends);
    harness_recv(ring, &probe.op, ends[1], data, sizeof(data));
    ring_close(ring, ends[0]);
    turn_until(ring, !op_pending(&probe.op));
    assert_int_equal(probe.result, 0);
    assert_int_equal(fcntl(ends[0], F_GETFD), -1);
    ring_close(ring, ends[0]); /* a second time: nobody is told */
    assert_ok(ring_turn(ring, 0, NULL));
    assert_ok(ring_turn(ring, 0, NULL));
    close(ends[1]);
}

static void close_with_a_receive_under_way_needs_a_cancel_and_gets_it(void **state)
{
    struct ring *ring = *state;
    struct probe probe, other;
    char data[16];
    int ends[2];
    probe_init(&probe);
    probe_init(&other);
    harness_tcp_pair(ends);
    harness_recv(ring, &other.op, ends[1], data, sizeof(data));
    harness_recv(ring, &probe.op, ends[0], data, sizeof(data));
    assert_ok(ring_turn(ring, 0, NULL));
    ring_cancel(ring, &probe.op);
    ring_close(ring, ends[0]);
    turn_until(ring, !op_pending(&probe.op) && !op_pending(&other.op));
    assert_int_equal(probe.result, -ECANCELED);
    assert_int_equal(other.result, 0);
    close(ends[1]);
}

/* ---- no threads ---- */

static int count_kernel_workers(void)
{
    char path[300], name[64];
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    struct dirent *entry;
    while ((entry = readdir(tasks)) != NULL) {
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL)
            continue;
        if (fgets(name, sizeof(name), file) != NULL && strncmp(name, "iou-", 4) == 0)
            count++;
        fclose(file);
    }
    closedir(tasks);
    return count;
}

static void nothing_ran_on_a_kernel_worker(void **state)
{
    (void)state;
    assert_int_equal(count_kernel_workers(), 0);
}

#define net_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        net_test(connect_succeeds),
        net_test(connect_is_refused_where_nobody_listens),
        net_test(waiting_connect_can_be_cancelled),
        net_test(large_send_completes_once),
        net_test(large_send_through_a_small_buffer_completes_once),
        net_test(large_sendmsg_of_many_pieces_completes_once),
        net_test(large_sendmsg_through_a_small_buffer_completes_once),
        net_test(send_without_all_takes_what_fits),
        net_test(send_under_way_is_cancelled_however_long_it_ran),
        net_test(cancel_between_two_parts_ends_the_send),
        net_test(send_half_way_fails_when_the_peer_goes),
        net_test(send_to_a_closed_peer_fails_without_signal),
        net_test(send_more_waits_for_what_follows),
        net_test(multishot_poll_tells_each_arrival),
        net_test(one_shot_poll_tells_once),
        net_test(shutdown_comes_behind_what_was_sent_before),
        net_test(failed_shutdown_tells_why),
        net_test(close_frees_the_descriptor_and_tells_the_peer),
        net_test(close_with_a_receive_under_way_needs_a_cancel_and_gets_it),
        cmocka_unit_test(nothing_ran_on_a_kernel_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
