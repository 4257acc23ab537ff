/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a certificate's key has to sign for ACME: the request for a certificate
 * (RFC 2986), and the certificate that answers TLS-ALPN-01 (RFC 8737). Any
 * thread.
 */
#ifndef WEIR_TLS_ACME_CSR_H
#define WEIR_TLS_ACME_CSR_H

#include "tls/acme_key.h"
#include "tls/cert.h"

#define ACME_CSR_MAX (128 << 10)

struct acme_csr {
    const struct acme_key *key;
    const struct span *names; /* host names and IP addresses, as SANs */
    size_t name_count;
    const struct span *emails;
    size_t email_count;
    bool no_common_name; /* else the first host name, where it is short enough */
};

/* Appends DER. */
MUST_USE enum err acme_csr_append(const struct acme_csr *csr, struct buf *out,
                                  struct err_text *why);

/* The self-signed certificate that proves control of `name` to who asks for
 * "acme-tls/1": SAN, and the SHA-256 of the key authorisation in the critical
 * acmeIdentifier extension. P-256. */
MUST_USE enum err acme_alpn_cert_create(struct span name, struct span key_authorization,
                                        struct cert **out, struct err_text *why);

/* Whether the name is an IP address (RFC 8738) rather than a host name. */
bool acme_name_is_ip(struct span name);

#endif
