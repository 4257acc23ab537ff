/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom a server trusts to vouch for its clients: authorities and revocation lists
 * of one set of TLS options. Verifies a client's chain by RFC 5280 with wolfSSL's
 * certificate manager. Each verification has a manager of its own with only what
 * it needs, so that nothing a client sends stays behind, and workers share nothing
 * that changes.
 *
 * Made on the control thread, immutable; owned by struct tls_options.
 */
#ifndef WEIR_TLS_CLIENT_TRUST_H
#define WEIR_TLS_CLIENT_TRUST_H

#include "core/base/err.h"
#include "core/base/span.h"
#include "tls/alert.h"
#include "tls/crl.h"

struct tls_client_trust;

/* pems: the contents of the CA files; each must hold a certificate. crls may be
 * NULL: revocation is not asked about; else each certificate of a chain but the
 * authority's needs a list of its issuer. Takes a reference on it. */
MUST_USE enum err tls_client_trust_create(const struct span *pems, size_t count,
                                          struct crl_set *crls, struct tls_client_trust **out,
                                          struct err_text *why);
void tls_client_trust_destroy(struct tls_client_trust *trust); /* NULL is fine */
/* Hash over authorities and lists. */
uint64_t tls_client_trust_digest(const struct tls_client_trust *trust);

#define TLS_CLIENT_ACCEPTED 0

/* certs: what the client sent, DER, its own first; the others in any order.
 * TLS_CLIENT_ACCEPTED, or the alert to send, with the reason in `why`. Any thread. */
MUST_USE enum tls_alert tls_client_trust_verify(const struct tls_client_trust *trust,
                                                       const struct span *certs, size_t count,
                                                       int64_t now_s, struct err_text *why);

#endif
