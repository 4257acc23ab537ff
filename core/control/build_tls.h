/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TLS parts of a snapshot: options, certificate index with its contexts,
 * and the client side towards backends. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_BUILD_TLS_H
#define WEIR_CORE_CONTROL_BUILD_TLS_H

#include "core/control/build.h"

MUST_USE enum err build_tls_options(const struct build_context *context,
                                    struct snapshot *snapshot);
MUST_USE enum err build_certificates(const struct build_context *context,
                                     struct snapshot *snapshot, struct err_text *why);
MUST_USE enum err build_transports(const struct build_context *context,
                                   struct snapshot *snapshot);

#endif
