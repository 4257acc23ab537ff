/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A first word without dashes is a command; without one, Weir serves. Help and
 * version may also be written as flags, first on the line.
 */
#include "core/app/command_line.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *word;
    enum command command;
} words[] = {
    {"check", COMMAND_CHECK},       {"version", COMMAND_VERSION}, {"help", COMMAND_HELP},
    {"--version", COMMAND_VERSION}, {"-version", COMMAND_VERSION}, {"--help", COMMAND_HELP},
    {"-help", COMMAND_HELP},        {"-h", COMMAND_HELP},         {"acme", COMMAND_ACME},
};

static int asks_for_help(int argc, char *const *argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return 1;
    }
    return 0;
}

void command_line_parse(int argc, char *const *argv, struct command_line *out)
{
    const char *first = argc > 1 ? argv[1] : NULL;
    *out = (struct command_line){COMMAND_SERVE, NULL, argc > 0 ? argc - 1 : 0, argv + (argc > 0)};
    if (first == NULL)
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(first, words[i].word) != 0)
            continue;
        *out = (struct command_line){words[i].command, NULL, argc - 2, argv + 2};
        if (asks_for_help(out->arg_count, out->args))
            out->command = COMMAND_HELP;
        return;
    }
    if (first[0] != '-')
        *out = (struct command_line){COMMAND_UNKNOWN, first, argc - 2, argv + 2};
    else if (asks_for_help(out->arg_count, out->args))
        out->command = COMMAND_HELP;
}
