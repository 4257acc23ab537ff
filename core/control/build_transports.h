/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Servers transports made ready for a snapshot: the client side towards
 * backends, of HTTP and of TCP. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_BUILD_TRANSPORTS_H
#define WEIR_CORE_CONTROL_BUILD_TRANSPORTS_H

#include "core/control/build_context.h"

MUST_USE enum err build_transports(const struct build_context *context,
                                   struct snapshot *snapshot);

#endif
