/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the API and the log say about a certificate. Parsed again from the leaf
 * each time: it is asked for rarely, and not kept for 100,000 certificates.
 */
#include "tls/cert.h"
#include "tls/der.h"
#include "tls/fingerprint.h"
#include "tls/x509.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static char *describe_name(struct span name)
{
    uint8_t tag;
    struct span value;
    if (!x509_common_name(name, &tag, &value))
        return span_dup(SPAN(""));
    char *text = malloc(2 * value.len + 1);
    if (text != NULL)
        text[x509_text(tag, value, text)] = '\0';
    return text;
}

/* Takes a big-endian two's complement number to its absolute value. */
static void negate(uint8_t *bytes, size_t len)
{
    unsigned carry = 1;
    for (size_t i = len; i-- > 0;) {
        carry += (uint8_t)~bytes[i];
        bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

/* Divides by ten in place; the remainder. */
static unsigned divide_by_ten(uint8_t *bytes, size_t len)
{
    unsigned remainder = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned value = remainder << 8 | bytes[i];
        bytes[i] = (uint8_t)(value / 10);
        remainder = value % 10;
    }
    return remainder;
}

/* Decimal digits are fewer than 2.5 for each byte; one for the sign, one for the NUL. */
char *cert_serial_text(struct span serial)
{
    size_t cap = serial.len * 5 / 2 + 3, at = cap - 1;
    uint8_t *bytes = malloc(serial.len);
    char *text = malloc(cap);
    if (bytes == NULL || text == NULL || serial.len == 0) {
        free(bytes);
        free(text);
        return NULL;
    }
    memcpy(bytes, serial.ptr, serial.len);
    bool negative = bytes[0] & 0x80;
    if (negative)
        negate(bytes, serial.len);
    text[at] = '\0';
    bool zero;
    do {
        text[--at] = (char)('0' + divide_by_ten(bytes, serial.len));
        zero = true;
        for (size_t i = 0; i < serial.len; i++)
            zero = zero && bytes[i] == 0;
    } while (!zero);
    if (negative)
        text[--at] = '-';
    free(bytes);
    memmove(text, text + at, cap - at);
    return text;
}

struct span cert_leaf(const struct cert *cert)
{
    struct span contents, after = cert->chain;
    bool whole = der_read(&after, DER_SEQUENCE, &contents);
    assert(whole);
    return span_first(cert->chain, cert->chain.len - after.len);
}

void cert_fingerprint(const struct cert *cert, char out[CERT_FINGERPRINT_SIZE])
{
    uint8_t digest[FINGERPRINT_SIZE];
    fingerprint_digest(cert_leaf(cert), digest);
    for (size_t i = 0; i < FINGERPRINT_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

enum err cert_describe(const struct cert *cert, struct cert_description *out)
{
    struct x509 parsed;
    TRY(x509_parse(cert_leaf(cert), &parsed, NULL));
    struct cert_description description = {
        .subject_cn = describe_name(parsed.subject),
        .issuer_cn = describe_name(parsed.issuer),
        .serial = cert_serial_text(parsed.serial),
    };
    if (!description.subject_cn || !description.issuer_cn || !description.serial) {
        cert_description_finish(&description);
        return ERR_NOMEM;
    }
    *out = description;
    return ERR_OK;
}

void cert_description_finish(struct cert_description *description)
{
    free(description->subject_cn);
    free(description->issuer_cn);
    free(description->serial);
    *description = (struct cert_description){0};
}
