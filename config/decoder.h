/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the decoder (decode.h) knows while it reads, and how it says what it
 * finds: for its own files and for the checks of the schema's rows. Findings go
 * to the diagnostics under the path of the current key. One thread.
 */
#ifndef WEIR_CONFIG_DECODER_H
#define WEIR_CONFIG_DECODER_H

#include "config/diagnostics.h"
#include "config/model.h"
#include "config/node.h"

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

/* The path grows by a key or by a position in a list. Both return what
 * decoder_pop takes to cut it again. */
size_t decoder_push(struct decoder *decoder, struct span name);
size_t decoder_push_position(struct decoder *decoder, uint32_t position);
void decoder_pop(struct decoder *decoder, size_t old);

/* The value is of the wrong form: refuses the configuration. */
void decoder_error(struct decoder *decoder, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The value is of the right form but not allowed. */
void decoder_reject(struct decoder *decoder, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A warning at the value; silent while muted. */
void decoder_warn(struct decoder *decoder, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same at a key instead of its value. */
void decoder_warn_at(struct decoder *decoder, const struct source_mark *mark, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));
/* The object being read cannot be used; the first reason stays. */
void decoder_break_object(struct decoder *decoder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
