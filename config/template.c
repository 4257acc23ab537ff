/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In text, a # that begins a word outside of quotes begins a comment, which is
 * close enough to both YAML and TOML for an error message. In a tree the walk
 * is bounded by the tree's depth; shared nodes are bounded by their weight.
 */
#include "config/template.h"

static bool holds_action(struct span text)
{
    return text.len >= 2 && memmem(text.ptr, text.len, "{{", 2) != NULL;
}

bool template_in_text(const char *file, struct span text, struct source_mark *mark)
{
    uint32_t line = 1;
    size_t line_start = 0;
    char quote = 0;
    bool comment = false;
    const char *bytes = text.ptr;
    for (size_t i = 0; i < text.len; i++) {
        char c = bytes[i];
        if (c == '\n') {
            line++;
            line_start = i + 1;
            comment = false;
            quote = 0;
        } else if (comment) {
            continue;
        } else if (c == '{' && i + 1 < text.len && bytes[i + 1] == '{') {
            *mark = (struct source_mark){file, line, (uint32_t)(i - line_start) + 1};
            return true;
        } else if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '#') {
            comment = i == line_start || bytes[i - 1] == ' ' || bytes[i - 1] == '\t';
        }
    }
    return false;
}

static bool in_node(const struct node *node, struct source_mark *mark)
{
    if (node->kind == NODE_SCALAR && holds_action(node->text)) {
        *mark = node->mark;
        return true;
    }
    if (node->kind == NODE_LIST) {
        for (uint32_t i = 0; i < node->list.count; i++)
            if (in_node(node->list.items[i], mark))
                return true;
    } else if (node->kind == NODE_MAP) {
        for (uint32_t i = 0; i < node->map.count; i++) {
            if (holds_action(node->map.entries[i].key)) {
                *mark = node->map.entries[i].mark;
                return true;
            }
            if (in_node(node->map.entries[i].value, mark))
                return true;
        }
    }
    return false;
}

bool template_in_tree(const struct node *root, struct source_mark *mark)
{
    static const char *const roots[] = {"http", "tcp", "udp", "tls"};
    for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
        const struct node *section = node_get(root, roots[i]);
        if (section != NULL && in_node(section, mark))
            return true;
    }
    return false;
}
