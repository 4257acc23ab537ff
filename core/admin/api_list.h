/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a query asks of a list, and which slice of it is answered. Control
 * thread.
 */
#ifndef WEIR_CORE_ADMIN_API_LIST_H
#define WEIR_CORE_ADMIN_API_LIST_H

#include "core/admin/api_view.h"
#include "core/base/arena.h"

struct api_criterion {
    struct span search, status, service, middleware; /* empty: any */
    struct span page, per_page;
};

/* Spans decoded into the arena. */
MUST_USE enum err api_criterion_parse(struct span query, struct arena *arena,
                                      struct api_criterion *out);
bool api_keeps_router(const struct api_criterion *criterion, const struct api_view *view,
                      size_t i);
bool api_keeps_service(const struct api_criterion *criterion, const struct api_view *view,
                       size_t i);
bool api_keeps_middleware(const struct api_criterion *criterion, const struct api_view *view,
                          size_t i);

/* Whether a text has what is searched for; without case, as Traefik. */
bool api_is_searched(const struct api_criterion *criterion, struct span text);

struct api_page {
    size_t begin, end, next; /* next: 1 when this is the last */
};
/* ERR_INVALID with `why` when the page does not exist or is no number. */
MUST_USE enum err api_page_of(const struct api_criterion *criterion, size_t total,
                              struct api_page *out, struct err_text *why);

#endif
