/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Go sorts a name's attributes into one list per type that it knows, of common
 * name and serial number the last only, and prints those from the last type to
 * the first, all values of a type as one RDN; what it does not know comes behind
 * them, backwards, as its OID and the value's DER. So we go through the name once
 * per type. Names are short.
 */
#include "tls/name_text.h"

#include "tls/der.h"
#include "tls/x509.h"

#define TEXT_MAX 1024 /* bytes of one value; longer ones are left out */
#define UNKNOWN_MAX 32

struct attribute {
    struct span oid;
    uint8_t tag;
    struct span value;
};

/* Walks all attributes; false after the last, and where the name is broken. */
struct name_walk {
    struct span name, set;
};

static bool walk_next(struct name_walk *walk, struct attribute *out)
{
    struct span sequence;
    while (walk->set.len == 0)
        if (!der_read(&walk->name, DER_SET, &walk->set))
            return false;
    return der_read(&walk->set, DER_SEQUENCE, &sequence) &&
           der_read(&sequence, DER_OID, &out->oid) &&
           der_next(&sequence, &out->tag, &out->value);
}

static bool is_type(const struct attribute *attribute, struct span oid)
{
    return span_equal(attribute->oid, oid) && x509_is_text(attribute->tag) &&
           attribute->value.len <= TEXT_MAX;
}

/* ---- escaping ---- */

static bool needs_escape(struct span text, size_t i)
{
    switch (text.ptr[i]) {
    case ',':
    case '+':
    case '"':
    case '\\':
    case '<':
    case '>':
    case ';':
        return true;
    case ' ':
        return i == 0 || i + 1 == text.len;
    case '#':
        return i == 0;
    default:
        return false;
    }
}

static enum err append_escaped(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (needs_escape(text, i))
            TRY(buf_append(out, SPAN("\\")));
        TRY(buf_append(out, span_make(text.ptr + i, 1)));
    }
    return ERR_OK;
}

/* ---- whole names ---- */

struct known_type {
    struct span oid;
    const char *name;
    bool last_only;
};

#define TYPE(oid_, name_, last_) {{oid_, sizeof(oid_) - 1}, name_, last_}

/* In the order of the text. */
static const struct known_type known[] = {
    TYPE("\x55\x04\x05", "SERIALNUMBER", true), TYPE("\x55\x04\x03", "CN", true),
    TYPE("\x55\x04\x11", "POSTALCODE", false),  TYPE("\x55\x04\x09", "STREET", false),
    TYPE("\x55\x04\x08", "ST", false),          TYPE("\x55\x04\x07", "L", false),
    TYPE("\x55\x04\x0b", "OU", false),          TYPE("\x55\x04\x0a", "O", false),
    TYPE("\x55\x04\x06", "C", false),
};
#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static enum err append_value(struct buf *out, const struct attribute *attribute,
                             const char *before, const char *name)
{
    char text[2 * TEXT_MAX];
    size_t len = x509_text(attribute->tag, attribute->value, text);
    TRY(buf_append_format(out, "%s%s=", before, name));
    return append_escaped(out, span_make(text, len));
}

static enum err append_type(struct buf *out, struct span name, const struct known_type *type,
                            bool *any)
{
    struct name_walk walk = {.name = name};
    struct attribute attribute, last = {.tag = 0};
    bool here = false;
    while (walk_next(&walk, &attribute)) {
        if (!is_type(&attribute, type->oid))
            continue;
        last = attribute;
        if (!type->last_only) {
            TRY(append_value(out, &attribute, here ? "+" : *any ? "," : "", type->name));
            here = true;
        }
    }
    if (type->last_only && last.value.len > 0) {
        TRY(append_value(out, &last, *any ? "," : "", type->name));
        here = true;
    }
    *any |= here;
    return ERR_OK;
}

static bool is_known(struct span oid)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++)
        if (span_equal(oid, known[i].oid))
            return true;
    return false;
}

static enum err append_oid(struct buf *out, struct span oid)
{
    uint64_t arc = 0;
    bool first = true;
    for (size_t i = 0; i < oid.len; i++) {
        uint8_t byte = (uint8_t)oid.ptr[i];
        arc = arc << 7 | (byte & 0x7f);
        if (byte & 0x80)
            continue;
        uint64_t root = arc < 40 ? 0 : arc < 80 ? 1 : 2;
        if (first)
            TRY(buf_append_format(out, "%d.%llu", (int)root,
                                  (unsigned long long)(arc - 40 * root)));
        else
            TRY(buf_append_format(out, ".%llu", (unsigned long long)arc));
        first = false;
        arc = 0;
    }
    return ERR_OK;
}

/* What asn1.Marshal calls a PrintableString. */
static bool is_printable(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], low = ascii_lower(c);
        if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("'()+,-./:=? ", c) != NULL)))
            return false;
    }
    return true;
}

/* The OID and, in hexadecimal digits, the DER that Go makes of the string. */
static enum err append_unknown(struct buf *out, const struct attribute *attribute, bool any)
{
    char text[2 * TEXT_MAX];
    uint8_t head[4];
    size_t len = x509_text(attribute->tag, attribute->value, text), n = 0;
    head[n++] = is_printable(span_make(text, len)) ? DER_PRINTABLE_STRING : DER_UTF8_STRING;
    if (len >= 0x100)
        head[n++] = 0x82;
    else if (len >= 0x80)
        head[n++] = 0x81;
    if (len >= 0x100)
        head[n++] = (uint8_t)(len >> 8);
    head[n++] = (uint8_t)len;
    TRY(buf_append(out, span_cstr(any ? "," : "")));
    TRY(append_oid(out, attribute->oid));
    TRY(buf_append(out, SPAN("=#")));
    for (size_t i = 0; i < n; i++)
        TRY(buf_append_format(out, "%02x", head[i]));
    for (size_t i = 0; i < len; i++)
        TRY(buf_append_format(out, "%02x", (uint8_t)text[i]));
    return ERR_OK;
}

enum err name_text_append(struct span name, struct buf *out)
{
    struct attribute unknown[UNKNOWN_MAX], attribute;
    struct name_walk walk = {.name = name};
    size_t count = 0;
    bool any = false;
    for (size_t i = 0; i < KNOWN_COUNT; i++)
        TRY(append_type(out, name, &known[i], &any));
    while (count < UNKNOWN_MAX && walk_next(&walk, &attribute))
        if (!is_known(attribute.oid) && is_type(&attribute, attribute.oid))
            unknown[count++] = attribute;
    while (count-- > 0) {
        TRY(append_unknown(out, &unknown[count], any));
        any = true;
    }
    return ERR_OK;
}

/* ---- chosen attributes ---- */

struct chosen_type {
    uint32_t bit;
    struct known_type type;
};

/* In the order of the text. */
static const struct chosen_type chosen[] = {
    {NAME_USER_ID, TYPE("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID", false)},
    {NAME_DOMAIN_COMPONENT, TYPE("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC", false)},
    {NAME_COUNTRY, TYPE("\x55\x04\x06", "C", false)},
    {NAME_PROVINCE, TYPE("\x55\x04\x08", "ST", false)},
    {NAME_LOCALITY, TYPE("\x55\x04\x07", "L", false)},
    {NAME_ORGANIZATION, TYPE("\x55\x04\x0a", "O", false)},
    {NAME_ORGANIZATIONAL_UNIT, TYPE("\x55\x04\x0b", "OU", false)},
    {NAME_SERIAL_NUMBER, TYPE("\x55\x04\x05", "SN", true)},
    {NAME_COMMON_NAME, TYPE("\x55\x04\x03", "CN", true)},
};

static enum err append_plain(struct buf *out, const struct attribute *attribute,
                             const char *name, bool *any)
{
    char text[2 * TEXT_MAX];
    size_t len = x509_text(attribute->tag, attribute->value, text);
    if (len == 0)
        return ERR_OK;
    TRY(buf_append_format(out, "%s%s=", *any ? "," : "", name));
    *any = true;
    return buf_append(out, span_make(text, len));
}

static enum err append_chosen(struct buf *out, struct span name, const struct known_type *type,
                              bool *any)
{
    struct name_walk walk = {.name = name};
    struct attribute attribute, last = {.tag = 0};
    while (walk_next(&walk, &attribute)) {
        if (!is_type(&attribute, type->oid))
            continue;
        last = attribute;
        if (!type->last_only)
            TRY(append_plain(out, &attribute, type->name, any));
    }
    return type->last_only ? append_plain(out, &last, type->name, any) : ERR_OK;
}

enum err name_text_append_some(struct span name, uint32_t wanted, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
        if (wanted & chosen[i].bit)
            TRY(append_chosen(out, name, &chosen[i].type, &any));
    return ERR_OK;
}
