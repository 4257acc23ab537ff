/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a model to a snapshot, aside and without disturbing anything: loads
 * certificates (only those whose files changed), makes TLS options, the
 * certificate index, services, routers, middleware chains and transports, and
 * takes over what did not change from the snapshot before.
 *
 * What is wrong with one object is reported, unless whoever read the
 * configuration has done so, and makes that object, or the routers that need it,
 * serve an error; it never fails the whole. Control thread, or main before the
 * threads start.
 */
#ifndef WEIR_CORE_CONTROL_BUILD_H
#define WEIR_CORE_CONTROL_BUILD_H

#include "core/control/build_context.h"

/* Uses the model (adds a reference on success). ERR_NOMEM only. */
MUST_USE enum err build_snapshot(const struct build_context *context, struct model_dynamic *model,
                                 struct snapshot **out, struct err_text *why);

#endif
