/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/2 towards a backend that is played by hand, byte by byte as RFC 9113 has it: what
 * it is sent, how exchanges come to their streams, and who is told of an end.
 */
#include "http_scene.h"

#include "core/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define GET "GET / HTTP/1.1\r\nHost: h2c.test\r\n\r\n"
#define BAD_GATEWAY "HTTP/1.1 502 Bad Gateway\r\n"

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

struct frame {
    unsigned length, type, flags, stream;
    uint8_t payload[16384];
};

static const struct worker_metrics *metrics(void)
{
    return &scene.harness.worker.metrics;
}

static void read_bytes(int fd, void *to, size_t count)
{
    int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
    for (size_t got = 0; got < count;) {
        ssize_t n = recv(fd, (char *)to + got, count - got, 0);
        if (n > 0) {
            got += (size_t)n;
            continue;
        }
        if (n == 0 || errno != EAGAIN || clock_monotonic_ns() > deadline)
            fail_msg("%zu of %zu bytes came", got, count);
        harness_turn(&scene.harness, 5);
    }
}

static const struct frame *read_frame(int fd)
{
    static struct frame frame;
    uint8_t head[9];
    read_bytes(fd, head, sizeof(head));
    frame.length = (unsigned)head[0] << 16 | (unsigned)head[1] << 8 | head[2];
    frame.type = head[3];
    frame.flags = head[4];
    frame.stream = (unsigned)head[5] << 24 | (unsigned)head[6] << 16 | (unsigned)head[7] << 8 |
                   head[8];
    assert_true(frame.length <= sizeof(frame.payload));
    read_bytes(fd, frame.payload, frame.length);
    return &frame;
}

/* The next of that type; others are passed over. */
static const struct frame *read_until(int fd, unsigned type)
{
    const struct frame *frame;
    do {
        frame = read_frame(fd);
    } while (frame->type != type || (type == SETTINGS && frame->flags & ACK));
    return frame;
}

static void send_frame(int fd, unsigned type, unsigned flags, unsigned stream,
                       const void *payload, size_t length)
{
    uint8_t bytes[256] = {0,
                          (uint8_t)(length >> 8),
                          (uint8_t)length,
                          (uint8_t)type,
                          (uint8_t)flags,
                          0,
                          0,
                          (uint8_t)(stream >> 8),
                          (uint8_t)stream};
    assert_true(length <= sizeof(bytes) - 9);
    memcpy(bytes + 9, payload, length);
    harness_send_all(fd, (const char *)bytes, length + 9);
}

static void send_settings(int fd, unsigned streams)
{
    uint8_t setting[6] = {0, 3, 0, 0, 0, (uint8_t)streams}; /* MAX_CONCURRENT_STREAMS */
    send_frame(fd, SETTINGS, 0, 0, setting, sizeof(setting));
}

static void send_code(int fd, unsigned type, unsigned stream, unsigned code)
{
    uint8_t payload[4] = {0, 0, 0, (uint8_t)code};
    send_frame(fd, type, 0, stream, payload, sizeof(payload));
}

/* ":status: 200" is the one byte 0x88, RFC 7541 appendix A. */
static void answer(int fd, unsigned stream)
{
    send_frame(fd, HEADERS, END_HEADERS, stream, "\x88", 1);
    send_frame(fd, DATA, END_STREAM, stream, "ok", 2);
}

/* A backend's connection whose preface and settings have been read. */
static int accept_http2(void)
{
    char preface[sizeof(PREFACE) - 1];
    int backend = scene_backend();
    read_bytes(backend, preface, sizeof(preface));
    assert_memory_equal(preface, PREFACE, sizeof(preface));
    assert_int_equal(read_until(backend, SETTINGS)->stream, 0);
    return backend;
}

static void expect_request(int backend, unsigned stream)
{
    assert_int_equal(read_until(backend, HEADERS)->stream, stream);
}

/* A backend's connection with its first request, which allows so many streams. */
static int accept_request(unsigned streams)
{
    int backend = accept_http2();
    expect_request(backend, 1);
    send_settings(backend, streams);
    harness_settle(&scene.harness);
    return backend;
}

static int ask(void)
{
    int client = scene_client();
    scene_send(client, GET);
    return client;
}

static void expect_ok(int client)
{
    scene_read_until(client, "0\r\n\r\n");
    assert_true(scene_begins("HTTP/1.1 200 OK\r\n"));
}

static void expect_bad_gateway(int client)
{
    scene_read_until(client, "\r\n\r\n");
    assert_true(scene_begins(BAD_GATEWAY));
}

/* The backend answers, and the client has it. */
static void serve(int backend, unsigned stream, int client)
{
    answer(backend, stream);
    expect_ok(client);
}

static void close_each(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}
#define CLOSE(...)                                                                    \
    close_each((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

/* Whether a setting of the frame has that value. */
static bool says(const struct frame *frame, unsigned id, uint32_t value)
{
    for (unsigned i = 0; i + 6 <= frame->length; i += 6) {
        const uint8_t *at = frame->payload + i;
        uint32_t given = (uint32_t)at[2] << 24 | (uint32_t)at[3] << 16 | (uint32_t)at[4] << 8 |
                         at[5];
        if (((unsigned)at[0] << 8 | at[1]) == id)
            return given == value;
    }
    return false;
}

static void a_request_begins_as_the_rfc_says(void **state)
{
    (void)state;
    char preface[sizeof(PREFACE) - 1];
    int client = ask(), backend = scene_backend();
    read_bytes(backend, preface, sizeof(preface));
    assert_memory_equal(preface, PREFACE, sizeof(preface));
    const struct frame *frame = read_frame(backend);
    assert_int_equal(frame->type, SETTINGS);
    assert_true(says(frame, 2, 0));         /* no push */
    assert_true(says(frame, 4, 32 << 10));  /* a stream's window, at first */
    frame = read_until(backend, HEADERS);
    assert_int_equal(frame->stream, 1);
    assert_int_equal(frame->flags & (END_STREAM | END_HEADERS), END_STREAM | END_HEADERS);
    assert_int_equal(frame->payload[0], 0x82); /* ":method: GET", and it comes first */
    send_settings(backend, 100);
    answer(backend, 1);
    expect_ok(client);
    do {
        frame = read_frame(backend);
    } while (frame->type != SETTINGS);
    assert_int_equal(frame->flags, ACK);
    close(client);
    close(backend);
}

static void before_the_settings_one_stream_is_opened(void **state)
{
    (void)state;
    int one = ask(), two = ask(), backend = accept_http2();
    expect_request(backend, 1);
    assert_true(scene_is_silent(backend));
    send_settings(backend, 100);
    expect_request(backend, 3);
    serve(backend, 3, two);
    serve(backend, 1, one);
    assert_int_equal(metrics()->upstream_connects.value, 1);
    assert_int_equal(metrics()->upstream_reuses.value, 1);
    CLOSE(one, two, backend);
}

static void a_full_connection_is_joined_by_another(void **state)
{
    (void)state;
    int one = ask(), backend = accept_request(1);
    int two = ask();
    int other = accept_request(1);
    serve(other, 1, two);
    serve(backend, 1, one);
    assert_int_equal(metrics()->upstream_connects.value, 2);
    CLOSE(one, two, backend, other);
}

static void a_refused_stream_is_asked_of_another_connection(void **state)
{
    (void)state;
    int client = ask(), backend = accept_request(100);
    send_code(backend, RST_STREAM, 1, 7);
    int other = accept_request(100);
    serve(other, 1, client);
    assert_int_equal(metrics()->upstream_retries.value, 1);
    CLOSE(client, backend, other);
}

static void goaway_moves_what_it_does_not_cover(void **state)
{
    (void)state;
    int one = ask(), backend = accept_request(100);
    int two = ask();
    expect_request(backend, 3);
    send_frame(backend, GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8);
    int other = accept_request(100);
    serve(other, 1, two);
    serve(backend, 1, one); /* which it goes on serving */
    scene_read_to_end(backend); /* drained, it is closed */
    CLOSE(one, two, backend, other);
}

static void a_lost_connection_is_told_to_all_its_streams(void **state)
{
    (void)state;
    int one = ask(), backend = accept_request(100);
    int two = scene_client();
    scene_send(two, "POST / HTTP/1.1\r\nHost: h2c.test\r\nContent-Length: 0\r\n\r\n");
    expect_request(backend, 3);
    close(backend);
    expect_bad_gateway(one); /* the first on its connection: it may have been done */
    expect_bad_gateway(two); /* not idempotent */
    CLOSE(one, two);
}

static void a_stale_connection_is_replaced_for_what_may_be_repeated(void **state)
{
    (void)state;
    int client = ask(), backend = accept_request(100);
    serve(backend, 1, client);
    scene_send(client, GET);
    expect_request(backend, 3);
    close(backend);
    int other = accept_request(100);
    serve(other, 1, client);
    assert_int_equal(metrics()->upstream_retries.value, 1);
    CLOSE(client, other);
}

static void who_leaves_while_waiting_ends_the_dial(void **state)
{
    (void)state;
    int client = ask();
    for (int i = 0; i < 2000 && metrics()->upstream_connects.value == 0; i++)
        harness_turn(&scene.harness, 1);
    close(client);
    harness_settle(&scene.harness);
    assert_int_equal(metrics()->upstream_failures.value, 0);
}

static void a_client_that_leaves_resets_its_stream_only(void **state)
{
    (void)state;
    int one = ask(), backend = accept_request(100);
    int two = ask();
    expect_request(backend, 3);
    close(one);
    const struct frame *frame = read_until(backend, RST_STREAM);
    assert_int_equal(frame->stream, 1);
    assert_int_equal(frame->payload[3], 8); /* CANCEL */
    /* What was on its way to the one that left is nobody's. */
    answer(backend, 1);
    serve(backend, 3, two);
    CLOSE(two, backend);
}

static void a_request_that_is_gone_before_it_was_sent_leaves_nothing(void **state)
{
    (void)state;
    int one = ask(), backend = accept_request(1);
    serve(backend, 1, one);
    close(ask()); /* head and FIN come in one turn */
    harness_settle(&scene.harness);
    scene_send(one, GET); /* the one stream that is allowed is free */
    const struct frame *frame = read_until(backend, HEADERS);
    serve(backend, frame->stream, one);
    assert_int_equal(metrics()->upstream_connects.value, 1);
    CLOSE(one, backend);
}

static void a_server_that_is_gone_keeps_its_streams(void **state)
{
    (void)state;
    int client = ask(), backend = accept_request(100);
    struct snapshot *old = scene_publish(false);
    harness_settle(&scene.harness);
    serve(backend, 1, client);
    scene_read_to_end(backend); /* and is left with the last of them */
    for (int i = 0; i < 100 && atomic_load(&old->claims) > 0; i++)
        harness_turn(&scene.harness, 1);
    assert_int_equal(atomic_load(&old->claims), 0);
    snapshot_destroy(old);
    CLOSE(client, backend);
}

static void what_is_no_http2_is_bad_gateway(void **state)
{
    (void)state;
    int client = ask(), backend = accept_http2();
    scene_send(backend, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    expect_bad_gateway(client);
    CLOSE(client, backend);
}

static void a_malformed_response_resets_its_stream_only(void **state)
{
    (void)state;
    int client = ask(), backend = accept_request(100);
    /* ":status: 200" and "connection: close", the name and value as literals */
    send_frame(backend, HEADERS, END_HEADERS | END_STREAM, 1,
               "\x88\0\x0a" "connection\x05" "close", 19);
    scene_read_until(client, "\r\n\r\nBad Gateway");
    assert_true(scene_begins(BAD_GATEWAY));
    scene_send(client, GET);
    expect_request(backend, 3);
    serve(backend, 3, client);
    CLOSE(client, backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_begins_as_the_rfc_says),
        TEST(before_the_settings_one_stream_is_opened),
        TEST(a_full_connection_is_joined_by_another),
        TEST(a_refused_stream_is_asked_of_another_connection),
        TEST(goaway_moves_what_it_does_not_cover),
        TEST(a_lost_connection_is_told_to_all_its_streams),
        TEST(a_stale_connection_is_replaced_for_what_may_be_repeated),
        TEST(who_leaves_while_waiting_ends_the_dial),
        TEST(a_client_that_leaves_resets_its_stream_only),
        TEST(a_request_that_is_gone_before_it_was_sent_leaves_nothing),
        TEST(a_server_that_is_gone_keeps_its_streams),
        TEST(what_is_no_http2_is_bad_gateway),
        TEST(a_malformed_response_resets_its_stream_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
