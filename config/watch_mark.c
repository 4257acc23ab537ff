/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inotify gives one descriptor per inode, so asking again for a directory that
 * is watched finds the same mark, and IN_MASK_ADD keeps what others want.
 * Descriptors are not reused soon (the kernel counts up), so an event that was
 * queued for a removed mark finds nothing.
 */
#include "config/watch_mark.h"

#include "core/base/list.h"
#include "core/base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define MASK_NAMES                                                                            \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_EXCL_UNLINK | IN_ONLYDIR)
#define MASK_CONTENTS (MASK_NAMES | IN_MODIFY | IN_CLOSE_WRITE)
#define MASK_FILE (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

static uint32_t want_mask(enum watch_want want)
{
    static const uint32_t masks[] = {
        [WATCH_WANT_NAMES] = MASK_NAMES,
        [WATCH_WANT_CONTENTS] = MASK_CONTENTS,
        [WATCH_WANT_FILE] = MASK_FILE,
    };
    return masks[want] | IN_DONT_FOLLOW | IN_MASK_ADD;
}

/* Fibonacci hashing: descriptors count up from one. */
static uint64_t wd_hash(int wd)
{
    return ((uint64_t)(uint32_t)wd * UINT64_C(0x9e3779b97f4a7c15)) >> 20;
}

enum err watch_marks_init(struct watch_marks *marks, struct err_text *why)
{
    struct watch_table by_wd = {0};
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return err_set(why, ERR_SYSTEM,
                       "files cannot be watched: inotify_init1: %s%s", strerror(errno),
                       errno == EMFILE ? ": raise fs.inotify.max_user_instances" : "");
    if (watch_table_reserve(&by_wd, 1) != ERR_OK) {
        close(fd);
        return err_set(why, ERR_NOMEM, "out of memory");
    }
    *marks = (struct watch_marks){.fd = fd, .by_wd = by_wd};
    return ERR_OK;
}

void watch_marks_finish(struct watch_marks *marks)
{
    assert(marks->by_wd.count == 0);
    watch_table_finish(&marks->by_wd);
    close(marks->fd);
}

struct watch_mark *watch_mark_find(const struct watch_marks *marks, int wd)
{
    struct watch_link *link = watch_table_first(&marks->by_wd, wd_hash(wd));
    for (; link != NULL; link = watch_table_next(link)) {
        struct watch_mark *mark = container_of(link, struct watch_mark, link);
        if (mark->wd == wd)
            return mark;
    }
    return NULL;
}

static enum err mark_refused(struct watch_marks *marks, const char *path, int error_number)
{
    switch (error_number) {
    case ENOSPC:
    case ENOMEM:
        if (!marks->exhausted)
            log_warn("not all files can be watched: raise fs.inotify.max_user_watches, or send "
                     "SIGHUP after changes",
                     "path", path, "error", strerror(error_number));
        marks->exhausted = true;
        return ERR_LIMIT;
    case EACCES:
    case EPERM:
        return ERR_PERMISSION;
    default:
        return ERR_NOTFOUND;
    }
}

static struct watch_mark *mark_new(struct watch_marks *marks, int wd, enum watch_want want)
{
    struct watch_mark *mark = calloc(1, sizeof(*mark));
    if (mark == NULL || watch_table_reserve(&marks->by_wd, 1) != ERR_OK) {
        free(mark);
        return NULL;
    }
    mark->wd = wd;
    mark->want = want;
    mark->link.hash = wd_hash(wd);
    watch_table_add(&marks->by_wd, &mark->link);
    marks->file_marks += want == WATCH_WANT_FILE;
    return mark;
}

enum err watch_mark_get(struct watch_marks *marks, const char *path, enum watch_want want,
                        struct watch_mark **out)
{
    int wd = inotify_add_watch(marks->fd, path, want_mask(want));
    if (wd < 0)
        return mark_refused(marks, path, errno);
    struct watch_mark *mark = watch_mark_find(marks, wd);
    if (mark == NULL)
        mark = mark_new(marks, wd, want);
    if (mark == NULL) {
        inotify_rm_watch(marks->fd, wd);
        return ERR_NOMEM;
    }
    if (want > mark->want)
        mark->want = want;
    *out = watch_mark_use(mark);
    return ERR_OK;
}

struct watch_mark *watch_mark_use(struct watch_mark *mark)
{
    mark->uses++;
    return mark;
}

void watch_mark_drop(struct watch_marks *marks, struct watch_mark *mark)
{
    if (mark->wd < 0)
        return;
    watch_table_remove(&marks->by_wd, &mark->link);
    mark->wd = -1;
}

void watch_mark_put(struct watch_marks *marks, struct watch_mark *mark)
{
    if (mark == NULL || --mark->uses > 0)
        return;
    if (mark->wd >= 0)
        inotify_rm_watch(marks->fd, mark->wd);
    watch_mark_drop(marks, mark);
    marks->file_marks -= mark->want == WATCH_WANT_FILE;
    free(mark);
}
