/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages of an order: what we write into them and what we read out.
 * Nothing of a CA's text is used before it has been looked at.
 */
#include "tls/acme_order_private.h"

#include "core/base/json.h"
#include "tls/acme_csr.h"
#include "tls/base64.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

const char *acme_challenge_name(enum acme_challenge_type type)
{
    static const char *const names[] = {"http-01", "tls-alpn-01", "dns-01"};
    return names[type];
}

/* ---- what we write ---- */

enum err acme_order_payload_new(const struct acme_order *order, char **out)
{
    struct buf text;
    struct json json;
    buf_init(&text, ACME_CSR_MAX);
    json_init(&json, &text, false);
    json_begin_object(&json);
    json_write_key(&json, SPAN("identifiers"));
    json_begin_array(&json);
    for (size_t i = 0; i < order->config.name_count; i++) {
        struct span name = order->names[i];
        json_begin_object(&json);
        json_field_cstr(&json, "type", acme_name_is_ip(name) ? "ip" : "dns");
        json_field_string(&json, "value", name);
        json_end_object(&json);
    }
    json_end_array(&json);
    if (order->config.profile[0] != '\0')
        json_field_cstr(&json, "profile", order->config.profile);
    if (order->config.replaces[0] != '\0')
        json_field_cstr(&json, "replaces", order->config.replaces);
    json_end_object(&json);
    enum err error = json_finish(&json);
    if (error == ERR_OK && (*out = span_dup(buf_span(&text))) == NULL)
        error = ERR_NOMEM;
    buf_finish(&text);
    return error;
}

enum err acme_order_payload_csr(const struct acme_order *order, char **out, struct err_text *why)
{
    struct acme_csr csr = {
        .key = order->config.key,
        .names = order->names,
        .name_count = order->config.name_count,
        .emails = order->emails,
        .email_count = order->config.email_count,
        .no_common_name = order->config.no_common_name,
    };
    struct buf der, text;
    buf_init(&der, ACME_CSR_MAX);
    buf_init(&text, 2 * ACME_CSR_MAX);
    enum err error = acme_csr_append(&csr, &der, why);
    if (error == ERR_OK)
        error = buf_append(&text, SPAN("{\"csr\":\""));
    if (error == ERR_OK)
        error = base64_append(&text, buf_span(&der), BASE64_URL);
    if (error == ERR_OK)
        error = buf_append(&text, SPAN("\"}"));
    if (error == ERR_OK && (*out = span_dup(buf_span(&text))) == NULL)
        error = ERR_NOMEM;
    buf_finish(&der);
    buf_finish(&text);
    return error;
}

/* ---- what we read ---- */

static json_t *parse(struct span body)
{
    return json_loadb(body.ptr != NULL ? body.ptr : "", body.len, 0, NULL);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Takes over a URL that is there; false: there is one, and it is of no use. */
static bool take_url(const json_t *object, const char *key, char **to)
{
    const char *url = text_of(object, key);
    if (url == NULL)
        return true;
    if (!acme_url_is_usable(url))
        return false;
    char *text = span_dup(span_cstr(url));
    if (text == NULL)
        return false;
    free(*to);
    *to = text;
    return true;
}

static bool read_authorization_urls(struct acme_order *order, const json_t *list)
{
    size_t count = json_array_size(list);
    if (order->authorizations != NULL)
        return true;
    if (count == 0 || count > ACME_NAMES_MAX)
        return false;
    order->authorizations = calloc(count, sizeof(*order->authorizations));
    if (order->authorizations == NULL)
        return false;
    order->authorization_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *url = json_string_value(json_array_get(list, i));
        if (url == NULL || !acme_url_is_usable(url) ||
            (order->authorizations[i].url = span_dup(span_cstr(url))) == NULL)
            return false;
    }
    return true;
}

const char *acme_order_read(struct acme_order *order, struct span body, json_t **root)
{
    *root = parse(body);
    const char *status = text_of(*root, "status");
    if (status != NULL && take_url(*root, "finalize", &order->finalize_url) &&
        take_url(*root, "certificate", &order->certificate_url) &&
        read_authorization_urls(order, json_object_get(*root, "authorizations")) &&
        order->finalize_url != NULL)
        return status;
    acme_failure_set(&order->failure, "the order: the CA's answer is incomplete");
    return NULL;
}

static bool is_token(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                              "0123456789-_");
    return len > 0 && len < 512 && text[len] == '\0';
}

static const json_t *find_challenge(const struct acme_order *order, const json_t *root)
{
    const json_t *list = json_object_get(root, "challenges");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *type = text_of(one, "type");
        if (type != NULL && strcmp(type, acme_challenge_name(order->config.challenge)) == 0)
            return one;
    }
    return NULL;
}

static char *authorize(const struct acme_order *order, const char *token)
{
    size_t size = strlen(token) + 1 + ACME_THUMBPRINT_SIZE;
    char *text = malloc(size);
    if (text != NULL)
        snprintf(text, size, "%s.%s", token, order->thumbprint);
    return text;
}

static bool read_challenge(struct acme_order *order, struct acme_authorization *one,
                           const json_t *root)
{
    const json_t *challenge = find_challenge(order, root);
    if (challenge == NULL) {
        acme_failure_set(&order->failure, "%s: the CA offers no %s challenge for this name",
                         one->name, acme_challenge_name(order->config.challenge));
        return false;
    }
    const char *token = text_of(challenge, "token"), *url = text_of(challenge, "url");
    bool good = token != NULL && is_token(token) && url != NULL && acme_url_is_usable(url);
    if (good && one->challenge_url == NULL) {
        one->token = span_dup(span_cstr(token));
        one->challenge_url = span_dup(span_cstr(url));
        one->key_authorization = authorize(order, token);
        good = one->token != NULL && one->challenge_url != NULL && one->key_authorization != NULL;
    }
    if (!good)
        acme_failure_set(&order->failure, "%s: the CA's challenge is incomplete", one->name);
    return good;
}

/* A name that was not asked for is none of ours. */
static bool was_asked_for(const struct acme_order *order, const char *name)
{
    for (size_t i = 0; i < order->config.name_count; i++) {
        struct span asked = order->names[i];
        if (span_starts_with(asked, SPAN("*.")))
            asked = span_skip(asked, 2);
        if (span_equal_nocase(asked, span_cstr(name)))
            return true;
    }
    return acme_name_is_ip(span_cstr(name)); /* addresses have several spellings */
}

const char *acme_authorization_read(struct acme_order *order, struct acme_authorization *one,
                                    struct span body, json_t **root)
{
    *root = parse(body);
    const char *status = text_of(*root, "status");
    const char *name = text_of(json_object_get(*root, "identifier"), "value");
    if (status == NULL || name == NULL || !was_asked_for(order, name)) {
        acme_failure_set(&order->failure, "an authorisation: the CA's answer is incomplete, or "
                                          "about a name that was not asked for");
        return NULL;
    }
    if (one->name == NULL && (one->name = span_dup(span_cstr(name))) == NULL) {
        acme_failure_set(&order->failure, "out of memory");
        return NULL;
    }
    one->valid = strcmp(status, "valid") == 0;
    if (strcmp(status, "pending") == 0 && !read_challenge(order, one, *root))
        return NULL;
    return status;
}

void acme_authorization_explain(struct acme_order *order, const struct acme_authorization *one,
                                const json_t *root, const char *status)
{
    const json_t *error = json_object_get(find_challenge(order, root), "error");
    const char *detail = text_of(error, "detail"), *type = text_of(error, "type");
    acme_failure_set(&order->failure, "%s: the CA could not validate this name by %s: %s",
                     one->name, acme_challenge_name(order->config.challenge),
                     detail != NULL ? detail : status);
    struct span text = span_cstr(type != NULL ? type : "");
    ptrdiff_t colon = span_find_last(text, ':');
    snprintf(order->failure.type, sizeof(order->failure.type), "%.*s",
             (int)(text.len - (size_t)(colon + 1)), text.ptr + colon + 1);
    acme_text_clean(order->failure.type);
}

/* ---- chains ---- */

/* The last certificate of the text; NULL: it is not certificates throughout. */
static X509 *topmost(struct span pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr != NULL ? pem.ptr : "", (int)pem.len);
    X509 *last = NULL, *one;
    while (bio != NULL && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        X509_free(last);
        last = one;
    }
    BIO_free(bio);
    ERR_clear_error();
    return last;
}

bool acme_chain_is_usable(struct span pem)
{
    X509 *last = topmost(pem);
    X509_free(last);
    return last != NULL;
}

bool acme_chain_ends_at(struct span pem, const char *common_name)
{
    X509 *last = topmost(pem);
    char name[256] = "";
    if (last != NULL)
        X509_NAME_get_text_by_NID(X509_get_issuer_name(last), NID_commonName, name, sizeof(name));
    X509_free(last);
    return strcmp(name, common_name) == 0;
}
