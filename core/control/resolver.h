/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the addresses of servers that are configured by name: asks when a
 * snapshot brings a new name and every RESOLVER_INTERVAL_MS, and publishes what
 * has changed (struct server_addresses under RCU). A name that cannot be
 * resolved keeps its last addresses; that it failed, and that it works again, is
 * logged once each. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_RESOLVER_H
#define WEIR_CORE_CONTROL_RESOLVER_H

#include "core/base/timerwheel.h"
#include "core/proxy/snapshot.h"
#include "io/ring.h"

#define RESOLVER_INTERVAL_MS 30000

struct resolver;

MUST_USE enum err resolver_create(struct ring *ring, struct timerwheel *wheel,
                                  struct resolver **out, struct err_text *why);
/* The ring will not be turned again. NULL is fine. */
void resolver_destroy(struct resolver *resolver);

/* The snapshot that was published just now; it is used until the next call. */
void resolver_update(struct resolver *resolver, const struct snapshot *snapshot);
/* Whether every name has been answered, well or badly. */
bool resolver_is_settled(const struct resolver *resolver);

#endif
