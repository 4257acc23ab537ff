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

#include "config/decoder.h"
#include "config/schema.h"

/* Fills the defaults of all rows in; no diagnostics. ERR_NOMEM. */
MUST_USE enum err decode_defaults(struct arena *arena, const struct schema_row *rows, void *base);

/* Reads the root map into base, which has its defaults already. A NULL root is
 * an empty file. ERR_NOMEM; everything else is in the diagnostics. */
MUST_USE enum err decode_root(struct decoder *decoder, const struct schema_row *rows,
                              const struct node *root, void *base);

/* name@provider in the arena, or the name where it has a provider already. */
struct span decode_qualify(struct arena *arena, struct span name, struct span provider);

#endif
