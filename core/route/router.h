/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compiled routers of one entry point: hosts by hash first, the rest in
 * the order of priority; a match costs the same for one host as for ten
 * thousand. Immutable; built on the control thread, read by workers.
 */
#ifndef WEIR_CORE_ROUTE_ROUTER_H
#define WEIR_CORE_ROUTE_ROUTER_H

#include "config/model.h"
#include "core/route/rule.h"
#include "core/route/service.h"

struct route {
    const struct model_router *model;
    struct service *service; /* NULL: problem says why */
    struct rule *rule;
    int64_t priority;
    size_t index; /* position in its table, for parallel arrays of others */
    struct span problem; /* of the router, or of what it refers to; empty: serves */
    /* A copy with a problem, which is matched when the rule cannot be decided;
     * NULL: that cannot be. */
    const struct route *undecided;
};

struct router_table;

/*
 * Who wins: the higher priority (0 in the model: the byte length of the rule;
 * for a TCP rule that is HostSNI(`*`) alone: −1), then the name that sorts
 * first. Routes are numbered in that order, so index 0 is asked first.
 *
 * A route with a problem takes part in matching all the same, and who serves it
 * answers with an error: it fails closed, nothing below it is reached. Only a
 * rule that cannot be parsed, or HostSNI(`name`) without TLS, takes no part. A
 * request whose subject is beyond a regular expression's bounds fails closed in
 * the same way at the first router whose rule depends on it.
 */

/*
 * The routers of `entry_point` among `routers`. tls: those with (true) or
 * without a tls section. Broken rules give the route a problem and take no
 * part in matching; the messages go to *problems through `report`
 * (may be NULL), as do services that are missing or unusable; what the model
 * itself has as a router's problem was reported by who built it. The table keeps
 * pointers into `routers`, which must outlive it, and a reference to each service.
 */
MUST_USE enum err router_table_create(const struct model_router *routers, size_t count,
                                      enum rule_side side, struct span entry_point, bool tls,
                                      const struct service_table *services,
                                      void (*report)(const struct model_router *, const char *why,
                                                     void *argument),
                                      void *argument, struct router_table **out);
void router_table_destroy(struct router_table *table);

/* The route of the highest priority that matches, or NULL. Equal priorities:
 * the router's name decides, as in Traefik. */
const struct route *router_match(const struct router_table *table,
                                 const struct rule_facts *facts);

size_t router_table_count(const struct router_table *table);
const struct route *router_table_at(const struct router_table *table, size_t i);

/* The TLS options' name that the HTTPS routers of this table settle for a server
 * name (TRAEFIK-CONFIG §2: one host, different options → default); false when
 * no router names the host. */
bool router_table_tls_options(const struct router_table *table, struct span host,
                              struct span *options);

#endif
