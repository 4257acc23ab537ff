/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which command a command line asks for.
 */
#include "core/app/command_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WORDS_MAX 6

static const struct {
    char *argv[WORDS_MAX]; /* NULL ends it */
    enum command command;
    int first_arg; /* index in argv of what follows; arg_count is the rest */
} cases[] = {
    {{"weir"}, COMMAND_SERVE, 1},
    {{"weir", "--configFile=weir.yml"}, COMMAND_SERVE, 1},
    {{"weir", "--configFile", "weir.yml"}, COMMAND_SERVE, 1},
    {{"weir", "--entryPoints.web.address=:80", "--api"}, COMMAND_SERVE, 1},
    {{"weir", "check"}, COMMAND_CHECK, 2},
    {{"weir", "check", "--configFile=weir.yml"}, COMMAND_CHECK, 2},
    {{"weir", "version"}, COMMAND_VERSION, 2},
    {{"weir", "--version"}, COMMAND_VERSION, 2},
    {{"weir", "help"}, COMMAND_HELP, 2},
    {{"weir", "--help"}, COMMAND_HELP, 2},
    {{"weir", "-h"}, COMMAND_HELP, 2},
    {{"weir", "--api", "--help"}, COMMAND_HELP, 1},
    {{"weir", "check", "--help"}, COMMAND_HELP, 2},
    {{"weir", "serve"}, COMMAND_UNKNOWN, 2},
    {{"weir", "Check"}, COMMAND_UNKNOWN, 2},
    {{"weir", "", "--api"}, COMMAND_UNKNOWN, 2},
};

static void every_line_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct command_line line;
        int argc = 0;
        while (argc < WORDS_MAX && cases[i].argv[argc] != NULL)
            argc++;
        command_line_parse(argc, cases[i].argv, &line);
        print_message("case %zu\n", i);
        assert_int_equal(line.command, cases[i].command);
        assert_int_equal(line.arg_count, argc - cases[i].first_arg);
        assert_ptr_equal(line.args, cases[i].argv + cases[i].first_arg);
    }
}

static void unknown_word_is_told(void **state)
{
    struct command_line line;
    char *argv[] = {"weir", "serve", NULL};
    (void)state;
    command_line_parse(2, argv, &line);
    assert_string_equal(line.word, "serve");
}

static void empty_command_line_serves(void **state)
{
    struct command_line line;
    char *argv[] = {NULL};
    (void)state;
    command_line_parse(0, argv, &line);
    assert_int_equal(line.command, COMMAND_SERVE);
    assert_int_equal(line.arg_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_understood),
        cmocka_unit_test(unknown_word_is_told),
        cmocka_unit_test(empty_command_line_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
