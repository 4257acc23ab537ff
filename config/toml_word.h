/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TOML's values that stand without quotes: booleans, numbers, dates and times.
 * The TOML parser's own.
 */
#ifndef WEIR_CONFIG_TOML_WORD_H
#define WEIR_CONFIG_TOML_WORD_H

#include "config/toml_reader.h"

/* The word at the current place into a scalar of its kind. */
MUST_USE enum err toml_read_word(struct toml *toml, struct node **out);

#endif
