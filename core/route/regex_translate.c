/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One pass over the pattern, an atom at a time. Whether a repetition may follow
 * is all that is remembered from one atom to the next; groups need only a
 * depth. Whatever could mean something in PCRE2 that it does not mean in RE2 is
 * written as \x{…}, so PCRE2 never sees syntax that was not recognised here.
 * When a pattern turns out to name characters beyond ASCII, it is translated
 * again in UTF-8 mode, where classes reach up to U+10FFFF.
 */
#include "core/route/regex_translator.h"

#include <stdlib.h>

/* ---- repetitions ---- */

static size_t parse_count(const struct regex_translator *t, size_t ahead, long *count)
{
    size_t len = 0;
    long value = 0;
    for (; regex_is_digit(regex_peek(t, ahead + len)) && len < 6; len++)
        value = value * 10 + (regex_peek(t, ahead + len) - '0');
    *count = len > 0 ? value : -1;
    return len;
}

/* The length of {n}, {n,} or {n,m} at the cursor, 0 when it is a plain brace. */
static size_t parse_braces(const struct regex_translator *t, long *min, long *max)
{
    size_t len = 1;
    len += parse_count(t, len, min);
    *max = *min;
    if (*min >= 0 && regex_peek(t, len) == ',') {
        len++;
        len += parse_count(t, len, max);
    }
    return *min >= 0 && regex_peek(t, len) == '}' ? len + 1 : 0;
}

/* The length of a repetition without its lazy mark, or 0. */
static size_t repetition_length(const struct regex_translator *t)
{
    long min, max;
    char c = regex_peek(t, 0);
    if (t->at == t->in.len)
        return 0;
    return c == '*' || c == '+' || c == '?' ? 1 : c == '{' ? parse_braces(t, &min, &max) : 0;
}

#define COST_MAX 1000000 /* keeps the sums from overflowing */

static unsigned cost_times(unsigned cost, long times)
{
    return times > 0 && cost > COST_MAX / (unsigned)times ? COST_MAX : cost * (unsigned)times;
}

/* How much this repetition adds to what backtracking may cost: PCRE2 writes a
 * group out as often as it may repeat. */
static void add_cost(struct regex_translator *t, long min, long max)
{
    long copies = max > min ? max : min;
    if (max < 0)
        t->cost.iterators++;
    for (long range = max - min; max >= 0 && range > 0; range /= 2)
        t->cost.choices++;
    if (copies > 1 && t->atom == REGEX_ATOM_GROUP) {
        t->cost.iterators += cost_times(t->group_cost.iterators, copies - 1);
        t->cost.choices += cost_times(t->group_cost.choices + 1, copies - 1);
    }
    t->cost.iterators = t->cost.iterators < COST_MAX ? t->cost.iterators : COST_MAX;
    t->cost.choices = t->cost.choices < COST_MAX ? t->cost.choices : COST_MAX;
}

/* PCRE2's automaton counts in x+ but not in x*, and each count is a state: so x+
 * is written xx*. */
static enum err emit_atom_again(struct regex_translator *t)
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

static enum err take_repetition(struct regex_translator *t, size_t len)
{
    long min = regex_peek(t, 0) == '+', max = regex_peek(t, 0) == '?' ? 1 : -1;
    if (!t->can_repeat)
        return REGEX_REFUSE(t, "nothing to repeat in front of '%c'", regex_peek(t, 0));
    if (t->repeated)
        return REGEX_REFUSE(t, "a repetition of a repetition: RE2 has no possessive ones");
    if (regex_peek(t, 0) == '{')
        parse_braces(t, &min, &max);
    add_cost(t, min, max);
    if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX || (max >= 0 && max < min))
        return REGEX_REFUSE(t, "a repeat count above %d or out of order", REGEX_REPEAT_MAX);
    struct span text = span_first(regex_rest(t), len + (regex_peek(t, len) == '?'));
    if (text.ptr[0] == '+' && t->atom != REGEX_ATOM_GROUP) {
        TRY(emit_atom_again(t));
        TRY(regex_emit(t, SPAN("*")));
        text = span_skip(text, 1);
        t->at++;
    }
    t->at += text.len;
    t->repeated = true;
    return regex_emit(t, text);
}

/* An assertion of `len` bytes at the cursor; PCRE2 does not repeat bare ones. Its
 * $ would also match in front of a last line end. */
static enum err take_assertion(struct regex_translator *t, size_t len)
{
    struct span text = span_first(regex_rest(t), len);
    if (text.ptr[0] == '$' && !t->levels[t->depth].multiline)
        text = SPAN("\\z");
    t->at += len;
    bool wrap = repetition_length(t) > 0;
    if (wrap)
        TRY(regex_emit(t, SPAN("(?:")));
    regex_atom_begin(t);
    t->atom = REGEX_ATOM_GROUP;
    TRY(regex_emit(t, text));
    return wrap ? regex_emit(t, SPAN(")")) : ERR_OK;
}

/* ---- groups ---- */

/* "(?P<name>" or "(?<name>" at the cursor: its length, or 0. */
static size_t named_group_length(const struct regex_translator *t)
{
    size_t name = regex_peek(t, 2) == 'P' ? 4 : 3, len = name;
    if (regex_peek(t, name - 1) != '<')
        return 0;
    while (regex_is_word(regex_peek(t, len)))
        len++;
    return len > name && regex_peek(t, len) == '>' ? len + 1 : 0;
}

static enum err refuse_group(struct regex_translator *t)
{
    switch (regex_peek(t, 2)) {
    case '=':
    case '!':
        return REGEX_REFUSE(t, "lookahead (?%c: RE2 has none", regex_peek(t, 2));
    case '<':
        return REGEX_REFUSE(t, "lookbehind or malformed group name at (?<");
    case '>':
        return REGEX_REFUSE(t, "atomic group (?>: RE2 has none");
    default:
        return REGEX_REFUSE(t, "a group that is not in RE2's syntax at (?");
    }
}

static void open_group(struct regex_translator *t)
{
    bool multiline = t->levels[t->depth].multiline;
    t->levels[++t->depth] = (struct regex_level){multiline, t->cost};
    t->can_repeat = false;
}

/* "(?i)", "(?i-s:" at the cursor, passed on. */
static enum err take_flags(struct regex_translator *t)
{
    size_t len = 2, flags = 0;
    bool negated = false, multiline = t->levels[t->depth].multiline;
    for (char c = regex_peek(t, len); c != ':' && c != ')'; c = regex_peek(t, ++len)) {
        if (c == '\0' || strchr("imsU-", c) == NULL || (c == '-' && negated))
            return refuse_group(t);
        negated = negated || c == '-';
        multiline = c == 'm' ? !negated : multiline;
        flags = c == '-' ? 0 : flags + 1;
    }
    if (negated && flags == 0)
        return refuse_group(t);
    if (regex_peek(t, len) == ':')
        open_group(t);
    t->can_repeat = false;
    t->levels[t->depth].multiline = multiline;
    struct span text = span_first(regex_rest(t), len + 1);
    t->at += len + 1;
    return regex_emit(t, text);
}

static enum err take_group(struct regex_translator *t)
{
    bool plain = regex_peek(t, 1) != '?';
    size_t len = plain ? 1 : named_group_length(t);
    if (t->depth >= REGEX_GROUP_DEPTH_MAX)
        return REGEX_REFUSE(t, "groups nest deeper than %d", REGEX_GROUP_DEPTH_MAX);
    if (len == 0)
        return take_flags(t);
    t->at += len;
    open_group(t);
    return regex_emit(t, SPAN("(?:"));
}

static enum err take_group_end(struct regex_translator *t)
{
    if (t->depth == 0)
        return REGEX_REFUSE(t, "unexpected )");
    struct regex_cost start = t->levels[t->depth--].start;
    t->at++;
    regex_atom_begin(t);
    t->atom = REGEX_ATOM_GROUP;
    t->group_cost = (struct regex_cost){t->cost.iterators - start.iterators,
                                        t->cost.choices - start.choices};
    return regex_emit(t, SPAN(")"));
}

/* ---- everything else ---- */

/* Behind "\Q": literal up to "\E" or the end. */
static enum err take_quoted(struct regex_translator *t)
{
    while (t->at < t->in.len && !span_starts_with(regex_rest(t), SPAN("\\E"))) {
        uint32_t c;
        TRY(regex_take_plain(t, &c));
        regex_atom_begin(t);
        TRY(regex_emit_char(t, c));
    }
    t->at += t->at < t->in.len ? 2 : 0;
    return ERR_OK;
}

static enum err take_escape(struct regex_translator *t)
{
    char letter = regex_peek(t, 1);
    if (letter == 'A' || letter == 'z' || letter == 'b' || letter == 'B')
        return take_assertion(t, 2);
    t->at++;
    if (letter == 'Q') {
        t->at++;
        return take_quoted(t);
    }
    regex_atom_begin(t);
    if (letter == 'p' || letter == 'P')
        return regex_take_property(t);
    if (regex_is_perl_class(letter))
        return regex_take_perl_class(t, false);
    uint32_t c;
    TRY(regex_take_escaped(t, &c));
    return regex_emit_char(t, c);
}

static enum err take_literal(struct regex_translator *t)
{
    uint32_t c;
    TRY(regex_take_plain(t, &c));
    regex_atom_begin(t);
    return regex_emit_char(t, c);
}

static enum err take_next(struct regex_translator *t)
{
    size_t repetition = repetition_length(t);
    if (repetition > 0)
        return take_repetition(t, repetition);
    switch (regex_peek(t, 0)) {
    case '|':
        t->at++;
        t->can_repeat = false;
        return regex_emit(t, SPAN("|"));
    case '(':
        return take_group(t);
    case ')':
        return take_group_end(t);
    case '^':
    case '$':
        return take_assertion(t, 1);
    case '.':
        t->at++;
        regex_atom_begin(t);
        return regex_emit(t, SPAN("."));
    case '[':
        return regex_take_class(t);
    case '\\':
        return take_escape(t);
    default:
        return take_literal(t);
    }
}

static enum err translate(struct regex_translator *t)
{
    while (t->at < t->in.len)
        TRY(take_next(t));
    if (t->depth > 0)
        return REGEX_REFUSE(t, "missing )");
    return regex_emit(t, span_make("", 1)); /* a NUL, which is not part of the text */
}

enum err regex_translate(struct span pattern, struct regex_text *out, struct err_text *why)
{
    struct regex_translator t = {.in = pattern, .why = why};
    buf_init(&t.out, REGEX_PATTERN_MAX);
    enum err error = translate(&t);
    if (error == ERR_OK && t.wants_utf) {
        buf_finish(&t.out);
        t = (struct regex_translator){.in = pattern, .utf = true, .why = why};
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
        *out = (struct regex_text){copy, text.len - 1, t.utf, t.cost.iterators, t.cost.choices};
    return error;
}
