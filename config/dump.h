/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A model as text, for debugging and for tests: one line "path = value" per
 * key that is kept, by the schema's tables, in a fixed order, without places
 * in files. Two configurations mean the same when their dumps are equal. Any
 * thread that may read the model.
 */
#ifndef WEIR_CONFIG_DUMP_H
#define WEIR_CONFIG_DUMP_H

#include "config/model.h"

#include <stdio.h>

void dump_static(const struct model_static *model, FILE *out);
void dump_dynamic(const struct model_dynamic *model, FILE *out);

#endif
