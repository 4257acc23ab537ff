/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The programs of `exec`: how long they may run, and what is left of them.
 */
#include "core/control/acme_dns_private.h"

#include "core/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000

struct scene {
    char folder[64], program[128], fifo[128];
    int alive; /* hung up once nobody of the program's is left */
    struct model_acme model;
    struct acme_dns *dns;
    struct acme_dns_record record;
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/weir-exec-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->program, sizeof(scene->program), "%s/hook", scene->folder);
    snprintf(scene->fifo, sizeof(scene->fifo), "%s/alive", scene->folder);
    assert_int_equal(mkfifo(scene->fifo, 0600), 0);
    scene->alive = open(scene->fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(scene->alive >= 0);
    assert_int_equal(setenv("EXEC_PATH", scene->program, 1), 0);
    scene->model.dns_provider_kind = MODEL_DNS_EXEC;
    assert_int_equal(acme_dns_create(&scene->model, &scene->dns, NULL), ERR_OK);
    assert_int_equal(acme_dns_record_init(&scene->record, "a.test", "token", "key"), ERR_OK);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    acme_dns_record_finish(&scene->record);
    acme_dns_destroy(scene->dns);
    close(scene->alive);
    (void)unlink(scene->fifo);
    (void)unlink(scene->program);
    assert_int_equal(rmdir(scene->folder), 0);
    free(scene);
    return 0;
}

/* The lines of the program; it and what it starts hold the pipe. */
static void write_program(const struct scene *scene, const char *lines)
{
    FILE *file = fopen(scene->program, "we");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\nexec 9>%s\n%s\n", scene->fifo, lines);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(scene->program, 0700), 0);
}

static enum err present(struct scene *scene, int64_t patience_ms, struct err_text *why)
{
    struct patience patience = {patience_now_ms() + patience_ms, -1};
    return acme_dns_present(scene->dns, &scene->record, patience, why);
}

static void expect_nobody_left(const struct scene *scene)
{
    char byte;
    struct pollfd ended = {scene->alive, POLLIN, 0};
    /* A pipe that nobody has written to yet is not hung up. */
    int writer = open(scene->fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(writer >= 0);
    close(writer);
    assert_int_equal(poll(&ended, 1, PATIENCE_MS), 1);
    assert_int_equal(read(scene->alive, &byte, 1), 0);
}

static void a_program_has_five_minutes(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(scene->dns->program_ms, 300 * MS_PER_S);
}

static void one_that_takes_longer_is_ended_with_what_it_started(void **state)
{
    struct scene *scene = *state;
    struct err_text why = {""};
    char expected[512];
    write_program(scene, "sleep 600 &\necho \"$1 $2\"\nwait");
    scene->dns->program_ms = 500;
    assert_int_equal(present(scene, PATIENCE_MS, &why), ERR_TIMEOUT);
    snprintf(expected, sizeof(expected),
             "exec: the TXT record of _acme-challenge.a.test. cannot be set: %s has not ended in "
             "time and was killed: present _acme-challenge.a.test.",
             scene->program);
    assert_string_equal(why.text, expected);
    expect_nobody_left(scene);
}

static void one_that_ignores_being_asked_is_killed(void **state)
{
    struct scene *scene = *state;
    write_program(scene, "trap '' TERM\nwhile :; do sleep 600; done");
    scene->dns->program_ms = 100;
    assert_int_equal(present(scene, PATIENCE_MS, NULL), ERR_TIMEOUT);
    expect_nobody_left(scene);
}

static void what_is_left_of_the_order_s_time_counts_as_well(void **state)
{
    struct scene *scene = *state;
    write_program(scene, "sleep 600");
    assert_int_equal(present(scene, 100, NULL), ERR_TIMEOUT);
    expect_nobody_left(scene);
}

static void one_that_ends_in_time_is_waited_for(void **state)
{
    struct scene *scene = *state;
    struct err_text why = {""};
    write_program(scene, "exit 0");
    assert_int_equal(present(scene, PATIENCE_MS, &why), ERR_OK);
    write_program(scene, "echo it went wrong\nexit 3");
    assert_int_equal(present(scene, PATIENCE_MS, &why), ERR_IO);
    assert_non_null(strstr(why.text, "ended with status 3: it went wrong"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_program_has_five_minutes),
        IN_FOLDER(one_that_takes_longer_is_ended_with_what_it_started),
        IN_FOLDER(one_that_ignores_being_asked_is_killed),
        IN_FOLDER(what_is_left_of_the_order_s_time_counts_as_well),
        IN_FOLDER(one_that_ends_in_time_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
