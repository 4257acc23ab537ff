/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What ACME has to keep: accounts, certificates, and orders that are under way.
 * One storage may serve several resolvers. The file is Traefik's acme.json, as
 * it is:
 *
 *   {RESOLVER: {"Account": {"Email", "Registration": {"body", "uri"},
 *                           "PrivateKey": base64 of DER, "KeyType"},
 *               "Certificates": [{"domain": {"main", "sans"},
 *                                 "certificate": base64 of PEM, "key": base64 of PEM,
 *                                 "Store": "default"}]}}
 *
 * What else is in it stays. Orders, for which it has no place, are in a file
 * beside it, STORAGE.orders: {RESOLVER: {"name,name": {"url", "key"}}}.
 *
 * The struct is memory only: acme_store_open reads, acme_store_text writes text
 * that acme_file_write takes to the disk. One thread.
 */
#ifndef WEIR_CORE_CONTROL_ACME_STORE_H
#define WEIR_CORE_CONTROL_ACME_STORE_H

#include "core/base/buf.h"
#include "core/control/acme_file.h"
#include "core/control/acme_merge.h"

struct acme_store;

/* `weir acme renew` leaves names in the file of this suffix, one a line. */
#define ACME_STORE_WISHES_SUFFIX ".renew"

/* A missing file is an empty storage. Else what acme_file_read says, or ERR_SYNTAX. */
MUST_USE enum err acme_store_open(const char *path, struct acme_store **out,
                                  struct err_text *why);
void acme_store_destroy(struct acme_store *store); /* NULL is fine */
const char *acme_store_path(const struct acme_store *store);

enum acme_store_file { ACME_STORE_MAIN, ACME_STORE_ORDERS };
#define ACME_STORE_FILES 2
/* The path of a file, and whether it differs from what was last taken by
 * acme_store_text, which gives its malloc'ed text (wipe and free it with
 * acme_file_release) or, where it is to be gone, an empty span. */
const char *acme_store_file_path(const struct acme_store *store, enum acme_store_file file);
bool acme_store_is_dirty(const struct acme_store *store, enum acme_store_file file);
MUST_USE enum err acme_store_text(struct acme_store *store, enum acme_store_file file,
                                  struct span *out);
/* What became of that text: it is in the file, or the file still differs. */
void acme_store_set_written(struct acme_store *store, enum acme_store_file file);
void acme_store_set_dirty(struct acme_store *store, enum acme_store_file file);
/* Of the contents of acme.json that the memory knows; for acme_file_write. */
struct acme_file_stamp *acme_store_stamp(struct acme_store *store);

/*
 * acme.json as somebody else has written it: what they changed is taken over, what we
 * changed since our last text that was written stays (acme_merge.h). A blank text is no
 * change of theirs: ours is to be written whole. `taken` gets each certificate that they
 * added or replaced. ERR_SYNTAX: it is no storage, and nothing has changed.
 */
struct acme_stored_cert;
typedef void acme_store_taken(void *context, const char *resolver,
                              const struct acme_stored_cert *cert);
MUST_USE enum err acme_store_merge(struct acme_store *store, struct span text,
                                   const struct acme_file_stamp *stamp, acme_store_taken *taken,
                                   void *context, struct acme_merge_report *report,
                                   struct err_text *why);
/* The orders anew, as another process has left them. */
MUST_USE enum err acme_store_read_orders(struct acme_store *store, struct err_text *why);

struct acme_stored_account {
    const char *email, *uri; /* "" where absent */
    const char *key;         /* DER in base64 */
};
/* False where there is none; valid until the account is changed. */
bool acme_store_account(const struct acme_store *store, const char *resolver,
                        struct acme_stored_account *out);
/* registration: JSON of the CA, or NULL where it is not registered yet (uri "" then). */
MUST_USE enum err acme_store_set_account(struct acme_store *store, const char *resolver,
                                         const char *email, const char *uri,
                                         const char *registration, struct span key_der,
                                         const char *key_type);

struct acme_stored_cert {
    const char *main;
    const char *store;
    struct span chain, key; /* PEM, malloc'ed: acme_stored_cert_finish wipes */
    struct span *names;     /* main and sans, pointing into the storage; malloc'ed */
    size_t name_count;
};
size_t acme_store_cert_count(const struct acme_store *store, const char *resolver);
/* The i-th; ERR_SYNTAX where it is incomplete. */
MUST_USE enum err acme_store_cert(const struct acme_store *store, const char *resolver, size_t i,
                                  struct acme_stored_cert *out);
void acme_stored_cert_finish(struct acme_stored_cert *cert);
/* Replaces the one for the same names in any order, or adds it. */
MUST_USE enum err acme_store_set_cert(struct acme_store *store, const char *resolver,
                                      const struct span *names, size_t name_count,
                                      struct span chain, struct span key);
/* The names of resolvers in the file, or NULL behind the last. */
const char *acme_store_resolver(const struct acme_store *store, size_t i);

/* names: joined with ','. Borrowed until it changes; false: none. */
bool acme_store_order(const struct acme_store *store, const char *resolver, const char *names,
                      const char **url, const char **key_pem);
MUST_USE enum err acme_store_set_order(struct acme_store *store, const char *resolver,
                                       const char *names, const char *url, struct span key_pem);
void acme_store_forget_order(struct acme_store *store, const char *resolver, const char *names);

#endif
