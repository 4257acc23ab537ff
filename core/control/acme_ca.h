/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a resolver's CA is talked to: what its own certificate is verified by
 * (caCertificates, with caSystemCertPool the system's too, and caServerName), and
 * how long it may take (clientTimeout, clientResponseHeaderTimeout). Made once,
 * blocking; then any thread.
 */
#ifndef WEIR_CORE_CONTROL_ACME_CA_H
#define WEIR_CORE_CONTROL_ACME_CA_H

#include "config/model.h"
#include "core/base/err.h"

struct acme_ca {
    struct span authorities; /* PEM, malloc'ed; empty: the system's alone count */
    const char *server_name; /* the model's; NULL: the host of each URL */
    int64_t timeout_ms;      /* of an exchange */
    int64_t head_timeout_ms; /* of the wait for its response */
};

/* On failure there is nothing to finish. */
MUST_USE enum err acme_ca_init(struct acme_ca *ca, const struct model_acme *model,
                               struct err_text *why);
void acme_ca_finish(struct acme_ca *ca);

#endif
