/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * YAML to a node tree, as Go's yaml.v3 reads it (that is what Traefik uses):
 * anchors, aliases and merge keys work, plain scalars resolve by the YAML 1.2
 * core schema plus base-0 integers (0x, 0o, 0b, a leading 0, underscores), and
 * only the first document of a stream counts (further ones get a warning).
 * Integers become decimal text; floats keep the text of the file, where
 * Traefik would print 1.10 as "1.100000".
 *
 * The only file that names libfyaml is yaml.c. One thread.
 */
#ifndef WEIR_CONFIG_YAML_H
#define WEIR_CONFIG_YAML_H

#include "config/diagnostics.h"
#include "config/node.h"

/*
 * Reads `text` into an initialised tree; tree->root is NULL for an empty
 * document. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM: one error is in `diagnostics`.
 */
MUST_USE enum err yaml_parse(struct span text, struct node_tree *tree,
                             struct diagnostics *diagnostics);

/* How a plain scalar resolves; *canonical is written for integers (into
 * `buffer`, at least 24 bytes). For tests. */
enum node_scalar yaml_resolve(struct span text, char *buffer, struct span *canonical,
                              bool *is_null);

#endif
