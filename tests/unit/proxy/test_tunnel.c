/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two connections joined: bytes both ways, half-close, back-pressure and the
 * ways a tunnel ends, spliced and copied.
 */
#include "core/proxy/tunnel.h"
#include "worker_harness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
    struct harness harness;
    struct conn a, b;
    int far_a, far_b;
    bool a_closed, b_closed, ended;
    uint64_t to_b, to_a;
    enum err error;
};

static struct scene *scene; /* of the running test */

static void never_data(struct conn *conn, struct span data)
{
    (void)conn;
    (void)data;
    fail();
}

static void on_closed(struct conn *conn)
{
    *(conn == &scene->a ? &scene->a_closed : &scene->b_closed) = true;
}

static const struct conn_handler handler = {.on_data = never_data, .on_closed = on_closed};

static void on_end(void *owner, uint64_t to_b, uint64_t to_a, enum err error)
{
    assert_ptr_equal(owner, scene);
    scene->ended = true;
    scene->to_b = to_b;
    scene->to_a = to_a;
    scene->error = error;
}

static void scene_start(bool may_splice, struct span first, struct tunnel_settings settings)
{
    int fds[2];
    scene = calloc(1, sizeof(*scene));
    assert_non_null(scene);
    harness_start(&scene->harness);
    harness_tcp_pair(fds);
    scene->far_a = fds[0];
    conn_init_accepted(&scene->a, &scene->harness.worker, fds[1], &handler);
    harness_tcp_pair(fds);
    scene->far_b = fds[0];
    conn_init_accepted(&scene->b, &scene->harness.worker, fds[1], &handler);
    settings.may_splice = may_splice;
    assert_int_equal(tunnel_start(&scene->a, &scene->b, first, SPAN_EMPTY, &settings, on_end,
                                  scene),
                     ERR_OK);
}

static void scene_stop(void)
{
    harness_run_until(&scene->harness, &scene->a_closed);
    harness_run_until(&scene->harness, &scene->b_closed);
    assert_true(scene->ended);
    close(scene->far_a);
    close(scene->far_b);
    harness_stop(&scene->harness);
    free(scene);
}

/* Reads exactly len bytes at the far end while the worker runs. */
static void expect(int fd, const char *text)
{
    char got[256];
    size_t len = strlen(text), have = 0;
    while (have < len) {
        ssize_t n = recv(fd, got + have, len - have, 0);
        if (n > 0)
            have += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            harness_settle(&scene->harness);
        else
            fail_msg("the stream ended after %zu of %zu bytes", have, len);
    }
    assert_memory_equal(got, text, len);
}

static void expect_end(int fd)
{
    char byte;
    ssize_t n;
    while ((n = recv(fd, &byte, 1, 0)) < 0 && errno == EAGAIN)
        harness_settle(&scene->harness);
    assert_int_equal(n, 0);
}

static void both_ways_and_half_close(bool may_splice)
{
    scene_start(may_splice, SPAN("hello "), (struct tunnel_settings){0});
    harness_send_all(scene->far_a, "server", 6);
    expect(scene->far_b, "hello server");
    harness_send_all(scene->far_b, "hello client", 12);
    expect(scene->far_a, "hello client");
    shutdown(scene->far_a, SHUT_WR);
    expect_end(scene->far_b);
    harness_send_all(scene->far_b, "late answer", 11); /* after the half-close */
    expect(scene->far_a, "late answer");
    shutdown(scene->far_b, SHUT_WR);
    expect_end(scene->far_a);
    harness_run_until(&scene->harness, &scene->ended);
    assert_int_equal(scene->error, ERR_OK);
    assert_int_equal(scene->to_b, 12);
    assert_int_equal(scene->to_a, 23);
    uint64_t spliced = scene->harness.worker.metrics.bytes_spliced.value;
    if (may_splice)
        assert_true(spliced > 0);
    else
        assert_int_equal(spliced, 0);
    scene_stop();
}

static void copied_both_ways_with_half_close(void **state)
{
    (void)state;
    both_ways_and_half_close(false);
}

static void spliced_both_ways_with_half_close(void **state)
{
    (void)state;
    both_ways_and_half_close(true);
}

/* Keeps all up to a colon to itself, and wants no exclamation mark in it. */
static enum err sift(struct conn *conn, struct span *data)
{
    assert_ptr_equal(conn, &scene->a);
    ptrdiff_t colon = span_find(*data, ':', 0);
    if (span_find(*data, '!', 0) >= 0)
        return ERR_PROTOCOL;
    if (colon < 0 && data->len > 0)
        return ERR_AGAIN;
    *data = span_skip(*data, (size_t)(colon + 1));
    return ERR_OK;
}

static void first_bytes_are_sifted(bool may_splice)
{
    scene_start(may_splice, SPAN_EMPTY, (struct tunnel_settings){.sift = sift});
    harness_send_all(scene->far_b, "first", 5); /* which waits for nothing */
    expect(scene->far_a, "first");
    harness_send_all(scene->far_a, "kept", 4);
    harness_settle(&scene->harness);
    harness_send_all(scene->far_a, "kept too:passed", 15);
    expect(scene->far_b, "passed");
    harness_send_all(scene->far_a, "all:!", 5);
    expect(scene->far_b, "all:!");
    uint64_t spliced = scene->harness.worker.metrics.bytes_spliced.value;
    assert_int_equal(spliced, may_splice ? 5 + 5 : 0);
    shutdown(scene->far_a, SHUT_WR);
    expect_end(scene->far_b);
    shutdown(scene->far_b, SHUT_WR);
    expect_end(scene->far_a);
    harness_run_until(&scene->harness, &scene->ended);
    assert_int_equal(scene->to_b, 11);
    scene_stop();
}

static void first_bytes_are_sifted_before_copying(void **state)
{
    (void)state;
    first_bytes_are_sifted(false);
}

static void first_bytes_are_sifted_before_splicing(void **state)
{
    (void)state;
    first_bytes_are_sifted(true);
}

static void an_end_instead_of_first_bytes_passes(void **state)
{
    (void)state;
    scene_start(true, SPAN_EMPTY, (struct tunnel_settings){.sift = sift});
    shutdown(scene->far_a, SHUT_WR);
    expect_end(scene->far_b);
    harness_send_all(scene->far_b, "still", 5);
    expect(scene->far_a, "still");
    shutdown(scene->far_b, SHUT_WR);
    expect_end(scene->far_a);
    harness_run_until(&scene->harness, &scene->ended);
    assert_int_equal(scene->error, ERR_OK);
    scene_stop();
}

static void first_bytes_that_are_refused_end_the_tunnel(void **state)
{
    (void)state;
    scene_start(true, SPAN_EMPTY, (struct tunnel_settings){.sift = sift});
    harness_send_all(scene->far_a, "bad!", 4);
    harness_run_until(&scene->harness, &scene->ended);
    assert_int_equal(scene->error, ERR_PROTOCOL);
    expect_end(scene->far_b);
    scene_stop();
}

static void a_slow_reader_stops_the_writer(bool may_splice)
{
    static char chunk[65536];
    size_t sent = 0, got = 0;
    scene_start(may_splice, SPAN_EMPTY, (struct tunnel_settings){0});
    for (;;) {
        ssize_t n = send(scene->far_a, chunk, sizeof(chunk), MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        harness_settle(&scene->harness);
        if (n < 0 && send(scene->far_a, chunk, 0, MSG_NOSIGNAL) == 0)
            break;
        assert_true(sent < (size_t)64 << 20);
    }
    assert_true(conn_backlog(&scene->b) <= 65536 + 16 * 16384);
    shutdown(scene->far_a, SHUT_WR);
    for (;;) {
        ssize_t n = recv(scene->far_b, chunk, sizeof(chunk), 0);
        if (n == 0)
            break;
        if (n > 0)
            got += (size_t)n;
        else
            harness_settle(&scene->harness);
    }
    assert_int_equal(got, sent);
    shutdown(scene->far_b, SHUT_WR);
    harness_run_until(&scene->harness, &scene->ended);
    assert_int_equal(scene->error, ERR_OK);
    scene_stop();
}

static void copying_keeps_back_pressure(void **state)
{
    (void)state;
    a_slow_reader_stops_the_writer(false);
}

static void splicing_keeps_back_pressure(void **state)
{
    (void)state;
    a_slow_reader_stops_the_writer(true);
}

static void a_reset_reaches_the_other_side(void **state)
{
    (void)state;
    scene_start(true, SPAN_EMPTY, (struct tunnel_settings){0});
    harness_send_all(scene->far_a, "x", 1);
    expect(scene->far_b, "x");
    int far = scene->far_a;
    scene->far_a = dup(scene->far_b);
    sock_set_abort_on_close(far);
    close(far);
    harness_run_until(&scene->harness, &scene->ended);
    assert_int_equal(scene->error, ERR_RESET);
    scene_stop();
}

static void silence_ends_it_where_a_limit_is_set(void **state)
{
    (void)state;
    scene_start(true, SPAN_EMPTY, (struct tunnel_settings){.idle_timeout_ms = 10});
    harness_run_until(&scene->harness, &scene->ended);
    assert_int_equal(scene->error, ERR_TIMEOUT);
    scene_stop();
}

static void the_termination_delay_counts_after_a_half_close(void **state)
{
    (void)state;
    scene_start(false, SPAN_EMPTY, (struct tunnel_settings){.termination_delay_ms = 10});
    harness_settle(&scene->harness);
    assert_false(scene->ended);
    shutdown(scene->far_a, SHUT_WR);
    harness_run_until(&scene->harness, &scene->ended);
    assert_int_equal(scene->error, ERR_TIMEOUT);
    scene_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copied_both_ways_with_half_close),
        cmocka_unit_test(spliced_both_ways_with_half_close),
        cmocka_unit_test(first_bytes_are_sifted_before_copying),
        cmocka_unit_test(first_bytes_are_sifted_before_splicing),
        cmocka_unit_test(an_end_instead_of_first_bytes_passes),
        cmocka_unit_test(first_bytes_that_are_refused_end_the_tunnel),
        cmocka_unit_test(copying_keeps_back_pressure),
        cmocka_unit_test(splicing_keeps_back_pressure),
        cmocka_unit_test(a_reset_reaches_the_other_side),
        cmocka_unit_test(silence_ends_it_where_a_limit_is_set),
        cmocka_unit_test(the_termination_delay_counts_after_a_half_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
