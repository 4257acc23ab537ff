/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table in the order of preference. Suites with forward secrecy and an AEAD
 * are the default; those with CBC are there for who asks for them; the others
 * have no wolfSSL name and are known only to be refused by name.
 */
#include "tls/cipher_suites.h"

#include <stdio.h>
#include <stdlib.h>

enum suite_use {
    SUITE_DEFAULT,   /* offered without being asked */
    SUITE_ON_DEMAND, /* offered where the configuration names it */
    SUITE_REFUSED,   /* known, never offered */
};

struct suite {
    const char *iana;
    const char *wolfssl;
    int version;
    enum suite_use use;
};

static const struct suite suites[] = {
    {"TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256", TLS_VERSION_1_3, SUITE_DEFAULT},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256", TLS_VERSION_1_3,
     SUITE_DEFAULT},
    {"TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384", TLS_VERSION_1_3, SUITE_DEFAULT},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", TLS_VERSION_1_2,
     SUITE_DEFAULT},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", TLS_VERSION_1_2,
     SUITE_DEFAULT},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
     TLS_VERSION_1_2, SUITE_DEFAULT},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
     TLS_VERSION_1_2, SUITE_DEFAULT},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", TLS_VERSION_1_2,
     SUITE_DEFAULT},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", TLS_VERSION_1_2,
     SUITE_DEFAULT},
    /* Go's older names of the same two. */
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305", TLS_VERSION_1_2,
     SUITE_ON_DEMAND},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", TLS_VERSION_1_2,
     SUITE_ON_DEMAND},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", TLS_VERSION_1_2,
     SUITE_ON_DEMAND},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", TLS_VERSION_1_2,
     SUITE_ON_DEMAND},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", TLS_VERSION_1_2,
     SUITE_ON_DEMAND},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", TLS_VERSION_1_2,
     SUITE_ON_DEMAND},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", TLS_VERSION_1_2,
     SUITE_ON_DEMAND},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", TLS_VERSION_1_2,
     SUITE_ON_DEMAND},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_RSA_WITH_AES_128_CBC_SHA256", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_RSA_WITH_RC4_128_SHA", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_ECDHE_RSA_WITH_RC4_128_SHA", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
    {"TLS_FALLBACK_SCSV", NULL, TLS_VERSION_1_2, SUITE_REFUSED},
};

#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))
#define SUITE_NAME_MAX 40 /* bytes of a wolfSSL name with its separator */

/* What is chosen, in order. */
struct selection {
    const struct suite *chosen[SUITE_COUNT];
    size_t count;
    int min_version, max_version;
};

static void selection_add(struct selection *selection, const struct suite *suite)
{
    if (suite->version < selection->min_version || suite->version > selection->max_version)
        return;
    for (size_t i = 0; i < selection->count; i++)
        if (strcmp(selection->chosen[i]->wolfssl, suite->wolfssl) == 0)
            return;
    selection->chosen[selection->count++] = suite;
}

static void selection_add_defaults(struct selection *selection, int version)
{
    for (size_t i = 0; i < SUITE_COUNT; i++)
        if (suites[i].use == SUITE_DEFAULT && suites[i].version == version)
            selection_add(selection, &suites[i]);
}

static const struct suite *suite_find(struct span name)
{
    for (size_t i = 0; i < SUITE_COUNT; i++)
        if (span_equal_nocase(span_cstr(suites[i].iana), name))
            return &suites[i];
    return NULL;
}

static bool suite_has_cbc(const struct suite *suite)
{
    return strstr(suite->iana, "_CBC_") != NULL;
}

static enum err suite_refuse(enum err error, struct span name, const char *what,
                             struct err_text *why)
{
    char list[480];
    size_t len = 0;
    for (size_t i = 0; i < SUITE_COUNT && len < sizeof(list); i++)
        if (suites[i].use == SUITE_DEFAULT)
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "",
                                    suites[i].iana);
    return err_set(why, error, "cipher suite \"%.*s\" %s; Weir offers %s",
                   (int)(name.len < 64 ? name.len : 64), name.ptr, what, list);
}

static enum err selection_add_named(struct selection *selection, const struct span *names,
                                    size_t count, struct err_text *why)
{
    bool names_tls13 = false;
    for (size_t i = 0; i < count; i++) {
        const struct suite *suite = suite_find(names[i]);
        if (suite == NULL)
            return suite_refuse(ERR_INVALID, names[i], "is unknown", why);
        if (suite->use == SUITE_REFUSED)
            return suite_refuse(ERR_UNSUPPORTED, names[i], "is not offered (too weak)", why);
        names_tls13 |= suite->version == TLS_VERSION_1_3;
    }
    if (!names_tls13)
        selection_add_defaults(selection, TLS_VERSION_1_3);
    for (size_t i = 0; i < count; i++)
        if (suite_find(names[i])->version == TLS_VERSION_1_3)
            selection_add(selection, suite_find(names[i]));
    for (int cbc = 0; cbc <= 1; cbc++)
        for (size_t i = 0; i < count; i++) {
            const struct suite *suite = suite_find(names[i]);
            if (suite->version == TLS_VERSION_1_2 && suite_has_cbc(suite) == (cbc == 1))
                selection_add(selection, suite);
        }
    return ERR_OK;
}

enum err cipher_suites_join(const struct span *names, size_t count, int min_version,
                            int max_version, char **out, struct err_text *why)
{
    struct selection selection = {.min_version = min_version, .max_version = max_version};
    if (count == 0) {
        selection_add_defaults(&selection, TLS_VERSION_1_3);
        selection_add_defaults(&selection, TLS_VERSION_1_2);
    } else {
        TRY(selection_add_named(&selection, names, count, why));
    }
    if (selection.count == 0)
        return err_set(why, ERR_UNSUPPORTED,
                       "none of the cipher suites belongs to the TLS versions that are on");
    char *list = malloc(selection.count * SUITE_NAME_MAX);
    if (list == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    size_t len = 0;
    for (size_t i = 0; i < selection.count; i++)
        len += (size_t)snprintf(list + len, SUITE_NAME_MAX, "%s%s", i ? ":" : "",
                                selection.chosen[i]->wolfssl);
    *out = list;
    return ERR_OK;
}

/* Of those with CBC none; bit n is the n-th. */
static const struct {
    uint16_t suite; /* IANA's registry */
    const char *wolfssl;
} http2_suites[] = {
    {0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"}, {0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"}, {0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"},
    {0xc030, "ECDHE-RSA-AES256-GCM-SHA384"},   {0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"},
};
#define HTTP2_SUITES (sizeof(http2_suites) / sizeof(http2_suites[0]))

uint8_t cipher_suite_http2_bit(uint16_t suite)
{
    for (size_t i = 0; i < HTTP2_SUITES; i++)
        if (http2_suites[i].suite == suite)
            return (uint8_t)(1u << i);
    return 0;
}

uint8_t cipher_suites_http2_bits(const char *joined)
{
    uint8_t bits = 0;
    struct span rest = span_cstr(joined), name;
    while (rest.ptr != NULL) {
        rest = span_split(rest, ':', &name);
        for (size_t i = 0; i < HTTP2_SUITES; i++)
            if (span_equal(name, span_cstr(http2_suites[i].wolfssl)))
                bits |= (uint8_t)(1u << i);
    }
    return bits;
}

static enum err version_check(int version, const char *which, struct err_text *why)
{
    if (version == TLS_VERSION_1_2 || version == TLS_VERSION_1_3)
        return ERR_OK;
    if (version == 0x0301 || version == 0x0302)
        return err_set(why, ERR_UNSUPPORTED,
                       "%s version TLS 1.%d is not supported by this build; the lowest is "
                       "VersionTLS12 (RFC 8996)",
                       which, version - 0x0301);
    return err_set(why, ERR_INVALID,
                   "%s version 0x%04x is no TLS version; VersionTLS12 and VersionTLS13 are",
                   which, (unsigned)version);
}

enum err tls_versions_check(int *min_version, int *max_version, struct err_text *why)
{
    int min = *min_version != 0 ? *min_version : TLS_VERSION_1_2;
    int max = *max_version != 0 ? *max_version : TLS_VERSION_1_3;
    TRY(version_check(min, "minimum", why));
    TRY(version_check(max, "maximum", why));
    if (min > max)
        return err_set(why, ERR_INVALID,
                       "the minimum TLS version (1.%d) is above the maximum (1.%d)", min - 0x0301,
                       max - 0x0301);
    *min_version = min;
    *max_version = max;
    return ERR_OK;
}
