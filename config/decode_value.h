/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decoder's half that reads one value that is no section: the text of a
 * scalar, a list or a free map, by the row's type, into the model.
 */
#ifndef WEIR_CONFIG_DECODE_VALUE_H
#define WEIR_CONFIG_DECODE_VALUE_H

#include "config/decoder.h"
#include "config/schema.h"

/* Reads the node into base + row->offset (or only checks it). */
void decode_value(struct decoder *decoder, const struct schema_row *row, const struct node *node,
                  void *base);
/* Whether the value is the row's default: then there is nothing to warn of. */
bool decode_is_default(const struct schema_row *row, const struct node *node);

#endif
