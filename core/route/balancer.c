/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Smooth weighted round robin: in each round every candidate gains its weight,
 * the richest is picked and pays the sum of all weights. So with weights 5, 1, 1
 * the picks are a a b a c a a, and what a candidate was owed while it was
 * skipped does not come back as a burst. Each worker has its own purses, on
 * cache lines of its own, and begins at another place of the round.
 */
#include "core/route/service_tree.h"

#include <assert.h>
#include <stdlib.h>

#define CACHE_LINE 64
#define HEAD_START_MAX 16

/* One purse per server or child. */
static int64_t *turns_of(const struct service *service, size_t worker)
{
    return (int64_t *)(void *)(service->turns + worker * service->turn_stride);
}

static bool server_is_up(const struct server *server)
{
    /* A hint: a stale answer costs one failed connection. */
    return server->weight > 0 && atomic_load_explicit(&server->up, memory_order_relaxed);
}

/* Whether a pick would find a server. */
static bool service_is_up(const struct service *service)
{
    for (size_t i = 0; i < service->server_count; i++) {
        if (server_is_up(service->servers[i]))
            return true;
    }
    for (size_t i = 0; i < service->child_count; i++) {
        if (service->model.weighted[i].weight > 0 && service_is_up(service->children[i]))
            return true;
    }
    return false;
}

struct round {
    int64_t *turns;
    int64_t total;
    ptrdiff_t best;
};

static void round_offer(struct round *round, size_t i, uint32_t weight)
{
    round->turns[i] += weight;
    round->total += weight;
    if (round->best < 0 || round->turns[i] > round->turns[round->best])
        round->best = (ptrdiff_t)i;
}

static ptrdiff_t round_end(struct round *round)
{
    if (round->best >= 0)
        round->turns[round->best] -= round->total;
    return round->best;
}

static struct server *pick_server(const struct service *service, size_t worker,
                                  const struct server *tried)
{
    struct round round = {.turns = turns_of(service, worker), .best = -1};
    for (size_t i = 0; i < service->server_count; i++) {
        const struct server *server = service->servers[i];
        if (server != tried && server_is_up(server))
            round_offer(&round, i, server->weight);
    }
    ptrdiff_t best = round_end(&round);
    if (best >= 0)
        return service->servers[best];
    return tried ? pick_server(service, worker, NULL) : NULL;
}

static struct service *pick_child(const struct service *service, size_t worker)
{
    struct round round = {.turns = turns_of(service, worker), .best = -1};
    for (size_t i = 0; i < service->child_count; i++) {
        uint32_t weight = service->model.weighted[i].weight;
        if (weight > 0 && service_is_up(service->children[i]))
            round_offer(&round, i, weight);
    }
    ptrdiff_t best = round_end(&round);
    return best >= 0 ? service->children[best] : NULL;
}

struct server *service_pick(struct service *service, size_t worker, const struct server *tried,
                            const struct service **leaf)
{
    assert(worker < service->worker_count);
    while (service != NULL && service->child_count > 0)
        service = pick_child(service, worker);
    if (service == NULL || service->server_count == 0)
        return NULL;
    struct server *server = pick_server(service, worker, tried);
    if (server != NULL && leaf != NULL)
        *leaf = service;
    return server;
}

/* Lets worker n begin n picks into the round (modulo a few), so that the first
 * requests of all workers do not meet at one server. */
static void give_head_start(const struct service *service, size_t worker)
{
    for (size_t i = 0; i < worker % HEAD_START_MAX; i++) {
        if (service->child_count > 0)
            pick_child(service, worker);
        else
            pick_server(service, worker, NULL);
    }
}

enum err balancer_init(struct service *service, size_t worker_count)
{
    size_t entries = service->server_count + service->child_count;
    service->worker_count = worker_count;
    if (entries == 0 || worker_count == 0)
        return ERR_OK;
    size_t stride = (entries * sizeof(int64_t) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    service->turns = aligned_alloc(CACHE_LINE, stride * worker_count);
    if (service->turns == NULL)
        return ERR_NOMEM;
    memset(service->turns, 0, stride * worker_count);
    service->turn_stride = stride;
    for (size_t worker = 0; worker < worker_count; worker++)
        give_head_start(service, worker);
    return ERR_OK;
}
