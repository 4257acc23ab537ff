/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Classes: in brackets, by letter, by POSIX name, by Unicode property. A class
 * goes out as one in brackets again, item by item.
 */
#include "core/route/regex_translator.h"

#include <stdio.h>

enum err regex_take_property(struct regex_translator *t)
{
    size_t start = t->at - 1, len = 2;
    t->wants_utf = true;
    if (regex_peek(t, 1) == '{') {
        ptrdiff_t close = span_find(t->in, '}', t->at);
        len = close < 0 ? 0 : (size_t)close - t->at + 1;
        for (size_t i = 2; i + 1 < len; i++) {
            if (!regex_is_word(regex_peek(t, i)) && !(i == 2 && regex_peek(t, i) == '^'))
                return REGEX_REFUSE(t, "invalid character property");
        }
    }
    if (len < 2 || len == 3 || (len == 2 && !regex_is_word(regex_peek(t, 1))))
        return REGEX_REFUSE(t, "\\p needs a character property, as in \\pL or \\p{Greek}");
    t->at += len;
    return regex_emit(t, span_make(t->in.ptr + start, t->at - start));
}

/* RE2's \s is without the vertical tab. */
enum err regex_take_perl_class(struct regex_translator *t, bool inside)
{
    char letter = regex_peek(t, 0);
    t->at++;
    if (letter == 's')
        return regex_emit(t, inside ? SPAN("\\t\\n\\f\\r\\x{20}") : SPAN("[\\t\\n\\f\\r\\x{20}]"));
    if (letter == 'S' && !inside)
        return regex_emit(t, SPAN("[^\\t\\n\\f\\r\\x{20}]"));
    if (letter == 'S')
        return regex_emit(t, t->utf ? SPAN("\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}")
                              : SPAN("\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{ff}"));
    char text[2] = {'\\', letter};
    return regex_emit(t, span_make(text, 2));
}

bool regex_is_perl_class(char c)
{
    return c != '\0' && strchr("dDsSwW", c) != NULL;
}

/* "[:alpha:]" or "[:^alpha:]" at the cursor. *found is false when there is none. */
static enum err take_posix_class(struct regex_translator *t, bool *found)
{
    static const char names[] = " alnum alpha ascii blank cntrl digit graph lower print punct "
                                "space upper word xdigit ";
    char name[16];
    size_t len = 2;
    *found = false;
    while (len < sizeof(name) && !(regex_peek(t, len) == ':' && regex_peek(t, len + 1) == ']'))
        len++;
    if (len == sizeof(name))
        return ERR_OK;
    size_t skip = regex_peek(t, 2) == '^' ? 3 : 2;
    int written = snprintf(name, sizeof(name), " %.*s ", (int)(len - skip),
                           t->in.ptr + t->at + skip);
    if (len <= skip || written >= (int)sizeof(name) || strstr(names, name) == NULL)
        return REGEX_REFUSE(t, "unknown character class in [: :]");
    *found = true;
    enum err error = regex_emit(t, span_make(t->in.ptr + t->at, len + 2));
    t->at += len + 2;
    return error;
}

static enum err take_class_char(struct regex_translator *t, uint32_t *c)
{
    if (t->at == t->in.len)
        return REGEX_REFUSE(t, "missing ]");
    if (regex_peek(t, 0) != '\\')
        return regex_take_plain(t, c);
    t->at++;
    return regex_take_escaped(t, c);
}

static enum err take_class_range(struct regex_translator *t)
{
    uint32_t low, high;
    TRY(take_class_char(t, &low));
    high = low;
    bool range = regex_peek(t, 0) == '-' && t->in.len - t->at >= 2 && regex_peek(t, 1) != ']';
    if (range) {
        t->at++;
        TRY(take_class_char(t, &high));
    }
    if (high < low)
        return REGEX_REFUSE(t, "a range in [ ] goes backwards");
    TRY(regex_emit_char(t, low));
    if (!range)
        return ERR_OK;
    TRY(regex_emit(t, SPAN("-")));
    return regex_emit_char(t, high);
}

static enum err take_class_item(struct regex_translator *t)
{
    bool escape = regex_peek(t, 0) == '\\';
    if (regex_peek(t, 0) == '[' && regex_peek(t, 1) == ':') {
        bool found;
        TRY(take_posix_class(t, &found));
        if (found)
            return ERR_OK;
    }
    if (escape && (regex_peek(t, 1) == 'p' || regex_peek(t, 1) == 'P')) {
        t->at++;
        return regex_take_property(t);
    }
    if (escape && regex_is_perl_class(regex_peek(t, 1))) {
        t->at++;
        return regex_take_perl_class(t, true);
    }
    return take_class_range(t);
}

enum err regex_take_class(struct regex_translator *t)
{
    t->at++;
    regex_atom_begin(t);
    TRY(regex_emit(t, SPAN("[")));
    if (regex_peek(t, 0) == '^') {
        t->at++;
        TRY(regex_emit(t, SPAN("^")));
    }
    bool first = true;
    while (first || regex_peek(t, 0) != ']') {
        if (t->at == t->in.len)
            return REGEX_REFUSE(t, "missing ]");
        TRY(take_class_item(t));
        first = false;
    }
    t->at++;
    return regex_emit(t, SPAN("]"));
}
