/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is a rule and what is not, and where the message points to.
 */
#include "core/base/limits.h"
#include "route_help.h"

struct row {
    const char *text;
    size_t column; /* 0: it parses */
    const char *says; /* part of the message */
};

static const struct row http_rows[] = {
    {"Host(`a`)", 0, NULL},
    {"host(`a`)", 0, NULL},
    {"HOST(`a`)", 0, NULL},
    {"HostRegexp(`a`)", 0, NULL},
    {"hostregexp(`a`)", 0, NULL},
    {"HOSTREGEXP(`a`)", 0, NULL},
    {"Hostregexp(`a`)", 0, NULL},
    {"hostRegexp(`a`)", 1, "unknown matcher hostRegexp"},
    {"hOST(`a`)", 1, "unknown matcher"},
    {"Path(`/a`)", 0, NULL},
    {"PathPrefix(`/a`)", 0, NULL},
    {"Pathprefix(`/a`)", 0, NULL},
    {"PathRegexp(`a`)", 0, NULL},
    {"Method(`GET`)", 0, NULL},
    {"Header(`a`, `b`)", 0, NULL},
    {"HeaderRegexp(`a`, `b`)", 0, NULL},
    {"Query(`a`)", 0, NULL},
    {"Query(`a`, `b`)", 0, NULL},
    {"QueryRegexp(`a`)", 0, NULL},
    {"QueryRegexp(`a`, `b`)", 0, NULL},
    {"ClientIP(`10.0.0.1`)", 0, NULL},
    {"Clientip(`10.0.0.1`)", 0, NULL},
    {"CLIENTIP(`10.0.0.0/8`)", 0, NULL},
    {"HostSNI(`a`)", 1, "unknown matcher HostSNI"},
    {"ALPN(`a`)", 1, "unknown matcher"},
    {"Headers(`a`, `b`)", 1, "there are Host, HostRegexp"},
    /* white space, operators, parentheses */
    {"  Host ( `a` )  ", 0, NULL},
    {"Host(`a`)\n&&\n\tPath(`/`)", 0, NULL},
    {"Host(`a`)&&Path(`/`)", 0, NULL},
    {"!Host(`a`)", 0, NULL},
    {"! ! Host(`a`)", 0, NULL},
    {"((Host(`a`)))", 0, NULL},
    {"!(Host(`a`) || Host(`b`)) && Path(`/`)", 0, NULL},
    {"Header(`a`, `b`,)", 0, NULL},
    {"", 1, "empty"},
    {"   ", 1, "empty"},
    {"Host(`a`) &&", 13, "a matcher belongs here"},
    {"|| Host(`a`)", 1, "a matcher belongs here"},
    {"Host(`a`) & Path(`/`)", 11, "should end here"},
    {"Host(`a`) Path(`/`)", 11, "should end here"},
    {"Host(`a`) && && Path(`/`)", 14, "a matcher belongs here"},
    {"(Host(`a`)", 11, "the ( of column 1 is not closed"},
    {"Host(`a`))", 10, "should end here"},
    {"()", 2, "a matcher belongs here"},
    {"!", 2, "a matcher belongs here"},
    {"Host", 5, "needs a value in parentheses"},
    {"Host`a`", 5, "needs a value in parentheses"},
    {"Host(`a`) and Path(`/`)", 11, "should end here"},
    {"Host(`a`);", 10, "should end here"},
    /* strings */
    {"Host(\"a\")", 0, NULL},
    {"Path(\"/\\\"\\\\\\n\\x41\\101\\u00e9\\U0001F600\")", 0, NULL},
    {"Path(`/with \"quotes\" and \\n`)", 0, NULL},
    {"Host('a')", 6, "backquotes or double quotes"},
    {"Host(a)", 6, "backquotes or double quotes"},
    {"Host(5)", 6, "backquotes or double quotes"},
    {"Host(`a)", 6, "no closing `"},
    {"Host(\"a)", 6, "no closing \""},
    {"Host(\"a\n\")", 6, "no closing \""},
    {"Host(\"a\\", 8, "unknown escape"},
    {"Path(\"/\\q\")", 8, "unknown escape"},
    {"Path(\"/\\'\")", 8, "unknown escape"},
    {"Path(\"/\\x4\")", 8, "unknown escape"},
    {"Path(\"/\\400\")", 8, "unknown escape"},
    {"Path(\"/\\18\")", 8, "unknown escape"},
    {"Path(\"/\\ud800\")", 8, "unknown escape"},
    {"Path(\"/\\U00110000\")", 8, "unknown escape"},
    {"Path(\"/\\Uffffffff\")", 8, "unknown escape"},
    {"Path(\"/\\u12\")", 8, "unknown escape"},
    /* arguments */
    {"Host()", 6, "takes 1 value, not 0"},
    {"Host(`a`, `b`)", 6, "takes 1 value, not 2; write one for each, with || between them"},
    {"Host(`a` `b`)", 10, "needs , or )"},
    {"Host(,`a`)", 6, "backquotes or double quotes"},
    {"Host(``)", 6, "no empty value"},
    {"Header(`a`)", 8, "takes 2 values, not 1"},
    {"Header(`a`, ``)", 13, "no empty value"},
    {"Header(`a`, `b`, `c`)", 8, "takes 2 values, not 3"},
    {"HeaderRegexp(`a`)", 14, "takes 2 values, not 1"},
    {"Query()", 7, "takes 1 or 2 values, not 0"},
    {"Query(`a`, `b`, `c`)", 7, "takes 1 or 2 values, not 3"},
    {"Query(`a`, ``)", 12, "no empty value"},
    {"Method()", 8, "takes 1 value"},
    {"Method(`GET`, `POST`)", 8, "takes 1 value, not 2"},
    {"ClientIP(`10.0.0.1`, `10.0.0.2`)", 10, "takes 1 value, not 2"},
    /* values */
    {"Path(`a`)", 1, "should begin with /"},
    {"PathPrefix(`a`)", 1, "should begin with /"},
    {"Host(`a`) && PathPrefix(`a`)", 14, "should begin with /"},
    {"Host(`*`)", 0, NULL},
    {"Host(`*.a.b`)", 0, NULL},
    {"Host(`a.*.b`)", 1, "not a host name"},
    {"Host(`*a.b`)", 1, "not a host name"},
    {"Host(`*.*.b`)", 1, "not a host name"},
    {"Host(`*.`)", 1, "not a host name"},
    {"Host(`/`)", 1, "not a host name"},
    {"Host(`a b`)", 1, "not a host name"},
    {"Host(`\xc3\xa9.com`)", 1, "Punycode"},
    {"HostRegexp(`\xc3\xa9.com`)", 1, "ASCII"},
    {"Host(`a_b-c.d.`)", 0, NULL},
    {"Host(`[::1]`)", 0, NULL},
    {"HostRegexp(`(a`)", 1, "the regular expression is wrong: missing )"},
    {"PathRegexp(`/(?=a)`)", 1, "lookahead"},
    {"HeaderRegexp(`a`, `*`)", 1, "nothing to repeat"},
    {"QueryRegexp(`a`, `[`)", 1, "missing ]"},
    {"ClientIP(`1`)", 1, "neither an IP address nor a range"},
    {"ClientIP(`10.0.0.256`)", 1, "neither"},
    {"ClientIP(`10.0.0.0/33`)", 1, "neither"},
    {"ClientIP(`10.0.0.0/`)", 1, "neither"},
    {"ClientIP(`10.0.0.0/-1`)", 1, "neither"},
    {"ClientIP(`10.0.0.0/8/8`)", 1, "neither"},
    {"ClientIP(`::/128`)", 0, NULL},
    {"ClientIP(`::/129`)", 1, "neither"},
    {"ClientIP(`fe80::1%eth0`)", 1, "neither"},
    {"ClientIP(`example.com`)", 1, "neither"},
};

static const struct row tcp_rows[] = {
    {"HostSNI(`a`)", 0, NULL},
    {"hostsni(`a`)", 0, NULL},
    {"HOSTSNI(`*`)", 0, NULL},
    {"Hostsni(`*.a`)", 0, NULL},
    {"HostSni(`a`)", 1, "unknown matcher"},
    {"HostSNIRegexp(`a`)", 0, NULL},
    {"Hostsniregexp(`a`)", 0, NULL},
    {"ClientIP(`10.0.0.1`) && ALPN(`h2`)", 0, NULL},
    {"Alpn(`mqtt`)", 0, NULL},
    {"alpn(`mqtt`)", 0, NULL},
    {"ALPN(`acme-tls/1`)", 1, "acme-tls/1"},
    {"ALPN(`h2`, `h3`)", 6, "takes 1 value, not 2"},
    {"HostSNI()", 9, "takes 1 value, not 0"},
    {"HostSNI(`a b`)", 1, "not a host name"},
    {"Host(`a`)", 1, "there are HostSNI, HostSNIRegexp, ClientIP, ALPN"},
    {"PathPrefix(`/`)", 1, "unknown matcher"},
};

static void check(const struct row *row, enum rule_side side)
{
    struct rule *rule = NULL;
    struct err_text why = {0};
    char column[32];
    enum err error = rule_parse(span_cstr(row->text), side, &rule, &why);
    snprintf(column, sizeof(column), "column %zu: ", row->column);
    bool right = row->column == 0
                     ? error == ERR_OK && rule != NULL
                     : error == ERR_SYNTAX && rule == NULL && strstr(why.text, row->says) != NULL &&
                           strncmp(why.text, column, strlen(column)) == 0;
    if (!right)
        fail_msg("%s: ERR_%s %s", row->text, err_name(error), why.text);
    rule_destroy(rule);
}

static void http_rules_follow_the_grammar(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(http_rows); i++)
        check(&http_rows[i], RULE_HTTP);
}

static void tcp_rules_follow_the_grammar(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tcp_rows); i++)
        check(&tcp_rows[i], RULE_TCP);
}

/* Every prefix of a rule parses or says why not, and reads nothing behind it. */
static void a_cut_rule_is_no_harm(void **state)
{
    (void)state;
    const char *text = "!(Host(`a`) || Header(\"x\\x41\", `b`)) && PathRegexp(`^/[a-z]{1,3}\\d$`)";
    for (size_t len = 0; len < strlen(text); len++) {
        char *copy = malloc(len ? len : 1);
        struct rule *rule = NULL;
        struct err_text why = {0};
        assert_non_null(copy);
        memcpy(copy, text, len);
        enum err error = rule_parse(span_make(copy, len), RULE_HTTP, &rule, &why);
        assert_true(error == ERR_OK || why.text[0] != '\0');
        rule_destroy(rule);
        free(copy);
    }
}

/* "((…(Host(`a`))…))" or "!!…!Host(`a`)". */
static enum err parse_nested(const char *open, const char *close, size_t depth)
{
    char text[1024];
    struct rule *rule = NULL;
    size_t len = 0;
    for (size_t i = 0; i < depth; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", open);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "Host(`a`)");
    for (size_t i = 0; i < depth; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", close);
    enum err error = rule_parse(span_make(text, len), RULE_HTTP, &rule, NULL);
    rule_destroy(rule);
    return error;
}

static void nesting_is_bounded_and_chains_are_not(void **state)
{
    (void)state;
    assert_err(parse_nested("(", ")", LIMIT_RULE_DEPTH), ERR_OK);
    assert_err(parse_nested("(", ")", LIMIT_RULE_DEPTH + 1), ERR_SYNTAX);
    assert_err(parse_nested("!", "", LIMIT_RULE_DEPTH), ERR_OK);
    assert_err(parse_nested("!", "", LIMIT_RULE_DEPTH + 1), ERR_SYNTAX);
    char *text = malloc(LIMIT_RULE_BYTES + 1);
    struct rule *rule = NULL;
    size_t len = 0;
    assert_non_null(text);
    while (len + 13 <= LIMIT_RULE_BYTES) {
        memcpy(text + len, len ? " || Path(`/`)" : "     Path(`/`)", 13 + (len == 0));
        len += 13 + (len == 0);
    }
    assert_err(rule_parse(span_make(text, len), RULE_HTTP, &rule, NULL), ERR_OK);
    rule_destroy(rule);
    memset(text, ' ', LIMIT_RULE_BYTES + 1);
    assert_err(rule_parse(span_make(text, LIMIT_RULE_BYTES + 1), RULE_HTTP, &rule, NULL),
               ERR_LIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_rules_follow_the_grammar),
        cmocka_unit_test(tcp_rules_follow_the_grammar),
        cmocka_unit_test(a_cut_rule_is_no_harm),
        cmocka_unit_test(nesting_is_bounded_and_chains_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
