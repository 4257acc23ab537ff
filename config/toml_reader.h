/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the two halves of the TOML parser share; nobody else includes this.
 */
#ifndef WEIR_CONFIG_TOML_READER_H
#define WEIR_CONFIG_TOML_READER_H

#include "config/toml.h"
#include "core/base/buf.h"

struct toml {
    const char *at, *end;
    const char *line_start;
    uint32_t line;
    int depth; /* of arrays and inline tables */
    struct node_tree *tree;
    struct diagnostics *diagnostics;
    struct buf scratch; /* the string being read */
};

/* How a table came to be; node->state. */
enum toml_state {
    TOML_IMPLICIT = 0, /* by a header of something below it: may still be defined */
    TOML_HEADER,       /* by its own [header] or [[header]] */
    TOML_DOTTED,       /* by dotted keys: only more of them may follow */
    TOML_FROZEN,       /* inline table or array: complete */
    TOML_TABLES,       /* array of [[header]]s */
};

/* Reports at the current place and returns ERR_SYNTAX. */
enum err toml_fail(struct toml *toml, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum err toml_fail_at(struct toml *toml, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum err toml_fail_memory(struct toml *toml);
struct source_mark toml_mark(const struct toml *toml, const char *where);

static inline int toml_peek(const struct toml *toml)
{
    return toml->at < toml->end ? (unsigned char)*toml->at : -1;
}

void toml_skip_blanks(struct toml *toml);
/* "\n" or "\r\n": counted and skipped. */
bool toml_take_newline(struct toml *toml);
/* A comment up to the end of its line, if one begins here. */
enum err toml_skip_comment(struct toml *toml);

/* toml_string.c: one string with its quotes, into toml->scratch. Multi-line
 * forms only when `multiline`. */
MUST_USE enum err toml_read_string(struct toml *toml, bool multiline);
/* toml_value.c */
MUST_USE enum err toml_read_value(struct toml *toml, struct node **out);
/* toml.c: `key = value` into a table, for lines and for inline tables. */
MUST_USE enum err toml_read_pair(struct toml *toml, struct node *table);

#endif
