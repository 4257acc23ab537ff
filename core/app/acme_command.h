/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `weir acme`: looks at the storages of the configuration's ACME resolvers, and
 * asks a running Weir to renew.
 *
 *   list              accounts and certificates
 *   renew NAME ...    renews what has one of these names ("*": everything), by
 *                     leaving the wish beside the storage for the Weir that runs,
 *                     or is started next
 *   revoke NAME       revokes at the CA what has this name, and has it renewed
 */
#ifndef WEIR_CORE_APP_ACME_COMMAND_H
#define WEIR_CORE_APP_ACME_COMMAND_H

#include <stdio.h>

/* args: what follows `acme`. Returns the exit code; 2: not understood. */
int acme_command_run(int arg_count, char *const *args, char *const *environment, FILE *out,
                     FILE *errors);

#endif
