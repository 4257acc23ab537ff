/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop of core/app without the thread.
 */
#include "worker_harness.h"

#include "core/base/clock.h"
#include "core/base/hash.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (10 * NS_PER_S)
#define MOMENT_MS 30

static bool turn_begun;

static void begin_turn(void *argument)
{
    turn_begun = true;
    worker_turn_begin(argument);
}

void harness_turn(struct harness *harness, int64_t wait_ms)
{
    struct worker *worker = &harness->worker;
    struct ring_wait wait = {NULL, begin_turn, worker};
    int64_t most = worker_wait_ms(worker);
    if (most >= 0 && most < wait_ms)
        wait_ms = most;
    turn_begun = false;
    if (wait_ms == 0)
        begin_turn(worker);
    assert_int_equal(ring_turn(&worker->ring, wait_ms, &wait), ERR_OK);
    if (!turn_begun) /* completions were ready, and nothing waited */
        begin_turn(worker);
    worker_turn_end(worker);
}

void harness_start(struct harness *harness)
{
    memset(harness, 0, sizeof(*harness));
    hash_seed_set(1);
    harness->settings.weir = (struct model_weir){
        .ring_entries = 256,
        .buffer_size = 16384,
        .buffer_count = 64,
        .selection_cache_entries = 64,
        .max_connections = 100,
        .client_hello_bytes = 16384,
        .header_count = 100,
        .send_buffer_bytes = 65536,
        .ktls_min_bytes = INT64_MAX,
        .upstream_idle_per_server = 8,
    };
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    assert_non_null(snapshot);
    list_init(&snapshot->retired);
    snapshot->settings = &harness->settings;
    assert_null(snapshot_publish(&harness->publication, snapshot));
    struct err_text why = {""};
    if (worker_init(&harness->worker, 0, 1, &harness->settings, &harness->publication, &why) !=
        ERR_OK)
        fail_msg("worker_init: %s", why.text);
}

void harness_stop(struct harness *harness)
{
    harness_settle(harness);
    assert_int_equal(harness->worker.client_count, 0);
    assert_int_equal(harness->worker.buffers.lent, 0);
    worker_finish(&harness->worker);
    struct snapshot *last = harness->publication.current;
    assert_int_equal(atomic_fetch_sub(&last->claims, 1), 1);
    snapshot_destroy(last);
}

void harness_run_until(struct harness *harness, const bool *flag)
{
    int64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    while (!*flag) {
        harness_turn(harness, 100);
        if (clock_monotonic_ns() > deadline)
            fail_msg("nothing happened within ten seconds");
    }
}

void harness_settle(struct harness *harness)
{
    for (;;) {
        harness_turn(harness, 0);
        harness_turn(harness, 0); /* takes the output of the first to the kernel */
        struct pollfd ready = {.fd = harness->worker.ring.fd, .events = POLLIN};
        if (worker_wait_ms(&harness->worker) != 0 && poll(&ready, 1, MOMENT_MS) == 0)
            return;
    }
}

void harness_tcp_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&address, len), 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fds[1] >= 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    close(listener);
}

void harness_send_all(int fd, const void *data, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            assert_int_equal(poll(&ready, 1, 10000), 1);
            continue;
        }
        assert_true(n > 0);
        sent += (size_t)n;
    }
}
