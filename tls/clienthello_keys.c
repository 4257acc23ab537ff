/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client can do with what a server has. In TLS 1.3 a signature scheme
 * names one curve; in TLS 1.2 any scheme of the algorithm will do, and the
 * curve has to be among the groups.
 */
#include "tls/cert.h"
#include "tls/clienthello.h"

#include <assert.h>

#define VERSION_TLS12 0x0303
#define VERSION_TLS13 0x0304

bool clienthello_offers_alpn(const struct clienthello *hello, const char *protocol)
{
    for (size_t i = 0; i < hello->alpn_count; i++) {
        if (strcmp(hello->alpn[i], protocol) == 0)
            return true;
    }
    return false;
}

static bool list_has(const uint16_t *list, size_t count, uint16_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == value)
            return true;
    }
    return false;
}

bool clienthello_offers_version(const struct clienthello *hello, uint16_t version)
{
    return list_has(hello->versions, hello->version_count, version);
}

/* What a key signs with in TLS 1.3, and the TLS 1.2 schemes that will do for it: the low byte of
 * those is the algorithm (RFC 5246 §7.4.1.4.1). group 0: no curve has to be offered. */
static const struct key_signature {
    uint16_t tls13[3];
    uint8_t tls12_algorithm;
    uint16_t group;
} key_signatures[] = {
    [CERT_KEY_RSA] = {{0x0804, 0x0805, 0x0806}, 1, 0},
    [CERT_KEY_ECDSA_P256] = {{0x0403}, 3, 23},
    [CERT_KEY_ECDSA_P384] = {{0x0503}, 3, 24},
    [CERT_KEY_ECDSA_P521] = {{0x0603}, 3, 25},
    [CERT_KEY_ED25519] = {{0x0807}, 0, 0},
};

static bool offers_tls13_scheme(const struct clienthello *hello, const struct key_signature *key)
{
    for (size_t i = 0; i < 3 && key->tls13[i] != 0; i++) {
        if (list_has(hello->signature_schemes, hello->signature_scheme_count, key->tls13[i]))
            return true;
    }
    return false;
}

static bool offers_tls12_scheme(const struct clienthello *hello, const struct key_signature *key)
{
    if (hello->signature_scheme_count == 0)
        return key->tls12_algorithm != 0; /* the defaults of RFC 5246 §7.4.1.4.1 */
    for (size_t i = 0; i < hello->signature_scheme_count; i++) {
        uint16_t scheme = hello->signature_schemes[i];
        bool hashed = scheme >> 8 >= 2 && scheme >> 8 <= 6;
        if (hashed && (scheme & 0xff) == key->tls12_algorithm)
            return true;
    }
    return offers_tls13_scheme(hello, key);
}

bool clienthello_accepts_key_in(const struct clienthello *hello, int cert_key_type,
                                uint16_t version)
{
    size_t types = sizeof(key_signatures) / sizeof(key_signatures[0]);
    assert(cert_key_type >= 0 && (size_t)cert_key_type < types);
    const struct key_signature *key = &key_signatures[cert_key_type];
    if (version >= VERSION_TLS13)
        return offers_tls13_scheme(hello, key);
    bool suites = cert_key_type == CERT_KEY_RSA ? hello->rsa_suites : hello->ecdsa_suites;
    bool group = key->group == 0 || hello->group_count == 0 ||
                 list_has(hello->groups, hello->group_count, key->group);
    return suites && group && offers_tls12_scheme(hello, key);
}

bool clienthello_accepts_key(const struct clienthello *hello, int cert_key_type)
{
    bool tls13 = clienthello_offers_version(hello, VERSION_TLS13);
    return clienthello_accepts_key_in(hello, cert_key_type, tls13 ? VERSION_TLS13 : VERSION_TLS12);
}
