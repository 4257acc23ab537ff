/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The listening sockets: one per worker and entry point, SO_REUSEPORT among
 * them. A port that another program listens on is an error all the same, unless
 * the entry point says reusePort. Main thread.
 */
#ifndef WEIR_CORE_APP_SOCKETS_H
#define WEIR_CORE_APP_SOCKETS_H

#include "config/model.h"
#include "io/sock.h"

struct sockets {
    size_t workers, entries;
    int *fds;                       /* [worker × entries + entry]; -1: none */
    struct sock_address *addresses; /* per entry point, len 0: not open */
};

MUST_USE enum err sockets_init(struct sockets *sockets, size_t workers, size_t entries);
/* Closes what was not taken. */
void sockets_finish(struct sockets *sockets);

/* Opens the entry points whose port the kernel chooses and writes it into the
 * model, so that whatever is derived from the port is right. */
MUST_USE enum err sockets_open_chosen(struct sockets *sockets, struct model_static *settings,
                                      struct err_text *why);
/* Opens the others. From here on clients may connect. */
MUST_USE enum err sockets_open(struct sockets *sockets, const struct model_static *settings,
                               struct err_text *why);
/* "entry point listens", a line each. */
void sockets_log(const struct sockets *sockets, const struct model_static *settings);

/* The descriptor is the caller's from now on; -1: none. */
int sockets_take(struct sockets *sockets, size_t worker, size_t entry);

#endif
