/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads one regular file whole, with a stated maximum. The bytes may be a
 * private key: they are in no buffer but the returned one, which is released
 * with read_file_release. Blocking; any thread, meant for the control thread.
 */
#ifndef WEIR_CONFIG_READ_FILE_H
#define WEIR_CONFIG_READ_FILE_H

#include "core/base/err.h"
#include "core/base/span.h"

/* *out is malloc'ed and has a NUL byte beyond its length; an empty file is a
 * span of length 0. ERR_NOTFOUND, ERR_PERMISSION, ERR_INVALID (a directory, a
 * pipe), ERR_LIMIT, ERR_IO, ERR_NOMEM; `why` names the path and says what is
 * wrong with it. */
MUST_USE enum err read_file(const char *path, size_t max, struct span *out, struct err_text *why);
/* The same for what only Weir's user may read: ERR_PERMISSION where the mode
 * gives group or others any right. */
MUST_USE enum err read_secret_file(const char *path, size_t max, struct span *out,
                                   struct err_text *why);
/* Zeroes and frees; leaves SPAN_EMPTY. */
void read_file_release(struct span *bytes);

#endif
