/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One timer: for keys in memory it rotates, for files it reads them, a moment
 * after the first change, since somebody may still be writing. The watcher is
 * our own: these files belong to the static configuration and are watched
 * whatever the providers do.
 */
#include "core/control/tickets.h"

#include "config/read_file.h"
#include "config/watch.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rcu.h"
#include "tls/ticket_file.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS 60000
#define SETTLE_MS 20
#define GROUP 0

struct tickets {
    const struct span_list *files;
    struct ring *ring;
    struct timerwheel *wheel;
    struct watch *watch; /* NULL: keys in memory, or nothing can be watched */
    struct op changes;
    struct timer timer;
    struct ticket_keys *keys; /* published */
};

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

static void publish(struct tickets *tickets, struct ticket_keys *next)
{
    struct ticket_keys *old = ticket_keys_publish(next);
    tickets->keys = next;
    if (old == NULL)
        return;
    rcu_wait_for_readers();
    ticket_keys_destroy(old);
}

/* ---- in memory ---- */

static enum err rotate(struct tickets *tickets)
{
    struct ticket_keys *next;
    TRY(ticket_keys_create(tickets->keys, &next));
    publish(tickets, next);
    return ERR_OK;
}

static void rotate_in_time(struct tickets *tickets)
{
    enum err error = rotate(tickets);
    if (error != ERR_OK)
        log_error("session ticket keys are not rotated: trying again in a minute", "error",
                  err_message(error));
    int64_t after = error == ERR_OK ? (int64_t)TICKET_ROTATION_S * MS_PER_S : RETRY_MS;
    timer_set(tickets->wheel, &tickets->timer, now_ms() + after);
}

/* ---- from files ---- */

static enum err read_all(const struct span_list *files, struct span *contents,
                         struct err_text *why)
{
    for (size_t i = 0; i < files->count; i++)
        TRY(read_secret_file(files->items[i].ptr, TICKET_FILE_MAX, &contents[i], why));
    return ERR_OK;
}

static enum err parse_all(const struct span_list *files, const struct span *contents,
                          struct ticket_keys **out, struct err_text *why)
{
    struct err_text reason = {""};
    size_t at;
    enum err error = ticket_files_parse(contents, files->count, out, &at, &reason);
    if (error == ERR_OK)
        return ERR_OK;
    return err_set(why, error, "%.*s: %s", SPAN_ARG(files->items[at]), reason.text);
}

static enum err load(const struct span_list *files, struct ticket_keys **out,
                     struct err_text *why)
{
    struct span *contents = calloc(files->count, sizeof(*contents));
    if (contents == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    enum err error = read_all(files, contents, why);
    if (error == ERR_OK)
        error = parse_all(files, contents, out, why);
    for (size_t i = 0; i < files->count; i++)
        read_file_release(&contents[i]);
    free(contents);
    return error;
}

void tickets_reload(struct tickets *tickets)
{
    struct err_text why = {""};
    struct ticket_keys *next;
    if (tickets->files->count == 0)
        return;
    if (load(tickets->files, &next, &why) != ERR_OK) {
        log_error("session ticket keys cannot be read again: the ones before stay", "error",
                  why.text);
        return;
    }
    publish(tickets, next);
    log_info("session ticket keys loaded");
}

static void wait_for_changes(struct tickets *tickets)
{
    ring_poll(tickets->ring, &tickets->changes, watch_fd(tickets->watch), POLLIN, true);
}

static void on_changes(struct op *op, int32_t result, uint32_t flags)
{
    struct tickets *tickets = container_of(op, struct tickets, changes);
    (void)result;
    (void)flags;
    if (!op_pending(op))
        wait_for_changes(tickets);
    unsigned found = watch_drain(tickets->watch);
    if (found != 0)
        timer_set(tickets->wheel, &tickets->timer, now_ms() + SETTLE_MS);
}

/* No directory is listed. */
static bool no_name(struct span name, bool is_directory)
{
    (void)name;
    (void)is_directory;
    return false;
}

/* Before the files are read: then no change is missed. */
static enum err watch_files(struct tickets *tickets, struct err_text *why)
{
    TRY(watch_create(no_name, WATCH_FILE_MARKS, &tickets->watch, why));
    watch_set_begin(tickets->watch, GROUP);
    for (size_t i = 0; i < tickets->files->count; i++) {
        struct span path = tickets->files->items[i];
        enum err error = watch_set_file(tickets->watch, GROUP, path);
        if (error != ERR_OK)
            return err_set(why, error, "weir.tls.ticketKeyFiles: %.*s: %s", SPAN_ARG(path),
                           err_message(error));
    }
    watch_set_end(tickets->watch, GROUP);
    wait_for_changes(tickets);
    return ERR_OK;
}

static enum err start_with_files(struct tickets *tickets, struct err_text *why)
{
    struct err_text reason = {""};
    struct ticket_keys *keys;
    enum err error = watch_files(tickets, why);
    if (error == ERR_SYSTEM) {
        log_error("ticket key files are not watched: send SIGHUP after a change", "error",
                  why->text);
        *why = (struct err_text){""};
        error = ERR_OK;
    }
    TRY(error);
    error = load(tickets->files, &keys, &reason);
    if (error != ERR_OK)
        return err_set(why, error, "weir.tls.ticketKeyFiles: %s", reason.text);
    publish(tickets, keys);
    return ERR_OK;
}

enum err tickets_check(const struct span_list *files, struct err_text *why)
{
    struct ticket_keys *keys;
    if (files->count == 0)
        return ERR_OK;
    TRY(load(files, &keys, why));
    ticket_keys_destroy(keys);
    return ERR_OK;
}

/* ---- life ---- */

static void on_timer(struct timer *timer)
{
    struct tickets *tickets = container_of(timer, struct tickets, timer);
    if (tickets->files->count > 0)
        tickets_reload(tickets);
    else
        rotate_in_time(tickets);
}

static enum err start(struct tickets *tickets, struct err_text *why)
{
    if (tickets->files->count > 0)
        return start_with_files(tickets, why);
    enum err error = rotate(tickets);
    if (error != ERR_OK)
        return err_set(why, error, "session ticket keys cannot be made: %s", err_message(error));
    timer_set(tickets->wheel, &tickets->timer,
              now_ms() + (int64_t)TICKET_ROTATION_S * MS_PER_S);
    return ERR_OK;
}

enum err tickets_create(const struct span_list *files, struct ring *ring,
                        struct timerwheel *wheel, struct tickets **out, struct err_text *why)
{
    struct tickets *tickets = calloc(1, sizeof(*tickets));
    if (tickets == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    *tickets = (struct tickets){.files = files, .ring = ring, .wheel = wheel};
    op_init(&tickets->changes, on_changes);
    timer_init(&tickets->timer, on_timer);
    *out = tickets; /* the ring may hold our op: only control_destroy frees it */
    return start(tickets, why);
}

void tickets_destroy(struct tickets *tickets)
{
    if (tickets == NULL)
        return;
    watch_destroy(tickets->watch);
    ticket_keys_destroy(ticket_keys_publish(NULL));
    free(tickets);
}
