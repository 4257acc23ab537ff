/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three answers, as in Kleene's logic: what cannot be decided leaves the rule
 * undecided only where the other operands do not settle it. Were it only "no", a
 * negation around it would let through what nobody has checked, and a request
 * made for it would pass by the router that guards it.
 */
#include "core/route/rule_tree.h"

static enum rule_answer ask(const struct rule_node *node, const struct rule_facts *facts);

/* The decisive answer ends it; else an undecided operand counts. */
static enum rule_answer ask_operands(const struct rule_node *node, const struct rule_facts *facts)
{
    enum rule_answer decisive = node->kind == RULE_OR ? RULE_YES : RULE_NO;
    enum rule_answer answer = node->kind == RULE_OR ? RULE_NO : RULE_YES;
    for (const struct rule_node *child = node->child; child != NULL; child = child->next) {
        enum rule_answer one = ask(child, facts);
        if (one == decisive)
            return decisive;
        if (one == RULE_UNDECIDED)
            answer = RULE_UNDECIDED;
    }
    return answer;
}

static enum rule_answer ask(const struct rule_node *node, const struct rule_facts *facts)
{
    if (node->kind == RULE_MATCHER) {
        struct rule_eval eval = {.facts = facts};
        bool matches = node->matcher->match(node, &eval);
        return matches ? RULE_YES : eval.failed ? RULE_UNDECIDED : RULE_NO;
    }
    if (node->kind != RULE_NOT)
        return ask_operands(node, facts);
    enum rule_answer answer = ask(node->child, facts);
    return answer == RULE_UNDECIDED ? answer : answer == RULE_YES ? RULE_NO : RULE_YES;
}

enum rule_answer rule_ask(const struct rule *rule, const struct rule_facts *facts)
{
    return ask(rule->root, facts);
}

bool rule_may_be_undecided(const struct rule *rule)
{
    return rule->regexes != NULL;
}
