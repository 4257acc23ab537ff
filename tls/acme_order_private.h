/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by acme_order.c and acme_order_read.c; nobody else includes this.
 */
#ifndef WEIR_TLS_ACME_ORDER_PRIVATE_H
#define WEIR_TLS_ACME_ORDER_PRIVATE_H

#include "tls/acme_client_private.h"
#include "tls/acme_order.h"

#define ACME_ORDER_STATES(X)                                                          \
    X(NEW) X(LOOK) X(AUTHORIZATION) X(PRESENT) X(TRIGGER) X(VALIDATE) X(POLL)         \
    X(FINALIZE) X(DOWNLOAD) X(ALTERNATE) X(DONE) X(FAILED)

enum acme_order_state {
#define ACME_ORDER_ENUM(name) ACME_ORDER_##name,
    ACME_ORDER_STATES(ACME_ORDER_ENUM)
#undef ACME_ORDER_ENUM
};

struct acme_authorization {
    char *url, *name, *token, *challenge_url, *key_authorization;
    bool valid;
};

struct acme_order {
    enum acme_order_state state;
    struct acme_client *client;
    struct acme_order_config config; /* its pointers are the order's own */
    struct span *names, *emails;
    char thumbprint[ACME_THUMBPRINT_SIZE];
    char *url, *finalize_url, *certificate_url;
    char *alternates[ACME_ALTERNATES_MAX];
    size_t alternate_count;
    struct acme_authorization *authorizations;
    size_t authorization_count;
    size_t at; /* the authorisation, or the alternate, that is looked at */
    bool finalized; /* the request has been sent */
    bool chain_missed;
    bool calling; /* `call` is under way */
    int64_t wait_until_ms, deadline_ms;
    unsigned polls; /* since the state was entered */
    struct acme_call call;
    struct buf chain;
    struct acme_failure failure;
};

/* The order's state and URLs out of its JSON; the status, or NULL with the
 * failure set. The text is valid as long as *root, which the caller frees. */
const char *acme_order_read(struct acme_order *order, struct span body, json_t **root);
/* An authorisation; the same. */
const char *acme_authorization_read(struct acme_order *order, struct acme_authorization *one,
                                    struct span body, json_t **root);
/* Why the authorisation is not valid, into the failure. */
void acme_authorization_explain(struct acme_order *order, const struct acme_authorization *one,
                                const json_t *root, const char *status);
/* Whether the PEM text is of certificates, and the topmost was issued by that root. */
bool acme_chain_is_usable(struct span pem);
bool acme_chain_ends_at(struct span pem, const char *common_name);
MUST_USE enum err acme_order_payload_new(const struct acme_order *order, char **out);
MUST_USE enum err acme_order_payload_csr(const struct acme_order *order, char **out,
                                         struct err_text *why);

#endif
