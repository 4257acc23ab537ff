/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_config weir_base */
/*
 * Any bytes as TOML: a tree whose every byte can be read and whose counts add
 * up, or one error with a place inside the text.
 */
#include "config/toml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t bytes_seen;

static size_t walk(const struct node *node)
{
    size_t nodes = 1;
    if (node->kind == NODE_SCALAR) {
        for (size_t i = 0; i < node->text.len; i++)
            bytes_seen += (unsigned char)node->text.ptr[i];
    } else if (node->kind == NODE_LIST) {
        for (uint32_t i = 0; i < node->list.count; i++)
            nodes += walk(node->list.items[i]);
    } else if (node->kind == NODE_MAP) {
        for (uint32_t i = 0; i < node->map.count; i++) {
            const struct node_entry *entry = &node->map.entries[i];
            if (node_map_find(node, entry->key) != entry)
                abort();
            nodes += walk(entry->value);
        }
    } else {
        abort(); /* TOML has no null */
    }
    return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct node_tree tree;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    if (node_tree_init(&tree, "fuzz.toml") != ERR_OK)
        abort();
    enum err error = toml_parse(span_make(data, size), &tree, &diagnostics);
    if (error == ERR_OK && diagnostics.count != 0)
        abort();
    if (error != ERR_OK && (diagnostics.errors != 1 || diagnostics.items[0].mark.line == 0))
        abort();
    if (error == ERR_OK && tree.root != NULL && walk(tree.root) > tree.node_count)
        abort();
    node_tree_finish(&tree);
    diagnostics_finish(&diagnostics);
    return 0;
}
