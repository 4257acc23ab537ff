/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A router table of Host rules (host-00000.example.org …) and two that need more than the host. */
#ifndef WEIR_PERF_MICRO_ROUTES_H
#define WEIR_PERF_MICRO_ROUTES_H

#include "core/route/router.h"

struct routes;

struct routes *routes_create(size_t hosts);
const struct router_table *routes_table(const struct routes *routes);
void routes_destroy(struct routes *routes);

#endif
