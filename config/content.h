/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A certificate, key or CA value is the path of a file if a file of that name
 * exists, else inline PEM. Control thread (blocking reads).
 */
#ifndef WEIR_CONFIG_CONTENT_H
#define WEIR_CONFIG_CONTENT_H

#include "config/model.h"
#include "core/base/err.h"

/* Whether the value reads as inline PEM (has a "-----BEGIN" line). */
bool content_is_inline(struct span value);

/* Reads it whole, at most LIMIT_CERT_FILE. *out is malloc'ed, wipe and free it
 * with content_release. *from_file says that `value` was a path. The error
 * names the path and what to do. */
MUST_USE enum err content_read(struct span value, struct span *out, bool *from_file,
                               struct err_text *why);
/* Zeroes (keys!) and frees. */
void content_release(struct span *content);

#endif
