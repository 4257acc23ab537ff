/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of a snapshot are built from (build.h), and how they say what
 * is wrong with an object. Control thread, or main before the threads start.
 */
#ifndef WEIR_CORE_CONTROL_BUILD_CONTEXT_H
#define WEIR_CORE_CONTROL_BUILD_CONTEXT_H

#include "config/diagnostics.h"
#include "core/control/cert_store.h"
#include "core/proxy/snapshot.h"

struct build_context {
    const struct model_static *settings;
    size_t worker_count;
    struct cert_store *certs;
    const struct snapshot *previous; /* NULL at start */
    struct diagnostics *findings; /* what is wrong with objects; NULL: goes to the log */
};

/* A problem of an object of this section ("http.routers") at its place. */
void build_report(const struct build_context *context, const char *section,
                  const struct model_object *object, const char *why);
/* The same at another place, which is `below` the object ("" or ".rule"). */
void build_report_at(const struct build_context *context, const char *section,
                     const struct model_object *object, const char *below,
                     struct source_mark mark, const char *why);
/* The key by which findings name it: "http.routers.NAME" and `below`, cut to what
 * fits. */
void build_key(const char *section, const struct model_object *object, const char *below,
               char *key, size_t size);

#endif
