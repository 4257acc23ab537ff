/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Revokes a certificate at its CA with the account that obtained it (RFC 8555
 * §7.6). For a command of its own: it waits for the CA and touches no storage.
 */
#ifndef WEIR_CORE_CONTROL_ACME_REVOKE_H
#define WEIR_CORE_CONTROL_ACME_REVOKE_H

#include "config/model.h"
#include "core/control/acme_store.h"
#include "tls/cert.h"

MUST_USE enum err acme_revoke(const struct model_resolver *resolver,
                              const struct acme_store *store, const struct cert *cert,
                              struct err_text *why);

#endif
