/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS options as the engine uses them: checked, in wolfSSL's terms, with an
 * identity. tls/ knows nothing of the configuration model: the control plane
 * translates. Immutable once made; reference-counted atomically.
 */
#ifndef WEIR_TLS_OPTIONS_H
#define WEIR_TLS_OPTIONS_H

#include "core/base/err.h"
#include "core/base/span.h"

#include <stdatomic.h>

#define TLS_OPTIONS_ALPN_MAX 8

struct crl_set;
struct tls_client_trust;

/* What is asked of clients: the five types of Go's crypto/tls. */
enum tls_client_auth {
    TLS_CLIENT_AUTH_NONE,
    TLS_CLIENT_AUTH_REQUEST,         /* any certificate or none */
    TLS_CLIENT_AUTH_REQUIRE_ANY,     /* any certificate */
    TLS_CLIENT_AUTH_VERIFY_IF_GIVEN, /* a valid one or none */
    TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY,
};

struct tls_options_config {
    struct span name;              /* "default", "strict@file" */
    int min_version, max_version;  /* 0x0301 … 0x0304; 0: default (1.2, 1.3) */
    const struct span *cipher_suites; /* IANA names */
    size_t cipher_suite_count;        /* 0: Weir's default list */
    const struct span *curves;        /* X25519, CurveP256, X25519MLKEM768 … */
    size_t curve_count;
    const struct span *alpn; /* in order of preference */
    size_t alpn_count;
    bool sni_strict;
    bool session_tickets;
    enum tls_client_auth client_auth;
    const struct span *client_cas; /* contents of the CA files; for the types that verify */
    size_t client_ca_count;
    struct crl_set *crls; /* NULL: revocation is not asked about */
};

struct tls_options {
    _Atomic uint32_t references;
    uint64_t identity; /* fingerprint of everything that decides what is agreed */
    int min_version, max_version;
    char *name;
    char *cipher_list;  /* wolfSSL's names joined with ':' */
    uint8_t http2_suites; /* cipher_suites_http2_bits of it */
    int *groups;
    size_t group_count;
    char alpn[TLS_OPTIONS_ALPN_MAX][32];
    size_t alpn_count;
    bool sni_strict;
    bool session_tickets; /* never where a client's certificate is asked for */
    enum tls_client_auth client_auth;
    struct tls_client_trust *client_trust; /* NULL: nothing is verified */
};

/* An unknown suite, curve or version is an error that lists what would be right. */
MUST_USE enum err tls_options_create(const struct tls_options_config *config,
                                     struct tls_options **out, struct err_text *why);
struct tls_options *tls_options_ref(struct tls_options *options);
void tls_options_unref(struct tls_options *options);

struct clienthello;
/* The version that a client's hello comes to under the options; 0: none. */
uint16_t tls_options_version(const struct tls_options *options, const struct clienthello *hello);
/* The protocol to agree on: the first of ours that the client offers, but h2 only with a
 * version and suite that it may be spoken over (RFC 9113 §9.2). rsa: the certificate's
 * key. NULL when the client sent no ALPN; ERR_MISMATCH when it did and none fits. */
MUST_USE enum err tls_options_choose_alpn(const struct tls_options *options,
                                          const struct clienthello *hello, bool rsa,
                                          const char **out);

#endif
