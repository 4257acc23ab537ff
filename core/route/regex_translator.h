/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of the translation from RE2's syntax share: regex_char.c
 * takes single characters and escapes, regex_class.c classes, regex_translate.c
 * the rest. Private to those three. One thread.
 */
#ifndef WEIR_CORE_ROUTE_REGEX_TRANSLATOR_H
#define WEIR_CORE_ROUTE_REGEX_TRANSLATOR_H

#include "core/base/buf.h"
#include "core/route/regex.h"

#define REGEX_GROUP_DEPTH_MAX 200
#define REGEX_ATOM_GROUP SIZE_MAX

/* How much a pattern, or a part of it, lets backtracking cost. */
struct regex_cost {
    unsigned iterators, choices; /* as in struct regex_text */
};

struct regex_level {
    bool multiline;          /* flag m */
    struct regex_cost start; /* the cost up to the group's beginning */
};

struct regex_translator {
    struct span in;
    size_t at;
    struct buf out;
    size_t depth;
    struct regex_level levels[REGEX_GROUP_DEPTH_MAX + 1]; /* the pattern, each open group */
    bool can_repeat; /* an atom stands just before */
    size_t atom;     /* where it begins in `out`; REGEX_ATOM_GROUP: it is a group */
    bool repeated;   /* and has a repetition already */
    bool utf, wants_utf;
    struct regex_cost cost, group_cost; /* so far; of the group that is the atom */
    struct err_text *why;
};

/* return REGEX_REFUSE(t, "…", …); */
#define REGEX_REFUSE(t, ...) err_set((t)->why, ERR_SYNTAX, __VA_ARGS__)

/* The byte so far ahead of the cursor; NUL at the end. */
static inline char regex_peek(const struct regex_translator *t, size_t ahead)
{
    return ahead < t->in.len - t->at ? t->in.ptr[t->at + ahead] : '\0';
}

static inline struct span regex_rest(const struct regex_translator *t)
{
    return span_skip(t->in, t->at);
}

static inline bool regex_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool regex_is_word(char c)
{
    char lower = (char)(c | 0x20);
    return regex_is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '_';
}

/* What is emitted next is an atom. */
static inline void regex_atom_begin(struct regex_translator *t)
{
    t->atom = buf_len(&t->out);
    t->group_cost = (struct regex_cost){0};
    t->can_repeat = true;
    t->repeated = false;
}

/* ---- regex_char.c ---- */

enum err regex_emit(struct regex_translator *t, struct span text);
/* As itself when that can mean nothing else, else as \x{…}. */
enum err regex_emit_char(struct regex_translator *t, uint32_t c);
/* The character at the cursor as it stands. */
enum err regex_take_plain(struct regex_translator *t, uint32_t *c);
/* Behind the backslash of an escape that stands for one character. */
enum err regex_take_escaped(struct regex_translator *t, uint32_t *c);

/* ---- regex_class.c ---- */

bool regex_is_perl_class(char c);
/* \d \s \w and their complements, behind the backslash; `inside` brackets. */
enum err regex_take_perl_class(struct regex_translator *t, bool inside);
/* "\pL", "\p{Greek}", "\P…" behind the backslash, passed on. */
enum err regex_take_property(struct regex_translator *t);
/* "[…]" at the cursor. */
enum err regex_take_class(struct regex_translator *t);

#endif
