/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The provider is chosen by name; the rest is the same for all.
 */
#include "core/control/acme_dns_private.h"

#include "core/base/clock.h"
#include "tls/base64.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#define SECONDS_MAX 86400

static const struct acme_dns_provider *const providers[] = {
    [MODEL_DNS_EXEC] = &acme_dns_exec,
    [MODEL_DNS_HTTPREQ] = &acme_dns_httpreq,
    [MODEL_DNS_RFC2136] = &acme_dns_rfc2136,
};

static enum err read_seconds(const struct acme_dns *dns, const char *name, int64_t otherwise_s,
                             int64_t *out_ms, struct err_text *why)
{
    int64_t seconds;
    TRY(acme_dns_env_number(dns->provider->prefix, name, otherwise_s, SECONDS_MAX, &seconds, why));
    *out_ms = seconds * MS_PER_S;
    return ERR_OK;
}

/* As Go's strconv.ParseBool has it. */
static bool is_true(const char *text)
{
    static const char *const words[] = {"1", "t", "T", "true", "TRUE", "True"};
    for (size_t i = 0; text != NULL && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static enum err set_up(struct acme_dns *dns, struct err_text *why)
{
    TRY(read_seconds(dns, "PROPAGATION_TIMEOUT", ACME_DNS_PROPAGATION_S, &dns->propagation_ms,
                     why));
    TRY(read_seconds(dns, "POLLING_INTERVAL", ACME_DNS_POLLING_S, &dns->polling_ms, why));
    TRY(read_seconds(dns, "SEQUENCE_INTERVAL", ACME_DNS_SEQUENCE_S, &dns->sequence_ms, why));
    dns->keep_names = is_true(getenv("LEGO_DISABLE_CNAME_SUPPORT"));
    return dns->provider->set_up(dns, why);
}

enum err acme_dns_create(const struct model_acme *model, struct acme_dns **out,
                         struct err_text *why)
{
    struct acme_dns *dns = calloc(1, sizeof(*dns));
    if (dns == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    dns->model = model;
    dns->provider = providers[model->dns_provider_kind];
    enum err error = set_up(dns, why);
    if (error != ERR_OK) {
        err_prefix(why, "dnsChallenge: %s", dns->provider->name);
        acme_dns_destroy(dns);
        return error;
    }
    *out = dns;
    return ERR_OK;
}

void acme_dns_destroy(struct acme_dns *dns)
{
    if (dns == NULL)
        return;
    free(dns->program);
    free(dns->endpoint);
    free(dns->username);
    acme_dns_forget(dns->password);
    free(dns->server);
    explicit_bzero(&dns->key, sizeof(dns->key));
    free(dns);
}

enum err acme_dns_look(const struct acme_dns *dns, struct err_text *why)
{
    enum err error = dns->provider->look != NULL ? dns->provider->look(dns, why) : ERR_OK;
    if (error != ERR_OK)
        err_prefix(why, "dnsChallenge: %s", dns->provider->name);
    return error;
}

bool acme_dns_is_sequential(const struct acme_dns *dns)
{
    return dns->provider->sequential;
}

/* ---- records ---- */

static enum err set_value(struct acme_dns_record *record)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct buf text;
    SHA256((const unsigned char *)record->key_authorization, strlen(record->key_authorization),
           digest);
    buf_init_fixed(&text, record->value, sizeof(record->value));
    TRY(base64_append(&text, span_make(digest, sizeof(digest)), BASE64_URL));
    record->value[buf_len(&text)] = '\0';
    return ERR_OK;
}

enum err acme_dns_record_init(struct acme_dns_record *record, const char *domain,
                              const char *token, const char *key_authorization)
{
    char name[512];
    *record = (struct acme_dns_record){
        .domain = span_dup(span_cstr(domain)),
        .token = span_dup(span_cstr(token)),
        .key_authorization = span_dup(span_cstr(key_authorization)),
    };
    enum err error = ERR_NOMEM;
    if (record->domain != NULL && record->token != NULL && record->key_authorization != NULL)
        error = set_value(record);
    snprintf(name, sizeof(name), "_acme-challenge.%.400s", domain);
    if (error == ERR_OK)
        error = dns_name_parse(span_cstr(name), &record->name);
    record->target = record->name;
    if (error != ERR_OK)
        acme_dns_record_finish(record);
    return error;
}

void acme_dns_record_finish(struct acme_dns_record *record)
{
    free(record->domain);
    free(record->token);
    free(record->key_authorization);
    *record = (struct acme_dns_record){0};
}

static enum err change(const struct acme_dns *dns, const struct acme_dns_record *record,
                       bool present, struct patience patience, struct err_text *why)
{
    enum err error = dns->provider->change(dns, record, present, patience, why);
    if (error != ERR_OK && error != ERR_CANCELED) {
        char name[DNS_NAME_TEXT];
        dns_name_format(&record->name, name);
        err_prefix(why, "%s: the TXT record of %.255s cannot be %s", dns->provider->name, name,
                   present ? "set" : "taken away");
    }
    return error;
}

enum err acme_dns_present(const struct acme_dns *dns, struct acme_dns_record *record,
                          struct patience patience, struct err_text *why)
{
    record->present = true; /* even where it fails: who knows how far it came */
    return change(dns, record, true, patience, why);
}

enum err acme_dns_clean_up(const struct acme_dns *dns, struct acme_dns_record *record,
                           struct patience patience, struct err_text *why)
{
    if (!record->present)
        return ERR_OK;
    enum err error = change(dns, record, false, patience, why);
    record->present = error == ERR_CANCELED;
    return error;
}

/* ---- waiting ---- */

static enum err wait_ms(int64_t ms, struct patience patience)
{
    enum err error =
        ms > 0 ? patience_wait(patience_at_most(patience, ms), -1, 0) : ERR_TIMEOUT;
    return error == ERR_TIMEOUT ? ERR_OK : error;
}

enum err acme_dns_delay(const struct acme_dns *dns, struct patience patience)
{
    return wait_ms(dns->model->dns_delay / NS_PER_MS, patience);
}

enum err acme_dns_pause(const struct acme_dns *dns, struct patience patience)
{
    return wait_ms(dns->sequence_ms, patience);
}
