/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that hold keys: read only if nobody else may read them, written so that
 * at every moment either the old contents or the new ones are there, whole: a
 * temporary file beside, flushed, renamed over, and the folder flushed. Blocking;
 * any thread, one writer of ours per path; a stamp tells of others'.
 */
#ifndef WEIR_CORE_CONTROL_ACME_FILE_H
#define WEIR_CORE_CONTROL_ACME_FILE_H

#include "core/base/err.h"
#include "core/base/span.h"

#include <limits.h>

#define ACME_FILE_MAX (256 << 20)

/* Where a path leads: two paths of one file give the same. */
void acme_file_resolve(const char *path, char out[PATH_MAX]);

/* Which contents a file has: whatever writes to it or replaces it changes the stamp. */
struct acme_file_stamp {
    uint64_t device, inode;
    int64_t size, modified_ns, changed_ns;
}; /* all zero: there is no file */

struct acme_file_stamp acme_file_look(const char *path);
bool acme_file_is_same(const struct acme_file_stamp *a, const struct acme_file_stamp *b);

/* ERR_NOTFOUND where there is no file; ERR_PERMISSION where group or others have
 * permission bits, with what to do about it. *out is malloc'ed; release it with
 * acme_file_release, which wipes. stamp: NULL, or of what was read. */
MUST_USE enum err acme_file_read(const char *path, struct span *out,
                                 struct acme_file_stamp *stamp, struct err_text *why);
void acme_file_release(struct span *bytes);
bool acme_file_is_blank(struct span text); /* as Traefik makes the file */
/* stamp: NULL, or of the contents that may be replaced: ERR_MISMATCH and nothing is written
 * where the file has others by now. Afterwards that of the new ones. */
MUST_USE enum err acme_file_write(const char *path, struct span bytes,
                                  struct acme_file_stamp *stamp, struct err_text *why);

/* Takes the lock that the servers which use a file have between themselves: STORAGE.lock,
 * until *fd is closed or the process ends. ERR_EXISTS where another has it, and says which
 * process. */
MUST_USE enum err acme_file_lock(const char *path, int *fd, struct err_text *why);

#endif
