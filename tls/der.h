/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads DER (X.690): one element after the other from the front of a span.
 * Definite, minimal lengths and low tag numbers only, which is all that
 * certificates and keys have. A false return means it is not that; the span is
 * as it was then. Any thread.
 */
#ifndef WEIR_TLS_DER_H
#define WEIR_TLS_DER_H

#include "core/base/span.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_NUMERIC_STRING = 0x12,
    DER_PRINTABLE_STRING = 0x13,
    DER_T61_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};
#define DER_CONTEXT(n) (0x80 | (n))             /* [n] IMPLICIT, primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n)) /* [n] EXPLICIT, or constructed */

/* The whole element whose contents der_read gave: with its tag and length. */
static inline struct span der_whole(struct span contents)
{
    size_t header = contents.len < 0x80      ? 2
                    : contents.len < 0x100   ? 3
                    : contents.len < 0x10000 ? 4
                                             : 5;
    return span_make(contents.ptr - header, contents.len + header);
}

/* An element of any kind: its tag and its contents. */
bool der_next(struct span *in, uint8_t *tag, struct span *contents);
/* An element with this tag. */
bool der_read(struct span *in, uint8_t tag, struct span *contents);
/* The same where it may be absent: *contents is empty with ptr NULL then, and
 * the result is false only where it is there and broken. */
bool der_read_optional(struct span *in, uint8_t tag, struct span *contents);
/* Passes over an element with this tag. */
bool der_skip(struct span *in, uint8_t tag);
/* A positive INTEGER without its leading zero byte. */
bool der_read_unsigned(struct span *in, struct span *magnitude);
/* A BIT STRING of whole bytes. */
bool der_read_bits(struct span *in, struct span *bytes);
/* A small INTEGER, 0 to 127. */
bool der_read_small(struct span *in, int *value);
/* UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 has them → Unix seconds. */
bool der_read_time(struct span *in, int64_t *unix_s);

#endif
