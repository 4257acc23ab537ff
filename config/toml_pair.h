/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TOML's `key = value`, with the arrays and inline tables that a value may be.
 * The TOML parser's own.
 */
#ifndef WEIR_CONFIG_TOML_PAIR_H
#define WEIR_CONFIG_TOML_PAIR_H

#include "config/toml_reader.h"

/* One pair into a table. */
MUST_USE enum err toml_read_pair(struct toml *toml, struct node *table);

#endif
