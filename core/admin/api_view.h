/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One side (HTTP or TCP) of a snapshot as the API shows it: beside the model,
 * what became of each router, and who uses what. Made for one answer. Control
 * thread.
 */
#ifndef WEIR_CORE_ADMIN_API_VIEW_H
#define WEIR_CORE_ADMIN_API_VIEW_H

#include "core/proxy/snapshot.h"

struct api_router_state {
    struct span problem;
    int64_t priority;
    bool served; /* some entry point has it */
};

/* For object i the routers are users[starts[i]] … users[starts[i + 1] - 1], in
 * the order of their names. */
struct api_users {
    uint32_t *starts, *users;
};

struct api_view {
    bool tcp;
    const struct snapshot *snapshot;
    const struct model_router *routers;
    const struct model_service *services;
    const struct model_middleware *middlewares;
    size_t router_count, service_count, middleware_count;
    const struct service_table *table;
    struct api_router_state *router_states;
    struct api_users service_users, middleware_users;
};

MUST_USE enum err api_view_create(const struct snapshot *snapshot, bool tcp,
                                  struct api_view *out);
void api_view_finish(struct api_view *view);

/* Empty: it works. */
struct span api_view_router_problem(const struct api_view *view, size_t i);
struct span api_view_service_problem(const struct api_view *view, size_t i);
struct span api_view_middleware_problem(const struct api_view *view, size_t i);
bool api_view_has_entry_point(const struct api_view *view, struct span name);

#endif
