/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which hosts a rule can match, as a superset: a matcher of one host gives that
 * host, || the union, && the smallest of its operands, and everything else (a
 * negation above all) any host.
 */
#include "core/route/rule_tree.h"

#include <stdlib.h>

#define ANY_HOST SIZE_MAX

/* How many names the node gives, or ANY_HOST. */
static size_t host_count(const struct rule_node *node)
{
    if (node->kind == RULE_MATCHER) {
        bool bound = node->host_kind == RULE_HOST_EXACT || node->host_kind == RULE_HOST_WILDCARD;
        return bound ? 1 : ANY_HOST;
    }
    if (node->kind == RULE_NOT)
        return ANY_HOST;
    size_t total = node->kind == RULE_AND ? ANY_HOST : 0;
    for (const struct rule_node *child = node->child; child != NULL; child = child->next) {
        size_t count = host_count(child);
        if (node->kind == RULE_AND)
            total = count < total ? count : total;
        else
            total = total == ANY_HOST || count == ANY_HOST ? ANY_HOST : total + count;
    }
    return total;
}

static size_t collect_hosts(const struct rule_node *node, struct span *out)
{
    if (node->kind == RULE_MATCHER) {
        *out = node->host_name;
        return 1;
    }
    size_t count = 0;
    if (node->kind == RULE_OR) {
        for (const struct rule_node *child = node->child; child != NULL; child = child->next)
            count += collect_hosts(child, out + count);
        return count;
    }
    const struct rule_node *smallest = node->child;
    for (const struct rule_node *child = node->child; child != NULL; child = child->next) {
        if (host_count(child) < host_count(smallest))
            smallest = child;
    }
    return collect_hosts(smallest, out);
}

static int compare_names(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

/* Sorts and removes what is there twice. */
static size_t sort_unique(struct span *names, size_t count)
{
    size_t kept = 0;
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !span_equal(names[kept - 1], names[i]))
            names[kept++] = names[i];
    }
    return kept;
}

/* Names of matchers that are not negated; counts them when out is NULL. */
static size_t collect_named(const struct rule_node *node, bool negated, struct span *out)
{
    if (node->kind == RULE_MATCHER) {
        if (negated || node->host_kind == RULE_HOST_NONE)
            return 0;
        if (out != NULL)
            *out = node->host_name;
        return 1;
    }
    size_t count = 0;
    negated ^= node->kind == RULE_NOT;
    for (const struct rule_node *child = node->child; child != NULL; child = child->next)
        count += collect_named(child, negated, out ? out + count : NULL);
    return count;
}

static bool needs_server_name(const struct rule_node *node)
{
    if (node->kind == RULE_MATCHER)
        return node->matcher->side == RULE_TCP &&
               (node->host_kind == RULE_HOST_EXACT || node->host_kind == RULE_HOST_WILDCARD);
    for (const struct rule_node *child = node->child; child != NULL; child = child->next) {
        if (needs_server_name(child))
            return true;
    }
    return false;
}

enum err rule_derive_hosts(struct rule *rule)
{
    size_t count = host_count(rule->root), named_count = collect_named(rule->root, false, NULL);
    struct span *named = ARENA_ARRAY(&rule->arena, struct span, named_count);
    if (named == NULL)
        return ERR_NOMEM;
    collect_named(rule->root, false, named);
    rule->named = named;
    rule->named_count = named_count;
    rule->needs_server_name = needs_server_name(rule->root);
    rule->hosts = (struct rule_hosts){.catch_all = true};
    if (count == ANY_HOST)
        return ERR_OK;
    struct span *names = ARENA_ARRAY(&rule->arena, struct span, count);
    if (names == NULL)
        return ERR_NOMEM;
    collect_hosts(rule->root, names);
    rule->hosts = (struct rule_hosts){
        .names = names, .count = sort_unique(names, count), .all = true};
    return ERR_OK;
}

void rule_hosts(const struct rule *rule, struct rule_hosts *out)
{
    *out = rule->hosts;
}

void rule_named_hosts(const struct rule *rule, const struct span **names, size_t *count)
{
    *names = rule->named;
    *count = rule->named_count;
}

bool rule_needs_server_name(const struct rule *rule)
{
    return rule->needs_server_name;
}

bool rule_is_host_only(const struct rule *rule)
{
    return rule->root->kind == RULE_MATCHER && rule->root->host_kind != RULE_HOST_NONE;
}
