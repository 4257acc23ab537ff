/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of an X.509 certificate (RFC 5280 §4.1) that Weir looks at. All
 * spans are views of the DER. Nothing is allocated, no signature is checked.
 * Any thread.
 */
#ifndef WEIR_TLS_X509_H
#define WEIR_TLS_X509_H

#include "core/base/err.h"
#include "core/base/span.h"

struct x509 {
    struct span serial;          /* contents of the INTEGER, big-endian two's complement */
    struct span issuer, subject; /* contents of the Names */
    struct span public_key;      /* contents of the SubjectPublicKeyInfo */
    struct span alt_names;       /* contents of the GeneralNames; empty without the extension */
    struct span key_id;          /* subjectKeyIdentifier; empty without it */
    struct span authority_info;  /* the values of two more extensions, or empty */
    struct span ext_key_usage;
    int64_t not_before_s, not_after_s;
    bool has_extensions;
    bool has_constraints, is_ca;        /* basicConstraints */
    bool has_key_usage, signs_certs;    /* keyUsage: keyCertSign */
    bool signs_crls;                    /* keyUsage: cRLSign */
    bool has_purposes, is_for_clients;  /* extKeyUsage: clientAuth or any */
};

/* The whole of `der` must be one certificate. ERR_SYNTAX says what is broken. */
MUST_USE enum err x509_parse(struct span der, struct x509 *out, struct err_text *why);

/* The last common name of a Name, as Go takes it: the string's tag and bytes.
 * False when there is none. */
bool x509_common_name(struct span name, uint8_t *tag, struct span *value);
/* The string in UTF-8: at most 2 × value.len bytes (BMPString's two bytes may
 * become three), no NUL behind. Returns the length. */
size_t x509_text(uint8_t tag, struct span value, char *out);

/* Walks the GeneralNames; false after the last (and where they are broken). */
bool x509_next_alt_name(struct span *alt_names, uint8_t *tag, struct span *value);
#define X509_EMAIL 0x81
#define X509_DNS_NAME 0x82
#define X509_URI 0x86
#define X509_IP_ADDRESS 0x87

/* Whether a tag is that of a string that x509_text can take. */
bool x509_is_text(uint8_t tag);

#endif
