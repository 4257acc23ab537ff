/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bare keys are cut out of the text; quoted ones are strings.
 */
#include "config/toml_key.h"

#include "config/toml_string.h"

static bool is_bare(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '-' || c == '_';
}

enum err toml_read_key(struct toml *toml, struct toml_key *key)
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

bool toml_take_dot(struct toml *toml)
{
    toml_skip_blanks(toml);
    if (toml_peek(toml) != '.')
        return false;
    toml->at++;
    toml_skip_blanks(toml);
    return true;
}

struct node *toml_add_table(struct toml *toml, struct node *parent, const struct toml_key *key,
                            enum toml_state state)
{
    struct node *map = node_new(toml->tree, NODE_MAP, key->mark.line, key->mark.column);
    if (map == NULL)
        return NULL;
    map->state = (uint8_t)state;
    return node_map_add(toml->tree, parent, key->name, key->mark, map) == ERR_OK ? map : NULL;
}

enum err toml_fail_taken(struct toml *toml, const struct toml_key *key,
                         const struct node_entry *entry)
{
    const struct source_mark *mark = &key->mark;
    diagnostics_add(toml->diagnostics, SEVERITY_ERROR, *mark, "",
                    "TOML: \"%.*s\" is defined on line %u already", SPAN_ARG(key->name),
                    entry->mark.line);
    return ERR_SYNTAX;
}
