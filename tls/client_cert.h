/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The certificates that a client sent in its handshake, kept as long as the
 * connection: for the access log and for passTLSClientCert, whose two texts are
 * made here exactly as Traefik makes them. Immutable; its engine's thread.
 */
#ifndef WEIR_TLS_CLIENT_CERT_H
#define WEIR_TLS_CLIENT_CERT_H

#include "core/base/buf.h"
#include "tls/name_text.h"

#define CLIENT_CERT_MAX 10            /* certificates of a chain, the leaf included */
#define CLIENT_CERT_SUBJECT_MAX 4096  /* bytes of the subject as text; the rest is cut */

struct client_cert {
    char *subject; /* of the leaf, as Go prints it; NUL-terminated, malloc'ed */
    size_t count;
    struct span certs[]; /* DER, the leaf first; behind the struct */
};

/* Copies. count: 1 to CLIENT_CERT_MAX. ERR_NOMEM. */
MUST_USE enum err client_cert_create(const struct span *certs, size_t count,
                                     struct client_cert **out);
void client_cert_destroy(struct client_cert *cert); /* NULL is fine */

/* The chain in base64 without line ends, the certificates apart by ','. */
MUST_USE enum err client_cert_append_pem(const struct client_cert *cert, struct buf *out);

/* What is to be told of each certificate; subject and issuer: enum name_attribute. */
struct client_cert_wanted {
    bool not_after, not_before, sans, serial_number;
    uint32_t subject, issuer;
};
/* `Subject="…";Issuer="…";SerialNumber="…";NB="…";NA="…";SAN="…"`, the
 * certificates apart by ',', all of it escaped as in a query. */
MUST_USE enum err client_cert_append_info(const struct client_cert *cert,
                                          const struct client_cert_wanted *wanted,
                                          struct buf *out);

#endif
