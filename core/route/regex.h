/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Regular expressions in RE2's syntax (as Go's regexp package takes it), run
 * by PCRE2. The pattern is translated: what RE2 does not have (lookaround,
 * backreferences, possessive and atomic groups, recursion, \C, verbs …) is
 * refused, what means something else in PCRE2 is written so that it does not.
 * Private to core/route.
 *
 * Patterns match bytes unless they name characters beyond ASCII (as such, by
 * \x{…} or by \p{…}); those run in UTF-8 mode, where bytes that are no UTF-8
 * match nothing. So `.` alone takes one byte of a longer character.
 *
 * Compiled on the control thread, immutable afterwards, matched by any number
 * of threads; each keeps its own match data. A match allocates nothing after
 * the thread's first, and is bounded: an adversary's input that makes it
 * backtrack too far is a failure, not a stall.
 */
#ifndef WEIR_CORE_ROUTE_REGEX_H
#define WEIR_CORE_ROUTE_REGEX_H

#include "core/base/err.h"
#include "core/base/span.h"

#define REGEX_MATCH_LIMIT 100000      /* PCRE2's match() calls per match */
#define REGEX_REPEAT_MAX 1000         /* {n}, as in RE2 */
#define REGEX_PATTERN_MAX (512 << 10) /* bytes of a translated pattern */

struct regex;

/* ERR_SYNTAX, ERR_LIMIT (too large), ERR_NOMEM; `why` without position. */
MUST_USE enum err regex_compile(struct span pattern, struct regex **out, struct err_text *why);
void regex_destroy(struct regex *regex);

enum regex_result { REGEX_NO_MATCH, REGEX_MATCH, REGEX_FAILED };

/* Unanchored, as everywhere in RE2. */
enum regex_result regex_match(const struct regex *regex, struct span subject);

/* The translation alone, NUL-terminated and malloc'ed, for tests and for
 * regex_compile. *utf: it wants UTF-8 mode. */
MUST_USE enum err regex_translate(struct span pattern, char **out, size_t *len, bool *utf,
                                  struct err_text *why);

#endif
