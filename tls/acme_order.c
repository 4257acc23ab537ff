/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each state has one request, made by its row in `requests`, and one reader of
 * the response, which sets the next state. What waits does so in its state,
 * with wait_until_ms; all of them together no longer than the patience.
 */
#include "tls/acme_order_private.h"

#include <stdio.h>
#include <stdlib.h>

static void set_state(struct acme_order *order, enum acme_order_state state)
{
    order->state = state;
    order->calling = false;
    order->polls = 0;
    order->wait_until_ms = 0;
}

static void fail(struct acme_order *order)
{
    set_state(order, ACME_ORDER_FAILED);
}

static char *copy(const char *text)
{
    return span_dup(span_cstr(text != NULL ? text : ""));
}

/* ---- life ---- */

static bool copy_spans(const struct span *from, size_t count, struct span **out)
{
    struct span *to = calloc(count + 1, sizeof(*to));
    *out = to;
    for (size_t i = 0; to != NULL && i < count; i++) {
        to[i] = (struct span){span_dup(from[i]), from[i].len};
        if (to[i].ptr == NULL)
            return false;
    }
    return to != NULL;
}

static void free_spans(struct span *spans, size_t count)
{
    for (size_t i = 0; spans != NULL && i < count; i++)
        free((char *)spans[i].ptr);
    free(spans);
}

enum err acme_order_create(struct acme_client *client, const struct acme_order_config *config,
                           struct acme_order **out)
{
    struct acme_order *order = calloc(1, sizeof(*order));
    if (order == NULL)
        return ERR_NOMEM;
    order->client = client;
    order->config = *config;
    order->config.profile = copy(config->profile);
    order->config.preferred_chain = copy(config->preferred_chain);
    order->config.replaces = copy(config->replaces);
    order->config.order_url = NULL;
    acme_call_init(&order->call);
    buf_init(&order->chain, ACME_CHAIN_MAX);
    bool resumed = config->order_url != NULL && config->order_url[0] != '\0';
    order->url = resumed ? copy(config->order_url) : NULL;
    order->state = resumed ? ACME_ORDER_LOOK : ACME_ORDER_NEW;
    bool good = copy_spans(config->names, config->name_count, &order->names) &&
                copy_spans(config->emails, config->email_count, &order->emails);
    if (!good || order->config.profile == NULL || order->config.preferred_chain == NULL ||
        order->config.replaces == NULL || (resumed && order->url == NULL) ||
        acme_key_thumbprint(acme_client_key(client), order->thumbprint) != ERR_OK) {
        acme_order_destroy(order);
        return ERR_NOMEM;
    }
    *out = order;
    return ERR_OK;
}

static void forget_authorizations(struct acme_order *order)
{
    for (size_t i = 0; i < order->authorization_count; i++) {
        struct acme_authorization *one = &order->authorizations[i];
        free(one->url);
        free(one->name);
        free(one->token);
        free(one->challenge_url);
        free(one->key_authorization);
    }
    free(order->authorizations);
    order->authorizations = NULL;
    order->authorization_count = 0;
}

void acme_order_destroy(struct acme_order *order)
{
    if (order == NULL)
        return;
    forget_authorizations(order);
    free_spans(order->names, order->config.name_count);
    free_spans(order->emails, order->config.email_count);
    for (size_t i = 0; i < order->alternate_count; i++)
        free(order->alternates[i]);
    free((char *)order->config.profile);
    free((char *)order->config.preferred_chain);
    free((char *)order->config.replaces);
    free(order->url);
    free(order->finalize_url);
    free(order->certificate_url);
    acme_call_finish(&order->call);
    buf_finish(&order->chain);
    free(order);
}

/* ---- what is sent ---- */

static enum err ask_new(struct acme_order *order)
{
    char *payload = NULL;
    TRY(acme_order_payload_new(order, &payload));
    return acme_call_post(&order->call, "the order",
                          copy(acme_client_new_order_url(order->client)), payload);
}

static enum err ask_order(struct acme_order *order)
{
    return acme_call_post(&order->call, "the order", copy(order->url), NULL);
}

static enum err ask_authorization(struct acme_order *order)
{
    return acme_call_post(&order->call, "an authorisation",
                          copy(order->authorizations[order->at].url), NULL);
}

static enum err ask_validation(struct acme_order *order)
{
    char *payload = copy("{}");
    return payload == NULL ? ERR_NOMEM
                           : acme_call_post(&order->call, "a challenge",
                                            copy(order->authorizations[order->at].challenge_url),
                                            payload);
}

static enum err ask_finalize(struct acme_order *order)
{
    char *payload = NULL;
    TRY(acme_order_payload_csr(order, &payload, NULL));
    return acme_call_post(&order->call, "the certificate request", copy(order->finalize_url),
                          payload);
}

static enum err ask_certificate(struct acme_order *order)
{
    return acme_call_post(&order->call, "the certificate", copy(order->certificate_url), NULL);
}

static enum err ask_alternate(struct acme_order *order)
{
    return acme_call_post(&order->call, "another chain", copy(order->alternates[order->at]), NULL);
}

/* ---- where it goes next ---- */

static void wait_for(struct acme_order *order, int64_t now_ms,
                     const struct acme_response *response)
{
    int64_t ms = (int64_t)ACME_POLL_FIRST_MS << (order->polls < 5 ? order->polls : 5);
    if (response->retry_after_s >= 0)
        ms = (response->retry_after_s < ACME_POLL_LONGEST_S ? response->retry_after_s
                                                            : ACME_POLL_LONGEST_S) * 1000;
    else if (ms > ACME_POLL_LAST_MS)
        ms = ACME_POLL_LAST_MS;
    order->polls++;
    order->calling = false;
    order->wait_until_ms = now_ms + (ms > 200 ? ms : 200);
}

/* The next authorisation that is not settled, from `at` on; without one, `then`. */
static void next_unsettled(struct acme_order *order, size_t from, enum acme_order_state state,
                           enum acme_order_state then)
{
    size_t i = from;
    while (i < order->authorization_count && order->authorizations[i].valid)
        i++;
    order->at = i < order->authorization_count ? i : 0;
    set_state(order, i < order->authorization_count ? state : then);
}

/* Of a pending order all authorisations are looked at. */
static void begin_authorizations(struct acme_order *order)
{
    order->at = 0;
    set_state(order, ACME_ORDER_AUTHORIZATION);
}

static void follow_status(struct acme_order *order, int64_t now_ms, const char *status,
                          const struct acme_response *response, const json_t *root)
{
    if (strcmp(status, "pending") == 0 && order->state != ACME_ORDER_POLL) {
        begin_authorizations(order);
    } else if (strcmp(status, "ready") == 0 && !order->finalized) {
        set_state(order, ACME_ORDER_FINALIZE);
    } else if (strcmp(status, "valid") == 0 && order->certificate_url != NULL) {
        set_state(order, ACME_ORDER_DOWNLOAD);
    } else if (strcmp(status, "invalid") == 0 && order->state == ACME_ORDER_LOOK) {
        forget_authorizations(order); /* of an earlier process: no verdict on these names */
        set_state(order, ACME_ORDER_NEW);
    } else if (strcmp(status, "invalid") == 0) {
        const json_t *error = json_object_get(root, "error");
        const char *detail = json_string_value(json_object_get(error, "detail"));
        acme_failure_set(&order->failure, "the CA has given up the order: %s",
                         detail != NULL ? detail : "it gives no reason");
        fail(order);
    } else { /* pending, ready or processing: the CA is at it */
        if (order->state != ACME_ORDER_POLL)
            set_state(order, ACME_ORDER_POLL);
        wait_for(order, now_ms, response);
    }
}

static void receive_order(struct acme_order *order, int64_t now_ms,
                          const struct acme_response *response)
{
    json_t *root;
    bool is_new = order->state == ACME_ORDER_NEW;
    if (order->state == ACME_ORDER_FINALIZE)
        order->finalized = true;
    if (is_new) {
        free(order->url);
        order->url = span_dup(response->location);
    }
    const char *status = acme_order_read(order, response->body, &root);
    if (status != NULL && (order->url == NULL || !acme_url_is_usable(order->url))) {
        acme_failure_set(&order->failure, "the order: the CA does not say where it is");
        status = NULL;
    }
    if (status == NULL)
        fail(order);
    else
        follow_status(order, now_ms, status, response, root);
    json_decref(root);
}

static void receive_authorization(struct acme_order *order, int64_t now_ms,
                                  const struct acme_response *response)
{
    struct acme_authorization *one = &order->authorizations[order->at];
    bool validating = order->state == ACME_ORDER_VALIDATE;
    json_t *root;
    const char *status = acme_authorization_read(order, one, response->body, &root);
    if (status == NULL) {
        fail(order);
    } else if (!one->valid && strcmp(status, "pending") != 0) {
        acme_authorization_explain(order, one, root, status);
        fail(order);
    } else if (validating && !one->valid) {
        wait_for(order, now_ms, response);
    } else if (validating) {
        bool next = order->config.one_by_one;
        next_unsettled(order, order->at, next ? ACME_ORDER_PRESENT : ACME_ORDER_VALIDATE,
                       ACME_ORDER_POLL);
    } else if (order->at + 1 < order->authorization_count) {
        order->at++;
        set_state(order, ACME_ORDER_AUTHORIZATION);
    } else {
        next_unsettled(order, 0, ACME_ORDER_PRESENT, ACME_ORDER_POLL);
    }
    json_decref(root);
}

static void receive_validation(struct acme_order *order, int64_t now_ms,
                               const struct acme_response *response)
{
    (void)now_ms;
    (void)response;
    if (order->config.one_by_one) {
        set_state(order, ACME_ORDER_VALIDATE);
        return;
    }
    next_unsettled(order, order->at + 1, ACME_ORDER_TRIGGER, ACME_ORDER_VALIDATE);
    if (order->state == ACME_ORDER_VALIDATE)
        next_unsettled(order, 0, ACME_ORDER_VALIDATE, ACME_ORDER_POLL);
}

static void collect_alternates(struct acme_order *order, struct span links)
{
    char *url;
    while (order->alternate_count < ACME_ALTERNATES_MAX &&
           (url = acme_link(links, "alternate", order->alternate_count)) != NULL)
        order->alternates[order->alternate_count++] = url;
}

static void next_alternate(struct acme_order *order)
{
    if (order->at < order->alternate_count) {
        set_state(order, ACME_ORDER_ALTERNATE);
        return;
    }
    order->chain_missed = true;
    set_state(order, ACME_ORDER_DONE);
}

static void receive_certificate(struct acme_order *order, int64_t now_ms,
                                const struct acme_response *response)
{
    (void)now_ms;
    buf_clear(&order->chain);
    if (!acme_chain_is_usable(response->body) ||
        buf_append(&order->chain, response->body) != ERR_OK) {
        acme_failure_set(&order->failure, "what the CA sends is no chain of certificates");
        fail(order);
        return;
    }
    const char *preferred = order->config.preferred_chain;
    if (preferred[0] == '\0' || acme_chain_ends_at(response->body, preferred)) {
        set_state(order, ACME_ORDER_DONE);
        return;
    }
    collect_alternates(order, response->links);
    order->at = 0;
    next_alternate(order);
}

static void receive_alternate(struct acme_order *order, int64_t now_ms,
                              const struct acme_response *response)
{
    (void)now_ms;
    if (acme_chain_ends_at(response->body, order->config.preferred_chain) &&
        response->body.len <= ACME_CHAIN_MAX) {
        buf_clear(&order->chain);
        if (buf_append(&order->chain, response->body) == ERR_OK)
            set_state(order, ACME_ORDER_DONE);
        else
            fail(order);
        return;
    }
    order->at++;
    next_alternate(order);
}

struct acme_order_row {
    enum err (*ask)(struct acme_order *order);
    void (*receive)(struct acme_order *order, int64_t now_ms,
                    const struct acme_response *response);
};

static const struct acme_order_row rows[] = {
    [ACME_ORDER_NEW] = {ask_new, receive_order},
    [ACME_ORDER_LOOK] = {ask_order, receive_order},
    [ACME_ORDER_AUTHORIZATION] = {ask_authorization, receive_authorization},
    [ACME_ORDER_TRIGGER] = {ask_validation, receive_validation},
    [ACME_ORDER_VALIDATE] = {ask_authorization, receive_authorization},
    [ACME_ORDER_POLL] = {ask_order, receive_order},
    [ACME_ORDER_FINALIZE] = {ask_finalize, receive_order},
    [ACME_ORDER_DOWNLOAD] = {ask_certificate, receive_certificate},
    [ACME_ORDER_ALTERNATE] = {ask_alternate, receive_alternate},
    [ACME_ORDER_PRESENT] = {NULL, NULL},
    [ACME_ORDER_DONE] = {NULL, NULL},
    [ACME_ORDER_FAILED] = {NULL, NULL},
};

/* ---- the machine ---- */

static bool settle(struct acme_order *order, struct acme_step *step)
{
    switch (order->state) {
    case ACME_ORDER_PRESENT:
        step->action = ACME_PRESENT;
        return true;
    case ACME_ORDER_DONE:
        step->action = ACME_DONE;
        return true;
    case ACME_ORDER_FAILED:
        step->action = ACME_FAILED;
        return true;
    default:
        return false;
    }
}

void acme_order_next(struct acme_order *order, int64_t now_ms, struct acme_step *step)
{
    *step = (struct acme_step){.action = ACME_FAILED};
    if (order->deadline_ms == 0)
        order->deadline_ms = now_ms + ACME_ORDER_PATIENCE_MS;
    if (settle(order, step))
        return;
    if (now_ms > order->deadline_ms) {
        acme_failure_set(&order->failure, "the CA does not come to an end with the order");
        fail(order);
        return;
    }
    if (order->wait_until_ms > now_ms) {
        *step = (struct acme_step){.action = ACME_WAIT, .wait_until_ms = order->wait_until_ms};
        return;
    }
    if (!order->calling && rows[order->state].ask(order) == ERR_OK)
        order->calling = true;
    if (order->calling)
        acme_call_next(order->client, &order->call, now_ms, step);
    if (step->action == ACME_FAILED) {
        acme_failure_set(&order->failure, "out of memory, or the keys cannot be used");
        fail(order);
    }
}

/* What the CA has forgotten, or will not replace, is asked for without that. */
static bool begin_anew(struct acme_order *order)
{
    const char *type = order->failure.type;
    bool look = order->state == ACME_ORDER_LOOK && !order->failure.unreachable &&
                strcmp(type, "rateLimited") != 0 && strcmp(type, "accountDoesNotExist") != 0;
    bool replaces = order->state == ACME_ORDER_NEW && order->config.replaces[0] != '\0' &&
                    !order->failure.unreachable && strcmp(type, "rateLimited") != 0 &&
                    strcmp(type, "accountDoesNotExist") != 0;
    if (!look && !replaces)
        return false;
    ((char *)order->config.replaces)[0] = '\0';
    set_state(order, ACME_ORDER_NEW);
    return true;
}

void acme_order_receive(struct acme_order *order, int64_t now_ms,
                        const struct acme_response *response)
{
    switch (acme_call_receive(order->client, &order->call, now_ms, response, &order->failure)) {
    case ACME_AGAIN:
        return;
    case ACME_SUCCESS:
        rows[order->state].receive(order, now_ms, response);
        break;
    case ACME_REFUSED:
        if (order->state == ACME_ORDER_ALTERNATE) { /* there is a chain already */
            order->at++;
            next_alternate(order);
        } else if (!begin_anew(order)) {
            fail(order);
        }
    }
}

void acme_order_presented(struct acme_order *order, int64_t now_ms)
{
    size_t from = order->config.one_by_one ? order->at : 0;
    next_unsettled(order, from, ACME_ORDER_TRIGGER, ACME_ORDER_POLL);
    order->wait_until_ms = now_ms + order->config.delay_ms;
    order->deadline_ms = now_ms + ACME_ORDER_PATIENCE_MS; /* it counts for the CA alone */
}

void acme_order_present_failed(struct acme_order *order, const char *why)
{
    acme_failure_set(&order->failure, "the challenges cannot be answered: %s", why);
    fail(order);
}

bool acme_order_challenge(const struct acme_order *order, size_t i, struct acme_challenge *out)
{
    for (size_t j = 0; j < order->authorization_count; j++) {
        const struct acme_authorization *one = &order->authorizations[j];
        if (one->valid || one->token == NULL || (order->config.one_by_one && j != order->at) ||
            i-- > 0)
            continue;
        *out = (struct acme_challenge){order->config.challenge, one->name, one->token,
                                       one->key_authorization};
        return true;
    }
    return false;
}

const char *acme_order_url(const struct acme_order *order)
{
    return order->url;
}

struct span acme_order_chain(const struct acme_order *order)
{
    return buf_span(&order->chain);
}

const struct acme_failure *acme_order_failure(const struct acme_order *order)
{
    return &order->failure;
}

bool acme_order_chain_missed(const struct acme_order *order)
{
    return order->chain_missed;
}
