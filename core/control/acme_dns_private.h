/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the acme_dns*.c files share; nobody else includes this.
 *
 *   acme_dns.c          the records, and which provider
 *   acme_dns_check.c    CNAMEs, and who has the record
 *   acme_dns_env.c      the environment
 *   acme_dns_exec.c, acme_dns_httpreq.c, acme_dns_rfc2136.c   the providers
 */
#ifndef WEIR_CORE_CONTROL_ACME_DNS_PRIVATE_H
#define WEIR_CORE_CONTROL_ACME_DNS_PRIVATE_H

#include "core/control/acme_dns.h"
#include "core/control/dns_tsig.h"

/* lego's defaults. */
#define ACME_DNS_PROPAGATION_S 60
#define ACME_DNS_POLLING_S 2
#define ACME_DNS_SEQUENCE_S 60
#define ACME_DNS_TTL_S 120
#define ACME_DNS_HTTP_TIMEOUT_S 30
#define ACME_DNS_TIMEOUT_S 10

#define ACME_DNS_PROGRAM_S 300 /* a program of `exec` may run so long */
#define ACME_DNS_ASK_MS 3000   /* one try of one question of the checks */

struct acme_dns_provider {
    const char *name;
    const char *prefix; /* of its variables */
    bool sequential;
    enum err (*set_up)(struct acme_dns *dns, struct err_text *why);
    /* Whether what it needs on this machine is there now; NULL: it needs nothing. */
    enum err (*look)(const struct acme_dns *dns, struct err_text *why);
    /* Sets the record, or takes it away. */
    enum err (*change)(const struct acme_dns *dns, const struct acme_dns_record *record,
                       bool present, struct patience patience, struct err_text *why);
};

extern const struct acme_dns_provider acme_dns_exec, acme_dns_httpreq, acme_dns_rfc2136;

struct acme_dns {
    const struct model_acme *model;
    const struct acme_dns_provider *provider;
    int64_t propagation_ms, polling_ms, sequence_ms;
    bool keep_names; /* LEGO_DISABLE_CNAME_SUPPORT */
    bool raw;        /* of exec and httpreq: the challenge itself is handed on */
    char *program;                        /* exec */
    int64_t program_ms;                   /* it may run so long */
    char *endpoint, *username, *password; /* httpreq */
    char *server;                         /* rfc2136 */
    bool has_key;
    struct dns_tsig_key key;
    uint32_t ttl;
    int64_t timeout_ms; /* httpreq, rfc2136 */
};

/* acme_dns_env.c: malloc'ed text of the variable, or of the file that NAME_FILE names; "" where
 * there is neither. ERR_NOMEM; errors of the file. */
MUST_USE enum err acme_dns_env(const char *prefix, const char *name, char **out,
                               struct err_text *why);
/* The same, but "" is an error. */
MUST_USE enum err acme_dns_env_needed(const char *prefix, const char *name, char **out,
                                      struct err_text *why);
/* A number from 0 to `max`; where there is none, `otherwise`. ERR_INVALID. */
MUST_USE enum err acme_dns_env_number(const char *prefix, const char *name, int64_t otherwise,
                                      int64_t max, int64_t *out, struct err_text *why);
MUST_USE enum err acme_dns_file_read(const char *path, char **out, struct err_text *why);
/* Wipes and frees. NULL is fine. */
void acme_dns_forget(char *secret);

/* acme_dns_check.c: the DNS servers of the configuration, or of the system. */
MUST_USE enum err acme_dns_recursive(const struct acme_dns *dns, struct dns_servers *servers,
                                     struct err_text *why);

#endif
