/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Host names to addresses without waiting: a few threads of its own call
 * getaddrinfo, so /etc/hosts, localhost and everything else that the system
 * knows works. They start with the first question. The asker sees to it that
 * each name is asked for once at a time; that bounds the queue.
 *
 * All functions are for the thread that made it.
 */
#ifndef WEIR_CORE_CONTROL_LOOKUP_H
#define WEIR_CORE_CONTROL_LOOKUP_H

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/base/list.h"
#include "core/base/span.h"
#include "core/route/service.h"

#define LOOKUP_THREADS 4

struct lookup;

struct lookup_answer {
    struct list link;
    char host[LIMIT_HOST_NAME + 1];
    struct server_addresses addresses; /* ports are 0; count 0: failed */
    const char *error;                 /* static text; NULL: resolved */
};

MUST_USE enum err lookup_create(struct lookup **out, struct err_text *why);
/* Does not wait for a name server that does not answer. NULL is fine. */
void lookup_destroy(struct lookup *lookup);

/* ERR_LIMIT: the name is too long; ERR_NOMEM; ERR_SYSTEM: no thread. */
MUST_USE enum err lookup_ask(struct lookup *lookup, struct span host);
/* Readable when there are answers. */
int lookup_fd(const struct lookup *lookup);
/* Moves the answers to the list; the caller frees each with free(). */
void lookup_take(struct lookup *lookup, struct list *answers);

#endif
