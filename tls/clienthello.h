/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Peeks a ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2) without I/O and
 * without changing it: what Weir needs to choose a handler, TLS options and a
 * certificate before wolfSSL sees the first byte. Accepts a hello that spans
 * several records. Any thread; nothing is allocated.
 */
#ifndef WEIR_TLS_CLIENTHELLO_H
#define WEIR_TLS_CLIENTHELLO_H

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/base/span.h"

#define CLIENTHELLO_ALPN_MAX 16   /* protocols looked at; more are ignored */
#define CLIENTHELLO_LIST_MAX 64   /* signature schemes and groups looked at */

struct clienthello {
    /* Normalised: lower case, no trailing dot; empty without SNI or when the
     * name is not a valid host name (RFC 6066 §3). */
    char server_name[LIMIT_HOST_NAME + 1];
    size_t server_name_len;
    char alpn[CLIENTHELLO_ALPN_MAX][32]; /* NUL-terminated; longer ones are skipped */
    size_t alpn_count;
    bool has_alpn;
    uint16_t versions[8]; /* supported_versions, or legacy_version alone */
    size_t version_count;
    uint16_t signature_schemes[CLIENTHELLO_LIST_MAX];
    size_t signature_scheme_count;
    uint16_t groups[CLIENTHELLO_LIST_MAX];
    size_t group_count;
    bool has_groups;
    bool ecdsa_suites, rsa_suites; /* TLS 1.2 suites with ECDHE, by authentication */
    uint8_t http2_suites;          /* cipher_suite_http2_bit of each */
    bool is_fallback;              /* TLS_FALLBACK_SCSV (RFC 7507) */
    size_t psk_count;              /* tickets offered (RFC 8446 §4.2.11) */
};

/*
 * Looks at the first bytes of a connection.
 *   ERR_OK        *out is filled
 *   ERR_AGAIN     more bytes are needed (or, with all of max_bytes given, ERR_LIMIT)
 *   ERR_PROTOCOL  not TLS: *out untouched (plain HTTP, SSLv2, garbage)
 *   ERR_SYNTAX    TLS, but malformed
 */
MUST_USE enum err clienthello_peek(struct span bytes, size_t max_bytes, struct clienthello *out);

/*
 * RFC 8446 §5.1 lets a hello be cut into records anywhere; wolfSSL wants the
 * message's header whole. Appends the hello, which clienthello_peek has
 * accepted, as one record, and what follows it. ERR_EXISTS: it is one record
 * already; ERR_LIMIT: longer than a record; ERR_SYNTAX: its last record holds
 * something behind it.
 */
struct buf;
MUST_USE enum err clienthello_join(struct span bytes, struct buf *out);

bool clienthello_offers_alpn(const struct clienthello *hello, const char *protocol);
bool clienthello_offers_version(const struct clienthello *hello, uint16_t version);
/* Whether the client can verify a signature of such a key (enum cert_key_type)
 * in the highest version that it offers, or in TLS 1.2 (0x0303) or 1.3 (0x0304)
 * where the caller knows which it will be. */
bool clienthello_accepts_key(const struct clienthello *hello, int cert_key_type);
bool clienthello_accepts_key_in(const struct clienthello *hello, int cert_key_type,
                                uint16_t version);

#endif
