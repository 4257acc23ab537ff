/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The static configuration's other two spellings: flags and environment.
 *
 *   --entryPoints.web.address=:80   --api   --log.level DEBUG
 *   --entryPoints.web.http.tls.domains[0].main=example.com
 *   TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80
 *   TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_MAIN=example.com
 *
 * Names match but for case. A flag that is a boolean or a section needs no
 * value; a list given twice is joined. Main thread.
 */
#ifndef WEIR_CONFIG_SOURCE_H
#define WEIR_CONFIG_SOURCE_H

#include "config/diagnostics.h"
#include "config/node.h"

/*
 * Reads all flags into an initialised tree; the root is NULL without any.
 * --configFile goes to *config_file (borrowed from args) and not into the tree;
 * `config_file->ptr` is NULL when it is not there. ERR_INVALID: the
 * diagnostics say what is wrong. ERR_NOMEM.
 */
MUST_USE enum err source_read_flags(int arg_count, char *const *args, struct node_tree *tree,
                                    struct diagnostics *diagnostics, struct span *config_file);

/* The same from NAME=VALUE strings, ended by NULL; others than TRAEFIK_… and
 * those whose second word is no root key are passed over. */
MUST_USE enum err source_read_environment(char *const *environment, struct node_tree *tree,
                                          struct diagnostics *diagnostics);

/* The first configuration file on Traefik's search path that exists, in the
 * tree's memory; NULL when there is none. */
const char *source_find_file(char *const *environment, struct arena *arena);

#endif
