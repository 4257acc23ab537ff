/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One entry per name, however many servers share it. Answers change entries;
 * then one walk over the servers publishes what is new to each and one grace
 * period ends the old addresses of all.
 */
#include "core/control/resolver.h"

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/control/lookup.h"
#include "io/sock.h"

#include <poll.h>
#include <stdlib.h>

struct name {
    struct span host; /* malloc'ed */
    struct server_addresses addresses; /* count 0: never resolved */
    uint64_t round; /* of the last update that had it */
    bool asked, answered, failing;
};

struct resolver {
    struct ring *ring;
    struct timerwheel *wheel;
    struct lookup *lookup;
    struct op readable;
    struct timer again;
    struct strmap names;
    uint64_t round;
    size_t unanswered;
    const struct snapshot *snapshot;
};

static void name_destroy(struct name *name)
{
    free((char *)name->host.ptr);
    free(name);
}

/* ---- asking ---- */

static void ask(struct resolver *resolver, struct name *name)
{
    if (name->asked)
        return;
    enum err error = lookup_ask(resolver->lookup, name->host);
    if (error == ERR_OK)
        name->asked = true;
    else
        log_error("the name of a server cannot be looked up", "host", name->host.ptr, "error",
                  err_message(error));
}

static bool is_literal(const struct server *server)
{
    struct sock_address address;
    return sock_address_parse(server->host, server->port, &address) == ERR_OK;
}

static struct name *add_name(struct resolver *resolver, struct span host)
{
    struct name *name = calloc(1, sizeof(*name));
    if (name == NULL)
        return NULL;
    name->host = (struct span){span_dup(host), host.len};
    if (name->host.ptr == NULL || strmap_add(&resolver->names, name->host, name) != ERR_OK) {
        name_destroy(name);
        return NULL;
    }
    resolver->unanswered++;
    return name;
}

/* ---- publishing ---- */

static bool same_addresses(const struct server_addresses *a, const struct server_addresses *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->lengths[i] != b->lengths[i] ||
            memcmp(&a->items[i], &b->items[i], a->lengths[i]) != 0)
            return false;
    }
    return true;
}

static struct server_addresses *with_port(const struct server_addresses *addresses, uint16_t port)
{
    struct server_addresses *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return NULL;
    *copy = *addresses;
    for (size_t i = 0; i < copy->count; i++) {
        if (copy->items[i].ss_family == AF_INET)
            ((struct sockaddr_in *)&copy->items[i])->sin_port = htons(port);
        else
            ((struct sockaddr_in6 *)&copy->items[i])->sin6_port = htons(port);
    }
    return copy;
}

struct replaced {
    struct server_addresses **items;
    size_t count, cap;
};

static bool replaced_has_room(struct replaced *replaced)
{
    if (replaced->count < replaced->cap)
        return true;
    size_t cap = replaced->cap ? 2 * replaced->cap : 16;
    struct server_addresses **bigger =
        realloc(replaced->items, cap * sizeof(struct server_addresses *));
    if (bigger == NULL)
        return false;
    replaced->items = bigger;
    replaced->cap = cap;
    return true;
}

static void publish_to(struct server *server, const struct name *name, struct replaced *replaced)
{
    struct server_addresses *old = rcu_load(&server->addresses);
    struct server_addresses *fresh = with_port(&name->addresses, server->port);
    if (fresh == NULL || (old != NULL && same_addresses(old, fresh)) ||
        !replaced_has_room(replaced)) {
        free(fresh);
        return;
    }
    old = rcu_exchange(&server->addresses, fresh);
    if (old != NULL)
        replaced->items[replaced->count++] = old;
}

static void publish_table(struct resolver *resolver, const struct service_table *table,
                          struct replaced *replaced)
{
    struct server **servers;
    size_t count = table != NULL ? service_table_servers(table, &servers) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct name *name = strmap_get(&resolver->names, servers[i]->host);
        if (name != NULL && name->addresses.count > 0)
            publish_to(servers[i], name, replaced);
    }
}

static void publish(struct resolver *resolver)
{
    struct replaced replaced = {NULL, 0, 0};
    publish_table(resolver, resolver->snapshot->http_services, &replaced);
    publish_table(resolver, resolver->snapshot->tcp_services, &replaced);
    if (replaced.count > 0)
        rcu_wait_for_readers();
    for (size_t i = 0; i < replaced.count; i++)
        free(replaced.items[i]);
    free(replaced.items);
}

/* ---- answers ---- */

static void note_answer(struct resolver *resolver, const struct lookup_answer *answer)
{
    struct name *name = strmap_get(&resolver->names, span_cstr(answer->host));
    if (name == NULL)
        return; /* no longer configured */
    name->asked = false;
    if (!name->answered)
        resolver->unanswered--;
    name->answered = true;
    if (answer->error != NULL && !name->failing)
        log_warn(name->addresses.count > 0
                     ? "the name of a server is not resolved any more: its last addresses stay"
                     : "the name of a server cannot be resolved",
                 "host", answer->host, "error", answer->error);
    if (answer->error == NULL && name->failing)
        log_info("the name of a server is resolved again", "host", answer->host);
    name->failing = answer->error != NULL;
    if (answer->error == NULL)
        name->addresses = answer->addresses;
}

static void take_answers(struct resolver *resolver)
{
    struct list answers;
    struct list *node;
    list_init(&answers);
    lookup_take(resolver->lookup, &answers);
    if (list_empty(&answers))
        return;
    while ((node = list_pop_front(&answers)) != NULL) {
        struct lookup_answer *answer = container_of(node, struct lookup_answer, link);
        note_answer(resolver, answer);
        free(answer);
    }
    publish(resolver);
}

static void on_readable(struct op *op, int32_t result, uint32_t flags)
{
    struct resolver *resolver = container_of(op, struct resolver, readable);
    (void)result;
    (void)flags;
    if (!op_pending(op))
        ring_poll(resolver->ring, op, lookup_fd(resolver->lookup), POLLIN, true);
    take_answers(resolver);
}

static void on_again(struct timer *timer)
{
    struct resolver *resolver = container_of(timer, struct resolver, again);
    strmap_for_each(&resolver->names, slot)
        ask(resolver, slot->value);
    timer_set(resolver->wheel, timer, resolver->wheel->now_ms + RESOLVER_INTERVAL_MS);
}

/* ---- a new snapshot ---- */

static void collect_table(struct resolver *resolver, const struct service_table *table)
{
    struct server **servers;
    size_t count = table != NULL ? service_table_servers(table, &servers) : 0;
    for (size_t i = 0; i < count; i++) {
        if (is_literal(servers[i]))
            continue;
        struct name *name = strmap_get(&resolver->names, servers[i]->host);
        if (name == NULL)
            name = add_name(resolver, servers[i]->host);
        if (name == NULL) {
            log_error("out of memory: a server's name is not looked up", "host",
                      servers[i]->host.ptr);
            continue;
        }
        name->round = resolver->round;
        if (!name->answered || name->failing)
            ask(resolver, name);
    }
}

/* Drops the names of earlier rounds. Without memory they stay: harmless. */
static void sweep(struct resolver *resolver)
{
    struct strmap kept;
    strmap_init(&kept);
    strmap_for_each(&resolver->names, slot) {
        struct name *name = slot->value;
        if (name->round == resolver->round && strmap_add(&kept, name->host, name) != ERR_OK) {
            strmap_finish(&kept);
            return;
        }
    }
    strmap_for_each(&resolver->names, slot) {
        struct name *name = slot->value;
        if (name->round == resolver->round)
            continue;
        if (!name->answered)
            resolver->unanswered--;
        name_destroy(name);
    }
    strmap_finish(&resolver->names);
    resolver->names = kept;
}

void resolver_update(struct resolver *resolver, const struct snapshot *snapshot)
{
    resolver->snapshot = snapshot;
    resolver->round++;
    collect_table(resolver, snapshot->http_services);
    collect_table(resolver, snapshot->tcp_services);
    sweep(resolver);
    publish(resolver);
    if (resolver->names.count == 0)
        timer_cancel(resolver->wheel, &resolver->again);
    else if (!timer_running(&resolver->again))
        timer_set(resolver->wheel, &resolver->again,
                  resolver->wheel->now_ms + RESOLVER_INTERVAL_MS);
}

bool resolver_is_settled(const struct resolver *resolver)
{
    return resolver->unanswered == 0;
}

/* ---- life ---- */

enum err resolver_create(struct ring *ring, struct timerwheel *wheel, struct resolver **out,
                         struct err_text *why)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    if (resolver == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    enum err error = lookup_create(&resolver->lookup, why);
    if (error != ERR_OK) {
        free(resolver);
        return error;
    }
    resolver->ring = ring;
    resolver->wheel = wheel;
    strmap_init(&resolver->names);
    op_init(&resolver->readable, on_readable);
    timer_init(&resolver->again, on_again);
    ring_poll(ring, &resolver->readable, lookup_fd(resolver->lookup), POLLIN, true);
    *out = resolver;
    return ERR_OK;
}

void resolver_destroy(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    timer_cancel(resolver->wheel, &resolver->again);
    strmap_for_each(&resolver->names, slot)
        name_destroy(slot->value);
    strmap_finish(&resolver->names);
    lookup_destroy(resolver->lookup);
    free(resolver);
}
