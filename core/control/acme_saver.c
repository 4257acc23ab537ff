/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts are made on the control thread and written on the helper's. What
 * changes meanwhile is written next. Orders go to the disk before certificates
 * do, and are taken away after them, so that a crash between the two loses
 * nothing.
 *
 * Of the servers that use a storage one has its lock; the others look at the file
 * and try for the lock. Programs that know of no lock are noticed by what they
 * leave: before the file is replaced it must be what it was, else it is read and
 * both changes are put together.
 */
#include "core/control/acme_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/acme_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AGAIN_MS (10 * MS_PER_S)
#define UNCHANGED_MAX 3 /* then stamps are not believed: some file systems make them up */

static const char *path_of(const struct acme_saver *saver)
{
    return acme_store_path(saver->store);
}

/* ---- on the helper's thread ---- */

static enum err remove_file(const char *path, struct err_text *why)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return ERR_OK;
    return err_set(why, err_from_errno(errno), "%s cannot be removed: %s", path, strerror(errno));
}

static enum err write_text(struct acme_saver *saver, enum acme_store_file file)
{
    const char *path = acme_store_file_path(saver->store, file);
    struct acme_file_stamp *stamp = acme_store_stamp(saver->store);
    if (saver->texts[file].ptr == NULL)
        return remove_file(path, &saver->why);
    if (file == ACME_STORE_MAIN && saver->unchanged < UNCHANGED_MAX)
        return acme_file_write(path, saver->texts[file], stamp, &saver->why);
    TRY(acme_file_write(path, saver->texts[file], NULL, &saver->why));
    if (file == ACME_STORE_MAIN)
        *stamp = acme_file_look(path);
    return ERR_OK;
}

/* The order: see above. */
static void write_texts(struct acme_saver *saver)
{
    saver->error = ERR_OK;
    for (size_t i = 0; i < ACME_STORE_FILES && saver->error == ERR_OK; i++)
        if (saver->wanted[i])
            saver->error = write_text(saver, (enum acme_store_file)i);
}

/* No file is as an empty one. */
static void read_found(struct acme_saver *saver)
{
    saver->found_stamp = (struct acme_file_stamp){0};
    saver->error = acme_file_read(path_of(saver), &saver->found, &saver->found_stamp, &saver->why);
    if (saver->error == ERR_NOTFOUND)
        saver->error = ERR_OK;
}

static void run(struct work_job *job)
{
    struct acme_saver *saver = container_of(job, struct acme_saver, job);
    if (saver->reading)
        read_found(saver);
    else
        write_texts(saver);
}

static void start(struct acme_saver *saver, bool reading)
{
    saver->busy = true;
    saver->reading = reading;
    saver->why.text[0] = '\0';
    work_start(saver->acme->files.work, &saver->job);
}

/* ---- writing ---- */

/* False: out of memory. */
static bool take_texts(struct acme_saver *saver)
{
    for (size_t i = 0; i < ACME_STORE_FILES; i++) {
        saver->wanted[i] = acme_store_is_dirty(saver->store, (enum acme_store_file)i);
        if (saver->wanted[i] && acme_store_text(saver->store, (enum acme_store_file)i,
                                                &saver->texts[i]) != ERR_OK) {
            saver->wanted[i] = false;
            return false;
        }
    }
    return true;
}

static void release_texts(struct acme_saver *saver)
{
    for (size_t i = 0; i < ACME_STORE_FILES; i++) {
        enum acme_store_file file = (enum acme_store_file)i;
        if (saver->wanted[i] && saver->error == ERR_OK)
            acme_store_set_written(saver->store, file);
        else if (saver->wanted[i])
            acme_store_set_dirty(saver->store, file);
        acme_file_release(&saver->texts[i]);
        saver->wanted[i] = false;
    }
}

static bool is_dirty(const struct acme_saver *saver)
{
    return acme_store_is_dirty(saver->store, ACME_STORE_MAIN) ||
           acme_store_is_dirty(saver->store, ACME_STORE_ORDERS);
}

static void try_again(struct acme_saver *saver)
{
    timer_set(saver->acme->settings.wheel, &saver->timer, acme_now_ms() + AGAIN_MS);
}

static void tell_resolvers(struct acme_saver *saver, enum err error, const char *why)
{
    struct acme *acme = saver->acme;
    for (size_t i = 0; i < acme->resolver_count; i++)
        if (acme->resolvers[i].saver == saver)
            acme_resolver_saved(&acme->resolvers[i], error, why);
}

static void on_written(struct acme_saver *saver)
{
    /* Once the next text is on its way, these are the thread's again. */
    enum err error = saver->error;
    struct err_text why = saver->why;
    release_texts(saver);
    if (error == ERR_MISMATCH) {
        saver->unchanged++; /* unless the reading says otherwise */
        log_info("the ACME storage is another than it was: it is read before it is written",
                 "storage", path_of(saver));
        start(saver, true);
        return;
    }
    tell_resolvers(saver, error, why.text);
    if (error == ERR_OK) {
        saver->unchanged = 0;
        acme_saver_save(saver);
        return;
    }
    log_error("the ACME storage cannot be written: trying again", "error", why.text);
    try_again(saver);
}

void acme_saver_save(struct acme_saver *saver)
{
    if (saver->busy || !saver->owned || !is_dirty(saver))
        return;
    if (!take_texts(saver)) {
        saver->error = ERR_NOMEM;
        release_texts(saver);
        try_again(saver);
        return;
    }
    start(saver, false);
}

static void on_timer(struct timer *timer)
{
    acme_saver_save(container_of(timer, struct acme_saver, timer));
}

/* ---- reading what others wrote ---- */

static void report(const struct acme_saver *saver, const struct acme_merge_report *merge)
{
    char taken[24], removed[24], accounts[24], kept[24];
    if (merge->taken + merge->removed + merge->accounts + merge->kept == 0)
        return;
    snprintf(taken, sizeof(taken), "%zu", merge->taken);
    snprintf(removed, sizeof(removed), "%zu", merge->removed);
    snprintf(accounts, sizeof(accounts), "%zu", merge->accounts);
    snprintf(kept, sizeof(kept), "%zu", merge->kept);
    if (saver->owned)
        log_warn("another program changed the ACME storage: its changes are taken over",
                 "storage", path_of(saver), "certificates", taken, "removed", removed, "accounts",
                 accounts, "changedByBothAndOursKept", kept);
    else
        log_info("the ACME storage was changed by its owner", "storage", path_of(saver),
                 "certificates", taken, "removed", removed, "accounts", accounts);
}

/* A program that does not rename empties a file before it writes: only contents that
 * are there the second time are believed. */
static enum err believe(struct acme_saver *saver)
{
    if (!acme_file_is_blank(saver->found) || saver->found_stamp.inode == 0 ||
        acme_file_is_same(&saver->found_stamp, &saver->useless))
        return ERR_OK;
    return err_set(&saver->why, ERR_AGAIN, "%s is empty: another program may be writing it",
                   path_of(saver));
}

static enum err merge(struct acme_saver *saver)
{
    struct acme_merge_report merge = {0};
    enum err error = saver->error;
    if (error == ERR_OK)
        error = believe(saver);
    if (error == ERR_OK)
        error = acme_store_merge(saver->store, saver->found, &saver->found_stamp,
                                 acme_storage_taken, saver, &merge, &saver->why);
    acme_file_release(&saver->found);
    if (error != ERR_OK) {
        saver->useless = saver->found_stamp;
        return error;
    }
    report(saver, &merge);
    if (merge.changed)
        saver->unchanged = 0;
    if (merge.taken > 0 && !saver->acme->ending)
        acme_note_change(saver->acme);
    return ERR_OK;
}

/* The lock is ours, and now what its last owner has left is as well. */
static enum err take_over(struct acme_saver *saver)
{
    struct acme *acme = saver->acme;
    TRY(acme_store_read_orders(saver->store, &saver->why));
    saver->owned = true;
    log_info("the ACME storage is ours now", "storage", path_of(saver));
    for (size_t i = 0; i < acme->resolver_count; i++) {
        if (acme->resolvers[i].saver != saver)
            continue;
        acme_storage_forget_done_orders(&acme->resolvers[i]);
        acme_resolver_pump(&acme->resolvers[i]);
    }
    return ERR_OK;
}

static void on_read(struct acme_saver *saver)
{
    enum err error = merge(saver);
    if (error == ERR_OK && saver->lock >= 0 && !saver->owned)
        error = take_over(saver);
    if (error == ERR_OK) {
        acme_saver_save(saver);
        return;
    }
    log_error("the ACME storage, which another program has changed, cannot be read: trying again",
              "storage", path_of(saver), "error",
              saver->why.text[0] != '\0' ? saver->why.text : err_message(error));
    if (is_dirty(saver))
        tell_resolvers(saver, error, saver->why.text);
    try_again(saver);
}

static void done(struct work_job *job)
{
    struct acme_saver *saver = container_of(job, struct acme_saver, job);
    saver->busy = false;
    if (saver->reading)
        on_read(saver);
    else
        on_written(saver);
}

static bool is_changed(const struct acme_saver *saver)
{
    struct acme_file_stamp now = acme_file_look(path_of(saver));
    return now.size > 0 && !acme_file_is_same(&now, acme_store_stamp(saver->store)) &&
           !acme_file_is_same(&now, &saver->useless);
}

void acme_saver_look(struct acme_saver *saver)
{
    if (saver->busy)
        return;
    if (saver->lock < 0 && acme_file_lock(path_of(saver), &saver->lock, NULL) != ERR_OK)
        saver->lock = -1;
    if ((saver->lock >= 0 && !saver->owned && !timer_running(&saver->timer)) || is_changed(saver))
        start(saver, true);
}

/* ---- life ---- */

/* Without the lock what is there is served all the same. */
static void lock(struct acme_saver *saver, const char *path)
{
    struct err_text why = {""};
    enum err error = acme_file_lock(path, &saver->lock, &why);
    saver->owned = error == ERR_OK;
    if (error == ERR_EXISTS)
        log_warn("this Weir is a standby: what is stored is served, and nothing is obtained "
                 "until the other has ended", "storage", path, "reason", why.text);
    else if (error != ERR_OK)
        log_error("the ACME storage cannot be locked: nothing is obtained", "storage", path,
                  "error", why.text);
}

enum err acme_saver_create(struct acme *acme, const char *path, struct acme_saver **out,
                           struct err_text *why)
{
    struct acme_saver *saver = calloc(1, sizeof(*saver));
    if (saver == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    saver->acme = acme;
    saver->lock = -1;
    saver->job = (struct work_job){.run = run, .done = done};
    timer_init(&saver->timer, on_timer);
    lock(saver, path);
    enum err error = acme_store_open(path, &saver->store, why);
    if (error != ERR_OK) {
        if (saver->lock >= 0)
            close(saver->lock);
        free(saver);
        return error;
    }
    list_push_back(&acme->savers, &saver->link);
    *out = saver;
    return ERR_OK;
}

static void write_last(struct acme_saver *saver)
{
    if (!take_texts(saver)) {
        saver->error = ERR_NOMEM;
        release_texts(saver);
        return;
    }
    write_texts(saver);
    release_texts(saver);
    if (saver->error != ERR_MISMATCH)
        return;
    read_found(saver);
    saver->error = merge(saver);
    if (saver->error != ERR_OK || !take_texts(saver))
        return;
    write_texts(saver);
    release_texts(saver);
}

void acme_saver_destroy(struct acme_saver *saver)
{
    timer_cancel(saver->acme->settings.wheel, &saver->timer);
    if (saver->busy) { /* written or not: nobody knows */
        saver->error = ERR_CANCELED;
        release_texts(saver);
        acme_file_release(&saver->found);
    }
    if (is_dirty(saver) && saver->owned) {
        write_last(saver);
        if (saver->error != ERR_OK)
            log_error("the ACME storage cannot be written", "error", saver->why.text);
    }
    acme_store_destroy(saver->store);
    if (saver->lock >= 0)
        close(saver->lock);
    free(saver);
}
