/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routes are sorted once; then each is put into a bucket per exact host, per
 * wildcard and, when it may match any host, into the catch-all one, in their
 * order. A match looks up the two buckets of its host by hash and walks the
 * three lists as one, always taking the smallest index next, so that priority
 * holds across them.
 */
#include "core/route/router.h"
#include "core/base/hash.h"
#include "core/base/limits.h"

#include <stdio.h>
#include <stdlib.h>

struct bucket {
    const struct route **items;
    size_t count, cap;
};

/* What the routers of one host name agree on. */
struct host_options {
    struct span options;
};

struct router_table {
    struct arena arena;
    struct route *routes;
    size_t count;
    struct strmap exact;     /* "example.org" → bucket */
    struct strmap wildcards; /* "example.org" of "*.example.org" → bucket */
    struct bucket catch_all;
    struct strmap options; /* a name as in the rule → host_options */
};

struct builder {
    struct router_table *table;
    enum rule_side side;
    bool tls;
    const struct service_table *services;
    void (*report)(const struct model_router *, const char *why, void *argument);
    void *argument;
};

/* ---- routes ---- */

static void set_problem(struct builder *builder, struct route *route, const char *text)
{
    struct span problem = arena_span(&builder->table->arena, span_cstr(text));
    if (route->problem.len == 0)
        route->problem = problem.ptr ? problem : SPAN("out of memory");
    if (builder->report != NULL)
        builder->report(route->model, text, builder->argument);
}

static int64_t default_priority(const struct route *route, enum rule_side side)
{
    struct rule_hosts hosts = {0};
    bool lone = side == RULE_TCP && route->rule != NULL && rule_is_host_only(route->rule);
    if (lone)
        rule_hosts(route->rule, &hosts);
    return hosts.catch_all ? -1 : (int64_t)route->model->rule.len;
}

static enum err compile_rule(struct builder *builder, struct route *route)
{
    struct err_text why = {0};
    enum err error = rule_parse(route->model->rule, builder->side, &route->rule, &why);
    if (error == ERR_NOMEM)
        return error;
    if (error != ERR_OK) {
        err_prefix(&why, "invalid rule");
        set_problem(builder, route, why.text);
    } else if (builder->side == RULE_TCP && !builder->tls && rule_needs_server_name(route->rule)) {
        set_problem(builder, route, "invalid rule: HostSNI of a name needs a tls section on the "
                                    "router; without TLS only HostSNI(`*`) can match");
        rule_destroy(route->rule);
        route->rule = NULL;
    }
    return ERR_OK;
}

static void find_service(struct builder *builder, struct route *route)
{
    char text[512];
    struct span name = route->model->service;
    struct service *service = service_table_find(builder->services, name);
    struct span problem = service ? service_problem(service) : SPAN_EMPTY;
    if (service != NULL && problem.len == 0) {
        route->service = service_ref(service);
        return;
    }
    if (name.len == 0)
        snprintf(text, sizeof(text), "the router names no service");
    else if (service == NULL)
        snprintf(text, sizeof(text), "the service \"%.*s\" does not exist", SPAN_ARG(name));
    else
        snprintf(text, sizeof(text), "the service \"%.*s\" is unusable: %.*s", SPAN_ARG(name),
                 SPAN_ARG(problem));
    set_problem(builder, route, text);
}

static enum err fill_route(struct builder *builder, struct route *route,
                           const struct model_router *model)
{
    route->model = model;
    route->problem = model->object.problem;
    TRY(compile_rule(builder, route));
    route->priority = model->priority;
    if (route->priority == 0)
        route->priority = default_priority(route, builder->side);
    find_service(builder, route);
    return ERR_OK;
}

static bool is_wanted(const struct model_router *router, struct span entry_point, bool tls)
{
    for (size_t i = 0; router->has_tls == tls && i < router->entry_points.count; i++) {
        if (span_equal(router->entry_points.items[i], entry_point))
            return true;
    }
    return false;
}

static int compare_routes(const void *a, const void *b)
{
    const struct route *first = a, *second = b;
    if (first->priority != second->priority)
        return first->priority > second->priority ? -1 : 1;
    return span_compare(first->model->object.name, second->model->object.name);
}

static enum err build_routes(struct builder *builder, const struct model_router *routers,
                             size_t count, struct span entry_point)
{
    struct router_table *table = builder->table;
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++)
        wanted += is_wanted(&routers[i], entry_point, builder->tls);
    table->routes = ARENA_ARRAY(&table->arena, struct route, wanted);
    if (table->routes == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (is_wanted(&routers[i], entry_point, builder->tls))
            TRY(fill_route(builder, &table->routes[table->count++], &routers[i]));
    }
    qsort(table->routes, table->count, sizeof(*table->routes), compare_routes);
    for (size_t i = 0; i < table->count; i++)
        table->routes[i].index = i;
    return ERR_OK;
}

/* A request must not be able to pass by a router by being too much for its
 * regular expression. */
static enum err build_undecided(struct router_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        struct route *route = &table->routes[i];
        if (route->rule == NULL || !rule_may_be_undecided(route->rule))
            continue;
        struct route *copy = ARENA_NEW(&table->arena, struct route);
        if (copy == NULL)
            return ERR_NOMEM;
        *copy = *route;
        if (copy->problem.len == 0)
            copy->problem = SPAN("the request is too long, or no UTF-8, for a regular expression "
                                 "of the rules");
        route->undecided = copy;
    }
    return ERR_OK;
}

/* ---- buckets ---- */

static enum err bucket_add(struct router_table *table, struct bucket *bucket,
                           const struct route *route)
{
    if (bucket->count == bucket->cap) {
        size_t cap = bucket->cap ? bucket->cap * 2 : 1;
        const struct route **items = ARENA_ARRAY(&table->arena, const struct route *, cap);
        if (items == NULL)
            return ERR_NOMEM;
        if (bucket->count > 0)
            memcpy(items, bucket->items, bucket->count * sizeof(*items));
        bucket->items = items;
        bucket->cap = cap;
    }
    bucket->items[bucket->count++] = route;
    return ERR_OK;
}

static enum err bucket_add_named(struct router_table *table, struct span name,
                                 const struct route *route)
{
    bool wildcard = span_starts_with(name, SPAN("*."));
    struct strmap *map = wildcard ? &table->wildcards : &table->exact;
    struct span key = wildcard ? span_skip(name, 2) : name;
    struct bucket *bucket = strmap_get(map, key);
    if (bucket == NULL) {
        bucket = ARENA_NEW(&table->arena, struct bucket);
        if (bucket == NULL)
            return ERR_NOMEM;
        TRY(strmap_add(map, key, bucket));
    }
    return bucket_add(table, bucket, route);
}

static enum err build_buckets(struct router_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct route *route = &table->routes[i];
        struct rule_hosts hosts;
        if (route->rule == NULL)
            continue;
        rule_hosts(route->rule, &hosts);
        if (hosts.catch_all)
            TRY(bucket_add(table, &table->catch_all, route));
        for (size_t name = 0; !hosts.catch_all && name < hosts.count; name++)
            TRY(bucket_add_named(table, hosts.names[name], route));
    }
    return ERR_OK;
}

/* ---- TLS options ---- */

static enum err note_options(struct router_table *table, struct span name, struct span options)
{
    struct host_options *host = strmap_get(&table->options, name);
    if (host != NULL) {
        if (!span_equal(host->options, options))
            host->options = SPAN("default");
        return ERR_OK;
    }
    host = ARENA_NEW(&table->arena, struct host_options);
    if (host == NULL)
        return ERR_NOMEM;
    host->options = options;
    return strmap_add(&table->options, name, host);
}

static enum err build_options(struct router_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct route *route = &table->routes[i];
        const struct span *names = NULL;
        size_t count = 0;
        if (route->rule != NULL)
            rule_named_hosts(route->rule, &names, &count);
        struct span options = route->model->tls.options;
        for (size_t name = 0; name < count; name++)
            TRY(note_options(table, names[name], options.len > 0 ? options : SPAN("default")));
    }
    return ERR_OK;
}

bool router_table_tls_options(const struct router_table *table, struct span host,
                              struct span *options)
{
    char wildcard[LIMIT_HOST_NAME + 2];
    ptrdiff_t dot = span_find(host, '.', 0);
    const struct host_options *found = strmap_get(&table->options, host);
    if (found == NULL && dot > 0 && host.len - (size_t)dot < sizeof(wildcard)) {
        struct span suffix = span_skip(host, (size_t)dot);
        wildcard[0] = '*';
        memcpy(wildcard + 1, suffix.ptr, suffix.len);
        found = strmap_get(&table->options, span_make(wildcard, suffix.len + 1));
    }
    if (found == NULL)
        found = strmap_get(&table->options, SPAN("*"));
    if (found == NULL)
        return false;
    *options = found->options;
    return true;
}

/* ---- the table ---- */

enum err router_table_create(const struct model_router *routers, size_t count, enum rule_side side,
                             struct span entry_point, bool tls,
                             const struct service_table *services,
                             void (*report)(const struct model_router *, const char *why,
                                            void *argument),
                             void *argument, struct router_table **out)
{
    struct router_table *table = calloc(1, sizeof(*table));
    if (table == NULL)
        return ERR_NOMEM;
    arena_init(&table->arena, 4096, SIZE_MAX);
    struct builder builder = {table, side, tls, services, report, argument};
    enum err error = build_routes(&builder, routers, count, entry_point);
    if (error == ERR_OK)
        error = build_undecided(table);
    if (error == ERR_OK)
        error = build_buckets(table);
    if (error == ERR_OK && tls)
        error = build_options(table);
    if (error == ERR_OK)
        *out = table;
    else
        router_table_destroy(table);
    return error;
}

void router_table_destroy(struct router_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++) {
        rule_destroy(table->routes[i].rule);
        service_unref(table->routes[i].service);
    }
    strmap_finish(&table->exact);
    strmap_finish(&table->wildcards);
    strmap_finish(&table->options);
    arena_finish(&table->arena);
    free(table);
}

size_t router_table_count(const struct router_table *table)
{
    return table->count;
}

const struct route *router_table_at(const struct router_table *table, size_t i)
{
    return &table->routes[i];
}

/* ---- matching ---- */

enum { LIST_EXACT, LIST_WILDCARD, LIST_CATCH_ALL, LISTS };

static const struct bucket *find_bucket(const struct strmap *map, struct span host)
{
    static const struct bucket none;
    const struct bucket *bucket = host.len > 0 && map->count > 0 ? strmap_get(map, host) : NULL;
    return bucket ? bucket : &none;
}

static enum rule_answer ask_route(const struct route *route, int list,
                                  const struct rule_facts *facts)
{
    if (list == LIST_EXACT && rule_is_host_only(route->rule))
        return RULE_YES;
    return rule_ask(route->rule, facts);
}

const struct route *router_match(const struct router_table *table, const struct rule_facts *facts)
{
    struct span host = facts->host, parent = SPAN_EMPTY;
    ptrdiff_t dot = span_find(host, '.', 0);
    if (dot > 0)
        parent = span_skip(host, (size_t)dot + 1);
    const struct bucket *lists[LISTS] = {
        [LIST_EXACT] = find_bucket(&table->exact, host),
        [LIST_WILDCARD] = find_bucket(&table->wildcards, parent),
        [LIST_CATCH_ALL] = &table->catch_all,
    };
    size_t at[LISTS] = {0};
    for (;;) {
        const struct route *next = NULL;
        int from = 0;
        for (int list = 0; list < LISTS; list++) {
            if (at[list] == lists[list]->count)
                continue;
            const struct route *head = lists[list]->items[at[list]];
            if (next == NULL || head->index < next->index) {
                next = head;
                from = list;
            }
        }
        if (next == NULL)
            return NULL;
        enum rule_answer answer = ask_route(next, from, facts);
        if (answer != RULE_NO)
            return answer == RULE_YES ? next : next->undecided;
        at[from]++;
    }
}
