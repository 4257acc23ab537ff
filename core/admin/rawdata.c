/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /api/rawdata: everything, as maps by name.
 */
#include "core/admin/api_objects.h"

typedef void write_object(struct json *json, const struct api_view *view, size_t i, bool named);

/* The names are the first member of objects that are `stride` bytes apart. */
static void write_map(struct json *json, const char *key, const struct api_view *view,
                      const void *objects, size_t stride, size_t count, write_object *write)
{
    if (count == 0)
        return;
    json_write_key(json, span_cstr(key));
    json_begin_object(json);
    for (size_t i = 0; i < count; i++) {
        const struct model_object *object = (const void *)((const char *)objects + i * stride);
        json_write_key(json, object->name);
        write(json, view, i, false);
    }
    json_end_object(json);
}

#define WRITE_MAP(json, key, view, kind)                                                     \
    write_map((json), (key), (view), (view)->kind##s, sizeof(*(view)->kind##s),              \
              (view)->kind##_count, api_write_##kind)

void api_write_rawdata(struct json *json, const struct api_view *http, const struct api_view *tcp)
{
    json_begin_object(json);
    WRITE_MAP(json, "routers", http, router);
    WRITE_MAP(json, "middlewares", http, middleware);
    WRITE_MAP(json, "services", http, service);
    WRITE_MAP(json, "tcpRouters", tcp, router);
    WRITE_MAP(json, "tcpMiddlewares", tcp, middleware);
    WRITE_MAP(json, "tcpServices", tcp, service);
    json_end_object(json);
}
