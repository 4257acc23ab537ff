/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Services. Beside what is configured: who uses it, and which servers are up.
 */
#include "core/admin/api_objects.h"

static void write_servers(struct json *json, const struct api_view *view,
                          const struct model_service *service)
{
    json_write_key(json, SPAN("servers"));
    json_begin_array(json);
    for (size_t i = 0; i < service->server_count; i++) {
        const struct model_server *server = &service->servers[i];
        json_begin_object(json);
        if (view->tcp) {
            api_field_text(json, "address", server->address);
            if (server->tls)
                json_field_bool(json, "tls", true);
        } else {
            api_field_text(json, "url", server->url);
            if (server->weight != 1)
                json_field_uint(json, "weight", server->weight);
            if (server->preserve_path)
                json_field_bool(json, "preservePath", true);
        }
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_sticky(struct json *json, const struct model_sticky *sticky)
{
    json_write_key(json, SPAN("sticky"));
    json_begin_object(json);
    json_write_key(json, SPAN("cookie"));
    json_begin_object(json);
    api_field_text(json, "name", sticky->name);
    if (sticky->secure)
        json_field_bool(json, "secure", true);
    if (sticky->http_only)
        json_field_bool(json, "httpOnly", true);
    api_field_text(json, "sameSite", sticky->same_site);
    if (sticky->max_age_s != 0)
        json_field_int(json, "maxAge", sticky->max_age_s);
    api_field_text(json, "path", sticky->path);
    api_field_text(json, "domain", sticky->domain);
    json_end_object(json);
    json_end_object(json);
}

static void write_http_settings(struct json *json, const struct model_service *service)
{
    static const char *const strategies[] = {
        [BALANCER_WRR] = "wrr",
        [BALANCER_P2C] = "p2c",
        [BALANCER_HRW] = "hrw",
        [BALANCER_LEAST_TIME] = "leasttime",
    };
    json_field_cstr(json, "strategy", strategies[service->strategy]);
    json_field_bool(json, "passHostHeader", service->pass_host_header);
    json_write_key(json, SPAN("responseForwarding"));
    json_begin_object(json);
    api_field_duration(json, "flushInterval", service->flush_interval);
    json_end_object(json);
}

static void write_load_balancer(struct json *json, const struct api_view *view,
                                const struct model_service *service)
{
    json_write_key(json, SPAN("loadBalancer"));
    json_begin_object(json);
    if (service->sticky.enabled)
        write_sticky(json, &service->sticky);
    if (service->server_count > 0)
        write_servers(json, view, service);
    if (!view->tcp)
        write_http_settings(json, service);
    if (!span_equal(service->servers_transport, SPAN("default@internal")))
        api_field_text(json, "serversTransport", service->servers_transport);
    if (service->proxy_protocol != 0) {
        json_write_key(json, SPAN("proxyProtocol"));
        json_begin_object(json);
        json_field_uint(json, "version", service->proxy_protocol);
        json_end_object(json);
    }
    json_end_object(json);
}

static void write_weighted(struct json *json, const struct model_service *service,
                           const char *kind)
{
    json_write_key(json, span_cstr(kind));
    json_begin_object(json);
    if (service->weighted_count > 0) {
        json_write_key(json, SPAN("services"));
        json_begin_array(json);
        for (size_t i = 0; i < service->weighted_count; i++) {
            json_begin_object(json);
            json_field_string(json, "name", service->weighted[i].service);
            json_field_uint(json, "weight", service->weighted[i].weight);
            json_end_object(json);
        }
        json_end_array(json);
    }
    if (service->sticky.enabled)
        write_sticky(json, &service->sticky);
    json_end_object(json);
}

static void write_server_status(struct json *json, const struct service *service)
{
    size_t count;
    struct server *const *servers = service_servers(service, &count);
    if (count == 0)
        return;
    json_write_key(json, SPAN("serverStatus"));
    json_begin_object(json);
    for (size_t i = 0; i < count; i++) {
        bool up = atomic_load_explicit(&servers[i]->up, memory_order_relaxed);
        json_write_key(json, servers[i]->url);
        json_write_cstr(json, up ? "UP" : "DOWN");
    }
    json_end_object(json);
}

static void write_service_body(struct json *json, const struct api_view *view,
                               const struct model_service *service)
{
    switch (service->kind) {
    case SERVICE_LOAD_BALANCER:
        write_load_balancer(json, view, service);
        break;
    case SERVICE_WEIGHTED:
        write_weighted(json, service, "weighted");
        break;
    case SERVICE_HIGHEST_RANDOM_WEIGHT:
        write_weighted(json, service, "highestRandomWeight");
        break;
    case SERVICE_MIRRORING:
        write_weighted(json, service, "mirroring");
        break;
    case SERVICE_FAILOVER:
        write_weighted(json, service, "failover");
        break;
    case SERVICE_INTERNAL:
        break;
    }
}

static const char *type_of(const struct model_service *service)
{
    static const char *const types[] = {
        [SERVICE_LOAD_BALANCER] = "loadbalancer",
        [SERVICE_WEIGHTED] = "weighted",
        [SERVICE_HIGHEST_RANDOM_WEIGHT] = "highestrandomweight",
        [SERVICE_MIRRORING] = "mirroring",
        [SERVICE_FAILOVER] = "failover",
        [SERVICE_INTERNAL] = NULL,
    };
    return types[service->kind];
}

void api_write_service(struct json *json, const struct api_view *view, size_t i, bool named)
{
    const struct model_service *model = &view->services[i];
    const struct service *service = service_table_find(view->table, model->object.name);
    json_begin_object(json);
    write_service_body(json, view, model);
    api_write_status(json, api_view_service_problem(view, i));
    api_write_users(json, view, &view->service_users, i);
    if (service != NULL)
        write_server_status(json, service);
    if (named) {
        api_write_name(json, &model->object);
        if (type_of(model) != NULL)
            json_field_cstr(json, "type", type_of(model));
    }
    json_end_object(json);
}
