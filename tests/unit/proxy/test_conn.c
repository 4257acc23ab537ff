/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plain connection: what its header promises of receiving, pausing, sending
 * and ending, over real sockets.
 */
#include "core/proxy/conn.h"
#include "worker_harness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct peer {
    struct conn conn; /* first member */
    struct buf got;
    bool pause_on_data, close_on_data, flush_on_failure;
    bool ended, failed, closed, drained, flushed, released, any;
    enum err error;
};

static struct peer *peer_of(struct conn *conn)
{
    return container_of(conn, struct peer, conn);
}

static void on_data(struct conn *conn, struct span data)
{
    struct peer *peer = peer_of(conn);
    assert_int_equal(buf_append(&peer->got, data), ERR_OK);
    peer->any = true;
    if (peer->pause_on_data)
        conn_pause(conn);
    if (peer->close_on_data)
        conn_close(conn);
}

static void on_end(struct conn *conn)
{
    peer_of(conn)->ended = true;
}

static void on_drained(struct conn *conn)
{
    peer_of(conn)->drained = true;
}

static void on_flushed(struct conn *conn)
{
    peer_of(conn)->flushed = true;
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    assert_non_null(why);
    peer_of(conn)->failed = true;
    peer_of(conn)->error = error;
    if (peer_of(conn)->flush_on_failure)
        conn_close_after_flush(conn, false);
    else
        conn_close(conn);
}

static void on_closed(struct conn *conn)
{
    peer_of(conn)->closed = true;
}

static const struct conn_handler handler = {
    .on_data = on_data,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_flushed = on_flushed,
    .on_failed = on_failed,
    .on_closed = on_closed,
};

struct scene {
    struct harness harness;
    struct peer peer;
    int far;
};

static struct scene *scene_start(void)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    int fds[2];
    assert_non_null(scene);
    harness_start(&scene->harness);
    harness_tcp_pair(fds);
    scene->far = fds[0];
    buf_init(&scene->peer.got, (size_t)64 << 20);
    conn_init_accepted(&scene->peer.conn, &scene->harness.worker, fds[1], &handler);
    conn_start(&scene->peer.conn);
    return scene;
}

static void scene_stop(struct scene *scene)
{
    if (!scene->peer.closed) {
        conn_close(&scene->peer.conn);
        harness_run_until(&scene->harness, &scene->peer.closed);
    }
    if (scene->far >= 0)
        close(scene->far);
    buf_finish(&scene->peer.got);
    harness_stop(&scene->harness);
    free(scene);
}

static void bytes_arrive_in_order_and_the_end_after_them(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    harness_send_all(scene->far, "hello ", 6);
    harness_send_all(scene->far, "world", 5);
    shutdown(scene->far, SHUT_WR);
    harness_run_until(&scene->harness, &scene->peer.ended);
    assert_true(span_equal(buf_span(&scene->peer.got), SPAN("hello world")));
    scene_stop(scene);
}

static void a_paused_connection_holds_what_came_and_stops_the_sender(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    static char chunk[65536];
    size_t sent = 0;
    scene->peer.pause_on_data = true;
    harness_send_all(scene->far, "x", 1);
    harness_run_until(&scene->harness, &scene->peer.any);
    assert_true(scene->peer.conn.paused);
    for (;;) { /* until the kernel takes no more: the window has closed */
        ssize_t n = send(scene->far, chunk, sizeof(chunk), MSG_NOSIGNAL);
        harness_settle(&scene->harness);
        if (n < 0)
            break;
        sent += (size_t)n;
        assert_true(sent < (size_t)32 << 20);
    }
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(buf_len(&scene->peer.got), 1);
    /* With its own buffers of 16 KB it holds no more than a few of them. */
    assert_true(scene->harness.worker.buffers.lent <= 40);
    scene->peer.pause_on_data = false;
    conn_resume(&scene->peer.conn);
    shutdown(scene->far, SHUT_WR);
    harness_run_until(&scene->harness, &scene->peer.ended);
    assert_int_equal(buf_len(&scene->peer.got), sent + 1);
    scene_stop(scene);
}

/* A burst that is there before anybody can say stop. */
static void of_a_burst_only_the_beginning_comes_into_memory(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    const struct bufring *buffers = &scene->harness.worker.buffers;
    static char chunk[65536];
    size_t sent = 0;
    if (!scene->harness.worker.ring.has_recv_limit) {
        scene_stop(scene);
        skip();
    }
    scene->peer.pause_on_data = true;
    for (ssize_t n; (n = send(scene->far, chunk, sizeof(chunk), MSG_NOSIGNAL)) > 0;)
        sent += (size_t)n;
    assert_true(sent > (size_t)1 << 20);
    harness_run_until(&scene->harness, &scene->peer.any);
    harness_settle(&scene->harness);
    assert_true(buf_len(&scene->peer.conn.held_bytes) + (size_t)buffers->lent * buffers->size <=
                (size_t)96 << 10);
    scene_stop(scene);
}

static void the_end_waits_behind_held_bytes(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    scene->peer.pause_on_data = true;
    harness_send_all(scene->far, "a", 1);
    harness_run_until(&scene->harness, &scene->peer.any);
    harness_send_all(scene->far, "b", 1);
    shutdown(scene->far, SHUT_WR);
    harness_settle(&scene->harness);
    assert_false(scene->peer.ended);
    scene->peer.pause_on_data = false;
    conn_resume(&scene->peer.conn);
    harness_run_until(&scene->harness, &scene->peer.ended);
    assert_true(span_equal(buf_span(&scene->peer.got), SPAN("ab")));
    scene_stop(scene);
}

static void writes_of_one_turn_leave_in_one_send(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    char got[64];
    assert_int_equal(conn_write(&scene->peer.conn, SPAN("one ")), ERR_OK);
    assert_int_equal(conn_write(&scene->peer.conn, SPAN("two ")), ERR_OK);
    assert_int_equal(conn_write(&scene->peer.conn, SPAN("three")), ERR_OK);
    assert_int_equal(conn_backlog(&scene->peer.conn), 13);
    harness_run_until(&scene->harness, &scene->peer.flushed);
    assert_int_equal(recv(scene->far, got, sizeof(got), 0), 13);
    assert_memory_equal(got, "one two three", 13);
    assert_int_equal(scene->harness.worker.metrics.bytes_out.value, 13);
    scene_stop(scene);
}

static void congestion_is_told_and_so_is_its_end(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    struct conn *conn = &scene->peer.conn;
    static char chunk[65536];
    size_t written = 0, read_back = 0;
    while (written < (size_t)16 << 20) {
        assert_int_equal(conn_write(conn, span_make(chunk, sizeof(chunk))), ERR_OK);
        written += sizeof(chunk);
        harness_settle(&scene->harness);
        if (conn_is_congested(conn))
            break;
    }
    assert_true(conn_is_congested(conn));
    assert_false(scene->peer.drained);
    while (read_back < written) {
        ssize_t n = recv(scene->far, chunk, sizeof(chunk), 0);
        if (n > 0)
            read_back += (size_t)n;
        else
            harness_settle(&scene->harness);
    }
    harness_run_until(&scene->harness, &scene->peer.drained);
    assert_false(conn_is_congested(conn));
    scene_stop(scene);
}

static void close_after_flush_sends_everything_first(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    static char chunk[200000];
    size_t got = 0;
    assert_int_equal(conn_write(&scene->peer.conn, span_make(chunk, sizeof(chunk))), ERR_OK);
    conn_close_after_flush(&scene->peer.conn, false);
    for (;;) {
        ssize_t n = recv(scene->far, chunk, sizeof(chunk), 0);
        if (n == 0)
            break;
        if (n > 0)
            got += (size_t)n;
        else
            harness_settle(&scene->harness);
    }
    assert_int_equal(got, sizeof(chunk));
    harness_run_until(&scene->harness, &scene->peer.closed);
    assert_false(scene->peer.failed);
    scene_stop(scene);
}

static void lingering_drops_what_still_comes_and_ends_with_the_peer(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    char got[16];
    assert_int_equal(conn_write(&scene->peer.conn, SPAN("bye")), ERR_OK);
    conn_close_after_flush(&scene->peer.conn, true);
    harness_settle(&scene->harness);
    harness_send_all(scene->far, "late", 4);
    harness_settle(&scene->harness);
    assert_false(scene->peer.closed);
    assert_int_equal(recv(scene->far, got, sizeof(got), 0), 3);
    assert_int_equal(recv(scene->far, got, sizeof(got), 0), 0); /* its FIN, no reset */
    close(scene->far);
    scene->far = -1;
    harness_run_until(&scene->harness, &scene->peer.closed);
    assert_int_equal(buf_len(&scene->peer.got), 0);
    scene_stop(scene);
}

static void a_reset_fails_the_connection_once(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    sock_set_abort_on_close(scene->far);
    close(scene->far);
    scene->far = -1;
    harness_run_until(&scene->harness, &scene->peer.closed);
    assert_true(scene->peer.failed);
    assert_int_equal(scene->peer.error, ERR_RESET);
    scene_stop(scene);
}

static void what_cannot_be_sent_is_not_flushed(void **state)
{
    static char big[4 << 20];
    (void)state;
    struct scene *scene = scene_start();
    scene->peer.flush_on_failure = true;
    close(scene->far);
    scene->far = -1;
    harness_run_until(&scene->harness, &scene->peer.ended);
    assert_int_equal(conn_write(&scene->peer.conn, span_make(big, sizeof(big))), ERR_OK);
    harness_run_until(&scene->harness, &scene->peer.closed);
    assert_true(scene->peer.failed);
    scene_stop(scene);
}

static void a_flush_that_is_given_up_resets(void **state)
{
    static char big[16 << 20];
    (void)state;
    struct scene *scene = scene_start();
    assert_int_equal(conn_write(&scene->peer.conn, span_make(big, sizeof(big))), ERR_OK);
    conn_close_after_flush(&scene->peer.conn, false);
    harness_settle(&scene->harness);
    assert_false(scene->peer.closed);
    conn_fail(&scene->peer.conn, ERR_TIMEOUT, NULL);
    harness_run_until(&scene->harness, &scene->peer.closed);
    ssize_t n;
    do {
        n = recv(scene->far, big, sizeof(big), 0);
    } while (n > 0);
    assert_int_equal(n, -1);
    assert_int_equal(errno, ECONNRESET);
    scene_stop(scene);
}

/* Sends `size` patterned bytes and runs turns until all have been delivered. */
static void stream(struct scene *scene, size_t size)
{
    static char bytes[1 << 20];
    size_t already = buf_len(&scene->peer.got), sent = 0;
    while (buf_len(&scene->peer.got) < already + size) {
        size_t part = size - sent < sizeof(bytes) ? size - sent : sizeof(bytes);
        for (size_t i = 0; i < part; i++)
            bytes[i] = (char)((already + sent + i) % 251);
        ssize_t n = part > 0 ? send(scene->far, bytes, part, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
        sent += n > 0 ? (size_t)n : 0;
        harness_turn(&scene->harness, 10);
    }
    struct span got = buf_span(&scene->peer.got);
    for (size_t i = 0; i < got.len; i++)
        assert_int_equal(got.ptr[i], (char)(i % 251));
}

static void a_stream_is_read_in_pieces_and_short_messages_end_it(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    assert_false(scene->peer.conn.streaming);
    stream(scene, 8 << 20);
    assert_true(scene->peer.conn.streaming);
    for (int i = 0; i < 40; i++)
        stream(scene, 100);
    assert_false(scene->peer.conn.streaming);
    stream(scene, 4 << 20);
    shutdown(scene->far, SHUT_WR);
    harness_run_until(&scene->harness, &scene->peer.ended);
    scene_stop(scene);
}

static void a_paused_stream_is_not_read(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    stream(scene, 8 << 20);
    size_t before = buf_len(&scene->peer.got);
    conn_pause(&scene->peer.conn);
    harness_send_all(scene->far, "later", 5);
    harness_settle(&scene->harness);
    assert_int_equal(buf_len(&scene->peer.got), before);
    assert_int_equal(scene->harness.worker.buffers.lent, 0);
    conn_resume(&scene->peer.conn);
    scene->peer.any = false;
    harness_run_until(&scene->harness, &scene->peer.any);
    assert_int_equal(buf_len(&scene->peer.got), before + 5);
    scene_stop(scene);
}

static void a_stream_that_is_reset_fails(void **state)
{
    static const struct linger now = {.l_onoff = 1};
    (void)state;
    struct scene *scene = scene_start();
    stream(scene, 8 << 20);
    assert_int_equal(setsockopt(scene->far, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(scene->far);
    scene->far = -1;
    harness_run_until(&scene->harness, &scene->peer.closed);
    assert_true(scene->peer.failed);
    scene_stop(scene);
}

static void expect_far(struct scene *scene, const char *text)
{
    char got[16];
    ssize_t n = recv(scene->far, got, sizeof(got), 0);
    assert_int_equal(n, (ssize_t)strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static void output_that_may_wait_leaves_alone_in_the_end(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    assert_int_equal(buf_append(&scene->peer.conn.filling, SPAN("ticket")), ERR_OK);
    conn_schedule_flush_later(&scene->peer.conn);
    assert_true(list_empty(&scene->harness.worker.flush));
    harness_run_until(&scene->harness, &scene->peer.flushed);
    expect_far(scene, "ticket");
    scene_stop(scene);
}

static void output_that_may_wait_leaves_with_what_is_written(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    assert_int_equal(buf_append(&scene->peer.conn.filling, SPAN("ticket")), ERR_OK);
    conn_schedule_flush_later(&scene->peer.conn);
    assert_int_equal(conn_write(&scene->peer.conn, SPAN("answer")), ERR_OK);
    assert_true(list_empty(&scene->harness.worker.later));
    harness_run_until(&scene->harness, &scene->peer.flushed);
    expect_far(scene, "ticketanswer");
    scene_stop(scene);
}

/* What the peer sends meanwhile, and nobody reads, must not cost it the last bytes. */
static void the_last_bytes_arrive_although_unread_ones_are_there(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    scene->peer.pause_on_data = true;
    harness_send_all(scene->far, "x", 1);
    harness_run_until(&scene->harness, &scene->peer.any);
    harness_settle(&scene->harness);
    for (int i = 0; i < 4; i++) { /* the receive is cancelled and the rest stays in the kernel */
        harness_send_all(scene->far, "unread", 6);
        harness_settle(&scene->harness);
    }
    assert_int_equal(conn_write(&scene->peer.conn, SPAN("answer")), ERR_OK);
    conn_close_after_flush(&scene->peer.conn, false);
    harness_run_until(&scene->harness, &scene->peer.closed);
    expect_far(scene, "answer");
    scene_stop(scene);
}

static void a_connection_may_end_while_its_output_waits(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    assert_int_equal(buf_append(&scene->peer.conn.filling, SPAN("ticket")), ERR_OK);
    conn_schedule_flush_later(&scene->peer.conn);
    conn_close_after_flush(&scene->peer.conn, false);
    harness_run_until(&scene->harness, &scene->peer.closed);
    expect_far(scene, "ticket");
    scene_stop(scene);
}

static void input_is_copied_when_buffers_are_scarce(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    struct bufring *buffers = &scene->harness.worker.buffers;
    size_t sent = (size_t)buffers->size * (buffers->count / 2), got = 0;
    char *bytes = malloc(sent);
    assert_non_null(bytes);
    for (size_t i = 0; i < sent; i++)
        bytes[i] = (char)(i * 31 >> 3);
    conn_pause(&scene->peer.conn);
    while (got < sent) {
        ssize_t n = send(scene->far, bytes + got, sent - got, MSG_DONTWAIT);
        if (n < 0)
            break; /* the window is closed */
        got += (size_t)n;
        harness_turn(&scene->harness, 0);
    }
    harness_settle(&scene->harness);
    assert_true(buffers->lent <= buffers->count / 4 + 1);
    conn_resume(&scene->peer.conn);
    while (buf_len(&scene->peer.got) < got)
        harness_turn(&scene->harness, 100);
    assert_memory_equal(buf_span(&scene->peer.got).ptr, bytes, got);
    assert_int_equal(buffers->lent, 0);
    free(bytes);
    scene_stop(scene);
}

static void the_timer_fails_the_connection(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    conn_set_timeout(&scene->peer.conn, 5);
    harness_run_until(&scene->harness, &scene->peer.closed);
    assert_int_equal(scene->peer.error, ERR_TIMEOUT);
    scene_stop(scene);
}

static void closing_inside_on_data_is_safe(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    scene->peer.close_on_data = true;
    harness_send_all(scene->far, "x", 1);
    harness_run_until(&scene->harness, &scene->peer.closed);
    assert_false(scene->peer.failed);
    scene_stop(scene);
}

static void end_output_keeps_receiving(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    char got[8];
    assert_int_equal(conn_write(&scene->peer.conn, SPAN("fin")), ERR_OK);
    conn_end_output(&scene->peer.conn);
    harness_settle(&scene->harness);
    assert_int_equal(recv(scene->far, got, sizeof(got), 0), 3);
    assert_int_equal(recv(scene->far, got, sizeof(got), 0), 0);
    harness_send_all(scene->far, "still", 5);
    harness_run_until(&scene->harness, &scene->peer.any);
    assert_true(span_equal(buf_span(&scene->peer.got), SPAN("still")));
    scene_stop(scene);
}

static void on_released(struct conn *conn)
{
    peer_of(conn)->released = true;
}

static void a_released_socket_is_read_by_nobody(void **state)
{
    (void)state;
    struct scene *scene = scene_start();
    char got[8];
    harness_send_all(scene->far, "first", 5);
    harness_run_until(&scene->harness, &scene->peer.any);
    conn_release_receive(&scene->peer.conn, on_released);
    harness_run_until(&scene->harness, &scene->peer.released);
    harness_send_all(scene->far, "then", 4);
    harness_settle(&scene->harness);
    assert_true(span_equal(buf_span(&scene->peer.got), SPAN("first")));
    assert_int_equal(recv(scene->peer.conn.fd, got, sizeof(got), 0), 4);
    scene_stop(scene);
}

static void a_refused_connect_fails(void **state)
{
    (void)state;
    struct harness harness;
    struct peer peer = {0};
    int fds[2];
    harness_start(&harness);
    harness_tcp_pair(fds);
    struct sock_address nobody;
    assert_int_equal(sock_local(fds[0], &nobody), ERR_OK); /* a port without a listener */
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(conn_connect(&peer.conn, &harness.worker, &nobody, NULL, 1000, &handler),
                     ERR_OK);
    harness_run_until(&harness, &peer.closed);
    assert_true(peer.failed);
    assert_int_equal(peer.error, ERR_REFUSED);
    harness_stop(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_in_order_and_the_end_after_them),
        cmocka_unit_test(a_paused_connection_holds_what_came_and_stops_the_sender),
        cmocka_unit_test(of_a_burst_only_the_beginning_comes_into_memory),
        cmocka_unit_test(the_end_waits_behind_held_bytes),
        cmocka_unit_test(writes_of_one_turn_leave_in_one_send),
        cmocka_unit_test(congestion_is_told_and_so_is_its_end),
        cmocka_unit_test(close_after_flush_sends_everything_first),
        cmocka_unit_test(lingering_drops_what_still_comes_and_ends_with_the_peer),
        cmocka_unit_test(a_reset_fails_the_connection_once),
        cmocka_unit_test(what_cannot_be_sent_is_not_flushed),
        cmocka_unit_test(a_stream_is_read_in_pieces_and_short_messages_end_it),
        cmocka_unit_test(a_paused_stream_is_not_read),
        cmocka_unit_test(a_stream_that_is_reset_fails),
        cmocka_unit_test(output_that_may_wait_leaves_alone_in_the_end),
        cmocka_unit_test(output_that_may_wait_leaves_with_what_is_written),
        cmocka_unit_test(the_last_bytes_arrive_although_unread_ones_are_there),
        cmocka_unit_test(a_connection_may_end_while_its_output_waits),
        cmocka_unit_test(input_is_copied_when_buffers_are_scarce),
        cmocka_unit_test(a_flush_that_is_given_up_resets),
        cmocka_unit_test(the_timer_fails_the_connection),
        cmocka_unit_test(closing_inside_on_data_is_safe),
        cmocka_unit_test(end_output_keeps_receiving),
        cmocka_unit_test(a_released_socket_is_read_by_nobody),
        cmocka_unit_test(a_refused_connect_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
