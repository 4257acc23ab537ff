/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS-01 (RFC 8555 §8.4): TXT records put where the CA looks for them, through
 * one of the providers that lego, Traefik's library, calls `exec`, `httpreq` and
 * `rfc2136`, set up by the same environment variables; and a look at the name
 * servers, whether they have the record.
 *
 * acme_dns_create is for the control thread, which alone reads the environment.
 * All else blocks and is for helper threads; a struct acme_dns is not changed
 * once it is made, so any number of them may use it.
 */
#ifndef WEIR_CORE_CONTROL_ACME_DNS_H
#define WEIR_CORE_CONTROL_ACME_DNS_H

#include "config/model.h"
#include "core/control/dns_client.h"

struct acme_dns;

/* The model has a provider that is known, and outlives it. ERR_INVALID and such: its
 * environment is incomplete. */
MUST_USE enum err acme_dns_create(const struct model_acme *model, struct acme_dns **out,
                                  struct err_text *why);
void acme_dns_destroy(struct acme_dns *dns); /* NULL is fine */
/* Whether what it needs on this machine is there now: a program that can be run. */
MUST_USE enum err acme_dns_look(const struct acme_dns *dns, struct err_text *why);
/* Whether its records are to be set and validated one after the other, as lego does. */
bool acme_dns_is_sequential(const struct acme_dns *dns);

#define ACME_DNS_VALUE_SIZE 48 /* 43 characters of Base64, with room for its writer */

struct acme_dns_record {
    char *domain, *token, *key_authorization; /* malloc'ed */
    char value[ACME_DNS_VALUE_SIZE];          /* of the TXT record */
    struct dns_name name;   /* where the provider puts it: behind CNAMEs, if they are followed */
    struct dns_name target; /* where the CA finds it: behind all CNAMEs */
    bool present;           /* or may be: it has to be taken away */
};

/* For a domain without "*.". */
MUST_USE enum err acme_dns_record_init(struct acme_dns_record *record, const char *domain,
                                       const char *token, const char *key_authorization);
void acme_dns_record_finish(struct acme_dns_record *record);

/* Follows the CNAMEs: fills in `name` and `target`. What cannot be found out stays the name
 * itself, with a warning. ERR_CANCELED. */
MUST_USE enum err acme_dns_locate(const struct acme_dns *dns, struct acme_dns_record *record,
                                  struct patience patience);
/* Gives the record to the provider. */
MUST_USE enum err acme_dns_present(const struct acme_dns *dns, struct acme_dns_record *record,
                                   struct patience patience, struct err_text *why);
/* Has the provider take it away. */
MUST_USE enum err acme_dns_clean_up(const struct acme_dns *dns, struct acme_dns_record *record,
                                    struct patience patience, struct err_text *why);
/* The wait that the configuration asks for before the checks. */
MUST_USE enum err acme_dns_delay(const struct acme_dns *dns, struct patience patience);
/* The wait between two records of one name, where records are set one after the other. */
MUST_USE enum err acme_dns_pause(const struct acme_dns *dns, struct patience patience);
/* Waits until the servers have the record. The text says who does not. */
MUST_USE enum err acme_dns_check(const struct acme_dns *dns, const struct acme_dns_record *record,
                                 struct patience patience, struct err_text *why);

#endif
