/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A dotted name walks down the tree and the schema at once: the schema says
 * where a number is an index, which flags need a value and which values are
 * lists. What it does not know goes into the tree as written, so that the
 * decoder reports it with its full path.
 */
#include "config/source.h"

#include "config/schema.h"

#include <stdlib.h>
#include <unistd.h>

#define INDEX_MAX 1000 /* highest [n] of a list */

struct place {
    struct node *node; /* the map in which the last word stands */
    const struct schema_row *rows; /* keys of that map; NULL: free or unknown */
    const struct schema_row *objects; /* names are free; below each stand these */
};

static struct node *new_map(struct node_tree *tree)
{
    return node_new(tree, NODE_MAP, 0, 0);
}

/* The child map of this name; a scalar in its place gives way. */
static enum err child_map(struct node_tree *tree, struct node *map, struct span name,
                          struct node **out)
{
    struct node_entry *entry = NULL;
    for (uint32_t i = 0; i < map->map.count && entry == NULL; i++)
        if (span_equal_nocase(map->map.entries[i].key, name))
            entry = &map->map.entries[i];
    if (entry != NULL && entry->value->kind == NODE_MAP) {
        *out = entry->value;
        return ERR_OK;
    }
    struct node *child = new_map(tree);
    if (child == NULL)
        return ERR_NOMEM;
    if (entry != NULL)
        entry->value = child;
    else
        TRY(node_map_add(tree, map, name, map->mark, child));
    *out = child;
    return ERR_OK;
}

/* The map at list[index] below `name`; the list grows as needed. */
static enum err list_map(struct node_tree *tree, struct node *map, struct span name,
                         uint64_t index, struct node **out)
{
    if (index > INDEX_MAX)
        return ERR_LIMIT;
    struct node_entry *entry = node_map_find(map, name);
    for (uint32_t i = 0; i < map->map.count && entry == NULL; i++)
        if (span_equal_nocase(map->map.entries[i].key, name))
            entry = &map->map.entries[i];
    struct node *list = entry != NULL ? entry->value : node_new(tree, NODE_LIST, 0, 0);
    if (list == NULL)
        return ERR_NOMEM;
    if (list->kind != NODE_LIST)
        return ERR_MISMATCH;
    if (entry == NULL)
        TRY(node_map_add(tree, map, name, map->mark, list));
    while (list->list.count <= index) {
        struct node *item = new_map(tree);
        if (item == NULL)
            return ERR_NOMEM;
        TRY(node_list_add(tree, list, item));
    }
    *out = list->list.items[index];
    return ERR_OK;
}

/* "domains[0]" → "domains", 0. */
static bool split_index(struct span word, struct span *name, uint64_t *index)
{
    ptrdiff_t open = span_find(word, '[', 0);
    if (open <= 0 || word.ptr[word.len - 1] != ']')
        return false;
    *name = span_first(word, (size_t)open);
    struct span digits = span_skip(word, (size_t)open + 1);
    return span_to_u64(span_first(digits, digits.len - 1), index);
}

/* Whether `rest` begins with a number that is an index of this row's list. */
static bool takes_index(const struct schema_row *row, struct span rest, char separator,
                        uint64_t *index, struct span *behind)
{
    struct span word;
    *behind = span_split(rest, separator, &word);
    return row != NULL && row->type == SCHEMA_ARRAY && span_to_u64(word, index);
}

/* One word further down; *rest loses what was used beside the word. */
static enum err step(struct node_tree *tree, struct place *place, struct span word,
                     struct span *rest, char separator)
{
    struct span name = word, behind;
    uint64_t index;
    bool indexed = split_index(word, &name, &index);
    const struct schema_row *row =
        place->objects == NULL ? schema_find(place->rows, name) : NULL;
    if (!indexed && takes_index(row, *rest, separator, &index, &behind)) {
        indexed = true;
        *rest = behind;
    }
    if (indexed)
        TRY(list_map(tree, place->node, name, index, &place->node));
    else
        TRY(child_map(tree, place->node, name, &place->node));
    if (place->objects != NULL) {
        place->rows = place->objects;
        place->objects = NULL;
    } else {
        place->objects = row && row->type == SCHEMA_OBJECTS ? row->rows : NULL;
        place->rows = row && row->type != SCHEMA_OBJECTS ? row->rows : NULL;
    }
    return ERR_OK;
}

static bool is_list(const struct schema_row *row)
{
    switch (row ? row->type : SCHEMA_STRING) {
    case SCHEMA_STRINGS:
    case SCHEMA_CHOICES:
    case SCHEMA_CIDRS:
    case SCHEMA_CONTENTS:
    case SCHEMA_INTEGERS:
    case SCHEMA_FLOATS:
        return true;
    default:
        return false;
    }
}

static enum err set_value(struct node_tree *tree, const struct place *place, struct span name,
                          struct span value)
{
    const struct schema_row *row = place->objects ? NULL : schema_find(place->rows, name);
    struct node_entry *entry = NULL;
    for (uint32_t i = 0; i < place->node->map.count && entry == NULL; i++)
        if (span_equal_nocase(place->node->map.entries[i].key, name))
            entry = &place->node->map.entries[i];
    if (entry != NULL && entry->value->kind != NODE_SCALAR)
        return ERR_OK; /* --api beside --api.insecure */
    struct span text = value;
    if (entry != NULL && is_list(row))
        text = span_cstr(arena_format(&tree->arena, "%.*s,%.*s", SPAN_ARG(entry->value->text),
                                      SPAN_ARG(value)));
    struct node *node = node_new_scalar(tree, SCALAR_STRING, text, 0, 0);
    if (node == NULL)
        return ERR_NOMEM;
    if (entry == NULL)
        return node_map_add(tree, place->node, name, place->node->mark, node);
    entry->value = node;
    return ERR_OK;
}

static enum err set_path(struct node_tree *tree, struct span path, char separator,
                         struct span value)
{
    if (tree->root == NULL)
        tree->root = new_map(tree);
    if (tree->root == NULL)
        return ERR_NOMEM;
    struct place place = {.node = tree->root, .rows = schema_static};
    struct span rest = path, word;
    for (int depth = 0;; depth++) {
        rest = span_split(rest, separator, &word);
        if (word.len == 0)
            return ERR_SYNTAX;
        if (rest.ptr == NULL)
            return set_value(tree, &place, word, value);
        if (depth == 32)
            return ERR_LIMIT;
        TRY(step(tree, &place, word, &rest, separator));
    }
}

/* ---- flags ---- */

/* The row that a flag's name leads to, or NULL. *named: the name is one of a
 * row's free names, and there is nothing behind it. */
static const struct schema_row *find_row(struct span path, bool *named)
{
    *named = false;
    const struct schema_row *rows = schema_static, *row = NULL;
    bool free_name = false;
    for (struct span rest = path, word; rest.ptr != NULL;) {
        rest = span_split(rest, '.', &word);
        struct span name = word;
        uint64_t index;
        (void)split_index(word, &name, &index);
        *named = free_name;
        if (free_name) {
            free_name = false;
            continue;
        }
        row = schema_find(rows, name);
        if (row == NULL)
            return NULL;
        rows = row->rows;
        free_name = row->type == SCHEMA_OBJECTS;
    }
    return row;
}

static enum err flag_error(const struct node_tree *tree, struct diagnostics *diagnostics,
                           struct span flag, const char *what)
{
    char name[256];
    snprintf(name, sizeof(name), "%.*s", SPAN_ARG(flag));
    diagnostics_add(diagnostics, SEVERITY_ERROR, (struct source_mark){tree->file, 0, 0}, name,
                    "%s", what);
    return ERR_INVALID;
}

static enum err check_root(const struct node_tree *tree, struct diagnostics *diagnostics,
                           struct span flag, struct span path)
{
    struct span root;
    (void)span_split(path, '.', &root);
    if (schema_find(schema_static, root) != NULL)
        return ERR_OK;
    char what[256];
    const char *nearest = schema_nearest(schema_static, root);
    snprintf(what, sizeof(what), "field not found, node: %.*s%s%s%s", SPAN_ARG(root),
             nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return flag_error(tree, diagnostics, flag, what);
}

struct flags {
    int count;
    char *const *args;
    int next;
};

/* One flag with its value, which may be the next argument. */
static enum err read_flag(struct flags *flags, struct node_tree *tree,
                          struct diagnostics *diagnostics, struct span *config_file)
{
    struct span flag = span_cstr(flags->args[flags->next++]);
    bool dashes = span_starts_with(flag, SPAN("--"));
    if (flag.len < 2 || flag.ptr[0] != '-' || flag.len == 1u + dashes)
        return flag_error(tree, diagnostics, flag, "is no flag; flags begin with --, and a "
                          "switch takes its value behind =, as in --api=true");
    struct span path, value = span_split(span_skip(flag, 1u + dashes), '=', &path);
    bool named;
    const struct schema_row *row = find_row(path, &named);
    bool file = span_equal_nocase(path, SPAN("configFile"));
    if (!file)
        TRY(check_root(tree, diagnostics, flag, path));
    if (value.ptr == NULL && row != NULL &&
        (row->type == SCHEMA_BOOL || row->type == SCHEMA_SECTION ||
         (row->type == SCHEMA_OBJECTS && named)))
        value = SPAN("true");
    else if (value.ptr == NULL && flags->next < flags->count)
        value = span_cstr(flags->args[flags->next++]);
    /* An empty name comes of a variable that is not set: not to be served by chance. */
    if (value.ptr == NULL || (file && value.len == 0))
        return flag_error(tree, diagnostics, flag, "needs a value");
    if (file) {
        *config_file = value;
        return ERR_OK;
    }
    enum err error = set_path(tree, path, '.', value);
    if (error == ERR_OK || error == ERR_NOMEM)
        return error;
    return flag_error(tree, diagnostics, flag, "is no name of a key");
}

enum err source_read_flags(int arg_count, char *const *args, struct node_tree *tree,
                           struct diagnostics *diagnostics, struct span *config_file)
{
    struct flags flags = {arg_count, args, 0};
    enum err result = ERR_OK;
    *config_file = SPAN_EMPTY;
    while (flags.next < arg_count) {
        enum err error = read_flag(&flags, tree, diagnostics, config_file);
        if (error == ERR_NOMEM)
            return error;
        if (error != ERR_OK)
            result = error;
    }
    return result;
}

/* ---- environment ---- */

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The root key that the variable's second word names. */
static bool names_root(struct span path)
{
    struct span word;
    (void)span_split(path, '_', &word);
    return schema_find(schema_static, word) != NULL;
}

static enum err read_variable(const char *variable, struct node_tree *tree,
                              struct diagnostics *diagnostics)
{
    struct span name, value = span_split(span_cstr(variable), '=', &name);
    struct span prefix = SPAN("TRAEFIK_");
    if (value.ptr == NULL || !span_starts_with(name, prefix) ||
        !names_root(span_skip(name, prefix.len)))
        return ERR_OK;
    char *lower = arena_bytes(&tree->arena, name.len);
    if (lower == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = ascii_lower(name.ptr[i]);
    struct span path = span_make(lower + prefix.len, name.len - prefix.len);
    enum err error = set_path(tree, path, '_', value);
    if (error == ERR_OK || error == ERR_NOMEM)
        return error;
    return flag_error(tree, diagnostics, name, "is no name of a key");
}

enum err source_read_environment(char *const *environment, struct node_tree *tree,
                                 struct diagnostics *diagnostics)
{
    size_t count = 0;
    while (environment != NULL && environment[count] != NULL)
        count++;
    const char **sorted = ARENA_ARRAY(&tree->arena, const char *, count + 1);
    if (sorted == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        sorted[i] = environment[i];
    qsort(sorted, count, sizeof(*sorted), compare_strings);
    for (size_t i = 0; i < count; i++)
        TRY(read_variable(sorted[i], tree, diagnostics));
    return ERR_OK;
}

/* ---- search path ---- */

static const char *variable(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static const char *try_folder(const char *folder, const char *below, struct arena *arena)
{
    static const char *const endings[] = {"toml", "yaml", "yml"};
    if (folder == NULL || folder[0] == '\0')
        return NULL;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        const char *path = arena_format(arena, "%s%s/traefik.%s", folder, below, endings[i]);
        if (path != NULL && access(path, F_OK) == 0)
            return path;
    }
    return NULL;
}

const char *source_find_file(char *const *environment, struct arena *arena)
{
    const char *path = try_folder("/etc/traefik", "", arena);
    if (path == NULL)
        path = try_folder(variable(environment, "XDG_CONFIG_HOME"), "", arena);
    if (path == NULL)
        path = try_folder(variable(environment, "HOME"), "/.config", arena);
    return path != NULL ? path : try_folder(".", "", arena);
}
