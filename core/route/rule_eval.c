/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Evaluation with the usual short cuts. A regular expression that fails poisons
 * the whole rule: were it only "false", a negation around it would let through
 * what nobody has checked.
 */
#include "core/route/rule_tree.h"

static bool node_matches(const struct rule_node *node, struct rule_eval *eval)
{
    switch (node->kind) {
    case RULE_MATCHER:
        return node->matcher->match(node, eval);
    case RULE_NOT:
        return !node_matches(node->child, eval);
    case RULE_AND:
    case RULE_OR:
        break;
    }
    bool decisive = node->kind == RULE_OR;
    for (const struct rule_node *child = node->child; child != NULL; child = child->next) {
        if (node_matches(child, eval) == decisive)
            return decisive;
    }
    return !decisive;
}

bool rule_matches(const struct rule *rule, const struct rule_facts *facts)
{
    struct rule_eval eval = {.facts = facts};
    return node_matches(rule->root, &eval) && !eval.failed;
}
