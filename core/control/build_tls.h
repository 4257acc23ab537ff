/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TLS parts of a snapshot: options, and the certificate index with its
 * contexts. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_BUILD_TLS_H
#define WEIR_CORE_CONTROL_BUILD_TLS_H

#include "core/control/build_context.h"

MUST_USE enum err build_tls_options(const struct build_context *context,
                                    struct snapshot *snapshot);
MUST_USE enum err build_certificates(const struct build_context *context,
                                     struct snapshot *snapshot, struct err_text *why);

#endif
