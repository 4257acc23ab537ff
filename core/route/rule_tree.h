/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a rule is made of. Private to core/route. Built by the control thread in
 * the rule's arena, immutable afterwards.
 */
#ifndef WEIR_CORE_ROUTE_RULE_TREE_H
#define WEIR_CORE_ROUTE_RULE_TREE_H

#include "config/model.h"
#include "core/base/arena.h"
#include "core/route/regex.h"
#include "core/route/rule.h"

#define RULE_ARGUMENTS_MAX 2

enum rule_node_kind { RULE_AND, RULE_OR, RULE_NOT, RULE_MATCHER };

enum rule_host_kind {
    RULE_HOST_NONE, /* not a Host or HostSNI */
    RULE_HOST_EXACT,
    RULE_HOST_WILDCARD, /* one label in front of args[0], which begins with '.' */
    RULE_HOST_ANY,
};

struct rule_matcher;

struct rule_node {
    enum rule_node_kind kind;
    struct rule_node *child; /* the first; RULE_NOT has one, AND and OR two or more */
    struct rule_node *next;  /* its next sibling */
    /* RULE_MATCHER: */
    const struct rule_matcher *matcher;
    struct span args[RULE_ARGUMENTS_MAX]; /* normalised by the matcher's prepare */
    size_t arg_count;
    enum rule_host_kind host_kind;
    struct span host_name; /* "example.org", "*.example.org" or "*" */
    enum http_field_id field;
    struct regex *regex; /* owned; NULL: none */
    struct rule_node *next_regex;
    struct model_cidr range; /* ClientIP */
};

struct rule {
    struct arena arena;
    struct rule_node *root;
    struct rule_node *regexes; /* all nodes that own one, through next_regex */
    struct rule_hosts hosts;
    const struct span *named;
    size_t named_count;
    bool needs_server_name;
};

/* One matcher's evaluation. */
struct rule_eval {
    const struct rule_facts *facts;
    bool failed; /* a regular expression hit its bounds: no match is no answer */
};

struct rule_matcher {
    const char *name;
    enum rule_side side;
    size_t min_args, max_args;
    /* Checks and normalises the arguments; `why` without position. */
    enum err (*prepare)(struct rule *rule, struct rule_node *node, struct err_text *why);
    bool (*match)(const struct rule_node *node, struct rule_eval *eval);
};

/* By any of its four spellings; NULL. */
const struct rule_matcher *rule_matcher_find(struct span name, enum rule_side side);
/* "Host, HostRegexp, …" for messages. */
const char *rule_matcher_names(enum rule_side side);

/* Fills rule->hosts, rule->named and rule->needs_server_name from the tree. */
MUST_USE enum err rule_derive_hosts(struct rule *rule);

#endif
