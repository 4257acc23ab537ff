/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long response bodies moved by splice(2). The client's connection counts as TLS and is
 * plain, so that no kernel TLS is needed: what is special to that is tested under a
 * kernel that has it (tests/e2e/test_ktls.py).
 */
#include "http_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LEAST 65536
#define LONG ((size_t)1 << 20)
#define GET "GET / HTTP/1.1\r\nHost: tls.test\r\n\r\n"
#define GET_1_0 "GET / HTTP/1.0\r\nHost: tls.test\r\n\r\n"
#define SMALL "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

static char body[LONG];
static char got[2 * LONG];

static const struct worker_metrics *metrics(void)
{
    return &scene.harness.worker.metrics;
}

/* A client whose bodies are spliced from LEAST bytes on. */
static int start(void)
{
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (char)('a' + (i * 7 + i / 251) % 26);
    scene.harness.settings.weir.ktls_min_bytes = LEAST;
    return scene_tls_client("tls.test", scene.default_options);
}

/* Sends what the socket takes; returns how much. */
static size_t send_some(int fd, const char *bytes, size_t len)
{
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

/* Sends and reads at the two far ends until `want` bytes have come, which are body. */
static void pass(int backend, size_t sent, int client, size_t want)
{
    size_t have = 0, target = want > sent ? want : sent;
    size_t from = 0;
    while (have < want) {
        if (from < target)
            from += send_some(backend, body + from, target - from);
        harness_turn(&scene.harness, 1);
        ssize_t n = recv(client, got + have, want - have, MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        have += n > 0 ? (size_t)n : 0;
    }
    assert_memory_equal(got, body, want);
}

static void send_head(int backend, size_t length)
{
    char head[100];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: %zu\r\n\r\n",
             length);
    scene_send(backend, head);
}

static void ask(int client, int *backend)
{
    scene_send(client, GET);
    *backend = scene_backend();
    scene_read_until(*backend, "\r\n\r\n");
}

/* One more request on both connections. */
static void goes_on(int client, int backend)
{
    scene_send(client, GET);
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, SMALL);
    scene_expect(client, SMALL);
}

static void both_connections_go_on_after_a_spliced_body(void **state)
{
    int client = start(), backend;
    (void)state;
    ask(client, &backend);
    for (int i = 0; i < 3; i++) {
        send_head(backend, LONG);
        scene_read_until(client, "\r\n\r\n");
        pass(backend, 0, client, LONG);
        assert_true(metrics()->bytes_spliced.value > (uint64_t)(i + 1) * (LONG - 4 * LEAST));
        goes_on(client, backend);
        scene_send(client, GET);
        scene_read_until(backend, "\r\n\r\n");
    }
    assert_int_equal(metrics()->upstream_connects.value, 1);
    assert_int_equal(metrics()->upstream_failures.value, 0);
    close(client);
    close(backend);
}

static void a_body_that_has_come_already_is_not_waited_for(void **state)
{
    char answer[LEAST + 200];
    int client = start(), backend;
    (void)state;
    ask(client, &backend);
    int head = snprintf(answer, 200, "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: %d\r\n\r\n",
                        LEAST);
    memcpy(answer + head, body, LEAST);
    size_t len = (size_t)head + LEAST, have = 0;
    harness_send_all(backend, answer, len);
    while (have < len) {
        harness_turn(&scene.harness, 1);
        ssize_t n = recv(client, got + have, len - have, MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        have += n > 0 ? (size_t)n : 0;
    }
    assert_memory_equal(got, answer, len);
    goes_on(client, backend);
    goes_on(client, backend);
    close(client);
    close(backend);
}

static void shorter_bodies_and_chunks_are_copied(void **state)
{
    int client = start(), backend;
    (void)state;
    ask(client, &backend);
    send_head(backend, LEAST - 1);
    scene_read_until(client, "\r\n\r\n");
    pass(backend, 0, client, LEAST - 1);
    scene_send(client, GET);
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\nok\r\n0\r\n\r\n");
    scene_read_until(client, "0\r\n\r\n");
    assert_int_equal(metrics()->bytes_spliced.value, 0);
    close(client);
    close(backend);
}

static void a_body_until_the_close_is_spliced_for_http_1_0(void **state)
{
    int client = start();
    (void)state;
    scene_send(client, GET_1_0);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\n");
    scene_read_until(client, "\r\n\r\n");
    pass(backend, 0, client, LEAST); /* which shows that it is long */
    harness_settle(&scene.harness);
    pass(backend, 0, client, LONG);
    assert_int_equal(metrics()->bytes_spliced.value, LONG);
    close(backend);
    scene_expect_end(client);
    assert_int_equal(metrics()->upstream_failures.value, 0);
    close(client);
}

static void a_request_that_came_ahead_is_answered_after_the_body(void **state)
{
    int client = start(), backend;
    (void)state;
    ask(client, &backend);
    scene_send(client, GET);
    send_head(backend, LONG);
    scene_read_until(client, "\r\n\r\n");
    pass(backend, 0, client, LONG);
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, SMALL);
    scene_expect(client, SMALL);
    close(client);
    close(backend);
}

/* Which would be taken for the answer to the request that waits. */
static void bytes_behind_the_body_are_nobodys_answer(void **state)
{
    int client = start(), backend;
    (void)state;
    ask(client, &backend);
    scene_send(client, GET);
    send_head(backend, LONG - 100);
    scene_read_until(client, "\r\n\r\n");
    pass(backend, LONG, client, LONG - 100);
    int other = scene_backend();
    scene_read_until(other, "\r\n\r\n");
    scene_send(other, SMALL);
    scene_expect(client, SMALL);
    close(client);
    close(backend);
    close(other);
}

static void the_client_notices_that_the_backend_has_gone(void **state)
{
    int client = start(), backend;
    (void)state;
    ask(client, &backend);
    send_head(backend, LONG + 1);
    scene_read_until(client, "\r\n\r\n");
    pass(backend, 0, client, LONG);
    close(backend);
    scene_expect_end(client);
    harness_settle(&scene.harness); /* the log comes after the FIN */
    assert_int_equal(metrics()->upstream_failures.value, 1);
    assert_int_equal(scene.logged_status, 200);
    assert_true(scene.logged_failure[0] != '\0');
    close(client);
}

static void the_backend_is_left_when_the_client_has_gone(void **state)
{
    int client = start(), backend;
    (void)state;
    ask(client, &backend);
    send_head(backend, 4 * LONG);
    scene_read_until(client, "\r\n\r\n");
    pass(backend, 0, client, LONG);
    close(client);
    scene_expect_end(backend);
    assert_int_equal(metrics()->upstream_failures.value, 0);
    close(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_connections_go_on_after_a_spliced_body),
        TEST(a_body_that_has_come_already_is_not_waited_for),
        TEST(shorter_bodies_and_chunks_are_copied),
        TEST(a_body_until_the_close_is_spliced_for_http_1_0),
        TEST(a_request_that_came_ahead_is_answered_after_the_body),
        TEST(bytes_behind_the_body_are_nobodys_answer),
        TEST(the_client_notices_that_the_backend_has_gone),
        TEST(the_backend_is_left_when_the_client_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
