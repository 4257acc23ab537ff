/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signed DNS messages (TSIG, RFC 8945) with HMAC of SHA-1 to SHA-512, without
 * I/O: one request, one response. Any thread.
 */
#ifndef WEIR_CORE_CONTROL_DNS_TSIG_H
#define WEIR_CORE_CONTROL_DNS_TSIG_H

#include "core/control/dns_message.h"

#define DNS_TSIG_SECRET_MAX 1024
#define DNS_TSIG_MAC_MAX 64
#define DNS_TSIG_FUDGE_S 300 /* how far the clocks may be apart */

struct dns_tsig_algorithm;

struct dns_tsig_key {
    struct dns_name name; /* canonical */
    const struct dns_tsig_algorithm *algorithm;
    uint8_t secret[DNS_TSIG_SECRET_MAX];
    size_t secret_len;
};

struct dns_tsig_mac {
    uint8_t bytes[DNS_TSIG_MAC_MAX];
    size_t len;
};

/* algorithm: "hmac-sha256" or "hmac-sha256.", any case; secret: Base64. The error tells
 * which of them is wrong, and never the secret. */
MUST_USE enum err dns_tsig_key_set(struct dns_tsig_key *key, struct span name,
                                   struct span algorithm, struct span secret,
                                   struct err_text *why);

/* Appends the signature to a request that has none. `time_s`: Unix time. */
MUST_USE enum err dns_tsig_sign(struct buf *message, const struct dns_tsig_key *key,
                                int64_t time_s, struct dns_tsig_mac *mac);
/* Whether the response is signed by the same key, for the request that `mac` signed.
 * ERR_PERMISSION with the reason. */
MUST_USE enum err dns_tsig_verify(const struct dns_message *response,
                                  const struct dns_tsig_key *key, const struct dns_tsig_mac *mac,
                                  int64_t now_s, struct err_text *why);
/* What the TSIG record of a response says is wrong with the request ("BADKEY …"); NULL: nothing. */
const char *dns_tsig_complaint(const struct dns_message *response);

#endif
