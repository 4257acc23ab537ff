/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an operator reads of clients that are over a limit. The clock is the
 * worker's, which the tests set.
 */
#include "http_scene.h"

#include "core/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/weir-test-limit-XXXXXX";
static char log_text[1 << 16];

static int setup(void **state)
{
    struct err_text why = {""};
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    struct log_settings settings = {.level = LOG_WARN, .format = LOG_COMMON, .path = path};
    assert_int_equal(log_configure(&settings, &why), ERR_OK);
    return scene_setup(state);
}

static int teardown(void **state)
{
    struct err_text why = {""};
    struct log_settings settings = {.level = LOG_INFO, .format = LOG_COMMON};
    assert_int_equal(log_configure(&settings, &why), ERR_OK);
    unlink(path);
    strcpy(path + sizeof(path) - sizeof("XXXXXX"), "XXXXXX");
    return scene_teardown(state);
}

static struct client *only_client(void)
{
    struct list *clients = &scene.harness.worker.clients;
    assert_false(list_empty(clients));
    return container_of(clients->next, struct client, link);
}

static size_t lines_of_log(void)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(log_text, 1, sizeof(log_text) - 1, file), lines = 0;
    fclose(file);
    log_text[length] = '\0';
    for (size_t i = 0; i < length; i++)
        lines += log_text[i] == '\n';
    return lines;
}

static void hit(int64_t at_ms, int times, enum limit limit)
{
    scene.harness.worker.now_ms = at_ms;
    for (int i = 0; i < times; i++)
        limit_report(only_client(), limit);
}

static void the_line_names_the_limit_and_the_address(void **state)
{
    (void)state;
    int client = scene_client();
    hit(1000, 1, LIMIT_OF_HTTP2_RESETS);
    assert_int_equal(lines_of_log(), 1);
    assert_non_null(strstr(log_text, " WRN a client is over a limit limit=http2Resets client="));
    assert_non_null(strstr(log_text, only_client()->peer_text));
    assert_non_null(strstr(log_text, " entryPoint=web\n"));
    close(client);
}

static void an_attack_is_no_flood_of_lines(void **state)
{
    (void)state;
    int client = scene_client();
    hit(1000, 1000, LIMIT_OF_SLOW_BODY);
    assert_int_equal(lines_of_log(), LIMIT_LINES_PER_SECOND);
    assert_null(strstr(log_text, "suppressed"));
    assert_int_equal(scene.harness.worker.limits.hits[LIMIT_OF_SLOW_BODY].value, 1000);
    hit(2000, 2, LIMIT_OF_SLOW_BODY);
    assert_int_equal(lines_of_log(), LIMIT_LINES_PER_SECOND + 2);
    assert_non_null(strstr(log_text, " suppressed=995\n"));
    char *last = strstr(log_text, "suppressed");
    assert_null(strstr(last + 1, "suppressed"));
    close(client);
}

static void one_limit_does_not_silence_another(void **state)
{
    (void)state;
    int client = scene_client();
    hit(1000, 1000, LIMIT_OF_SLOW_BODY);
    hit(1000, 1, LIMIT_OF_HEADERS);
    assert_int_equal(lines_of_log(), LIMIT_LINES_PER_SECOND + 1);
    assert_non_null(strstr(log_text, " limit=headers "));
    close(client);
}

/* ---- the line at the default level ---- */

static struct limit_total totals[LIMIT_COUNT];

/* Lets the worker's time go on, and what is due happen. */
static void pass(struct worker *worker, int64_t ms)
{
    worker->now_ms += ms;
    timerwheel_advance(&worker->wheel, worker->now_ms);
}

static void start_summary(void)
{
    struct err_text why = {""};
    struct log_settings settings = {.level = LOG_ERROR, .format = LOG_COMMON, .path = path};
    assert_int_equal(log_configure(&settings, &why), ERR_OK);
    memset(totals, 0, sizeof(totals));
    scene.harness.worker.limit_summary.totals = totals;
}

static void a_crowd_is_told_of_once_a_minute(void **state)
{
    (void)state;
    struct worker *worker = &scene.harness.worker;
    int client = scene_client();
    struct client *front = only_client();
    char address[SOCK_TEXT_SIZE], expected[256];
    memcpy(address, front->peer_text, sizeof(address));
    start_summary();
    hit(worker->now_ms, 99, LIMIT_OF_SLOW_BODY);
    front->peer_ip[15]++;
    hit(worker->now_ms, 1, LIMIT_OF_SLOW_BODY);
    pass(worker, LIMIT_SUMMARY_MS - 1);
    assert_int_equal(lines_of_log(), 0);
    pass(worker, 1);
    assert_int_equal(lines_of_log(), 1);
    snprintf(expected, sizeof(expected),
             " ERR clients were over a limit limit=slowBody times=100 addresses=2 seconds=60 "
             "last=%s\n", address);
    assert_non_null(strstr(log_text, expected));
    pass(worker, 10 * LIMIT_SUMMARY_MS);
    assert_int_equal(lines_of_log(), 1);
    limit_report(front, LIMIT_OF_SLOW_BODY);
    pass(worker, LIMIT_SUMMARY_MS);
    assert_int_equal(lines_of_log(), 1); /* one is no crowd */
    close(client);
}

static void each_limit_has_a_line_of_its_own(void **state)
{
    (void)state;
    struct worker *worker = &scene.harness.worker;
    int client = scene_client();
    start_summary();
    hit(worker->now_ms, LIMIT_SUMMARY_LEAST, LIMIT_OF_SLOW_BODY);
    pass(worker, LIMIT_SUMMARY_MS / 2);
    hit(worker->now_ms, LIMIT_SUMMARY_LEAST, LIMIT_OF_HEADERS);
    pass(worker, LIMIT_SUMMARY_MS / 2);
    assert_int_equal(lines_of_log(), 1);
    assert_non_null(strstr(log_text, "limit=slowBody "));
    pass(worker, LIMIT_SUMMARY_MS / 2);
    assert_int_equal(lines_of_log(), 2);
    assert_non_null(strstr(log_text, "limit=headers "));
    close(client);
}

static void workers_are_told_of_together(void **state)
{
    (void)state;
    struct worker *worker = &scene.harness.worker;
    static struct worker other;
    int client = scene_client();
    start_summary();
    other = (struct worker){.now_ms = worker->now_ms};
    other.limit_summary.totals = totals;
    timerwheel_init(&other.wheel, other.now_ms);
    hit(worker->now_ms, LIMIT_SUMMARY_LEAST, LIMIT_OF_SLOW_BODY);
    struct client elsewhere = {.conn = {.worker = &other}, .peer_text = "192.0.2.1:1"};
    limit_summary_add(&elsewhere, LIMIT_OF_SLOW_BODY);
    pass(&other, LIMIT_SUMMARY_MS);
    pass(worker, LIMIT_SUMMARY_MS);
    assert_int_equal(lines_of_log(), 1);
    assert_non_null(strstr(log_text, " times=11 addresses=2 seconds=60 last=192.0.2.1:1\n"));
    close(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(the_line_names_the_limit_and_the_address),
        TEST(an_attack_is_no_flood_of_lines),
        TEST(one_limit_does_not_silence_another),
        TEST(a_crowd_is_told_of_once_a_minute),
        TEST(each_limit_has_a_line_of_its_own),
        TEST(workers_are_told_of_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
