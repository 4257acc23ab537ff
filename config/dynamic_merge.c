/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dynamic schema has three levels that matter here: http, tcp, udp and tls
 * at the root, their sections below, and in these either names or a list. Maps
 * are merged level by level, lists are joined, and a name that stands twice
 * keeps its first value, as in Traefik's file provider.
 */
#include "config/dynamic_build.h"

#define LEVELS 3 /* root, section, names */

struct merger {
    struct node_tree *tree;
    struct diagnostics *diagnostics;
};

static enum err merge_into(struct merger *merger, struct node *into, const struct node *from,
                           int level, const char *path);

static struct node_entry *find_level(const struct node *map, struct span key, int level)
{
    if (level == LEVELS)
        return node_map_find(map, key);
    for (uint32_t i = 0; i < map->map.count; i++)
        if (span_equal_nocase(map->map.entries[i].key, key))
            return &map->map.entries[i];
    return NULL;
}

/* A map or list of our own, so that the trees of the files are not written to. */
static enum err copy_shell(struct merger *merger, const struct node *from, int level,
                           const char *path, struct node **out)
{
    struct node *copy = node_new(merger->tree, from->kind, from->mark.line, from->mark.column);
    if (copy == NULL)
        return node_tree_failure(merger->tree);
    copy->mark = from->mark;
    if (from->kind == NODE_LIST) {
        for (uint32_t i = 0; i < from->list.count; i++)
            TRY(node_list_add(merger->tree, copy, from->list.items[i]));
    } else {
        TRY(merge_into(merger, copy, from, level, path));
    }
    *out = copy;
    return ERR_OK;
}

static enum err add_entry(struct merger *merger, struct node *into, const struct node_entry *entry,
                          int level, const char *path)
{
    struct node *value = entry->value;
    bool shell = value->kind == NODE_LIST || (value->kind == NODE_MAP && value->map.count > 0);
    if (level < LEVELS && shell)
        TRY(copy_shell(merger, value, level + 1, path, &value));
    enum err error = node_map_add(merger->tree, into, entry->key, entry->mark, value);
    return error == ERR_EXISTS ? ERR_OK : error;
}

static enum err join(struct merger *merger, struct node_entry *known,
                     const struct node_entry *entry, int level, const char *path)
{
    struct node *ours = known->value;
    const struct node *theirs = entry->value;
    if (theirs->kind == NODE_NULL)
        return ERR_OK;
    if (ours->kind == NODE_NULL)
        return known->value = entry->value, ERR_OK;
    if (level < LEVELS && ours->kind == NODE_MAP && theirs->kind == NODE_MAP)
        return merge_into(merger, ours, theirs, level + 1, path);
    if (level < LEVELS && ours->kind == NODE_LIST && theirs->kind == NODE_LIST) {
        for (uint32_t i = 0; i < theirs->list.count; i++)
            TRY(node_list_add(merger->tree, ours, theirs->list.items[i]));
        return ERR_OK;
    }
    diagnostics_add(merger->diagnostics, SEVERITY_WARNING, entry->mark, path,
                    "is defined in %s:%u already; this one is ignored", known->mark.file,
                    known->mark.line);
    return ERR_OK;
}

static enum err merge_into(struct merger *merger, struct node *into, const struct node *from,
                           int level, const char *path)
{
    for (uint32_t i = 0; i < from->map.count; i++) {
        const struct node_entry *entry = &from->map.entries[i];
        char below[256];
        snprintf(below, sizeof(below), "%s%s%.*s", path, path[0] ? "." : "",
                 SPAN_ARG(entry->key));
        struct node_entry *known = find_level(into, entry->key, level);
        if (known != NULL)
            TRY(join(merger, known, entry, level, below));
        else
            TRY(add_entry(merger, into, entry, level, below));
    }
    return ERR_OK;
}

static bool is_dynamic_root(struct span key)
{
    return span_equal_nocase(key, SPAN("http")) || span_equal_nocase(key, SPAN("tcp")) ||
           span_equal_nocase(key, SPAN("udp")) || span_equal_nocase(key, SPAN("tls"));
}

static enum err merge_file(struct merger *merger, const struct node *root)
{
    if (root->kind != NODE_MAP) {
        diagnostics_add(merger->diagnostics, SEVERITY_ERROR, root->mark, "",
                        "the file must hold a map of keys, not %s", node_kind_name(root));
        return ERR_OK;
    }
    struct node *ours = merger->tree->root;
    for (uint32_t i = 0; i < root->map.count; i++) {
        const struct node_entry *entry = &root->map.entries[i];
        if (!is_dynamic_root(entry->key))
            continue;
        char path[8];
        snprintf(path, sizeof(path), "%.*s", SPAN_ARG(entry->key));
        struct node_entry *known = find_level(ours, entry->key, 1);
        if (known != NULL)
            TRY(join(merger, known, entry, 1, path));
        else
            TRY(add_entry(merger, ours, entry, 1, path));
    }
    return ERR_OK;
}

enum err dynamic_merge(struct node_tree *merged, const struct node_tree *trees, size_t tree_count,
                       struct diagnostics *diagnostics)
{
    struct merger merger = {merged, diagnostics};
    merged->root = node_new(merged, NODE_MAP, 0, 0);
    if (merged->root == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < tree_count; i++)
        if (trees[i].root != NULL)
            TRY(merge_file(&merger, trees[i].root));
    return ERR_OK;
}
