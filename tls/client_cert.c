/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The certificates lie in one block behind the struct. The info is put together
 * plain and then escaped as a whole. What wolfSSL accepted and our reader does
 * not is left out of the info, never guessed.
 */
#include "tls/client_cert.h"

#include <assert.h>
#include <stdlib.h>

#include "tls/cert.h"
#include "tls/ip_text.h"
#include "tls/x509.h"

#define INFO_MAX (64 << 10) /* bytes of the info before it is escaped */

/* ---- life ---- */

static char *subject_of(struct span der)
{
    struct x509 parsed;
    struct buf text;
    buf_init(&text, CLIENT_CERT_SUBJECT_MAX);
    if (x509_parse(der, &parsed, NULL) == ERR_OK)
        (void)!name_text_append(parsed.subject, &text); /* what is too long is cut */
    char *subject = span_dup(buf_span(&text));
    buf_finish(&text);
    return subject;
}

enum err client_cert_create(const struct span *certs, size_t count, struct client_cert **out)
{
    assert(count > 0 && count <= CLIENT_CERT_MAX);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += certs[i].len;
    struct client_cert *cert = calloc(1, sizeof(*cert) + count * sizeof(struct span) + bytes);
    if (cert == NULL)
        return ERR_NOMEM;
    cert->subject = subject_of(certs[0]);
    if (cert->subject == NULL) {
        free(cert);
        return ERR_NOMEM;
    }
    char *at = (char *)&cert->certs[count];
    for (size_t i = 0; i < count; i++) {
        memcpy(at, certs[i].ptr, certs[i].len);
        cert->certs[i] = span_make(at, certs[i].len);
        at += certs[i].len;
    }
    cert->count = count;
    *out = cert;
    return ERR_OK;
}

void client_cert_destroy(struct client_cert *cert)
{
    if (cert == NULL)
        return;
    free(cert->subject);
    free(cert);
}

/* ---- PEM ---- */

static enum err append_base64(struct span bytes, struct buf *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < n ? (uint8_t)bytes.ptr[i + j] : 0);
        char text[4] = {digits[group >> 18], digits[group >> 12 & 63],
                        n > 1 ? digits[group >> 6 & 63] : '=', n > 2 ? digits[group & 63] : '='};
        TRY(buf_append(out, span_make(text, sizeof(text))));
    }
    return ERR_OK;
}

enum err client_cert_append_pem(const struct client_cert *cert, struct buf *out)
{
    for (size_t i = 0; i < cert->count; i++) {
        if (i > 0)
            TRY(buf_append(out, SPAN(",")));
        TRY(append_base64(cert->certs[i], out));
    }
    return ERR_OK;
}

/* ---- info ---- */

/* `;Key="`, or without the semicolon for the first one of a certificate. */
static enum err begin_field(struct buf *out, const char *key, bool *any)
{
    TRY(buf_append_format(out, "%s%s=\"", *any ? ";" : "", key));
    *any = true;
    return ERR_OK;
}

static enum err append_name(struct buf *out, const char *key, struct span name, uint32_t wanted,
                            bool *any)
{
    struct buf text;
    buf_init(&text, INFO_MAX);
    enum err error = name_text_append_some(name, wanted, &text);
    if (error == ERR_OK && buf_len(&text) > 0) {
        error = begin_field(out, key, any);
        if (error == ERR_OK)
            error = buf_append(out, buf_span(&text));
        if (error == ERR_OK)
            error = buf_append(out, SPAN("\""));
    }
    buf_finish(&text);
    return error;
}

static enum err append_serial(struct buf *out, struct span serial, bool *any)
{
    char *text = cert_serial_text(serial);
    if (text == NULL)
        return ERR_NOMEM;
    enum err error = begin_field(out, "SerialNumber", any);
    if (error == ERR_OK)
        error = buf_append_format(out, "%s\"", text);
    free(text);
    return error;
}

static enum err append_time(struct buf *out, const char *key, int64_t unix_s, bool *any)
{
    TRY(begin_field(out, key, any));
    return buf_append_format(out, "%llu\"", (unsigned long long)unix_s);
}

static enum err append_alt_names(struct buf *out, struct span names, uint8_t kind, bool *any,
                                 bool *any_name)
{
    uint8_t tag;
    struct span value;
    while (x509_next_alt_name(&names, &tag, &value)) {
        char ip[IP_TEXT_SIZE];
        if (tag != kind)
            continue;
        if (kind == X509_IP_ADDRESS)
            value = span_make(ip, ip_text_format((const uint8_t *)value.ptr, value.len, ip));
        if (*any_name)
            TRY(buf_append(out, SPAN(",")));
        else
            TRY(begin_field(out, "SAN", any));
        *any_name = true;
        TRY(buf_append(out, value));
    }
    return ERR_OK;
}

static enum err append_sans(struct buf *out, struct span names, bool *any)
{
    static const uint8_t kinds[] = {X509_DNS_NAME, X509_EMAIL, X509_IP_ADDRESS, X509_URI};
    bool any_name = false;
    for (size_t i = 0; i < sizeof(kinds); i++)
        TRY(append_alt_names(out, names, kinds[i], any, &any_name));
    return any_name ? buf_append(out, SPAN("\"")) : ERR_OK;
}

static enum err append_one(struct buf *out, struct span der,
                           const struct client_cert_wanted *wanted)
{
    struct x509 parsed;
    bool any = false;
    if (x509_parse(der, &parsed, NULL) != ERR_OK)
        return ERR_OK;
    TRY(append_name(out, "Subject", parsed.subject, wanted->subject, &any));
    TRY(append_name(out, "Issuer", parsed.issuer, wanted->issuer, &any));
    if (wanted->serial_number)
        TRY(append_serial(out, parsed.serial, &any));
    if (wanted->not_before)
        TRY(append_time(out, "NB", parsed.not_before_s, &any));
    if (wanted->not_after)
        TRY(append_time(out, "NA", parsed.not_after_s, &any));
    return wanted->sans ? append_sans(out, parsed.alt_names, &any) : ERR_OK;
}

/* As Go's url.QueryEscape. */
static enum err append_escaped(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], low = ascii_lower(c);
        if ((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
            c == '.' || c == '~')
            TRY(buf_append(out, span_make(&c, 1)));
        else if (c == ' ')
            TRY(buf_append(out, SPAN("+")));
        else
            TRY(buf_append_format(out, "%%%02X", (uint8_t)c));
    }
    return ERR_OK;
}

enum err client_cert_append_info(const struct client_cert *cert,
                                 const struct client_cert_wanted *wanted, struct buf *out)
{
    struct buf plain;
    enum err error = ERR_OK;
    buf_init(&plain, INFO_MAX);
    for (size_t i = 0; i < cert->count && error == ERR_OK; i++) {
        if (i > 0)
            error = buf_append(&plain, SPAN(","));
        if (error == ERR_OK)
            error = append_one(&plain, cert->certs[i], wanted);
    }
    if (error == ERR_OK)
        error = append_escaped(out, buf_span(&plain));
    buf_finish(&plain);
    return error;
}
