/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watches files by path through inotify and says which of them have changed.
 *
 * What is watched is what the path *resolves to*: every directory and symbolic
 * link on the way counts, also those that are not there yet. An event leads to
 * a second look at the paths that it concerns, and only if the file is another
 * one (device, inode, time of birth), has other contents (mtime, size, or it
 * was written since the look) or another owner or mode, it has changed. Other
 * things in the same directories report nothing.
 *
 * The cost is one inotify descriptor per directory, one for each file with
 * several hard links and for the first `file_marks` others, some 280 bytes per
 * path, and work in proportion to the paths that an event concerns.
 *
 * Not noticed, because inotify does not tell: changes made by another machine
 * on a network file system; something mounted over a directory; and, for files
 * without a descriptor of their own, a write through a hard link that was made
 * after the file was looked at and lies in a directory that is not watched.
 *
 * It never waits: poll watch_fd, call watch_drain when it is readable. One
 * thread.
 */
#ifndef WEIR_CONFIG_WATCH_H
#define WEIR_CONFIG_WATCH_H

#include "core/base/err.h"
#include "core/base/span.h"

#define WATCH_GROUPS 2           /* sets of paths that are replaced independently */
#define WATCH_FILE_MARKS 1024    /* file_marks of who has no other wish */
#define WATCH_MAX_PATHS 1000000  /* files and directories of both groups */

/* What watch_drain has found; bits. */
#define WATCH_GROUP_BIT(group) (1u << (group)) /* a file of the group has changed */
#define WATCH_NAMES_CHANGED (1u << 8) /* a listed directory may have other names in it */
#define WATCH_OVERFLOW (1u << 9)      /* events were lost; everything was looked at again */

struct watch;

/* Whether a name that appears in or leaves a listed directory matters. */
typedef bool watch_name_filter(struct span name, bool is_directory);

/* Relative paths are taken from today's working directory. file_marks: so many
 * files get an inotify descriptor of their own without need. ERR_SYSTEM. */
MUST_USE enum err watch_create(watch_name_filter *filter, size_t file_marks, struct watch **out,
                               struct err_text *why);
void watch_destroy(struct watch *watch);
int watch_fd(const struct watch *watch);

/*
 * Replaces a group's set: begin, then a call for each path, then end, which
 * forgets what was not named again. Naming a path that is watched already costs
 * one look-up in a table and keeps what is known of it. A path is looked at when
 * it is new, so *read the file after naming it*: then no change is missed.
 * Without the end the old paths stay too. ERR_NOMEM, ERR_LIMIT, ERR_INVALID (a
 * NUL byte, or longer than PATH_MAX); the path is not watched then.
 */
void watch_set_begin(struct watch *watch, unsigned group);
MUST_USE enum err watch_set_file(struct watch *watch, unsigned group, struct span path);
/* The names in a directory, not those below it. */
MUST_USE enum err watch_set_listing(struct watch *watch, unsigned group, struct span path);
void watch_set_end(struct watch *watch, unsigned group);

/* Reads the pending events and says what has changed since the last call. */
unsigned watch_drain(struct watch *watch);

/*
 * The files of the group that have changed since they were last given back by
 * watch_changed_done, as they were named, sorted. Valid until the next call for
 * any group, or destroy. False: it is not known (memory or the kernel's
 * descriptors ran out), take all of them as changed; *paths and *count are
 * untouched then.
 */
bool watch_changed(struct watch *watch, unsigned group, const struct span **paths, size_t *count);
/* What the last watch_changed gave is dealt with; later changes stay noted. */
void watch_changed_done(struct watch *watch, unsigned group);

/* How often a path was looked at since creation: for tests and metrics. */
uint64_t watch_looks(const struct watch *watch);

#endif
