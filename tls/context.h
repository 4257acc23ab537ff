/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A WOLFSSL_CTX: one certificate under one set of TLS options (server), or one
 * servers transport (client). Immutable once made, shared by all workers,
 * reference-counted.
 *
 * Server contexts are made on first use and kept in a table that belongs to a
 * snapshot: a lock-free map (cert, options) → context; two workers that make
 * the same one at the same moment settle it with one compare-and-swap, and the
 * loser's is freed. Contexts of unchanged (cert, options) pairs are carried
 * over to the next snapshot's table.
 */
#ifndef WEIR_TLS_CONTEXT_H
#define WEIR_TLS_CONTEXT_H

#include "tls/cert.h"
#include "tls/options.h"

struct tls_context;
struct tls_context_table;

/* Once per process, before any thread: wolfSSL_Init, allocator, and so on. */
MUST_USE enum err tls_global_init(struct err_text *why);
void tls_global_finish(void);
/* "5.9.2" and whether the assembly is in and the CPU runs it. */
const char *tls_library_version(void);
bool tls_library_has_assembly(void);
/* Which library makes the server's RSA signatures. */
const char *tls_library_rsa(void);
/* Which library seals the records of AES-GCM here. Before the first thread. */
const char *tls_library_gcm(void);

struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context);

/* capacity: certificates × options expected at most; slots are made lazily. */
MUST_USE enum err tls_context_table_create(size_t capacity, struct tls_context_table **out);
void tls_context_table_destroy(struct tls_context_table *table);
/* Control thread, before publication: takes over what still fits. */
void tls_context_table_inherit(struct tls_context_table *table, struct tls_context_table *old,
                               bool (*keep)(const struct cert *, const struct tls_options *,
                                            void *),
                               void *argument);

/* A borrowed context (valid while the table lives); any worker. */
MUST_USE enum err tls_context_get(struct tls_context_table *table, struct cert *cert,
                                  struct tls_options *options, struct tls_context **out,
                                  struct err_text *why);

/* One that belongs to no table; the caller's reference. For what no snapshot has. */
MUST_USE enum err tls_server_context_create(struct cert *cert, struct tls_options *options,
                                            struct tls_context **out, struct err_text *why);

/* ---- towards backends ---- */
struct tls_client_config {
    bool insecure_skip_verify;
    const struct span *root_cas; /* PEM texts; none: the system's */
    size_t root_ca_count;
    struct cert *client_cert; /* or NULL */
    int min_version, max_version;
    const struct span *cipher_suites;
    size_t cipher_suite_count;
    const struct span *alpn;
    size_t alpn_count;
};
MUST_USE enum err tls_client_context_create(const struct tls_client_config *config,
                                            struct tls_context **out, struct err_text *why);

#endif
