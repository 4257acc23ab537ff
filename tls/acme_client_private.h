/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by acme_client.c, acme_call.c and acme_order.c; nobody else includes
 * this.
 */
#ifndef WEIR_TLS_ACME_CLIENT_PRIVATE_H
#define WEIR_TLS_ACME_CLIENT_PRIVATE_H

#include "tls/acme_client.h"

#include <jansson.h>

/* The URLs of a directory, by their names there. */
#define ACME_URL_LIST(X)                                                              \
    X(NEW_NONCE, "newNonce", true) X(NEW_ACCOUNT, "newAccount", true)                 \
    X(NEW_ORDER, "newOrder", true) X(REVOKE_CERT, "revokeCert", false)                \
    X(RENEWAL_INFO, "renewalInfo", false)

enum acme_url {
#define ACME_URL_ENUM(name, text, needed) ACME_##name,
    ACME_URL_LIST(ACME_URL_ENUM)
#undef ACME_URL_ENUM
        ACME_URL_COUNT
};

enum acme_client_state {
    ACME_CLIENT_DIRECTORY,
    ACME_CLIENT_ACCOUNT,
    ACME_CLIENT_READY,
    ACME_CLIENT_FAILED,
};

struct acme_client {
    enum acme_client_state state;
    const struct acme_key *key;
    char *directory_url, *email, *eab_kid, *eab_hmac;
    char *account_url;  /* NULL: not known yet */
    char *account_body; /* NULL: known from before */
    char *urls[ACME_URL_COUNT];
    json_t *profiles; /* meta.profiles; NULL: none */
    char *nonces[ACME_NONCES_MAX];
    size_t nonce_count;
    bool calling; /* `call` is under way */
    struct acme_call call;
    struct acme_failure failure;
};

/* The newest one, which is the caller's; NULL: none. */
char *acme_client_take_nonce(struct acme_client *client);
void acme_client_keep_nonce(struct acme_client *client, struct span nonce);

#endif
