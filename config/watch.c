/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sets of paths, the events, and the answers. An event names a directory's
 * mark and a name in it; the targets that have such a step are made dirty, and
 * once all events are read each dirty one is looked at once. A set's members
 * carry the generation in which they were last named, so replacing a set is a
 * walk over the table, and none when all of them were named again.
 */
#include "config/watch.h"

#include "config/watch_target.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define DRAIN_BYTES (64 << 10) /* of events in one read */
#define DRAIN_ROUNDS 64        /* reads in one drain; what is left keeps the fd readable */

/* ---- sets ----------------------------------------------------------------- */

void watch_set_begin(struct watch *watch, unsigned group)
{
    assert(group < WATCH_GROUPS);
    watch->generation[group]++;
    watch->named[group] = 0;
}

/* The target is of the set from now on; its bit in groups is the caller's. */
static void set_name(struct watch *watch, unsigned group, struct watch_target *target)
{
    watch->members[group] += (target->groups & WATCH_GROUP_BIT(group)) == 0;
    watch->named[group] += target->seen[group] != watch->generation[group];
    target->seen[group] = watch->generation[group];
}

enum err watch_set_file(struct watch *watch, unsigned group, struct span path)
{
    struct watch_file *file = (struct watch_file *)watch_target_find(watch, TARGET_FILE, path);
    if (file == NULL)
        TRY(watch_file_new(watch, path, &file));
    else if (file->target.incomplete)
        watch_target_mark_dirty(watch, &file->target);
    set_name(watch, group, &file->target);
    file->target.groups |= (uint8_t)WATCH_GROUP_BIT(group);
    return ERR_OK;
}

enum err watch_set_listing(struct watch *watch, unsigned group, struct span path)
{
    char buffer[PATH_MAX];
    struct span absolute = path;
    if (!watch_path_is_usable(path))
        return ERR_INVALID;
    if (path.ptr[0] != '/') {
        int n = snprintf(buffer, sizeof(buffer), "%s/%.*s", watch->cwd, SPAN_ARG(path));
        if (n < 0 || n >= PATH_MAX)
            return ERR_INVALID;
        absolute = span_make(buffer, (size_t)n);
    }
    if (watch->targets.count >= WATCH_MAX_PATHS)
        return ERR_LIMIT;
    struct watch_place *place = watch_place_get(watch, absolute);
    if (place == NULL)
        return ERR_NOMEM;
    set_name(watch, group, &place->target);
    watch_place_set_groups(place, place->target.groups | (uint8_t)WATCH_GROUP_BIT(group));
    return ERR_OK;
}

static bool target_was_named(const struct watch *watch, const struct watch_target *target,
                             unsigned group)
{
    return target->seen[group] == watch->generation[group];
}

static void file_forget_change(struct watch_file *file, uint8_t bit)
{
    file->changed &= (uint8_t)~bit;
    file->given &= (uint8_t)~bit;
    if (file->changed == 0)
        list_remove(&file->in_changed);
}

static void set_sweep_file(struct watch *watch, unsigned group, struct watch_file *file)
{
    uint8_t bit = (uint8_t)WATCH_GROUP_BIT(group);
    if (!(file->target.groups & bit) || target_was_named(watch, &file->target, group))
        return;
    watch->members[group]--;
    file->target.groups &= (uint8_t)~bit;
    file_forget_change(file, bit);
    if (file->target.groups == 0)
        watch_file_destroy(watch, file);
}

static void set_sweep_place(struct watch *watch, unsigned group, struct watch_place *place)
{
    uint8_t bit = (uint8_t)WATCH_GROUP_BIT(group);
    if ((place->target.groups & bit) && !target_was_named(watch, &place->target, group)) {
        watch->members[group]--;
        watch_place_set_groups(place, place->target.groups & (uint8_t)~bit);
    }
    if (place->target.groups == 0 && list_empty(&place->files))
        watch_place_destroy(watch, place);
}

void watch_set_end(struct watch *watch, unsigned group)
{
    watch_look_at_dirty(watch); /* the incomplete ones, once more */
    if (watch->members[group] > 0 && watch->named[group] == watch->members[group])
        return;
    watch_targets_for_each(watch, target)
        if (target->kind == TARGET_FILE)
            set_sweep_file(watch, group, (struct watch_file *)target);
    watch_targets_for_each(watch, target)
        if (target->kind == TARGET_PLACE)
            set_sweep_place(watch, group, (struct watch_place *)target);
}

/* ---- events --------------------------------------------------------------- */

static void dirty_everything(struct watch *watch)
{
    watch_targets_for_each(watch, target) {
        target->written |= target->kind == TARGET_FILE;
        watch_target_mark_dirty(watch, target);
    }
}

static void dirty_by_step(struct watch *watch, const struct watch_mark *mark, struct span name,
                          bool written)
{
    struct watch_link *link = watch_table_first(&watch->steps, watch_step_hash(mark, name));
    for (; link != NULL; link = watch_table_next(link)) {
        struct watch_step *step = container_of(link, struct watch_step, link);
        if (step->mark != mark)
            continue;
        step->owner->written |= written;
        watch_target_mark_dirty(watch, step->owner);
    }
}

static void event_take(struct watch *watch, const struct inotify_event *event)
{
    const uint32_t names_mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
    if (event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) {
        dirty_everything(watch);
        if (event->mask & IN_Q_OVERFLOW)
            watch->found |= WATCH_OVERFLOW | WATCH_NAMES_CHANGED | WATCH_ALL_GROUPS;
    }
    struct watch_mark *mark = watch_mark_find(&watch->marks, event->wd);
    if (mark == NULL)
        return;
    struct span name = span_cstr(event->len > 0 ? event->name : "");
    dirty_by_step(watch, mark, name, (event->mask & IN_MODIFY) != 0);
    if (mark->listings > 0 && (event->mask & names_mask) &&
        watch->filter(name, (event->mask & IN_ISDIR) != 0))
        watch->found |= WATCH_NAMES_CHANGED;
    if (event->mask & IN_IGNORED)
        watch_mark_drop(&watch->marks, mark);
}

/* False when there are none. */
static bool events_read(struct watch *watch)
{
    _Alignas(struct inotify_event) char buffer[DRAIN_BYTES];
    ssize_t len = read(watch->marks.fd, buffer, sizeof(buffer));
    if (len < 0 && errno == EINTR)
        return true;
    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
        event_take(watch, event);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    return len > 0;
}

unsigned watch_drain(struct watch *watch)
{
    for (unsigned round = 0; round < DRAIN_ROUNDS && events_read(watch); round++)
        continue;
    watch_look_at_dirty(watch);
    unsigned found = watch->found;
    watch->found = 0;
    return found;
}

/* ---- what has changed ----------------------------------------------------- */

/* Statement for every file that changed for the group; it may forget that. */
#define changed_files_for_each(watch, group, file)                                           \
    list_for_each(node_, &(watch)->changed_files)                                            \
        for (struct watch_file *file = container_of(node_, struct watch_file, in_changed);   \
             file != NULL; file = NULL)                                                      \
            if (file->changed & WATCH_GROUP_BIT(group))

static int compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static bool answer_allocate(struct watch *watch, unsigned group)
{
    size_t count = 0, bytes = 0;
    changed_files_for_each(watch, group, file) {
        count++;
        bytes += file->target.path.len;
    }
    free(watch->answer);
    watch->answer = malloc((count + 1) * sizeof(struct span) + bytes);
    if (watch->answer == NULL)
        return false;
    watch->answer[count] = SPAN_EMPTY;
    return true;
}

bool watch_changed(struct watch *watch, unsigned group, const struct span **paths, size_t *count)
{
    if (watch->lost || watch->incomplete > 0 || !answer_allocate(watch, group))
        return false;
    size_t filled = 0;
    struct span *answer = watch->answer;
    changed_files_for_each(watch, group, file) {
        answer[filled++] = file->target.path;
        file->given |= (uint8_t)WATCH_GROUP_BIT(group);
    }
    char *bytes = (char *)(answer + filled + 1);
    for (size_t i = 0; i < filled; i++) {
        memcpy(bytes, answer[i].ptr, answer[i].len);
        answer[i].ptr = bytes;
        bytes += answer[i].len;
    }
    qsort(answer, filled, sizeof(*answer), compare_spans);
    *paths = answer;
    *count = filled;
    return true;
}

void watch_changed_done(struct watch *watch, unsigned group)
{
    uint8_t bit = (uint8_t)WATCH_GROUP_BIT(group);
    watch->lost = false;
    changed_files_for_each(watch, group, file) {
        if (file->given & bit)
            file_forget_change(file, bit);
    }
}

/* ---- life ----------------------------------------------------------------- */

enum err watch_create(watch_name_filter *filter, size_t file_marks, struct watch **out,
                      struct err_text *why)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    watch->cwd = getcwd(NULL, 0);
    enum err error = watch->cwd != NULL
                         ? watch_marks_init(&watch->marks, why)
                         : err_set(why, ERR_SYSTEM, "the working directory: %s", strerror(errno));
    if (error != ERR_OK) {
        free(watch->cwd);
        free(watch);
        return error;
    }
    watch->filter = filter;
    watch->file_marks = file_marks;
    list_init(&watch->dirty_places);
    list_init(&watch->dirty_files);
    list_init(&watch->changed_files);
    *out = watch;
    return ERR_OK;
}

void watch_destroy(struct watch *watch)
{
    if (watch == NULL)
        return;
    for (unsigned group = 0; group < WATCH_GROUPS; group++) {
        watch_set_begin(watch, group);
        watch_set_end(watch, group);
    }
    watch_table_finish(&watch->targets);
    watch_table_finish(&watch->steps);
    watch_marks_finish(&watch->marks);
    free(watch->answer);
    free(watch->cwd);
    free(watch);
}

int watch_fd(const struct watch *watch)
{
    return watch->marks.fd;
}

uint64_t watch_looks(const struct watch *watch)
{
    return watch->looks;
}
