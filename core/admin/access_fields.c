/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields and header fields are named by the operator but for case; what is not
 * named has the default mode.
 */
#include "core/admin/access_fields.h"

#include "core/proxy/client.h"

static const struct span field_names[ACCESS_FIELDS] = {
#define ACCESS_FIELD_NAME(name) [ACCESS_##name] = {#name, sizeof(#name) - 1},
    ACCESS_FIELD_LIST(ACCESS_FIELD_NAME)
#undef ACCESS_FIELD_NAME
};

static enum access_header_mode mode_of(struct span text)
{
    if (span_equal_nocase(text, SPAN("keep")))
        return ACCESS_HEADER_KEEP;
    return span_equal_nocase(text, SPAN("redact")) ? ACCESS_HEADER_REDACT : ACCESS_HEADER_DROP;
}

void access_fields_init(struct access_fields *fields, const struct model_access_log *settings)
{
    *fields = (struct access_fields){
        .header_default = mode_of(settings->headers_default_mode),
        .header_modes = &settings->header_modes,
    };
    for (size_t field = 0; field < ACCESS_FIELDS; field++) {
        fields->kept[field] = settings->fields_default_keep;
        for (size_t i = 0; i < settings->field_modes.count; i++)
            if (span_equal_nocase(settings->field_modes.items[i].key, field_names[field]))
                fields->kept[field] =
                    span_equal_nocase(settings->field_modes.items[i].value, SPAN("keep"));
    }
}

enum access_header_mode access_header_mode_of(const struct access_fields *fields,
                                              struct span name)
{
    const struct model_string_map *modes = fields->header_modes;
    for (size_t i = 0; i < modes->count; i++)
        if (span_equal_nocase(modes->items[i].key, name))
            return mode_of(modes->items[i].value);
    return fields->header_default;
}

struct span access_clip(struct span value)
{
    return span_first(value, ACCESS_LOG_VALUE);
}

/* "[::1]:80" and "127.0.0.1:80" at the last colon. */
static struct span client_part(const struct exchange *exchange, bool port)
{
    if (exchange->client == NULL)
        return SPAN("-");
    struct span text = span_cstr(exchange->client->peer_text);
    ptrdiff_t colon = span_find_last(text, ':');
    if (colon < 0)
        return port ? SPAN("-") : text;
    if (port)
        return span_skip(text, (size_t)colon + 1);
    struct span host = span_first(text, (size_t)colon);
    bool bracketed = host.len >= 2 && host.ptr[0] == '[';
    return bracketed ? span_make(host.ptr + 1, host.len - 2) : host;
}

struct span access_client_host(const struct exchange *exchange)
{
    return client_part(exchange, false);
}

struct span access_client_port(const struct exchange *exchange)
{
    return client_part(exchange, true);
}

struct span access_target(const struct exchange *exchange)
{
    struct span target = exchange->request.target;
    return access_clip(target.len > 0 ? target : exchange->request.path);
}

uint16_t access_status(const struct exchange *exchange)
{
    return exchange->status != 0 ? exchange->status : exchange->origin_status;
}
