/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue between a worker and the log's thread: order, wrapping, refusal
 * when full, and two threads at once (for ThreadSanitizer).
 */
#include "core/admin/access_ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void what_is_put_comes_out_in_order(void **state)
{
    (void)state;
    static struct access_ring ring; /* its alignment is more than a stack of ASan gives */
    struct span pieces[2];
    size_t filled;
    assert_int_equal(access_ring_init(&ring, 16), ERR_OK);
    assert_int_equal(access_ring_peek(&ring, pieces), 0);
    assert_true(access_ring_put(&ring, SPAN("one\n"), &filled));
    assert_int_equal(filled, 4);
    assert_true(access_ring_put(&ring, SPAN("two\n"), &filled));
    assert_int_equal(filled, 8);
    assert_int_equal(access_ring_peek(&ring, pieces), 8);
    assert_true(span_equal(pieces[0], SPAN("one\ntwo\n")));
    assert_int_equal(pieces[1].len, 0);
    access_ring_finish(&ring);
}

static void a_line_that_does_not_fit_is_refused_whole(void **state)
{
    (void)state;
    static struct access_ring ring; /* its alignment is more than a stack of ASan gives */
    struct span pieces[2];
    size_t filled;
    assert_int_equal(access_ring_init(&ring, 8), ERR_OK);
    assert_true(access_ring_put(&ring, SPAN("12345"), &filled));
    assert_false(access_ring_put(&ring, SPAN("6789"), &filled));
    assert_int_equal(access_ring_peek(&ring, pieces), 5);
    assert_true(access_ring_put(&ring, SPAN("678"), &filled));
    assert_false(access_ring_put(&ring, SPAN("9"), &filled));
    access_ring_finish(&ring);
}

static void bytes_that_wrap_come_in_two_pieces(void **state)
{
    (void)state;
    static struct access_ring ring; /* its alignment is more than a stack of ASan gives */
    struct span pieces[2];
    size_t filled;
    assert_int_equal(access_ring_init(&ring, 8), ERR_OK);
    assert_true(access_ring_put(&ring, SPAN("abcdef"), &filled));
    access_ring_drop(&ring, 6);
    assert_true(access_ring_put(&ring, SPAN("ghijk"), &filled));
    assert_int_equal(filled, 5);
    assert_int_equal(access_ring_peek(&ring, pieces), 5);
    assert_true(span_equal(pieces[0], SPAN("gh")));
    assert_true(span_equal(pieces[1], SPAN("ijk")));
    access_ring_finish(&ring);
}

#define LINES 20000

static void *produce(void *argument)
{
    struct access_ring *ring = argument;
    for (unsigned i = 0; i < LINES; i++) {
        char line[16];
        size_t filled;
        int len = snprintf(line, sizeof(line), "%u\n", i);
        while (!access_ring_put(ring, span_make(line, (size_t)len), &filled))
            sched_yield();
    }
    return NULL;
}

static void two_threads_lose_and_reorder_nothing(void **state)
{
    (void)state;
    static struct access_ring ring; /* its alignment is more than a stack of ASan gives */
    pthread_t thread;
    unsigned expected = 0, number = 0;
    assert_int_equal(access_ring_init(&ring, 1024), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, produce, &ring), 0);
    while (expected < LINES) {
        struct span pieces[2];
        size_t len = access_ring_peek(&ring, pieces);
        if (len == 0)
            sched_yield();
        for (size_t i = 0; i < len; i++) {
            char c = i < pieces[0].len ? pieces[0].ptr[i] : pieces[1].ptr[i - pieces[0].len];
            if (c != '\n') {
                number = number * 10 + (unsigned)(c - '0');
                continue;
            }
            assert_int_equal(number, expected);
            expected++;
            number = 0;
        }
        access_ring_drop(&ring, len);
    }
    pthread_join(thread, NULL);
    access_ring_finish(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_comes_out_in_order),
        cmocka_unit_test(a_line_that_does_not_fit_is_refused_whole),
        cmocka_unit_test(bytes_that_wrap_come_in_two_pieces),
        cmocka_unit_test(two_threads_lose_and_reorder_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
