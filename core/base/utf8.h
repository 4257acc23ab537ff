/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UTF-8 as RFC 3629 §4 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. Any thread.
 */
#ifndef WEIR_CORE_BASE_UTF8_H
#define WEIR_CORE_BASE_UTF8_H

#include "core/base/span.h"

/* The length (1 to 4) of the valid character at the front of `text`, or 0 when
 * there is none. `code_point`, if not NULL, gets the character. */
size_t utf8_next(struct span text, uint32_t *code_point);

bool utf8_valid(struct span text);

#endif
