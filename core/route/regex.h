/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Regular expressions in RE2's syntax (as Go's regexp package takes it), run
 * by PCRE2. The pattern is translated: what RE2 does not have (lookaround,
 * backreferences, possessive and atomic groups, recursion, \C, verbs …) is
 * refused, what means something else in PCRE2 is written so that it does not.
 * Private to core/route.
 *
 * Patterns match bytes unless they name characters beyond ASCII (as such, by
 * \x{…} or by \p{…}); those run in UTF-8 mode, where a subject that is no UTF-8
 * is a failure. So `.` alone takes one byte of a longer character.
 *
 * Compiled on the control thread, immutable afterwards, matched by any number
 * of threads; each keeps its own match data. A match allocates nothing after
 * the thread's first. Its cost is bounded as RE2's is: PCRE2's backtracking
 * (JIT) runs where pattern and subject cannot make it cost more than
 * REGEX_WORK_MAX steps, or until it has; then the automaton of pcre2_dfa_match
 * answers in time linear in the subject.
 */
#ifndef WEIR_CORE_ROUTE_REGEX_H
#define WEIR_CORE_ROUTE_REGEX_H

#include "core/base/err.h"
#include "core/base/span.h"

#define REGEX_WORK_MAX (1 << 21)      /* steps of backtracking in one match */
#define REGEX_SUBJECT_MAX (64 << 10)  /* bytes; more is a failure */
#define REGEX_STATES_MAX 1024         /* of the automaton; fewer for long subjects */
#define REGEX_REPEAT_MAX 1000         /* {n}, as in RE2 */
#define REGEX_PATTERN_MAX (512 << 10) /* bytes of a translated pattern */

struct regex;

/* ERR_SYNTAX, ERR_LIMIT (too large), ERR_NOMEM; `why` without position. */
MUST_USE enum err regex_compile(struct span pattern, struct regex **out, struct err_text *why);
void regex_destroy(struct regex *regex);

/* REGEX_FAILED: no answer; the subject is too long or, for a pattern in UTF-8
 * mode, no UTF-8, or the automaton needs too many states, or memory is out. */
enum regex_result { REGEX_NO_MATCH, REGEX_MATCH, REGEX_FAILED };

/* Unanchored, as everywhere in RE2. */
enum regex_result regex_match(const struct regex *regex, struct span subject);

/* The same by the automaton alone; for tests. */
enum regex_result regex_match_linear(const struct regex *regex, struct span subject);

/* A pattern in PCRE2's syntax. */
struct regex_text {
    char *text; /* malloc'ed, NUL-terminated */
    size_t len;
    bool utf;           /* it wants UTF-8 mode */
    unsigned iterators; /* repetitions without a maximum */
    unsigned choices;   /* bits of choice that the other repetitions give */
};

MUST_USE enum err regex_translate(struct span pattern, struct regex_text *out,
                                  struct err_text *why);

#endif
