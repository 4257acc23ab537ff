/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that hold keys: read only if nobody else may read them, written so that
 * at every moment either the old contents or the new ones are there, whole: a
 * temporary file beside, flushed, renamed over, and the folder flushed. Blocking;
 * any thread, one writer per path.
 */
#ifndef WEIR_CORE_CONTROL_ACME_FILE_H
#define WEIR_CORE_CONTROL_ACME_FILE_H

#include "core/base/err.h"
#include "core/base/span.h"

#define ACME_FILE_MAX (256 << 20)

/* ERR_NOTFOUND where there is no file; ERR_PERMISSION where group or others have
 * permission bits, with what to do about it. *out is malloc'ed; release it with
 * acme_file_release, which wipes. */
MUST_USE enum err acme_file_read(const char *path, struct span *out, struct err_text *why);
void acme_file_release(struct span *bytes);
MUST_USE enum err acme_file_write(const char *path, struct span bytes, struct err_text *why);

#endif
