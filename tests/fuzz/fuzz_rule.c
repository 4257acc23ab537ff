/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_route weir_http weir_base */
/*
 * A rule; the first byte chooses HTTP, TCP or a regular expression alone. What
 * parses is asked about some requests, and the hosts it claims to be bound to
 * must hold: it may not match a host that it does not name. What does not parse
 * says why and where. A regular expression has the same answer from both ways
 * of matching.
 */
#include "core/route/regex.h"
#include "core/route/rule.h"

#include <assert.h>
#include <stdlib.h>

static const struct span hosts[] = {
    {"", 0},           {"a", 1},         {"example.com", 11}, {"www.example.com", 15},
    {"b.example", 9},  {"a.b.c", 5},     {"x.b.c", 5},        {"::1", 3},
};

/* Whether the rule's names hold the host, as itself or as a wildcard. */
static bool names_host(const struct rule_hosts *names, struct span host)
{
    for (size_t i = 0; i < names->count; i++) {
        struct span name = names->names[i];
        ptrdiff_t dot = span_find(host, '.', 0);
        if (span_equal(name, host))
            return true;
        if (span_starts_with(name, SPAN("*.")) && dot > 0 &&
            span_equal(span_skip(name, 1), span_skip(host, (size_t)dot)))
            return true;
    }
    return false;
}

static void ask(const struct rule *rule, struct rule_facts *facts)
{
    struct rule_hosts names;
    rule_hosts(rule, &names);
    assert(names.all == !names.catch_all);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        facts->host = hosts[i];
        if (rule_ask(rule, facts) == RULE_YES)
            assert(names.catch_all || names_host(&names, hosts[i]));
    }
}

static void ask_http(const struct rule *rule)
{
    struct arena arena;
    struct http_request request = {.method_text = SPAN("GET"), .query = SPAN("a=b&c=%41+d")};
    arena_init(&arena, 1024, 1 << 16);
    http_fields_init(&request.fields, &arena);
    enum err error = http_fields_add(&request.fields, SPAN("X-A"), SPAN("value"));
    assert(error == ERR_OK);
    struct rule_facts facts = {.request = &request, .path = SPAN("/api/\xc3\xa9t\xff/x")};
    ask(rule, &facts);
    arena_finish(&arena);
}

static void ask_tcp(const struct rule *rule)
{
    static const char alpn[2][32] = {"h2", "http/1.1"};
    struct rule_facts facts = {.alpn = alpn, .alpn_count = 2};
    facts.client_ip[10] = facts.client_ip[11] = 0xff;
    facts.client_ip[12] = 10;
    ask(rule, &facts);
}

static void ask_regex(struct span pattern)
{
    static const struct span subjects[] = {
        {"", 0}, {"a", 1}, {"abc\n", 4}, {"\xc3\xa9x\xff", 4}, {"/api/v1/aaaa_b-0 9", 18},
        {"\n\nab\r\nAB\v", 10}, {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy", 43},
    };
    struct regex *regex;
    struct err_text why = {0};
    enum err error = regex_compile(pattern, &regex, &why);
    assert(error == ERR_OK || why.text[0] != '\0');
    for (size_t i = 0; error == ERR_OK && i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        enum regex_result one = regex_match(regex, subjects[i]);
        enum regex_result other = regex_match_linear(regex, subjects[i]);
        assert(one == other || other == REGEX_FAILED);
    }
    if (error == ERR_OK)
        regex_destroy(regex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rule *rule;
    struct err_text why = {0};
    if (size == 0)
        return 0;
    if (data[0] % 3 == 2) {
        ask_regex(span_make(data + 1, size - 1));
        return 0;
    }
    enum rule_side side = data[0] % 3 == 0 ? RULE_HTTP : RULE_TCP;
    enum err error = rule_parse(span_make(data + 1, size - 1), side, &rule, &why);
    if (error != ERR_OK) {
        assert(error == ERR_LIMIT || strncmp(why.text, "column ", 7) == 0);
        return 0;
    }
    if (side == RULE_HTTP)
        ask_http(rule);
    else
        ask_tcp(rule);
    rule_destroy(rule);
    return 0;
}
