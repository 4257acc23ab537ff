/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `rfc2136`: dynamic updates to RFC2136_NAMESERVER, signed by TSIG if there is a
 * key. A value is added beside what the name has, and only it is taken away, so
 * that a domain and its wildcard, or two servers, do not undo each other's work.
 */
#include "core/control/acme_dns_private.h"

#include "core/base/clock.h"

#include <stdlib.h>

static const char prefix[] = "RFC2136_";

/* ---- the key ---- */

/* The next word or sign of a key file as BIND writes it: key "NAME" { algorithm …; }; */
static struct span next_token(struct span *text)
{
    static const char signs[] = "{};";
    struct span rest = *text;
    while (rest.len > 0 && (strchr(" \t\r\n", rest.ptr[0]) != NULL || rest.ptr[0] == '#' ||
                            span_starts_with(rest, SPAN("//")))) {
        ptrdiff_t newline = span_find(rest, '\n', 0);
        bool comment = rest.ptr[0] == '#' || rest.ptr[0] == '/';
        rest = span_skip(rest, !comment ? 1 : newline < 0 ? rest.len : (size_t)newline);
    }
    size_t len = 0;
    if (rest.len > 0 && rest.ptr[0] == '"') {
        ptrdiff_t end = span_find(rest, '"', 1);
        len = end < 0 ? rest.len : (size_t)end;
        *text = span_skip(rest, end < 0 ? len : len + 1);
        return span_make(rest.ptr + 1, len - 1);
    }
    if (rest.len > 0 && strchr(signs, rest.ptr[0]) != NULL)
        len = 1;
    else
        while (len < rest.len && strchr(" \t\r\n{};\"", rest.ptr[len]) == NULL)
            len++;
    *text = span_skip(rest, len);
    return span_first(rest, len);
}

static enum err parse_key_file(struct span text, struct dns_tsig_key *key, struct err_text *why)
{
    struct span word, name = SPAN_EMPTY, algorithm = SPAN_EMPTY, secret = SPAN_EMPTY;
    while ((word = next_token(&text)).len > 0) {
        if (span_equal(word, SPAN("key")))
            name = next_token(&text);
        else if (span_equal(word, SPAN("algorithm")))
            algorithm = next_token(&text);
        else if (span_equal(word, SPAN("secret")))
            secret = next_token(&text);
    }
    if (name.len == 0 || algorithm.len == 0 || secret.len == 0)
        return err_set(why, ERR_SYNTAX,
                       "it is no key file: key \"NAME\" { algorithm NAME; secret \"BASE64\"; };");
    return dns_tsig_key_set(key, name, algorithm, secret, why);
}

static enum err read_key_file(struct acme_dns *dns, const char *path, struct err_text *why)
{
    char *text;
    TRY(acme_dns_file_read(path, &text, why));
    enum err error = parse_key_file(span_cstr(text), &dns->key, why);
    acme_dns_forget(text);
    if (error != ERR_OK)
        err_prefix(why, "RFC2136_TSIG_FILE %.200s", path);
    dns->has_key = error == ERR_OK;
    return error;
}

static enum err read_key_variables(struct acme_dns *dns, struct err_text *why)
{
    char *name = NULL, *algorithm = NULL, *secret = NULL;
    enum err error = acme_dns_env(prefix, "TSIG_KEY", &name, why);
    if (error == ERR_OK)
        error = acme_dns_env(prefix, "TSIG_ALGORITHM", &algorithm, why);
    if (error == ERR_OK)
        error = acme_dns_env(prefix, "TSIG_SECRET", &secret, why);
    if (error == ERR_OK && (name[0] == '\0') != (secret[0] == '\0')) {
        error = err_set(why, ERR_INVALID,
                        "one of the environment variables RFC2136_TSIG_KEY and "
                        "RFC2136_TSIG_SECRET is missing; set both, or neither for updates "
                        "without a signature");
    } else if (error == ERR_OK && name[0] != '\0') {
        error = dns_tsig_key_set(&dns->key, span_cstr(name),
                                 span_cstr(algorithm[0] != '\0' ? algorithm : "hmac-sha1"),
                                 span_cstr(secret), why);
        dns->has_key = error == ERR_OK;
        if (error != ERR_OK)
            err_prefix(why, "RFC2136_TSIG_…");
    }
    free(name);
    free(algorithm);
    acme_dns_forget(secret);
    return error;
}

static enum err set_up(struct acme_dns *dns, struct err_text *why)
{
    const char *file = getenv("RFC2136_TSIG_FILE");
    int64_t ttl, timeout_s;
    TRY(acme_dns_env_needed(prefix, "NAMESERVER", &dns->server, why));
    TRY(acme_dns_env_number(prefix, "TTL", ACME_DNS_TTL_S, INT32_MAX, &ttl, why));
    TRY(acme_dns_env_number(prefix, "DNS_TIMEOUT", ACME_DNS_TIMEOUT_S, 3600, &timeout_s, why));
    dns->ttl = (uint32_t)ttl;
    dns->timeout_ms = timeout_s * MS_PER_S;
    return file != NULL && file[0] != '\0' ? read_key_file(dns, file, why)
                                           : read_key_variables(dns, why);
}

/* ---- updates ---- */

static enum err judge(const struct acme_dns *dns, const struct dns_message *response,
                      const struct dns_tsig_mac *mac, struct err_text *why)
{
    const char *complaint = dns_tsig_complaint(response);
    if (complaint != NULL)
        return err_set(why, ERR_PERMISSION, "the server answers %s, %s",
                       dns_rcode_name(response->rcode), complaint);
    if (response->rcode != DNS_NOERROR)
        return err_set(why, ERR_PERMISSION, "the server answers %s to the update",
                       dns_rcode_name(response->rcode));
    return dns->has_key ? dns_tsig_verify(response, &dns->key, mac, clock_wall_ns() / NS_PER_S,
                                          why)
                        : ERR_OK;
}

static enum err update(const struct acme_dns *dns, const struct acme_dns_record *record,
                       bool present, const struct sock_address *server,
                       const struct dns_name *zone, struct patience patience,
                       struct buf *message, struct err_text *why)
{
    struct dns_message response;
    struct dns_tsig_mac mac = {.len = 0};
    uint16_t id;
    buf_clear(message);
    TRY(dns_random_id(&id));
    TRY(dns_update_append(message, id, zone, &record->name, span_cstr(record->value), dns->ttl,
                          present));
    if (dns->has_key)
        TRY(dns_tsig_sign(message, &dns->key, clock_wall_ns() / NS_PER_S, &mac));
    TRY(dns_exchange(server, message, dns->timeout_ms, patience, &response, why));
    return judge(dns, &response, &mac, why);
}

static enum err change(const struct acme_dns *dns, const struct acme_dns_record *record,
                       bool present, struct patience patience, struct err_text *why)
{
    struct dns_servers servers = {.count = 0};
    struct dns_name zone;
    struct buf message;
    TRY(dns_servers_add(&servers, span_cstr(dns->server), why));
    TRY(dns_find_zone(&servers, &record->name, dns->timeout_ms, patience, &zone, why));
    buf_init(&message, DNS_MESSAGE_MAX + 2);
    enum err error = ERR_NOTFOUND;
    for (size_t i = 0; i < servers.count; i++) {
        error = update(dns, record, present, &servers.items[i], &zone, patience, &message, why);
        if (error == ERR_OK || error == ERR_CANCELED || error == ERR_PERMISSION)
            break; /* a verdict: the others are addresses of the same server */
    }
    buf_finish(&message);
    return error;
}

const struct acme_dns_provider acme_dns_rfc2136 = {"rfc2136", "RFC2136_", false, set_up, NULL,
                                                     change};
