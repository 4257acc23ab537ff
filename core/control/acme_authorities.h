/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PEM that a CA's own certificate is verified by: caCertificates, and with
 * caSystemCertPool the system's too. Blocking.
 */
#ifndef WEIR_CORE_CONTROL_ACME_AUTHORITIES_H
#define WEIR_CORE_CONTROL_ACME_AUTHORITIES_H

#include "config/model.h"
#include "core/base/err.h"

/* *out is malloc'ed; empty where the system's alone count. */
MUST_USE enum err acme_authorities_read(const struct model_acme *model, struct span *out,
                                        struct err_text *why);

#endif
