/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the operator's text to a model.
 *
 *   static:  file | flags | environment → node tree → schema → model_static
 *   dynamic: one node tree per file, merged → schema → model_dynamic
 *
 * Nothing here touches certificates' contents or the network. Control thread,
 * or main before the threads start.
 */
#ifndef WEIR_CONFIG_LOAD_H
#define WEIR_CONFIG_LOAD_H

#include "config/diagnostics.h"
#include "config/model.h"
#include "core/base/err.h"

/*
 * Finds and reads the static configuration by Traefik's rule: a configuration
 * file (--configFile=, else the search path), else flags, else environment
 * (TRAEFIK_…); the first source found is used and the others are ignored.
 * args are the arguments after the command name. With no source at all,
 * *found is false and the model holds the defaults.
 * Diagnostics are filled in either way; ERR_INVALID when they hold errors.
 */
MUST_USE enum err config_load_static(int arg_count, char *const *args, char *const *environment,
                                     struct diagnostics *diagnostics, bool *found,
                                     struct model_static **out);

/* A configuration text with its name (for marks and the format: .yml .yaml .toml). */
struct config_text {
    const char *name;
    struct span text;
};

/* From memory: the same as above, for tests and the built-in default. */
MUST_USE enum err config_parse_static(const struct config_text *text,
                                      struct diagnostics *diagnostics, struct model_static **out);

/*
 * Builds the dynamic model from the files of the file provider, in order, for
 * the given static model (entry points: defaults, redirections, their tls and
 * middlewares are applied to the routers here, so that readers of the model
 * need not know those rules). Adds the internal provider's objects (API, ping,
 * redirections). References between objects are resolved and checked; a router
 * with a broken reference gets a `problem`, the model is still good.
 * ERR_INVALID: a file is refused as a whole; nothing may be used.
 */
MUST_USE enum err config_parse_dynamic(const struct model_static *model,
                                       const struct config_text *texts, size_t text_count,
                                       struct diagnostics *diagnostics,
                                       struct model_dynamic **out);

#endif
