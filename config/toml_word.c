/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A word is first cut out and then matched as a whole, so that nothing
 * half-right passes.
 */
#include "config/toml_word.h"

#include <stdio.h>

#define WORD_MAX 128

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- numbers ---- */

/* Digits of the base with single underscores between them; appends them. */
static bool take_digits(const char **at, const char *end, int base, char *out, size_t *n)
{
    bool last_digit = false;
    const char *start = *at;
    for (; *at < end; (*at)++) {
        char c = **at;
        int value = is_digit(c) ? c - '0' : ascii_lower(c) - 'a' + 10;
        if (c == '_') {
            if (!last_digit)
                return false;
            last_digit = false;
            continue;
        }
        if (!(is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f')) || value >= base)
            break;
        out[(*n)++] = c;
        last_digit = true;
    }
    return last_digit && *at > start;
}

static bool parse_prefixed(struct span word, char *out, size_t *length)
{
    int base = word.ptr[1] == 'x' ? 16 : word.ptr[1] == 'o' ? 8 : word.ptr[1] == 'b' ? 2 : 0;
    char digits[WORD_MAX];
    size_t n = 0;
    const char *at = word.ptr + 2, *end = word.ptr + word.len;
    if (base == 0 || !take_digits(&at, end, base, digits, &n) || at != end)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = is_digit(digits[i]) ? digits[i] - '0' : ascii_lower(digits[i]) - 'a' + 10;
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value) || value > INT64_MAX)
            return false;
    }
    *length = (size_t)snprintf(out, WORD_MAX, "%llu", (unsigned long long)value);
    return true;
}

/* [+-] (0 | 1-9…) as decimal text without plus and underscores. */
static bool parse_decimal(struct span word, char *out, size_t *length)
{
    const char *at = word.ptr, *end = word.ptr + word.len;
    bool negative = at < end && *at == '-';
    char digits[WORD_MAX];
    size_t n = 0;
    at += at < end && (*at == '-' || *at == '+');
    if (!take_digits(&at, end, 10, digits, &n) || at != end || (n > 1 && digits[0] == '0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
            return false;
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *length = (size_t)snprintf(out, WORD_MAX, "%s%llu", negative && value ? "-" : "",
                               (unsigned long long)value);
    return true;
}

static bool parse_float(struct span word, char *out, size_t *length)
{
    const char *at = word.ptr, *end = word.ptr + word.len;
    size_t n = 0;
    if (at < end && (*at == '-' || *at == '+'))
        out[n++] = *at++;
    struct span rest = span_make(at, (size_t)(end - at));
    if (span_equal(rest, SPAN("inf")) || span_equal(rest, SPAN("nan"))) {
        memcpy(out + n, rest.ptr, 3);
        *length = n + 3;
        return true;
    }
    size_t whole = n;
    bool fraction = false, exponent = false;
    if (!take_digits(&at, end, 10, out, &n) || (n - whole > 1 && out[whole] == '0'))
        return false;
    if (at < end && *at == '.') {
        out[n++] = *at++;
        fraction = take_digits(&at, end, 10, out, &n);
        if (!fraction)
            return false;
    }
    if (at < end && ascii_lower(*at) == 'e') {
        out[n++] = *at++;
        if (at < end && (*at == '-' || *at == '+'))
            out[n++] = *at++;
        exponent = take_digits(&at, end, 10, out, &n);
        if (!exponent)
            return false;
    }
    *length = n;
    return at == end && (fraction || exponent);
}

/* ---- dates and times ---- */

/* Exactly `count` digits at *at. */
static bool take_number(const char **at, const char *end, int count, int *out)
{
    int value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (*at >= end || !is_digit(**at))
            return false;
        value = value * 10 + (**at - '0');
    }
    *out = value;
    return true;
}

static bool take_char(const char **at, const char *end, char wanted)
{
    if (*at >= end || **at != wanted)
        return false;
    (*at)++;
    return true;
}

static bool take_date(const char **at, const char *end)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_number(at, end, 4, &year) || !take_char(at, end, '-') ||
        !take_number(at, end, 2, &month) || !take_char(at, end, '-') ||
        !take_number(at, end, 2, &day) || month < 1 || month > 12)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static bool take_time(const char **at, const char *end)
{
    int hour, minute, second;
    if (!take_number(at, end, 2, &hour) || !take_char(at, end, ':') ||
        !take_number(at, end, 2, &minute) || !take_char(at, end, ':') ||
        !take_number(at, end, 2, &second))
        return false;
    if (take_char(at, end, '.')) {
        if (*at >= end || !is_digit(**at))
            return false;
        while (*at < end && is_digit(**at))
            (*at)++;
    }
    return hour <= 23 && minute <= 59 && second <= 60;
}

static bool take_offset(const char **at, const char *end)
{
    int hour, minute;
    if (take_char(at, end, 'Z') || take_char(at, end, 'z'))
        return true;
    return (take_char(at, end, '+') || take_char(at, end, '-')) &&
           take_number(at, end, 2, &hour) && take_char(at, end, ':') &&
           take_number(at, end, 2, &minute) && hour <= 23 && minute <= 59;
}

static bool parse_datetime(struct span word, enum node_scalar *kind)
{
    const char *at = word.ptr, *end = word.ptr + word.len;
    if (word.len > 2 && word.ptr[2] == ':') {
        *kind = SCALAR_TIME_LOCAL;
        return take_time(&at, end) && at == end;
    }
    *kind = SCALAR_DATE_LOCAL;
    if (!take_date(&at, end))
        return false;
    if (at == end)
        return true;
    *kind = SCALAR_DATETIME_LOCAL;
    if ((*at != 'T' && *at != 't' && *at != ' ') || (at++, !take_time(&at, end)))
        return false;
    if (at == end)
        return true;
    *kind = SCALAR_DATETIME;
    return take_offset(&at, end) && at == end;
}

/* ---- one word ---- */

static bool is_word(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '+' || c == '-' || c == '.' || c == '_' || c == ':';
}

/* A date may be followed by one blank and a time. */
static struct span take_word(struct toml *toml)
{
    const char *start = toml->at;
    while (toml->at < toml->end && is_word(toml_peek(toml)))
        toml->at++;
    if (toml->at - start == 10 && start[4] == '-' && toml->end - toml->at >= 3 &&
        toml->at[0] == ' ' && is_digit(toml->at[1]) && is_digit(toml->at[2])) {
        toml->at++;
        while (toml->at < toml->end && is_word(toml_peek(toml)))
            toml->at++;
    }
    return span_make(start, (size_t)(toml->at - start));
}

static bool looks_like_date(struct span word)
{
    return (word.len > 4 && is_digit(word.ptr[0]) && is_digit(word.ptr[3]) &&
            word.ptr[4] == '-') ||
           (word.len > 2 && is_digit(word.ptr[0]) && word.ptr[2] == ':');
}

/* The kind of the word and its canonical text; false when it is no value. */
static bool classify(struct span word, char *out, struct span *text, enum node_scalar *kind)
{
    size_t length = word.len;
    *text = word;
    *kind = SCALAR_BOOL;
    if (span_equal(word, SPAN("true")) || span_equal(word, SPAN("false")))
        return true;
    if (looks_like_date(word))
        return parse_datetime(word, kind);
    *kind = SCALAR_INTEGER;
    bool good = word.len > 2 && word.ptr[0] == '0' && !is_digit(word.ptr[1]) &&
                        word.ptr[1] != '.' && ascii_lower(word.ptr[1]) != 'e'
                    ? parse_prefixed(word, out, &length)
                    : parse_decimal(word, out, &length);
    if (!good) {
        *kind = SCALAR_FLOAT;
        good = parse_float(word, out, &length);
    }
    *text = span_make(out, length);
    return good;
}

enum err toml_read_word(struct toml *toml, struct node **out)
{
    char buffer[WORD_MAX];
    const char *start = toml->at;
    struct span word = take_word(toml), text;
    enum node_scalar kind;
    if (word.len == 0)
        return toml_fail(toml, "a value is missing");
    if (word.len >= WORD_MAX - 8 || !classify(word, buffer, &text, &kind))
        return toml_fail_at(toml, start, "\"%.*s\" is no value; write a string in quotes",
                            (int)(word.len < 40 ? word.len : 40), word.ptr);
    struct source_mark mark = toml_mark(toml, start);
    *out = node_new_scalar(toml->tree, kind, text, mark.line, mark.column);
    return *out != NULL ? ERR_OK : toml_fail_memory(toml);
}
