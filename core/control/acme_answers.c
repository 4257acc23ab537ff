/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table is made of all orders that have challenges to answer; certificates
 * for TLS-ALPN-01 are made once and kept with their item.
 */
#include "core/control/acme_private.h"

#include "core/proxy/challenges.h"
#include "tls/acme_csr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct answers {
    struct challenge_http *http;
    struct challenge_tls *tls;
    size_t http_count, tls_count;
};

/* The server name that a CA asks for: of an address its reverse name (RFC 8738 §6). */
static char *server_name(const char *name)
{
    uint8_t ip[16];
    char text[16 * 4 + 16] = "";
    size_t len = 0;
    if (inet_pton(AF_INET, name, ip) == 1) {
        snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa", ip[3], ip[2], ip[1], ip[0]);
        return span_dup(span_cstr(text));
    }
    if (inet_pton(AF_INET6, name, ip) != 1) {
        char *lower = span_dup(span_cstr(name));
        for (char *c = lower; c != NULL && *c != '\0'; c++)
            *c = ascii_lower(*c);
        return lower;
    }
    for (size_t i = 16; i-- > 0;)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%x.%x.", ip[i] & 15, ip[i] >> 4);
    snprintf(text + len, sizeof(text) - len, "ip6.arpa");
    return span_dup(span_cstr(text));
}

static enum err need_cert(struct acme_item *item, size_t i, const struct acme_challenge *challenge,
                          struct err_text *why)
{
    if (i < item->alpn_count)
        return ERR_OK;
    struct acme_alpn_cert *bigger = realloc(item->alpn, (i + 1) * sizeof(*bigger));
    if (bigger == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    item->alpn = bigger;
    struct acme_alpn_cert one = {.name = server_name(challenge->name)};
    if (one.name == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    enum err error = acme_alpn_cert_create(span_cstr(challenge->name),
                                           span_cstr(challenge->key_authorization), &one.cert,
                                           why);
    if (error != ERR_OK) {
        free(one.name);
        return error;
    }
    item->alpn[item->alpn_count++] = one;
    return ERR_OK;
}

static enum err prepare(struct acme_item *item, struct err_text *why)
{
    struct acme_challenge challenge;
    if (item->alpn_count > 0) /* all of an order's are made at once */
        return ERR_OK;
    for (size_t i = 0; acme_order_challenge(item->order, i, &challenge); i++)
        if (challenge.type == ACME_TLS_ALPN_01)
            TRY(need_cert(item, i, &challenge, why));
    return ERR_OK;
}

static void list_http(struct answers *answers, const struct acme_item *item)
{
    struct acme_challenge challenge;
    for (size_t i = 0; acme_order_challenge(item->order, i, &challenge); i++)
        if (challenge.type == ACME_HTTP_01)
            answers->http[answers->http_count++] = (struct challenge_http){
                span_cstr(challenge.token), span_cstr(challenge.key_authorization)};
}

static void list_tls(struct answers *answers, const struct acme_item *item)
{
    for (size_t i = 0; i < item->alpn_count; i++)
        answers->tls[answers->tls_count++] =
            (struct challenge_tls){span_cstr(item->alpn[i].name), item->alpn[i].cert};
}

static enum err collect(struct acme *acme, struct answers *answers, struct err_text *why)
{
    size_t room = 0;
    strmap_for_each(&acme->items, slot) {
        struct acme_item *item = slot->value;
        if (item->presented && item->order != NULL) {
            TRY(prepare(item, why));
            room += item->name_count + 1;
        }
    }
    answers->http = calloc(room + 1, sizeof(*answers->http));
    answers->tls = calloc(room + 1, sizeof(*answers->tls));
    if (answers->http == NULL || answers->tls == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    strmap_for_each(&acme->items, slot) {
        struct acme_item *item = slot->value;
        if (item->presented && item->order != NULL) {
            list_http(answers, item);
            list_tls(answers, item);
        }
    }
    return ERR_OK;
}

enum err acme_answers_publish(struct acme *acme, struct err_text *why)
{
    struct answers answers = {0};
    enum err error = collect(acme, &answers, why);
    if (error == ERR_OK)
        error = challenges_publish(answers.http, answers.http_count, answers.tls,
                                   answers.tls_count, why);
    free(answers.http);
    free(answers.tls);
    return error;
}

void acme_answers_forget(struct acme_item *item)
{
    for (size_t i = 0; i < item->alpn_count; i++) {
        free(item->alpn[i].name);
        cert_unref(item->alpn[i].cert);
    }
    free(item->alpn);
    item->alpn = NULL;
    item->alpn_count = 0;
}
