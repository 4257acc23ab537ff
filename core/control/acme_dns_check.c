/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The authoritative servers are asked first, the recursive ones once those have
 * the record: who asks a recursive server too early makes it remember that
 * there is none.
 */
#include "core/control/acme_dns_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdlib.h>

#define CNAMES_MAX 16
#define NAME_SERVERS_MAX 16
#define LEAST_PAUSE_MS 100

struct name_server {
    struct dns_name name;
    struct dns_servers addresses;
};

/* One record's check. */
struct check {
    const struct acme_dns *dns;
    const struct acme_dns_record *record;
    struct patience patience;
    struct dns_servers recursive;
    struct name_server servers[NAME_SERVERS_MAX]; /* of the zone */
    size_t count;                                 /* 0: not found yet */
    struct buf message;
};

enum err acme_dns_recursive(const struct acme_dns *dns, struct dns_servers *servers,
                            struct err_text *why)
{
    const struct span_list *list = &dns->model->dns_resolvers;
    *servers = (struct dns_servers){.count = 0};
    if (list->count == 0)
        return dns_servers_add_system(servers, why);
    for (size_t i = 0; i < list->count; i++)
        TRY(dns_servers_add(servers, list->items[i], why));
    return ERR_OK;
}

/* ---- CNAMEs ---- */

/* Where the answer's CNAME for the name leads; false: there is none. */
static bool find_cname(const struct dns_message *response, struct dns_name *name)
{
    struct dns_cursor cursor;
    struct dns_record record;
    dns_cursor_init(&cursor, response);
    while (dns_cursor_next(&cursor, response, &record) && record.section == DNS_ANSWER)
        if (record.type == DNS_CNAME && dns_name_equal(&record.name, name))
            return dns_record_target(response, &record, name) == ERR_OK;
    return false;
}

static enum err follow(const struct dns_servers *servers, struct dns_name *name,
                       struct patience patience, struct buf *message, struct err_text *why)
{
    struct dns_message response;
    struct dns_name at = *name;
    for (size_t i = 0; i < CNAMES_MAX; i++) {
        TRY(dns_ask(servers, &at, DNS_CNAME, true, ACME_DNS_ASK_MS, patience, message, &response,
                    why));
        if (!find_cname(&response, &at)) {
            *name = at;
            return ERR_OK;
        }
    }
    return err_set(why, ERR_LIMIT, "its CNAMEs go on and on");
}

enum err acme_dns_locate(const struct acme_dns *dns, struct acme_dns_record *record,
                         struct patience patience)
{
    struct dns_servers servers;
    struct err_text why = {""};
    struct buf message;
    char name[DNS_NAME_TEXT];
    buf_init(&message, DNS_MESSAGE_MAX + 2);
    enum err error = acme_dns_recursive(dns, &servers, &why);
    if (error == ERR_OK)
        error = follow(&servers, &record->target, patience, &message, &why);
    buf_finish(&message);
    if (error == ERR_CANCELED)
        return error;
    dns_name_format(&record->name, name);
    if (error != ERR_OK)
        log_warn("whether a CNAME delegates a challenge cannot be found out: its name is used "
                 "as it is",
                 "name", name, "error", why.text);
    if (!dns->keep_names)
        record->name = record->target;
    return ERR_OK;
}

/* ---- who is asked ---- */

static enum err add_addresses(struct check *check, struct name_server *server, enum dns_type type,
                              struct err_text *why)
{
    struct dns_message response;
    struct dns_cursor cursor;
    struct dns_record record;
    TRY(dns_ask(&check->recursive, &server->name, type, true, ACME_DNS_ASK_MS, check->patience,
                &check->message, &response, why));
    dns_cursor_init(&cursor, &response);
    while (dns_cursor_next(&cursor, &response, &record) && record.section == DNS_ANSWER) {
        struct dns_servers *to = &server->addresses;
        if (record.type != type || record.class_ != DNS_IN || to->count == DNS_SERVERS_MAX)
            continue;
        dns_servers_add_ip(to, record.data);
    }
    return ERR_OK;
}

/* One that has an address of either kind. */
static enum err find_addresses(struct check *check, struct name_server *server,
                               struct err_text *why)
{
    char name[DNS_NAME_TEXT];
    enum err error = add_addresses(check, server, DNS_A, why);
    if (error == ERR_OK)
        error = add_addresses(check, server, DNS_AAAA, why);
    if (error == ERR_CANCELED || server->addresses.count > 0)
        return error == ERR_CANCELED ? error : ERR_OK;
    dns_name_format(&server->name, name);
    if (error == ERR_OK)
        return err_set(why, ERR_NOTFOUND, "the name server %.255s has no address", name);
    err_prefix(why, "the address of the name server %.255s", name);
    return error;
}

static size_t collect_names(const struct dns_message *response, struct name_server *servers)
{
    struct dns_cursor cursor;
    struct dns_record record;
    size_t count = 0;
    dns_cursor_init(&cursor, response);
    while (count < NAME_SERVERS_MAX && dns_cursor_next(&cursor, response, &record) &&
           record.section == DNS_ANSWER) {
        servers[count] = (struct name_server){.addresses = {.count = 0}};
        if (record.type == DNS_NS && record.class_ == DNS_IN &&
            dns_record_target(response, &record, &servers[count].name) == ERR_OK)
            count++;
    }
    return count;
}

static enum err find_servers(struct check *check, struct err_text *why)
{
    struct dns_name zone;
    struct dns_message response;
    char name[DNS_NAME_TEXT];
    TRY(dns_find_zone(&check->recursive, &check->record->target, ACME_DNS_ASK_MS, check->patience,
                      &zone, why));
    TRY(dns_ask(&check->recursive, &zone, DNS_NS, true, ACME_DNS_ASK_MS, check->patience,
                &check->message, &response, why));
    size_t count = collect_names(&response, check->servers);
    dns_name_format(&zone, name);
    if (count == 0)
        return err_set(why, ERR_NOTFOUND, "the zone %.255s has no name servers", name);
    for (size_t i = 0; i < count; i++)
        TRY(find_addresses(check, &check->servers[i], why));
    check->count = count;
    return ERR_OK;
}

/* ---- what they have ---- */

static enum err look_for_text(struct check *check, const struct dns_servers *servers,
                              bool recursive, const char *whose, struct err_text *why)
{
    struct dns_message response;
    struct dns_cursor cursor;
    struct dns_record record;
    char name[DNS_NAME_TEXT];
    unsigned others = 0;
    TRY(dns_ask(servers, &check->record->target, DNS_TXT, recursive, ACME_DNS_ASK_MS,
                check->patience, &check->message, &response, why));
    dns_cursor_init(&cursor, &response);
    while (dns_cursor_next(&cursor, &response, &record) && record.section == DNS_ANSWER) {
        if (record.type != DNS_TXT)
            continue;
        if (dns_record_text_is(&record, span_cstr(check->record->value)))
            return ERR_OK;
        others++;
    }
    dns_name_format(&check->record->target, name);
    return err_set(why, ERR_NOTFOUND,
                   "the DNS server %.255s answers %s for the TXT record of %.255s, with %u other "
                   "values",
                   whose, dns_rcode_name(response.rcode), name, others);
}

static enum err check_authoritative(struct check *check, struct err_text *why)
{
    char name[DNS_NAME_TEXT];
    if (check->count == 0)
        TRY(find_servers(check, why));
    for (size_t i = 0; i < check->count; i++) {
        dns_name_format(&check->servers[i].name, name);
        TRY(look_for_text(check, &check->servers[i].addresses, false, name, why));
    }
    return ERR_OK;
}

static enum err check_recursive(struct check *check, struct err_text *why)
{
    char where[SOCK_TEXT_SIZE];
    for (size_t i = 0; i < check->recursive.count; i++) {
        struct dns_servers one = {.items = {check->recursive.items[i]}, .count = 1};
        sock_address_format(&one.items[0], where);
        TRY(look_for_text(check, &one, true, where, why));
    }
    return ERR_OK;
}

static enum err check_once(struct check *check, struct err_text *why)
{
    const struct model_acme *model = check->dns->model;
    TRY(acme_dns_recursive(check->dns, &check->recursive, why));
    if (!model->dns_disable_ans_checks)
        TRY(check_authoritative(check, why));
    return model->dns_require_all_rns ? check_recursive(check, why) : ERR_OK;
}

static enum err check_until_there(struct check *check, struct err_text *why)
{
    const struct acme_dns *dns = check->dns;
    int64_t last_ms = check->patience.until_ms;
    int64_t pause_ms = dns->polling_ms > LEAST_PAUSE_MS ? dns->polling_ms : LEAST_PAUSE_MS;
    for (;;) {
        enum err error = check_once(check, why);
        if (error == ERR_OK || error == ERR_CANCELED)
            return error;
        if (patience_now_ms() + pause_ms >= last_ms) {
            err_prefix(why, "not every name server has the record after %lld seconds",
                       (long long)(dns->propagation_ms / MS_PER_S));
            return ERR_TIMEOUT;
        }
        log_debug("a TXT record is not everywhere yet", "error", why->text);
        struct patience pause = patience_at_most(check->patience, pause_ms);
        if (patience_wait(pause, -1, 0) == ERR_CANCELED)
            return ERR_CANCELED;
    }
}

enum err acme_dns_check(const struct acme_dns *dns, const struct acme_dns_record *record,
                        struct patience patience, struct err_text *why)
{
    if (dns->model->dns_disable_checks)
        return ERR_OK;
    struct check *check = calloc(1, sizeof(*check));
    if (check == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    check->dns = dns;
    check->record = record;
    check->patience = patience_at_most(patience, dns->propagation_ms);
    buf_init(&check->message, DNS_MESSAGE_MAX + 2);
    enum err error = check_until_there(check, why);
    buf_finish(&check->message);
    free(check);
    return error;
}
