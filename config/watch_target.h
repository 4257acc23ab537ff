/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What config/watch.c watches, and how it is looked at. A place is a directory
 * as written in some path, a file is a name in a place. Both own the steps that
 * their walk took; the index of the steps leads from an event to the targets
 * that it concerns. Only for config/watch*.c; one thread.
 */
#ifndef WEIR_CONFIG_WATCH_TARGET_H
#define WEIR_CONFIG_WATCH_TARGET_H

#include "config/watch.h"
#include "config/watch_walk.h"
#include "core/base/list.h"

#define WATCH_ALL_GROUPS (WATCH_GROUP_BIT(WATCH_GROUPS) - 1)

enum target_kind { TARGET_PLACE = 1, TARGET_FILE };

struct watch_target {
    struct watch_link link; /* watch.targets, by kind and path */
    struct list dirty;
    struct span path; /* owned; a place's is absolute, a file's as it was named */
    struct watch_step *steps;
    uint32_t step_count;
    uint8_t kind, groups;
    bool written; /* while dirty: somebody wrote to the file itself */
    bool incomplete;
    uint32_t seen[WATCH_GROUPS];
};

struct watch_place {
    struct watch_target target; /* in a group: its names are listed */
    struct list files;
    char *real;             /* without links; NULL: no such directory */
    struct watch_mark *dir; /* NULL: may not be watched */
};

struct file_stamp {
    uint64_t identity; /* hash of what must not differ; 0: no regular file */
    int64_t ctime_ns;
    bool fresh; /* changed so lately that a later write may show the same times */
};

struct watch_file {
    struct watch_target target;
    struct watch_place *place;
    struct list in_place;
    struct file_stamp stamp;
    bool has_own_mark;
    uint8_t changed, given;  /* groups */
    struct list in_changed;  /* watch.changed_files, while it changed for some group */
};

struct watch {
    struct watch_marks marks;
    struct watch_table targets, steps;
    struct list dirty_places, dirty_files, changed_files;
    struct watch_place *last_place; /* of the last path named */
    watch_name_filter *filter;
    size_t file_marks;
    char *cwd;
    uint32_t generation[WATCH_GROUPS];
    size_t members[WATCH_GROUPS], named[WATCH_GROUPS]; /* named: in this generation */
    size_t incomplete; /* targets */
    bool lost;         /* memory ran out: who changed is not known until all was read */
    unsigned found;    /* bits for the next answer of watch_drain */
    uint64_t looks;
    struct span *answer; /* one block: the spans, then their bytes */
};

/* NULL when there is none. Directories by their absolute path, files as named. */
struct watch_target *watch_target_find(const struct watch *watch, enum target_kind kind,
                                       struct span path);
/* To be looked at by the next watch_look_at_dirty. */
void watch_target_mark_dirty(struct watch *watch, struct watch_target *target);
/* Takes note of the changed ones in watch.found. */
void watch_look_at_dirty(struct watch *watch);

/* The place of that absolute path, made and looked at when new; NULL when memory
 * is exhausted. */
struct watch_place *watch_place_get(struct watch *watch, struct span path);
/* groups != 0: its names are listed. */
void watch_place_set_groups(struct watch_place *place, uint8_t groups);
/* It must have no files left. */
void watch_place_destroy(struct watch *watch, struct watch_place *place);

/* A file that is not there yet, looked at. */
MUST_USE enum err watch_file_new(struct watch *watch, struct span path, struct watch_file **out);
void watch_file_destroy(struct watch *watch, struct watch_file *file);

/* Whether a path can be one: not empty, no NUL byte, shorter than PATH_MAX. */
bool watch_path_is_usable(struct span path);

/* Statement for every target; it may destroy `target` and no other. */
#define watch_targets_for_each(watch, target)                                                    \
    for (size_t bucket_ = 0; bucket_ < (watch)->targets.cap; bucket_++)                          \
        for (struct watch_link *link_ = (watch)->targets.buckets[bucket_], *next_; link_ != NULL; \
             link_ = next_)                                                                      \
            for (struct watch_target *target = (next_ = link_->next,                             \
                                                container_of(link_, struct watch_target, link)); \
                 target != NULL; target = NULL)

#endif
