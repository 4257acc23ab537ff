/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RE2's syntax, from its reference page, construct by construct: what it takes
 * must mean here what it means there, and what it refuses is refused.
 */
#include "core/route/regex.h"
#include "route_help.h"

#include <pthread.h>

struct row {
    const char *pattern;
    struct span subject;
    enum regex_result result;
};

#define YES(pattern, subject) {pattern, {subject, sizeof(subject) - 1}, REGEX_MATCH}
#define FAILS(pattern, subject) {pattern, {subject, sizeof(subject) - 1}, REGEX_FAILED}
#define NO(pattern, subject) {pattern, {subject, sizeof(subject) - 1}, REGEX_NO_MATCH}

static const struct row rows[] = {
    /* single characters */
    YES("a.c", "abc"), NO("a.c", "a\nc"), YES("(?s)a.c", "a\nc"), YES("", ""), YES("", "x"),
    YES("[xyz]", "y"), NO("[^xyz]", "y"), YES("[^x]", "\n"), YES("\\d", "7"), NO("\\D", "7"),
    YES("^\\s$", "\t"), YES("^\\s$", "\f"), NO("^\\s$", "\v"), YES("^[\\s]$", " "),
    NO("^[\\s]$", "\v"), YES("^\\S$", "\v"), YES("^[\\S]$", "\v"), NO("^[^\\S]$", "\v"),
    YES("^[^\\S]$", "\n"), YES("^[\\S]$", "\xff"), YES("\\w", "_"), NO("\\w", "-"), YES("\\W", "-"),
    YES("^[[:alpha:]]+$", "aZ"), NO("[[:alpha:]]", "1"), YES("[[:^alpha:]]", "1"),
    YES("^[[:word:][:space:]]$", "\v"), YES("^[[:xdigit:]-]+$", "a-F"), YES("[[:punct:]]", "!"),
    YES("^[a-c\\-\\]]+$", "b-]"), YES("^[]a]+$", "]a"), NO("[^]a]", "]a"), YES("^[a-]+$", "a-"),
    YES("^[-a]+$", "a-"), YES("^[a-b-c]+$", "a-c"), YES("^[.*+?{}()|$]+$", ".*+?{}()|$"),
    YES("^[[a]+$", "[a"), YES("^[[:a]+$", "[:a"), YES("^[a^]+$", "a^"),
    YES("^[\\x41-\\x{43}]$", "B"),
    YES("^[\\101-\\103]$", "B"), YES("^[\\n\\t]+$", "\n\t"),
    /* composites */
    YES("^ab$", "ab"), YES("^(a|b)$", "b"), YES("^a|b$", "xb"), YES("^(|a)$", ""), YES("a||b", "z"),
    /* repetitions */
    YES("^a*$", ""), NO("^a+$", ""), YES("^a?$", "a"), YES("^a{2,3}$", "aaa"), NO("^a{2,3}$", "a"),
    YES("^a{2,}$", "aaaa"), YES("^a{2}$", "aa"), YES("^a*?b+?c??$", "aabbc"), YES("^a{0}b$", "b"),
    YES("^a{1,2}?$", "aa"), YES("^a{,2}$", "a{,2}"), YES("^a{$", "a{"), YES("^{$", "{"),
    YES("^a{x}$", "a{x}"), YES("^a{1$", "a{1"),
    YES("^(?:ab){2}$", "abab"), YES("^\\Qa.b\\E+$", "a.bb"), YES("^(^)*a$", "a"), YES("^^*a$", "a"),
    YES("\\b+a", "a"), YES("a$?", "a"),
    /* groups */
    YES("^(?P<name>a)(?<other>b)$", "ab"), YES("^(?:a)$", "a"), YES("(?i)abc", "ABC"),
    YES("a(?i)b(?-i)c", "aBc"), NO("a(?i)b(?-i)c", "aBC"), YES("(?i:a)b", "Ab"),
    NO("(?i:a)b", "AB"),
    YES("a(?i)b|c", "C"), YES("(?im-s:^A$)", "x\na"), YES("(?U)^a+$", "aaa"), YES("(?)a", "a"),
    YES("(a(b(c)))", "abc"), YES("(?i)é", "é"),
    /* empty strings: ends of text and lines, word boundaries */
    YES("^abc$", "abc"), NO("^abc$", "abc\n"), YES("(?m)^abc$", "abc\n"), YES("(?m)^b$", "a\nb"),
    NO("^b$", "a\nb"), YES("(?m)a\n^$", "a\n"), YES("\\Aabc\\z", "abc"), NO("\\Aabc\\z", "abc\n"),
    NO("(?m)\\Ab", "a\nb"), YES("\\babc\\b", "x abc y"), NO("\\babc\\b", "xabc"),
    YES("a\\Bb", "ab"),
    YES("(?m)b(?-m)(a$)", "ba"), NO("(?m)b(?-m)(a$)", "ba\n"), YES("(?m:a$)", "a\nb"),
    NO("(?m:b)a$", "ba\n"), YES("(?m)(b(?-m)c|d)a$", "da\n"), YES("(?m)a$", "a\r\na"),
    NO("(?m)^b", "a\rb"),
    /* escapes */
    YES("^\\a\\f\\t\\n\\r\\v$", "\a\f\t\n\r\v"), YES("^\\x41\\x{42}\\103\\0$", "ABC\0"),
    YES("^\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\^\\$\\\\$", ".*+?()[]{}|^$\\"),
    YES("^\\-\\_\\/\\ \\#$", "-_/ #"),
    YES("^\\Q.*\\E$", ".*"), YES("^\\Q.*", ".*"), YES("^a b#c$", "a b#c"), YES("^\\12$", "\n"),
    /* beyond ASCII */
    YES("^é$", "é"), NO("^é$", "e"), YES("^[é-ü]$", "ö"), YES("^\\x{e9}$", "é"),
    FAILS("^\\x{e9}$", "\xe9"),
    YES("^\\pL+$", "éa"), NO("^\\pL+$", "1"), YES("^\\p{Greek}$", "λ"), NO("^\\P{Greek}$", "λ"),
    YES("^\\p{^Greek}$", "a"), YES("^[\\p{L}\\d]+$", "λ1"), YES("^\\x{1F600}$", "\xf0\x9f\x98\x80"),
    YES("^é.$", "éü"), YES("é", "xyéz"), FAILS("é", "\xffé"), FAILS("\\pL", "\xe9"),
    /* bytes: what is no character of the pattern's is a byte */
    YES("^/[^/]+$", "/é"), YES("^..$", "é"), YES("^.$", "\xff"),
};

static const char *const refused[] = {
    "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(?|a|b)", "(?#a)", "(?R)", "(?1)", "(?&a)",
    "(?P=a)", "(?P>a)", "(?P<a)", "(?P<>a)", "(?P<a-b>c)", "(?'a'b)", "(?(1)a|b)", "(?C)", "(?C1)",
    "(?+1)", "(?-1)", "(?-)", "(?i-)", "(?x)a", "(?n)a", "(?J)a", "(?^)a", "(?^i:a)", "(?i", "(?",
    "(*ACCEPT)", "(*UTF8)a", "(*LIMIT_MATCH=1)a", "(*)", "(", "(a", ")", "a)", "(a))", "((a)",
    "[", "[a", "[]", "[^]", "[b-a]", "[a-\\d]", "[[:foo:]]", "[[:alpha:]", "[\\", "[a\\]", "[\\b]",
    "[\\Q]\\E]", "[\\A]", "[\\1]",
    "*", "+a", "?", "a**", "a*+", "a++", "a?+", "a+*", "a{1}{2}", "a{2}*", "a{1001}", "a{2,1}",
    "a{1,1001}", "a{1,2}+", "|*", "(*a)", "(+)", "a|*", "(?:*a)", "(?i)*", "{1}", "^{2}{3}",
    "\\", "\\1", "\\9", "(a)\\1", "\\8", "\\k<a>", "\\g1", "\\C", "\\Z", "\\G", "\\K", "\\R",
    "\\X", "\\N",
    "\\h", "\\H", "\\V", "\\e", "\\cA", "\\o{1}", "\\y", "\\E", "\\u00e9", "\\L", "\\é",
    "\\x", "\\x4", "\\xg0", "\\x{", "\\x{}", "\\x{110000}", "\\x{41", "\\x{g}", "\\x{fffffffff}",
    "\\p", "\\p{", "\\p{}", "\\p{NoSuchScript}", "\\p{L", "\xff", "[\xff]", "\\Q\xff\\E",
};

static void what_re2_takes_means_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct regex *regex = NULL;
        struct err_text why = {0};
        if (regex_compile(span_cstr(rows[i].pattern), &regex, &why) != ERR_OK)
            fail_msg("%s: %s", rows[i].pattern, why.text);
        enum regex_result result = regex_match(regex, rows[i].subject);
        if (result != rows[i].result)
            fail_msg("%s on \"%.*s\": %d", rows[i].pattern, SPAN_ARG(rows[i].subject), result);
        result = regex_match_linear(regex, rows[i].subject);
        if (result != rows[i].result)
            fail_msg("%s on \"%.*s\": %d by the automaton", rows[i].pattern,
                     SPAN_ARG(rows[i].subject), result);
        regex_destroy(regex);
    }
}

static void what_re2_refuses_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct regex *regex = NULL;
        struct err_text why = {0};
        if (regex_compile(span_cstr(refused[i]), &regex, &why) != ERR_SYNTAX)
            fail_msg("accepted: %s", refused[i]);
        assert_true(why.text[0] != '\0');
        assert_null(regex);
    }
}

/* PCRE2 sees no syntax that was not recognised: everything odd is \x{…}. */
static void translations_are_plain(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *expected;
        bool utf;
    } translations[] = {
        {"a.c", "a.c", false},
        {"/(a|b)-", "\\x{2f}(?:a|b)\\x{2d}", false},
        {"(?P<n>a)", "(?:a)", false},
        {"^*", "(?:^)*", false},
        {"a+[b-c]+?\\n+(d)+", "aa*[b-c][b-c]*?\\x{a}\\x{a}*(?:d)+", false},
        {"a$(?m:b$)$", "a\\z(?m:b$)\\z", false},
        {"a{,2}", "a\\x{7b}\\x{2c}2\\x{7d}", false},
        {"[]-a#]", "[\\x{5d}-a\\x{23}]", false},
        {"\\Q(*\\E", "\\x{28}\\x{2a}", false},
        {"\\s[\\s]", "[\\t\\n\\f\\r\\x{20}][\\t\\n\\f\\r\\x{20}]", false},
        {"é", "\\x{e9}", true},
        {"\\pL[\\S]", "\\pL[\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}]", true},
    };
    for (size_t i = 0; i < COUNT(translations); i++) {
        struct regex_text text;
        assert_err(regex_translate(span_cstr(translations[i].pattern), &text, NULL), ERR_OK);
        assert_string_equal(text.text, translations[i].expected);
        assert_int_equal(text.len, strlen(text.text));
        assert_int_equal(text.utf, translations[i].utf);
        free(text.text);
    }
}

/* What decides between the two ways of matching. */
static void repetitions_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        unsigned iterators, choices;
    } costs[] = {
        {"abc", 0, 0},           {"a*b+c{2,}", 3, 0},     {"a?b{2,3}c{0,7}", 0, 5},
        {"[0-9a-f]{64}", 0, 0},  {"(a*){3}", 3, 2},       {"(a?b){4}", 0, 7},
        {"((a*b?){2}c*){3}", 9, 11}, {"(a+)*", 2, 0},     {"(a*){2,5}", 5, 6},
    };
    for (size_t i = 0; i < COUNT(costs); i++) {
        struct regex_text text;
        assert_err(regex_translate(span_cstr(costs[i].pattern), &text, NULL), ERR_OK);
        if (text.iterators != costs[i].iterators || text.choices != costs[i].choices)
            fail_msg("%s: %u and %u", costs[i].pattern, text.iterators, text.choices);
        free(text.text);
    }
}

static void a_pattern_has_a_largest_size(void **state)
{
    (void)state;
    char *pattern = malloc(REGEX_PATTERN_MAX);
    struct regex *regex = NULL;
    assert_non_null(pattern);
    memset(pattern, '-', REGEX_PATTERN_MAX);
    assert_err(regex_compile(span_make(pattern, REGEX_PATTERN_MAX), &regex, NULL), ERR_LIMIT);
    free(pattern);
}

/* What backtracks without end where it may gets its answer all the same. */
static void backtracking_is_bounded(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(a*)*(a*)*(a*)*[bc]", "a.*a.*a.*a.*[bc]",
                                           "^(a+)+$", "(a|a)+[bc]",
                                           "a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?[bc]"};
    static char subject[REGEX_SUBJECT_MAX + 1];
    memset(subject, 'a', sizeof(subject));
    subject[0] = '/';
    for (size_t i = 0; i < COUNT(patterns); i++) {
        struct regex *regex = NULL;
        assert_err(regex_compile(span_cstr(patterns[i]), &regex, NULL), ERR_OK);
        for (size_t len = 10; len <= 10000; len *= 10)
            if (regex_match(regex, span_make(subject, len)) != REGEX_NO_MATCH)
                fail_msg("%s on %zu bytes", patterns[i], len);
        assert_int_equal(regex_match(regex, span_make(subject, sizeof(subject))), REGEX_FAILED);
        regex_destroy(regex);
    }
}

/* Nested counts that would need more states than there are. */
static void too_many_states_are_a_failure(void **state)
{
    (void)state;
    struct regex *regex = NULL;
    char subject[5000];
    memset(subject, 'a', sizeof(subject));
    assert_err(regex_compile(SPAN("(.*a.{900}){3}[bc]"), &regex, NULL), ERR_OK);
    assert_int_equal(regex_match(regex, span_make(subject, sizeof(subject))), REGEX_FAILED);
    regex_destroy(regex);
}

static void *match_on_a_thread(void *argument)
{
    for (int i = 0; i < 1000; i++) {
        if (regex_match(argument, SPAN("/api/v17/x")) != REGEX_MATCH ||
            regex_match(argument, SPAN("/api/vx")) != REGEX_NO_MATCH)
            return argument;
    }
    return NULL;
}

static void threads_share_a_pattern(void **state)
{
    (void)state;
    struct regex *regex = NULL;
    pthread_t threads[4];
    assert_err(regex_compile(SPAN("^/api/v(\\d+)(/|$)"), &regex, NULL), ERR_OK);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, match_on_a_thread, regex), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    regex_destroy(regex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_re2_takes_means_the_same),
        cmocka_unit_test(what_re2_refuses_is_refused),
        cmocka_unit_test(translations_are_plain),
        cmocka_unit_test(repetitions_are_counted),
        cmocka_unit_test(a_pattern_has_a_largest_size),
        cmocka_unit_test(backtracking_is_bounded),
        cmocka_unit_test(too_many_states_are_a_failure),
        cmocka_unit_test(threads_share_a_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
