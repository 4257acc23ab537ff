/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First the directory, then the account, unless its URL is known.
 */
#include "tls/acme_client_private.h"

#include "core/base/json.h"
#include "tls/acme_jws.h"

#include <stdio.h>
#include <stdlib.h>

static void set_state(struct acme_client *client, enum acme_client_state state)
{
    client->state = state;
    client->calling = false;
}

static char *copy(const char *text)
{
    return span_dup(span_cstr(text != NULL ? text : ""));
}

enum err acme_client_create(const struct acme_client_config *config, struct acme_client **out)
{
    struct acme_client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return ERR_NOMEM;
    acme_call_init(&client->call);
    client->key = config->key;
    client->directory_url = copy(config->directory_url);
    client->email = copy(config->email);
    client->eab_kid = copy(config->eab_kid);
    client->eab_hmac = copy(config->eab_hmac);
    bool known = config->account_url != NULL && config->account_url[0] != '\0';
    client->account_url = known ? copy(config->account_url) : NULL;
    if (client->directory_url == NULL || client->email == NULL || client->eab_kid == NULL ||
        client->eab_hmac == NULL || (known && client->account_url == NULL)) {
        acme_client_destroy(client);
        return ERR_NOMEM;
    }
    *out = client;
    return ERR_OK;
}

static void forget_directory(struct acme_client *client)
{
    for (size_t i = 0; i < ACME_URL_COUNT; i++) {
        free(client->urls[i]);
        client->urls[i] = NULL;
    }
    json_decref(client->profiles);
    client->profiles = NULL;
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void acme_client_destroy(struct acme_client *client)
{
    if (client == NULL)
        return;
    forget_directory(client);
    while (client->nonce_count > 0)
        free(acme_client_take_nonce(client));
    acme_call_finish(&client->call);
    free(client->directory_url);
    free(client->email);
    free(client->eab_kid);
    wipe(client->eab_hmac);
    free(client->account_url);
    free(client->account_body);
    free(client);
}

/* ---- the directory ---- */

static bool read_directory(struct acme_client *client, struct span body)
{
    static const struct {
        const char *name;
        bool needed;
    } keys[] = {
#define ACME_URL_ROW(name, text, needed) {text, needed},
        ACME_URL_LIST(ACME_URL_ROW)
#undef ACME_URL_ROW
    };
    json_t *root = json_loadb(body.ptr != NULL ? body.ptr : "", body.len, 0, NULL);
    const char *urls[ACME_URL_COUNT], *missing = NULL;
    for (size_t i = 0; i < ACME_URL_COUNT; i++) {
        urls[i] = json_string_value(json_object_get(root, keys[i].name));
        if (urls[i] != NULL && !acme_url_is_usable(urls[i]))
            urls[i] = NULL;
        if (urls[i] == NULL && keys[i].needed)
            missing = keys[i].name;
    }
    if (missing != NULL) { /* what is known already stays */
        acme_failure_set(&client->failure,
                         "%s is no ACME directory: it names no %s. Look at caServer",
                         client->directory_url, missing);
        json_decref(root);
        return false;
    }
    forget_directory(client);
    for (size_t i = 0; i < ACME_URL_COUNT; i++)
        client->urls[i] = urls[i] != NULL ? copy(urls[i]) : NULL;
    json_t *profiles = json_object_get(json_object_get(root, "meta"), "profiles");
    client->profiles = json_is_object(profiles) ? json_incref(profiles) : NULL;
    json_decref(root);
    return true;
}

bool acme_client_has_profile(const struct acme_client *client, const char *profile)
{
    return json_object_get(client->profiles, profile) != NULL;
}

void acme_client_profiles(const struct acme_client *client, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (void *at = json_object_iter(client->profiles); at != NULL && len < size;
         at = json_object_iter_next(client->profiles, at))
        len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "",
                                json_object_iter_key(at));
    acme_text_clean(out);
}

/* ---- the account ---- */

static enum err append_account(const struct acme_client *client, struct buf *out)
{
    struct json json;
    struct buf binding;
    enum err error = ERR_OK;
    buf_init(&binding, ACME_JWS_MAX);
    json_init(&json, out, false);
    json_begin_object(&json);
    json_field_bool(&json, "termsOfServiceAgreed", true);
    if (client->email[0] != '\0') {
        char contact[512];
        snprintf(contact, sizeof(contact), "mailto:%s", client->email);
        json_write_key(&json, SPAN("contact"));
        json_begin_array(&json);
        json_write_cstr(&json, contact);
        json_end_array(&json);
    }
    if (client->eab_kid[0] != '\0') {
        error = acme_eab_append(client->key, client->eab_kid, span_cstr(client->eab_hmac),
                                client->urls[ACME_NEW_ACCOUNT], &binding);
        json_write_key(&json, SPAN("externalAccountBinding"));
        json_write_raw(&json, buf_span(&binding));
    }
    json_end_object(&json);
    buf_finish(&binding);
    return error != ERR_OK ? error : json_finish(&json);
}

static enum err ask_for_account(struct acme_client *client)
{
    struct buf payload;
    buf_init(&payload, ACME_JWS_MAX);
    enum err error = append_account(client, &payload);
    char *text = error == ERR_OK ? span_dup(buf_span(&payload)) : NULL;
    buf_finish(&payload);
    if (error == ERR_SYNTAX) {
        acme_failure_set(&client->failure, "eab.hmacEncoded is not base64url");
        return error;
    }
    return text != NULL ? acme_call_post(&client->call, "the account",
                                         copy(client->urls[ACME_NEW_ACCOUNT]), text)
                        : ERR_NOMEM;
}

static bool read_account(struct acme_client *client, const struct acme_response *response)
{
    char *url = span_dup(response->location);
    if (url == NULL || !acme_url_is_usable(url)) {
        free(url);
        acme_failure_set(&client->failure, "the account: the CA does not say where it is");
        return false;
    }
    free(client->account_url);
    free(client->account_body);
    client->account_url = url;
    client->account_body = span_dup(response->body);
    return true;
}

/* ---- the machine ---- */

static enum err begin(struct acme_client *client)
{
    client->calling = true;
    if (client->state == ACME_CLIENT_DIRECTORY)
        return acme_call_get(&client->call, "the CA's directory", copy(client->directory_url));
    return ask_for_account(client);
}

static void fail_begin(struct acme_client *client, enum err error)
{
    if (error != ERR_SYNTAX)
        acme_failure_set(&client->failure, "%s", err_message(error));
    set_state(client, ACME_CLIENT_FAILED);
}

void acme_client_next(struct acme_client *client, int64_t now_ms, struct acme_step *step)
{
    if (client->state < ACME_CLIENT_READY && !client->calling) {
        enum err error = begin(client);
        if (error != ERR_OK)
            fail_begin(client, error);
    }
    *step = (struct acme_step){
        .action = client->state == ACME_CLIENT_READY ? ACME_DONE : ACME_FAILED};
    if (client->state < ACME_CLIENT_READY)
        acme_call_next(client, &client->call, now_ms, step);
    if (step->action == ACME_FAILED && client->state != ACME_CLIENT_FAILED)
        fail_begin(client, ERR_NOMEM);
}

void acme_client_receive(struct acme_client *client, int64_t now_ms,
                         const struct acme_response *response)
{
    bool good = false;
    switch (acme_call_receive(client, &client->call, now_ms, response, &client->failure)) {
    case ACME_AGAIN:
        return;
    case ACME_REFUSED:
        break;
    case ACME_SUCCESS:
        good = client->state == ACME_CLIENT_DIRECTORY ? read_directory(client, response->body)
                                                      : read_account(client, response);
    }
    if (!good)
        set_state(client, ACME_CLIENT_FAILED);
    else if (client->state == ACME_CLIENT_DIRECTORY && client->account_url == NULL)
        set_state(client, ACME_CLIENT_ACCOUNT);
    else
        set_state(client, ACME_CLIENT_READY);
}

bool acme_client_is_ready(const struct acme_client *client)
{
    return client->state == ACME_CLIENT_READY;
}

const struct acme_failure *acme_client_failure(const struct acme_client *client)
{
    return &client->failure;
}

void acme_client_restart(struct acme_client *client)
{
    set_state(client, ACME_CLIENT_DIRECTORY);
}

void acme_client_forget_account(struct acme_client *client)
{
    free(client->account_url);
    client->account_url = NULL;
    set_state(client, ACME_CLIENT_DIRECTORY);
}

const char *acme_client_account_url(const struct acme_client *client)
{
    return client->account_url;
}

const char *acme_client_account_body(const struct acme_client *client)
{
    return client->account_body;
}

const struct acme_key *acme_client_key(const struct acme_client *client)
{
    return client->key;
}

const char *acme_client_new_order_url(const struct acme_client *client)
{
    return client->urls[ACME_NEW_ORDER];
}

const char *acme_client_revoke_url(const struct acme_client *client)
{
    return client->urls[ACME_REVOKE_CERT];
}

const char *acme_client_renewal_url(const struct acme_client *client)
{
    return client->urls[ACME_RENEWAL_INFO];
}
