/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Claims are few: one per worker and snapshot, taken while RCU still protects
 * the pointer, and one of the publisher. Everything else a worker counts for
 * itself in its holds, so a request costs no atomic operation.
 */
#include "core/proxy/snapshot.h"

#include "core/base/rcu.h"
#include "core/proxy/middleware.h"

#include <assert.h>
#include <stdlib.h>

static const struct upstream_transport *find_transport(const struct upstream_transport *items,
                                                       size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(items[i].name, name))
            return &items[i];
    }
    return NULL;
}

const struct upstream_transport *snapshot_transport(const struct snapshot *snapshot,
                                                    struct span name)
{
    return find_transport(snapshot->transports, snapshot->transport_count, name);
}

const struct upstream_transport *snapshot_tcp_transport(const struct snapshot *snapshot,
                                                        struct span name)
{
    return find_transport(snapshot->tcp_transports, snapshot->tcp_transport_count, name);
}

struct tls_options *snapshot_tls_options(const struct snapshot *snapshot, struct span name)
{
    if (name.len == 0)
        return snapshot->tls_options[0];
    for (size_t i = 0; i < snapshot->tls_option_count; i++) {
        struct tls_options *options = snapshot->tls_options[i];
        if (options != NULL && span_equal(span_cstr(options->name), name))
            return options;
    }
    return NULL;
}

static void destroy_chains(struct middleware_chain **chains, const struct router_table *table)
{
    size_t count = chains != NULL ? router_table_count(table) : 0;
    for (size_t i = 0; i < count; i++)
        middleware_chain_destroy(chains[i]);
    free(chains);
}

static void destroy_entry(struct entry_routes *entry)
{
    destroy_chains(entry->http_chains, entry->http);
    destroy_chains(entry->https_chains, entry->https);
    router_table_destroy(entry->http);
    router_table_destroy(entry->https);
    router_table_destroy(entry->tcp);
    router_table_destroy(entry->tcp_tls);
}

static void destroy_transports(struct upstream_transport *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tls_context_unref(items[i].tls);
        free((char *)items[i].problem.ptr);
    }
    free(items);
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    assert(atomic_load(&snapshot->claims) == 0);
    for (size_t i = 0; i < snapshot->entry_count; i++)
        destroy_entry(&snapshot->entries[i]);
    free(snapshot->entries);
    service_table_destroy(snapshot->http_services);
    service_table_destroy(snapshot->tcp_services);
    destroy_transports(snapshot->transports, snapshot->transport_count);
    destroy_transports(snapshot->tcp_transports, snapshot->tcp_transport_count);
    tls_context_table_destroy(snapshot->contexts);
    cert_index_destroy(snapshot->certs);
    for (size_t i = 0; i < snapshot->tls_option_count; i++)
        tls_options_unref(snapshot->tls_options[i]);
    free(snapshot->tls_options);
    if (snapshot->model != NULL && --snapshot->model->references == 0)
        model_dynamic_destroy(snapshot->model);
    free(snapshot);
}

struct snapshot *snapshot_publish(struct snapshot_publication *publication, struct snapshot *next)
{
    /* Only the control thread writes the pointer, so its own read is plain. */
    struct snapshot *old = atomic_load_explicit(&publication->current, memory_order_relaxed);
    next->epoch = old != NULL ? old->epoch + 1 : 1;
    atomic_store_explicit(&next->claims, 1, memory_order_relaxed);
    (void)rcu_exchange(&publication->current, next);
    if (old == NULL)
        return NULL;
    /* After this no worker can come to claim the old one any more. */
    rcu_wait_for_readers();
    atomic_fetch_sub_explicit(&old->claims, 1, memory_order_acq_rel);
    return old;
}

/* ---- holds ---- */

static void hold_drop(struct snapshot_hold *hold)
{
    list_remove(&hold->link);
    /* Release: what this worker did with the snapshot comes before its end. */
    atomic_fetch_sub_explicit(&hold->snapshot->claims, 1, memory_order_release);
    free(hold);
}

struct snapshot_hold *snapshot_hold_current(struct snapshot_publication *publication,
                                            struct list *holds, bool *changed)
{
    struct snapshot_hold *newest =
        list_empty(holds) ? NULL : container_of(holds->prev, struct snapshot_hold, link);
    struct snapshot *snapshot = rcu_load(&publication->current);
    *changed = false;
    if (newest != NULL && newest->snapshot == snapshot)
        return newest;
    struct snapshot_hold *hold = calloc(1, sizeof(*hold));
    if (hold == NULL)
        return newest;
    hold->snapshot = snapshot;
    hold->current = true;
    /* RCU still protects the pointer: the publisher waits for us to pass. */
    atomic_fetch_add_explicit(&snapshot->claims, 1, memory_order_relaxed);
    list_push_back(holds, &hold->link);
    if (newest != NULL) {
        newest->current = false;
        if (newest->users == 0)
            hold_drop(newest);
    }
    *changed = true;
    return hold;
}

void snapshot_hold_release(struct snapshot_hold *hold)
{
    assert(hold->users > 0);
    hold->users--;
    if (hold->users == 0 && !hold->current)
        hold_drop(hold);
}

void snapshot_hold_finish(struct list *holds)
{
    list_for_each(node, holds) {
        struct snapshot_hold *hold = container_of(node, struct snapshot_hold, link);
        assert(hold->users == 0);
        hold_drop(hold);
    }
}
