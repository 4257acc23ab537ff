/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Entry points, from the static configuration.
 */
#include "core/admin/api_objects.h"

#include "tls/ip_text.h"

#include <stdio.h>

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

/* Ranges in their normal form, and single addresses without a prefix. */
static void write_ranges(struct json *json, const char *name, const struct model_cidr_list *list)
{
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (list->count == 0)
        return;
    json_write_key(json, span_cstr(name));
    json_begin_array(json);
    for (size_t i = 0; i < list->count; i++) {
        const struct model_cidr *range = &list->items[i];
        bool v4 = range->prefix >= 96 &&
                  memcmp(range->address, v4_mapped, sizeof(v4_mapped)) == 0;
        char text[IP_TEXT_SIZE + 4];
        size_t len = v4 ? ip_text_format(range->address + 12, 4, text)
                        : ip_text_format(range->address, 16, text);
        if (range->prefix < 128)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "/%d",
                                    v4 ? range->prefix - 96 : range->prefix);
        json_write_string(json, span_make(text, len));
    }
    json_end_array(json);
}

static void write_trust(struct json *json, const struct model_entry_point *model)
{
    if (model->has_proxy_protocol) {
        json_write_key(json, SPAN("proxyProtocol"));
        json_begin_object(json);
        if (model->proxy_protocol_insecure)
            json_field_bool(json, "insecure", true);
        write_ranges(json, "trustedIPs", &model->proxy_protocol_trusted);
        json_end_object(json);
    }
    json_write_key(json, SPAN("forwardedHeaders"));
    json_begin_object(json);
    if (model->forwarded_insecure)
        json_field_bool(json, "insecure", true);
    write_ranges(json, "trustedIPs", &model->forwarded_trusted);
    api_field_strings(json, "connection", &model->forwarded_connection);
    if (model->forwarded_not_append_xff)
        json_field_bool(json, "notAppendXForwardedFor", true);
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
    write_trust(json, model);
    write_http(json, model);
    json_write_key(json, SPAN("observability"));
    json_begin_object(json);
    json_field_bool(json, "accessLogs", model->access_logs);
    json_field_bool(json, "metrics", model->metrics);
    json_end_object(json);
    json_field_string(json, "name", model->object.name);
    json_end_object(json);
}
