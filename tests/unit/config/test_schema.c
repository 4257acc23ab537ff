/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must hold for every row of the tables, whoever writes it.
 */
#include "config/decode.h"
#include "config/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static size_t mistakes, rows_seen;

#define HOLDS(condition, path, what)                                                         \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            print_error("%s: %s\n", (path), (what));                                         \
            mistakes++;                                                                      \
        }                                                                                    \
    } while (0)

static void check_row(const struct schema_row *row, const struct schema_row *rows,
                      const char *path, bool kept)
{
    bool section = schema_is_section(row);
    size_t length = row->doc ? strlen(row->doc) : 0;
    bool choice = row->type == SCHEMA_CHOICE || row->type == SCHEMA_CHOICES;
    rows_seen++;
    HOLDS(length > 0 && row->doc[length - 1] == '.', path, "needs a line that ends in a stop");
    HOLDS(section == (row->rows != NULL), path, "rows belong to sections only");
    HOLDS(!choice || row->choices != NULL, path, "a choice needs choices");
    HOLDS(!row->has_range || row->min < row->max, path, "empty range");
    HOLDS(schema_find(rows, span_cstr(row->name)) == row, path, "the name stands twice");
    HOLDS(row->storage == STORE_NOWHERE || kept, path, "kept below a place that is not");
    HOLDS(row->storage != STORE_ENUM || row->type == SCHEMA_CHOICE, path, "AT_ENUM is for CHOICE");
    HOLDS(row->storage != STORE_BIT || row->type == SCHEMA_BOOL, path, "AT_BIT is for BOOL");
    HOLDS(row->storage != STORE_U32 || (row->has_range && row->min >= 0), path,
          "AT_U32 needs a range from zero on");
    bool array = row->type == SCHEMA_OBJECTS || row->type == SCHEMA_ARRAY;
    HOLDS(!array || row->storage == STORE_NOWHERE || row->element_size > 0, path,
          "AT_LIST needs its element");
    HOLDS(row->type != SCHEMA_CONTENTS || row->storage == STORE_NOWHERE || row->count_offset > 0,
          path, "CONTENTS need a count");
}

static void check_rows(const struct schema_row *rows, const char *path, bool kept)
{
    for (const struct schema_row *row = rows; row->name != NULL; row++) {
        char below[256];
        snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "", row->name);
        check_row(row, rows, below, kept);
        bool array = row->type == SCHEMA_OBJECTS || row->type == SCHEMA_ARRAY;
        if (row->rows != NULL)
            check_rows(row->rows, below, kept && (!array || row->storage == STORE_VALUE));
    }
}

static void every_row_is_complete(void **state)
{
    (void)state;
    check_rows(schema_static, "", true);
    check_rows(schema_dynamic, "", true);
    assert_int_equal(mistakes, 0);
    assert_true(rows_seen > 900);
}

/* Each default, given by the operator, must be accepted without a word. */
static void check_default(const struct schema_row *row, const char *path)
{
    union {
        max_align_t align;
        char bytes[65536];
    } base;
    struct arena arena;
    struct diagnostics diagnostics;
    struct schema_row rows[2] = {*row, SCHEMA_END};
    struct node value = {.kind = NODE_SCALAR, .text = span_cstr(row->fallback)};
    struct node_entry entry = {.key = span_cstr(row->name), .value = &value};
    struct node map = {.kind = NODE_MAP, .map = {.entries = &entry, .count = 1}};
    memset(&base, 0, sizeof(base));
    rows[0].check = NULL; /* checks look at the whole struct */
    arena_init(&arena, 1024, 1 << 20);
    diagnostics_init(&diagnostics);
    struct decoder decoder = {.arena = &arena, .diagnostics = &diagnostics};
    assert_int_equal(decode_root(&decoder, rows, &map, &base), ERR_OK);
    size_t said = diagnostics.count - (row->deprecated && diagnostics.count > 0);
    HOLDS(said == 0, path, said ? diagnostics.items[0].message : "");
    diagnostics_finish(&diagnostics);
    arena_finish(&arena);
}

static void check_defaults(const struct schema_row *rows, const char *path)
{
    for (const struct schema_row *row = rows; row->name != NULL; row++) {
        char below[256];
        snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "", row->name);
        if (row->fallback != NULL)
            check_default(row, below);
        if (row->rows != NULL)
            check_defaults(row->rows, below);
    }
}

static void every_default_is_valid_and_silent(void **state)
{
    (void)state;
    mistakes = 0;
    check_defaults(schema_static, "");
    check_defaults(schema_dynamic, "");
    assert_int_equal(mistakes, 0);
}

static void misspelt_keys_find_their_neighbour(void **state)
{
    (void)state;
    static const struct {
        const char *written, *meant;
    } cases[] = {
        {"entrypoint", "entryPoints"},  {"entryPoint", "entryPoints"},
        {"provider", "providers"},      {"acesslog", "accessLog"},
        {"log_", "log"},                {"certificateResolvers", "certificatesResolvers"},
        {"pnig", "ping"},               {"serverTransport", "serversTransport"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *got = schema_nearest(schema_static, span_cstr(cases[i].written));
        print_message("%s\n", cases[i].written);
        assert_non_null(got);
        assert_string_equal(got, cases[i].meant);
    }
    assert_null(schema_nearest(schema_static, SPAN("zzz")));
    assert_null(schema_nearest(schema_static, SPAN("")));
    char longer[200];
    memset(longer, 'x', sizeof(longer));
    assert_null(schema_nearest(schema_static, span_make(longer, sizeof(longer))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(every_default_is_valid_and_silent),
        cmocka_unit_test(misspelt_keys_find_their_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
