/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a service is made of. Private to core/route. Made by the control thread;
 * afterwards only the reference count and each worker's own balancing state
 * change.
 */
#ifndef WEIR_CORE_ROUTE_SERVICE_TREE_H
#define WEIR_CORE_ROUTE_SERVICE_TREE_H

#include "core/route/service.h"

#define SERVICE_DEPTH_MAX 32 /* weighted services in weighted services */

struct service {
    _Atomic uint32_t references;
    struct arena arena; /* holds the strings and arrays of model */
    struct model_service model;
    struct span problem; /* empty: usable */
    uint64_t transport_digest;
    struct server **servers; /* of a load balancer, each referenced */
    size_t server_count;
    struct service **children; /* of a weighted service, each referenced */
    size_t child_count;
    size_t depth; /* how many levels of children are below */
    size_t worker_count;
    char *turns;        /* per worker an array of int64_t, one per server or child */
    size_t turn_stride; /* bytes from one worker to the next, whole cache lines */
};

/* ---- service_copy.c ---- */

/* A deep copy in the arena. */
MUST_USE enum err model_service_copy(struct arena *arena, const struct model_service *from,
                                     struct model_service *to);
/* Whether nothing but the place in the file differs. */
bool model_service_equal(const struct model_service *a, const struct model_service *b);

/* ---- server.c ---- */

/* ERR_INVALID with `why` when the URL or address is no good. Has one reference. */
MUST_USE enum err server_create(const struct model_server *model, bool tcp, struct span transport,
                                uint64_t transport_digest, struct server **out,
                                struct err_text *why);
/* Takes over health and addresses from a server that had another weight. */
MUST_USE enum err server_inherit(struct server *server, const struct server *from);

/* ---- balancer.c ---- */

/* Once servers or children are set. */
MUST_USE enum err balancer_init(struct service *service, size_t worker_count);

#endif
