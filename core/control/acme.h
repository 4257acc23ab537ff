/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates by ACME (RFC 8555): what the published configuration asks its
 * certificatesResolvers for is obtained, kept in their storage, renewed in
 * time, and handed on to be served. The protocol is tls/acme_*; HTTP, keys and
 * files have threads of their own (fetch.h, work.h), so nothing here waits.
 *
 * What fails is tried again: a certificate after two minutes, four … up to six
 * hours, or when the CA says; a CA that cannot be reached after five seconds,
 * ten … up to ten minutes. The certificate that is there is served meanwhile.
 *
 * Control thread.
 */
#ifndef WEIR_CORE_CONTROL_ACME_H
#define WEIR_CORE_CONTROL_ACME_H

#include "config/diagnostics.h"
#include "core/base/timerwheel.h"
#include "core/control/cert_store.h"
#include "core/proxy/snapshot.h"
#include "io/ring.h"

struct acme;

struct acme_settings {
    const struct model_static *settings; /* outlives it */
    struct ring *ring;
    struct timerwheel *wheel;
    /* Called when acme_obtained has changed; only notes it. */
    void (*on_change)(void *context);
    void *context;
};

/* Reads the storages. NULL in *out where no resolver can obtain anything. A storage
 * that cannot be used takes its resolvers out of service, with a line in the log. */
MUST_USE enum err acme_create(const struct acme_settings *settings, struct acme **out,
                              struct err_text *why);
/* The ring will not be turned again. Writes what has not been written. NULL is fine. */
void acme_destroy(struct acme *acme);

/* What has been obtained so far, to be served; valid until the next change. */
const struct obtained_certs *acme_obtained(const struct acme *acme);
/* The snapshot that was published just now. NULL acme is fine. */
void acme_update(struct acme *acme, const struct snapshot *snapshot);
/* Looks now for what others have written into the storages, and for wishes of
 * `weir acme renew`. NULL is fine. */
void acme_look(struct acme *acme);

/* Whether storages, authorities and DNS providers can be used, for `weir check`. */
void acme_check(const struct model_static *settings, struct diagnostics *findings);

/* ---- for the API and the metrics ---- */

struct acme_resolver_view {
    struct span name;
    const char *problem, *account, *directory; /* "": none */
    const char *error; /* why the CA cannot be used just now; "": it can */
    bool is_standby;   /* another process has the storage: nothing is obtained */
    uint64_t obtained, failed; /* orders since the start */
    size_t wanted, failing;    /* certificates; of them those whose last try failed */
};
/* The i-th resolver that has ACME, or false. NULL acme has none. */
bool acme_resolver_view(const struct acme *acme, size_t i, struct acme_resolver_view *out);

struct acme_item_view {
    struct span resolver, names; /* names joined with ',' */
    const struct cert *cert;     /* NULL: none yet */
    const char *status;          /* "valid", "pending", "failing", "unused" */
    const char *error;           /* of the last try; "": it went well */
    int64_t failed_s, renew_s;   /* Unix time; 0: never */
    unsigned failures;           /* in a row */
};
/* The i-th certificate, or false. */
bool acme_item_view(const struct acme *acme, size_t i, struct acme_item_view *out);

#endif
