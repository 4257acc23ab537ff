/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The generic decoder: a node tree and a schema table into a model struct, by
 * the conventions of TRAEFIK-CONFIG.md §1. Keys match but for case; an unknown
 * root key is ignored, an unknown nested key is an error; null is skipped; {}
 * stands only where the row allows it; defaults are applied to every struct
 * before its keys are read.
 *
 * A value of the wrong form refuses the whole configuration, as in Traefik. A
 * value of the right form that is not allowed (a choice, a range, a check)
 * does so in the static part; in the dynamic part it takes the object out of
 * service (its `problem`), and the rest is served.
 *
 * Errors go to the diagnostics; only exhaustion of memory is returned. The
 * model's strings are copied into its arena. One thread.
 */
#ifndef WEIR_CONFIG_DECODE_H
#define WEIR_CONFIG_DECODE_H

#include "config/diagnostics.h"
#include "config/node.h"
#include "config/schema.h"

struct decoder {
    struct arena *arena; /* the model's */
    struct diagnostics *diagnostics;
    struct span provider;        /* for qualified names; empty in the static part */
    struct model_object *object; /* the innermost named object being read, or NULL */
    bool dynamic;
    bool muted;  /* inside what is not built: values are checked, nothing is said */
    bool failed; /* memory is exhausted */
    size_t path_length;
    char path[512]; /* "http.routers.web.rule", cut when it is too long */
};

/* Fills the defaults of all rows in; no diagnostics. ERR_NOMEM. */
MUST_USE enum err decode_defaults(struct arena *arena, const struct schema_row *rows, void *base);

/* Reads the root map into base, which has its defaults already. A NULL root is
 * an empty file. ERR_NOMEM; everything else is in the diagnostics. */
MUST_USE enum err decode_root(struct decoder *decoder, const struct schema_row *rows,
                              const struct node *root, void *base);

/* ---- for checks (schema.h) ---- */
/* The value is of the right form but not allowed. */
void decoder_reject(struct decoder *decoder, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A warning at the current key; silent while muted. */
void decoder_warn(struct decoder *decoder, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The object being read cannot be used; the first reason stays. */
void decoder_break_object(struct decoder *decoder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* name@provider in the arena, or the name where it has a provider already. */
struct span decode_qualify(struct arena *arena, struct span name, struct span provider);

#endif
