/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections to backends: when one is used again, when it is not, what
 * happens to a stale one, addresses in turn, and what a reload does.
 */
#include "http_scene.h"

#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"
#define OK_DATED "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

static const struct worker_metrics *metrics(void)
{
    return &scene.harness.worker.metrics;
}

static void a_connection_is_shared_by_clients_in_turn(void **state)
{
    (void)state;
    int one = scene_client(), two = scene_client();
    scene_send(one, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(one, OK_DATED);
    scene_round_trip(two, backend);
    scene_round_trip(one, backend);
    assert_int_equal(metrics()->upstream_connects.value, 1);
    assert_int_equal(metrics()->upstream_reuses.value, 2);
    close(one);
    close(two);
    close(backend);
}

static void the_youngest_idle_connection_is_used_first(void **state)
{
    (void)state;
    int one = scene_client(), two = scene_client();
    scene_send(one, GET);
    int first = scene_backend();
    scene_read_until(first, "\r\n\r\n");
    scene_send(two, GET);
    int second = scene_backend();
    scene_read_until(second, "\r\n\r\n");
    scene_send(first, OK_DATED);
    scene_expect(one, OK_DATED);
    harness_settle(&scene.harness);
    scene_send(second, OK_DATED);
    scene_expect(two, OK_DATED);
    harness_settle(&scene.harness);
    scene_round_trip(one, second);
    assert_true(scene_is_silent(first));
    close(one);
    close(two);
    close(first);
    close(second);
}

/* The answer is `response`; is the connection closed by Weir after it? */
static void not_used_again(const char *response, const char *seen)
{
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, response);
    scene_expect(client, seen);
    scene_expect_end(backend);
    close(backend);
    close(client);
}

static void a_connection_in_doubt_is_not_used_again(void **state)
{
    (void)state;
    not_used_again("HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n"
                   "Content-Length: 2\r\n\r\nok",
                   OK_DATED);
    not_used_again("HTTP/1.0 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok", OK_DATED);
    not_used_again(OK_DATED "HTTP/1.1 200 OK\r\n", OK_DATED); /* more than was asked for */
    assert_int_equal(metrics()->upstream_reuses.value, 0);
}

static void unasked_bytes_end_an_idle_connection(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    harness_settle(&scene.harness);
    scene_send(backend, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    scene_expect_end(backend);
    close(backend);
    scene_send(client, GET);
    backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    close(backend);
    close(client);
}

static void a_closed_idle_connection_is_noticed_at_once(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    close(backend);
    harness_settle(&scene.harness);
    scene_send(client, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nab");
    backend = scene_backend();
    scene_read_until(backend, "\r\n\r\nab");
    assert_int_equal(metrics()->upstream_retries.value, 0);
    assert_int_equal(metrics()->upstream_reuses.value, 0);
    close(backend);
    close(client);
}

/* A pooled connection that takes the request and is closed without an answer. */
static int stale_after(int client, const char *request)
{
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    scene_send(client, request);
    scene_read_until(backend, "\r\n\r\n");
    close(backend);
    return client;
}

static void a_stale_connection_is_tried_again_once(void **state)
{
    (void)state;
    int client = stale_after(scene_client(), "GET /again HTTP/1.1\r\nHost: app.test\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_true(scene_begins("GET /again HTTP/1.1\r\nHost: app.test\r\n"));
    close(backend); /* a fresh one that fails is a failure */
    scene_read_until(client, "Bad Gateway");
    assert_int_equal(metrics()->upstream_retries.value, 1);
    close(client);
}

static void what_may_not_be_done_twice_is_not_tried_again(void **state)
{
    (void)state;
    int client = stale_after(scene_client(), "POST / HTTP/1.1\r\nHost: app.test\r\n"
                                             "Content-Length: 0\r\n\r\n");
    scene_read_until(client, "Bad Gateway");
    close(client);
    client = stale_after(scene_client(), "PUT / HTTP/1.1\r\nHost: app.test\r\n"
                                         "Content-Length: 2\r\n\r\nab");
    scene_read_until(client, "Bad Gateway"); /* its body has gone out */
    assert_int_equal(metrics()->upstream_retries.value, 0);
    close(client);
}

/* Six at once, of which the pool keeps four; the other two for the next burst alone. */
static void a_pool_keeps_only_so_many(void **state)
{
    (void)state;
    int clients[6], backends[6];
    for (int i = 0; i < 6; i++) {
        clients[i] = scene_client();
        scene_send(clients[i], GET);
        backends[i] = scene_backend();
        scene_read_until(backends[i], "\r\n\r\n");
    }
    for (int i = 0; i < 6; i++) {
        scene_send(backends[i], OK_DATED);
        scene_expect(clients[i], OK_DATED);
    }
    for (int i = 0; i < 6; i++)
        scene_send(clients[i], GET);
    for (int i = 0; i < 6; i++)
        scene_read_until(backends[i], "\r\n\r\n");
    for (int i = 0; i < 6; i++)
        scene_send(backends[i], OK_DATED);
    for (int i = 0; i < 6; i++)
        scene_expect(clients[i], OK_DATED);
    int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
    int ended = 0;
    while (ended < 2 && clock_monotonic_ns() < deadline) {
        ended = 0;
        harness_turn(&scene.harness, 50);
        for (int i = 0; i < 6; i++)
            ended += !scene_is_silent(backends[i]);
    }
    assert_int_equal(ended, 2);
    for (int i = 0; i < 6; i++) {
        close(clients[i]);
        close(backends[i]);
    }
}

static void addresses_are_tried_in_turn(void **state)
{
    (void)state;
    scene_resolve_name(scene_dead_port(), scene.port);
    int client = scene_client();
    scene_send(client, "GET / HTTP/1.1\r\nHost: name.test\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    assert_int_equal(metrics()->upstream_connects.value, 2);
    close(client);
    close(backend);
}

static void when_all_addresses_fail_it_is_502(void **state)
{
    (void)state;
    uint16_t port = scene_dead_port();
    scene_resolve_name(port, port);
    int client = scene_client();
    scene_send(client, "GET / HTTP/1.1\r\nHost: name.test\r\n\r\n");
    scene_read_until(client, "Bad Gateway");
    assert_int_equal(metrics()->upstream_connects.value, 2);
    close(client);
}

static void a_reload_keeps_the_pools_of_servers_that_stay(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    harness_settle(&scene.harness);
    scene_reload(true);
    scene_round_trip(client, backend);
    close(client);
    close(backend);
}

static void a_reload_empties_the_pools_of_servers_that_are_gone(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    harness_settle(&scene.harness);
    scene_reload(false);
    scene_expect_end(backend);
    close(client);
    close(backend);
}

/* The old snapshot lives until the request that began with it is done. */
static void a_running_request_outlives_a_reload(void **state)
{
    (void)state;
    struct snapshot_publication *publication = &scene.harness.publication;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    struct snapshot *old = scene_publish(false);
    harness_settle(&scene.harness);
    assert_int_equal(atomic_load(&old->claims), 1);
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    scene_expect_end(backend); /* of no use any more */
    harness_settle(&scene.harness);
    assert_int_equal(atomic_load(&old->claims), 0);
    snapshot_destroy(old);
    assert_ptr_equal(scene.harness.worker.hold->snapshot, publication->current);
    scene_send(client, GET);
    scene_read_until(client, "Bad Gateway"); /* what the new one says */
    close(client);
    close(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_is_shared_by_clients_in_turn),
        TEST(the_youngest_idle_connection_is_used_first),
        TEST(a_connection_in_doubt_is_not_used_again),
        TEST(unasked_bytes_end_an_idle_connection),
        TEST(a_closed_idle_connection_is_noticed_at_once),
        TEST(a_stale_connection_is_tried_again_once),
        TEST(what_may_not_be_done_twice_is_not_tried_again),
        TEST(a_pool_keeps_only_so_many),
        TEST(addresses_are_tried_in_turn),
        TEST(when_all_addresses_fail_it_is_502),
        TEST(a_reload_keeps_the_pools_of_servers_that_stay),
        TEST(a_reload_empties_the_pools_of_servers_that_are_gone),
        TEST(a_running_request_outlives_a_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
