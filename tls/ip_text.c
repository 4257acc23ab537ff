/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RFC 5952 §4: lower-case hexadecimal without leading zeros, and "::" for the
 * longest run of two or more zero groups, the first of equal ones. inet_ntop
 * would write ::1.2.3.4 where Go writes ::102:304.
 */
#include "tls/ip_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define GROUPS 8

static size_t format_v4(const uint8_t *address, char *out)
{
    return (size_t)snprintf(out, IP_TEXT_SIZE, "%u.%u.%u.%u", address[0], address[1], address[2],
                            address[3]);
}

/* The length of the longest run of zero groups; *start is where it begins. */
static size_t longest_zero_run(const uint8_t *address, size_t *start)
{
    size_t best = 0, run = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        bool zero = address[2 * i] == 0 && address[2 * i + 1] == 0;
        run = zero ? run + 1 : 0;
        if (run > best) {
            best = run;
            *start = i + 1 - run;
        }
    }
    return best;
}

static size_t format_v6(const uint8_t *address, char *out)
{
    size_t start = GROUPS, len = 0;
    size_t run = longest_zero_run(address, &start);
    if (run < 2)
        start = GROUPS;
    for (size_t i = 0; i < GROUPS; i++) {
        if (i == start) {
            out[len++] = ':';
            out[len++] = ':';
            i += run;
            if (i == GROUPS)
                break;
        } else if (i > 0) {
            out[len++] = ':';
        }
        unsigned group = (unsigned)(address[2 * i] << 8 | address[2 * i + 1]);
        len += (size_t)snprintf(out + len, IP_TEXT_SIZE - len, "%x", group);
    }
    out[len] = '\0';
    return len;
}

size_t ip_text_format(const uint8_t *address, size_t size, char *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (size == 4)
        return format_v4(address, out);
    if (size != 16)
        return 0;
    if (memcmp(address, mapped, sizeof(mapped)) == 0)
        return format_v4(address + sizeof(mapped), out);
    return format_v6(address, out);
}
