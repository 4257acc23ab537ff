/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Entry points, from the static configuration.
 */
#include "core/admin/api_objects.h"

static void write_transport(struct json *json, const struct model_entry_point *model)
{
    json_write_key(json, SPAN("transport"));
    json_begin_object(json);
    json_write_key(json, SPAN("lifeCycle"));
    json_begin_object(json);
    api_field_duration(json, "requestAcceptGraceTimeout", model->request_accept_grace_timeout);
    api_field_duration(json, "graceTimeOut", model->grace_timeout);
    json_end_object(json);
    json_write_key(json, SPAN("respondingTimeouts"));
    json_begin_object(json);
    api_field_duration(json, "readTimeout", model->read_timeout);
    api_field_duration(json, "writeTimeout", model->write_timeout);
    api_field_duration(json, "idleTimeout", model->idle_timeout);
    json_end_object(json);
    api_field_duration(json, "keepAliveMaxTime", model->keep_alive_max_time);
    if (model->keep_alive_max_requests != 0)
        json_field_int(json, "keepAliveMaxRequests", model->keep_alive_max_requests);
    json_end_object(json);
}

static void write_redirections(struct json *json, const struct model_entry_point *model)
{
    json_write_key(json, SPAN("redirections"));
    json_begin_object(json);
    json_write_key(json, SPAN("entryPoint"));
    json_begin_object(json);
    api_field_text(json, "to", model->redirect_to);
    api_field_text(json, "scheme", model->redirect_scheme);
    if (model->redirect_permanent)
        json_field_bool(json, "permanent", true);
    if (model->redirect_priority != 0)
        json_field_int(json, "priority", model->redirect_priority);
    json_end_object(json);
    json_end_object(json);
}

static void write_http(struct json *json, const struct model_entry_point *model)
{
    json_write_key(json, SPAN("http"));
    json_begin_object(json);
    if (model->has_redirect)
        write_redirections(json, model);
    api_field_strings(json, "middlewares", &model->middlewares);
    if (model->has_tls)
        api_write_router_tls(json, &model->tls);
    json_field_bool(json, "sanitizePath", model->sanitize_path);
    json_field_int(json, "maxHeaderBytes", model->max_header_bytes);
    json_end_object(json);
    json_write_key(json, SPAN("http2"));
    json_begin_object(json);
    json_field_int(json, "maxConcurrentStreams", model->http2_max_concurrent_streams);
    json_end_object(json);
}

void api_write_entry_point(struct json *json, const struct model_entry_point *model)
{
    json_begin_object(json);
    json_field_string(json, "address", model->address);
    if (model->as_default)
        json_field_bool(json, "asDefault", true);
    if (model->reuse_port)
        json_field_bool(json, "reusePort", true);
    write_transport(json, model);
    json_write_key(json, SPAN("forwardedHeaders"));
    json_begin_object(json);
    if (model->forwarded_insecure)
        json_field_bool(json, "insecure", true);
    json_end_object(json);
    write_http(json, model);
    json_write_key(json, SPAN("observability"));
    json_begin_object(json);
    json_field_bool(json, "accessLogs", model->access_logs);
    json_field_bool(json, "metrics", model->metrics);
    json_end_object(json);
    json_field_string(json, "name", model->object.name);
    json_end_object(json);
}
