/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Here the grammar comes back to itself: a pair holds a value, and a value may be
 * an array of values or an inline table of pairs. The recursion is bounded by
 * LIMIT_CONFIG_DEPTH.
 */
#include "config/toml_pair.h"

#include "config/toml_key.h"
#include "config/toml_string.h"
#include "config/toml_word.h"
#include "core/base/limits.h"

static enum err read_value(struct toml *toml, struct node **out);

/* ---- arrays and inline tables ---- */

/* Blanks, newlines and comments. */
static enum err skip_space(struct toml *toml)
{
    for (;;) {
        toml_skip_blanks(toml);
        TRY(toml_skip_comment(toml));
        if (!toml_take_newline(toml))
            return ERR_OK;
    }
}

static enum err read_array(struct toml *toml, struct node *array)
{
    toml->at++;
    TRY(skip_space(toml));
    while (toml_peek(toml) != ']') {
        struct node *item;
        TRY(read_value(toml, &item));
        if (node_list_add(toml->tree, array, item) != ERR_OK)
            return toml_fail_memory(toml);
        TRY(skip_space(toml));
        if (toml_peek(toml) == ',')
            toml->at++;
        else if (toml_peek(toml) != ']')
            return toml_fail(toml, "a comma or ] is missing in the array");
        TRY(skip_space(toml));
    }
    toml->at++;
    return ERR_OK;
}

/* No line breaks between its parts, no comma at its end. */
static enum err read_inline_table(struct toml *toml, struct node *table)
{
    toml->at++;
    toml_skip_blanks(toml);
    if (toml_peek(toml) == '}') {
        toml->at++;
        return ERR_OK;
    }
    for (;;) {
        TRY(toml_read_pair(toml, table));
        toml_skip_blanks(toml);
        int c = toml_peek(toml);
        if (c != ',' && c != '}')
            return toml_fail(toml, "a comma or } is missing in the inline table; it must stand "
                             "on one line");
        toml->at++;
        if (c == '}')
            return ERR_OK;
        toml_skip_blanks(toml);
    }
}

/* Tables that dotted keys made inside an inline table are as complete as it. */
static void freeze(struct node *node)
{
    node->state = TOML_FROZEN;
    for (uint32_t i = 0; node->kind == NODE_MAP && i < node->map.count; i++)
        if (node->map.entries[i].value->kind == NODE_MAP &&
            node->map.entries[i].value->state != TOML_FROZEN)
            freeze(node->map.entries[i].value);
}

static enum err read_collection(struct toml *toml, struct node **out)
{
    bool table = toml_peek(toml) == '{';
    if (toml->depth == LIMIT_CONFIG_DEPTH)
        return toml_fail(toml, "nested deeper than %d levels", LIMIT_CONFIG_DEPTH);
    struct source_mark mark = toml_mark(toml, toml->at);
    struct node *node =
        node_new(toml->tree, table ? NODE_MAP : NODE_LIST, mark.line, mark.column);
    if (node == NULL)
        return toml_fail_memory(toml);
    toml->depth++;
    enum err error = table ? read_inline_table(toml, node) : read_array(toml, node);
    toml->depth--;
    if (error != ERR_OK)
        return error;
    freeze(node);
    *out = node;
    return ERR_OK;
}

/* ---- a value ---- */

static enum err read_value(struct toml *toml, struct node **out)
{
    int c = toml_peek(toml);
    if (c == '[' || c == '{')
        return read_collection(toml, out);
    if (c != '"' && c != '\'')
        return toml_read_word(toml, out);
    struct source_mark mark = toml_mark(toml, toml->at);
    TRY(toml_read_string(toml, true));
    struct node *node = node_new_scalar(toml->tree, SCALAR_STRING, buf_span(&toml->scratch),
                                        mark.line, mark.column);
    if (node == NULL)
        return toml_fail_memory(toml);
    *out = node;
    return ERR_OK;
}

/* ---- key = value ---- */

/* The table that a dotted key's part names, for more of the key. */
static enum err enter_dotted(struct toml *toml, struct node *table, const struct toml_key *key,
                             struct node **out)
{
    struct node_entry *entry = node_map_find(table, key->name);
    if (entry == NULL) {
        *out = toml_add_table(toml, table, key, TOML_DOTTED);
        return *out != NULL ? ERR_OK : toml_fail_memory(toml);
    }
    struct node *value = entry->value;
    if (value->kind != NODE_MAP ||
        (value->state != TOML_DOTTED && value->state != TOML_IMPLICIT))
        return toml_fail_taken(toml, key, entry);
    value->state = TOML_DOTTED;
    *out = value;
    return ERR_OK;
}

enum err toml_read_pair(struct toml *toml, struct node *table)
{
    struct toml_key key;
    int levels = 0;
    TRY(toml_read_key(toml, &key));
    while (toml_take_dot(toml)) {
        if (++levels > LIMIT_CONFIG_DEPTH)
            return toml_fail(toml, "nested deeper than %d levels", LIMIT_CONFIG_DEPTH);
        TRY(enter_dotted(toml, table, &key, &table));
        TRY(toml_read_key(toml, &key));
    }
    if (toml_peek(toml) != '=')
        return toml_fail(toml, "an equals sign is missing after the key \"%.*s\"",
                         (int)(key.name.len < 40 ? key.name.len : 40), key.name.ptr);
    toml->at++;
    toml_skip_blanks(toml);
    struct node *value;
    TRY(read_value(toml, &value));
    struct node_entry *entry = node_map_find(table, key.name);
    if (entry != NULL)
        return toml_fail_taken(toml, &key, entry);
    if (node_map_add(toml->tree, table, key.name, key.mark, value) != ERR_OK)
        return toml_fail_memory(toml);
    return ERR_OK;
}
