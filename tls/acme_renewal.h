/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a certificate is to be renewed: where the CA says so (ARI, RFC 9773) in
 * its window, else so long before the end as Traefik does it. Pure functions;
 * any thread.
 */
#ifndef WEIR_TLS_ACME_RENEWAL_H
#define WEIR_TLS_ACME_RENEWAL_H

#include "tls/acme_message.h"
#include "tls/cert.h"

#define ACME_CERT_ID_SIZE 256

/* RFC 9773 §4.1: authority key identifier and serial number; ERR_NOTFOUND where
 * the certificate has no such identifier. */
MUST_USE enum err acme_cert_id(const struct cert *cert, char out[ACME_CERT_ID_SIZE]);

struct acme_window {
    int64_t start_s, end_s; /* Unix time */
    char explanation[ACME_URL_MAX]; /* a page for people; "": none */
};
/* ERR_SYNTAX with the reason. */
MUST_USE enum err acme_window_read(struct span body, struct acme_window *out,
                                   struct err_text *why);
/* A moment of it; random: any 32 bits. */
int64_t acme_window_moment(const struct acme_window *window, uint32_t random);

/* How long before the end a certificate of such a life is renewed, and how often
 * it is looked at; both in seconds. Shorter lives than Traefik knows get a third. */
struct acme_renewal_times {
    int64_t before_s, interval_s;
};
struct acme_renewal_times acme_renewal_times(int64_t life_s);

/* "2026-11-24T03:08:00Z", with a fraction or an offset too (RFC 3339). */
MUST_USE enum err acme_time_read(const char *text, int64_t *unix_s);

#endif
