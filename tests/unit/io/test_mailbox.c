/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mail between threads: everything arrives once and in order, in both
 * directions at the same time, and mail to nobody comes back.
 */
#include "harness.h"

#include "io/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAILS 20000

/* One of two threads that write to each other. */
struct station {
    struct ring ring;
    struct station *other;
    pthread_barrier_t *ready;
    int received;
    long sum;
    bool in_order, failed;
};

struct letter {
    struct mail mail;
    int number;
    char text[64];
};

static void on_letter(struct mail *mail, void *receiver)
{
    struct letter *letter = container_of(mail, struct letter, mail);
    struct station *station = receiver;
    if (letter->number != station->received || strcmp(letter->text, "from the other side") != 0)
        station->in_order = false;
    station->received++;
    station->sum += letter->number;
    free(letter);
}

static void post_letter(struct station *station, int number)
{
    struct letter *letter = malloc(sizeof(*letter));
    letter->number = number;
    strcpy(letter->text, "from the other side");
    mailbox_post(&station->ring, ring_fd(&station->other->ring), &letter->mail, on_letter,
                 station->other);
}

static void *run_station(void *argument)
{
    struct station *station = argument;
    int64_t deadline = harness_now_ms() + 4 * HARNESS_DEADLINE_MS;
    int sent = 0;
    station->in_order = true;
    if (ring_enable(&station->ring, NULL) != ERR_OK)
        station->failed = true;
    pthread_barrier_wait(station->ready);
    while ((station->received < MAILS || sent < MAILS) && harness_now_ms() < deadline) {
        for (int i = 0; i < 50 && sent < MAILS; i++)
            post_letter(station, sent++);
        if (sent % 3 == 0)
            mailbox_flush(&station->ring);
        if (ring_turn(&station->ring, sent < MAILS ? 0 : 20, NULL) != ERR_OK)
            station->failed = true;
    }
    pthread_barrier_wait(station->ready);
    return NULL;
}

static void two_threads_exchange_mail(void **state)
{
    struct station stations[2];
    pthread_t threads[2];
    pthread_barrier_t ready;
    (void)state;
    memset(stations, 0, sizeof(stations));
    pthread_barrier_init(&ready, NULL, 2);
    for (int i = 0; i < 2; i++) {
        stations[i].other = &stations[1 - i];
        stations[i].ready = &ready;
        assert_ok(ring_create(&stations[i].ring, 32, NULL));
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_station, &stations[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_false(stations[i].failed);
        assert_int_equal(stations[i].received, MAILS);
        assert_int_equal(stations[i].sum, (long)MAILS * (MAILS - 1) / 2);
        assert_true(stations[i].in_order);
        ring_finish(&stations[i].ring);
    }
    pthread_barrier_destroy(&ready);
}

/* ---- a sleeping receiver ---- */

struct sleeper {
    struct ring ring;
    pthread_barrier_t ready;
    int received;
    enum err error;
};

static void on_wake_up(struct mail *mail, void *receiver)
{
    struct sleeper *sleeper = receiver;
    (void)mail;
    sleeper->received++;
}

static void *sleep_until_mail(void *argument)
{
    struct sleeper *sleeper = argument;
    sleeper->error = ring_enable(&sleeper->ring, NULL);
    pthread_barrier_wait(&sleeper->ready);
    while (sleeper->error == ERR_OK && sleeper->received == 0)
        sleeper->error = ring_turn(&sleeper->ring, -1, NULL);
    return NULL;
}

static void mail_wakes_a_thread_that_waits_for_ever(void **state)
{
    struct ring *mine = harness_ring(8);
    struct sleeper sleeper = {.received = 0};
    struct mail mail;
    pthread_t thread;
    (void)state;
    pthread_barrier_init(&sleeper.ready, NULL, 2);
    assert_ok(ring_create(&sleeper.ring, 8, NULL));
    assert_int_equal(pthread_create(&thread, NULL, sleep_until_mail, &sleeper), 0);
    pthread_barrier_wait(&sleeper.ready);
    mailbox_post(mine, ring_fd(&sleeper.ring), &mail, on_wake_up, &sleeper);
    mailbox_flush(mine);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(sleeper.error);
    assert_int_equal(sleeper.received, 1);
    assert_false(op_pending(&mail.op));
    ring_finish(&sleeper.ring);
    pthread_barrier_destroy(&sleeper.ready);
    harness_ring_free(mine);
}

/* ---- nobody there ---- */

struct outcome {
    int received, lost;
};

static void on_received(struct mail *mail, void *receiver)
{
    (void)mail;
    ((struct outcome *)receiver)->received++;
}

static void on_lost(struct mail *mail, void *receiver)
{
    (void)mail;
    ((struct outcome *)receiver)->lost++;
}

static void mail_to_a_closed_ring_comes_back(void **state)
{
    struct ring *mine = harness_ring(8);
    struct outcome outcome = {0, 0};
    struct mail mail;
    int fd = dup(0);
    (void)state;
    close(fd);
    mailbox_post_or(mine, fd, &mail, on_received, on_lost, &outcome);
    turn_until(mine, outcome.lost > 0);
    assert_int_equal(outcome.lost, 1);
    assert_int_equal(outcome.received, 0);
    assert_false(op_pending(&mail.op));
    harness_ring_free(mine);
}

/* The kernel is not made to run out of memory here: its answer is played. */
static void mail_is_sent_again_while_memory_is_short(void **state)
{
    static const int passing[] = {EOVERFLOW, ENOMEM, EAGAIN};
    struct ring *mine = harness_ring(8), *other = harness_ring(8);
    struct outcome outcome = {0, 0};
    struct mail mail;
    (void)state;
    mailbox_post_or(mine, ring_fd(other), &mail, on_received, on_lost, &outcome);
    mailbox_flush(mine);
    turn_until(other, outcome.received == 1);
    for (int i = 0; i < 3; i++) {
        mail.op.complete(&mail.op, -passing[i], 0);
        assert_ok(ring_turn(mine, 0, NULL));
        turn_until(other, outcome.received == i + 2);
    }
    assert_int_equal(outcome.lost, 0);
    int tries = 0;
    while (outcome.lost == 0 && tries++ < 100000)
        mail.op.complete(&mail.op, -ENOMEM, 0);
    assert_int_equal(outcome.lost, 1);
    harness_ring_free(other);
    harness_ring_free(mine);
}

static void *enable_and_go(void *argument)
{
    struct sleeper *sleeper = argument;
    sleeper->error = ring_enable(&sleeper->ring, NULL);
    return NULL;
}

/* Kernels differ in whether they notice; the mail must not be received. */
static void mail_to_an_ended_thread_does_no_harm(void **state)
{
    struct ring *mine = harness_ring(8);
    struct sleeper sleeper = {.received = 0};
    struct outcome outcome = {0, 0};
    struct mail mail;
    pthread_t thread;
    (void)state;
    assert_ok(ring_create(&sleeper.ring, 8, NULL));
    assert_int_equal(pthread_create(&thread, NULL, enable_and_go, &sleeper), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(sleeper.error);
    mailbox_post_or(mine, ring_fd(&sleeper.ring), &mail, on_received, on_lost, &outcome);
    for (int i = 0; i < 5; i++)
        assert_ok(ring_turn(mine, 2, NULL));
    assert_int_equal(outcome.received, 0);
    ring_finish(&sleeper.ring);
    harness_ring_free(mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_threads_exchange_mail),
        cmocka_unit_test(mail_wakes_a_thread_that_waits_for_ever),
        cmocka_unit_test(mail_to_a_closed_ring_comes_back),
        cmocka_unit_test(mail_is_sent_again_while_memory_is_short),
        cmocka_unit_test(mail_to_an_ended_thread_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
