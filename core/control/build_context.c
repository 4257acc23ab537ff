/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An object is named to the operator by its key: the provider that its name ends
 * with is none of it.
 */
#include "core/control/build_context.h"

#include <stdio.h>

void build_key(const char *section, const struct model_object *object, const char *below,
               char *key, size_t size)
{
    ptrdiff_t at = span_find_last(object->name, '@');
    struct span name = span_first(object->name, at > 0 ? (size_t)at : object->name.len);
    snprintf(key, size, "%s.%.*s%s", section, SPAN_ARG(name), below);
}

void build_report_at(const struct build_context *context, const char *section,
                     const struct model_object *object, const char *below,
                     struct source_mark mark, const char *why)
{
    char key[256];
    build_key(section, object, below, key, sizeof(key));
    diagnostics_report(context->findings, SEVERITY_PROBLEM, mark, key, "is not served: %s", why);
}

void build_report(const struct build_context *context, const char *section,
                  const struct model_object *object, const char *why)
{
    build_report_at(context, section, object, "", object->mark, why);
}
