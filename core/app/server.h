/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server from start to end, on the main thread, which becomes the control
 * thread.
 */
#ifndef WEIR_CORE_APP_SERVER_H
#define WEIR_CORE_APP_SERVER_H

#include "config/model.h"

/*
 * Serves until a signal ends it; returns the exit status. `settings` may be
 * changed: values that are derived are filled in. builtin: the dynamic
 * configuration is the built-in one with the demonstration backend.
 */
int server_run(struct model_static *settings, bool builtin);

#endif
