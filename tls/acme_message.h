/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes between ACME's state machines and whoever does the HTTP for them:
 * requests, responses, and what a CA says when it refuses (RFC 7807, RFC 8555
 * §6.7), turned into words. No I/O, no clock. Any thread.
 */
#ifndef WEIR_TLS_ACME_MESSAGE_H
#define WEIR_TLS_ACME_MESSAGE_H

#include "core/base/err.h"
#include "core/base/span.h"

#define ACME_BODY_MAX (1 << 20) /* bytes of a response's body */
#define ACME_URL_MAX 2048       /* bytes of a URL that a CA gives */

enum acme_method { ACME_GET, ACME_HEAD, ACME_POST };

struct acme_request {
    enum acme_method method;
    const char *url;
    struct span body; /* of a POST, application/jose+json */
};

struct acme_response {
    int status;        /* 0: there was none, `error` says why */
    const char *error; /* NULL: none */
    struct span body;
    struct span nonce, location; /* fields of the head; empty: absent */
    struct span links;           /* the values of Link, one a line */
    int64_t retry_after_s;       /* from now; -1: absent */
};

/* Why something did not work. */
struct acme_failure {
    char type[64];         /* of RFC 8555's list, without the prefix; "": not from there */
    int64_t retry_after_s; /* -1: the CA does not say */
    bool silent;           /* there was no response at all */
    bool unreachable;      /* the same, or the CA failed itself (5xx) */
    struct err_text why;   /* for the operator, with the CA's own words */
};

/* Makes words of a response that is no success. */
void acme_failure_read(const struct acme_response *response, const char *what,
                       struct acme_failure *out);
/* A failure of our own. */
void acme_failure_set(struct acme_failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A printable, short form of what a CA says: control characters become spaces. */
void acme_text_clean(char *text);

/* Whether a URL from a CA may be used: http or https, printable, not too long. */
bool acme_url_is_usable(const char *url);

/* The i-th URL with this relation among the Link values (RFC 8288), malloc'ed;
 * NULL: no more, or no memory. */
char *acme_link(struct span links, const char *relation, size_t i);

#endif
