/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One walk along the fields of the TBSCertificate in their order. Of the
 * extensions those are looked into that say whose certificate it is and what it
 * is for; GeneralNames are walked once here, so that later walks cannot meet
 * anything broken.
 */
#include "tls/x509.h"

#include "tls/der.h"

#define OID_COMMON_NAME SPAN("\x55\x04\x03")      /* 2.5.4.3 */
#define OID_KEY_ID SPAN("\x55\x1d\x0e")           /* 2.5.29.14 */
#define OID_KEY_USAGE SPAN("\x55\x1d\x0f")        /* 2.5.29.15 */
#define OID_SUBJECT_ALT_NAME SPAN("\x55\x1d\x11") /* 2.5.29.17 */
#define OID_CONSTRAINTS SPAN("\x55\x1d\x13")      /* 2.5.29.19 */
#define OID_PURPOSES SPAN("\x55\x1d\x25")         /* 2.5.29.37, extKeyUsage */
#define OID_ANY_PURPOSE SPAN("\x55\x1d\x25\x00")
#define OID_CLIENT_AUTH SPAN("\x2b\x06\x01\x05\x05\x07\x03\x02") /* 1.3.6.1.5.5.7.3.2 */
#define OID_AUTHORITY_INFO SPAN("\x2b\x06\x01\x05\x05\x07\x01\x01") /* 1.3.6.1.5.5.7.1.1 */

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

static bool read_constraints(struct span octets, struct x509 *out)
{
    struct span contents, ca;
    if (!der_read(&octets, DER_SEQUENCE, &contents) || octets.len != 0 ||
        !der_read_optional(&contents, DER_BOOLEAN, &ca))
        return false;
    out->has_constraints = true;
    out->is_ca = ca.len == 1 && ca.ptr[0] != 0;
    return true;
}

/* Bits are numbered from the left: keyCertSign is 5, cRLSign 6. */
static bool read_key_usage(struct span octets, struct x509 *out)
{
    struct span bits;
    if (!der_read(&octets, DER_BIT_STRING, &bits) || octets.len != 0 || bits.len < 1)
        return false;
    uint8_t first = bits.len > 1 ? (uint8_t)bits.ptr[1] : 0;
    out->has_key_usage = true;
    out->signs_certs = first & 0x04;
    out->signs_crls = first & 0x02;
    return true;
}

static bool read_purposes(struct span octets, struct x509 *out)
{
    struct span list, oid;
    if (!der_read(&octets, DER_SEQUENCE, &list) || octets.len != 0)
        return false;
    out->has_purposes = true;
    while (list.len > 0) {
        if (!der_read(&list, DER_OID, &oid))
            return false;
        if (span_equal(oid, OID_ANY_PURPOSE) || span_equal(oid, OID_CLIENT_AUTH))
            out->is_for_clients = true;
    }
    return true;
}

static bool read_key_id(struct span octets, struct x509 *out)
{
    return der_read(&octets, DER_OCTET_STRING, &out->key_id) && octets.len == 0;
}

/* Each of these may occur once (RFC 5280 section 4.2). */
static bool read_extension(struct span oid, struct span octets, struct x509 *out)
{
    if (span_equal(oid, OID_SUBJECT_ALT_NAME))
        return out->alt_names.ptr == NULL && read_alt_names(octets, out);
    if (span_equal(oid, OID_KEY_ID))
        return out->key_id.ptr == NULL && read_key_id(octets, out);
    if (span_equal(oid, OID_CONSTRAINTS))
        return !out->has_constraints && read_constraints(octets, out);
    if (span_equal(oid, OID_KEY_USAGE))
        return !out->has_key_usage && read_key_usage(octets, out);
    if (span_equal(oid, OID_PURPOSES))
        return !out->has_purposes && read_purposes(octets, out);
    return true;
}

static bool read_extensions(struct span explicit, struct x509 *out)
{
    struct span list, extension, oid, critical, octets;
    out->has_extensions = true;
    if (!der_read(&explicit, DER_SEQUENCE, &list) || explicit.len != 0)
        return false;
    while (list.len > 0) {
        if (!der_read(&list, DER_SEQUENCE, &extension) ||
            !der_read(&extension, DER_OID, &oid) ||
            !der_read_optional(&extension, DER_BOOLEAN, &critical) ||
            !der_read(&extension, DER_OCTET_STRING, &octets) || extension.len != 0 ||
            !read_extension(oid, octets, out))
            return false;
        if (span_equal(oid, OID_AUTHORITY_INFO))
            out->authority_info = octets;
        if (span_equal(oid, OID_PURPOSES))
            out->ext_key_usage = octets;
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

bool x509_is_text(uint8_t tag)
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
                der_next(&attribute, &found, &text) && x509_is_text(found)) {
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
