/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrays grow by doubling inside the arena; what they outgrow is lost until
 * the tree ends, which costs at most as much again. A map gets a hash index of
 * its positions once it has more than a handful of keys, so that a file with a
 * hundred thousand names is read in linear time.
 */
#include "config/node.h"

#include "core/base/hash.h"
#include "core/base/limits.h"

#define LINEAR_MAX 12

enum err node_tree_init(struct node_tree *tree, const char *file)
{
    *tree = (struct node_tree){.file = ""};
    arena_init(&tree->arena, 4096, NODE_MEMORY);
    const char *copy = arena_cstr(&tree->arena, span_cstr(file));
    if (copy == NULL)
        return ERR_NOMEM;
    tree->file = copy;
    return ERR_OK;
}

void node_tree_finish(struct node_tree *tree)
{
    arena_finish(&tree->arena);
    tree->root = NULL;
}

enum err node_tree_failure(const struct node_tree *tree)
{
    return tree->node_count >= NODE_MAX ? ERR_LIMIT : ERR_NOMEM;
}

struct node *node_new(struct node_tree *tree, enum node_kind kind, uint32_t line, uint32_t column)
{
    if (tree->node_count >= NODE_MAX)
        return NULL;
    struct node *node = ARENA_NEW(&tree->arena, struct node);
    if (node == NULL)
        return NULL;
    tree->node_count++;
    node->kind = (uint8_t)kind;
    node->weight = 1;
    node->mark = (struct source_mark){tree->file, line, column};
    return node;
}

struct node *node_new_scalar(struct node_tree *tree, enum node_scalar scalar, struct span text,
                             uint32_t line, uint32_t column)
{
    struct node *node = node_new(tree, NODE_SCALAR, line, column);
    if (node == NULL)
        return NULL;
    node->scalar = (uint8_t)scalar;
    node->text = arena_span(&tree->arena, text);
    return node->text.ptr != NULL ? node : NULL;
}

/* Room for one more element; the array moves when it is full. */
static enum err grow(struct arena *arena, void **array, uint32_t count, uint32_t *capacity,
                     size_t element)
{
    if (count < *capacity)
        return ERR_OK;
    uint32_t wanted = *capacity ? *capacity * 2 : 4;
    void *bigger = arena_alloc(arena, wanted * element);
    if (bigger == NULL)
        return ERR_NOMEM;
    if (count > 0)
        memcpy(bigger, *array, count * element);
    *array = bigger;
    *capacity = wanted;
    return ERR_OK;
}

static void adopt(struct node *parent, const struct node *child)
{
    uint32_t weight = parent->weight + child->weight;
    parent->weight = weight < parent->weight ? UINT32_MAX : weight;
    if (child->depth >= parent->depth)
        parent->depth = (uint8_t)(child->depth + 1);
}

enum err node_list_add(struct node_tree *tree, struct node *list, struct node *item)
{
    TRY(grow(&tree->arena, (void **)&list->list.items, list->list.count, &list->list.capacity,
             sizeof(struct node *)));
    list->list.items[list->list.count++] = item;
    adopt(list, item);
    return ERR_OK;
}

static void index_put(struct node *map, uint32_t position)
{
    uint32_t mask = map->map.index_capacity - 1;
    uint32_t slot = (uint32_t)hash_span(map->map.entries[position].key) & mask;
    while (map->map.index[slot] != 0)
        slot = (slot + 1) & mask;
    map->map.index[slot] = position + 1;
}

/* Keeps the index at most half full. */
static enum err index_grow(struct arena *arena, struct node *map)
{
    if (map->map.count < LINEAR_MAX || map->map.count * 2 < map->map.index_capacity)
        return ERR_OK;
    uint32_t capacity = map->map.index_capacity ? map->map.index_capacity * 4 : 64;
    uint32_t *index = ARENA_ARRAY(arena, uint32_t, capacity);
    if (index == NULL)
        return ERR_NOMEM;
    map->map.index = index;
    map->map.index_capacity = capacity;
    for (uint32_t i = 0; i < map->map.count; i++)
        index_put(map, i);
    return ERR_OK;
}

struct node_entry *node_map_find(const struct node *map, struct span key)
{
    if (map->map.index == NULL) {
        for (uint32_t i = 0; i < map->map.count; i++)
            if (span_equal(map->map.entries[i].key, key))
                return &map->map.entries[i];
        return NULL;
    }
    uint32_t mask = map->map.index_capacity - 1;
    uint32_t slot = (uint32_t)hash_span(key) & mask;
    for (; map->map.index[slot] != 0; slot = (slot + 1) & mask) {
        struct node_entry *entry = &map->map.entries[map->map.index[slot] - 1];
        if (span_equal(entry->key, key))
            return entry;
    }
    return NULL;
}

enum err node_map_add(struct node_tree *tree, struct node *map, struct span key,
                      struct source_mark mark, struct node *value)
{
    if (node_map_find(map, key) != NULL)
        return ERR_EXISTS;
    TRY(index_grow(&tree->arena, map));
    TRY(grow(&tree->arena, (void **)&map->map.entries, map->map.count, &map->map.capacity,
             sizeof(struct node_entry)));
    struct span copy = arena_span(&tree->arena, key);
    if (copy.ptr == NULL)
        return ERR_NOMEM;
    map->map.entries[map->map.count++] = (struct node_entry){copy, mark, value};
    if (map->map.index != NULL)
        index_put(map, map->map.count - 1);
    adopt(map, value);
    return ERR_OK;
}

struct node_entry *node_map_find_nocase(const struct node *map, const char *key)
{
    if (map == NULL || map->kind != NODE_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->map.count; i++)
        if (span_equal_nocase(map->map.entries[i].key, span_cstr(key)))
            return &map->map.entries[i];
    return NULL;
}

struct node *node_get(const struct node *map, const char *key)
{
    struct node_entry *entry = node_map_find_nocase(map, key);
    return entry != NULL && entry->value->kind != NODE_NULL ? entry->value : NULL;
}

const char *node_kind_name(const struct node *node)
{
    switch ((enum node_kind)node->kind) {
    case NODE_NULL:
        return "nothing";
    case NODE_LIST:
        return "a list";
    case NODE_MAP:
        return "a map";
    case NODE_SCALAR:
        break;
    }
    return "a single value";
}
