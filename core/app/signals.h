/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals as a descriptor. signals_block comes before the first thread, so that
 * all threads inherit it; nothing ever runs in a handler. Main thread.
 */
#ifndef WEIR_CORE_APP_SIGNALS_H
#define WEIR_CORE_APP_SIGNALS_H

#include "core/base/err.h"

/* Blocks TERM, INT, HUP and USR1, ignores PIPE, and returns the descriptor. */
MUST_USE enum err signals_block(int *fd, struct err_text *why);
/* The next signal, or 0. */
int signals_next(int fd);

#endif
