/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file provider: reads the configured file or directory (recursive,
 * lexical order, .yml .yaml .toml) and watches, through inotify, the
 * configuration files and the other files they name (certificates, keys, CAs).
 * Right for atomic renames, symlink swaps (Kubernetes' ..data) and editors: it
 * watches directories, every one on a path's chain of symlinks, and compares
 * (device, inode, mtime, size) of what the paths resolve to.
 *
 * It does no waiting itself: the control thread polls provider_file_fd and
 * calls provider_file_drain when it is readable; a change is reported once and
 * the caller throttles. Control thread only.
 */
#ifndef WEIR_CONFIG_PROVIDER_FILE_H
#define WEIR_CONFIG_PROVIDER_FILE_H

#include "config/load.h"

#define PROVIDER_FILE_MAX_BYTES (256 << 20) /* of all configuration files together */

struct provider_file;

/* ERR_SYSTEM with `why` when inotify cannot be had, ERR_INVALID when both names
 * are empty. The directory when it is not empty, else the file. Neither needs
 * to exist yet. watch=false: fd is -1 and nothing is watched. */
MUST_USE enum err provider_file_create(struct span filename, struct span directory, bool watch,
                                       struct provider_file **out, struct err_text *why);
void provider_file_destroy(struct provider_file *provider);

int provider_file_fd(const struct provider_file *provider);
/* Reads the pending events; true when something watched has changed: a file was
 * written, replaced, made or removed, its owner or mode is another, or events
 * were lost (then it is not sure, and a reload finds out). */
bool provider_file_drain(struct provider_file *provider);

/* Reads all configuration files now. The texts stay valid until the next
 * successful read or destroy. A directory without any is no error. ERR_NOTFOUND,
 * ERR_PERMISSION, ERR_INVALID (not a file), ERR_LIMIT, ERR_IO, ERR_NOMEM with
 * `why`, which names the path and says what to do. */
MUST_USE enum err provider_file_read(struct provider_file *provider,
                                     const struct config_text **texts, size_t *count,
                                     struct err_text *why);
/*
 * Replaces the set of extra files (certificates …) to watch. Paths that do not
 * exist yet are watched for; inline PEM is skipped. The paths are copied. Call
 * it *before* reading those files: what changes afterwards is then noticed.
 * ERR_NOMEM, ERR_LIMIT: not all are watched, the old ones still are.
 */
MUST_USE enum err provider_file_watch_also(struct provider_file *provider,
                                           const struct span *paths, size_t count);

/*
 * Which of the extra files have changed, as watch_also named them, sorted; the
 * set grows until provider_file_changed_done is called. Valid until the next
 * call of this function, or destroy. False: it is not known (nothing is watched,
 * or the kernel's watches or memory ran out): read all of them again. A path
 * that watch_also named for the first time is not among them: nobody has read
 * it yet.
 *
 * A reload calls provider_file_changed, watch_also with the new paths, reads
 * the changed and the new files, publishes, and then says done. If it fails, it
 * does not say done, and the next reload is told the same files again.
 */
bool provider_file_changed(struct provider_file *provider, const struct span **paths,
                           size_t *count);
/* What the last provider_file_changed gave is dealt with; also after it said
 * false and everything was read. Changes noticed since then stay. */
void provider_file_changed_done(struct provider_file *provider);

#endif
