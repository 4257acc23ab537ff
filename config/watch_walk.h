/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Follows a path by hand as the kernel would (path_resolution(7)), and notes on
 * the way each (directory, name) that the answer depends on: its steps. Part of
 * config/watch; one thread. A walk lives on the stack: init, run, take the
 * steps out if wanted, finish.
 */
#ifndef WEIR_CONFIG_WATCH_WALK_H
#define WEIR_CONFIG_WATCH_WALK_H

#include "config/watch_mark.h"
#include "config/watch_table.h"
#include "core/base/span.h"

#include <limits.h>
#include <sys/stat.h>

#define WATCH_WALK_LINKS 40  /* symbolic links in one path, as the kernel allows */
#define WATCH_WALK_STEPS 256 /* names looked up for one path */

struct watch_target;

/* "Look again when something happens to this name in this directory", or, with
 * the empty name, to the marked thing itself. Holds a use of the mark. */
struct watch_step {
    struct watch_link link; /* hash: watch_step_hash */
    struct watch_mark *mark;
    struct watch_target *owner;
};

enum watch_found { WATCH_FOUND_NOTHING, WATCH_FOUND_FILE, WATCH_FOUND_DIRECTORY };

struct watch_walk {
    struct watch_marks *marks;
    char real[PATH_MAX]; /* reached so far, without links; "" is the root */
    char rest[PATH_MAX]; /* still to be walked */
    struct watch_mark *dir; /* of `real`, if it has been asked for */
    bool dir_asked;
    unsigned links;
    struct stat st; /* of the last name */
    bool blind;      /* a directory on the way may not be watched */
    bool incomplete; /* the kernel gives no more marks, or too many steps */
    size_t step_count;
    struct watch_step steps[WATCH_WALK_STEPS];
};

/* From `real` (a directory without links in its path, its mark if known) along
 * `path`; both shorter than PATH_MAX. */
void watch_walk_init(struct watch_walk *walk, struct watch_marks *marks, const char *real,
                     struct watch_mark *dir, struct span path);
void watch_walk_finish(struct watch_walk *walk);

/* Where the path leads: `real` and `st` say it. A file is anything that is
 * neither a directory nor a link; its directory is watched for writes. */
enum watch_found watch_walk_run(struct watch_walk *walk);

/* After a walk that found something: a step for the thing itself, whatever its
 * names. False when it cannot be had. */
bool watch_walk_add_self(struct watch_walk *walk, enum watch_want want);

uint64_t watch_step_hash(const struct watch_mark *mark, struct span name);

#endif
