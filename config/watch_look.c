/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A place is walked from the root, a file from where its place ended, so a
 * directory of 100,000 files is walked once. A place that has moved makes its
 * files be looked at again. Whether a file changed is told by its stamp; that
 * of a file changed within the clock's grain is not believed against a write.
 */
#include "config/watch_target.h"

#include "core/base/hash.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#define COARSE_CLOCK_NS 20000000 /* two times in a file are told apart when further apart */

/* ---- targets and their steps ---------------------------------------------- */

static void memory_ran_out(struct watch *watch)
{
    watch->lost = true;
    watch->found |= WATCH_ALL_GROUPS;
}

static uint64_t target_hash(enum target_kind kind, struct span path)
{
    return hash_span_salted(path, kind);
}

struct watch_target *watch_target_find(const struct watch *watch, enum target_kind kind,
                                        struct span path)
{
    struct watch_link *link = watch_table_first(&watch->targets, target_hash(kind, path));
    for (; link != NULL; link = watch_table_next(link)) {
        struct watch_target *target = container_of(link, struct watch_target, link);
        if (target->kind == kind && span_equal(target->path, path))
            return target;
    }
    return NULL;
}

static void *target_new(struct watch *watch, size_t size, enum target_kind kind, struct span path)
{
    struct watch_target *target = calloc(1, size);
    char *copy = span_dup(path);
    if (target == NULL || copy == NULL || watch_table_reserve(&watch->targets, 1) != ERR_OK) {
        free(target);
        free(copy);
        return NULL;
    }
    target->path = span_make(copy, path.len);
    target->kind = (uint8_t)kind;
    target->link.hash = target_hash(kind, path);
    list_init(&target->dirty);
    watch_table_add(&watch->targets, &target->link);
    return target;
}

static void target_set_incomplete(struct watch *watch, struct watch_target *target, bool value)
{
    watch->incomplete += (size_t)value - (size_t)target->incomplete;
    target->incomplete = value;
}

static void target_drop_steps(struct watch *watch, struct watch_target *target)
{
    for (size_t i = 0; i < target->step_count; i++) {
        watch_table_remove(&watch->steps, &target->steps[i].link);
        watch_mark_put(&watch->marks, target->steps[i].mark);
    }
    free(target->steps);
    target->steps = NULL;
    target->step_count = 0;
}

static void target_destroy(struct watch *watch, struct watch_target *target)
{
    target_drop_steps(watch, target);
    target_set_incomplete(watch, target, false);
    watch_table_remove(&watch->targets, &target->link);
    list_remove(&target->dirty);
    free((char *)target->path.ptr);
    free(target);
}

/* Takes the steps out of the walk; on exhaustion the old ones stay. */
static void target_take_steps(struct watch *watch, struct watch_target *target,
                              struct watch_walk *walk)
{
    size_t count = walk->step_count;
    struct watch_step *steps = count > 0 ? malloc(count * sizeof(*steps)) : NULL;
    if ((count > 0 && steps == NULL) || watch_table_reserve(&watch->steps, count) != ERR_OK) {
        free(steps);
        memory_ran_out(watch);
        target_set_incomplete(watch, target, true);
        return;
    }
    target_drop_steps(watch, target);
    for (size_t i = 0; i < count; i++) {
        steps[i] = walk->steps[i];
        steps[i].owner = target;
        watch_table_add(&watch->steps, &steps[i].link);
    }
    target->steps = steps;
    target->step_count = (uint32_t)count;
    walk->step_count = 0;
    target_set_incomplete(watch, target, walk->incomplete);
}

void watch_target_mark_dirty(struct watch *watch, struct watch_target *target)
{
    if (!list_empty(&target->dirty))
        return;
    bool place = target->kind == TARGET_PLACE;
    list_push_back(place ? &watch->dirty_places : &watch->dirty_files, &target->dirty);
}

/* ---- places --------------------------------------------------------------- */

static void place_set_dir(struct watch *watch, struct watch_place *place, struct watch_mark *dir)
{
    bool listed = place->target.groups != 0;
    if (dir != NULL)
        watch_mark_use(dir)->listings += listed;
    if (place->dir != NULL)
        place->dir->listings -= listed;
    watch_mark_put(&watch->marks, place->dir);
    place->dir = dir;
}

void watch_place_set_groups(struct watch_place *place, uint8_t groups)
{
    bool was = place->target.groups != 0, is = groups != 0;
    if (place->dir != NULL)
        place->dir->listings = place->dir->listings + is - was;
    place->target.groups = groups;
}

static bool place_moved(const struct watch_place *place, const char *real,
                        const struct watch_mark *dir)
{
    if (real == NULL || place->real == NULL)
        return real != place->real;
    return dir == NULL || dir != place->dir || strcmp(real, place->real) != 0;
}

static void place_settle(struct watch *watch, struct watch_place *place, char *real,
                         struct watch_mark *dir)
{
    bool moved = place_moved(place, real, dir);
    place_set_dir(watch, place, dir);
    free(place->real);
    place->real = real;
    if (!moved)
        return;
    if (place->target.groups != 0)
        watch->found |= WATCH_NAMES_CHANGED;
    list_for_each(node, &place->files)
        watch_target_mark_dirty(watch, &container_of(node, struct watch_file, in_place)->target);
}

static void place_look(struct watch *watch, struct watch_place *place)
{
    struct watch_walk walk;
    struct watch_mark *dir = NULL;
    char *real = NULL;
    watch->looks++;
    watch_walk_init(&walk, &watch->marks, "", NULL, place->target.path);
    if (watch_walk_run(&walk) == WATCH_FOUND_DIRECTORY) {
        if (watch_walk_add_self(&walk, WATCH_WANT_CONTENTS) && !walk.incomplete)
            dir = walk.steps[walk.step_count - 1].mark;
        real = strdup(walk.real);
        if (real == NULL) {
            memory_ran_out(watch);
            walk.incomplete = true;
        }
    }
    place_settle(watch, place, real, real != NULL ? dir : NULL);
    target_take_steps(watch, &place->target, &walk);
    watch_walk_finish(&walk);
}

void watch_place_destroy(struct watch *watch, struct watch_place *place)
{
    assert(list_empty(&place->files));
    if (watch->last_place == place)
        watch->last_place = NULL;
    place_set_dir(watch, place, NULL);
    free(place->real);
    target_destroy(watch, &place->target);
}

struct watch_place *watch_place_get(struct watch *watch, struct span path)
{
    struct watch_place *last = watch->last_place;
    if (last != NULL && span_equal(last->target.path, path))
        return last;
    struct watch_place *place = (struct watch_place *)watch_target_find(watch, TARGET_PLACE, path);
    if (place == NULL) {
        place = target_new(watch, sizeof(*place), TARGET_PLACE, path);
        if (place == NULL)
            return NULL;
        list_init(&place->files);
        place_look(watch, place);
    }
    if (place->target.incomplete)
        watch_target_mark_dirty(watch, &place->target);
    watch->last_place = place;
    return place;
}

/* ---- files ---------------------------------------------------------------- */

static int64_t stamp_time(struct statx_timestamp time)
{
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* The time of birth tells a new file from the deleted one whose inode it got. */
static struct file_stamp stamp_read(const char *path)
{
    struct statx st;
    struct timespec now;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st) != 0 ||
        !S_ISREG(st.stx_mode))
        return (struct file_stamp){0};
    bool has_birth = (st.stx_mask & STATX_BTIME) != 0;
    const uint64_t facts[] = {
        makedev(st.stx_dev_major, st.stx_dev_minor),
        st.stx_ino,
        has_birth ? (uint64_t)stamp_time(st.stx_btime) : 0,
        (uint64_t)stamp_time(st.stx_mtime),
        st.stx_size,
        st.stx_mode,
        (uint64_t)st.stx_uid << 32 | st.stx_gid,
    };
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    int64_t ctime_ns = stamp_time(st.stx_ctime);
    return (struct file_stamp){
        .identity = hash_span(span_make(facts, sizeof(facts))) | 1,
        .ctime_ns = ctime_ns,
        .fresh = ctime_ns > now_ns - COARSE_CLOCK_NS,
    };
}

static bool stamp_differs(const struct file_stamp *old, const struct file_stamp *new, bool written)
{
    if (old->identity != new->identity)
        return true;
    return written && new->identity != 0 && (old->fresh || old->ctime_ns != new->ctime_ns);
}

static bool file_wants_own_mark(const struct watch *watch, const struct watch_file *file,
                                const struct watch_walk *walk)
{
    return walk->st.st_nlink > 1 || walk->blind || file->place->dir == NULL ||
           file->has_own_mark || watch->marks.file_marks < watch->file_marks;
}

static struct span file_name(const struct watch_file *file)
{
    return span_skip(file->target.path, (size_t)(span_find_last(file->target.path, '/') + 1));
}

/* Looks again; whether it has changed. */
static bool file_look(struct watch *watch, struct watch_file *file)
{
    struct watch_walk walk;
    struct file_stamp stamp = {0};
    bool has_own_mark = false;
    const char *real = file->place->real;
    watch->looks++;
    watch_walk_init(&walk, &watch->marks, real != NULL ? real : "", file->place->dir,
                    real != NULL ? file_name(file) : SPAN(""));
    if (watch_walk_run(&walk) == WATCH_FOUND_FILE) {
        if (S_ISREG(walk.st.st_mode) && file_wants_own_mark(watch, file, &walk))
            has_own_mark = watch_walk_add_self(&walk, WATCH_WANT_FILE);
        stamp = stamp_read(walk.real);
    }
    file->has_own_mark = has_own_mark;
    target_take_steps(watch, &file->target, &walk);
    watch_walk_finish(&walk);
    bool changed = stamp_differs(&file->stamp, &stamp, file->target.written);
    file->stamp = stamp;
    file->target.written = false;
    return changed;
}

void watch_file_destroy(struct watch *watch, struct watch_file *file)
{
    list_remove(&file->in_place);
    list_remove(&file->in_changed);
    target_destroy(watch, &file->target);
}

/* The directory that the path names its file in, absolute, in `buffer`. */
static bool path_directory(const struct watch *watch, struct span path,
                           char buffer[static PATH_MAX], struct span *out)
{
    ptrdiff_t slash = span_find_last(path, '/');
    struct span head = span_first(path, slash > 0 ? (size_t)slash : 0);
    const char *root = path.len > 0 && path.ptr[0] == '/' ? "" : watch->cwd;
    int n = snprintf(buffer, PATH_MAX, "%s/%.*s", root, SPAN_ARG(head));
    *out = span_make(buffer, n > 0 ? (size_t)n : 0);
    return n > 0 && n < PATH_MAX;
}

bool watch_path_is_usable(struct span path)
{
    return path.len > 0 && path.len < PATH_MAX && memchr(path.ptr, '\0', path.len) == NULL;
}

enum err watch_file_new(struct watch *watch, struct span path, struct watch_file **out)
{
    char buffer[PATH_MAX];
    struct span directory;
    if (!watch_path_is_usable(path) || !path_directory(watch, path, buffer, &directory))
        return ERR_INVALID;
    if (watch->targets.count >= WATCH_MAX_PATHS)
        return ERR_LIMIT;
    struct watch_place *place = watch_place_get(watch, directory);
    if (place == NULL)
        return ERR_NOMEM;
    struct watch_file *file = target_new(watch, sizeof(*file), TARGET_FILE, path);
    if (file == NULL)
        return ERR_NOMEM;
    file->place = place;
    list_init(&file->in_changed);
    list_push_back(&place->files, &file->in_place);
    file_look(watch, file);
    *out = file;
    return ERR_OK;
}

/* ---- all ------------------------------------------------------------------ */

void watch_look_at_dirty(struct watch *watch)
{
    struct list *node;
    while ((node = list_pop_front(&watch->dirty_places)) != NULL)
        place_look(watch, (struct watch_place *)container_of(node, struct watch_target, dirty));
    while ((node = list_pop_front(&watch->dirty_files)) != NULL) {
        struct watch_file *file =
            (struct watch_file *)container_of(node, struct watch_target, dirty);
        if (!file_look(watch, file))
            continue;
        file->changed |= file->target.groups;
        list_remove(&file->in_changed);
        if (file->changed != 0)
            list_push_back(&watch->changed_files, &file->in_changed);
        file->given &= (uint8_t)~file->target.groups;
        watch->found |= file->target.groups;
    }
}
