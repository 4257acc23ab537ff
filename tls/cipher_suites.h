/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cipher suites between two worlds: the IANA names that Traefik's configuration
 * uses and the names that wolfSSL wants. Knows every suite that Go's crypto/tls
 * knows, so that a suite we do not offer is told from a misspelt one.
 * Any thread; nothing is kept.
 */
#ifndef WEIR_TLS_CIPHER_SUITES_H
#define WEIR_TLS_CIPHER_SUITES_H

#include "core/base/err.h"
#include "core/base/span.h"

#define TLS_VERSION_1_2 0x0303
#define TLS_VERSION_1_3 0x0304

/*
 * wolfSSL's names joined with ':', malloc'ed, for the suites that fit the
 * versions. No names: Weir's default order. As in Go, names of TLS 1.2 alone
 * leave all suites of TLS 1.3 on; TLS 1.3 names narrow and order those of 1.3;
 * suites with CBC come last.
 * ERR_INVALID: an unknown name; ERR_UNSUPPORTED: a known one that we do not
 * offer, or nothing is left for the versions.
 */
MUST_USE enum err cipher_suites_join(const struct span *names, size_t count, int min_version,
                                     int max_version, char **out, struct err_text *why);

/*
 * Resolves 0 to the defaults (1.2 and 1.3) and refuses what this build has not:
 * ERR_UNSUPPORTED for TLS 1.0 and 1.1, ERR_INVALID for anything else.
 */
MUST_USE enum err tls_versions_check(int *min_version, int *max_version, struct err_text *why);

/*
 * The suites of TLS 1.2 that HTTP/2 may be spoken over (RFC 9113 §9.2.2), as bits: those
 * of a client's offer, one by one, and those of what cipher_suites_join has made.
 */
#define CIPHER_SUITES_HTTP2_RSA 0x38u   /* where the certificate's key is RSA */
#define CIPHER_SUITES_HTTP2_ECDSA 0x07u /* where it is not */
uint8_t cipher_suite_http2_bit(uint16_t suite);
uint8_t cipher_suites_http2_bits(const char *joined);

#endif
