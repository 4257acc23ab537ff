/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every case of toml_valid.c must give its tree, every case of toml_invalid.c
 * an error on the right line.
 */
#include "config/toml.h"
#include "toml_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void print_text(struct span text, FILE *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\n')
            fputs("\\n", out);
        else if (c == '\t')
            fputs("\\t", out);
        else if (c == '\r')
            fputs("\\r", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
}

static void print_scalar(const struct node *node, FILE *out)
{
    static const char *const prefixes[] = {
        [SCALAR_STRING] = "\"",         [SCALAR_BOOL] = "",     [SCALAR_INTEGER] = "",
        [SCALAR_FLOAT] = "f:",          [SCALAR_DATETIME] = "dt:",
        [SCALAR_DATETIME_LOCAL] = "ldt:", [SCALAR_DATE_LOCAL] = "ld:",
        [SCALAR_TIME_LOCAL] = "lt:"};
    fputs(prefixes[node->scalar], out);
    print_text(node->text, out);
    fputs(node->scalar == SCALAR_STRING ? "\"" : "", out);
}

static void print_node(const struct node *node, FILE *out)
{
    if (node->kind == NODE_SCALAR) {
        print_scalar(node, out);
    } else if (node->kind == NODE_LIST) {
        fputc('[', out);
        for (uint32_t i = 0; i < node->list.count; i++) {
            fputs(i ? ", " : "", out);
            print_node(node->list.items[i], out);
        }
        fputc(']', out);
    } else {
        fputc('{', out);
        for (uint32_t i = 0; i < node->map.count; i++) {
            fputs(i ? ", " : "", out);
            print_text(node->map.entries[i].key, out);
            fputs(": ", out);
            print_node(node->map.entries[i].value, out);
        }
        fputc('}', out);
    }
}

/* The tree as text, or "error LINE:COLUMN: message". To be freed. */
static char *parse(const char *text, size_t length)
{
    struct node_tree tree;
    struct diagnostics diagnostics;
    char *bytes = malloc(length > 0 ? length : 1);
    char *shown = NULL;
    size_t shown_length;
    assert_non_null(bytes);
    memcpy(bytes, text, length);
    diagnostics_init(&diagnostics);
    assert_int_equal(node_tree_init(&tree, "case.toml"), ERR_OK);
    enum err error = toml_parse(span_make(bytes, length), &tree, &diagnostics);
    FILE *out = open_memstream(&shown, &shown_length);
    if (error != ERR_OK) {
        assert_int_equal(diagnostics.errors, 1);
        fprintf(out, "error %u:%u: %s", diagnostics.items[0].mark.line,
                diagnostics.items[0].mark.column, diagnostics.items[0].message);
    } else {
        assert_int_equal(diagnostics.count, 0);
        if (tree.root == NULL)
            fputs("none", out);
        else
            print_node(tree.root, out);
    }
    fclose(out);
    node_tree_finish(&tree);
    diagnostics_finish(&diagnostics);
    free(bytes);
    return shown;
}

static void valid_texts_give_their_tree(void **state)
{
    (void)state;
    size_t failed = 0;
    for (const struct toml_valid *it = toml_valid_cases; it->name != NULL; it++) {
        char *got = parse(it->text, it->length ? it->length : strlen(it->text));
        if (strcmp(got, it->want) != 0) {
            print_error("%s:\n  want %s\n  got  %s\n", it->name, it->want, got);
            failed++;
        }
        free(got);
    }
    assert_int_equal(failed, 0);
}

static void invalid_texts_are_refused_where_they_are_wrong(void **state)
{
    (void)state;
    size_t failed = 0;
    for (const struct toml_invalid *it = toml_invalid_cases; it->name != NULL; it++) {
        char place[40];
        char *got = parse(it->text, it->length ? it->length : strlen(it->text));
        snprintf(place, sizeof(place), "error %u:%u: ", it->line, it->column);
        const char *wanted = it->line > 0 ? place : "error ";
        if (strncmp(got, wanted, strlen(wanted)) != 0) {
            print_error("%s: want %s, got %s\n", it->name, wanted, got);
            failed++;
        }
        free(got);
    }
    assert_int_equal(failed, 0);
}

static void there_are_at_least_250_cases(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct toml_valid *it = toml_valid_cases; it->name != NULL; it++)
        count++;
    for (const struct toml_invalid *it = toml_invalid_cases; it->name != NULL; it++)
        count++;
    assert_true(count >= 250);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, '[', 4000);
    memcpy(text, "a = ", 4);
    char *got = parse(text, 4000);
    assert_non_null(strstr(got, "nested deeper than 64 levels"));
    free(got);
    for (size_t i = 0; i < 2000; i++)
        memcpy(text + i * 2, "a.", 2);
    got = parse(text, 4000);
    assert_non_null(strstr(got, "nested deeper than 64 levels"));
    free(got);
    text[0] = '[';
    memcpy(text + 1, "a.a", 3);
    got = parse(text, 3999);
    assert_non_null(strstr(got, "error"));
    free(got);
}

static void many_names_are_read_in_linear_time(void **state)
{
    (void)state;
    enum { NAMES = 100000 };
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    for (int i = 0; i < NAMES; i++)
        fprintf(out, "[http.routers.r%d]\nrule = \"x\"\n[[tls.certificates]]\ncertFile = \"%d\"\n",
                i, i);
    fclose(out);
    struct node_tree tree;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_int_equal(node_tree_init(&tree, "big.toml"), ERR_OK);
    assert_int_equal(toml_parse(span_make(text, length), &tree, &diagnostics), ERR_OK);
    const struct node *routers = node_get(node_get(tree.root, "http"), "routers");
    assert_int_equal(routers->map.count, NAMES);
    assert_non_null(node_map_find(routers, SPAN("r99999")));
    assert_int_equal(node_get(node_get(tree.root, "tls"), "certificates")->list.count, NAMES);
    node_tree_finish(&tree);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_texts_give_their_tree),
        cmocka_unit_test(invalid_texts_are_refused_where_they_are_wrong),
        cmocka_unit_test(there_are_at_least_250_cases),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(many_names_are_read_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
