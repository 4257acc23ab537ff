/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machines of a client and an order against a CA made of a few lines: it
 * checks nonces and signed headers as RFC 8555 §6 asks for them, and errs where
 * a test wants it to. Time is a number that waiting moves on.
 */
#include "tls/acme_order.h"
#include "tls/base64.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CA "https://ca.test"

/* Any certificate does: the machine only looks at who issued the topmost. */
static const char chain_a[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt\n"
    "cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS\n"
    "BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu\n"
    "7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf\n"
    "qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B\n"
    "yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb\n"
    "+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK\n"
    "-----END CERTIFICATE-----\n";

struct ca {
    struct acme_client *client;
    struct acme_order *order;
    struct acme_key *account_key, *key;
    int64_t now_ms;
    /* the CA's state */
    unsigned nonce_made, nonce_used;
    const char *order_status, *authorization_status;
    unsigned pending_left; /* looks until it is valid */
    bool validated, presented, finalized, has_profile_key;
    unsigned requests, new_orders, nonces_fetched, accounts, waits;
    char posted[32][64];
    /* what goes wrong */
    unsigned bad_nonces, lost, broken, rate_limited;
    bool refuse_replaces, forget_order, no_challenge, other_name, no_location, bad_chain, no_nonce;
    bool no_account, alternates, rejects_csr, broken_json;
    /* of the response */
    char nonce[32], location[64], body[8192];
    struct acme_response response;
};

/* ---- answers ---- */

static void answer(struct ca *ca, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void answer(struct ca *ca, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ca->body, sizeof(ca->body), format, arguments);
    va_end(arguments);
    snprintf(ca->nonce, sizeof(ca->nonce), "nonce%u", ++ca->nonce_made);
    ca->response = (struct acme_response){.status = status,
                                          .body = span_cstr(ca->body),
                                          .nonce = span_cstr(ca->no_nonce ? "" : ca->nonce),
                                          .location = span_cstr(ca->location),
                                          .retry_after_s = -1};
}

static void problem(struct ca *ca, int status, const char *type, const char *detail)
{
    answer(ca, status, "{\"type\":\"urn:ietf:params:acme:error:%s\",\"detail\":\"%s\"}", type,
           detail);
}

static json_t *decode(const json_t *jws, const char *member)
{
    struct buf plain;
    buf_init(&plain, 1 << 20);
    assert_int_equal(base64_decode(&plain, span_cstr(json_string_value(json_object_get(
                                               jws, member))), BASE64_URL), ERR_OK);
    json_t *json = json_loadb(buf_len(&plain) > 0 ? buf_span(&plain).ptr : "", buf_len(&plain), 0,
                              NULL);
    buf_finish(&plain);
    return json;
}

/* Whether the request may pass; its payload for the caller. */
static bool check_jws(struct ca *ca, const struct acme_request *request, json_t **payload)
{
    json_t *jws = json_loadb(request->body.ptr, request->body.len, 0, NULL);
    json_t *head = decode(jws, "protected");
    const char *nonce = json_string_value(json_object_get(head, "nonce"));
    bool is_account = strcmp(request->url, CA "/new-account") == 0;
    unsigned number;
    *payload = decode(jws, "payload");
    assert_string_equal(json_string_value(json_object_get(head, "url")), request->url);
    assert_int_equal(json_object_get(head, "jwk") != NULL, is_account);
    if (!is_account)
        assert_string_equal(json_string_value(json_object_get(head, "kid")), CA "/account/1");
    assert_int_equal(sscanf(nonce, "nonce%u", &number), 1);
    assert_true(number != ca->nonce_used && number <= ca->nonce_made); /* never one twice */
    ca->nonce_used = number;
    json_decref(head);
    json_decref(jws);
    if (ca->bad_nonces == 0)
        return true;
    ca->bad_nonces--;
    problem(ca, 400, "badNonce", "stale");
    return false;
}

static void answer_order(struct ca *ca, int status)
{
    answer(ca, status,
           "{\"status\":\"%s\",\"identifiers\":[],\"authorizations\":[\"" CA "/authz/1\"],"
           "\"finalize\":\"" CA "/finalize\"%s}", ca->order_status,
           strcmp(ca->order_status, "valid") == 0 ? ",\"certificate\":\"" CA "/cert\"" : "");
}

static void answer_new_order(struct ca *ca, const json_t *payload)
{
    ca->new_orders++;
    if (ca->rate_limited > 0) {
        ca->rate_limited--;
        problem(ca, 429, "rateLimited", "too many");
        ca->response.retry_after_s = 7200;
        return;
    }
    if (ca->refuse_replaces && json_object_get(payload, "replaces") != NULL) {
        problem(ca, 409, "alreadyReplaced", "no");
        return;
    }
    ca->has_profile_key = json_object_get(payload, "profile") != NULL;
    snprintf(ca->location, sizeof(ca->location), "%s", ca->no_location ? "" : CA "/order/1");
    answer_order(ca, 201);
}

static void answer_authorization(struct ca *ca)
{
    if (ca->validated && strcmp(ca->authorization_status, "pending") == 0 &&
        ca->pending_left-- == 0) {
        ca->authorization_status = "valid";
        ca->order_status = "ready";
    }
    answer(ca, 200,
           "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},\"challenges\":["
           "{\"type\":\"%s\",\"token\":\"t0ken\",\"url\":\"" CA "/challenge\"%s}]}",
           ca->authorization_status, ca->other_name ? "evil.test" : "a.test",
           ca->no_challenge ? "dns-01" : "http-01",
           strcmp(ca->authorization_status, "invalid") == 0
               ? ",\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\","
                 "\"detail\":\"refused\"}" : "");
}

static void answer_finalize(struct ca *ca, const json_t *payload)
{
    assert_non_null(json_object_get(payload, "csr"));
    assert_string_equal(ca->order_status, "ready");
    if (ca->rejects_csr) {
        problem(ca, 403, "badCSR", "weak key");
        return;
    }
    ca->finalized = true;
    ca->order_status = "processing";
    answer_order(ca, 200);
    ca->order_status = "valid";
}

static void answer_certificate(struct ca *ca)
{
    answer(ca, 200, "%s", ca->bad_chain ? "<html>" : chain_a);
    if (ca->alternates)
        ca->response.links = SPAN("<" CA "/cert/1>;rel=\"alternate\"\n"
                                  "<" CA "/cert/2>;rel=\"alternate\"\n");
}

static void answer_post(struct ca *ca, const char *path, const json_t *payload)
{
    if (strcmp(path, "/new-account") == 0) {
        ca->accounts++;
        assert_true(json_is_true(json_object_get(payload, "termsOfServiceAgreed")));
        snprintf(ca->location, sizeof(ca->location), CA "/account/1");
        answer(ca, 201, "{\"status\":\"valid\"}");
    } else if (ca->no_account) {
        problem(ca, 400, "accountDoesNotExist", "who?");
    } else if (strcmp(path, "/new-order") == 0) {
        answer_new_order(ca, payload);
    } else if (strcmp(path, "/order/1") == 0 && ca->forget_order) {
        ca->forget_order = false;
        problem(ca, 404, "malformed", "no such order");
    } else if (strcmp(path, "/order/1") == 0) {
        answer_order(ca, 200);
        if (strcmp(ca->order_status, "invalid") == 0)
            ca->order_status = "pending";
    } else if (strcmp(path, "/authz/1") == 0) {
        answer_authorization(ca);
    } else if (strcmp(path, "/challenge") == 0) {
        assert_true(ca->presented);
        ca->validated = true;
        answer(ca, 200, "{\"status\":\"processing\"}");
    } else if (strcmp(path, "/finalize") == 0) {
        answer_finalize(ca, payload);
    } else {
        assert_true(strncmp(path, "/cert", 5) == 0);
        answer_certificate(ca);
    }
}

static const struct acme_response *serve(struct ca *ca, const struct acme_request *request)
{
    json_t *payload = NULL;
    assert_true(strncmp(request->url, CA, strlen(CA)) == 0);
    const char *path = request->url + strlen(CA);
    assert_true(ca->requests < 32);
    snprintf(ca->posted[ca->requests++], sizeof(ca->posted[0]), "%s", path);
    ca->location[0] = '\0';
    if (ca->lost > 0) {
        ca->lost--;
        ca->response = (struct acme_response){.error = "timed out", .retry_after_s = -1};
    } else if (ca->broken > 0) {
        ca->broken--;
        problem(ca, 500, "serverInternal", "oops");
    } else if (strcmp(path, "/dir") == 0) {
        answer(ca, 200, "{\"newNonce\":\"" CA "/nonce\",\"newAccount\":\"" CA "/new-account\","
                        "\"newOrder\":\"" CA "/new-order\",\"revokeCert\":\"" CA "/revoke\","
                        "\"meta\":{\"profiles\":{\"short\":\"x\",\"long\":\"y\"}}}");
        ca->response.nonce = SPAN_EMPTY;
    } else if (strcmp(path, "/nonce") == 0) {
        assert_int_equal(request->method, ACME_HEAD);
        ca->nonces_fetched++;
        answer(ca, 200, "%s", "");
    } else if (check_jws(ca, request, &payload)) {
        answer_post(ca, path, payload);
        if (ca->broken_json)
            ca->response.body = SPAN("{\"status\":");
    }
    json_decref(payload);
    return &ca->response;
}

/* ---- driving ---- */

static enum acme_action set_up(struct ca *ca)
{
    struct acme_step step;
    for (;;) {
        acme_client_next(ca->client, ca->now_ms, &step);
        if (step.action == ACME_SEND)
            acme_client_receive(ca->client, ca->now_ms, serve(ca, &step.request));
        else if (step.action == ACME_WAIT)
            ca->now_ms = step.wait_until_ms;
        else
            return step.action;
    }
}

static enum acme_action drive(struct ca *ca)
{
    struct acme_step step;
    for (;;) {
        acme_order_next(ca->order, ca->now_ms, &step);
        if (step.action == ACME_SEND) {
            acme_order_receive(ca->order, ca->now_ms, serve(ca, &step.request));
        } else if (step.action == ACME_WAIT) {
            assert_true(step.wait_until_ms > ca->now_ms);
            ca->now_ms = step.wait_until_ms;
            assert_true(ca->waits++ < 1000);
        } else if (step.action == ACME_PRESENT) {
            ca->presented = true;
            acme_order_presented(ca->order, ca->now_ms);
        } else {
            return step.action;
        }
    }
}

static int set_up_ca(void **state)
{
    struct ca *ca = calloc(1, sizeof(*ca));
    ca->now_ms = 1000;
    ca->order_status = ca->authorization_status = "pending";
    ca->pending_left = 1;
    assert_int_equal(acme_key_generate(ACME_KEY_EC256, NULL, &ca->account_key, NULL), ERR_OK);
    assert_int_equal(acme_key_generate(ACME_KEY_EC256, NULL, &ca->key, NULL), ERR_OK);
    struct acme_client_config config = {.directory_url = CA "/dir",
                                        .key = ca->account_key,
                                        .email = "me@a.test",
                                        .eab_kid = "",
                                        .eab_hmac = "",
                                        .account_url = ""};
    assert_int_equal(acme_client_create(&config, &ca->client), ERR_OK);
    *state = ca;
    return 0;
}

static int tear_down_ca(void **state)
{
    struct ca *ca = *state;
    acme_order_destroy(ca->order);
    acme_client_destroy(ca->client);
    acme_key_destroy(ca->account_key);
    acme_key_destroy(ca->key);
    free(ca);
    return 0;
}

static const struct span names[] = {{"a.test", 6}};

static struct acme_order_config usual(const struct ca *ca)
{
    return (struct acme_order_config){.key = ca->key,
                                      .names = names,
                                      .name_count = 1,
                                      .challenge = ACME_HTTP_01,
                                      .profile = "",
                                      .preferred_chain = "",
                                      .replaces = "",
                                      .order_url = ""};
}

static enum acme_action order_with(struct ca *ca, const struct acme_order_config *config)
{
    assert_int_equal(set_up(ca), ACME_DONE);
    assert_int_equal(acme_order_create(ca->client, config, &ca->order), ERR_OK);
    return drive(ca);
}

static enum acme_action order(struct ca *ca)
{
    struct acme_order_config config = usual(ca);
    return order_with(ca, &config);
}

static const char *why(const struct ca *ca)
{
    return acme_order_failure(ca->order)->why.text;
}

/* ---- it goes well ---- */

static void an_order_goes_from_the_account_to_the_chain(void **state)
{
    struct ca *ca = *state;
    assert_int_equal(order(ca), ACME_DONE);
    assert_string_equal(acme_client_account_url(ca->client), CA "/account/1");
    assert_string_equal(acme_order_url(ca->order), CA "/order/1");
    assert_true(span_equal(acme_order_chain(ca->order), span_cstr(chain_a)));
    static const char *const path[] = {
        "/dir", "/nonce", "/new-account", "/new-order", "/authz/1", "/challenge", "/authz/1",
        "/authz/1", "/order/1", "/finalize", "/order/1", "/cert"};
    assert_int_equal(ca->requests, sizeof(path) / sizeof(path[0]));
    for (size_t i = 0; i < ca->requests; i++)
        assert_string_equal(ca->posted[i], path[i]);
    assert_int_equal(ca->nonces_fetched, 1);
}

static void a_challenge_is_token_and_thumbprint(void **state)
{
    struct ca *ca = *state;
    struct acme_challenge challenge;
    char expected[128], thumbprint[ACME_THUMBPRINT_SIZE];
    struct acme_step step;
    struct acme_order_config config = usual(ca);
    assert_int_equal(set_up(ca), ACME_DONE);
    assert_int_equal(acme_order_create(ca->client, &config, &ca->order), ERR_OK);
    for (;;) {
        acme_order_next(ca->order, ca->now_ms, &step);
        if (step.action != ACME_SEND)
            break;
        acme_order_receive(ca->order, ca->now_ms, serve(ca, &step.request));
    }
    assert_int_equal(step.action, ACME_PRESENT);
    assert_true(acme_order_challenge(ca->order, 0, &challenge));
    assert_int_equal(acme_key_thumbprint(ca->account_key, thumbprint), ERR_OK);
    snprintf(expected, sizeof(expected), "t0ken.%s", thumbprint);
    assert_string_equal(challenge.key_authorization, expected);
    assert_string_equal(challenge.name, "a.test");
    assert_false(acme_order_challenge(ca->order, 1, &challenge));
    acme_order_present_failed(ca->order, "no room");
    acme_order_next(ca->order, ca->now_ms, &step);
    assert_int_equal(step.action, ACME_FAILED);
    assert_string_equal(why(ca), "the challenges cannot be answered: no room");
}

static void what_is_validated_already_is_not_validated_again(void **state)
{
    struct ca *ca = *state;
    ca->authorization_status = "valid";
    ca->order_status = "ready";
    assert_int_equal(order(ca), ACME_DONE);
    assert_false(ca->presented);
}

static void a_known_account_is_not_made_again(void **state)
{
    struct ca *ca = *state;
    acme_client_destroy(ca->client);
    struct acme_client_config config = {
        .directory_url = CA "/dir", .key = ca->account_key, .account_url = CA "/account/1"};
    assert_int_equal(acme_client_create(&config, &ca->client), ERR_OK);
    assert_int_equal(order(ca), ACME_DONE);
    assert_int_equal(ca->accounts, 0);
}

static void an_order_under_way_goes_on(void **state)
{
    struct ca *ca = *state;
    struct acme_order_config config = usual(ca);
    config.order_url = CA "/order/1";
    assert_int_equal(order_with(ca, &config), ACME_DONE);
    assert_int_equal(ca->new_orders, 0);
}

static void an_order_that_was_valid_is_only_fetched(void **state)
{
    struct ca *ca = *state;
    struct acme_order_config config = usual(ca);
    config.order_url = CA "/order/1";
    ca->order_status = "valid";
    assert_int_equal(order_with(ca, &config), ACME_DONE);
    assert_false(ca->finalized);
}

static void an_order_that_the_ca_forgot_or_gave_up_is_made_anew(void **state)
{
    struct ca *ca = *state;
    struct acme_order_config config = usual(ca);
    config.order_url = CA "/order/1";
    ca->forget_order = true;
    assert_int_equal(order_with(ca, &config), ACME_DONE);
    assert_int_equal(ca->new_orders, 1);
    acme_order_destroy(ca->order);
    ca->order = NULL;
    ca->requests = 0;
    ca->order_status = "invalid";
    ca->authorization_status = "pending";
    ca->validated = false;
    ca->pending_left = 1;
    assert_int_equal(acme_order_create(ca->client, &config, &ca->order), ERR_OK);
    assert_int_equal(drive(ca), ACME_DONE);
    assert_int_equal(ca->new_orders, 2);
}

static void a_chain_is_preferred_by_its_root(void **state)
{
    struct ca *ca = *state;
    struct acme_order_config config = usual(ca);
    config.preferred_chain = "Example CA";
    ca->alternates = true;
    assert_int_equal(order_with(ca, &config), ACME_DONE);
    assert_string_equal(ca->posted[ca->requests - 1], "/cert"); /* the first is right */
    assert_false(acme_order_chain_missed(ca->order));
}

static void where_no_chain_is_preferred_the_first_is_taken(void **state)
{
    struct ca *ca = *state;
    struct acme_order_config config = usual(ca);
    config.preferred_chain = "Another CA";
    ca->alternates = true;
    assert_int_equal(order_with(ca, &config), ACME_DONE);
    assert_string_equal(ca->posted[ca->requests - 2], "/cert/1");
    assert_string_equal(ca->posted[ca->requests - 1], "/cert/2");
    assert_true(acme_order_chain_missed(ca->order));
    assert_true(acme_order_chain(ca->order).len > 0);
}

static void a_profile_is_asked_for_by_name(void **state)
{
    struct ca *ca = *state;
    char offered[64];
    struct acme_order_config config = usual(ca);
    config.profile = "short";
    assert_int_equal(order_with(ca, &config), ACME_DONE);
    assert_true(ca->has_profile_key);
    assert_true(acme_client_has_profile(ca->client, "long"));
    assert_false(acme_client_has_profile(ca->client, "none"));
    acme_client_profiles(ca->client, offered, sizeof(offered));
    assert_string_equal(offered, "short, long");
}

static void what_cannot_be_replaced_is_ordered_without(void **state)
{
    struct ca *ca = *state;
    struct acme_order_config config = usual(ca);
    config.replaces = "a.b";
    ca->refuse_replaces = true;
    assert_int_equal(order_with(ca, &config), ACME_DONE);
    assert_int_equal(ca->new_orders, 2);
}

/* ---- it does not ---- */

static void a_refused_nonce_is_replaced(void **state)
{
    struct ca *ca = *state;
    ca->bad_nonces = ACME_BAD_NONCES - 1;
    assert_int_equal(order(ca), ACME_DONE);
}

static void nonces_are_not_tried_for_ever(void **state)
{
    struct ca *ca = *state;
    ca->bad_nonces = 1000;
    assert_int_equal(set_up(ca), ACME_FAILED);
    assert_string_equal(acme_client_failure(ca->client)->type, "badNonce");
}

static void a_ca_without_nonces_is_no_ca(void **state)
{
    struct ca *ca = *state;
    ca->no_nonce = true;
    assert_int_equal(set_up(ca), ACME_FAILED);
    assert_string_equal(acme_client_failure(ca->client)->why.text,
                        "a nonce: the CA answers without one");
}

static void what_gets_lost_is_sent_again_after_a_while(void **state)
{
    struct ca *ca = *state;
    assert_int_equal(set_up(ca), ACME_DONE);
    int64_t began_ms = ca->now_ms;
    ca->lost = ACME_ATTEMPTS - 1;
    assert_int_equal(order(ca), ACME_DONE);
    assert_true(ca->now_ms - began_ms >= ACME_ATTEMPT_MS * 3);
}

static void a_ca_that_is_gone_ends_the_order_for_now(void **state)
{
    struct ca *ca = *state;
    assert_int_equal(set_up(ca), ACME_DONE);
    ca->lost = 100;
    assert_int_equal(order(ca), ACME_FAILED);
    assert_true(acme_order_failure(ca->order)->silent);
    assert_string_equal(why(ca), "a nonce: the CA cannot be reached: timed out");
}

static void a_ca_that_fails_itself_is_asked_three_times(void **state)
{
    struct ca *ca = *state;
    ca->broken = ACME_ATTEMPTS - 1;
    assert_int_equal(set_up(ca), ACME_DONE);
    ca->broken = ACME_ATTEMPTS;
    assert_int_equal(order(ca), ACME_FAILED);
    assert_true(acme_order_failure(ca->order)->unreachable);
    assert_false(acme_order_failure(ca->order)->silent);
}

static void a_rate_limit_says_when(void **state)
{
    struct ca *ca = *state;
    ca->rate_limited = 1;
    assert_int_equal(order(ca), ACME_FAILED);
    assert_string_equal(acme_order_failure(ca->order)->type, "rateLimited");
    assert_int_equal(acme_order_failure(ca->order)->retry_after_s, 7200);
    assert_int_equal(ca->new_orders, 1);
}

static void a_failed_validation_names_the_reason(void **state)
{
    struct ca *ca = *state;
    ca->authorization_status = "invalid";
    assert_int_equal(order(ca), ACME_FAILED);
    assert_string_equal(why(ca),
                        "a.test: the CA could not validate this name by http-01: refused");
    assert_string_equal(acme_order_failure(ca->order)->type, "connection");
}

static void an_account_that_is_gone_is_known_by_its_type(void **state)
{
    struct ca *ca = *state;
    ca->no_account = true;
    assert_int_equal(order(ca), ACME_FAILED);
    assert_string_equal(acme_order_failure(ca->order)->type, "accountDoesNotExist");
    ca->no_account = false;
    acme_client_forget_account(ca->client);
    acme_order_destroy(ca->order);
    assert_int_equal(order(ca), ACME_DONE);
    assert_int_equal(ca->accounts, 2);
}

static void a_ca_that_never_comes_to_an_end_is_given_up(void **state)
{
    struct ca *ca = *state;
    struct acme_order_config config = usual(ca);
    config.order_url = CA "/order/1";
    ca->order_status = "processing";
    /* Requests are counted in 32 places: looks begin there anew. */
    assert_int_equal(set_up(ca), ACME_DONE);
    assert_int_equal(acme_order_create(ca->client, &config, &ca->order), ERR_OK);
    struct acme_step step;
    int64_t began_ms = ca->now_ms;
    do {
        ca->requests = 0;
        acme_order_next(ca->order, ca->now_ms, &step);
        if (step.action == ACME_SEND)
            acme_order_receive(ca->order, ca->now_ms, serve(ca, &step.request));
        else if (step.action == ACME_WAIT)
            ca->now_ms = step.wait_until_ms;
    } while (step.action != ACME_FAILED);
    assert_true(ca->now_ms - began_ms > ACME_ORDER_PATIENCE_MS);
    assert_string_equal(why(ca), "the CA does not come to an end with the order");
}

static void nonsense_from_a_ca_ends_the_order(void **state)
{
    static const struct {
        size_t flag;
        const char *why;
    } cases[] = {
        {offsetof(struct ca, other_name), "an authorisation: the CA's answer is incomplete, or "
                                          "about a name that was not asked for"},
        {offsetof(struct ca, no_challenge), "a.test: the CA offers no http-01 challenge for this "
                                            "name"},
        {offsetof(struct ca, no_location), "the order: the CA does not say where it is"},
        {offsetof(struct ca, bad_chain), "what the CA sends is no chain of certificates"},
        {offsetof(struct ca, broken_json), "the order: the CA's answer is incomplete"},
        {offsetof(struct ca, rejects_csr), "the certificate request: weak key (badCSR)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tear_down_ca(state);
        set_up_ca(state);
        struct ca *ca = *state;
        assert_int_equal(set_up(ca), ACME_DONE);
        *(bool *)((char *)ca + cases[i].flag) = true;
        assert_int_equal(order(ca), ACME_FAILED);
        assert_string_equal(why(ca), cases[i].why);
    }
}

#define WITH_CA(test) cmocka_unit_test_setup_teardown(test, set_up_ca, tear_down_ca)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CA(an_order_goes_from_the_account_to_the_chain),
        WITH_CA(a_challenge_is_token_and_thumbprint),
        WITH_CA(what_is_validated_already_is_not_validated_again),
        WITH_CA(a_known_account_is_not_made_again),
        WITH_CA(an_order_under_way_goes_on),
        WITH_CA(an_order_that_was_valid_is_only_fetched),
        WITH_CA(an_order_that_the_ca_forgot_or_gave_up_is_made_anew),
        WITH_CA(a_chain_is_preferred_by_its_root),
        WITH_CA(where_no_chain_is_preferred_the_first_is_taken),
        WITH_CA(a_profile_is_asked_for_by_name),
        WITH_CA(what_cannot_be_replaced_is_ordered_without),
        WITH_CA(a_refused_nonce_is_replaced),
        WITH_CA(nonces_are_not_tried_for_ever),
        WITH_CA(a_ca_without_nonces_is_no_ca),
        WITH_CA(what_gets_lost_is_sent_again_after_a_while),
        WITH_CA(a_ca_that_is_gone_ends_the_order_for_now),
        WITH_CA(a_ca_that_fails_itself_is_asked_three_times),
        WITH_CA(a_rate_limit_says_when),
        WITH_CA(a_failed_validation_names_the_reason),
        WITH_CA(an_account_that_is_gone_is_known_by_its_type),
        WITH_CA(a_ca_that_never_comes_to_an_end_is_given_up),
        WITH_CA(nonsense_from_a_ca_ends_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
