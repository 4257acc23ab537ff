/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree that every source of configuration becomes: YAML, TOML, flags and
 * environment variables. Maps keep the order of the file; every node knows
 * its file, line and column (from 1; 0 when the source has none).
 *
 * A scalar is its text: the readers have resolved quotes, escapes, and the
 * spellings of integers (0x10 reads "16"). `scalar` says what the text was in
 * the source, so that "true" in quotes stays a string for whoever cares.
 *
 * The tree owns all its memory (one arena) and is bounded: LIMIT_CONFIG_DEPTH
 * levels, NODE_MAX nodes. YAML aliases share the node they name, so a tree may
 * be a graph without cycles; what aliases expand to is bounded too
 * (NODE_ALIAS_MAX). One thread.
 */
#ifndef WEIR_CONFIG_NODE_H
#define WEIR_CONFIG_NODE_H

#include "config/model.h"
#include "core/base/err.h"

#define NODE_MAX 8000000       /* nodes of one tree */
#define NODE_ALIAS_MAX 200000  /* nodes that aliases may expand to, in sum */
#define NODE_MEMORY (2ull << 30) /* bytes of one tree */

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

enum node_scalar {
    SCALAR_STRING,
    SCALAR_BOOL,
    SCALAR_INTEGER,
    SCALAR_FLOAT,
    SCALAR_DATETIME, /* the four of TOML */
    SCALAR_DATETIME_LOCAL,
    SCALAR_DATE_LOCAL,
    SCALAR_TIME_LOCAL,
};

struct node;

struct node_entry {
    struct span key;
    struct source_mark mark; /* of the key */
    struct node *value;
};

struct node {
    uint8_t kind;   /* enum node_kind */
    uint8_t scalar; /* enum node_scalar */
    uint8_t state;  /* for the reader that builds the tree */
    uint8_t depth;  /* levels below this node, 0 for a scalar */
    uint32_t weight; /* nodes in this subtree, aliases expanded, saturating */
    struct source_mark mark;
    union {
        struct span text; /* NODE_SCALAR */
        struct {
            struct node **items;
            uint32_t count, capacity;
        } list;
        struct {
            struct node_entry *entries;
            uint32_t count, capacity;
            uint32_t *index; /* hashed positions + 1, for big maps */
            uint32_t index_capacity;
        } map;
    };
};

struct node_tree {
    struct arena arena;
    const char *file;
    struct node *root; /* NULL: nothing was there */
    size_t node_count;
    size_t alias_weight;
};

/* `file` is copied. ERR_NOMEM. A tree that was initialised must be finished,
 * whatever init or the reader returned. */
MUST_USE enum err node_tree_init(struct node_tree *tree, const char *file);
void node_tree_finish(struct node_tree *tree);

/* ---- building ---- */
/* NULL: memory or NODE_MAX is exhausted (node_tree_failure says which). */
struct node *node_new(struct node_tree *tree, enum node_kind kind, uint32_t line, uint32_t column);
/* A scalar whose text is copied. */
struct node *node_new_scalar(struct node_tree *tree, enum node_scalar scalar, struct span text,
                             uint32_t line, uint32_t column);
enum err node_tree_failure(const struct node_tree *tree);
MUST_USE enum err node_list_add(struct node_tree *tree, struct node *list, struct node *item);
/* ERR_EXISTS: the very key is there already (keys differ by case: allowed).
 * The key is copied. */
MUST_USE enum err node_map_add(struct node_tree *tree, struct node *map, struct span key,
                               struct source_mark mark, struct node *value);

/* ---- reading ---- */
/* The entry of exactly this key, or NULL. */
struct node_entry *node_map_find(const struct node *map, struct span key);
/* The first entry whose key is this one but for ASCII case, or NULL. Linear. */
struct node_entry *node_map_find_nocase(const struct node *map, const char *key);
/* The same, the value, and NULL also when it is null or `map` is no map. */
struct node *node_get(const struct node *map, const char *key);
/* "a map", "a list" … for messages. */
const char *node_kind_name(const struct node *node);

#endif
