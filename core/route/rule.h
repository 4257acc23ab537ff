/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Router rules (TRAEFIK-CONFIG §6): parsed once on the control thread into an
 * immutable expression; evaluated by workers without allocation. Regular
 * expressions are RE2 syntax, run by PCRE2 (JIT) with bounds.
 *
 * Grammar, as Go's expressions: || binds less than &&, && less than !;
 * parentheses; Name(`raw`, "with escapes"). A matcher may be called by its
 * exact, lower-case, upper-case or title-case name. Path matchers look at the
 * decoded path, see uri_routing_path.
 */
#ifndef WEIR_CORE_ROUTE_RULE_H
#define WEIR_CORE_ROUTE_RULE_H

#include "core/base/err.h"
#include "core/base/span.h"
#include "core/http/message.h"

enum rule_side { RULE_HTTP, RULE_TCP };

/* What a rule may ask of a request or of a connection. */
struct rule_facts {
    const struct http_request *request; /* NULL for TCP */
    struct span host;                   /* HTTP: normalised Host; TCP: server name, the same */
    struct span path;                   /* HTTP: uri_routing_path of the request's path */
    uint8_t client_ip[16];              /* v4 as v4-mapped */
    const char (*alpn)[32];             /* TCP */
    size_t alpn_count;
};

struct rule;

#define RULE_QUERY_VALUE_MAX 4096 /* bytes of a query's value that QueryRegexp looks at */

/* ERR_SYNTAX with the column (in bytes, from 1) and what would be right;
 * ERR_LIMIT beyond LIMIT_RULE_BYTES; ERR_NOMEM. Nesting beyond LIMIT_RULE_DEPTH
 * is a syntax error. */
MUST_USE enum err rule_parse(struct span text, enum rule_side side, struct rule **out,
                             struct err_text *why);
void rule_destroy(struct rule *rule);
/* RULE_UNDECIDED: a regular expression that the answer depends on cannot be
 * evaluated within its bounds. */
enum rule_answer { RULE_NO, RULE_YES, RULE_UNDECIDED };
enum rule_answer rule_ask(const struct rule *rule, const struct rule_facts *facts);
/* Whether that may ever be: the rule has a regular expression. */
bool rule_may_be_undecided(const struct rule *rule);

/*
 * The exact host names that a request must have one of for the rule to match
 * (for hashing): *all is false when other hosts may match too. Wildcards are
 * given as "*.rest". Borrowed from the rule.
 */
struct rule_hosts {
    const struct span *names;
    size_t count;
    bool all;
    bool catch_all; /* the rule may match any host: Host(`*`), HostSNI(`*`), no host matcher */
};
void rule_hosts(const struct rule *rule, struct rule_hosts *out);
/* Every name that a Host or HostSNI mentions without negation, in the order of
 * the text, "*" included: what TLS options and certificates are settled by. */
void rule_named_hosts(const struct rule *rule, const struct span **names, size_t *count);
/* Whether a HostSNI other than `*` occurs anywhere: then it needs TLS. */
bool rule_needs_server_name(const struct rule *rule);
/* Whether nothing but the host decides (a single Host or HostSNI). */
bool rule_is_host_only(const struct rule *rule);

#endif
