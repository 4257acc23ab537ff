/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Traefik's table goes by the life that certificates are said to have
 * (certificatesDuration).
 */
#include "tls/acme_renewal.h"

#include "tls/base64.h"

#include <jansson.h>
#include <openssl/asn1.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct acme_renewal_times acme_renewal_times(int64_t life_s)
{
    if (life_s >= 365 * DAY)
        return (struct acme_renewal_times){120 * DAY, 7 * DAY};
    if (life_s >= 90 * DAY)
        return (struct acme_renewal_times){30 * DAY, DAY};
    if (life_s >= 30 * DAY)
        return (struct acme_renewal_times){10 * DAY, 12 * HOUR};
    if (life_s >= 6 * DAY)
        return (struct acme_renewal_times){2 * DAY, 2 * HOUR};
    if (life_s >= DAY)
        return (struct acme_renewal_times){6 * HOUR, 10 * MINUTE};
    if (life_s >= HOUR)
        return (struct acme_renewal_times){20 * MINUTE, MINUTE};
    return (struct acme_renewal_times){life_s / 3, MINUTE};
}

/* ---- which certificate ---- */

static char *identify(const X509 *leaf)
{
    const ASN1_OCTET_STRING *issuer = X509_get0_authority_key_id((X509 *)leaf);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    unsigned char *der = NULL;
    if (issuer == NULL)
        return NULL;
    int len = i2d_ASN1_INTEGER((ASN1_INTEGER *)serial, &der);
    char *first = base64_text(span_make(ASN1_STRING_get0_data(issuer),
                                        (size_t)ASN1_STRING_length(issuer)), BASE64_URL);
    /* Serial numbers have at most 20 octets, so one byte says how long. */
    char *second = len > 2 ? base64_text(span_make(der + 2, (size_t)len - 2), BASE64_URL) : NULL;
    char *both = NULL;
    if (first == NULL || second == NULL || asprintf(&both, "%s.%s", first, second) < 0)
        both = NULL;
    free(first);
    free(second);
    OPENSSL_free(der);
    return both;
}

enum err acme_cert_id(const struct cert *cert, char out[ACME_CERT_ID_SIZE])
{
    struct span der = cert_leaf(cert);
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509 *leaf = d2i_X509(NULL, &at, (long)der.len);
    char *id = leaf != NULL ? identify(leaf) : NULL;
    X509_free(leaf);
    if (id == NULL || strlen(id) >= ACME_CERT_ID_SIZE) {
        free(id);
        return ERR_NOTFOUND;
    }
    memcpy(out, id, strlen(id) + 1);
    free(id);
    return ERR_OK;
}

/* ---- the window ---- */

/* "Z", "+02:00" */
static bool read_offset(const char *text, int64_t *offset_s)
{
    int hours, minutes, end = 0;
    *offset_s = 0;
    if ((text[0] == 'Z' || text[0] == 'z') && text[1] == '\0')
        return true;
    if ((text[0] != '+' && text[0] != '-') ||
        sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 || text[1 + end] != '\0')
        return false;
    *offset_s = (hours * HOUR + minutes * MINUTE) * (text[0] == '-' ? -1 : 1);
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

enum err acme_time_read(const char *text, int64_t *unix_s)
{
    struct tm parts = {0};
    int64_t offset_s;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == NULL)
        return ERR_SYNTAX;
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        rest += 1 + digits;
    }
    if (!read_offset(rest, &offset_s))
        return ERR_SYNTAX;
    *unix_s = (int64_t)timegm(&parts) - offset_s;
    return ERR_OK;
}

static bool read_moment(const json_t *window, const char *key, int64_t *out)
{
    const char *text = json_string_value(json_object_get(window, key));
    return text != NULL && acme_time_read(text, out) == ERR_OK;
}

enum err acme_window_read(struct span body, struct acme_window *out, struct err_text *why)
{
    struct acme_window window = {0};
    json_t *root = json_loadb(body.ptr != NULL ? body.ptr : "", body.len, 0, NULL);
    const json_t *suggested = json_object_get(root, "suggestedWindow");
    const char *page = json_string_value(json_object_get(root, "explanationURL"));
    bool good = read_moment(suggested, "start", &window.start_s) &&
                read_moment(suggested, "end", &window.end_s) && window.start_s < window.end_s;
    if (page != NULL && acme_url_is_usable(page))
        snprintf(window.explanation, sizeof(window.explanation), "%s", page);
    json_decref(root);
    if (!good)
        return err_set(why, ERR_SYNTAX, "the CA's renewal information has no window of time");
    *out = window;
    return ERR_OK;
}

int64_t acme_window_moment(const struct acme_window *window, uint32_t random)
{
    uint64_t width = (uint64_t)(window->end_s - window->start_s);
    width = width < UINT32_MAX ? width : UINT32_MAX;
    return window->start_s + (int64_t)(width * random >> 32);
}
