/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The access log: one line per request, in the common log format with
 * Traefik's additions, in the generic one, or as JSON with Traefik's names.
 *
 * A worker formats the line and puts it into its own bounded queue; a thread
 * of the log's own writes the queues out, so a slow disk holds up no request.
 * When a queue is full the line is dropped and counted
 * (metrics.access_log_dropped).
 */
#ifndef WEIR_CORE_ADMIN_ACCESS_LOG_H
#define WEIR_CORE_ADMIN_ACCESS_LOG_H

#include "config/model.h"
#include "core/control/control.h"
#include "core/proxy/exchange.h"

#define ACCESS_LOG_QUEUE (1u << 20) /* bytes that may wait, per worker */
#define ACCESS_LOG_LINE (32u << 10) /* longest line */

struct access_log;

/* Opens the file and starts the thread. `settings` outlives it. Main thread. */
MUST_USE enum err access_log_create(const struct model_access_log *settings, size_t worker_count,
                                    struct access_log **out, struct err_text *why);
/* Writes what waits; where nobody takes it, what is left is given up after some
 * seconds. The workers have ended. NULL is fine. */
void access_log_destroy(struct access_log *log);

/* On the worker's thread. `control` gives the workers whose requests are
 * counted; NULL: this one only. */
void access_log_record(struct access_log *log, struct worker *worker,
                       const struct control *control, const struct access_record *record);

/* Any thread; returns at once, the log's thread does it. */
void access_log_reopen(struct access_log *log);

#endif
