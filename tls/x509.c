/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One walk along the fields of the TBSCertificate in their order. Of the
 * extensions only subjectAltName is looked into; GeneralNames are walked once
 * here, so that later walks cannot meet anything broken.
 */
#include "tls/x509.h"

#include "tls/der.h"

#define OID_COMMON_NAME SPAN("\x55\x04\x03")      /* 2.5.4.3 */
#define OID_SUBJECT_ALT_NAME SPAN("\x55\x1d\x11") /* 2.5.29.17 */

bool x509_next_alt_name(struct span *alt_names, uint8_t *tag, struct span *value)
{
    return alt_names->len > 0 && der_next(alt_names, tag, value);
}

static bool read_alt_names(struct span octets, struct x509 *out)
{
    struct span names, name;
    uint8_t tag;
    if (!der_read(&octets, DER_SEQUENCE, &names) || octets.len != 0)
        return false;
    out->alt_names = names;
    while (x509_next_alt_name(&names, &tag, &name))
        ;
    return names.len == 0;
}

static bool read_extensions(struct span explicit, struct x509 *out)
{
    struct span list, extension, oid, critical, octets;
    bool seen = false;
    if (!der_read(&explicit, DER_SEQUENCE, &list) || explicit.len != 0)
        return false;
    while (list.len > 0) {
        if (!der_read(&list, DER_SEQUENCE, &extension) ||
            !der_read(&extension, DER_OID, &oid) ||
            !der_read_optional(&extension, DER_BOOLEAN, &critical) ||
            !der_read(&extension, DER_OCTET_STRING, &octets) || extension.len != 0)
            return false;
        if (!span_equal(oid, OID_SUBJECT_ALT_NAME))
            continue;
        if (seen || !read_alt_names(octets, out))
            return false;
        seen = true;
    }
    return true;
}

static bool read_validity(struct span validity, struct x509 *out)
{
    return der_read_time(&validity, &out->not_before_s) &&
           der_read_time(&validity, &out->not_after_s) && validity.len == 0;
}

/* What is broken, or NULL. */
static const char *read_tbs(struct span tbs, struct x509 *out)
{
    struct span version, validity, unique, extensions;
    if (!der_read_optional(&tbs, DER_CONTEXT_CONSTRUCTED(0), &version) ||
        !der_read(&tbs, DER_INTEGER, &out->serial) || out->serial.len == 0)
        return "its version or serial number";
    if (!der_skip(&tbs, DER_SEQUENCE) || !der_read(&tbs, DER_SEQUENCE, &out->issuer))
        return "its signature algorithm or issuer";
    if (!der_read(&tbs, DER_SEQUENCE, &validity) || !read_validity(validity, out))
        return "its validity dates";
    if (!der_read(&tbs, DER_SEQUENCE, &out->subject) ||
        !der_read(&tbs, DER_SEQUENCE, &out->public_key))
        return "its subject or public key";
    if (!der_read_optional(&tbs, DER_CONTEXT(1), &unique) ||
        !der_read_optional(&tbs, DER_CONTEXT(2), &unique) ||
        !der_read_optional(&tbs, DER_CONTEXT_CONSTRUCTED(3), &extensions) || tbs.len != 0)
        return "its end";
    if (extensions.ptr != NULL && !read_extensions(extensions, out))
        return "its extensions";
    return NULL;
}

enum err x509_parse(struct span der, struct x509 *out, struct err_text *why)
{
    struct span certificate, tbs, signature;
    struct x509 parsed = {0};
    if (!der_read(&der, DER_SEQUENCE, &certificate) || der.len != 0)
        return err_set(why, ERR_SYNTAX, "the certificate is no DER sequence, or is cut short");
    if (!der_read(&certificate, DER_SEQUENCE, &tbs) || !der_skip(&certificate, DER_SEQUENCE) ||
        !der_read_bits(&certificate, &signature) || certificate.len != 0)
        return err_set(why, ERR_SYNTAX, "the certificate is no X.509 certificate");
    const char *broken = read_tbs(tbs, &parsed);
    if (broken != NULL)
        return err_set(why, ERR_SYNTAX, "the certificate is broken at %s", broken);
    *out = parsed;
    return ERR_OK;
}

static bool is_text(uint8_t tag)
{
    return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_IA5_STRING ||
           tag == DER_T61_STRING || tag == DER_NUMERIC_STRING || tag == DER_BMP_STRING;
}

bool x509_common_name(struct span name, uint8_t *tag, struct span *value)
{
    struct span set, attribute, oid, text;
    uint8_t found;
    bool any = false;
    while (der_read(&name, DER_SET, &set)) {
        while (der_read(&set, DER_SEQUENCE, &attribute)) {
            if (der_read(&attribute, DER_OID, &oid) && span_equal(oid, OID_COMMON_NAME) &&
                der_next(&attribute, &found, &text) && is_text(found)) {
                *tag = found;
                *value = text;
                any = true;
            }
        }
    }
    return any;
}

/* A character of the Basic Multilingual Plane, which is what a BMPString has. */
static size_t put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

size_t x509_text(uint8_t tag, struct span value, char *out)
{
    size_t len = 0;
    if (tag != DER_BMP_STRING) {
        if (value.len > 0)
            memcpy(out, value.ptr, value.len);
        return value.len;
    }
    for (size_t i = 0; i + 1 < value.len; i += 2)
        len += put_utf8(out + len, (unsigned)((uint8_t)value.ptr[i] << 8 |
                                              (uint8_t)value.ptr[i + 1]));
    return len;
}
