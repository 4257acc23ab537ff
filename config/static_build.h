/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a node tree to a static model: decoding, then what Traefik derives
 * (default entry points) and checks between keys. Main thread.
 */
#ifndef WEIR_CONFIG_STATIC_BUILD_H
#define WEIR_CONFIG_STATIC_BUILD_H

#include "config/diagnostics.h"
#include "config/node.h"

/*
 * `root` may be NULL: the model of all defaults. `source` says where it came
 * from. ERR_NOMEM; ERR_INVALID when the diagnostics hold errors.
 */
MUST_USE enum err static_build(const struct node *root, struct span source,
                               struct diagnostics *diagnostics, struct model_static **out);

#endif
