/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Single characters and the escapes that stand for one, in and out. What is
 * neither letter, digit nor underscore goes out as \x{…}.
 */
#include "core/base/utf8.h"
#include "core/route/regex_translator.h"

#include <stdio.h>

#define CODE_POINT_MAX 0x10ffff

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

enum err regex_emit(struct regex_translator *t, struct span text)
{
    enum err error = buf_append(&t->out, text);
    if (error == ERR_LIMIT)
        return err_set(t->why, error, "the regular expression is too large");
    return error;
}

enum err regex_emit_char(struct regex_translator *t, uint32_t c)
{
    if (c < 0x80 && regex_is_word((char)c)) {
        char literal = (char)c;
        return regex_emit(t, span_make(&literal, 1));
    }
    if (c >= 0x80)
        t->wants_utf = true;
    char text[16];
    int len = snprintf(text, sizeof(text), "\\x{%x}", (unsigned)c);
    return regex_emit(t, span_make(text, (size_t)len));
}

enum err regex_take_plain(struct regex_translator *t, uint32_t *c)
{
    size_t len = utf8_next(regex_rest(t), c);
    if (len == 0)
        return REGEX_REFUSE(t, "invalid UTF-8 in the regular expression");
    t->at += len;
    return ERR_OK;
}

static int hex_value(char c)
{
    char lower = (char)(c | 0x20);
    return regex_is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Behind "\x": two digits, or any number of them in braces. */
static enum err take_hex(struct regex_translator *t, uint32_t *c)
{
    bool braces = regex_peek(t, 0) == '{';
    size_t digits = 0, max = braces ? 8 : 2;
    uint32_t value = 0;
    t->at += braces;
    for (; digits < max && hex_value(regex_peek(t, 0)) >= 0; digits++, t->at++)
        value = value << 4 | (uint32_t)hex_value(regex_peek(t, 0));
    bool closed = braces ? regex_peek(t, 0) == '}' && digits > 0 : digits == 2;
    if (!closed || value > CODE_POINT_MAX)
        return REGEX_REFUSE(t, "\\x needs two hexadecimal digits, or a code point in braces");
    t->at += braces;
    *c = value;
    return ERR_OK;
}

enum err regex_take_escaped(struct regex_translator *t, uint32_t *c)
{
    static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    char escape = regex_peek(t, 0);
    const char *letter = escape ? strchr(letters, escape) : NULL;
    if (t->at == t->in.len)
        return REGEX_REFUSE(t, "a backslash at the end");
    t->at++;
    if (letter != NULL) {
        *c = (uint8_t)values[letter - letters];
        return ERR_OK;
    }
    if (escape == 'x')
        return take_hex(t, c);
    if (escape == '0' || (is_octal(escape) && is_octal(regex_peek(t, 0)))) {
        uint32_t value = (uint32_t)(escape - '0');
        for (int digits = 1; digits < 3 && is_octal(regex_peek(t, 0)); digits++, t->at++)
            value = value * 8 + (uint32_t)(regex_peek(t, 0) - '0');
        *c = value;
        return ERR_OK;
    }
    if (regex_is_digit(escape))
        return REGEX_REFUSE(t, "backreference \\%c: RE2 has none", escape);
    if (regex_is_word(escape) && escape != '_')
        return REGEX_REFUSE(t, "\\%c is not in RE2's syntax", escape);
    if ((uint8_t)escape >= 0x80)
        return REGEX_REFUSE(t, "a backslash in front of a character beyond ASCII");
    *c = (uint8_t)escape;
    return ERR_OK;
}
