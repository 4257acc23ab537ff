/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The four kinds of strings (TOML 1.0, "String"). The text was checked to be
 * UTF-8 before; here only control characters have to be refused.
 */
#include "config/toml_string.h"

static enum err append(struct toml *toml, const char *bytes, size_t n)
{
    return buf_append(&toml->scratch, span_make(bytes, n)) == ERR_OK ? ERR_OK
                                                                    : toml_fail_memory(toml);
}

static enum err append_code_point(struct toml *toml, const char *where, uint32_t c)
{
    char bytes[4];
    size_t n;
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return toml_fail_at(toml, where, "U+%04X is no character", c);
    if (c < 0x80) {
        bytes[0] = (char)c;
        n = 1;
    } else if (c < 0x800) {
        bytes[0] = (char)(0xc0 | c >> 6);
        bytes[1] = (char)(0x80 | (c & 0x3f));
        n = 2;
    } else if (c < 0x10000) {
        bytes[0] = (char)(0xe0 | c >> 12);
        bytes[1] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (c & 0x3f));
        n = 3;
    } else {
        bytes[0] = (char)(0xf0 | c >> 18);
        bytes[1] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (c & 0x3f));
        n = 4;
    }
    return append(toml, bytes, n);
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum err read_unicode(struct toml *toml, const char *where, int digits)
{
    uint32_t code_point = 0;
    for (int i = 0; i < digits; i++, toml->at++) {
        int digit = hex_digit(toml_peek(toml));
        if (digit < 0)
            return toml_fail_at(toml, where, "an escape \\%c needs %d hexadecimal digits",
                                digits == 4 ? 'u' : 'U', digits);
        code_point = code_point << 4 | (uint32_t)digit;
    }
    return append_code_point(toml, where, code_point);
}

static enum err read_escape(struct toml *toml)
{
    static const char names[] = "btnfr\"\\";
    static const char values[] = "\b\t\n\f\r\"\\";
    const char *where = toml->at - 1;
    int c = toml_peek(toml);
    const char *known = c > 0 ? strchr(names, c) : NULL;
    if (c < 0)
        return toml_fail(toml, "the string has no end");
    toml->at++;
    if (known != NULL)
        return append(toml, &values[known - names], 1);
    if (c == 'u' || c == 'U')
        return read_unicode(toml, where, c == 'u' ? 4 : 8);
    return toml_fail_at(toml, where, "unknown escape \\%c", c >= 0x20 && c < 0x7f ? c : '?');
}

/* A backslash at the end of a line swallows all blanks up to the next text. */
static bool skip_line_ending(struct toml *toml)
{
    const char *start = toml->at;
    toml_skip_blanks(toml);
    if (!toml_take_newline(toml)) {
        toml->at = start;
        return false;
    }
    do
        toml_skip_blanks(toml);
    while (toml_take_newline(toml));
    return true;
}

static bool is_control(int c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

static enum err read_line(struct toml *toml, char quote)
{
    for (;;) {
        int c = toml_peek(toml);
        if (c == quote) {
            toml->at++;
            return ERR_OK;
        }
        if (c < 0 || c == '\n' || c == '\r')
            return toml_fail(toml, "the string has no end on its line");
        if (is_control(c))
            return toml_fail(toml, "control character 0x%02x in a string", (unsigned)c);
        toml->at++;
        if (c == '\\' && quote == '"')
            TRY(read_escape(toml));
        else
            TRY(append(toml, toml->at - 1, 1));
    }
}

/* Up to two quotes may stand before the closing three. */
static bool take_closing(struct toml *toml, char quote, int *extra)
{
    int n = 0;
    while (toml->at + n < toml->end && toml->at[n] == quote && n < 5)
        n++;
    if (n < 3)
        return false;
    *extra = n - 3;
    toml->at += n;
    return true;
}

static enum err read_lines(struct toml *toml, char quote)
{
    (void)toml_take_newline(toml);
    for (;;) {
        int extra, c = toml_peek(toml);
        if (c == quote && take_closing(toml, quote, &extra))
            return append(toml, toml->at - extra, (size_t)extra);
        if (c < 0)
            return toml_fail(toml, "the string has no end");
        if (c == '\n' || c == '\r') {
            if (!toml_take_newline(toml))
                return toml_fail(toml, "a carriage return without a line feed");
            TRY(append(toml, "\n", 1));
            continue;
        }
        if (is_control(c))
            return toml_fail(toml, "control character 0x%02x in a string", (unsigned)c);
        toml->at++;
        if (c != '\\' || quote != '"')
            TRY(append(toml, toml->at - 1, 1));
        else if (!skip_line_ending(toml))
            TRY(read_escape(toml));
    }
}

enum err toml_read_string(struct toml *toml, bool multiline)
{
    char quote = *toml->at;
    buf_clear(&toml->scratch);
    bool three = toml->end - toml->at >= 3 && toml->at[1] == quote && toml->at[2] == quote;
    if (three && !multiline)
        return toml_fail(toml, "a multi-line string cannot be a key");
    toml->at += three ? 3 : 1;
    return three ? read_lines(toml, quote) : read_line(toml, quote);
}
