/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answers to ACME's challenges that are wanted right now: a small table that
 * the control thread replaces as a whole and workers read under RCU, so that a
 * challenge costs no reload. HTTP-01 is answered by token (RFC 8555 §8.3),
 * TLS-ALPN-01 with the certificate of a server name (RFC 8737).
 */
#ifndef WEIR_CORE_PROXY_CHALLENGES_H
#define WEIR_CORE_PROXY_CHALLENGES_H

#include "core/base/err.h"
#include "core/base/span.h"
#include "tls/context.h"

#define CHALLENGE_PATH SPAN("/.well-known/acme-challenge/")
#define CHALLENGE_ALPN "acme-tls/1"

struct challenge_http {
    struct span token, key_authorization;
};

struct challenge_tls {
    struct span server_name; /* normalised; of an address its name in in-addr.arpa or ip6.arpa */
    struct cert *cert;
};

/* Control thread. Copies the texts, takes references on the certificates, and
 * waits for a grace period. Nothing at all unpublishes. */
MUST_USE enum err challenges_publish(const struct challenge_http *http, size_t http_count,
                                     const struct challenge_tls *tls, size_t tls_count,
                                     struct err_text *why);
/* When no worker is left. */
void challenges_finish(void);

/* Workers; what is returned is valid until the end of the turn. */
/* The key authorisation for a path below CHALLENGE_PATH; empty: unknown. */
struct span challenges_find_http(struct span path);
/* The context for a server name; NULL: none. Its user takes a reference. */
struct tls_context *challenges_find_tls(struct span server_name);

#endif
