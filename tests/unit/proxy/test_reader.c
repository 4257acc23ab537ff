/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients that read slowly or not at all, and bodies that have to come at a rate.
 * The sockets' buffers are small, so that a megabyte is more than they take.
 */
#include "http_scene.h"

#include "core/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define GET "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
#define LONG ((size_t)32 << 20) /* more than any socket's buffers */

static char bytes[64 << 10];

static uint64_t hits(enum limit limit)
{
    return metric_read(&scene.harness.worker.limits.hits[limit]);
}

/* A response on its way, of which so much is left to the backend to send. */
struct download {
    int client, backend;
    size_t left;
};

/* The head is sent. */
static struct download begin(size_t length)
{
    char head[100];
    struct download made = {.client = scene_client(), .left = length};
    scene_send(made.client, GET);
    made.backend = scene_backend();
    scene_read_until(made.backend, "\r\n\r\n");
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);
    scene_send(made.backend, head);
    return made;
}

/* Sends what the backend's socket takes now. */
static bool push(struct download *download)
{
    size_t want = download->left < sizeof(bytes) ? download->left : sizeof(bytes);
    ssize_t sent = send(download->backend, bytes, want, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
        download->left -= (size_t)sent;
    return sent > 0;
}

/* Turns until the limit was hit or `for_ms` have passed; keeps the backend sending, and
 * the client reading so much every 10 ms. */
static void stream(struct download *download, size_t read_at_once, int64_t for_ms)
{
    static char taken[64 << 10];
    int64_t end = clock_monotonic_ns() + for_ms * NS_PER_MS, next = 0;
    while (hits(LIMIT_OF_SLOW_READER) == 0 && clock_monotonic_ns() < end) {
        while (download->left > 0 && push(download))
            ;
        if (read_at_once > 0 && clock_monotonic_ns() > next) {
            (void)!recv(download->client, taken, read_at_once, MSG_DONTWAIT);
            next = clock_monotonic_ns() + 10 * NS_PER_MS;
        }
        harness_turn(&scene.harness, 5);
    }
}

/* Reads to the end: 0 for a FIN, or what the socket failed with. */
static int end_of(int fd)
{
    int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0 ||
           (got < 0 && errno == EAGAIN)) {
        assert_true(clock_monotonic_ns() < deadline);
        harness_turn(&scene.harness, 5);
    }
    return got < 0 ? errno : 0;
}

static void close_both(const struct download *download)
{
    close(download->client);
    close(download->backend);
}

static void expect_reset(const struct download *download)
{
    assert_int_equal(hits(LIMIT_OF_SLOW_READER), 1);
    assert_int_equal(end_of(download->client), ECONNRESET);
    close_both(download);
}

/* The client goes, and Weir leaves the backend. */
static void leave(const struct download *download)
{
    close(download->client);
    end_of(download->backend);
    close(download->backend);
}

static void who_reads_nothing_is_reset(void **state)
{
    (void)state;
    scene.harness.settings.weir.send_timeout = MS(80);
    struct download download = begin(LONG);
    stream(&download, 0, 5000);
    end_of(download.backend);
    expect_reset(&download);
}

/* All of it fits into the kernel's buffers, whose memory it holds. */
static void who_reads_nothing_of_a_short_answer_is_reset_too(void **state)
{
    (void)state;
    int small = 4096;
    scene.harness.settings.weir.send_timeout = MS(80);
    struct download download = begin(200000);
    assert_int_equal(
        setsockopt(download.client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    stream(&download, 0, 5000);
    assert_int_equal(download.left, 0);
    expect_reset(&download);
}

/* With a kernel that cannot be told how much to receive, and many slow clients. */
static void a_slow_reader_has_little_waiting_on_older_kernels_too(void **state)
{
    (void)state;
    scene.harness.worker.ring.has_recv_limit = false;
    scene.harness.worker.congested = 100;
    struct download download = begin(LONG);
    stream(&download, 0, 300);
    assert_true(download.left > 0);
    struct client *one =
        container_of(scene.harness.worker.clients.next, struct client, link);
    assert_in_range(conn_backlog(&one->conn), 1, 300 << 10);
    scene.harness.worker.congested -= 100;
    leave(&download);
}

static void who_reads_a_little_is_served(void **state)
{
    (void)state;
    scene.harness.settings.weir.send_timeout = MS(200);
    struct download download = begin(LONG);
    stream(&download, 32 << 10, 1500);
    assert_int_equal(hits(LIMIT_OF_SLOW_READER), 0);
    assert_true(download.left > 0);
    leave(&download);
}

static void a_reader_has_to_keep_the_rate(void **state)
{
    (void)state;
    scene.harness.settings.weir.send_timeout = MS(100);
    scene.harness.settings.weir.send_bytes_per_second = 1 << 30;
    struct download download = begin(LONG);
    stream(&download, 32 << 10, 5000);
    expect_reset(&download);
}

/* A short answer's backend sends by hand. */
static struct download begin_by_hand(size_t length)
{
    struct download made = begin(length);
    made.left = 0;
    return made;
}

static void an_idle_client_is_no_slow_reader(void **state)
{
    (void)state;
    scene.harness.settings.weir.send_timeout = MS(30);
    scene.harness.settings.weir.send_bytes_per_second = 1 << 30;
    struct download download = begin_by_hand(2);
    scene_send(download.backend, "ok");
    scene_read_until(download.client, "ok");
    stream(&download, 0, 200);
    scene_round_trip(download.client, download.backend);
    assert_int_equal(hits(LIMIT_OF_SLOW_READER), 0);
    close_both(&download);
}

static void the_backend_may_be_as_slow_as_it_likes(void **state)
{
    (void)state;
    scene.harness.settings.weir.send_timeout = MS(30);
    struct download download = begin_by_hand(4);
    scene_send(download.backend, "sl");
    stream(&download, 0, 200);
    scene_send(download.backend, "ow");
    scene_read_until(download.client, "slow");
    assert_int_equal(hits(LIMIT_OF_SLOW_READER), 0);
    close_both(&download);
}

/* ---- bodies ---- */

static int post(int *backend)
{
    int client = scene_client();
    scene_send(client, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000000\r\n\r\n");
    *backend = scene_backend();
    scene_read_until(*backend, "\r\n\r\n");
    return client;
}

/* Sends a piece of a body in every turn, so that none is silent; whether it is taken for
 * that long. */
static bool trickle(int64_t for_ms)
{
    int backend, client = post(&backend);
    int64_t end = clock_monotonic_ns() + for_ms * NS_PER_MS;
    while (hits(LIMIT_OF_SLOW_BODY) == 0 && clock_monotonic_ns() < end) {
        (void)!send(client, "0123456789", 10, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (recv(backend, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
            ;
        harness_turn(&scene.harness, 0);
    }
    bool taken = hits(LIMIT_OF_SLOW_BODY) == 0;
    assert_int_equal(scene.logged_status, taken ? 0 : 408);
    close(client);
    scene_read_to_end(backend);
    close(backend);
    return taken;
}

static void a_body_below_the_rate_is_given_up(void **state)
{
    (void)state;
    scene.harness.settings.weir.body_timeout = MS(100);
    scene.harness.settings.weir.body_bytes_per_second = 1 << 30;
    assert_false(trickle(5000));
}

static void a_body_above_the_rate_goes_on(void **state)
{
    (void)state;
    scene.harness.settings.weir.body_timeout = MS(100);
    scene.harness.settings.weir.body_bytes_per_second = 10;
    assert_true(trickle(600));
}

static void a_body_that_never_ends_has_the_time_of_a_request(void **state)
{
    (void)state;
    scene.entry.read_timeout = MS(100);
    scene.harness.settings.weir.body_timeout = MS(60000);
    assert_false(trickle(5000));
}

/* The silence is the backend's: it reads nothing. */
static void a_backend_that_reads_nothing_costs_the_client_no_time(void **state)
{
    (void)state;
    scene.harness.settings.weir.body_timeout = MS(50);
    scene.harness.settings.weir.body_bytes_per_second = 1 << 30;
    int backend, client = post(&backend);
    int64_t end = clock_monotonic_ns() + 300 * NS_PER_MS;
    ssize_t sent = 0;
    while (hits(LIMIT_OF_SLOW_BODY) == 0 && clock_monotonic_ns() < end) {
        do
            sent = send(client, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent > 0);
        harness_turn(&scene.harness, 5);
    }
    assert_int_equal(sent, -1); /* all buffers on the way are full */
    assert_int_equal(hits(LIMIT_OF_SLOW_BODY), 0);
    close(client);
    close(backend);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(who_reads_nothing_is_reset),
        TEST(who_reads_nothing_of_a_short_answer_is_reset_too),
        TEST(a_slow_reader_has_little_waiting_on_older_kernels_too),
        TEST(who_reads_a_little_is_served),
        TEST(a_reader_has_to_keep_the_rate),
        TEST(an_idle_client_is_no_slow_reader),
        TEST(the_backend_may_be_as_slow_as_it_likes),
        TEST(a_body_below_the_rate_is_given_up),
        TEST(a_body_above_the_rate_goes_on),
        TEST(a_body_that_never_ends_has_the_time_of_a_request),
        TEST(a_backend_that_reads_nothing_costs_the_client_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
