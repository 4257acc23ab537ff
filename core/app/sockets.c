/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Without reusePort a socket is first opened without SO_REUSEPORT: that fails
 * where somebody else listens, even another Weir, whose clients we would
 * otherwise share without anybody noticing.
 */
#include "core/app/sockets.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <unistd.h>

enum err sockets_init(struct sockets *sockets, size_t workers, size_t entries)
{
    size_t count = workers * entries;
    *sockets = (struct sockets){.workers = workers, .entries = entries};
    sockets->fds = malloc((count + 1) * sizeof(int));
    sockets->addresses = calloc(entries + 1, sizeof(struct sock_address));
    if (sockets->fds == NULL || sockets->addresses == NULL) {
        free(sockets->fds);
        free(sockets->addresses);
        *sockets = (struct sockets){0};
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        sockets->fds[i] = -1;
    return ERR_OK;
}

void sockets_finish(struct sockets *sockets)
{
    for (size_t i = 0; i < sockets->workers * sockets->entries; i++) {
        if (sockets->fds[i] >= 0)
            close(sockets->fds[i]);
    }
    free(sockets->fds);
    free(sockets->addresses);
    *sockets = (struct sockets){0};
}

static enum err check_free(const struct model_entry_point *entry, struct err_text *why)
{
    struct sock_listen_options alone = {.reuse_port = false};
    int fd;
    TRY(sock_listen(entry->host, entry->port, &alone, &fd, why));
    close(fd);
    return ERR_OK;
}

static enum err open_entry(struct sockets *sockets, size_t index,
                           const struct model_entry_point *entry, struct err_text *why)
{
    struct sock_listen_options options = {.reuse_port = true};
    uint16_t port = entry->port;
    if (port != 0 && !entry->reuse_port)
        TRY(check_free(entry, why));
    for (size_t worker = 0; worker < sockets->workers; worker++) {
        int *fd = &sockets->fds[worker * sockets->entries + index];
        TRY(sock_listen(entry->host, port, &options, fd, why));
        if (worker > 0)
            continue;
        enum err error = sock_local(*fd, &sockets->addresses[index]);
        if (error != ERR_OK)
            return err_set(why, error, "getsockname: %s", err_message(error));
        port = sock_address_port(&sockets->addresses[index]);
    }
    return ERR_OK;
}

static enum err open_named(struct sockets *sockets, size_t index,
                           const struct model_entry_point *entry, struct err_text *why)
{
    enum err error = open_entry(sockets, index, entry, why);
    if (error != ERR_OK)
        err_prefix(why, "entry point %.*s", SPAN_ARG(entry->object.name));
    return error;
}

enum err sockets_open_chosen(struct sockets *sockets, struct model_static *settings,
                             struct err_text *why)
{
    for (size_t i = 0; i < settings->entry_point_count; i++) {
        struct model_entry_point *entry = &settings->entry_points[i];
        if (entry->udp || entry->port != 0)
            continue;
        TRY(open_named(sockets, i, entry, why));
        entry->port = sock_address_port(&sockets->addresses[i]);
    }
    return ERR_OK;
}

enum err sockets_open(struct sockets *sockets, const struct model_static *settings,
                      struct err_text *why)
{
    for (size_t i = 0; i < settings->entry_point_count; i++) {
        const struct model_entry_point *entry = &settings->entry_points[i];
        if (!entry->udp && sockets->addresses[i].len == 0)
            TRY(open_named(sockets, i, entry, why));
    }
    return ERR_OK;
}

void sockets_log(const struct sockets *sockets, const struct model_static *settings)
{
    for (size_t i = 0; i < settings->entry_point_count; i++) {
        const struct model_object *object = &settings->entry_points[i].object;
        char text[SOCK_TEXT_SIZE];
        if (sockets->addresses[i].len == 0) {
            log_warn("entry point is not served", "entryPoint", object->name.ptr, "error",
                     object->problem.len > 0 ? object->problem.ptr : "UDP is not built");
            continue;
        }
        sock_address_format(&sockets->addresses[i], text);
        log_info("entry point listens", "entryPoint", object->name.ptr, "address", text);
    }
}

int sockets_take(struct sockets *sockets, size_t worker, size_t entry)
{
    int *place = &sockets->fds[worker * sockets->entries + entry];
    int fd = *place;
    *place = -1;
    return fd;
}
