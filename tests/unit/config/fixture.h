/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of the configuration share: texts to models, models and
 * findings to text. Everything returned as char * is to be freed.
 */
#ifndef WEIR_TESTS_UNIT_CONFIG_FIXTURE_H
#define WEIR_TESTS_UNIT_CONFIG_FIXTURE_H

#include "config/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct loaded {
    enum err error; /* of the part that failed first */
    struct diagnostics diagnostics;
    struct model_static *model;
    struct model_dynamic *dynamic;
};

/* Either text may be NULL: no dynamic part, or the static defaults. Names end
 * in `format`: "yml" or "toml". */
struct loaded load_texts(const char *format, const char *static_text, const char *dynamic_text);
/* Several dynamic files, named 1.yml, 2.yml … */
struct loaded load_files(const char *static_text, const char *const *texts, size_t count);
void loaded_finish(struct loaded *loaded);

char *findings(const struct loaded *loaded);
/* Both dumps. */
char *dumped(const struct loaded *loaded);
/* The part of the dump whose lines begin with `prefix`. */
char *dumped_part(const struct loaded *loaded, const char *prefix);

/* The findings must be exactly these lines. */
void assert_findings(const struct loaded *loaded, const char *want);
void assert_span(struct span got, const char *want);

const struct model_router *router_named(const struct loaded *loaded, const char *name);

#endif
