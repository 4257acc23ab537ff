/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Durations are summed in 128-bit nanoseconds and checked once at the end, so
 * that no spelling overflows on the way. Nothing here allocates or depends on
 * the locale (floats go through strtod only after their form was checked).
 */
#include "config/convert.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum err convert_bool(struct span text, bool *out)
{
    static const char *const yes[] = {"true", "True", "TRUE", "t", "T", "1"};
    static const char *const no[] = {"false", "False", "FALSE", "f", "F", "0"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        if (span_equal(text, span_cstr(yes[i])) || span_equal(text, span_cstr(no[i]))) {
            *out = span_equal(text, span_cstr(yes[i]));
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

enum err convert_float(struct span text, double *out)
{
    char buffer[64];
    if (text.len == 0 || text.len >= sizeof(buffer))
        return ERR_SYNTAX;
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.ptr[i]) && strchr("+-.eE", text.ptr[i]) == NULL)
            return ERR_SYNTAX;
    memcpy(buffer, text.ptr, text.len);
    buffer[text.len] = '\0';
    char *end;
    double value = strtod(buffer, &end);
    if (*end != '\0' || !is_digit(buffer[strcspn(buffer, "0123456789")]))
        return ERR_SYNTAX;
    *out = value;
    return ERR_OK;
}

/* "1e3", "8.0": YAML and TOML call them floats, Go prints them as integers. */
static enum err integer_of_float(struct span text, int64_t *out)
{
    double value;
    TRY(convert_float(text, &value));
    if (!(value > -9e15 && value < 9e15) || value != (double)(int64_t)value)
        return ERR_SYNTAX;
    *out = (int64_t)value;
    return ERR_OK;
}

enum err convert_integer(struct span text, int64_t *out)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    struct span digits = span_skip(text, negative || (text.len > 0 && text.ptr[0] == '+'));
    uint64_t value = 0;
    if (digits.len == 0)
        return ERR_SYNTAX;
    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.ptr[i]))
            return integer_of_float(text, out);
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits.ptr[i] - '0'), &value))
            return ERR_LIMIT;
    }
    if (value > (uint64_t)INT64_MAX + negative)
        return ERR_LIMIT;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return ERR_OK;
}

/* ---- durations ---- */

static bool take_unit(struct span *rest, int64_t *scale)
{
    static const struct {
        const char *name;
        int64_t scale;
    } units[] = {
        {"ns", 1},
        {"us", 1000},
        {"\xc2\xb5s", 1000}, /* U+00B5 */
        {"\xce\xbcs", 1000}, /* U+03BC */
        {"ms", NS_PER_MS},
        {"s", NS_PER_S},
        {"m", 60 * NS_PER_S},
        {"h", 3600 * NS_PER_S},
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        struct span name = span_cstr(units[i].name);
        if (span_starts_with(*rest, name) &&
            (rest->len == name.len || is_digit(rest->ptr[name.len]) ||
             rest->ptr[name.len] == '.')) {
            *rest = span_skip(*rest, name.len);
            *scale = units[i].scale;
            return true;
        }
    }
    return false;
}

/* One "12.5h"; adds its nanoseconds. */
static enum err take_term(struct span *rest, __int128 *sum)
{
    __int128 whole = 0, fraction = 0, divisor = 1;
    size_t digits = 0;
    for (; rest->len > 0 && is_digit(rest->ptr[0]); *rest = span_skip(*rest, 1), digits++) {
        whole = whole * 10 + (rest->ptr[0] - '0');
        if (whole > INT64_MAX)
            return ERR_LIMIT;
    }
    if (rest->len > 0 && rest->ptr[0] == '.') {
        *rest = span_skip(*rest, 1);
        for (; rest->len > 0 && is_digit(rest->ptr[0]); *rest = span_skip(*rest, 1), digits++) {
            if (divisor < (__int128)1000000000000000) {
                fraction = fraction * 10 + (rest->ptr[0] - '0');
                divisor *= 10;
            }
        }
    }
    int64_t scale;
    if (digits == 0 || !take_unit(rest, &scale))
        return ERR_SYNTAX;
    *sum += whole * scale + fraction * scale / divisor;
    return *sum > INT64_MAX ? ERR_LIMIT : ERR_OK;
}

static enum err seconds(struct span text, int64_t *out)
{
    int64_t value;
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.ptr[i]) && !(i == 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')))
            return ERR_SYNTAX;
    TRY(convert_integer(text, &value));
    return __builtin_mul_overflow(value, NS_PER_S, out) ? ERR_LIMIT : ERR_OK;
}

enum err convert_duration(struct span text, int64_t *out)
{
    int64_t value;
    enum err error = seconds(text, &value);
    if (error == ERR_OK)
        *out = value;
    if (error != ERR_SYNTAX)
        return error;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    struct span rest = span_skip(text, negative || (text.len > 0 && text.ptr[0] == '+'));
    if (rest.len == 0)
        return ERR_SYNTAX;
    __int128 sum = 0;
    while (rest.len > 0)
        TRY(take_term(&rest, &sum));
    *out = negative ? -(int64_t)sum : (int64_t)sum;
    return ERR_OK;
}

void convert_format_duration(int64_t nanoseconds, char out[CONVERT_DURATION_SIZE])
{
    const char *sign = nanoseconds < 0 ? "-" : "";
    uint64_t left = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
    const uint64_t second = (uint64_t)NS_PER_S;
    if (left % second != 0) {
        bool milliseconds = left % (uint64_t)NS_PER_MS == 0;
        snprintf(out, CONVERT_DURATION_SIZE, "%s%llu%s", sign,
                 (unsigned long long)(milliseconds ? left / (uint64_t)NS_PER_MS : left),
                 milliseconds ? "ms" : "ns");
        return;
    }
    uint64_t hours = left / second / 3600, minutes = left / second / 60 % 60;
    uint64_t rest = left / second % 60;
    char parts[3][24] = {"", "", ""};
    if (hours > 0)
        snprintf(parts[0], sizeof(parts[0]), "%lluh", (unsigned long long)hours);
    if (minutes > 0)
        snprintf(parts[1], sizeof(parts[1]), "%llum", (unsigned long long)minutes);
    if (rest > 0 || left == 0)
        snprintf(parts[2], sizeof(parts[2]), "%llus", (unsigned long long)rest);
    snprintf(out, CONVERT_DURATION_SIZE, "%s%s%s%s", sign, parts[0], parts[1], parts[2]);
}

/* ---- addresses ---- */

static enum err parse_ip(struct span text, uint8_t out[16], bool *v4)
{
    char buffer[64];
    if (text.len == 0 || text.len >= sizeof(buffer))
        return ERR_SYNTAX;
    memcpy(buffer, text.ptr, text.len);
    buffer[text.len] = '\0';
    if (strlen(buffer) != text.len)
        return ERR_SYNTAX;
    memset(out, 0, 16);
    *v4 = inet_pton(AF_INET, buffer, out + 12) == 1;
    if (*v4) {
        out[10] = out[11] = 0xff;
        return ERR_OK;
    }
    return inet_pton(AF_INET6, buffer, out) == 1 ? ERR_OK : ERR_SYNTAX;
}

enum err convert_cidr(struct span text, struct model_cidr *out)
{
    struct span address;
    struct span prefix = span_split(text, '/', &address);
    struct model_cidr cidr = {.prefix = 128};
    bool v4;
    TRY(parse_ip(address, cidr.address, &v4));
    if (prefix.ptr != NULL) {
        uint64_t bits;
        if (!span_to_u64(prefix, &bits) || bits > (v4 ? 32u : 128u))
            return ERR_SYNTAX;
        cidr.prefix = (uint8_t)(v4 ? 96 + bits : bits);
    }
    for (unsigned bit = cidr.prefix; bit < 128; bit++)
        cidr.address[bit / 8] &= (uint8_t)~(0x80u >> (bit % 8));
    *out = cidr;
    return ERR_OK;
}

static enum err split_host_port(struct span text, struct span *host, uint16_t *port)
{
    ptrdiff_t colon = span_find_last(text, ':');
    uint64_t number;
    if (colon < 0 || !span_to_u64(span_skip(text, (size_t)colon + 1), &number) || number > 65535)
        return ERR_SYNTAX;
    struct span name = span_first(text, (size_t)colon);
    if (name.len >= 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') {
        uint8_t address[16];
        bool v4;
        name = span_first(span_skip(name, 1), name.len - 2);
        if (parse_ip(name, address, &v4) != ERR_OK || v4)
            return ERR_SYNTAX;
    } else if (span_find(name, ':', 0) >= 0 || span_find(name, '[', 0) >= 0 ||
               span_find(name, ' ', 0) >= 0 || span_find(name, '/', 0) >= 0) {
        return ERR_SYNTAX;
    }
    *host = name;
    *port = (uint16_t)number;
    return ERR_OK;
}

enum err convert_address(struct span text, struct span *host, uint16_t *port, bool *udp)
{
    struct span address;
    struct span protocol = span_split(text, '/', &address);
    bool is_udp = span_equal_nocase(protocol, SPAN("udp"));
    if (protocol.ptr != NULL && !is_udp && !span_equal_nocase(protocol, SPAN("tcp")))
        return ERR_SYNTAX;
    TRY(split_host_port(address, host, port));
    *udp = is_udp;
    return ERR_OK;
}

enum err convert_host_port(struct span text, struct span *host, uint16_t *port)
{
    struct span name;
    uint16_t number;
    TRY(split_host_port(text, &name, &number));
    if (name.len == 0 || number == 0)
        return ERR_SYNTAX;
    *host = name;
    *port = number;
    return ERR_OK;
}
