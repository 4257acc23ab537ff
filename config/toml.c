/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines and tables; keys, pairs, strings and other words have files of their own.
 * node->state remembers how each table was made (toml_key.h), which is all that
 * TOML's rules about redefinition need: a header may not name a table that has
 * one already or that dotted keys made; a dotted key may not reach into a table
 * that a header made; inline tables and arrays are complete.
 */
#include "config/toml.h"

#include "config/toml_key.h"
#include "config/toml_pair.h"
#include "core/base/limits.h"
#include "core/base/utf8.h"

/* ---- [table] and [[array of tables]] ---- */

/* A part of a header that is not its last: tables are made as needed, and of
 * an array of tables the newest is meant. */
static enum err enter_header(struct toml *toml, struct node *table, const struct toml_key *key,
                             struct node **out)
{
    struct node_entry *entry = node_map_find(table, key->name);
    if (entry == NULL) {
        *out = toml_add_table(toml, table, key, TOML_IMPLICIT);
        return *out != NULL ? ERR_OK : toml_fail_memory(toml);
    }
    struct node *value = entry->value;
    if (value->kind == NODE_LIST && value->state == TOML_TABLES)
        value = value->list.items[value->list.count - 1];
    else if (value->kind != NODE_MAP || value->state == TOML_FROZEN)
        return toml_fail_taken(toml, key, entry);
    *out = value;
    return ERR_OK;
}

static enum err open_table(struct toml *toml, struct node *parent, const struct toml_key *key,
                           struct node **out)
{
    struct node_entry *entry = node_map_find(parent, key->name);
    if (entry == NULL) {
        *out = toml_add_table(toml, parent, key, TOML_HEADER);
        return *out != NULL ? ERR_OK : toml_fail_memory(toml);
    }
    if (entry->value->kind != NODE_MAP || entry->value->state != TOML_IMPLICIT)
        return toml_fail_taken(toml, key, entry);
    entry->value->state = TOML_HEADER;
    *out = entry->value;
    return ERR_OK;
}

static enum err open_array_table(struct toml *toml, struct node *parent, const struct toml_key *key,
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
        return toml_fail_taken(toml, key, entry);
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
    struct toml_key key;
    toml->at++;
    bool array = toml_peek(toml) == '[';
    toml->at += array;
    toml_skip_blanks(toml);
    TRY(toml_read_key(toml, &key));
    for (int levels = 1; toml_take_dot(toml); levels++) {
        if (levels == LIMIT_CONFIG_DEPTH)
            return toml_fail(toml, "nested deeper than %d levels", LIMIT_CONFIG_DEPTH);
        TRY(enter_header(toml, table, &key, &table));
        TRY(toml_read_key(toml, &key));
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
