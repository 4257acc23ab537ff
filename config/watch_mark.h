/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inotify's watch descriptors with a count of their users: one mark per
 * directory (or, for hard-linked files, per file), however many paths lead
 * through it. A mark that nobody uses any more is taken from the kernel.
 * Part of config/watch; one thread.
 */
#ifndef WEIR_CONFIG_WATCH_MARK_H
#define WEIR_CONFIG_WATCH_MARK_H

#include "config/watch_table.h"
#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What is wanted of a mark. */
enum watch_want {
    WATCH_WANT_NAMES,    /* a directory's names: who comes, goes, is renamed */
    WATCH_WANT_CONTENTS, /* and writes to its files */
    WATCH_WANT_FILE,     /* writes to one file, by whatever name */
};

struct watch_mark {
    struct watch_link link; /* watch_marks.by_wd */
    int wd;                 /* -1: the kernel has dropped it */
    enum watch_want want;
    uint32_t uses;
    uint32_t listings; /* of the uses: those that want to hear of any new name */
};

struct watch_marks {
    int fd;
    struct watch_table by_wd;
    size_t file_marks; /* with WATCH_WANT_FILE */
    bool exhausted;    /* the kernel's limit was met, and logged */
};

/* ERR_SYSTEM with `why`. */
MUST_USE enum err watch_marks_init(struct watch_marks *marks, struct err_text *why);
/* All marks must have been put. */
void watch_marks_finish(struct watch_marks *marks);

/*
 * The mark of what `path` names now (symbolic links are not followed), with one
 * more use. ERR_NOTFOUND when it is gone or of another kind by now, ERR_LIMIT
 * when the kernel gives no more, ERR_PERMISSION, ERR_NOMEM.
 */
MUST_USE enum err watch_mark_get(struct watch_marks *marks, const char *path, enum watch_want want,
                                 struct watch_mark **out);
struct watch_mark *watch_mark_use(struct watch_mark *mark);
/* NULL is fine. */
void watch_mark_put(struct watch_marks *marks, struct watch_mark *mark);
struct watch_mark *watch_mark_find(const struct watch_marks *marks, int wd);
/* The kernel said IN_IGNORED: users keep the mark, but nothing comes from it. */
void watch_mark_drop(struct watch_marks *marks, struct watch_mark *mark);

#endif
