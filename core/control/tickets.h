/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which session ticket keys the process has: made in memory and replaced every
 * 12 hours, or read from weir.tls.ticketKeyFiles. Those files are watched by
 * path; what is new in them is published at once. Files that cannot be used
 * stop the start; later the keys before stay, and the log says why. Control
 * thread.
 */
#ifndef WEIR_CORE_CONTROL_TICKETS_H
#define WEIR_CORE_CONTROL_TICKETS_H

#include "config/model.h"
#include "core/base/timerwheel.h"
#include "io/ring.h"

struct tickets;

/* Publishes the first keys. files: outlives it; none: keys in memory. */
MUST_USE enum err tickets_create(const struct span_list *files, struct ring *ring,
                                 struct timerwheel *wheel, struct tickets **out,
                                 struct err_text *why);
/* The ring will not be turned again, no engine is left. NULL is fine. */
void tickets_destroy(struct tickets *tickets);

/* Reads the files again although no change was seen (SIGHUP). */
void tickets_reload(struct tickets *tickets);

/* Whether the files can be used, for `weir check`; blocking. */
MUST_USE enum err tickets_check(const struct span_list *files, struct err_text *why);

#endif
