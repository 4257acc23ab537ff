/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /api/overview: how many there are of each kind and how many are broken.
 */
#include "core/admin/api_objects.h"

typedef struct span problem_of(const struct api_view *view, size_t i);

static void write_section(struct json *json, const char *name, const struct api_view *view,
                          size_t count, problem_of *problem)
{
    size_t errors = 0;
    for (size_t i = 0; i < count; i++)
        errors += problem(view, i).len > 0;
    json_write_key(json, span_cstr(name));
    json_begin_object(json);
    json_field_uint(json, "total", count);
    json_field_uint(json, "warnings", 0);
    json_field_uint(json, "errors", errors);
    json_end_object(json);
}

static void write_side(struct json *json, const char *name, const struct api_view *view)
{
    json_write_key(json, span_cstr(name));
    json_begin_object(json);
    write_section(json, "routers", view, view->router_count, api_view_router_problem);
    write_section(json, "services", view, view->service_count, api_view_service_problem);
    write_section(json, "middlewares", view, view->middleware_count,
                  api_view_middleware_problem);
    json_end_object(json);
}

static void write_udp(struct json *json)
{
    json_write_key(json, SPAN("udp"));
    json_begin_object(json);
    write_section(json, "routers", NULL, 0, NULL);
    write_section(json, "services", NULL, 0, NULL);
    json_end_object(json);
}

void api_write_overview(struct json *json, const struct api_view *http, const struct api_view *tcp)
{
    const struct model_static *settings = http->snapshot->settings;
    json_begin_object(json);
    write_side(json, "http", http);
    write_side(json, "tcp", tcp);
    write_udp(json);
    json_write_key(json, SPAN("features"));
    json_begin_object(json);
    json_field_cstr(json, "tracing", "");
    json_field_cstr(json, "metrics", settings->prometheus.enabled ? "Prometheus" : "");
    json_field_bool(json, "accessLog", settings->access_log.enabled);
    json_end_object(json);
    if (settings->has_file_provider) {
        json_write_key(json, SPAN("providers"));
        json_begin_array(json);
        json_write_cstr(json, "File");
        json_end_array(json);
    }
    json_end_object(json);
}
