/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request and its response: every status that Weir gives itself, what the
 * backend and the client see of each other's messages, back-pressure, and
 * responses that break off.
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

#define GET "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

static const struct worker_metrics *metrics(void)
{
    return &scene.harness.worker.metrics;
}

/* The whole answer to a request that asks for the end of the connection. */
static const char *answer(const char *method, const char *host, const char *target,
                          const char *fields)
{
    char request[1024];
    int client = scene_client();
    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n",
             method, target, host, fields);
    scene_send(client, request);
    scene_read_to_end(client);
    close(client);
    return scene.text;
}

static void expect_status(int status)
{
    char line[32];
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    assert_memory_equal(scene.text, line, strlen(line));
    assert_int_equal(scene.logged_status, status);
}

static void expect_body(const char *body)
{
    assert_string_equal(strstr(scene.text, "\r\n\r\n") + 4, body);
}

/* ---- what Weir answers itself ---- */

static void no_router_is_404(void **state)
{
    (void)state;
    answer("GET", "nobody.test", "/", "");
    expect_status(404);
    expect_body("404 page not found\n");
    assert_true(scene_has("Content-Type: text/plain; charset=utf-8"));
    assert_true(scene_has("X-Content-Type-Options: nosniff"));
    assert_non_null(strstr(scene.text, "\r\nDate: "));
    answer("HEAD", "nobody.test", "/", "");
    expect_status(404);
    expect_body("");
    assert_true(scene_has("Content-Length: 19"));
}

static void what_cannot_be_served_as_configured_is_503(void **state)
{
    (void)state;
    answer("GET", "none.test", "/", "");
    expect_status(503);
    expect_body("no available server\n");
    answer("GET", "broken.test", "/", ""); /* a middleware is missing: not without it */
    expect_status(503);
    assert_non_null(strstr(scene.logged_failure, "missing@file"));
    answer("GET", "gone.test", "/", "");
    expect_status(503);
    answer("GET", "name.test", "/", "");
    expect_status(503);
    assert_string_equal(scene.logged_failure, "the backend's name is not resolved");
    expect_body("Service Unavailable\n");
}

static void a_dead_backend_is_502(void **state)
{
    (void)state;
    answer("GET", "dead.test", "/", "");
    expect_status(502);
    expect_body("Bad Gateway");
    assert_string_equal(scene.logged_failure, "the backend refused the connection");
    assert_int_equal(metrics()->upstream_failures.value, 1);
}

static void connect_is_405_and_noop_418(void **state)
{
    (void)state;
    answer("CONNECT", "app.test:443", "app.test:443", "");
    expect_status(405);
    answer("GET", "noop.test", "/", "");
    expect_status(418);
    expect_body("");
}

static void paths_are_cleaned_and_encoded_characters_refused(void **state)
{
    (void)state;
    answer("GET", "app.test", "/a%2fb", "");
    expect_status(400);
    answer("GET", "app.test", "/a%00b", "");
    expect_status(400);
    answer("GET", "app.test", "/a%zz", "");
    expect_status(400);
    int client = scene_client();
    scene_send(client, "GET /a/../b//c?x=1;y=2&z HTTP/1.1\r\nHost: app.test\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_non_null(strstr(scene.text, "GET /b/c?x=1&y=2&z HTTP/1.1\r\n"));
    close(client);
    close(backend);
}

static void what_is_refused_by_its_first_line_ends_the_connection(void **state)
{
    (void)state;
    static const char *const lines[] = {"CONNECT app.test:443", "GET /a%zz", "GET /a%2fb"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char request[256];
        int client = scene_client();
        snprintf(request, sizeof(request),
                 "%s HTTP/1.1\r\nHost: app.test\r\n\r\nGET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                 lines[i]);
        scene_send(client, request);
        scene_read_to_end(client);
        expect_status(i == 0 ? 405 : 400);
        assert_true(scene_has("Connection: close"));
        assert_null(strstr(scene.text + 1, "HTTP/1.1 "));
        close(client);
    }
}

static void a_body_over_the_limit_is_413(void **state)
{
    (void)state;
    scene.harness.settings.weir.request_body_bytes = 4;
    answer("POST", "app.test", "/", "Content-Length: 5\r\n");
    expect_status(413);
    int client = scene_client();
    scene_send(client, "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "3\r\nabc\r\n");
    scene_send(client, "2\r\nde\r\n");
    scene_read_to_end(client);
    expect_status(413);
    scene_expect_end(backend);
    close(client);
    close(backend);
}

static void internal_services_answer_now_or_later(void **state)
{
    (void)state;
    answer("GET", "api.test", "/now", "");
    expect_status(200);
    expect_body("now");
    int client = scene_client();
    scene_send(client, "GET /later HTTP/1.1\r\nHost: api.test\r\n\r\n");
    assert_true(scene_is_silent(client));
    assert_non_null(scene.suspended);
    exchange_reply(scene.suspended, 200, NULL, SPAN("text/plain"), SPAN("later"));
    assert_null(scene.suspended);
    scene_read_until(client, "later");
    close(client);
}

static void who_would_answer_learns_that_nobody_waits(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "GET /later HTTP/1.1\r\nHost: api.test\r\n\r\n");
    assert_true(scene_is_silent(client));
    assert_non_null(scene.suspended);
    close(client);
    harness_settle(&scene.harness);
    assert_null(scene.suspended);
    assert_int_equal(scene.logged_status, 499);
}

/* ---- TLS options ---- */

static int tls_status(const char *server_name, const struct tls_options *options, const char *host)
{
    char request[256];
    int client = scene_tls_client(server_name, options);
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
             host);
    scene_send(client, request);
    scene_read_to_end(client);
    close(client);
    return atoi(scene.text + strlen("HTTP/1.1 "));
}

static void a_host_with_other_tls_options_is_421(void **state)
{
    (void)state;
    const struct tls_options *plain = scene.default_options, *strict = scene.strict_options;
    assert_int_equal(tls_status("strict.test", strict, "strict.test"), 418);
    assert_int_equal(tls_status("secure.test", plain, "secure.test"), 418);
    assert_int_equal(tls_status("secure.test", plain, "strict.test"), 421);
    assert_int_equal(tls_status("strict.test", strict, "secure.test"), 421);
    assert_int_equal(tls_status("", plain, "strict.test"), 421);
    assert_int_equal(tls_status("", plain, "secure.test"), 418);
    assert_int_equal(tls_status("secure.test", plain, "nobody.test"), 404);
    assert_int_equal(tls_status("secure.test", plain, "app.test"), 404); /* no TLS router */
    assert_int_equal(metrics()->requests_tls.value, 8);
}

/* ---- the request, as the backend sees it ---- */

static void hop_by_hop_fields_end_here(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "GET /x?y HTTP/1.1\r\nHost: app.test:81\r\nConnection: X-Hop, keep-alive\r\n"
                       "X-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers, deflate\r\n"
                       "Proxy-Connection: x\r\n"
                       "Upgrade: h2c\r\nAccept: */*\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_true(scene_begins("GET /x?y HTTP/1.1\r\nHost: app.test:81\r\n"));
    assert_true(scene_has("TE: trailers"));
    assert_true(scene_has("Accept: */*"));
    assert_null(strstr(scene.text, "X-Hop"));
    assert_null(strstr(scene.text, "Keep-Alive"));
    assert_null(strstr(scene.text, "Upgrade"));
    assert_null(strstr(scene.text, "Connection"));
    close(client);
    close(backend);
}

static void the_server_may_want_its_own_host_and_base_path(void **state)
{
    (void)state;
    char line[64];
    int client = scene_client();
    scene_send(client, "GET /x HTTP/1.1\r\nHost: own.test\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_true(scene_begins("GET /base/x HTTP/1.1\r\n"));
    snprintf(line, sizeof(line), "Host: 127.0.0.1:%u", scene.port);
    assert_true(scene_has(line));
    assert_true(scene_has("X-Forwarded-Host: own.test"));
    close(client);
    close(backend);
}

static void absolute_form_becomes_origin_form(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "GET http://app.test/x?y HTTP/1.1\r\nHost: other.test\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_true(scene_begins("GET /x?y HTTP/1.1\r\nHost: app.test\r\n"));
    close(client);
    close(backend);
}

static void a_body_with_length_keeps_its_length(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nab");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\nab");
    assert_true(scene_has("Content-Length: 5"));
    scene_send(client, "cde");
    scene_expect(backend, "cde");
    close(client);
    close(backend);
}

static void trailers_pass_both_ways(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "2\r\nab\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n");
    scene_send(backend, "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n0\r\nX-End: 2\r\n\r\n");
    scene_expect(client, "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n0\r\nX-End: 2\r\n\r\n");
    close(client);
    close(backend);
}

static void the_client_is_told_to_continue_when_the_backend_is_ready(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n"
                       "Expect: 100-continue\r\n\r\n");
    int backend = scene_backend();
    scene_expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
    scene_read_until(backend, "\r\n\r\n");
    assert_null(strstr(scene.text, "Expect"));
    scene_send(client, "ab");
    scene_expect(backend, "ab");
    scene_send(backend, "HTTP/1.1 100 Continue\r\n\r\n"
                        "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");
    scene_expect(client, "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");
    close(client);
    close(backend);
}

static void nobody_is_told_to_continue_in_vain(void **state)
{
    (void)state;
    answer("PUT", "dead.test", "/", "Content-Length: 2\r\nExpect: 100-continue\r\n");
    expect_status(502); /* the first line that came */
    int client = scene_client();
    scene_send(client, "PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n"
                       "Expect: 100-continue\r\n\r\na");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\na");
    assert_true(scene_is_silent(client));
    close(client);
    close(backend);
}

/* ---- the response, as the client sees it ---- */

struct response_case {
    const char *request, *response, *seen;
};

static void responses_are_framed_for_the_client(void **state)
{
    (void)state;
    static const struct response_case cases[] = {
        {GET, "HTTP/1.1 200 Fine\r\nDate: now\r\nContent-Length: 2\r\nConnection: X\r\nX: 1\r\n"
              "Keep-Alive: 3\r\nServer: s\r\n\r\nok",
         "HTTP/1.1 200 Fine\r\nDate: now\r\nServer: s\r\nContent-Length: 2\r\n\r\nok"},
        {"HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n",
         "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 9\r\n\r\n",
         "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 9\r\n\r\n"},
        {GET, "HTTP/1.1 304 Not Modified\r\nDate: now\r\nETag: \"x\"\r\n\r\n",
         "HTTP/1.1 304 Not Modified\r\nDate: now\r\nETag: \"x\"\r\n\r\n"},
        {GET, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
              "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n",
         "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
         "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"},
        {"GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n",
         "HTTP/1.1 103 Early Hints\r\n\r\n"
         "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
         "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nabcde"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int client = scene_client();
        scene_send(client, cases[i].request);
        int backend = scene_backend();
        scene_read_until(backend, "\r\n\r\n");
        scene_send(backend, cases[i].response);
        scene_expect(client, cases[i].seen);
        close(client);
        close(backend);
        harness_settle(&scene.harness); /* the pooled connection is noticed to be closed */
    }
}

static void a_body_that_ends_with_the_connection_becomes_chunked(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, "HTTP/1.1 200 OK\r\nDate: now\r\n\r\nabc");
    scene_expect(client, "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n");
    close(backend);
    scene_expect(client, "0\r\n\r\n");
    close(client);
}

static void a_date_is_added(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    scene_read_until(client, "\r\n\r\n");
    const char *date = strstr(scene.text, "\r\nDate: ");
    assert_non_null(date);
    assert_memory_equal(strstr(date + 2, "\r\n") - 4, " GMT", 4);
    close(client);
    close(backend);
}

/* ---- responses that go wrong ---- */

static void bad_response(const char *bytes, int status)
{
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, bytes);
    shutdown(backend, SHUT_WR);
    scene_read_until(client, "\r\n\r\n");
    char line[32];
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    assert_memory_equal(scene.text, line, strlen(line));
    close(client);
    close(backend);
}

static void a_backend_that_does_not_speak_http_is_502(void **state)
{
    (void)state;
    bad_response("", 502);
    bad_response("hello\r\n\r\n", 502);
    bad_response("HTTP/1.1 200 OK\r\nContent-Le", 502);
    bad_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502);
    bad_response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 502); /* unasked */
}

static void a_backend_that_takes_too_long_is_504(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(client, "Gateway Timeout");
    scene_read_until(backend, "\r\n\r\n");
    scene_expect_end(backend);
    close(client);
    close(backend);
}

static void cut_short(const char *request, const char *response, bool reset)
{
    int client = scene_client();
    scene_send(client, request);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, response);
    scene_read_until(client, "\r\n\r\n");
    if (reset) {
        struct linger now = {1, 0};
        setsockopt(backend, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    close(backend);
    if (reset)
        scene_expect_reset(client);
    else
        assert_null(strstr(scene_read_to_end(client), "\r\n0\r\n"));
    close(client);
}

static void a_response_that_breaks_off_never_ends_cleanly(void **state)
{
    (void)state;
    cut_short(GET, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false);
    cut_short(GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", false);
    cut_short("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nabc", true);
    assert_int_equal(metrics()->upstream_failures.value, 3);
}

static void an_early_response_ends_the_exchange(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\nab");
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\nab");
    scene_send(backend, "HTTP/1.1 403 Forbidden\r\nDate: now\r\nContent-Length: 2\r\n\r\nno");
    scene_expect(client, "HTTP/1.1 403 Forbidden\r\nDate: now\r\nContent-Length: 2\r\n\r\nno");
    scene_expect_end(client);
    scene_expect_end(backend); /* half a request was sent on it: never used again */
    close(client);
    close(backend);
}

/* ---- flow ---- */

/* How many bytes one end takes before nothing moves any more. */
static size_t fill(int fd)
{
    static const char block[65536];
    size_t sent = 0;
    for (int idle = 0; idle < 3;) {
        ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        if (n > 0)
            harness_turn(&scene.harness, 0);
        else
            harness_settle(&scene.harness);
    }
    return sent;
}

/* Takes everything there is until `total` bytes have come. */
static void drain(int fd, size_t total)
{
    static char block[65536];
    for (size_t got = 0; got < total;) {
        ssize_t n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
        if (n > 0)
            got += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            harness_turn(&scene.harness, 10);
        else
            fail_msg("the stream ended after %zu of %zu bytes", got, total);
    }
}

#define HUGE_LENGTH "Content-Length: 1000000000\r\n\r\n"
#define FLOW_MAX ((size_t)16 << 20) /* kernel buffers of three sockets and ours */

static void a_slow_client_stops_the_backend(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, GET);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, "HTTP/1.1 200 OK\r\n" HUGE_LENGTH);
    scene_read_until(client, "\r\n\r\n");
    size_t sent = fill(backend);
    assert_true(sent < FLOW_MAX);
    drain(client, sent);
    sent = fill(backend); /* and it goes on */
    assert_true(sent > 0);
    drain(client, sent);
    close(client);
    close(backend);
}

static void a_slow_backend_stops_the_client(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "POST / HTTP/1.1\r\nHost: app.test\r\n" HUGE_LENGTH);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    size_t sent = fill(client);
    assert_true(sent < FLOW_MAX);
    drain(backend, sent);
    sent = fill(client);
    assert_true(sent > 0);
    drain(backend, sent);
    close(client);
    close(backend);
}

static void a_large_body_waits_for_whoever_answers(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "POST /later HTTP/1.1\r\nHost: api.test\r\n" HUGE_LENGTH);
    size_t sent = fill(client);
    assert_true(sent < FLOW_MAX);
    assert_non_null(scene.suspended);
    assert_true(buf_len(&scene.suspended->body) < 200000);
    exchange_reply(scene.suspended, 200, NULL, SPAN("text/plain"), SPAN("enough"));
    scene_read_until(client, "enough");
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_router_is_404),
        TEST(what_cannot_be_served_as_configured_is_503),
        TEST(a_dead_backend_is_502),
        TEST(connect_is_405_and_noop_418),
        TEST(paths_are_cleaned_and_encoded_characters_refused),
        TEST(what_is_refused_by_its_first_line_ends_the_connection),
        TEST(a_body_over_the_limit_is_413),
        TEST(internal_services_answer_now_or_later),
        TEST(who_would_answer_learns_that_nobody_waits),
        TEST(a_host_with_other_tls_options_is_421),
        TEST(hop_by_hop_fields_end_here),
        TEST(the_server_may_want_its_own_host_and_base_path),
        TEST(absolute_form_becomes_origin_form),
        TEST(a_body_with_length_keeps_its_length),
        TEST(trailers_pass_both_ways),
        TEST(the_client_is_told_to_continue_when_the_backend_is_ready),
        TEST(nobody_is_told_to_continue_in_vain),
        TEST(responses_are_framed_for_the_client),
        TEST(a_body_that_ends_with_the_connection_becomes_chunked),
        TEST(a_date_is_added),
        TEST(a_backend_that_does_not_speak_http_is_502),
        TEST(a_backend_that_takes_too_long_is_504),
        TEST(a_response_that_breaks_off_never_ends_cleanly),
        TEST(an_early_response_ends_the_exchange),
        TEST(a_slow_client_stops_the_backend),
        TEST(a_slow_backend_stops_the_client),
        TEST(a_large_body_waits_for_whoever_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
