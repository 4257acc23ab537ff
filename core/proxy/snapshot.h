/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One configuration, complete and immutable: what workers look at.
 *
 * Life: the control thread builds it (core/control/build.h), publishes it with
 * one atomic exchange, waits for a grace period, and drops its own claim on
 * the one before. A worker that sees a new snapshot takes one claim for itself
 * (snapshot_hold_current), and counts its users of it without atomics. When no
 * worker claims a retired snapshot any more, the control thread destroys it.
 * So a request that outlives a reload still finds everything it began with,
 * and nobody pays an atomic operation per request.
 */
#ifndef WEIR_CORE_PROXY_SNAPSHOT_H
#define WEIR_CORE_PROXY_SNAPSHOT_H

#include "config/model.h"
#include "core/base/list.h"
#include "core/route/router.h"
#include "core/route/service.h"
#include "tls/cert_index.h"
#include "tls/context.h"

struct middleware_chain; /* core/proxy/middleware.h */

/* A servers transport made ready: the TLS side of connections to backends. */
struct upstream_transport {
    struct span name; /* "default@internal" is among them */
    struct tls_context *tls; /* NULL: no server needs it, or broken (see problem) */
    uint64_t tls_digest;     /* of what went into it */
    struct span server_name;
    struct span problem;
    bool http2; /* may be agreed on with a server over TLS */
    int64_t dial_timeout_ms, response_header_timeout_ms, idle_timeout_ms; /* 0: none */
    int64_t read_idle_timeout_ms, ping_timeout_ms; /* HTTP/2; 0: none */
    size_t max_idle; /* per worker and server */
    int64_t termination_delay_ms; /* TCP; <0: no limit */
    uint32_t proxy_protocol;      /* TCP: version of the PROXY header to send; 0: none */
};

/* What the routers of one entry point come to. */
struct entry_routes {
    const struct model_entry_point *model;
    struct router_table *http, *https; /* without and with tls */
    struct router_table *tcp, *tcp_tls;
    /* Parallel to the tables' routes (route->index). */
    struct middleware_chain **http_chains, **https_chains;
    bool serves_tls;      /* a ClientHello may be expected */
    bool serves_plain;    /* routers without tls: plain HTTP or TCP may be expected */
    bool https_catch_all; /* some HTTPS router matches any host */
};

struct snapshot {
    uint64_t epoch; /* from 1 */
    _Atomic uint32_t claims; /* the publisher's and one per worker that uses it */
    const struct model_static *settings; /* lives as long as the process */
    struct model_dynamic *model; /* counted in model->references */
    struct service_table *http_services, *tcp_services;
    struct upstream_transport *transports; /* HTTP */
    size_t transport_count;
    struct upstream_transport *tcp_transports;
    size_t tcp_transport_count;
    struct tls_options **tls_options; /* [0] is `default` */
    size_t tls_option_count;
    struct cert_index *certs;
    struct tls_context_table *contexts;
    struct entry_routes *entries; /* parallel to settings->entry_points */
    size_t entry_count;
    struct list retired; /* the control thread's list */
};

/* NULL: no options of that name. */
struct tls_options *snapshot_tls_options(const struct snapshot *snapshot, struct span name);
const struct upstream_transport *snapshot_transport(const struct snapshot *snapshot,
                                                    struct span name);
const struct upstream_transport *snapshot_tcp_transport(const struct snapshot *snapshot,
                                                        struct span name);
/* Frees everything it owns. Control thread; claims must be 0. */
void snapshot_destroy(struct snapshot *snapshot);

/* The place where the current snapshot is published. */
struct snapshot_publication {
    _Atomic(struct snapshot *) current;
};
/* Publishes `next` (its epoch is set here: the old one's plus one) and returns
 * the old one after the grace period, with the publisher's claim dropped. */
struct snapshot *snapshot_publish(struct snapshot_publication *publication, struct snapshot *next);

/* ---- one worker's claims ---- */

struct snapshot_hold {
    struct snapshot *snapshot;
    size_t users; /* of this worker; plain, never shared */
    bool current;
    struct list link;
};

/* The worker's hold of the published snapshot; a new one when it has changed
 * since (then *changed). The old one lives on while it has users. NULL: out of
 * memory and none yet. */
struct snapshot_hold *snapshot_hold_current(struct snapshot_publication *publication,
                                            struct list *holds, bool *changed);
static inline struct snapshot_hold *snapshot_hold_use(struct snapshot_hold *hold)
{
    hold->users++;
    return hold;
}
void snapshot_hold_release(struct snapshot_hold *hold);
/* At the end of a worker: gives up all claims; nothing may be in use. */
void snapshot_hold_finish(struct list *holds);

#endif
