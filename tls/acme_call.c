/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request until it has an answer that counts. A nonce is taken when the
 * body is made; whatever comes back leaves the next one with the client.
 */
#include "tls/acme_client_private.h"

#include "tls/acme_jws.h"

#include <stdlib.h>

void acme_call_init(struct acme_call *call)
{
    *call = (struct acme_call){.what = ""};
    buf_init(&call->body, ACME_JWS_MAX);
}

static void forget_strings(struct acme_call *call)
{
    free(call->url);
    free(call->payload);
    call->url = call->payload = NULL;
}

void acme_call_finish(struct acme_call *call)
{
    forget_strings(call);
    buf_finish(&call->body);
}

static void begin(struct acme_call *call, const char *what, char *url, char *payload)
{
    forget_strings(call);
    call->url = url;
    call->payload = payload;
    call->what = what;
    call->plain = call->fetching_nonce = false;
    call->bad_nonces = call->attempts = 0;
    call->not_before_ms = 0;
}

enum err acme_call_post(struct acme_call *call, const char *what, char *url, char *payload)
{
    begin(call, what, url, payload);
    return url != NULL ? ERR_OK : ERR_NOMEM;
}

enum err acme_call_get(struct acme_call *call, const char *what, char *url)
{
    begin(call, what, url, NULL);
    call->plain = true;
    return url != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err sign(struct acme_client *client, struct acme_call *call)
{
    char *nonce = acme_client_take_nonce(client);
    struct acme_jws jws = {client->key, client->account_url, nonce, call->url};
    buf_clear(&call->body);
    enum err error = acme_jws_append(&jws, span_cstr(call->payload), &call->body);
    free(nonce);
    return error;
}

void acme_call_next(struct acme_client *client, struct acme_call *call, int64_t now_ms,
                    struct acme_step *step)
{
    *step = (struct acme_step){.action = ACME_SEND};
    if (call->not_before_ms > now_ms) {
        step->action = ACME_WAIT;
        step->wait_until_ms = call->not_before_ms;
    } else if (call->plain) {
        step->request = (struct acme_request){ACME_GET, call->url, SPAN_EMPTY};
    } else if (client->nonce_count == 0 && client->urls[ACME_NEW_NONCE] != NULL) {
        call->fetching_nonce = true;
        step->request = (struct acme_request){ACME_HEAD, client->urls[ACME_NEW_NONCE], SPAN_EMPTY};
    } else if (client->nonce_count > 0 && sign(client, call) == ERR_OK) {
        call->fetching_nonce = false;
        step->request = (struct acme_request){ACME_POST, call->url, buf_span(&call->body)};
    } else {
        step->action = ACME_FAILED;
    }
}

/* Who fails itself, or cannot be reached, is asked again, unless it names a time
 * that is for the caller to keep. */
static bool may_repeat(struct acme_call *call, int64_t now_ms, const struct acme_failure *failure)
{
    if (!failure->unreachable || failure->retry_after_s > 0 || ++call->attempts >= ACME_ATTEMPTS)
        return false;
    call->not_before_ms = now_ms + ((int64_t)ACME_ATTEMPT_MS << (call->attempts - 1));
    return true;
}

static enum acme_verdict judge_nonce(const struct acme_client *client, struct acme_call *call,
                                     int64_t now_ms, const struct acme_response *response,
                                     struct acme_failure *failure)
{
    if (client->nonce_count > 0)
        return ACME_AGAIN;
    acme_failure_read(response, "a nonce", failure);
    if (may_repeat(call, now_ms, failure))
        return ACME_AGAIN;
    if (response->status >= 200 && response->status < 300)
        acme_failure_set(failure, "a nonce: the CA answers without one");
    return ACME_REFUSED;
}

enum acme_verdict acme_call_receive(struct acme_client *client, struct acme_call *call,
                                    int64_t now_ms, const struct acme_response *response,
                                    struct acme_failure *failure)
{
    acme_client_keep_nonce(client, response->nonce);
    if (call->fetching_nonce)
        return judge_nonce(client, call, now_ms, response, failure);
    if (response->status >= 200 && response->status < 300)
        return ACME_SUCCESS;
    acme_failure_read(response, call->what, failure);
    if (strcmp(failure->type, "badNonce") == 0 && ++call->bad_nonces < ACME_BAD_NONCES)
        return ACME_AGAIN;
    return may_repeat(call, now_ms, failure) ? ACME_AGAIN : ACME_REFUSED;
}
