/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TOML 1.0 to a node tree, complete: all strings, integers, floats, dates,
 * arrays, inline tables, dotted keys, tables and arrays of tables, with the
 * rules about what may not be defined twice. Integers become decimal text;
 * floats and dates keep the text of the file.
 *
 * Reads bytes, does no I/O; refuses text that is not UTF-8. One thread.
 */
#ifndef WEIR_CONFIG_TOML_H
#define WEIR_CONFIG_TOML_H

#include "config/diagnostics.h"
#include "config/node.h"

/*
 * Reads `text` into an initialised tree; the root is a map, or NULL for a file
 * without keys. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM: one error is in
 * `diagnostics`.
 */
MUST_USE enum err toml_parse(struct span text, struct node_tree *tree,
                             struct diagnostics *diagnostics);

#endif
