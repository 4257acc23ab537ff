/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One certificate: a chain in DER, a private key in DER, and the names it is
 * for. Immutable after load, reference-counted (atomically: workers' TLS
 * contexts and several snapshots share it). The key's memory is wiped.
 */
#ifndef WEIR_TLS_CERT_H
#define WEIR_TLS_CERT_H

#include "core/base/err.h"
#include "core/base/span.h"

#include <stdatomic.h>

enum cert_key_type {
    CERT_KEY_RSA,
    CERT_KEY_ECDSA_P256,
    CERT_KEY_ECDSA_P384,
    CERT_KEY_ECDSA_P521,
    CERT_KEY_ED25519,
};

struct cert {
    _Atomic uint32_t references;
    enum cert_key_type key_type;
    uint64_t group;  /* fingerprint of the store key: same names → same group; binds tickets */
    uint64_t digest; /* of chain and key: equal content → unchanged certificate */
    /* Lower-cased common name, DNS and IP SANs, de-duplicated, sorted, joined
     * with ','; TRAEFIK-CONFIG §2. Each name is a part of it. */
    struct span store_key;
    struct span chain; /* concatenated DER, leaf first */
    struct span key;   /* PKCS#8 or traditional DER */
    struct span responder; /* URL of its OCSP responder, a part of `chain`; empty: none */
    _Atomic(struct ocsp_staple *) staple; /* tls/ocsp.h: under RCU; NULL: none */
    int64_t not_before_s, not_after_s; /* Unix time */
    size_t name_count;
    /* For the API. Set by who made it, before it is shared. */
    char *source;   /* the file that it was read from, malloc'ed; NULL: none */
    bool generated; /* by Weir itself */
    char *resolver; /* that obtained it by ACME, malloc'ed; NULL: none */
    _Atomic(struct cert_counters *) counters; /* made with the first handshake */
};

/*
 * Parses PEM text: certificates (leaf first, the chain after it) and a key in
 * PKCS#8, PKCS#1 or SEC1. Fails with a message that says what is wrong and what
 * to do: no certificate, broken base64, key of another certificate, encrypted
 * key, unsupported key type. Expiry is not an error here (cert_validity).
 */
MUST_USE enum err cert_load(struct span cert_pem, struct span key_pem, struct cert **out,
                            struct err_text *why);
/* The same from DER, for what Weir makes itself: certificates one after the
 * other, and the key. Both are copied. */
MUST_USE enum err cert_create(struct span chain, struct span key, struct cert **out,
                              struct err_text *why);
struct cert *cert_ref(struct cert *cert);
void cert_unref(struct cert *cert); /* NULL is fine */

/* How many full handshakes it was served in: counted by each worker in a place of
 * its own, read by any thread. `workers`: how many there are, always the same. */
void cert_count_served(struct cert *cert, size_t worker, size_t workers);
uint64_t cert_served(const struct cert *cert);

/* The i-th name of the store key, i < name_count. */
struct span cert_name(const struct cert *cert, size_t i);

enum cert_validity { CERT_VALID, CERT_NOT_YET_VALID, CERT_EXPIRED };
enum cert_validity cert_validity(const struct cert *cert, int64_t now_s);
const char *cert_key_type_name(enum cert_key_type type);

/* The leaf, in DER. */
struct span cert_leaf(const struct cert *cert);

/* SHA-256 of the leaf in hexadecimal, which names it in the API. */
#define CERT_FINGERPRINT_SIZE 65 /* with a NUL */
void cert_fingerprint(const struct cert *cert, char out[CERT_FINGERPRINT_SIZE]);

/* For the API and the log: malloc'ed text of the leaf's subject, issuer and
 * serial number (decimal, as Traefik prints it). */
struct cert_description {
    char *subject_cn, *issuer_cn, *serial;
};
MUST_USE enum err cert_describe(const struct cert *cert, struct cert_description *out);
void cert_description_finish(struct cert_description *description);
/* The contents of a serial number's INTEGER in decimal, malloc'ed; NULL when out
 * of memory or empty. */
char *cert_serial_text(struct span serial);

#endif
