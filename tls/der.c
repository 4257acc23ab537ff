/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything rests on der_next, which is the only one that looks at lengths:
 * the others read elements with it, from a copy of the span that is stored
 * back on success.
 */
#include "tls/der.h"

#define SECONDS_PER_DAY 86400

/* The length field; false when it is not minimal, indefinite or over 4 GB. */
static bool read_length(struct span *in, size_t *length)
{
    if (in->len == 0)
        return false;
    uint8_t first = (uint8_t)in->ptr[0];
    *in = span_skip(*in, 1);
    if (first < 0x80) {
        *length = first;
        return true;
    }
    size_t bytes = first & 0x7f;
    if (bytes == 0 || bytes > 4 || bytes > in->len || in->ptr[0] == 0)
        return false;
    *length = 0;
    for (size_t i = 0; i < bytes; i++)
        *length = *length << 8 | (uint8_t)in->ptr[i];
    *in = span_skip(*in, bytes);
    return *length >= 0x80;
}

bool der_next(struct span *in, uint8_t *tag, struct span *contents)
{
    struct span rest = *in;
    size_t length;
    if (rest.len == 0 || (rest.ptr[0] & 0x1f) == 0x1f)
        return false;
    uint8_t found = (uint8_t)rest.ptr[0];
    rest = span_skip(rest, 1);
    if (!read_length(&rest, &length) || length > rest.len)
        return false;
    *tag = found;
    *contents = span_first(rest, length);
    *in = span_skip(rest, length);
    return true;
}

bool der_read(struct span *in, uint8_t tag, struct span *contents)
{
    if (in->len == 0 || (uint8_t)in->ptr[0] != tag)
        return false;
    uint8_t found;
    return der_next(in, &found, contents);
}

bool der_read_optional(struct span *in, uint8_t tag, struct span *contents)
{
    *contents = SPAN_EMPTY;
    if (in->len == 0 || (uint8_t)in->ptr[0] != tag)
        return true;
    return der_read(in, tag, contents);
}

bool der_skip(struct span *in, uint8_t tag)
{
    struct span contents;
    return der_read(in, tag, &contents);
}

bool der_read_unsigned(struct span *in, struct span *magnitude)
{
    struct span rest = *in, bytes;
    if (!der_read(&rest, DER_INTEGER, &bytes) || bytes.len == 0 || (bytes.ptr[0] & 0x80))
        return false;
    if (bytes.ptr[0] == 0 && bytes.len > 1) {
        if (!(bytes.ptr[1] & 0x80))
            return false;
        bytes = span_skip(bytes, 1);
    }
    *magnitude = bytes;
    *in = rest;
    return true;
}

bool der_read_bits(struct span *in, struct span *bytes)
{
    struct span rest = *in, contents;
    if (!der_read(&rest, DER_BIT_STRING, &contents) || contents.len == 0 || contents.ptr[0] != 0)
        return false;
    *bytes = span_skip(contents, 1);
    *in = rest;
    return true;
}

bool der_read_small(struct span *in, int *value)
{
    struct span rest = *in, bytes;
    if (!der_read(&rest, DER_INTEGER, &bytes) || bytes.len != 1 || (bytes.ptr[0] & 0x80))
        return false;
    *value = bytes.ptr[0];
    *in = rest;
    return true;
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is
 * the last of its year. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = month > 2 ? year : year - 1;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719468;
}

static bool read_digits(struct span *text, size_t n, int64_t *out)
{
    uint64_t value;
    if (text->len < n || !span_to_u64(span_first(*text, n), &value))
        return false;
    *out = (int64_t)value;
    *text = span_skip(*text, n);
    return true;
}

static bool date_is_possible(int64_t year, int64_t month, int64_t day)
{
    static const int8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return false;
    return month != 2 || day < 29 || leap;
}

bool der_read_time(struct span *in, int64_t *unix_s)
{
    struct span rest = *in, text;
    uint8_t tag;
    int64_t year, month, day, hour, minute, second;
    if (!der_next(&rest, &tag, &text) || (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME))
        return false;
    if (!read_digits(&text, tag == DER_UTC_TIME ? 2 : 4, &year) ||
        !read_digits(&text, 2, &month) || !read_digits(&text, 2, &day) ||
        !read_digits(&text, 2, &hour) || !read_digits(&text, 2, &minute) ||
        !read_digits(&text, 2, &second) || !span_equal(text, SPAN("Z")))
        return false;
    if (tag == DER_UTC_TIME)
        year += year < 50 ? 2000 : 1900;
    if (!date_is_possible(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t days = days_from_civil(year, month, day);
    *unix_s = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    *in = rest;
    return true;
}
