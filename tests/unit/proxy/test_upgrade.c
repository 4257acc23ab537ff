/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 101 Switching Protocols: what both sides send beyond the heads arrives, and
 * afterwards there is a tunnel.
 */
#include "http_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
#define ASK                                                                            \
    "GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\n"      \
    "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define AGREE                                                                          \
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

static int client, backend;

static void ask(void)
{
    client = scene_client();
    scene_send(client, ASK);
    backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_true(scene_has("Connection: Upgrade"));
    assert_true(scene_has("Upgrade: websocket"));
    assert_true(scene_has("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
}

static void an_upgrade_becomes_a_tunnel(void **state)
{
    (void)state;
    ask();
    scene_send(backend, AGREE "server first");
    scene_expect(client, AGREE "server first");
    scene_send(client, "hello");
    scene_expect(backend, "hello");
    scene_send(backend, "back");
    scene_expect(client, "back");
    assert_int_equal(scene.harness.worker.metrics.tunnels_open.value, 1);
    shutdown(client, SHUT_WR);
    scene_expect_end(backend);
    scene_send(backend, "bye");
    close(backend);
    scene_expect(client, "bye");
    scene_expect_end(client);
    close(client);
    harness_settle(&scene.harness);
    assert_int_equal(scene.harness.worker.metrics.tunnels_open.value, 0);
    assert_int_equal(scene.logged, 1);
    assert_int_equal(scene.logged_status, 101);
}

static void bytes_that_came_before_the_answer_are_not_lost(void **state)
{
    (void)state;
    ask();
    scene_send(client, "early");
    assert_true(scene_is_silent(backend));
    scene_send(backend, AGREE);
    scene_expect(client, AGREE);
    scene_expect(backend, "early");
    scene_send(client, "later");
    scene_expect(backend, "later");
    close(client);
    close(backend);
}

static void a_refused_upgrade_is_a_plain_response(void **state)
{
    (void)state;
    ask();
    scene_send(backend, "HTTP/1.1 403 Forbidden\r\nDate: now\r\nContent-Length: 2\r\n\r\nno");
    scene_expect(client, "HTTP/1.1 403 Forbidden\r\nDate: now\r\nContent-Length: 2\r\n\r\nno");
    scene_round_trip(client, backend);
    close(client);
    close(backend);
}

static void a_tunnel_ends_with_either_side(void **state)
{
    (void)state;
    ask();
    scene_send(backend, AGREE);
    scene_expect(client, AGREE);
    close(client);
    scene_expect_end(backend);
    close(backend);
    ask();
    scene_send(backend, AGREE);
    scene_expect(client, AGREE);
    worker_abort_clients(&scene.harness.worker);
    scene_read_to_end(client);
    scene_read_to_end(backend);
    close(client);
    close(backend);
}

static void a_protocol_that_carries_requests_is_never_asked_for(void **state)
{
    (void)state;
    static const char *const protocols[] = {"h2c", "websocket, H2C", "h2c, websocket", "h2",
                                            "HTTP/2.0", "tls/1.0", "h2c;q=1", "x,\tH2C /1",
                                            "websocket h2c", "websocket;h2c", "x, @h2c", "x/",
                                            "x,", ",x", "/x", "x/1/2"};
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        char request[256];
        snprintf(request, sizeof(request),
                 "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                 "Upgrade: %s\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", protocols[i]);
        client = scene_client();
        scene_send(client, request);
        backend = scene_backend();
        scene_read_until(backend, "\r\n\r\n");
        assert_null(strcasestr(scene.text, "upgrade"));
        assert_null(strcasestr(scene.text, "settings"));
        scene_send(backend, AGREE);
        scene_read_until(client, "Bad Gateway");
        close(client);
        close(backend);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upgrade_becomes_a_tunnel),
        TEST(bytes_that_came_before_the_answer_are_not_lost),
        TEST(a_refused_upgrade_is_a_plain_response),
        TEST(a_tunnel_ends_with_either_side),
        TEST(a_protocol_that_carries_requests_is_never_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
