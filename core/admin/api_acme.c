/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates stand with the resolver that they come from.
 */
#include "core/admin/api_acme.h"

#include "core/base/clock.h"
#include "core/control/acme.h"

static void write_time(struct json *json, const char *name, int64_t unix_s)
{
    char text[CLOCK_RFC3339_SIZE];
    if (unix_s == 0)
        return;
    clock_format_rfc3339(unix_s * NS_PER_S, text);
    json_field_cstr(json, name, text);
}

static void write_names(struct json *json, struct span names)
{
    json_write_key(json, SPAN("names"));
    json_begin_array(json);
    for (struct span name; names.len > 0;) {
        names = span_split(names, ',', &name);
        json_write_string(json, name);
    }
    json_end_array(json);
}

static void write_item(struct json *json, const struct acme_item_view *item)
{
    char fingerprint[CERT_FINGERPRINT_SIZE];
    json_begin_object(json);
    write_names(json, item->names);
    json_field_cstr(json, "status", item->status);
    if (item->cert != NULL) {
        cert_fingerprint(item->cert, fingerprint);
        json_field_cstr(json, "certFingerprint", fingerprint);
        write_time(json, "notAfter", item->cert->not_after_s);
    }
    write_time(json, "renewAt", item->renew_s);
    if (item->error[0] != '\0') {
        json_field_cstr(json, "error", item->error);
        write_time(json, "failedAt", item->failed_s);
        json_field_uint(json, "failures", item->failures);
    }
    json_end_object(json);
}

static void write_resolver(struct json *json, const struct acme *acme,
                           const struct acme_resolver_view *resolver)
{
    struct acme_item_view item;
    json_begin_object(json);
    json_field_string(json, "name", resolver->name);
    json_field_cstr(json, "caServer", resolver->directory);
    json_field_cstr(json, "account", resolver->account);
    json_field_cstr(json, "status", resolver->problem[0] != '\0' ? "disabled"
                                    : resolver->is_standby       ? "standby"
                                    : resolver->failing > 0 || resolver->error[0] != '\0'
                                        ? "warning"
                                        : "enabled");
    if (resolver->problem[0] != '\0' || resolver->error[0] != '\0')
        json_field_cstr(json, "error",
                        resolver->problem[0] != '\0' ? resolver->problem : resolver->error);
    json_write_key(json, SPAN("certificates"));
    json_begin_array(json);
    for (size_t i = 0; acme_item_view(acme, i, &item); i++)
        if (span_equal(item.resolver, resolver->name))
            write_item(json, &item);
    json_end_array(json);
    json_end_object(json);
}

void api_serve_acme(struct api_request *request)
{
    struct acme_resolver_view resolver;
    struct json json;
    json_init(&json, &request->answer->body, true);
    json_begin_array(&json);
    for (size_t i = 0; acme_resolver_view(request->source->acme, i, &resolver); i++)
        write_resolver(&json, request->source->acme, &resolver);
    json_end_array(&json);
    api_complete(request->answer, &json);
}
