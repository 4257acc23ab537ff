/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names that a certificate is for, as Traefik's store key has them:
 * lower-cased common name, DNS and IP SANs, without duplicates, in byte order,
 * joined with ','. Any thread.
 */
#ifndef WEIR_TLS_CERT_NAMES_H
#define WEIR_TLS_CERT_NAMES_H

#include "tls/x509.h"

struct cert_names {
    char *memory; /* owns the list and the text */
    struct span *list;
    size_t count;
    size_t key_len; /* of the names joined */
};

/* ERR_INVALID for a name with a NUL inside, ERR_SYNTAX for an IP SAN of
 * another size than 4 or 16 bytes. */
MUST_USE enum err cert_names_collect(const struct x509 *leaf, struct cert_names *out,
                                     struct err_text *why);
void cert_names_finish(struct cert_names *names);
/* Writes key_len bytes, no NUL. */
void cert_names_join(const struct cert_names *names, char *out);

#endif
