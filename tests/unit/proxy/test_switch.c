/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An upgrade for a client whose connection cannot become a tunnel (RFC 8441): once the
 * backend has switched protocols, the bodies of the exchange are its bytes. The front
 * is played by the test.
 */
#include "core/proxy/exchange_private.h"
#include "http_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
#define AGREE                                                                          \
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Kept: yes\r\n\r\n"

static struct exchange *exchange;
static int client, backend;
static struct {
    uint16_t status;
    unsigned fields;
    bool kept, ended, aborted, paused, resumed, congested;
    char body[256];
    size_t body_len;
} seen;

static void send_head(struct exchange *of, const struct http_response *response, bool end)
{
    assert_ptr_equal(of, exchange);
    seen.status = response->status;
    seen.fields = response->fields.count;
    seen.kept = http_fields_find(&response->fields, SPAN("X-Kept")) != NULL;
    seen.ended = end;
}

static void send_body(struct exchange *of, struct span data)
{
    (void)of;
    assert_true(seen.body_len + data.len < sizeof(seen.body));
    memcpy(seen.body + seen.body_len, data.ptr, data.len);
    seen.body_len += data.len;
}

static void send_end(struct exchange *of, const struct http_fields *trailers)
{
    (void)of;
    assert_true(trailers == NULL || trailers->count == 0);
    seen.ended = true;
}

static size_t room(struct exchange *of)
{
    (void)of;
    return seen.congested ? 0 : EXCHANGE_ROOM_ANY;
}

static void resume_body(struct exchange *of)
{
    (void)of;
    seen.paused = false;
    seen.resumed = seen.status != 0;
}

static void pause_body(struct exchange *of)
{
    (void)of;
    seen.paused = true;
}

static void abort_response(struct exchange *of)
{
    (void)of;
    seen.aborted = true;
}

static const struct downstream_ops ops = {
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .room = room,
    .resume_body = resume_body,
    .pause_body = pause_body,
    .abort = abort_response,
};

/* GET /chat with an upgrade, as a front makes it of an extended CONNECT. */
static void ask(void)
{
    memset(&seen, 0, sizeof(seen));
    client = scene_client();
    struct client *front = container_of(scene.harness.worker.clients.prev, struct client, link);
    exchange = exchange_create(front, &ops);
    assert_non_null(exchange);
    struct http_request *request = &exchange->request;
    *request = (struct http_request){
        .method = HTTP_METHOD_GET,
        .version = HTTP_2,
        .method_text = SPAN("GET"),
        .target = SPAN("/chat"),
        .path = SPAN("/chat"),
        .authority = SPAN("app.test"),
        .host = SPAN("app.test"),
        .keep_alive = true,
        .upgrade = true,
    };
    http_fields_init(&request->fields, &exchange->arena);
    assert_int_equal(http_fields_add(&request->fields, SPAN("Upgrade"), SPAN("websocket")),
                     ERR_OK);
    exchange_start(exchange);
    backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_true(scene_has("Connection: Upgrade"));
    assert_true(scene_has("Upgrade: websocket"));
    assert_false(scene_has("Transfer-Encoding: chunked"));
}

static void finish(void)
{
    exchange_finish(exchange);
    harness_settle(&scene.harness);
    close(client);
    close(backend);
}

static void wait_for_body(const char *text)
{
    for (int i = 0; i < 2000 && seen.body_len < strlen(text); i++)
        harness_turn(&scene.harness, 5);
    seen.body[seen.body_len] = '\0';
    assert_string_equal(seen.body, text);
}

static void wait_for(const bool *what)
{
    for (int i = 0; i < 2000 && !*what; i++)
        harness_turn(&scene.harness, 5);
    assert_true(*what);
}

static void wait_for_head(void)
{
    for (int i = 0; i < 2000 && seen.status == 0; i++)
        harness_turn(&scene.harness, 5);
}

static void both_sides_carry_bytes_after_the_switch(void **state)
{
    (void)state;
    ask();
    scene_send(backend, AGREE "server first");
    wait_for_body("server first");
    assert_int_equal(seen.status, 200);
    assert_true(seen.kept);
    assert_int_equal(seen.fields, 2); /* X-Kept and Date */
    exchange_request_body(exchange, SPAN("hello"));
    scene_expect(backend, "hello");
    scene_send(backend, "0\r\n\r\n");
    wait_for_body("server first0\r\n\r\n");
    exchange_request_end(exchange, NULL);
    scene_expect_end(backend);
    scene_send(backend, "bye");
    wait_for_body("server first0\r\n\r\nbye");
    assert_false(seen.ended);
    shutdown(backend, SHUT_WR);
    wait_for(&seen.ended);
    assert_false(seen.aborted);
    finish();
}

static void what_comes_before_the_switch_waits_for_it(void **state)
{
    (void)state;
    ask();
    exchange_request_body(exchange, SPAN("early"));
    exchange_request_end(exchange, NULL);
    assert_true(scene_is_silent(backend));
    scene_send(backend, AGREE);
    scene_expect(backend, "early");
    scene_expect_end(backend);
    shutdown(backend, SHUT_WR);
    wait_for(&seen.ended);
    finish();
}

static void a_refusal_takes_none_of_the_bytes(void **state)
{
    (void)state;
    ask();
    exchange_request_body(exchange, SPAN("GET /stolen HTTP/1.1\r\n\r\n"));
    scene_send(backend, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n");
    wait_for_head();
    assert_int_equal(seen.status, 403);
    exchange_request_body(exchange, SPAN("GET /stolen HTTP/1.1\r\n\r\n"));
    scene_send(backend, "no");
    wait_for(&seen.ended);
    exchange_finish(exchange);
    close(client);
    /* The connection is as good as before. */
    client = scene_client();
    scene_round_trip(client, backend);
    close(client);
    close(backend);
}

static void a_connection_that_carried_bytes_is_not_used_again(void **state)
{
    (void)state;
    ask();
    scene_send(backend, AGREE);
    wait_for_head();
    exchange_client_gone(exchange);
    scene_expect_reset(backend);
    finish();
    assert_int_equal(scene.harness.worker.metrics.upstream_reuses.value, 0);
}

static void too_much_before_the_switch_pauses_the_client(void **state)
{
    (void)state;
    static char piece[32 << 10];
    ask();
    exchange_request_body(exchange, span_make(piece, sizeof(piece)));
    exchange_request_body(exchange, span_make(piece, sizeof(piece)));
    assert_false(seen.paused);
    exchange_request_body(exchange, span_make(piece, sizeof(piece)));
    assert_true(seen.paused);
    scene_send(backend, AGREE);
    wait_for(&seen.resumed);
    assert_false(seen.paused);
    exchange_client_gone(exchange);
    finish();
}

static void a_request_that_cannot_be_written_costs_no_connection(void **state)
{
    (void)state;
    int other = scene_client();
    scene_send(other, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    scene_read_until(other, "\r\n\r\n");
    harness_settle(&scene.harness);

    memset(&seen, 0, sizeof(seen));
    client = scene_client();
    struct client *front = container_of(scene.harness.worker.clients.prev, struct client, link);
    exchange = exchange_create(front, &ops);
    exchange->request = (struct http_request){
        .method = HTTP_METHOD_GET,
        .version = HTTP_2,
        .method_text = SPAN("GET"),
        .target = SPAN("/"),
        .path = SPAN("/"),
        .authority = SPAN("app.test"),
        .host = SPAN("app.test"),
    };
    http_fields_init(&exchange->request.fields, &exchange->arena);
    assert_int_equal(http_fields_add(&exchange->request.fields, SPAN("x"), SPAN("a\r\nb: c")),
                     ERR_OK);
    exchange_start(exchange);
    assert_int_equal(seen.status, 400);
    assert_true(scene_is_silent(backend));
    exchange_finish(exchange);
    close(client);
    scene_round_trip(other, backend);
    close(other);
    close(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_sides_carry_bytes_after_the_switch),
        TEST(what_comes_before_the_switch_waits_for_it),
        TEST(a_refusal_takes_none_of_the_bytes),
        TEST(a_connection_that_carried_bytes_is_not_used_again),
        TEST(too_much_before_the_switch_pauses_the_client),
        TEST(a_request_that_cannot_be_written_costs_no_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
