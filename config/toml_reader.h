/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the TOML parser stands in its text: its files read forward from here,
 * skip what means nothing and say what is wrong. Nobody else includes this.
 */
#ifndef WEIR_CONFIG_TOML_READER_H
#define WEIR_CONFIG_TOML_READER_H

#include "config/diagnostics.h"
#include "config/node.h"
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

#endif
