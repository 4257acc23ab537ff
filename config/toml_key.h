/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TOML's keys, a part at a time, and the tables that they open. The TOML
 * parser's own.
 */
#ifndef WEIR_CONFIG_TOML_KEY_H
#define WEIR_CONFIG_TOML_KEY_H

#include "config/toml_reader.h"

/* One part of a dotted key. */
struct toml_key {
    struct span name; /* in the tree's memory */
    struct source_mark mark;
};

/* How a table came to be; node->state. */
enum toml_state {
    TOML_IMPLICIT = 0, /* by a header of something below it: may still be defined */
    TOML_HEADER,       /* by its own [header] or [[header]] */
    TOML_DOTTED,       /* by dotted keys: only more of them may follow */
    TOML_FROZEN,       /* inline table or array: complete */
    TOML_TABLES,       /* array of [[header]]s */
};

/* One part, bare or in quotes. */
MUST_USE enum err toml_read_key(struct toml *toml, struct toml_key *key);
/* Whether a dot and so another part follows: skipped, with the blanks around it. */
bool toml_take_dot(struct toml *toml);

/* A new table under the key; NULL: toml_fail_memory. */
struct node *toml_add_table(struct toml *toml, struct node *parent, const struct toml_key *key,
                            enum toml_state state);
/* Reports that the key's name stands at `entry` already, and returns ERR_SYNTAX. */
enum err toml_fail_taken(struct toml *toml, const struct toml_key *key,
                         const struct node_entry *entry);

#endif
