/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmocka with the headers that it wants before it. */
#ifndef WEIR_TESTS_UNIT_BASE_UNIT_H
#define WEIR_TESTS_UNIT_BASE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/span.h"

#define assert_ok(expression) assert_int_equal((expression), 0)
#define assert_span_equal(span, text) assert_true(span_equal((span), span_cstr(text)))

#endif
