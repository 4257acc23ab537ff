/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `weir check`: reads the static and the dynamic configuration and builds from
 * them what the server would serve, certificates loaded and routers compiled;
 * prints everything that is wrong and a summary. Nothing is started. Main thread.
 */
#ifndef WEIR_CORE_APP_CHECK_COMMAND_H
#define WEIR_CORE_APP_CHECK_COMMAND_H

#include <stdio.h>

/* args are those after `check`. The exit status: 0 when everything can be
 * served but for what is not supported yet, 1 when something is wrong. */
int check_command_run(int arg_count, char *const *args, char *const *environment, FILE *out);

#endif
