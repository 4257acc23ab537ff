/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `weir check`: reads the static configuration as the server would, then the
 * dynamic files that it names, prints every finding and a summary. It opens
 * certificate and key files to see that they can be read, not what is in them.
 * Main thread.
 */
#ifndef WEIR_CONFIG_CHECK_H
#define WEIR_CONFIG_CHECK_H

#include <stdio.h>

/* args are the arguments after `check`. Returns the exit status: 0 when the
 * configuration can be served as written but for what is not supported yet,
 * 1 when something in it is wrong. */
int check_run(int arg_count, char *const *args, char *const *environment, FILE *out);

#endif
