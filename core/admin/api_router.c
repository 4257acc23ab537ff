/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routers and middlewares. The fields stand in the order of Traefik's structs.
 */
#include "core/admin/api_objects.h"

void api_field_text(struct json *json, const char *name, struct span text)
{
    if (text.len > 0)
        json_field_string(json, name, text);
}

void api_field_strings(struct json *json, const char *name, const struct span_list *list)
{
    if (list->count == 0)
        return;
    json_write_key(json, span_cstr(name));
    json_begin_array(json);
    for (size_t i = 0; i < list->count; i++)
        json_write_string(json, list->items[i]);
    json_end_array(json);
}

static void write_domains(struct json *json, const struct model_router_tls *tls)
{
    json_write_key(json, SPAN("domains"));
    json_begin_array(json);
    for (size_t i = 0; i < tls->domain_count; i++) {
        json_begin_object(json);
        api_field_text(json, "main", tls->domains[i].main);
        api_field_strings(json, "sans", &tls->domains[i].sans);
        json_end_object(json);
    }
    json_end_array(json);
}

void api_write_router_tls(struct json *json, const struct model_router_tls *tls)
{
    json_write_key(json, SPAN("tls"));
    json_begin_object(json);
    if (tls->passthrough)
        json_field_bool(json, "passthrough", true);
    api_field_text(json, "options", tls->options);
    api_field_text(json, "certResolver", tls->cert_resolver);
    if (tls->domain_count > 0)
        write_domains(json, tls);
    json_end_object(json);
}

void api_write_status(struct json *json, struct span problem)
{
    if (problem.len > 0) {
        json_write_key(json, SPAN("error"));
        json_begin_array(json);
        json_write_string(json, problem);
        json_end_array(json);
    }
    json_field_cstr(json, "status", problem.len > 0 ? "disabled" : "enabled");
}

static void write_using(struct json *json, const struct api_view *view,
                        const struct span_list *entry_points)
{
    bool begun = false;
    for (size_t i = 0; i < entry_points->count; i++) {
        if (!api_view_has_entry_point(view, entry_points->items[i]))
            continue;
        if (!begun) {
            json_write_key(json, SPAN("using"));
            json_begin_array(json);
        }
        begun = true;
        json_write_string(json, entry_points->items[i]);
    }
    if (begun)
        json_end_array(json);
}

static void write_observability(struct json *json, const struct model_router *router)
{
    json_write_key(json, SPAN("observability"));
    json_begin_object(json);
    json_field_bool(json, "accessLogs", router->access_logs);
    json_field_bool(json, "metrics", router->metrics);
    json_end_object(json);
}

void api_write_name(struct json *json, const struct model_object *object)
{
    json_field_string(json, "name", object->name);
    json_field_string(json, "provider", object->provider);
}

void api_write_router(struct json *json, const struct api_view *view, size_t i, bool named)
{
    const struct model_router *router = &view->routers[i];
    json_begin_object(json);
    api_field_strings(json, "entryPoints", &router->entry_points);
    api_field_strings(json, "middlewares", &router->middlewares);
    api_field_text(json, "service", router->service);
    api_field_text(json, "rule", router->rule);
    int64_t priority = view->router_states[i].priority;
    if (priority != 0)
        json_field_int(json, "priority", priority);
    if (router->has_tls)
        api_write_router_tls(json, &router->tls);
    if (!view->tcp)
        write_observability(json, router);
    api_write_status(json, api_view_router_problem(view, i));
    write_using(json, view, &router->entry_points);
    if (named)
        api_write_name(json, &router->object);
    json_end_object(json);
}

void api_write_users(struct json *json, const struct api_view *view,
                        const struct api_users *users, size_t i)
{
    if (users->starts[i] == users->starts[i + 1])
        return;
    json_write_key(json, SPAN("usedBy"));
    json_begin_array(json);
    for (uint32_t n = users->starts[i]; n < users->starts[i + 1]; n++)
        json_write_string(json, view->routers[users->users[n]].object.name);
    json_end_array(json);
}

/* ---- middlewares ---- */

static void write_middleware_body(struct json *json, const struct model_middleware *middleware)
{
    json_write_key(json, middleware->type);
    json_begin_object(json);
    if (middleware->kind == MIDDLEWARE_REDIRECT_SCHEME) {
        api_field_text(json, "scheme", middleware->redirect_scheme.scheme);
        api_field_text(json, "port", middleware->redirect_scheme.port);
        if (middleware->redirect_scheme.permanent)
            json_field_bool(json, "permanent", true);
    }
    json_end_object(json);
}

/* Traefik names types in lower case. */
static void write_type(struct json *json, struct span type)
{
    char text[64];
    size_t n = 0;
    for (; n < type.len && n < sizeof(text); n++)
        text[n] = ascii_lower(type.ptr[n]);
    json_field_string(json, "type", span_make(text, n));
}

void api_write_middleware(struct json *json, const struct api_view *view, size_t i, bool named)
{
    const struct model_middleware *middleware = &view->middlewares[i];
    json_begin_object(json);
    if (middleware->type.len > 0)
        write_middleware_body(json, middleware);
    api_write_status(json, api_view_middleware_problem(view, i));
    api_write_users(json, view, &view->middleware_users, i);
    if (named) {
        api_write_name(json, &middleware->object);
        write_type(json, middleware->type);
    }
    json_end_object(json);
}
