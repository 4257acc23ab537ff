/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filters and pages, with Traefik's names and messages.
 */
#include "core/admin/api_list.h"

#include "core/http/uri.h"

#define PER_PAGE 100

static struct span *member_of(struct api_criterion *criterion, struct span key)
{
    struct {
        struct span name;
        struct span *member;
    } members[] = {
        {SPAN("search"), &criterion->search},
        {SPAN("status"), &criterion->status},
        {SPAN("serviceName"), &criterion->service},
        {SPAN("middlewareName"), &criterion->middleware},
        {SPAN("page"), &criterion->page},
        {SPAN("per_page"), &criterion->per_page},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (uri_query_equal(key, members[i].name))
            return members[i].member;
    return NULL;
}

enum err api_criterion_parse(struct span query, struct arena *arena, struct api_criterion *out)
{
    struct api_criterion criterion = {0};
    struct span key, value;
    while (uri_query_next(&query, &key, &value)) {
        struct span *member = member_of(&criterion, key);
        if (member == NULL || member->ptr != NULL || value.len == 0)
            continue;
        size_t len = 0;
        char *text = arena_bytes(arena, value.len);
        if (text == NULL)
            return ERR_NOMEM;
        if (!uri_query_decode(value, text, &len))
            continue;
        *member = span_make(text, len);
    }
    *out = criterion;
    return ERR_OK;
}

static bool contains(struct span text, struct span part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (span_equal_nocase(span_make(text.ptr + i, part.len), part))
            return true;
    return part.len == 0;
}

bool api_is_searched(const struct api_criterion *criterion, struct span text)
{
    return contains(text, criterion->search);
}

static bool has_status(const struct api_criterion *criterion, struct span problem)
{
    struct span status = problem.len > 0 ? SPAN("disabled") : SPAN("enabled");
    return criterion->status.len == 0 || span_equal_nocase(criterion->status, status);
}

static bool names_middleware(const struct model_router *router, struct span name)
{
    for (size_t i = 0; i < router->middlewares.count; i++)
        if (span_equal(router->middlewares.items[i], name))
            return true;
    return name.len == 0;
}

bool api_keeps_router(const struct api_criterion *criterion, const struct api_view *view, size_t i)
{
    const struct model_router *router = &view->routers[i];
    return has_status(criterion, api_view_router_problem(view, i)) &&
           (contains(router->rule, criterion->search) ||
            contains(router->object.name, criterion->search)) &&
           (criterion->service.len == 0 || span_equal(router->service, criterion->service)) &&
           names_middleware(router, criterion->middleware);
}

bool api_keeps_service(const struct api_criterion *criterion, const struct api_view *view,
                       size_t i)
{
    return has_status(criterion, api_view_service_problem(view, i)) &&
           contains(view->services[i].object.name, criterion->search);
}

bool api_keeps_middleware(const struct api_criterion *criterion, const struct api_view *view,
                          size_t i)
{
    return has_status(criterion, api_view_middleware_problem(view, i)) &&
           contains(view->middlewares[i].object.name, criterion->search);
}

/* ---- pages ---- */

static enum err positive(const char *name, struct span text, uint64_t otherwise, uint64_t *out,
                         struct err_text *why)
{
    uint64_t value = otherwise;
    if (text.len > 0 &&
        (!span_to_u64(text, &value) || value == 0 || value > UINT32_MAX))
        return err_set(why, ERR_INVALID, "invalid request: %s: %.*s", name,
                       SPAN_ARG(span_first(text, 64)));
    *out = value;
    return ERR_OK;
}

enum err api_page_of(const struct api_criterion *criterion, size_t total, struct api_page *out,
                     struct err_text *why)
{
    uint64_t page = 0, per_page = 0;
    TRY(positive("per_page", criterion->per_page, PER_PAGE, &per_page, why));
    TRY(positive("page", criterion->page, 1, &page, why));
    uint64_t begin = (page - 1) * per_page;
    if (begin != 0 && begin >= total)
        return err_set(why, ERR_INVALID, "invalid request: page: %llu, per_page: %llu",
                       (unsigned long long)page, (unsigned long long)per_page);
    bool more = begin + per_page < total;
    *out = (struct api_page){
        .begin = begin, .end = more ? begin + per_page : total, .next = more ? page + 1 : 1};
    return ERR_OK;
}
