/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people read about the configuration, generated from the schema's
 * tables: `weir --help`, and docs/reference/configuration.md (by the program
 * weir-reference; a test holds the committed page against it). Any thread.
 */
#ifndef WEIR_CONFIG_HELP_H
#define WEIR_CONFIG_HELP_H

#include <stdio.h>

/* The commands, then every static key as a flag. */
void help_print(FILE *out);
/* Every static and dynamic key as Markdown. */
void help_write_reference(FILE *out);

#endif
