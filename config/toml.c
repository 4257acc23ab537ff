/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines, keys and tables; strings and other values have files of their own.
 * node->state remembers how each table was made (toml_reader.h), which is all
 * that TOML's rules about redefinition need: a header may not name a table
 * that has one already or that dotted keys made; a dotted key may not reach
 * into a table that a header made; inline tables and arrays are complete.
 */
#include "config/toml_reader.h"

#include "core/base/limits.h"
#include "core/base/utf8.h"

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

/* ---- keys ---- */

struct key {
    struct span name; /* in the tree's memory */
    struct source_mark mark;
};

static bool is_bare(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '-' || c == '_';
}

static enum err read_simple_key(struct toml *toml, struct key *key)
{
    const char *start = toml->at;
    int c = toml_peek(toml);
    struct span name;
    key->mark = toml_mark(toml, start);
    if (c == '"' || c == '\'') {
        TRY(toml_read_string(toml, false));
        name = buf_span(&toml->scratch);
    } else {
        while (is_bare(toml_peek(toml)))
            toml->at++;
        name = span_make(start, (size_t)(toml->at - start));
        if (name.len == 0)
            return toml_fail(toml, "a key is missing; bare keys are letters, digits, - and _");
    }
    key->name = arena_span(&toml->tree->arena, name.len > 0 ? name : SPAN(""));
    return key->name.ptr != NULL ? ERR_OK : toml_fail_memory(toml);
}

/* Whether another part of a dotted key follows. */
static bool take_dot(struct toml *toml)
{
    toml_skip_blanks(toml);
    if (toml_peek(toml) != '.')
        return false;
    toml->at++;
    toml_skip_blanks(toml);
    return true;
}

static struct node *add_map(struct toml *toml, struct node *parent, const struct key *key,
                            enum toml_state state)
{
    struct node *map = node_new(toml->tree, NODE_MAP, key->mark.line, key->mark.column);
    if (map == NULL)
        return NULL;
    map->state = (uint8_t)state;
    return node_map_add(toml->tree, parent, key->name, key->mark, map) == ERR_OK ? map : NULL;
}

static enum err fail_taken(struct toml *toml, const struct key *key,
                           const struct node_entry *entry)
{
    const struct source_mark *mark = &key->mark;
    diagnostics_add(toml->diagnostics, SEVERITY_ERROR, *mark, "",
                    "TOML: \"%.*s\" is defined on line %u already", SPAN_ARG(key->name),
                    entry->mark.line);
    return ERR_SYNTAX;
}

/* ---- key = value ---- */

/* The table that a dotted key's part names, for more of the key. */
static enum err enter_dotted(struct toml *toml, struct node *table, const struct key *key,
                             struct node **out)
{
    struct node_entry *entry = node_map_find(table, key->name);
    if (entry == NULL) {
        *out = add_map(toml, table, key, TOML_DOTTED);
        return *out != NULL ? ERR_OK : toml_fail_memory(toml);
    }
    struct node *value = entry->value;
    if (value->kind != NODE_MAP ||
        (value->state != TOML_DOTTED && value->state != TOML_IMPLICIT))
        return fail_taken(toml, key, entry);
    value->state = TOML_DOTTED;
    *out = value;
    return ERR_OK;
}

enum err toml_read_pair(struct toml *toml, struct node *table)
{
    struct key key;
    int levels = 0;
    TRY(read_simple_key(toml, &key));
    while (take_dot(toml)) {
        if (++levels > LIMIT_CONFIG_DEPTH)
            return toml_fail(toml, "nested deeper than %d levels", LIMIT_CONFIG_DEPTH);
        TRY(enter_dotted(toml, table, &key, &table));
        TRY(read_simple_key(toml, &key));
    }
    if (toml_peek(toml) != '=')
        return toml_fail(toml, "an equals sign is missing after the key \"%.*s\"",
                         (int)(key.name.len < 40 ? key.name.len : 40), key.name.ptr);
    toml->at++;
    toml_skip_blanks(toml);
    struct node *value;
    TRY(toml_read_value(toml, &value));
    struct node_entry *entry = node_map_find(table, key.name);
    if (entry != NULL)
        return fail_taken(toml, &key, entry);
    if (node_map_add(toml->tree, table, key.name, key.mark, value) != ERR_OK)
        return toml_fail_memory(toml);
    return ERR_OK;
}

/* ---- [table] and [[array of tables]] ---- */

/* A part of a header that is not its last: tables are made as needed, and of
 * an array of tables the newest is meant. */
static enum err enter_header(struct toml *toml, struct node *table, const struct key *key,
                             struct node **out)
{
    struct node_entry *entry = node_map_find(table, key->name);
    if (entry == NULL) {
        *out = add_map(toml, table, key, TOML_IMPLICIT);
        return *out != NULL ? ERR_OK : toml_fail_memory(toml);
    }
    struct node *value = entry->value;
    if (value->kind == NODE_LIST && value->state == TOML_TABLES)
        value = value->list.items[value->list.count - 1];
    else if (value->kind != NODE_MAP || value->state == TOML_FROZEN)
        return fail_taken(toml, key, entry);
    *out = value;
    return ERR_OK;
}

static enum err open_table(struct toml *toml, struct node *parent, const struct key *key,
                           struct node **out)
{
    struct node_entry *entry = node_map_find(parent, key->name);
    if (entry == NULL) {
        *out = add_map(toml, parent, key, TOML_HEADER);
        return *out != NULL ? ERR_OK : toml_fail_memory(toml);
    }
    if (entry->value->kind != NODE_MAP || entry->value->state != TOML_IMPLICIT)
        return fail_taken(toml, key, entry);
    entry->value->state = TOML_HEADER;
    *out = entry->value;
    return ERR_OK;
}

static enum err open_array_table(struct toml *toml, struct node *parent, const struct key *key,
                                 struct node **out)
{
    struct node_entry *entry = node_map_find(parent, key->name);
    struct node *list = entry != NULL ? entry->value : NULL;
    if (list == NULL) {
        list = node_new(toml->tree, NODE_LIST, key->mark.line, key->mark.column);
        if (list == NULL ||
            node_map_add(toml->tree, parent, key->name, key->mark, list) != ERR_OK)
            return toml_fail_memory(toml);
        list->state = TOML_TABLES;
    } else if (list->kind != NODE_LIST || list->state != TOML_TABLES) {
        return fail_taken(toml, key, entry);
    }
    struct node *table = node_new(toml->tree, NODE_MAP, key->mark.line, key->mark.column);
    if (table == NULL || node_list_add(toml->tree, list, table) != ERR_OK)
        return toml_fail_memory(toml);
    table->state = TOML_HEADER;
    *out = table;
    return ERR_OK;
}

static enum err read_header(struct toml *toml, struct node **current)
{
    struct node *table = toml->tree->root;
    struct key key;
    toml->at++;
    bool array = toml_peek(toml) == '[';
    toml->at += array;
    toml_skip_blanks(toml);
    TRY(read_simple_key(toml, &key));
    for (int levels = 1; take_dot(toml); levels++) {
        if (levels == LIMIT_CONFIG_DEPTH)
            return toml_fail(toml, "nested deeper than %d levels", LIMIT_CONFIG_DEPTH);
        TRY(enter_header(toml, table, &key, &table));
        TRY(read_simple_key(toml, &key));
    }
    for (int i = 0; i <= array; i++, toml->at++)
        if (toml_peek(toml) != ']')
            return toml_fail(toml, "%s is missing after the table's name", array ? "]]" : "]");
    return array ? open_array_table(toml, table, &key, current)
                 : open_table(toml, table, &key, current);
}

/* ---- the file ---- */

static enum err read_line(struct toml *toml, struct node **current)
{
    toml_skip_blanks(toml);
    int c = toml_peek(toml);
    if (c == '[')
        TRY(read_header(toml, current));
    else if (c >= 0 && c != '#' && c != '\n' && c != '\r')
        TRY(toml_read_pair(toml, *current));
    toml_skip_blanks(toml);
    TRY(toml_skip_comment(toml));
    if (toml->at < toml->end && !toml_take_newline(toml))
        return toml_fail(toml, "something stands behind the end of the line's value");
    return ERR_OK;
}

/* At the first byte that is no UTF-8. */
static enum err check_utf8(struct toml *toml)
{
    struct span rest = span_make(toml->at, (size_t)(toml->end - toml->at));
    if (utf8_valid(rest))
        return ERR_OK;
    while (rest.len > 0) {
        size_t n = utf8_next(rest, NULL);
        if (n == 0)
            break;
        if (rest.ptr[0] == '\n') {
            toml->line++;
            toml->line_start = rest.ptr + 1;
        }
        rest = span_skip(rest, n);
    }
    return toml_fail_at(toml, rest.ptr, "the text is not UTF-8");
}

enum err toml_parse(struct span text, struct node_tree *tree, struct diagnostics *diagnostics)
{
    struct toml toml = {.at = text.ptr,
                        .end = text.ptr + text.len,
                        .line_start = text.ptr,
                        .line = 1,
                        .tree = tree,
                        .diagnostics = diagnostics};
    if (text.len == 0)
        return ERR_OK;
    buf_init(&toml.scratch, LIMIT_CONFIG_FILE);
    enum err error = check_utf8(&toml);
    if (error == ERR_OK && span_starts_with(text, SPAN("\xef\xbb\xbf")))
        toml.at += 3;
    tree->root = node_new(tree, NODE_MAP, 1, 1);
    struct node *current = tree->root;
    if (error == ERR_OK && current == NULL)
        error = toml_fail_memory(&toml);
    while (error == ERR_OK && toml.at < toml.end)
        error = read_line(&toml, &current);
    buf_finish(&toml.scratch);
    if (tree->root != NULL && tree->root->map.count == 0)
        tree->root = NULL;
    return error;
}
