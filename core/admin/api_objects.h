/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Single objects in Traefik's JSON. `named`: as in the lists (with name,
 * provider and type); else as in rawdata, where the key is the name. Control
 * thread.
 */
#ifndef WEIR_CORE_ADMIN_API_OBJECTS_H
#define WEIR_CORE_ADMIN_API_OBJECTS_H

#include "core/admin/api_view.h"
#include "core/base/json.h"

void api_write_router(struct json *json, const struct api_view *view, size_t i, bool named);
void api_write_service(struct json *json, const struct api_view *view, size_t i, bool named);
void api_write_middleware(struct json *json, const struct api_view *view, size_t i, bool named);
void api_write_entry_point(struct json *json, const struct model_entry_point *model);
void api_write_overview(struct json *json, const struct api_view *http,
                        const struct api_view *tcp);
void api_write_rawdata(struct json *json, const struct api_view *http,
                       const struct api_view *tcp);

struct worker;
void api_write_counters(struct json *json, struct worker *const *workers, size_t count);

/* Shared by the above: left out when empty. */
void api_field_strings(struct json *json, const char *name, const struct span_list *list);
void api_field_text(struct json *json, const char *name, struct span text);
/* As Go's time.Duration prints itself: "1m30s", "250ms". Left out when 0. */
void api_field_duration(struct json *json, const char *name, int64_t ns);
void api_write_status(struct json *json, struct span problem);
void api_write_users(struct json *json, const struct api_view *view,
                     const struct api_users *users, size_t i);
void api_write_name(struct json *json, const struct model_object *object);
void api_write_router_tls(struct json *json, const struct model_router_tls *tls);

#define API_DURATION_SIZE 40
void api_format_duration(int64_t ns, char out[API_DURATION_SIZE]);

#endif
