/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The listeners of one worker, and what happens at its limit of connections:
 * those that do nothing are ended, and accepting stops until one has gone, so that
 * clients wait in the kernel's backlog. Worker thread.
 */
#ifndef WEIR_CORE_APP_ACCEPTOR_H
#define WEIR_CORE_APP_ACCEPTOR_H

#include "core/app/sockets.h"
#include "core/proxy/worker.h"
#include "io/listener.h"

struct acceptor {
    struct worker *worker;
    struct listener *listeners; /* per entry point; fd -1: none */
    size_t count;
    bool said; /* that the limit was reached; worker->full while it is */
    struct worker_task admit;
    struct timer again; /* at the limit: who does nothing by then */
};

/* Takes the worker's sockets and starts to accept. ERR_NOMEM: the sockets stay. */
MUST_USE enum err acceptor_init(struct acceptor *acceptor, struct worker *worker,
                                struct sockets *sockets);
/* A client has gone: there may be room. */
void acceptor_on_client_closed(struct acceptor *acceptor);
/* Accepts nothing any more. */
void acceptor_stop(struct acceptor *acceptor);
/* Whether the kernel may still call after acceptor_stop. */
bool acceptor_is_pending(const struct acceptor *acceptor);
/* Stopped and not pending. */
void acceptor_finish(struct acceptor *acceptor);

#endif
