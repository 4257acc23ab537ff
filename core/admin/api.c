/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A path is one of a few fixed ones, or SIDE/COLLECTION[/NAME]; each collection
 * is a row of a table. A list is filtered first and then cut into pages.
 */
#include "core/admin/api.h"

#include "core/admin/api_acme.h"
#include "core/admin/api_certificates.h"
#include "core/admin/api_list.h"
#include "core/admin/api_objects.h"
#include "core/base/clock.h"
#include "core/http/uri.h"

#include <stdlib.h>

/* ---- collections ---- */

struct collection {
    struct span path; /* behind /api/http/ or /api/tcp/ */
    const char *kind;
    size_t (*count)(const struct api_view *view);
    const struct model_object *(*object)(const struct api_view *view, size_t i);
    bool (*keeps)(const struct api_criterion *criterion, const struct api_view *view, size_t i);
    void (*write)(struct json *json, const struct api_view *view, size_t i, bool named);
};

#define COLLECTION_ACCESS(kind)                                                              \
    static size_t count_##kind##s(const struct api_view *view)                               \
    {                                                                                        \
        return view->kind##_count;                                                           \
    }                                                                                        \
    static const struct model_object *kind##_at(const struct api_view *view, size_t i)       \
    {                                                                                        \
        return &view->kind##s[i].object;                                                     \
    }

COLLECTION_ACCESS(router)
COLLECTION_ACCESS(service)
COLLECTION_ACCESS(middleware)

#define COLLECTION(name)                                                                     \
    {SPAN(#name "s"), #name, count_##name##s, name##_at, api_keeps_##name, api_write_##name}

static const struct collection collections[] = {
    COLLECTION(router),
    COLLECTION(service),
    COLLECTION(middleware),
};

static void list(struct api_request *request, const struct api_view *view,
                 const struct collection *collection)
{
    struct api_answer *answer = request->answer;
    struct api_criterion criterion;
    struct api_page page;
    struct err_text why = {0};
    size_t total = collection->count(view), kept = 0;
    size_t *indices = calloc(total + 1, sizeof(*indices));
    if (indices == NULL ||
        api_criterion_parse(request->query, &request->arena, &criterion) != ERR_OK) {
        free(indices);
        api_refuse(answer, 503, "out of memory");
        return;
    }
    for (size_t i = 0; i < total; i++)
        if (collection->keeps(&criterion, view, i))
            indices[kept++] = i;
    if (api_page_of(&criterion, kept, &page, &why) != ERR_OK) {
        free(indices);
        api_refuse(answer, 400, why.text);
        return;
    }
    struct json json;
    json_init(&json, &answer->body, true);
    json_begin_array(&json);
    for (size_t i = page.begin; i < page.end; i++)
        collection->write(&json, view, indices[i], true);
    json_end_array(&json);
    answer->next_page = page.next;
    api_complete(answer, &json);
    free(indices);
}

static void find(struct api_request *request, const struct api_view *view,
                 const struct collection *collection, struct span name)
{
    struct api_answer *answer = request->answer;
    for (size_t i = 0; i < collection->count(view); i++) {
        if (!span_equal(collection->object(view, i)->name, name))
            continue;
        struct json json;
        json_init(&json, &answer->body, true);
        collection->write(&json, view, i, true);
        api_complete(answer, &json);
        return;
    }
    api_refuse_name(answer, collection->kind, name);
}

static void serve_collection(struct api_request *request, bool tcp, struct span path)
{
    struct span what, name = span_split(path, '/', &what), id;
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
        if (!span_equal(collections[i].path, what))
            continue;
        struct api_view view;
        if (api_view_create(request->source->snapshot, tcp, &view) != ERR_OK) {
            api_refuse(request->answer, 503, "out of memory");
            return;
        }
        if (name.len == 0)
            list(request, &view, &collections[i]);
        else if (uri_decode(name, &request->arena, &id) != ERR_OK)
            api_refuse(request->answer, 400, "the name is not well encoded");
        else
            find(request, &view, &collections[i], id);
        api_view_finish(&view);
        return;
    }
    request->answer->status = 404;
}

/* ---- the rest ---- */

static void serve_udp(struct api_request *request, struct span path)
{
    struct span what, name = span_split(path, '/', &what);
    bool routers = span_equal(what, SPAN("routers"));
    if (!routers && !span_equal(what, SPAN("services"))) {
        request->answer->status = 404;
        return;
    }
    if (name.len > 0) {
        api_refuse_name(request->answer, routers ? "router" : "service", name);
        return;
    }
    request->answer->next_page = 1;
    if (buf_append(&request->answer->body, SPAN("[]\n")) != ERR_OK)
        api_refuse(request->answer, 503, "out of memory");
}

static void list_entry_points(struct api_request *request)
{
    const struct model_static *settings = request->source->snapshot->settings;
    struct api_answer *answer = request->answer;
    struct api_criterion criterion;
    struct api_page page;
    struct err_text why = {0};
    enum err error = api_criterion_parse(request->query, &request->arena, &criterion);
    if (error == ERR_OK)
        error = api_page_of(&criterion, settings->entry_point_count, &page, &why);
    if (error != ERR_OK) {
        api_refuse(answer, error == ERR_NOMEM ? 503 : 400, why.text);
        return;
    }
    struct json json;
    json_init(&json, &answer->body, true);
    json_begin_array(&json);
    for (size_t i = page.begin; i < page.end; i++)
        api_write_entry_point(&json, &settings->entry_points[i]);
    json_end_array(&json);
    answer->next_page = page.next;
    api_complete(answer, &json);
}

static void serve_entry_points(struct api_request *request, struct span name)
{
    if (name.len == 0) {
        list_entry_points(request);
        return;
    }
    const struct model_static *settings = request->source->snapshot->settings;
    struct span id = name;
    const struct model_entry_point *model = NULL;
    if (uri_decode(name, &request->arena, &id) == ERR_OK)
        model = model_entry_point(settings, id);
    if (model == NULL) {
        api_refuse_name(request->answer, "entry point", id);
        return;
    }
    struct json json;
    json_init(&json, &request->answer->body, true);
    api_write_entry_point(&json, model);
    api_complete(request->answer, &json);
}

static void serve_version(struct api_request *request)
{
    struct json json;
    char date[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339_nano(request->source->started_ns, date);
    json_init(&json, &request->answer->body, true);
    json_begin_object(&json);
    json_field_cstr(&json, "Version", WEIR_VERSION);
    json_field_cstr(&json, "Codename", "weir");
    json_field_cstr(&json, "startDate", date);
    json_end_object(&json);
    api_complete(request->answer, &json);
}

static void serve_counters(struct api_request *request)
{
    struct json json;
    json_init(&json, &request->answer->body, true);
    api_write_counters(&json, request->source->workers, request->source->worker_count);
    api_complete(request->answer, &json);
}

static void serve_both_sides(struct api_request *request,
                             void (*write)(struct json *json, const struct api_view *http,
                                           const struct api_view *tcp))
{
    struct api_view http = {0}, tcp = {0};
    enum err error = api_view_create(request->source->snapshot, false, &http);
    if (error == ERR_OK)
        error = api_view_create(request->source->snapshot, true, &tcp);
    if (error == ERR_OK) {
        struct json json;
        json_init(&json, &request->answer->body, true);
        write(&json, &http, &tcp);
        api_complete(request->answer, &json);
    } else {
        api_refuse(request->answer, 503, err_message(error));
    }
    api_view_finish(&http);
    api_view_finish(&tcp);
}

static void dispatch(struct api_request *request, struct span path)
{
    struct span first, rest = span_split(path, '/', &first);
    if (span_equal(first, SPAN("http")))
        serve_collection(request, false, rest);
    else if (span_equal(first, SPAN("tcp")))
        serve_collection(request, true, rest);
    else if (span_equal(first, SPAN("udp")))
        serve_udp(request, rest);
    else if (span_equal(first, SPAN("entrypoints")))
        serve_entry_points(request, rest);
    else if (span_equal(first, SPAN("certificates")))
        api_serve_certificates(request, rest);
    else if (span_equal(path, SPAN("acme")))
        api_serve_acme(request);
    else if (span_equal(path, SPAN("version")))
        serve_version(request);
    else if (span_equal(path, SPAN("counters")))
        serve_counters(request);
    else if (span_equal(path, SPAN("overview")))
        serve_both_sides(request, api_write_overview);
    else if (span_equal(path, SPAN("rawdata")))
        serve_both_sides(request, api_write_rawdata);
    else
        request->answer->status = 404;
}

void api_serve(const struct api_source *source, struct span path, struct span query,
               struct api_answer *answer)
{
    struct api_request request = {.source = source, .query = query, .answer = answer};
    arena_init(&request.arena, 4096, path.len + query.len + 65536);
    answer->status = 200;
    if (span_starts_with(path, SPAN("/api/")))
        dispatch(&request, span_skip(path, 5));
    else
        answer->status = 404;
    arena_finish(&request.arena);
}
