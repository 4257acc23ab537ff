/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of the commands is asked for. What follows the command is not looked
 * at here: the configuration's own flags are config/load.h's. Pure function.
 */
#ifndef WEIR_CORE_APP_COMMAND_LINE_H
#define WEIR_CORE_APP_COMMAND_LINE_H

enum command {
    COMMAND_SERVE,
    COMMAND_CHECK,
    COMMAND_ACME,
    COMMAND_VERSION,
    COMMAND_HELP,
    COMMAND_UNKNOWN,
};

struct command_line {
    enum command command;
    const char *word; /* of COMMAND_UNKNOWN */
    int arg_count;    /* what follows the command; of the program's own argv */
    char *const *args;
};

void command_line_parse(int argc, char *const *argv, struct command_line *out);

#endif
