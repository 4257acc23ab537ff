/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stops the parser is said here, once, at its line and column.
 */
#include "config/toml_reader.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- errors ---- */

struct source_mark toml_mark(const struct toml *toml, const char *where)
{
    ptrdiff_t column = where >= toml->line_start ? where - toml->line_start : 0;
    return (struct source_mark){toml->tree->file, toml->line, (uint32_t)column + 1};
}

__attribute__((format(printf, 3, 0))) static enum err
report(struct toml *toml, const char *where, const char *format, va_list arguments)
{
    char text[256];
    vsnprintf(text, sizeof(text), format, arguments);
    diagnostics_add(toml->diagnostics, SEVERITY_ERROR, toml_mark(toml, where), "", "TOML: %s",
                    text);
    return ERR_SYNTAX;
}

enum err toml_fail(struct toml *toml, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum err error = report(toml, toml->at, format, arguments);
    va_end(arguments);
    return error;
}

enum err toml_fail_at(struct toml *toml, const char *where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum err error = report(toml, where, format, arguments);
    va_end(arguments);
    return error;
}

enum err toml_fail_memory(struct toml *toml)
{
    bool limit = node_tree_failure(toml->tree) == ERR_LIMIT;
    diagnostics_add(toml->diagnostics, SEVERITY_ERROR, toml_mark(toml, toml->at), "",
                    limit ? "too many nodes: at most %d are read" : "out of memory", NODE_MAX);
    return limit ? ERR_LIMIT : ERR_NOMEM;
}

/* ---- space ---- */

void toml_skip_blanks(struct toml *toml)
{
    while (toml->at < toml->end && (*toml->at == ' ' || *toml->at == '\t'))
        toml->at++;
}

bool toml_take_newline(struct toml *toml)
{
    size_t n = 0;
    if (toml_peek(toml) == '\n')
        n = 1;
    else if (toml->end - toml->at >= 2 && toml->at[0] == '\r' && toml->at[1] == '\n')
        n = 2;
    if (n == 0)
        return false;
    toml->at += n;
    toml->line++;
    toml->line_start = toml->at;
    return true;
}

enum err toml_skip_comment(struct toml *toml)
{
    if (toml_peek(toml) != '#')
        return ERR_OK;
    for (;; toml->at++) {
        int c = toml_peek(toml);
        bool line_end = c == '\r' && toml->end - toml->at >= 2 && toml->at[1] == '\n';
        if (c < 0 || c == '\n' || line_end)
            return ERR_OK;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return toml_fail(toml, "control character 0x%02x in a comment", (unsigned)c);
    }
}
