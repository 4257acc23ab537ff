/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the trees of the dynamic files to a dynamic model, in three steps:
 *   dynamic_merge.c       several trees become one: the first definition wins
 *   dynamic_build.c       the tree is decoded, internal objects are added,
 *                         routers get their entry points' defaults
 *   dynamic_references.c  names are resolved; what cannot be served says why
 * Control thread.
 */
#ifndef WEIR_CONFIG_DYNAMIC_BUILD_H
#define WEIR_CONFIG_DYNAMIC_BUILD_H

#include "config/diagnostics.h"
#include "config/node.h"

/*
 * Merges into an initialised tree; *root refers to nodes of `trees`, which
 * must live as long. Findings of duplicates are warnings. ERR_NOMEM, ERR_LIMIT.
 */
MUST_USE enum err dynamic_merge(struct node_tree *merged, const struct node_tree *trees,
                                size_t tree_count, struct diagnostics *diagnostics);

/* ERR_NOMEM; ERR_INVALID when the diagnostics hold errors. */
MUST_USE enum err dynamic_build(const struct model_static *model, const struct node *root,
                                struct diagnostics *diagnostics, struct model_dynamic **out);

/* Sets `problem` on whatever refers to something that is not there or has a
 * problem itself. ERR_NOMEM. */
MUST_USE enum err dynamic_check_references(const struct model_static *model,
                                           struct model_dynamic *dynamic,
                                           struct diagnostics *diagnostics);

/* The internal provider's objects: API, ping, redirections, default transports. ERR_NOMEM. */
MUST_USE enum err dynamic_add_internals(const struct model_static *model,
                                        struct model_dynamic *dynamic);

#endif
