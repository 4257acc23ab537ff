/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's set-up and one signed request, waited for.
 */
#include "core/control/acme_revoke.h"

#include "core/base/clock.h"
#include "core/control/acme_http.h"
#include "tls/acme_client.h"
#include "tls/base64.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 60000

struct session {
    struct acme_key *key;
    struct acme_client *client;
    struct fetch *fetch;
    struct acme_http http;
    struct acme_call call;
    struct acme_ca ca;
    bool revoking, over;
    enum acme_verdict verdict;
    struct acme_failure failure;
};

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

static void on_response(struct acme_http *http, const struct acme_response *response)
{
    struct session *session = container_of(http, struct session, http);
    if (!session->revoking) {
        acme_client_receive(session->client, now_ms(), response);
        return;
    }
    session->verdict = acme_call_receive(session->client, &session->call, now_ms(), response,
                                         &session->failure);
    session->over = session->verdict != ACME_AGAIN;
}

/* Does what the machine wants; false once it has come to an end. */
static bool act(struct session *session, const struct acme_step *step)
{
    struct pollfd ready = {fetch_fd(session->fetch), POLLIN, 0};
    int wait_ms = PATIENCE_MS;
    if (step->action == ACME_SEND)
        acme_http_send(&session->http, session->fetch, &step->request, &session->ca);
    else if (step->action == ACME_WAIT)
        wait_ms = (int)(step->wait_until_ms - now_ms());
    else
        return false;
    (void)poll(&ready, 1, wait_ms > 0 ? wait_ms : 0);
    acme_http_take(session->fetch);
    return !session->http.busy;
}

static enum err set_up(struct session *session, struct err_text *why)
{
    struct acme_step step;
    do
        acme_client_next(session->client, now_ms(), &step);
    while (act(session, &step));
    if (step.action == ACME_DONE)
        return ERR_OK;
    return err_set(why, ERR_IO, "%s", step.action == ACME_FAILED
                                          ? acme_client_failure(session->client)->why.text
                                          : "the CA does not answer");
}

static enum err ask(struct session *session, const struct cert *cert, struct err_text *why)
{
    char *leaf = base64_text(cert_leaf(cert), BASE64_URL), *payload = NULL;
    const char *url = acme_client_revoke_url(session->client);
    enum err error = url == NULL ? err_set(why, ERR_UNSUPPORTED, "the CA revokes nothing")
                     : leaf == NULL || asprintf(&payload, "{\"certificate\":\"%s\"}", leaf) < 0
                         ? ERR_NOMEM
                         : acme_call_post(&session->call, "the revocation",
                                          span_dup(span_cstr(url)), payload);
    free(leaf);
    return error;
}

static enum err revoke(struct session *session, const struct cert *cert, struct err_text *why)
{
    struct acme_step step;
    TRY(set_up(session, why));
    TRY(ask(session, cert, why));
    session->revoking = true;
    do
        acme_call_next(session->client, &session->call, now_ms(), &step);
    while (act(session, &step) && !session->over);
    if (session->over && session->verdict == ACME_SUCCESS)
        return ERR_OK;
    return err_set(why, ERR_IO, "%s", session->over ? session->failure.why.text
                                                    : "the CA does not answer");
}

static enum err load_key(struct session *session, const char *text, struct err_text *why)
{
    struct buf der;
    buf_init(&der, ACME_KEY_TEXT_MAX);
    enum err error = base64_decode(&der, span_cstr(text), BASE64_STANDARD);
    if (error == ERR_OK)
        error = acme_key_from_der(buf_span(&der), &session->key, why);
    if (der.data != NULL)
        explicit_bzero(der.data, der.cap);
    buf_finish(&der);
    return error;
}

static enum err begin(struct session *session, const struct model_resolver *resolver,
                      const struct acme_store *store, struct err_text *why)
{
    struct acme_stored_account account;
    if (!acme_store_account(store, resolver->object.name.ptr, &account) ||
        account.uri[0] == '\0')
        return err_set(why, ERR_NOTFOUND, "%s has no account of the resolver %s",
                       acme_store_path(store), resolver->object.name.ptr);
    TRY(load_key(session, account.key, why));
    TRY(acme_ca_init(&session->ca, &resolver->acme, why));
    TRY(fetch_create(&session->fetch, why));
    struct acme_client_config config = {
        .directory_url = resolver->acme.ca_server.ptr,
        .key = session->key,
        .account_url = account.uri,
    };
    return acme_client_create(&config, &session->client);
}

enum err acme_revoke(const struct model_resolver *resolver, const struct acme_store *store,
                     const struct cert *cert, struct err_text *why)
{
    struct session session = {.verdict = ACME_REFUSED};
    acme_http_init(&session.http, on_response);
    acme_call_init(&session.call);
    enum err error = begin(&session, resolver, store, why);
    if (error == ERR_OK)
        error = revoke(&session, cert, why);
    fetch_destroy(session.fetch);
    acme_http_finish(&session.http);
    acme_call_finish(&session.call);
    acme_client_destroy(session.client);
    acme_key_destroy(session.key);
    acme_ca_finish(&session.ca);
    return error;
}
