/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program: finds the command and the static configuration.
 */
#include "config/help.h"
#include "config/load.h"
#include "core/app/acme_command.h"
#include "core/app/builtin.h"
#include "core/app/check_command.h"
#include "core/app/command_line.h"
#include "core/app/server.h"
#include "core/app/version.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <unistd.h>

#define EXIT_USAGE 2

static enum err load(const struct command_line *line, struct diagnostics *diagnostics,
                     struct model_static **model, bool *builtin)
{
    bool found = false;
    TRY(config_load_static(line->arg_count, line->args, environ, diagnostics, &found, model));
    *builtin = !found;
    if (found)
        return ERR_OK;
    struct config_text text = builtin_static();
    model_static_destroy(*model);
    *model = NULL;
    return config_parse_static(&text, diagnostics, model);
}

static int serve(const struct command_line *line)
{
    struct diagnostics diagnostics;
    struct model_static *model = NULL;
    bool builtin = false;
    diagnostics_init(&diagnostics);
    enum err error = load(line, &diagnostics, &model, &builtin);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_finish(&diagnostics);
    int status = EXIT_FAILURE;
    if (error == ERR_OK)
        status = server_run(model, builtin);
    else
        fprintf(stderr, "weir: the configuration cannot be used (%s)\n", err_message(error));
    model_static_destroy(model);
    return status;
}

static int print_usage(const char *word)
{
    fprintf(stderr,
            "weir: there is no command \"%s\"\n"
            "usage: weir [--configFile=FILE | --KEY=VALUE ...]\n"
            "       weir check [--configFile=FILE | --KEY=VALUE ...]\n"
            "       weir acme list|renew|revoke [NAME ...] [--configFile=FILE | ...]\n"
            "       weir version\n"
            "       weir --help\n",
            word);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct command_line line;
    command_line_parse(argc, argv, &line);
    hash_seed_init();
    switch (line.command) {
    case COMMAND_SERVE:
        return serve(&line);
    case COMMAND_CHECK:
        return check_command_run(line.arg_count, line.args, environ, stdout);
    case COMMAND_ACME:
        return acme_command_run(line.arg_count, line.args, environ, stdout, stderr);
    case COMMAND_VERSION:
        version_print(stdout);
        return EXIT_SUCCESS;
    case COMMAND_HELP:
        help_print(stdout);
        return EXIT_SUCCESS;
    case COMMAND_UNKNOWN:
        break;
    }
    return print_usage(line.word);
}
