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

struct provider_file;

/* ERR_SYSTEM with `why` when inotify cannot be had. filename or directory,
 * whichever is not empty. watch=false: fd is -1 and nothing is watched. */
MUST_USE enum err provider_file_create(struct span filename, struct span directory, bool watch,
                                       struct provider_file **out, struct err_text *why);
void provider_file_destroy(struct provider_file *provider);

int provider_file_fd(const struct provider_file *provider);
/* Reads the pending events; true when something watched has changed. */
bool provider_file_drain(struct provider_file *provider);

/* Reads all configuration files now. The texts stay valid until the next read
 * or destroy. ERR_NOTFOUND, ERR_LIMIT, ERR_IO with `why`. */
MUST_USE enum err provider_file_read(struct provider_file *provider,
                                     const struct config_text **texts, size_t *count,
                                     struct err_text *why);
/* Replaces the set of extra files (certificates …) to watch. */
MUST_USE enum err provider_file_watch_also(struct provider_file *provider,
                                           const struct span *paths, size_t count);

#endif
