/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cases of TOML 1.0 by the categories of the toml-test suite, written by hand
 * from the specification. `want` is the tree as test_toml.c prints it:
 * {key: value, …}, [item, …], "string", 1, f:1.5, true, dt:…, ldt:…, ld:…,
 * lt:…. Both tables end with a NULL name.
 */
#ifndef WEIR_TESTS_UNIT_CONFIG_TOML_CASES_H
#define WEIR_TESTS_UNIT_CONFIG_TOML_CASES_H

#include <stddef.h>

struct toml_valid {
    const char *name, *text, *want;
    size_t length; /* of text, when it holds a NUL; else 0 */
};

struct toml_invalid {
    const char *name, *text;
    unsigned line, column; /* of the error; 0: any */
    size_t length;
};

extern const struct toml_valid toml_valid_cases[];
extern const struct toml_invalid toml_invalid_cases[];

#endif
