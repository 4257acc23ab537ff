/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's side of HTTP/1.x: heads in any cut, keep-alive and its limits,
 * pipelining, time limits, and every way in which a request is refused.
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

static uint64_t hits(enum limit limit)
{
    return metric_read(&scene.harness.worker.limits.hits[limit]);
}

static const struct worker_metrics *metrics(void)
{
    return &scene.harness.worker.metrics;
}

static struct client *only_client(void)
{
    assert_false(list_empty(&scene.harness.worker.clients));
    return container_of(scene.harness.worker.clients.next, struct client, link);
}

/* ---- heads ---- */

static void a_head_may_come_byte_by_byte(void **state)
{
    (void)state;
    int client = scene_client();
    for (const char *p = GET; *p != '\0'; p++) {
        harness_send_all(client, p, 1);
        harness_turn(&scene.harness, 5);
    }
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_true(scene_has("Host: app.test"));
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    close(backend);
    close(client);
}

/* Every cut of head and body into two. */
static void a_request_may_be_cut_anywhere(void **state)
{
    (void)state;
    static const char request[] =
        "POST /x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    int client = scene_client(), backend = -1;
    for (size_t cut = 1; cut < sizeof(request) - 1; cut++) {
        harness_send_all(client, request, cut);
        harness_turn(&scene.harness, 2);
        harness_send_all(client, request + cut, sizeof(request) - 1 - cut);
        if (backend < 0)
            backend = scene_backend();
        const char *seen = scene_read_until(backend, "\r\n0\r\n\r\n");
        assert_non_null(strstr(seen, "\r\nTransfer-Encoding: chunked\r\n"));
        const char *body = strstr(seen, "\r\n\r\n") + 4;
        char content[16] = "";
        for (unsigned long size; (size = strtoul(body, NULL, 16)) > 0;) {
            body = strstr(body, "\r\n") + 2;
            strncat(content, body, size);
            body += size + 2;
        }
        assert_string_equal(content, "abcde");
        scene_send(backend, OK_DATED);
        scene_expect(client, OK_DATED);
    }
    close(backend);
    close(client);
}

static void refused(const char *request, const char *status_line)
{
    int client = scene_client();
    scene_send(client, request);
    const char *answer = scene_read_to_end(client);
    assert_memory_equal(answer, status_line, strlen(status_line));
    assert_true(scene_has("Connection: close"));
    assert_true(scene_has("Content-Type: text/plain; charset=utf-8"));
    close(client);
}

static void malformed_requests_are_refused(void **state)
{
    (void)state;
    refused("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
    refused("GET /\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
    refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
    refused("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
    refused("GET / HTTP/2.0\r\nHost: app.test\r\n\r\n",
            "HTTP/1.1 505 HTTP Version Not Supported\r\n");
    refused("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 501 Not Implemented\r\n");
    refused("GET / HTTP/1.1\r\nHost: app.test\r\nExpect: miracles\r\n\r\n",
            "HTTP/1.1 417 Expectation Failed\r\n");
    assert_int_equal(scene.logged, 0); /* no request ever began */
}

static void too_long_heads_are_refused(void **state)
{
    (void)state;
    static char request[16384];
    strcpy(request, "GET / HTTP/1.1\r\nHost: app.test\r\nX: ");
    memset(request + strlen(request), 'x', 12000);
    strcat(request, "\r\n\r\n");
    refused(request, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    memset(request, 0, sizeof(request));
    strcpy(request, "GET /");
    memset(request + strlen(request), 'x', 12000);
    refused(request, "HTTP/1.1 414 ");
    assert_int_equal(hits(LIMIT_OF_HEADERS), 2);
}

static void a_broken_body_is_refused(void **state)
{
    (void)state;
    refused("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
            "HTTP/1.1 400 Bad Request\r\n");
    close(scene_backend());
}

/* ---- between requests ---- */

static void the_connection_is_kept_alive(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            scene_send(client, GET);
        scene_read_until(backend, "\r\n\r\n");
        assert_false(only_client()->idle);
        scene_send(backend, OK_DATED);
        scene_expect(client, OK_DATED);
        harness_settle(&scene.harness);
        assert_true(only_client()->idle);
    }
    assert_int_equal(metrics()->upstream_connects.value, 1);
    assert_int_equal(metrics()->upstream_reuses.value, 2);
    assert_int_equal(scene.logged, 3);
    close(backend);
    close(client);
}

static void http_1_0_closes_unless_asked_not_to(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_non_null(strstr(scene.text, "GET / HTTP/1.1\r\n"));
    scene_send(backend, OK_DATED);
    scene_expect(client, "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n"
                         "Connection: keep-alive\r\n\r\nok");
    scene_send(client, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, OK_DATED);
    scene_expect(client, "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n"
                         "Connection: close\r\n\r\nok");
    scene_expect_end(client);
    close(backend);
    close(client);
}

static void a_1_0_request_without_host_goes_to_the_server_s_own(void **state)
{
    (void)state;
    int client = scene_client();
    char line[64];
    scene_send(client, "GET / HTTP/1.0\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    snprintf(line, sizeof(line), "Host: 127.0.0.1:%u", scene.port);
    assert_true(scene_has(line));
    close(backend);
    close(client);
}

static void the_client_s_wish_to_close_is_kept(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "GET / HTTP/1.1\r\nHost: noop.test\r\nConnection: close\r\n\r\n");
    scene_read_to_end(client);
    assert_true(scene_has("Connection: close"));
    close(client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\n"
                       "GET /2 HTTP/1.1\r\nHost: nobody.test\r\n\r\n"
                       "POST /3 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc"
                       "GET /4 HTTP/1.1\r\nHost: noop.test\r\nConnection: close\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "GET /1 ");
    assert_true(scene_is_silent(client));
    assert_null(strstr(scene.text, "/3"));
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    scene_read_until(client, "404 page not found\n");
    scene_read_until(backend, "\r\n\r\nabc");
    scene_send(backend, OK_DATED);
    scene_expect(client, OK_DATED);
    scene_read_to_end(client);
    assert_non_null(strstr(scene.text, "HTTP/1.1 418 "));
    close(backend);
    close(client);
}

static void keep_alive_ends_after_the_configured_number(void **state)
{
    (void)state;
    scene.entry.keep_alive_max_requests = 2;
    int client = scene_client();
    scene_send(client, "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    scene_read_until(client, "not found\n");
    assert_false(scene_has("Connection: close"));
    scene_send(client, "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    scene_read_to_end(client);
    assert_true(scene_has("Connection: close"));
    close(client);
}

static void keep_alive_ends_after_the_configured_time(void **state)
{
    (void)state;
    scene.entry.keep_alive_max_time = MS(40);
    int client = scene_client();
    scene_send(client, "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    scene_read_until(client, "not found\n");
    assert_false(scene_has("Connection: close"));
    int64_t begin = scene.harness.worker.now_ms;
    while (scene.harness.worker.now_ms < begin + 50)
        harness_turn(&scene.harness, 10);
    scene_send(client, "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    scene_read_to_end(client);
    assert_true(scene_has("Connection: close"));
    close(client);
}

static void draining_closes_idle_and_ends_busy_connections(void **state)
{
    (void)state;
    int idle = scene_client(), busy = scene_client();
    scene_send(busy, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    worker_drain(&scene.harness.worker);
    scene_expect_end(idle);
    assert_true(scene_is_silent(busy));
    scene_send(backend, OK_DATED);
    scene_read_to_end(busy);
    assert_true(scene_has("Connection: close"));
    assert_non_null(strstr(scene.text, "\r\n\r\nok"));
    close(backend);
    close(busy);
    close(idle);
}

/* ---- time ---- */

static void an_idle_connection_is_closed_in_silence(void **state)
{
    (void)state;
    scene.entry.idle_timeout = MS(30);
    int client = scene_client();
    scene_send(client, "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    scene_read_until(client, "not found\n");
    scene_expect_end(client);
    close(client);
}

static void a_slow_head_is_given_up(void **state)
{
    (void)state;
    scene.harness.settings.weir.header_timeout = MS(30);
    refused("GET / HTTP/1.1\r\nHost:", "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(hits(LIMIT_OF_SLOW_HEADERS), 1);
    int silent = scene_client();
    scene_expect_end(silent);
    close(silent);
}

static void a_slow_body_is_given_up(void **state)
{
    (void)state;
    scene.harness.settings.weir.body_timeout = MS(30);
    refused("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nab",
            "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(hits(LIMIT_OF_SLOW_BODY), 1);
    assert_int_equal(scene.logged_status, 408);
    int backend = scene_backend();
    scene_read_to_end(backend); /* it learns at once */
    close(backend);
}

static void a_slow_body_behind_a_response_cuts_it(void **state)
{
    (void)state;
    scene.harness.settings.weir.body_timeout = MS(60);
    int client = scene_client();
    scene_send(client, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nab");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\nab");
    scene_send(backend, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
    scene_read_to_end(client);
    assert_non_null(strstr(scene.text, "\r\n\r\npart"));
    close(backend);
    close(client);
}

/* ---- early answers and clients that leave ---- */

static void an_answer_before_the_body_was_read_arrives(void **state)
{
    (void)state;
    int client = scene_client();
    static char body[200000];
    scene_send(client, "POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 9000000\r\n\r\n");
    harness_send_all(client, body, 60000);
    scene_read_to_end(client); /* no reset, although bytes were never read */
    assert_non_null(strstr(scene.text, "404 page not found\n"));
    assert_true(scene_has("Connection: close"));
    close(client);
}

static void a_body_that_came_with_the_head_keeps_the_connection(void **state)
{
    (void)state;
    int client = scene_client();
    for (int i = 0; i < 2; i++) {
        scene_send(client,
                   "POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 3\r\n\r\nabc");
        scene_read_until(client, "not found\n");
        assert_false(scene_has("Connection: close"));
    }
    close(client);
}

static void a_client_that_leaves_frees_the_backend(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    close(client);
    scene_expect_end(backend);
    assert_int_equal(scene.logged_status, 499);
    close(backend);
}

static void a_client_that_leaves_within_its_body_frees_the_backend(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nab");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\nab");
    close(client);
    scene_read_to_end(backend);
    close(backend);
}

/* Sends of an endless body until Weir reads no more of it; what it has read by then it
 * has passed on to a backend that does not read. */
static void fill_until_paused(int client)
{
    static const char zeros[1 << 14];
    const struct conn *conn = &only_client()->conn;
    int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
    while (!conn->paused || op_pending(&conn->receive)) {
        assert_true(clock_monotonic_ns() < deadline);
        harness_send_all(client, zeros, sizeof(zeros));
        harness_turn(&scene.harness, 1);
    }
}

static void stop_body(int *client, int *backend)
{
    *client = scene_client();
    scene_send(*client, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 99999999999\r\n\r\n");
    *backend = scene_backend();
    scene_read_until(*backend, "\r\n\r\n");
    fill_until_paused(*client);
    harness_send_all(*client, "unread", 6);
}

static void expect_gone(int backend)
{
    for (int i = 0; i < 10000 && !list_empty(&scene.harness.worker.clients); i++)
        harness_turn(&scene.harness, 1);
    assert_true(list_empty(&scene.harness.worker.clients));
    assert_int_equal(scene.logged, 1);
    assert_int_equal(scene.logged_status, 499);
    close(backend);
}

static void who_leaves_while_its_body_is_stopped_frees_the_backend(void **state)
{
    (void)state;
    int client, backend;
    stop_body(&client, &backend);
    close(client);
    expect_gone(backend);
}

static void who_resets_while_its_body_is_stopped_frees_the_backend(void **state)
{
    (void)state;
    static const struct linger at_once = {.l_onoff = 1};
    int client, backend;
    stop_body(&client, &backend);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(client);
    expect_gone(backend);
}

/* The watch over its client neither holds it up nor takes it for gone. */
static void a_body_that_was_stopped_for_long_goes_on(void **state)
{
    (void)state;
    static char sink[1 << 16];
    int client, backend;
    stop_body(&client, &backend);
    const struct conn *conn = &only_client()->conn;
    for (int i = 0; i < 10000 && !op_pending(&conn->receive); i++)
        harness_turn(&scene.harness, 1);
    assert_true(conn->hangup_watched && conn->paused);
    uint64_t before = conn->bytes_in;
    int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
    while (conn->bytes_in == before) {
        assert_true(clock_monotonic_ns() < deadline);
        while (recv(backend, sink, sizeof(sink), MSG_DONTWAIT) > 0)
            ;
        harness_turn(&scene.harness, 1);
    }
    assert_false(conn->hangup_watched);
    assert_int_equal(scene.logged, 0);
    close(client);
    close(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_head_may_come_byte_by_byte),
        TEST(a_request_may_be_cut_anywhere),
        TEST(malformed_requests_are_refused),
        TEST(too_long_heads_are_refused),
        TEST(a_broken_body_is_refused),
        TEST(the_connection_is_kept_alive),
        TEST(http_1_0_closes_unless_asked_not_to),
        TEST(a_1_0_request_without_host_goes_to_the_server_s_own),
        TEST(the_client_s_wish_to_close_is_kept),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(keep_alive_ends_after_the_configured_number),
        TEST(keep_alive_ends_after_the_configured_time),
        TEST(draining_closes_idle_and_ends_busy_connections),
        TEST(an_idle_connection_is_closed_in_silence),
        TEST(a_slow_head_is_given_up),
        TEST(a_slow_body_is_given_up),
        TEST(a_slow_body_behind_a_response_cuts_it),
        TEST(an_answer_before_the_body_was_read_arrives),
        TEST(a_body_that_came_with_the_head_keeps_the_connection),
        TEST(a_client_that_leaves_frees_the_backend),
        TEST(a_client_that_leaves_within_its_body_frees_the_backend),
        TEST(who_leaves_while_its_body_is_stopped_frees_the_backend),
        TEST(who_resets_while_its_body_is_stopped_frees_the_backend),
        TEST(a_body_that_was_stopped_for_long_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
