/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The certificates that the configuration names, loaded once and kept: a
 * reload reads only what is new or was reported as changed, so replacing one of
 * a hundred thousand costs one read. Keeps the self-signed default pair as
 * well. A certificate that cannot be read or used is reported once per change
 * and left out. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_CERT_STORE_H
#define WEIR_CORE_CONTROL_CERT_STORE_H

#include "config/diagnostics.h"
#include "config/model.h"
#include "tls/cert_index.h"

struct cert_store;

/* What ACME has obtained. Its owner changes it between two collects. */
struct obtained_certs {
    struct cert **certs; /* borrowed */
    size_t count;
    struct cert *fallback; /* for defaultGeneratedCert; NULL: none */
};

MUST_USE enum err cert_store_create(struct cert_store **out);
void cert_store_destroy(struct cert_store *store);

/* What is wrong with certificates is added here from now on; NULL: goes to the
 * log. Must outlive the store, or be taken back. */
void cert_store_report_to(struct cert_store *store, struct diagnostics *findings);

/* These are collected behind those of the model. Outlives the store; NULL: none. */
void cert_store_add_obtained(struct cert_store *store, const struct obtained_certs *obtained);

/* Warns of those that have expired between the two moments. */
void cert_store_report_expiry(struct cert_store *store, int64_t since_s, int64_t now_s);

/* These files changed (watcher): the certificates made of them are read again
 * by the next collect. all: every one that comes from a file. */
void cert_store_mark_changed(struct cert_store *store, const struct span *paths, size_t count);
void cert_store_mark_all(struct cert_store *store);

/*
 * Loads what the model names, in its order. *certs is malloc'ed and borrows:
 * the store keeps its references until the next collect (those that were obtained
 * are their owner's). Entries that the model no longer names are dropped.
 * same_model: it is the very object that the running configuration was made of;
 * then nothing is looked up again.
 */
MUST_USE enum err cert_store_collect(struct cert_store *store, const struct model_dynamic *model,
                                     bool same_model, int64_t now_s, struct cert ***certs,
                                     size_t *count);
/* What is served where nothing matches: stores.default.defaultCertificate, else
 * what was obtained for defaultGeneratedCert, else the self-signed pair, which is
 * made on first use. */
MUST_USE enum err cert_store_default(struct cert_store *store, const struct model_dynamic *model,
                                     int64_t now_s, struct cert_set *out, struct err_text *why);

#endif
