/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client of one CA: its directory, its nonces and our account there (RFC
 * 8555 §7.1 to §7.3). A pure machine: it says what to send next and is given
 * what came; it does no I/O and has no clock. Orders (tls/acme_order.h) and
 * single requests share a client; each has one request under way at a time.
 *
 *   acme_client_next      what the set-up wants: a request, to wait, or nothing
 *                         any more (ready), or it has failed
 *   acme_client_receive   the response to the request
 *
 * Requests of all kinds go through a struct acme_call, which adds nonce and
 * signature, fetches a nonce first where there is none, and repeats what was
 * refused for its nonce or got lost. One thread.
 */
#ifndef WEIR_TLS_ACME_CLIENT_H
#define WEIR_TLS_ACME_CLIENT_H

#include "core/base/buf.h"
#include "tls/acme_key.h"
#include "tls/acme_message.h"

#define ACME_NONCES_MAX 64   /* kept at a time */
#define ACME_BAD_NONCES 12   /* refusals for the nonce before a request fails */
#define ACME_ATTEMPTS 3      /* at a CA that cannot be reached or fails itself */
#define ACME_ATTEMPT_MS 2000 /* between the first two; then twice as long */

struct acme_client_config {
    const char *directory_url;
    const struct acme_key *key; /* of the account; outlives the client */
    const char *email;          /* "": none */
    const char *eab_kid, *eab_hmac; /* "": none */
    const char *account_url;    /* known from before; "": the account is to be made */
};

/* What a machine wants. */
enum acme_action {
    ACME_SEND,    /* the request, then …_receive */
    ACME_WAIT,    /* until wait_until_ms, then …_next again */
    ACME_PRESENT, /* an order's: answers to challenges, see there */
    ACME_DONE,
    ACME_FAILED, /* …_failure says why */
};

struct acme_step {
    enum acme_action action;
    struct acme_request request; /* borrowed until the response has been received */
    int64_t wait_until_ms;
};

struct acme_client;

/* Copies what config names, but for the key. ERR_NOMEM. */
MUST_USE enum err acme_client_create(const struct acme_client_config *config,
                                     struct acme_client **out);
void acme_client_destroy(struct acme_client *client); /* NULL is fine */

void acme_client_next(struct acme_client *client, int64_t now_ms, struct acme_step *step);
void acme_client_receive(struct acme_client *client, int64_t now_ms,
                         const struct acme_response *response);
bool acme_client_is_ready(const struct acme_client *client);
const struct acme_failure *acme_client_failure(const struct acme_client *client);
/* After a failure, and where a new look at the directory is wanted. */
void acme_client_restart(struct acme_client *client);
/* The CA does not know our account (any more): the next set-up makes it. */
void acme_client_forget_account(struct acme_client *client);

/* Of the account, once ready: its URL, and what the CA answered when it was made
 * (JSON; NULL: it was known before). */
const char *acme_client_account_url(const struct acme_client *client);
const char *acme_client_account_body(const struct acme_client *client);
const struct acme_key *acme_client_key(const struct acme_client *client);

/* URLs of the directory; NULL: the CA has none. */
const char *acme_client_new_order_url(const struct acme_client *client);
const char *acme_client_revoke_url(const struct acme_client *client);
const char *acme_client_renewal_url(const struct acme_client *client);
/* Whether the CA says that it has a profile of this name. */
bool acme_client_has_profile(const struct acme_client *client, const char *profile);
/* The names of the profiles, "a, b", into `out`. */
void acme_client_profiles(const struct acme_client *client, char *out, size_t size);

/* ---- single requests ---- */

struct acme_call {
    char *url, *payload; /* payload NULL: POST-as-GET */
    const char *what;    /* for messages: "the order" */
    bool plain;          /* a GET without signature */
    bool fetching_nonce;
    unsigned bad_nonces, attempts;
    int64_t not_before_ms;
    struct buf body;
};

enum acme_verdict {
    ACME_AGAIN,   /* acme_call_next once more */
    ACME_SUCCESS, /* the response is a 2xx */
    ACME_REFUSED, /* it is not, and that is final; *failure says why */
};

void acme_call_init(struct acme_call *call);
void acme_call_finish(struct acme_call *call);
/* Takes the strings, which may be NULL for want of memory: ERR_NOMEM then. */
MUST_USE enum err acme_call_post(struct acme_call *call, const char *what, char *url,
                                 char *payload);
MUST_USE enum err acme_call_get(struct acme_call *call, const char *what, char *url);
/* ACME_SEND or ACME_WAIT; ACME_FAILED for want of memory. */
void acme_call_next(struct acme_client *client, struct acme_call *call, int64_t now_ms,
                    struct acme_step *step);
enum acme_verdict acme_call_receive(struct acme_client *client, struct acme_call *call,
                                    int64_t now_ms, const struct acme_response *response,
                                    struct acme_failure *failure);

#endif
