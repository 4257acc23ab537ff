/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Below a second the biggest unit that gives a whole part, above it hours,
 * minutes and seconds with what fraction there is; trailing zeroes dropped.
 */
#include "core/admin/api_objects.h"

#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

/* value/unit with up to nine decimals, no trailing zeroes. */
static int format_fraction(char *out, size_t size, uint64_t value, uint64_t unit,
                           const char *suffix)
{
    char digits[16] = "";
    uint64_t rest = value % unit;
    size_t n = 0;
    while (rest != 0) {
        rest *= 10;
        digits[n++] = (char)('0' + rest / unit);
        rest %= unit;
    }
    return snprintf(out, size, "%" PRIu64 "%s%s%s", value / unit, n > 0 ? "." : "", digits,
                    suffix);
}

void api_format_duration(int64_t ns, char out[API_DURATION_SIZE])
{
    uint64_t left = ns < 0 ? (uint64_t)0 - (uint64_t)ns : (uint64_t)ns;
    char *at = out, *end = out + API_DURATION_SIZE;
    if (ns < 0)
        *at++ = '-';
    if (left == 0) {
        snprintf(out, API_DURATION_SIZE, "0s");
    } else if (left < (uint64_t)NS_PER_S) {
        bool micro = left < (uint64_t)NS_PER_MS, nano = left < 1000;
        format_fraction(at, (size_t)(end - at), left, nano ? 1 : micro ? 1000 : NS_PER_MS,
                        nano ? "ns" : micro ? "\u00b5s" : "ms");
    } else {
        uint64_t minutes = left / (60 * NS_PER_S);
        if (minutes >= 60)
            at += snprintf(at, (size_t)(end - at), "%" PRIu64 "h", minutes / 60);
        if (minutes > 0)
            at += snprintf(at, (size_t)(end - at), "%" PRIu64 "m", minutes % 60);
        format_fraction(at, (size_t)(end - at), left % (60 * NS_PER_S), NS_PER_S, "s");
    }
}

void api_field_duration(struct json *json, const char *name, int64_t ns)
{
    char text[API_DURATION_SIZE];
    if (ns == 0)
        return;
    api_format_duration(ns, text);
    json_field_cstr(json, name, text);
}
