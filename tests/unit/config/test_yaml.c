/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * YAML to a tree: how scalars resolve, anchors and merge keys, what is
 * refused, and that every node knows its place.
 */
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct node_tree tree;
static struct diagnostics diagnostics;

static enum err parse(const char *text)
{
    size_t length = strlen(text);
    char *bytes = malloc(length > 0 ? length : 1);
    assert_non_null(bytes);
    memcpy(bytes, text, length);
    diagnostics_init(&diagnostics);
    assert_int_equal(node_tree_init(&tree, "f.yml"), ERR_OK);
    enum err error = yaml_parse(span_make(bytes, length), &tree, &diagnostics);
    free(bytes);
    return error;
}

static void finish(void)
{
    node_tree_finish(&tree);
    diagnostics_finish(&diagnostics);
}

static void assert_error(const char *text, const char *want)
{
    char got[512];
    assert_int_not_equal(parse(text), ERR_OK);
    assert_int_equal(diagnostics.errors, 1);
    const struct diagnostic *item = &diagnostics.items[0];
    snprintf(got, sizeof(got), "%u:%u: %s", item->mark.line, item->mark.column, item->message);
    assert_string_equal(got, want);
    finish();
}

static void plain_scalars_resolve_as_in_go(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum node_scalar kind;
        const char *canonical;
    } cases[] = {
        {"true", SCALAR_BOOL, "true"},
        {"False", SCALAR_BOOL, "False"},
        {"yes", SCALAR_STRING, "yes"},
        {"on", SCALAR_STRING, "on"},
        {"42", SCALAR_INTEGER, "42"},
        {"-42", SCALAR_INTEGER, "-42"},
        {"+42", SCALAR_INTEGER, "42"},
        {"1_000", SCALAR_INTEGER, "1000"},
        {"0x1F", SCALAR_INTEGER, "31"},
        {"-0x10", SCALAR_INTEGER, "-16"},
        {"0o17", SCALAR_INTEGER, "15"},
        {"017", SCALAR_INTEGER, "15"},
        {"0b101", SCALAR_INTEGER, "5"},
        {"0", SCALAR_INTEGER, "0"},
        {"9223372036854775807", SCALAR_INTEGER, "9223372036854775807"},
        {"18446744073709551615", SCALAR_INTEGER, "18446744073709551615"},
        {"1.5", SCALAR_FLOAT, "1.5"},
        {".5", SCALAR_FLOAT, ".5"},
        {"1.", SCALAR_FLOAT, "1."},
        {"1e3", SCALAR_FLOAT, "1e3"},
        {"-.inf", SCALAR_FLOAT, "-.inf"},
        {".nan", SCALAR_FLOAT, ".nan"},
        {"018", SCALAR_FLOAT, "018"},
        {"1.2.3", SCALAR_STRING, "1.2.3"},
        {"0x", SCALAR_STRING, "0x"},
        {"0xg", SCALAR_STRING, "0xg"},
        {"-", SCALAR_STRING, "-"},
        {"+", SCALAR_STRING, "+"},
        {".", SCALAR_STRING, "."},
        {"1e", SCALAR_STRING, "1e"},
        {"10s", SCALAR_STRING, "10s"},
        {"2001-01-01", SCALAR_STRING, "2001-01-01"},
        {":80", SCALAR_STRING, ":80"},
        {"0x0x1", SCALAR_STRING, "0x0x1"},
        {"--1", SCALAR_STRING, "--1"},
        {"36893488147419103232", SCALAR_FLOAT, "36893488147419103232"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char buffer[24];
        struct span canonical;
        bool null;
        print_message("%s\n", cases[i].text);
        assert_int_equal(yaml_resolve(span_cstr(cases[i].text), buffer, &canonical, &null),
                         cases[i].kind);
        assert_false(null);
        assert_true(span_equal(canonical, span_cstr(cases[i].canonical)));
    }
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < 5; i++) {
        char buffer[24];
        struct span canonical;
        bool null = false;
        yaml_resolve(span_cstr(nulls[i]), buffer, &canonical, &null);
        assert_true(null);
    }
}

static void quotes_and_tags_make_strings(void **state)
{
    (void)state;
    assert_int_equal(parse("a: 'true'\nb: \"5\"\nc: !!str 7\nd: |\n  8\ne: ''\nf: ! 9\n"), ERR_OK);
    static const char *const want[] = {"true", "5", "7", "8\n", "", "9"};
    for (uint32_t i = 0; i < 6; i++) {
        const struct node *node = tree.root->map.entries[i].value;
        assert_int_equal(node->kind, NODE_SCALAR);
        assert_int_equal(node->scalar, SCALAR_STRING);
        assert_true(span_equal(node->text, span_cstr(want[i])));
    }
    finish();
}

static void every_node_knows_its_place(void **state)
{
    (void)state;
    assert_int_equal(parse("a:\n  - x\n  -  y: z\n"), ERR_OK);
    const struct node_entry *entry = &tree.root->map.entries[0];
    assert_int_equal(entry->mark.line, 1);
    assert_int_equal(entry->mark.column, 1);
    assert_string_equal(entry->mark.file, "f.yml");
    const struct node *list = entry->value;
    assert_int_equal(list->list.items[0]->mark.line, 2);
    assert_int_equal(list->list.items[0]->mark.column, 5);
    const struct node_entry *inner = &list->list.items[1]->map.entries[0];
    assert_int_equal(inner->mark.line, 3);
    assert_int_equal(inner->mark.column, 6);
    assert_int_equal(inner->value->mark.column, 9);
    finish();
}

static void aliases_share_what_they_name(void **state)
{
    (void)state;
    assert_int_equal(parse("a: &x {b: 1}\nc: *x\nd: &x 2\ne: *x\n"), ERR_OK);
    const struct node *a = node_get(tree.root, "a");
    assert_ptr_equal(node_get(tree.root, "c"), a);
    assert_true(span_equal(node_get(tree.root, "e")->text, SPAN("2")));
    finish();
}

static void merge_keys_fill_in_what_is_missing(void **state)
{
    (void)state;
    assert_int_equal(parse("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\n"
                           "one:\n  b: 9\n  <<: *x\n"
                           "two:\n  <<: [*x, *y]\n"
                           "text:\n  \"<<\": 5\n"),
                     ERR_OK);
    const struct node *one = node_get(tree.root, "one"), *two = node_get(tree.root, "two");
    assert_int_equal(one->map.count, 2);
    assert_true(span_equal(node_get(one, "b")->text, SPAN("9")));
    assert_true(span_equal(node_get(one, "a")->text, SPAN("1")));
    assert_int_equal(two->map.count, 3);
    assert_true(span_equal(node_get(two, "b")->text, SPAN("2")));
    assert_true(span_equal(node_get(two, "c")->text, SPAN("4")));
    assert_true(span_equal(node_get(node_get(tree.root, "text"), "<<")->text, SPAN("5")));
    finish();
    assert_error("x: &x [1]\ny:\n  <<: *x\n", "1:8: \"<<\" merges maps, not a single value");
    assert_error("x: &x {}\ny:\n  <<: *x\n  <<: *x\n", "4:3: duplicate key \"<<\"");
    assert_error("x: &x 5\ny:\n  <<: *x\n", "3:3: \"<<\" merges maps, not a single value");
    assert_error("y:\n  <<:\n", "2:3: \"<<\" merges maps, not nothing");
}

static void mistakes_are_reported_where_they_are(void **state)
{
    (void)state;
    assert_error("a: 1\nb: 2\na: 3\n", "3:1: duplicate key \"a\": it stands on line 1 already");
    assert_error("a: *x\n", "1:5: unknown alias \"*x\": no anchor \"&x\" stands before it");
    assert_error("a: &x [*x]\n", "1:9: alias \"*x\" contains itself");
    assert_error("a: {{c: 1}: 2}\n", "1:5: a key must be a single word, not a map");
    assert_error("[a]: 1\n", "1:1: a key must be a single word, not a list");
    assert_error("a: [1, 2\n", "2:1: YAML: flow sequence without a closing bracket");
    assert_error("a:\n\tb: 1\n",
                 "2:1: YAML: tab character may not be used as indentation; use blanks");
    assert_error("a: \"b\nc: 1\n", "1:4: YAML: wrongly indented double-quoted scalar; is its "
                                 "closing quote missing?");
    assert_error("a: `b`\n", "1:4: YAML: plain scalar cannot start with '`'; put the value in "
                             "single quotes");
    assert_error("a:\n  b: 1\n c: 1\n",
                 "3:2: YAML: invalid indentation in mapping; keys of one section begin in the same "
                 "column");
}

static void what_confuses_the_library_is_refused_before_it(void **state)
{
    (void)state;
    /* The library loops for ever on invalid UTF-8 in a directive. */
    assert_error("%F \xcd\n---\na: 1\n", "1:4: YAML: the text is not UTF-8");
    assert_error("a: \"\xff\"\n", "1:5: YAML: the text is not UTF-8");
    assert_error("a: 1\nb: \x01\n", "2:4: YAML: control characters are not allowed");
    /* It takes these for the end of the text. */
    assert_error("a: 1\n%b: 2\n", "2:1: YAML: % begins a directive, and these stand before --- "
                                  "only; put the key in quotes");
    assert_int_equal(parse("# c\n\n%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\nb: 1\n"), ERR_OK);
    assert_true(span_equal(node_get(tree.root, "a")->text, SPAN("1")));
    finish();
}

static void line_ends_and_a_byte_order_mark_mean_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"a: 1\nb: [x]\n", "a: 1\r\nb: [x]\r\n", "a: 1\rb: [x]\r",
                                        "\xef\xbb\xbf\x61: 1\nb: [x]"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(parse(texts[i]), ERR_OK);
        assert_int_equal(tree.root->map.count, 2);
        assert_true(span_equal(node_get(tree.root, "a")->text, SPAN("1")));
        finish();
    }
}

static void a_nul_does_not_end_the_text(void **state)
{
    (void)state;
    diagnostics_init(&diagnostics);
    assert_int_equal(node_tree_init(&tree, "f.yml"), ERR_OK);
    assert_int_equal(yaml_parse(span_make("a: 1\n\0b: 2\n", 11), &tree, &diagnostics), ERR_SYNTAX);
    assert_int_equal(diagnostics.items[0].mark.line, 2);
    finish();
}

static void only_the_first_document_counts(void **state)
{
    (void)state;
    assert_int_equal(parse("---\na: 1\n---\na: 2\n"), ERR_OK);
    assert_true(span_equal(node_get(tree.root, "a")->text, SPAN("1")));
    assert_int_equal(diagnostics.warnings, 1);
    assert_int_equal(diagnostics.items[0].mark.line, 3);
    finish();
}

static void empty_texts_have_no_root(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "# comment\n", "---\n", "~\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(parse(texts[i]), ERR_OK);
        assert_null(tree.root);
        finish();
    }
}

static void alias_bombs_are_refused(void **state)
{
    (void)state;
    char text[2048] = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
    for (char name = 'b'; name <= 'i'; name++) {
        char line[128];
        char up = (char)(name - 1);
        snprintf(line, sizeof(line), "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n",
                 name, name, up, up, up, up, up, up, up, up, up, up);
        strcat(text, line);
    }
    assert_int_equal(parse(text), ERR_LIMIT);
    assert_non_null(strstr(diagnostics.items[0].message, "aliases expand to too much"));
    finish();
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char text[400];
    memset(text, '[', 200);
    memset(text + 200, ']', 199);
    text[399] = '\0';
    assert_int_not_equal(parse(text), ERR_OK);
    finish();
    char *deep = NULL;
    size_t length;
    FILE *out = open_memstream(&deep, &length);
    for (int i = 0; i < 80; i++)
        fprintf(out, "%*sa:\n", i, "");
    fclose(out);
    assert_int_equal(parse(deep), ERR_LIMIT);
    assert_non_null(strstr(diagnostics.items[0].message, "nested deeper than 64 levels"));
    finish();
    free(deep);
}

static void many_names_are_read_in_linear_time(void **state)
{
    (void)state;
    enum { NAMES = 20000 };
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    fputs("http:\n  routers:\n", out);
    for (int i = 0; i < NAMES; i++)
        fprintf(out, "    r%d: {rule: \"Host(`%d`)\", service: s}\n", i, i);
    fclose(out);
    assert_int_equal(parse(text), ERR_OK);
    assert_int_equal(node_get(node_get(tree.root, "http"), "routers")->map.count, NAMES);
    finish();
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_resolve_as_in_go),
        cmocka_unit_test(quotes_and_tags_make_strings),
        cmocka_unit_test(every_node_knows_its_place),
        cmocka_unit_test(aliases_share_what_they_name),
        cmocka_unit_test(merge_keys_fill_in_what_is_missing),
        cmocka_unit_test(mistakes_are_reported_where_they_are),
        cmocka_unit_test(what_confuses_the_library_is_refused_before_it),
        cmocka_unit_test(line_ends_and_a_byte_order_mark_mean_nothing),
        cmocka_unit_test(a_nul_does_not_end_the_text),
        cmocka_unit_test(only_the_first_document_counts),
        cmocka_unit_test(empty_texts_have_no_root),
        cmocka_unit_test(alias_bombs_are_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(many_names_are_read_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
