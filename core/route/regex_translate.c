/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One pass over the pattern, an atom at a time. Whether a repetition may follow
 * is all that is remembered from one atom to the next; groups need only a
 * depth. Whatever could mean something in PCRE2 that it does not mean in RE2 is
 * written as \x{…}, so PCRE2 never sees syntax that was not recognised here.
 * When a pattern turns out to name characters beyond ASCII, it is translated
 * again in UTF-8 mode, where classes reach up to U+10FFFF.
 */
#include "core/base/buf.h"
#include "core/base/utf8.h"
#include "core/route/regex.h"

#include <stdio.h>
#include <stdlib.h>

#define CODE_POINT_MAX 0x10ffff
#define GROUP_DEPTH_MAX 200
#define ATOM_GROUP SIZE_MAX

struct translator {
    struct span in;
    size_t at;
    struct buf out;
    size_t depth;
    bool multiline[GROUP_DEPTH_MAX + 1]; /* flag m, for each open group */
    bool can_repeat; /* an atom stands just before */
    size_t atom;     /* where it begins in `out`; ATOM_GROUP: it is a group */
    bool repeated;   /* and has a repetition already */
    bool utf, wants_utf;
    unsigned iterators, choices;
    struct err_text *why;
};

#define FAIL(t, ...) err_set((t)->why, ERR_SYNTAX, __VA_ARGS__)

static char peek(const struct translator *t, size_t ahead)
{
    return ahead < t->in.len - t->at ? t->in.ptr[t->at + ahead] : '\0';
}

static struct span rest(const struct translator *t)
{
    return span_skip(t->in, t->at);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

static bool is_word(char c)
{
    char lower = (char)(c | 0x20);
    return is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '_';
}

static enum err emit(struct translator *t, struct span text)
{
    enum err error = buf_append(&t->out, text);
    if (error == ERR_LIMIT)
        return err_set(t->why, error, "the regular expression is too large");
    return error;
}

static enum err emit_char(struct translator *t, uint32_t c)
{
    if (c < 0x80 && is_word((char)c)) {
        char literal = (char)c;
        return emit(t, span_make(&literal, 1));
    }
    if (c >= 0x80)
        t->wants_utf = true;
    char text[16];
    int len = snprintf(text, sizeof(text), "\\x{%x}", (unsigned)c);
    return emit(t, span_make(text, (size_t)len));
}

/* What is emitted next is an atom. */
static void atom_begin(struct translator *t)
{
    t->atom = buf_len(&t->out);

    t->can_repeat = true;
    t->repeated = false;
}

/* ---- characters ---- */

/* The character at the cursor as it stands. */
static enum err take_plain(struct translator *t, uint32_t *c)
{
    size_t len = utf8_next(rest(t), c);
    if (len == 0)
        return FAIL(t, "invalid UTF-8 in the regular expression");
    t->at += len;
    return ERR_OK;
}

static int hex_value(char c)
{
    char lower = (char)(c | 0x20);
    return is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Behind "\x": two digits, or any number of them in braces. */
static enum err take_hex(struct translator *t, uint32_t *c)
{
    bool braces = peek(t, 0) == '{';
    size_t digits = 0, max = braces ? 8 : 2;
    uint32_t value = 0;
    t->at += braces;
    for (; digits < max && hex_value(peek(t, 0)) >= 0; digits++, t->at++)
        value = value << 4 | (uint32_t)hex_value(peek(t, 0));
    bool closed = braces ? peek(t, 0) == '}' && digits > 0 : digits == 2;
    if (!closed || value > CODE_POINT_MAX)
        return FAIL(t, "\\x needs two hexadecimal digits, or a code point in braces");
    t->at += braces;
    *c = value;
    return ERR_OK;
}

/* Behind the backslash of an escape that stands for one character. */
static enum err take_escaped(struct translator *t, uint32_t *c)
{
    static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    char escape = peek(t, 0);
    const char *letter = escape ? strchr(letters, escape) : NULL;
    if (t->at == t->in.len)
        return FAIL(t, "a backslash at the end");
    t->at++;
    if (letter != NULL) {
        *c = (uint8_t)values[letter - letters];
        return ERR_OK;
    }
    if (escape == 'x')
        return take_hex(t, c);
    if (escape == '0' || (is_octal(escape) && is_octal(peek(t, 0)))) {
        uint32_t value = (uint32_t)(escape - '0');
        for (int digits = 1; digits < 3 && is_octal(peek(t, 0)); digits++, t->at++)
            value = value * 8 + (uint32_t)(peek(t, 0) - '0');
        *c = value;
        return ERR_OK;
    }
    if (is_digit(escape))
        return FAIL(t, "backreference \\%c: RE2 has none", escape);
    if (is_word(escape) && escape != '_')
        return FAIL(t, "\\%c is not in RE2's syntax", escape);
    if ((uint8_t)escape >= 0x80)
        return FAIL(t, "a backslash in front of a character beyond ASCII");
    *c = (uint8_t)escape;
    return ERR_OK;
}

/* "\pL", "\p{Greek}", "\P…" at the cursor (behind the backslash), passed on. */
static enum err take_property(struct translator *t)
{
    size_t start = t->at - 1, len = 2;
    t->wants_utf = true;
    if (peek(t, 1) == '{') {
        ptrdiff_t close = span_find(t->in, '}', t->at);
        len = close < 0 ? 0 : (size_t)close - t->at + 1;
        for (size_t i = 2; i + 1 < len; i++) {
            if (!is_word(peek(t, i)) && !(i == 2 && peek(t, i) == '^'))
                return FAIL(t, "invalid character property");
        }
    }
    if (len < 2 || len == 3 || (len == 2 && !is_word(peek(t, 1))))
        return FAIL(t, "\\p needs a character property, as in \\pL or \\p{Greek}");
    t->at += len;
    return emit(t, span_make(t->in.ptr + start, t->at - start));
}

/* ---- classes ---- */

/* \d \s \w and their complements; `inside` a bracketed class. RE2's \s is
 * without the vertical tab. */
static enum err take_perl_class(struct translator *t, bool inside)
{
    char letter = peek(t, 0);
    t->at++;
    if (letter == 's')
        return emit(t, inside ? SPAN("\\t\\n\\f\\r\\x{20}") : SPAN("[\\t\\n\\f\\r\\x{20}]"));
    if (letter == 'S' && !inside)
        return emit(t, SPAN("[^\\t\\n\\f\\r\\x{20}]"));
    if (letter == 'S')
        return emit(t, t->utf ? SPAN("\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}")
                              : SPAN("\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{ff}"));
    char text[2] = {'\\', letter};
    return emit(t, span_make(text, 2));
}

static bool is_perl_class(char c)
{
    return c != '\0' && strchr("dDsSwW", c) != NULL;
}

/* "[:alpha:]" or "[:^alpha:]" at the cursor. *found is false when there is none. */
static enum err take_posix_class(struct translator *t, bool *found)
{
    static const char names[] = " alnum alpha ascii blank cntrl digit graph lower print punct "
                                "space upper word xdigit ";
    char name[16];
    size_t len = 2;
    *found = false;
    while (len < sizeof(name) && !(peek(t, len) == ':' && peek(t, len + 1) == ']'))
        len++;
    if (len == sizeof(name))
        return ERR_OK;
    size_t skip = peek(t, 2) == '^' ? 3 : 2;
    int written = snprintf(name, sizeof(name), " %.*s ", (int)(len - skip),
                           t->in.ptr + t->at + skip);
    if (len <= skip || written >= (int)sizeof(name) || strstr(names, name) == NULL)
        return FAIL(t, "unknown character class in [: :]");
    *found = true;
    enum err error = emit(t, span_make(t->in.ptr + t->at, len + 2));
    t->at += len + 2;
    return error;
}

static enum err take_class_char(struct translator *t, uint32_t *c)
{
    if (t->at == t->in.len)
        return FAIL(t, "missing ]");
    if (peek(t, 0) != '\\')
        return take_plain(t, c);
    t->at++;
    return take_escaped(t, c);
}

static enum err take_class_range(struct translator *t)
{
    uint32_t low, high;
    TRY(take_class_char(t, &low));
    high = low;
    bool range = peek(t, 0) == '-' && t->in.len - t->at >= 2 && peek(t, 1) != ']';
    if (range) {
        t->at++;
        TRY(take_class_char(t, &high));
    }
    if (high < low)
        return FAIL(t, "a range in [ ] goes backwards");
    TRY(emit_char(t, low));
    if (!range)
        return ERR_OK;
    TRY(emit(t, SPAN("-")));
    return emit_char(t, high);
}

static enum err take_class_item(struct translator *t)
{
    bool escape = peek(t, 0) == '\\';
    if (peek(t, 0) == '[' && peek(t, 1) == ':') {
        bool found;
        TRY(take_posix_class(t, &found));
        if (found)
            return ERR_OK;
    }
    if (escape && (peek(t, 1) == 'p' || peek(t, 1) == 'P')) {
        t->at++;
        return take_property(t);
    }
    if (escape && is_perl_class(peek(t, 1))) {
        t->at++;
        return take_perl_class(t, true);
    }
    return take_class_range(t);
}

static enum err take_class(struct translator *t)
{
    t->at++;
    atom_begin(t);
    TRY(emit(t, SPAN("[")));
    if (peek(t, 0) == '^') {
        t->at++;
        TRY(emit(t, SPAN("^")));
    }
    bool first = true;
    while (first || peek(t, 0) != ']') {
        if (t->at == t->in.len)
            return FAIL(t, "missing ]");
        TRY(take_class_item(t));
        first = false;
    }
    t->at++;
    return emit(t, SPAN("]"));
}

/* ---- repetitions ---- */

static size_t parse_count(const struct translator *t, size_t ahead, long *count)
{
    size_t len = 0;
    long value = 0;
    for (; is_digit(peek(t, ahead + len)) && len < 6; len++)
        value = value * 10 + (peek(t, ahead + len) - '0');
    *count = len > 0 ? value : -1;
    return len;
}

/* The length of {n}, {n,} or {n,m} at the cursor, 0 when it is a plain brace. */
static size_t parse_braces(const struct translator *t, long *min, long *max)
{
    size_t len = 1;
    len += parse_count(t, len, min);
    *max = *min;
    if (*min >= 0 && peek(t, len) == ',') {
        len++;
        len += parse_count(t, len, max);
    }
    return *min >= 0 && peek(t, len) == '}' ? len + 1 : 0;
}

/* The length of a repetition without its lazy mark, or 0. */
static size_t repetition_length(const struct translator *t)
{
    long min, max;
    char c = peek(t, 0);
    if (t->at == t->in.len)
        return 0;
    return c == '*' || c == '+' || c == '?' ? 1 : c == '{' ? parse_braces(t, &min, &max) : 0;
}

/* How much this repetition adds to what backtracking may cost. */
static void count_choices(struct translator *t, long min, long max)
{
    if (max < 0)
        t->iterators++;
    for (long range = max - min; max >= 0 && range > 0; range /= 2)
        t->choices++;
}

/* PCRE2's automaton counts in x+ but not in x*, and each count is a state: so x+
 * is written xx*. */
static enum err emit_atom_again(struct translator *t)
{
    size_t len = buf_len(&t->out) - t->atom;
    char *where;
    enum err error = buf_reserve(&t->out, len, &where);
    if (error == ERR_LIMIT)
        return err_set(t->why, error, "the regular expression is too large");
    TRY(error);
    memcpy(where, buf_span(&t->out).ptr + t->atom, len);
    buf_commit(&t->out, len);
    return ERR_OK;
}

static enum err take_repetition(struct translator *t, size_t len)
{
    long min = peek(t, 0) == '+', max = peek(t, 0) == '?' ? 1 : -1;
    if (!t->can_repeat)
        return FAIL(t, "nothing to repeat in front of '%c'", peek(t, 0));
    if (t->repeated)
        return FAIL(t, "a repetition of a repetition: RE2 has no possessive ones");
    if (peek(t, 0) == '{')
        parse_braces(t, &min, &max);
    count_choices(t, min, max);
    if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX || (max >= 0 && max < min))
        return FAIL(t, "a repeat count above %d or out of order", REGEX_REPEAT_MAX);
    struct span text = span_first(rest(t), len + (peek(t, len) == '?'));
    if (text.ptr[0] == '+' && t->atom != ATOM_GROUP) {
        TRY(emit_atom_again(t));
        TRY(emit(t, SPAN("*")));
        text = span_skip(text, 1);
        t->at++;
    }
    t->at += text.len;
    t->repeated = true;
    return emit(t, text);
}

/* An assertion of `len` bytes at the cursor; PCRE2 does not repeat bare ones. Its
 * $ would also match in front of a last line end. */
static enum err take_assertion(struct translator *t, size_t len)
{
    struct span text = span_first(rest(t), len);
    if (text.ptr[0] == '$' && !t->multiline[t->depth])
        text = SPAN("\\z");
    t->at += len;
    bool wrap = repetition_length(t) > 0;
    if (wrap)
        TRY(emit(t, SPAN("(?:")));
    atom_begin(t);
    t->atom = ATOM_GROUP;
    TRY(emit(t, text));
    return wrap ? emit(t, SPAN(")")) : ERR_OK;
}

/* ---- groups ---- */

/* "(?P<name>" or "(?<name>" at the cursor: its length, or 0. */
static size_t named_group_length(const struct translator *t)
{
    size_t name = peek(t, 2) == 'P' ? 4 : 3, len = name;
    if (peek(t, name - 1) != '<')
        return 0;
    while (is_word(peek(t, len)))
        len++;
    return len > name && peek(t, len) == '>' ? len + 1 : 0;
}

static enum err refuse_group(struct translator *t)
{
    switch (peek(t, 2)) {
    case '=':
    case '!':
        return FAIL(t, "lookahead (?%c: RE2 has none", peek(t, 2));
    case '<':
        return FAIL(t, "lookbehind or malformed group name at (?<");
    case '>':
        return FAIL(t, "atomic group (?>: RE2 has none");
    default:
        return FAIL(t, "a group that is not in RE2's syntax at (?");
    }
}

static void open_group(struct translator *t)
{
    t->multiline[t->depth + 1] = t->multiline[t->depth];
    t->depth++;
    t->can_repeat = false;
}

/* "(?i)", "(?i-s:" at the cursor, passed on. */
static enum err take_flags(struct translator *t)
{
    size_t len = 2, flags = 0;
    bool negated = false, multiline = t->multiline[t->depth];
    for (char c = peek(t, len); c != ':' && c != ')'; c = peek(t, ++len)) {
        if (c == '\0' || strchr("imsU-", c) == NULL || (c == '-' && negated))
            return refuse_group(t);
        negated = negated || c == '-';
        multiline = c == 'm' ? !negated : multiline;
        flags = c == '-' ? 0 : flags + 1;
    }
    if (negated && flags == 0)
        return refuse_group(t);
    if (peek(t, len) == ':')
        open_group(t);
    t->can_repeat = false;
    t->multiline[t->depth] = multiline;
    struct span text = span_first(rest(t), len + 1);
    t->at += len + 1;
    return emit(t, text);
}

static enum err take_group(struct translator *t)
{
    bool plain = peek(t, 1) != '?';
    size_t len = plain ? 1 : named_group_length(t);
    if (t->depth >= GROUP_DEPTH_MAX)
        return FAIL(t, "groups nest deeper than %d", GROUP_DEPTH_MAX);
    if (len == 0)
        return take_flags(t);
    t->at += len;
    open_group(t);
    return emit(t, SPAN("(?:"));
}

static enum err take_group_end(struct translator *t)
{
    if (t->depth == 0)
        return FAIL(t, "unexpected )");
    t->depth--;
    t->at++;
    atom_begin(t);
    t->atom = ATOM_GROUP;
    return emit(t, SPAN(")"));
}

/* ---- everything else ---- */

/* Behind "\Q": literal up to "\E" or the end. */
static enum err take_quoted(struct translator *t)
{
    while (t->at < t->in.len && !span_starts_with(rest(t), SPAN("\\E"))) {
        uint32_t c;
        TRY(take_plain(t, &c));
        atom_begin(t);
        TRY(emit_char(t, c));
    }
    t->at += t->at < t->in.len ? 2 : 0;
    return ERR_OK;
}

static enum err take_escape(struct translator *t)
{
    char letter = peek(t, 1);
    if (letter == 'A' || letter == 'z' || letter == 'b' || letter == 'B')
        return take_assertion(t, 2);
    t->at++;
    if (letter == 'Q') {
        t->at++;
        return take_quoted(t);
    }
    atom_begin(t);
    if (letter == 'p' || letter == 'P')
        return take_property(t);
    if (is_perl_class(letter))
        return take_perl_class(t, false);
    uint32_t c;
    TRY(take_escaped(t, &c));
    return emit_char(t, c);
}

static enum err take_literal(struct translator *t)
{
    uint32_t c;
    TRY(take_plain(t, &c));
    atom_begin(t);
    return emit_char(t, c);
}

static enum err take_next(struct translator *t)
{
    size_t repetition = repetition_length(t);
    if (repetition > 0)
        return take_repetition(t, repetition);
    switch (peek(t, 0)) {
    case '|':
        t->at++;
        t->can_repeat = false;
        return emit(t, SPAN("|"));
    case '(':
        return take_group(t);
    case ')':
        return take_group_end(t);
    case '^':
    case '$':
        return take_assertion(t, 1);
    case '.':
        t->at++;
        atom_begin(t);
        return emit(t, SPAN("."));
    case '[':
        return take_class(t);
    case '\\':
        return take_escape(t);
    default:
        return take_literal(t);
    }
}

static enum err translate(struct translator *t)
{
    while (t->at < t->in.len)
        TRY(take_next(t));
    if (t->depth > 0)
        return FAIL(t, "missing )");
    return emit(t, span_make("", 1)); /* a NUL, which is not part of the text */
}

enum err regex_translate(struct span pattern, struct regex_text *out, struct err_text *why)
{
    struct translator t = {.in = pattern, .why = why};
    buf_init(&t.out, REGEX_PATTERN_MAX);
    enum err error = translate(&t);
    if (error == ERR_OK && t.wants_utf) {
        buf_finish(&t.out);
        t = (struct translator){.in = pattern, .utf = true, .why = why};
        buf_init(&t.out, REGEX_PATTERN_MAX);
        error = translate(&t);
    }
    struct span text = buf_span(&t.out);
    char *copy = error == ERR_OK ? span_dup(span_first(text, text.len - 1)) : NULL;
    buf_finish(&t.out);
    if (error == ERR_OK && copy == NULL)
        error = ERR_NOMEM;
    if (error == ERR_NOMEM)
        return err_set(why, error, "out of memory");
    if (error == ERR_OK)
        *out = (struct regex_text){copy, text.len - 1, t.utf, t.iterators, t.choices};
    return error;
}
