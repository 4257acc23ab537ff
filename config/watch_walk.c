/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A directory is marked before a name in it is looked at, so whatever happens
 * to the name afterwards leaves an event. `real` never holds a link, which
 * makes ".." the removal of its last name.
 */
#include "config/watch_walk.h"

#include "core/base/hash.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *real_path(const struct watch_walk *walk)
{
    return walk->real[0] != '\0' ? walk->real : "/";
}

uint64_t watch_step_hash(const struct watch_mark *mark, struct span name)
{
    return hash_span_salted(name, (uint64_t)(uintptr_t)mark);
}

void watch_walk_init(struct watch_walk *walk, struct watch_marks *marks, const char *real,
                     struct watch_mark *dir, struct span path)
{
    assert(path.len < PATH_MAX && strlen(real) < PATH_MAX);
    walk->marks = marks;
    walk->dir = dir != NULL ? watch_mark_use(dir) : NULL;
    walk->dir_asked = dir != NULL;
    walk->links = 0;
    walk->blind = walk->incomplete = false;
    walk->step_count = 0;
    strcpy(walk->real, real);
    memcpy(walk->rest, path.ptr, path.len);
    walk->rest[path.len] = '\0';
}

static void walk_leave_directory(struct watch_walk *walk)
{
    watch_mark_put(walk->marks, walk->dir);
    walk->dir = NULL;
    walk->dir_asked = false;
}

void watch_walk_finish(struct watch_walk *walk)
{
    for (size_t i = 0; i < walk->step_count; i++)
        watch_mark_put(walk->marks, walk->steps[i].mark);
    walk->step_count = 0;
    walk_leave_directory(walk);
}

static struct watch_mark *walk_mark(struct watch_walk *walk, enum watch_want want)
{
    struct watch_mark *mark = NULL;
    switch (watch_mark_get(walk->marks, real_path(walk), want, &mark)) {
    case ERR_OK:
    case ERR_NOTFOUND: /* swapped meanwhile: a step before this one has the event */
        break;
    case ERR_PERMISSION:
        walk->blind = true;
        break;
    default:
        walk->incomplete = true;
        break;
    }
    return mark;
}

/* Takes over the use of the mark. */
static void walk_push(struct watch_walk *walk, struct watch_mark *mark, struct span name)
{
    if (walk->step_count == WATCH_WALK_STEPS) {
        walk->incomplete = true;
        watch_mark_put(walk->marks, mark);
        return;
    }
    struct watch_step *step = &walk->steps[walk->step_count++];
    *step = (struct watch_step){.link.hash = watch_step_hash(mark, name), .mark = mark};
}

static void walk_note(struct watch_walk *walk, struct span name)
{
    if (!walk->dir_asked)
        walk->dir = walk_mark(walk, WATCH_WANT_NAMES);
    walk->dir_asked = true;
    if (walk->dir != NULL)
        walk_push(walk, watch_mark_use(walk->dir), name);
}

/* The next name of `rest`, taken out; false at the end. */
static bool walk_take(struct watch_walk *walk, char name[static NAME_MAX + 1], bool *too_long)
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(start, "/");
    if (len == 0)
        return false;
    *too_long = len > NAME_MAX;
    if (!*too_long) {
        memcpy(name, start, len);
        name[len] = '\0';
    }
    memmove(walk->rest, start + len, strlen(start + len) + 1);
    return true;
}

static void walk_up(struct watch_walk *walk)
{
    char *slash = strrchr(walk->real, '/');
    if (slash != NULL)
        *slash = '\0';
    walk_leave_directory(walk);
}

static bool walk_down(struct watch_walk *walk, const char *name)
{
    size_t len = strlen(walk->real);
    int n = snprintf(walk->real + len, sizeof(walk->real) - len, "/%s", name);
    if (n > 0 && (size_t)n < sizeof(walk->real) - len)
        return true;
    walk->real[len] = '\0';
    return false;
}

/* `real` names a link: its target goes in front of the rest. */
static bool walk_follow(struct watch_walk *walk)
{
    char target[PATH_MAX];
    ssize_t len = readlink(walk->real, target, sizeof(target) - 1);
    if (len <= 0 || ++walk->links > WATCH_WALK_LINKS)
        return false;
    target[len] = '\0';
    size_t rest = strlen(walk->rest);
    if ((size_t)len + rest >= sizeof(walk->rest))
        return false;
    memmove(walk->rest + len, walk->rest, rest + 1); /* the rest is empty or starts with '/' */
    memcpy(walk->rest, target, (size_t)len);
    *strrchr(walk->real, '/') = '\0';
    if (target[0] == '/') {
        walk->real[0] = '\0';
        walk_leave_directory(walk);
    }
    return true;
}

/* One name. WATCH_FOUND_DIRECTORY: go on from `real`. */
static enum watch_found walk_name(struct watch_walk *walk, const char *name)
{
    if (strcmp(name, ".") == 0)
        return WATCH_FOUND_DIRECTORY;
    if (strcmp(name, "..") == 0) {
        walk_up(walk);
        return WATCH_FOUND_DIRECTORY;
    }
    walk_note(walk, span_cstr(name));
    if (!walk_down(walk, name) || lstat(walk->real, &walk->st) != 0)
        return WATCH_FOUND_NOTHING;
    if (S_ISLNK(walk->st.st_mode))
        return walk_follow(walk) ? WATCH_FOUND_DIRECTORY : WATCH_FOUND_NOTHING;
    if (!S_ISDIR(walk->st.st_mode))
        return WATCH_FOUND_FILE;
    walk_leave_directory(walk);
    return WATCH_FOUND_DIRECTORY;
}

/* Writes in the directory of the file that was found are wanted from now on. */
static void walk_want_contents(struct watch_walk *walk)
{
    if (walk->dir == NULL || walk->dir->want >= WATCH_WANT_CONTENTS)
        return;
    char *slash = strrchr(walk->real, '/');
    *slash = '\0';
    watch_mark_put(walk->marks, walk_mark(walk, WATCH_WANT_CONTENTS));
    *slash = '/';
}

enum watch_found watch_walk_run(struct watch_walk *walk)
{
    char name[NAME_MAX + 1];
    bool too_long = false;
    while (walk_take(walk, name, &too_long)) {
        enum watch_found found = too_long ? WATCH_FOUND_NOTHING : walk_name(walk, name);
        if (found == WATCH_FOUND_FILE && walk->rest[0] == '\0') {
            walk_want_contents(walk);
            return found;
        }
        if (found != WATCH_FOUND_DIRECTORY)
            return WATCH_FOUND_NOTHING;
    }
    return WATCH_FOUND_DIRECTORY;
}

bool watch_walk_add_self(struct watch_walk *walk, enum watch_want want)
{
    struct watch_mark *mark = walk_mark(walk, want);
    if (mark != NULL)
        walk_push(walk, mark, SPAN(""));
    return mark != NULL;
}
