/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wolfSSL's own check refuses names of one label ("backend"), which are usual
 * among containers, and takes a common name where there is no SAN; so the check
 * is ours, on the SANs that wolfSSL decodes.
 */
#include "tls/peer_name.h"

#include <arpa/inet.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>

static struct span strip_dot(struct span name)
{
    return name.len > 0 && name.ptr[name.len - 1] == '.' ? span_first(name, name.len - 1) : name;
}

bool peer_name_matches(struct span pattern, struct span host)
{
    pattern = strip_dot(pattern);
    host = strip_dot(host);
    if (pattern.len == 0 || host.len == 0)
        return false;
    if (!span_starts_with(pattern, SPAN("*.")))
        return span_find(pattern, '*', 0) < 0 && span_equal_nocase(pattern, host);
    ptrdiff_t dot = span_find(host, '.', 0);
    struct span rest = span_skip(pattern, 1);
    return dot > 0 && span_find(rest, '*', 0) < 0 &&
           span_equal_nocase(rest, span_skip(host, (size_t)dot));
}

size_t peer_name_parse_ip(const char *text, uint8_t out[16])
{
    char bare[INET6_ADDRSTRLEN + 2];
    size_t len = strlen(text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof(bare))
        return 0;
    memcpy(bare, text, len);
    bare[len] = '\0';
    if (inet_pton(AF_INET, bare, out) == 1)
        return 4;
    return inet_pton(AF_INET6, bare, out) == 1 ? 16 : 0;
}

static bool san_matches(const DNS_entry *san, const char *name, const uint8_t *ip, size_t ip_len)
{
    if (san->len <= 0)
        return false;
    struct span value = span_make(san->name, (size_t)san->len);
    if (ip_len > 0)
        return san->type == ASN_IP_TYPE && span_equal(value, span_make(ip, ip_len));
    return san->type == ASN_DNS_TYPE && peer_name_matches(value, span_cstr(name));
}

bool peer_name_in_certificate(struct span der, const char *name)
{
    uint8_t ip[16];
    size_t ip_len = peer_name_parse_ip(name, ip);
    DecodedCert cert;
    bool found = false;
    wc_InitDecodedCert(&cert, (const byte *)der.ptr, (word32)der.len, NULL);
    if (wc_ParseCert(&cert, CERT_TYPE, NO_VERIFY, NULL) == 0)
        for (const DNS_entry *san = cert.altNames; san != NULL && !found; san = san->next)
            found = san_matches(san, name, ip, ip_len);
    wc_FreeDecodedCert(&cert);
    return found;
}
