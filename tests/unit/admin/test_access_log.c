/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log as a whole: filters, the queue's limit, the file and its reopening.
 */
#include "core/admin/access_log.h"

#include "record_fixture.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct record_fixture fixture;
static char folder[64], path[128], moved[128];

static size_t lines_of(const char *name)
{
    FILE *file = fopen(name, "r");
    size_t lines = 0;
    int c;
    if (file == NULL)
        return 0;
    while ((c = fgetc(file)) != EOF)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static struct model_access_log settings_of(void)
{
    return (struct model_access_log){.enabled = true,
                                     .fields_default_keep = true,
                                     .file_path = span_cstr(path)};
}

static struct access_log *open_log(const struct model_access_log *settings)
{
    struct access_log *log = NULL;
    struct err_text why = {""};
    if (access_log_create(settings, 1, &log, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return log;
}

static void record(struct access_log *log, uint16_t status)
{
    fixture.exchange.status = status;
    access_log_record(log, &fixture.worker, NULL, &fixture.record);
}

static void lines_are_in_the_file_at_the_end(void **state)
{
    (void)state;
    struct model_access_log settings = settings_of();
    struct access_log *log = open_log(&settings);
    for (int i = 0; i < 1000; i++)
        record(log, 200);
    access_log_destroy(log);
    assert_int_equal(lines_of(path), 1000);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640 & ~022);
}

static void a_full_queue_drops_and_counts(void **state)
{
    (void)state;
    struct model_access_log settings = settings_of();
    struct access_log *log = open_log(&settings);
    for (int i = 0; i < 200000; i++)
        record(log, 200);
    access_log_destroy(log);
    uint64_t dropped = metric_read(&fixture.worker.metrics.access_log_dropped);
    assert_int_equal(lines_of(path) + dropped, 200000);
}

static void filters_keep_what_fits_one_of_them(void **state)
{
    (void)state;
    struct span codes[] = {SPAN("404"), SPAN("500-503")};
    struct model_access_log settings = settings_of();
    settings.status_codes = (struct span_list){codes, 2};
    settings.filter_retry_attempts = true;
    struct access_log *log = open_log(&settings);
    record(log, 200);
    record(log, 404);
    record(log, 499);
    record(log, 500);
    record(log, 503);
    record(log, 504);
    fixture.exchange.attempts = 2;
    record(log, 200);
    access_log_destroy(log);
    assert_int_equal(lines_of(path), 4);
}

static void slow_requests_pass_the_duration_filter(void **state)
{
    (void)state;
    struct model_access_log settings = settings_of();
    settings.filter_min_duration = 12500000;
    struct access_log *log = open_log(&settings);
    record(log, 200);
    fixture.record.duration_ns++;
    record(log, 200);
    access_log_destroy(log);
    assert_int_equal(lines_of(path), 1);
}

static void routers_that_want_no_log_have_none(void **state)
{
    (void)state;
    struct model_access_log settings = settings_of();
    struct access_log *log = open_log(&settings);
    fixture.router.access_logs = false;
    record(log, 200);
    access_log_destroy(log);
    assert_int_equal(lines_of(path), 0);
}

static void a_bad_filter_is_an_error(void **state)
{
    (void)state;
    struct span codes[] = {SPAN("4xx")};
    struct model_access_log settings = settings_of();
    struct access_log *log = NULL;
    struct err_text why = {""};
    settings.status_codes = (struct span_list){codes, 1};
    assert_int_equal(access_log_create(&settings, 1, &log, &why), ERR_INVALID);
    assert_non_null(strstr(why.text, "4xx"));
    assert_null(log);
}

static void a_place_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct model_access_log settings = settings_of();
    struct access_log *log = NULL;
    struct err_text why = {""};
    settings.file_path = SPAN("/dev/null/x.log");
    assert_int_not_equal(access_log_create(&settings, 1, &log, &why), ERR_OK);
    assert_non_null(strstr(why.text, "/dev/null/x.log"));
}

/* Waits for the log's thread, which tells nobody. */
static void wait_until_there(const char *name)
{
    for (int i = 0; i < 1000 && access(name, F_OK) != 0; i++)
        poll(NULL, 0, 10);
    assert_int_equal(access(name, F_OK), 0);
}

static void after_reopening_lines_go_to_the_new_file(void **state)
{
    (void)state;
    struct model_access_log settings = settings_of();
    struct access_log *log = open_log(&settings);
    record(log, 200);
    assert_int_equal(rename(path, moved), 0);
    access_log_reopen(log);
    wait_until_there(path);
    record(log, 200);
    record(log, 200);
    access_log_destroy(log);
    assert_int_equal(lines_of(moved), 1);
    assert_int_equal(lines_of(path), 2);
}

static void folders_in_front_are_made(void **state)
{
    (void)state;
    char deep[256], parent[160];
    struct model_access_log settings = settings_of();
    snprintf(parent, sizeof(parent), "%s/deep", folder);
    snprintf(deep, sizeof(deep), "%s/a.log", parent);
    settings.file_path = span_cstr(deep);
    struct access_log *log = open_log(&settings);
    record(log, 200);
    access_log_destroy(log);
    assert_int_equal(lines_of(deep), 1);
    unlink(deep);
    rmdir(parent);
}

static int set_up(void **state)
{
    (void)state;
    umask(022);
    record_fill(&fixture);
    strcpy(folder, "/tmp/weir-access-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/access.log", folder);
    snprintf(moved, sizeof(moved), "%s/access.log.1", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(moved);
    rmdir(folder);
    record_finish(&fixture);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_in_the_file_at_the_end),
        TEST(a_full_queue_drops_and_counts),
        TEST(filters_keep_what_fits_one_of_them),
        TEST(slow_requests_pass_the_duration_filter),
        TEST(routers_that_want_no_log_have_none),
        TEST(a_bad_filter_is_an_error),
        TEST(a_place_that_cannot_be_written_is_an_error),
        TEST(after_reopening_lines_go_to_the_new_file),
        TEST(folders_in_front_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
