/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two connections joined: what one receives the other sends, with
 * back-pressure and half-close kept in both directions. Each direction is
 * moved by splicing through a pipe where both ends are plain sockets, else by
 * copying (pump.h). Serves TCP routers, SNI passthrough and upgraded HTTP.
 * Worker thread.
 */
#ifndef WEIR_CORE_PROXY_TUNNEL_H
#define WEIR_CORE_PROXY_TUNNEL_H

#include "core/proxy/conn.h"

struct tunnel;

struct tunnel_settings {
    int64_t idle_timeout_ms;        /* silence in both directions; 0: none */
    int64_t termination_delay_ms;   /* after one side ended; <0: no limit */
    bool may_splice;                /* plain TCP on both sides and no bytes to look at */
    /* Looks at the first bytes that come from a, before they go on: ERR_OK, *data is
     * what goes on, and all that follows goes as it is; ERR_AGAIN, it has kept them;
     * else the tunnel ends. Called without data when a has ended. NULL: nothing is
     * looked at. */
    enum err (*sift)(struct conn *a, struct span *data);
};

/* Called once, when both directions are over or one failed. */
typedef void tunnel_on_end(void *owner, uint64_t bytes_to_b, uint64_t bytes_to_a, enum err error);

/*
 * Takes both connections over (their handlers become the tunnel's).
 * first_to_b/first_to_a: bytes that were read before the tunnel existed.
 * on_end comes with `owner` before the connections are closed; the tunnel frees
 * itself and gives each connection's on_closed back to the handler it had before.
 */
MUST_USE enum err tunnel_start(struct conn *a, struct conn *b, struct span first_to_b,
                               struct span first_to_a, const struct tunnel_settings *settings,
                               tunnel_on_end *on_end, void *owner);

#endif
