/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Carries the requests of ACME's machines (tls/acme_client.h) to the CA and the
 * responses back, on core/control/fetch.h. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_ACME_HTTP_H
#define WEIR_CORE_CONTROL_ACME_HTTP_H

#include "core/control/acme_ca.h"
#include "core/control/fetch.h"
#include "tls/acme_message.h"

/* Embedded in its owner; one request at a time. */
struct acme_http {
    struct fetch_job job;
    bool busy;
    /* Of the response's head; the thread's until the job is done. */
    char nonce[512], location[ACME_URL_MAX + 1];
    char url[ACME_URL_MAX + 1];
    struct buf links;
    int64_t retry_after_s;
    void (*done)(struct acme_http *http, const struct acme_response *response);
};

void acme_http_init(struct acme_http *http,
                    void (*done)(struct acme_http *http, const struct acme_response *response));
/* Not while busy, unless the thread has ended. */
void acme_http_finish(struct acme_http *http);

/* Copies the request; the CA's is borrowed until it is done. */
void acme_http_send(struct acme_http *http, struct fetch *fetch,
                    const struct acme_request *request, const struct acme_ca *ca);
/* Calls `done` of each that has come back; fetch is for these alone. */
void acme_http_take(struct fetch *fetch);

#endif
