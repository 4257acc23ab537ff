/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Services, servers and how one is picked.
 *
 * A server and a service are reference-counted (atomically) and carried over
 * from one snapshot to the next when nothing about them changed, with their
 * health and balancing state. What a worker changes on its own (round-robin
 * position) is per worker; what the control thread changes (health, resolved
 * addresses) is atomic and only read by workers.
 */
#ifndef WEIR_CORE_ROUTE_SERVICE_H
#define WEIR_CORE_ROUTE_SERVICE_H

#include "config/model.h"
#include "core/base/err.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define SERVER_ADDRESSES_MAX 16

/* Resolved addresses; immutable, replaced as a whole under RCU. */
struct server_addresses {
    size_t count;
    struct sockaddr_storage items[SERVER_ADDRESSES_MAX];
    socklen_t lengths[SERVER_ADDRESSES_MAX];
};

struct server {
    _Atomic uint32_t references;
    uint64_t id;   /* unique in the process, never reused */
    uint64_t key;  /* hash of url and transport: equal → the same server */
    struct span url;
    struct span host; /* without brackets, NUL-terminated */
    uint16_t port;
    struct span authority; /* host[:port] for the Host field */
    struct span base_path; /* of the URL, "" when "/" */
    bool https, h2c, tcp_tls;
    bool preserve_path;
    uint32_t weight;
    struct span transport; /* qualified name of its servers transport */
    _Atomic bool up;
    _Atomic(struct server_addresses *) addresses; /* NULL until resolved */
    _Atomic uint64_t epoch; /* of the newest snapshot that has it */
};

struct service;
struct service_table;

/*
 * Builds the services of one side of a model. `previous` may be NULL; a service
 * of it that is configured the same (place in the file aside), with the same
 * servers transport and, for weighted ones, the same children, is taken over as
 * it is. In a changed service the servers that are the same are taken over; one
 * that changed only its weight is new but keeps health and addresses.
 * worker_count: how many workers may pick; another than in `previous` takes over
 * servers, not services. Literal IP addresses are resolved here.
 *
 * What makes a service unusable (service_problem): its configuration's own
 * problem, a kind, strategy or option that is not built, a server's URL, a
 * missing or unusable child, a cycle. Nothing of `model` is kept. Control thread.
 */
MUST_USE enum err service_table_create(const struct model_dynamic *model, bool tcp,
                                       const struct service_table *previous, size_t worker_count,
                                       uint64_t epoch, struct service_table **out);
void service_table_destroy(struct service_table *table);
struct service *service_table_find(const struct service_table *table, struct span name);
/* All servers, for the resolver and the health checks. */
size_t service_table_servers(const struct service_table *table, struct server ***out);

/* The service's own copy; marks are those of the configuration that made it. */
const struct model_service *service_model(const struct service *service);
/* A load balancer's servers, in the order of the configuration; they live as long
 * as the service. Others have none. Any thread. */
struct server *const *service_servers(const struct service *service, size_t *count);
/* Empty: usable. */
struct span service_problem(const struct service *service);

/*
 * Picks a server for one request (weighted round robin over those that are up;
 * smooth: a a b a …). NULL: none is up. `tried` (may be NULL) is skipped when
 * there is another. For weighted services the choice goes down the tree, and
 * *leaf (may be NULL) is the load balancer that it came to. Worker thread.
 */
struct server *service_pick(struct service *service, size_t worker, const struct server *tried,
                            const struct service **leaf);

struct server *server_ref(struct server *server);
void server_unref(struct server *server);
struct service *service_ref(struct service *service);
void service_unref(struct service *service);

#endif
