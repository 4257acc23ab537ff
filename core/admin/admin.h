/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Weir tells about itself: the API and the little dashboard, /ping, and
 * the access log. One struct admin serves all workers; core/app makes it
 * between control_create and the start of the workers, and plugs it in:
 *
 *   worker->hooks = (struct worker_hooks){.access_log = admin_access_log,
 *                                         .internal_service = admin_internal_service,
 *                                         .context = admin};
 *
 * and destroys it when the workers have ended and before control_destroy.
 */
#ifndef WEIR_CORE_ADMIN_ADMIN_H
#define WEIR_CORE_ADMIN_ADMIN_H

#include "core/control/control.h"
#include "core/proxy/exchange.h"
#include "core/proxy/worker.h"

struct admin;

/* Opens the access log, if there is one; that is what may fail, with `why`.
 * `settings` outlives it. Main thread. */
MUST_USE enum err admin_create(const struct model_static *settings, struct control *control,
                               size_t worker_count, struct admin **out, struct err_text *why);
/* Writes out what the access log still holds. NULL is fine. */
void admin_destroy(struct admin *admin);

/* For worker_hooks; on the worker's thread. Neither blocks. */
void admin_internal_service(struct exchange *exchange, struct span service);
void admin_access_log(struct worker *worker, const struct access_record *record);
/* Whether anybody wants admin_access_log to be called: each call costs its request the
 * reading of clocks. */
bool admin_wants_records(const struct admin *admin);

/* Opens the access log's file anew (SIGUSR1). Any thread; returns at once. */
void admin_reopen(struct admin *admin);

#endif
