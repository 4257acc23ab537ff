/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts are made on the control thread and written on the helper's. What
 * changes meanwhile is written next. Orders go to the disk before certificates
 * do, and are taken away after them, so that a crash between the two loses
 * nothing.
 */
#include "core/control/acme_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/acme_file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define AGAIN_MS (10 * MS_PER_S)

static enum err remove_file(const char *path, struct err_text *why)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return ERR_OK;
    return err_set(why, err_from_errno(errno), "%s cannot be removed: %s", path, strerror(errno));
}

/* The order: see above. */
static void write_texts(struct acme_saver *saver)
{
    saver->error = ERR_OK;
    for (size_t i = 0; i < ACME_STORE_FILES && saver->error == ERR_OK; i++) {
        const char *path = acme_store_file_path(saver->store, (enum acme_store_file)i);
        if (!saver->wanted[i])
            continue;
        saver->error = saver->texts[i].ptr != NULL
                           ? acme_file_write(path, saver->texts[i], &saver->why)
                           : remove_file(path, &saver->why);
    }
}

static void run(struct work_job *job)
{
    write_texts(container_of(job, struct acme_saver, job));
}

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
        if (saver->wanted[i] && saver->error != ERR_OK)
            acme_store_set_dirty(saver->store, (enum acme_store_file)i);
        acme_file_release(&saver->texts[i]);
        saver->wanted[i] = false;
    }
}

static bool is_dirty(const struct acme_saver *saver)
{
    return acme_store_is_dirty(saver->store, ACME_STORE_MAIN) ||
           acme_store_is_dirty(saver->store, ACME_STORE_ORDERS);
}

static void done(struct work_job *job)
{
    struct acme_saver *saver = container_of(job, struct acme_saver, job);
    struct acme *acme = saver->acme;
    /* Once the next text is on its way, these are the thread's again. */
    enum err error = saver->error;
    struct err_text why = saver->why;
    saver->busy = false;
    release_texts(saver);
    for (size_t i = 0; i < acme->resolver_count; i++)
        if (acme->resolvers[i].saver == saver)
            acme_resolver_saved(&acme->resolvers[i], error, why.text);
    if (error == ERR_OK) {
        acme_saver_save(saver);
        return;
    }
    log_error("the ACME storage cannot be written: trying again", "error", why.text);
    timer_set(acme->settings.wheel, &saver->timer, acme_now_ms() + AGAIN_MS);
}

static void on_timer(struct timer *timer)
{
    acme_saver_save(container_of(timer, struct acme_saver, timer));
}

void acme_saver_save(struct acme_saver *saver)
{
    if (saver->busy || !is_dirty(saver))
        return;
    if (!take_texts(saver)) {
        saver->error = ERR_NOMEM;
        release_texts(saver);
        timer_set(saver->acme->settings.wheel, &saver->timer, acme_now_ms() + AGAIN_MS);
        return;
    }
    saver->busy = true;
    work_start(saver->acme->files.work, &saver->job);
}

enum err acme_saver_create(struct acme *acme, const char *path, struct acme_saver **out,
                           struct err_text *why)
{
    struct acme_saver *saver = calloc(1, sizeof(*saver));
    if (saver == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    saver->acme = acme;
    saver->job = (struct work_job){.run = run, .done = done};
    timer_init(&saver->timer, on_timer);
    enum err error = acme_store_open(path, &saver->store, why);
    if (error != ERR_OK) {
        free(saver);
        return error;
    }
    list_push_back(&acme->savers, &saver->link);
    *out = saver;
    return ERR_OK;
}

void acme_saver_destroy(struct acme_saver *saver)
{
    timer_cancel(saver->acme->settings.wheel, &saver->timer);
    if (saver->busy) { /* written or not: nobody knows */
        saver->error = ERR_CANCELED;
        release_texts(saver);
    }
    if (is_dirty(saver) && take_texts(saver)) {
        write_texts(saver);
        if (saver->error != ERR_OK)
            log_error("the ACME storage cannot be written", "error", saver->why.text);
        release_texts(saver);
    }
    acme_store_destroy(saver->store);
    free(saver);
}
