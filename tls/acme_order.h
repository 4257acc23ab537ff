/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One certificate from a CA (RFC 8555 §7.4, §7.5): the order, its
 * authorisations and their challenges, the request, the chain. A pure machine
 * on a client that is ready (tls/acme_client.h):
 *
 *   acme_order_next      ACME_SEND, ACME_WAIT, ACME_DONE, ACME_FAILED, or
 *   ACME_PRESENT         the challenges that acme_order_challenge lists must be
 *                        answered from now on; then acme_order_presented. The
 *                        answers are wanted until the order is done or failed.
 *   acme_order_receive   the response to the request
 *
 * An order begun by an earlier process is looked at first and goes on where it
 * was; one that the CA has given up is made anew. One thread.
 */
#ifndef WEIR_TLS_ACME_ORDER_H
#define WEIR_TLS_ACME_ORDER_H

#include "tls/acme_client.h"

#define ACME_NAMES_MAX 100            /* of one order, as at Let's Encrypt */
#define ACME_CHAIN_MAX (256 << 10)    /* bytes of a chain in PEM */
#define ACME_ALTERNATES_MAX 8         /* chains looked at */
#define ACME_POLL_FIRST_MS 1000       /* where the CA says nothing */
#define ACME_POLL_LAST_MS 15000
#define ACME_POLL_LONGEST_S 300       /* of what it says */
#define ACME_ORDER_PATIENCE_MS 1800000 /* for validation and for issuance */

enum acme_challenge_type { ACME_HTTP_01, ACME_TLS_ALPN_01, ACME_DNS_01 };
const char *acme_challenge_name(enum acme_challenge_type type);

struct acme_order_config {
    const struct acme_key *key; /* of the certificate; outlives the order */
    const struct span *names;
    size_t name_count; /* 1 to ACME_NAMES_MAX */
    const struct span *emails;
    size_t email_count;
    bool no_common_name;
    enum acme_challenge_type challenge;
    bool one_by_one;             /* ACME_PRESENT for each challenge, once the one before is valid */
    int64_t delay_ms;            /* between the answers and the CA's look at them */
    const char *profile;         /* "": none */
    const char *preferred_chain; /* common name of the root; "": the CA's choice */
    const char *replaces;        /* of tls/acme_renewal.h; "": none */
    const char *order_url;       /* of an order that is under way; "": none */
};

struct acme_order;

/* Copies what config names, but for the key. ERR_NOMEM. */
MUST_USE enum err acme_order_create(struct acme_client *client,
                                    const struct acme_order_config *config,
                                    struct acme_order **out);
void acme_order_destroy(struct acme_order *order); /* NULL is fine */

void acme_order_next(struct acme_order *order, int64_t now_ms, struct acme_step *step);
void acme_order_receive(struct acme_order *order, int64_t now_ms,
                        const struct acme_response *response);
void acme_order_presented(struct acme_order *order, int64_t now_ms);
/* What was to be presented cannot be. */
void acme_order_present_failed(struct acme_order *order, const char *why);

/* A challenge to answer. */
struct acme_challenge {
    enum acme_challenge_type type;
    const char *name;              /* host or address, without "*." */
    const char *token;             /* base64url */
    const char *key_authorization; /* token.thumbprint */
};
/* The i-th, or false. */
bool acme_order_challenge(const struct acme_order *order, size_t i, struct acme_challenge *out);

/* Once the CA has said it; NULL before. */
const char *acme_order_url(const struct acme_order *order);
/* Once done: PEM, leaf first. */
struct span acme_order_chain(const struct acme_order *order);
const struct acme_failure *acme_order_failure(const struct acme_order *order);
/* Said once: whether the chain asked for was not among those of the CA. */
bool acme_order_chain_missed(const struct acme_order *order);

#endif
