/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An array that doubles in the arena; what it outgrows stays there until the
 * arena dies. Known names are looked for by id, others by comparison. Removing
 * keeps the order of the rest.
 */
#include "core/http/fields.h"
#include "core/base/limits.h"

#define FIELDS_FIRST 24

void http_fields_init(struct http_fields *fields, struct arena *arena)
{
    *fields = (struct http_fields){.arena = arena};
}

enum err http_fields_reserve(struct http_fields *fields, size_t n)
{
    if (n <= fields->cap)
        return ERR_OK;
    if (n > LIMIT_HEADERS)
        return ERR_LIMIT;
    size_t cap = fields->cap ? fields->cap * 2 : FIELDS_FIRST;
    while (cap < n)
        cap *= 2;
    if (cap > LIMIT_HEADERS)
        cap = LIMIT_HEADERS;
    struct http_field *items = ARENA_ARRAY(fields->arena, struct http_field, cap);
    if (items == NULL)
        return ERR_NOMEM;
    if (fields->count > 0)
        memcpy(items, fields->items, fields->count * sizeof(*items));
    fields->items = items;
    fields->cap = (uint32_t)cap;
    return ERR_OK;
}

enum err http_fields_put(struct http_fields *fields, struct http_field field)
{
    if (fields->count == fields->cap)
        TRY(http_fields_reserve(fields, (size_t)fields->count + 1));
    fields->items[fields->count++] = field;
    return ERR_OK;
}

enum err http_fields_add(struct http_fields *fields, struct span name, struct span value)
{
    return http_fields_put(fields, (struct http_field){name, value, http_field_id_of(name)});
}

enum err http_fields_add_id(struct http_fields *fields, enum http_field_id id, struct span value)
{
    return http_fields_put(fields, (struct http_field){http_field_wire_name(id), value, id});
}

static bool field_is(const struct http_field *field, enum http_field_id id, struct span name)
{
    if (id != HTTP_FIELD_OTHER)
        return field->id == id;
    return field->id == HTTP_FIELD_OTHER && span_equal_nocase(field->name, name);
}

static struct http_field *fields_find(const struct http_fields *fields, enum http_field_id id,
                                      struct span name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (field_is(&fields->items[i], id, name))
            return &fields->items[i];
    }
    return NULL;
}

/* Removes all that match from index `from` on. */
static void fields_drop(struct http_fields *fields, size_t from, enum http_field_id id,
                        struct span name)
{
    size_t kept = from;
    for (size_t i = from; i < fields->count; i++) {
        if (!field_is(&fields->items[i], id, name))
            fields->items[kept++] = fields->items[i];
    }
    fields->count = (uint32_t)kept;
}

static enum err fields_set(struct http_fields *fields, struct http_field field)
{
    struct http_field *first = fields_find(fields, field.id, field.name);
    if (first == NULL)
        return http_fields_put(fields, field);
    first->value = field.value;
    fields_drop(fields, (size_t)(first - fields->items) + 1, field.id, field.name);
    return ERR_OK;
}

enum err http_fields_set_id(struct http_fields *fields, enum http_field_id id, struct span value)
{
    return fields_set(fields, (struct http_field){http_field_wire_name(id), value, id});
}

enum err http_fields_set(struct http_fields *fields, struct span name, struct span value)
{
    return fields_set(fields, (struct http_field){name, value, http_field_id_of(name)});
}

void http_fields_remove_id(struct http_fields *fields, enum http_field_id id)
{
    fields_drop(fields, 0, id, http_field_name(id));
}

void http_fields_remove(struct http_fields *fields, struct span name)
{
    fields_drop(fields, 0, http_field_id_of(name), name);
}

const struct http_field *http_fields_find_id(const struct http_fields *fields,
                                             enum http_field_id id)
{
    return fields_find(fields, id, http_field_name(id));
}

const struct http_field *http_fields_find(const struct http_fields *fields, struct span name)
{
    return fields_find(fields, http_field_id_of(name), name);
}

bool http_fields_has_token(const struct http_fields *fields, enum http_field_id id,
                           struct span token)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct span rest = fields->items[i].id == id ? fields->items[i].value : SPAN_EMPTY;
        while (rest.len > 0) {
            struct span item;
            rest = span_split(rest, ',', &item);
            if (span_equal_nocase(span_trim(item), token))
                return true;
        }
    }
    return false;
}

/* ---- trailers ---- */

/* Every name that Weir knows by id is one of the forbidden sort. */
bool http_field_may_trail(enum http_field_id id, struct span name)
{
    static const struct span names[] = {
        {"age", 3},           {"cache-control", 13},    {"clear-site-data", 15},
        {"expires", 7},       {"max-forwards", 12},     {"pragma", 6},
        {"range", 5},         {"retry-after", 11},      {"strict-transport-security", 25},
        {"vary", 4},          {"www-authenticate", 16}, {"sec-websocket-accept", 20},
        {"set-cookie2", 11},
    };
    if (id != HTTP_FIELD_OTHER)
        return false;
    if (span_equal_nocase(span_first(name, 8), SPAN("content-")) ||
        span_equal_nocase(span_first(name, 3), SPAN("if-")))
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (span_equal_nocase(name, names[i]))
            return false;
    }
    return true;
}

/* ---- hop by hop ---- */

struct connection_options {
    struct span items[HTTP_CONNECTION_OPTIONS_MAX];
    size_t count;
};

static void options_collect(const struct http_fields *fields, struct connection_options *options)
{
    for (size_t i = 0; i < fields->count; i++) {
        bool mine = fields->items[i].id == HTTP_FIELD_CONNECTION;
        struct span rest = mine ? fields->items[i].value : SPAN_EMPTY;
        while (rest.len > 0 && options->count < HTTP_CONNECTION_OPTIONS_MAX) {
            struct span item;
            rest = span_split(rest, ',', &item);
            options->items[options->count++] = span_trim(item);
        }
    }
}

/* What a Connection field cannot name away. */
static bool field_is_protected(enum http_field_id id)
{
    return id == HTTP_FIELD_HOST || id == HTTP_FIELD_CONTENT_LENGTH ||
           id == HTTP_FIELD_TRANSFER_ENCODING || id == HTTP_FIELD_FORWARDED ||
           (id >= HTTP_FIELD_X_FORWARDED_FOR && id <= HTTP_FIELD_X_REAL_IP);
}

static bool field_is_hop_by_hop(enum http_field_id id)
{
    return id == HTTP_FIELD_CONNECTION || id == HTTP_FIELD_KEEP_ALIVE || id == HTTP_FIELD_UPGRADE ||
           id == HTTP_FIELD_PROXY_CONNECTION || id == HTTP_FIELD_PROXY_AUTHENTICATE ||
           id == HTTP_FIELD_PROXY_AUTHORIZATION || id == HTTP_FIELD_HTTP2_SETTINGS;
}

static bool options_name(const struct connection_options *options, const struct http_field *field)
{
    for (size_t i = 0; i < options->count; i++) {
        if (span_equal_nocase(options->items[i], field->name))
            return true;
    }
    return false;
}

/* Whether Connection says no more than most clients do. */
static bool options_are_plain(const struct connection_options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        struct span item = options->items[i];
        if (!span_equal_nocase(item, SPAN("keep-alive")) &&
            !span_equal_nocase(item, SPAN("close")) && !span_equal_nocase(item, SPAN("upgrade")))
            return false;
    }
    return true;
}

static bool list_holds(const struct span *items, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal_nocase(items[i], name))
            return true;
    }
    return false;
}

void http_fields_remove_named_by_connection(struct http_fields *fields, const struct span *kept,
                                            size_t kept_count)
{
    struct connection_options options;
    options.count = 0;
    options_collect(fields, &options);
    if (options_are_plain(&options))
        return;
    size_t left = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct http_field field = fields->items[i];
        if (field_is_protected(field.id) || field_is_hop_by_hop(field.id) ||
            field.id == HTTP_FIELD_TE || !options_name(&options, &field) ||
            list_holds(kept, kept_count, field.name))
            fields->items[left++] = field;
    }
    fields->count = (uint32_t)left;
}

void http_fields_remove_hop_by_hop(struct http_fields *fields)
{
    struct connection_options options;
    options.count = 0;
    options_collect(fields, &options);
    bool trailers = http_fields_has_token(fields, HTTP_FIELD_TE, SPAN("trailers"));
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct http_field field = fields->items[i];
        if (field.id == HTTP_FIELD_TE) {
            if (!trailers)
                continue;
            trailers = false;
            field.value = SPAN("trailers");
        } else if (field_is_hop_by_hop(field.id) ||
                   (!field_is_protected(field.id) && options_name(&options, &field))) {
            continue;
        }
        fields->items[kept++] = field;
    }
    fields->count = (uint32_t)kept;
}
