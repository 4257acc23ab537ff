/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TOML's strings, for keys and for values. The TOML parser's own.
 */
#ifndef WEIR_CONFIG_TOML_STRING_H
#define WEIR_CONFIG_TOML_STRING_H

#include "config/toml_reader.h"

/* One string with its quotes, into toml->scratch. Multi-line forms only when
 * `multiline`. */
MUST_USE enum err toml_read_string(struct toml *toml, bool multiline);

#endif
