/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The demonstration backend of the built-in default: an HTTP/1.1 server on a
 * loopback port that the kernel chooses, in one thread of the same process. It
 * answers every request with 200 and the request as text. Main thread.
 */
#ifndef WEIR_CORE_APP_DEMO_H
#define WEIR_CORE_APP_DEMO_H

#include "core/base/err.h"

#include <stdint.h>

struct demo;

MUST_USE enum err demo_start(struct demo **out, struct err_text *why);
/* Closes all connections and ends the thread. NULL is fine. */
void demo_stop(struct demo *demo);
uint16_t demo_port(const struct demo *demo);

#endif
