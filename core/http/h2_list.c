/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/http/h2_list.h"

#include "core/http/scan.h"
#include "core/http/uri.h"

#define EXTRA_FIELDS 8 /* pseudo-fields and framing */

/* A server's streams keep what they have sent; a client's may be given up before. */
#define BORROWED (NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)
#define COPIED NGHTTP2_NV_FLAG_NONE

static enum err start(struct h2_list *list, struct arena *arena,
                      const struct http_fields *fields, uint8_t flags)
{
    list->count = 0;
    list->flags = flags;
    list->items = ARENA_ARRAY(arena, nghttp2_nv, (fields != NULL ? fields->count : 0) +
                                                     EXTRA_FIELDS);
    return list->items != NULL ? ERR_OK : ERR_NOMEM;
}

static void add(struct h2_list *list, struct span name, struct span value)
{
    static const uint8_t nothing[1];
    list->items[list->count++] = (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name.ptr,
        .namelen = name.len,
        .value = (uint8_t *)(uintptr_t)(value.len > 0 ? value.ptr : (const char *)nothing),
        .valuelen = value.len,
        .flags = list->flags,
    };
}

/* Beside those of a connection, what is written from the message itself. */
static bool is_left_out(const struct http_field *field)
{
    return http_field_is_of_connection(field) || field->id == HTTP_FIELD_HTTP2_SETTINGS ||
           field->id == HTTP_FIELD_HOST || field->id == HTTP_FIELD_CONTENT_LENGTH;
}

static struct span lower_name(struct arena *arena, const struct http_field *field)
{
    if (field->id != HTTP_FIELD_OTHER)
        return http_field_name(field->id);
    size_t i = 0;
    while (i < field->name.len && field->name.ptr[i] == ascii_lower(field->name.ptr[i]))
        i++;
    if (i == field->name.len)
        return field->name;
    char *lower = arena_bytes(arena, field->name.len);
    if (lower == NULL)
        return SPAN_EMPTY;
    for (i = 0; i < field->name.len; i++)
        lower[i] = ascii_lower(field->name.ptr[i]);
    return span_make(lower, field->name.len);
}

static enum err add_fields(struct h2_list *list, struct arena *arena,
                           const struct http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        if (is_left_out(field))
            continue;
        if (!http_is_token(field->name) || !http_is_value(field->value))
            return ERR_INVALID;
        struct span name = lower_name(arena, field);
        if (name.ptr == NULL)
            return ERR_NOMEM;
        add(list, name, field->value);
    }
    return ERR_OK;
}

static enum err add_length(struct h2_list *list, struct arena *arena, uint64_t length)
{
    struct span text = arena_u64(arena, length);
    if (text.ptr == NULL)
        return ERR_NOMEM;
    add(list, SPAN("content-length"), text);
    return ERR_OK;
}

enum err h2_response_list(struct h2_list *list, struct arena *arena,
                          const struct http_response *response)
{
    struct span status = arena_u64(arena, response->status);
    if (status.ptr == NULL)
        return ERR_NOMEM;
    TRY(start(list, arena, &response->fields, BORROWED));
    add(list, SPAN(":status"), status);
    TRY(add_fields(list, arena, &response->fields));
    if (response->body == HTTP_BODY_LENGTH)
        return add_length(list, arena, response->content_length);
    const struct http_field *length =
        http_fields_find_id(&response->fields, HTTP_FIELD_CONTENT_LENGTH);
    bool may_have = response->body == HTTP_BODY_NONE && response->status >= 200 &&
                    response->status != 204;
    if (length != NULL && may_have && http_is_value(length->value))
        add(list, SPAN("content-length"), length->value);
    return ERR_OK;
}

enum err h2_request_list(struct h2_list *list, struct arena *arena,
                         const struct http_request *request, struct span scheme,
                         struct span target)
{
    const struct http_field *host = http_fields_find_id(&request->fields, HTTP_FIELD_HOST);
    struct span authority = host != NULL ? host->value : request->authority;
    if (!http_is_token(request->method_text) || target.len == 0 ||
        !uri_target_is_clean(target) || !http_is_value(authority))
        return ERR_INVALID;
    TRY(start(list, arena, &request->fields, COPIED));
    add(list, SPAN(":method"), request->method_text);
    add(list, SPAN(":scheme"), scheme);
    if (authority.len > 0)
        add(list, SPAN(":authority"), authority);
    add(list, SPAN(":path"), target);
    TRY(add_fields(list, arena, &request->fields));
    return request->body == HTTP_BODY_LENGTH
               ? add_length(list, arena, request->content_length)
               : ERR_OK;
}

enum err h2_trailer_list(struct h2_list *list, struct arena *arena,
                         const struct http_fields *trailers, bool borrowed)
{
    TRY(start(list, arena, trailers, borrowed ? BORROWED : COPIED));
    return add_fields(list, arena, trailers);
}
