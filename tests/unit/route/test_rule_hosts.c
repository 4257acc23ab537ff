/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which hosts a rule is bound to, and which it names.
 */
#include "route_help.h"

/* names: "a,b" sorted, or NULL when any host may match. */
static void expect(const char *text, const char *names, const char *named, bool host_only)
{
    struct rule *rule = parse_rule(text, RULE_HTTP);
    struct rule_hosts hosts;
    const struct span *list;
    size_t count, len = 0;
    char all[256] = "", mentioned[256] = "";
    rule_hosts(rule, &hosts);
    for (size_t i = 0; i < hosts.count; i++)
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%.*s", i ? "," : "",
                                SPAN_ARG(hosts.names[i]));
    rule_named_hosts(rule, &list, &count);
    len = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(mentioned + len, sizeof(mentioned) - len, "%s%.*s", i ? "," : "",
                                SPAN_ARG(list[i]));
    if (hosts.catch_all != (names == NULL) || hosts.all == hosts.catch_all ||
        strcmp(all, names ? names : "") != 0 || strcmp(mentioned, named) != 0 ||
        rule_is_host_only(rule) != host_only)
        fail_msg("%s: bound to \"%s\"%s, names \"%s\", host only %d", text, all,
                 hosts.catch_all ? " or any" : "", mentioned, rule_is_host_only(rule));
    rule_destroy(rule);
}

static void rules_are_bound_to_hosts(void **state)
{
    (void)state;
    expect("Host(`A`)", "a", "a", true);
    expect("(Host(`a`))", "a", "a", true);
    expect("Host(`*.a`)", "*.a", "*.a", true);
    expect("Host(`*`)", NULL, "*", true);
    expect("HostRegexp(`a`)", NULL, "", false);
    expect("Path(`/`)", NULL, "", false);
    expect("Host(`b`) || Host(`a`) || Host(`b`)", "a,b", "b,a,b", false);
    expect("Host(`a`) && Path(`/`)", "a", "a", false);
    expect("Path(`/`) && Host(`a`)", "a", "a", false);
    expect("(Host(`a`) || Host(`b`)) && PathPrefix(`/`)", "a,b", "a,b", false);
    expect("Host(`a`) && Path(`/x`) || Host(`b`) && Path(`/y`)", "a,b", "a,b", false);
    expect("Host(`a`) || Path(`/`)", NULL, "a", false);
    expect("Host(`a`) || HostRegexp(`b`)", NULL, "a", false);
    expect("(Host(`a`) || Host(`b`)) && Host(`c`)", "c", "a,b,c", false);
    expect("Host(`a`) || Host(`*`)", NULL, "a,*", false);
    expect("Host(`a`) && Host(`*`)", "a", "a,*", false);
    expect("!Host(`a`)", NULL, "", false);
    expect("!!Host(`a`)", NULL, "a", false);
    expect("!(Host(`a`) && !Host(`b`))", NULL, "b", false);
    expect("Host(`a`) && !Host(`b`)", "a", "a", false);
    expect("!Host(`a`) && Host(`b`) && !Path(`/`)", "b", "b", false);
}

static void a_server_name_needs_tls(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool needs;
    } rows[] = {
        {"HostSNI(`*`)", false},     {"HostSNI(`a`)", true},
        {"HostSNI(`*.a`)", true},    {"ClientIP(`::1`)", false},
        {"ALPN(`h2`) || !HostSNI(`a`)", true}, {"HostSNIRegexp(`a`)", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rule *rule = parse_rule(rows[i].text, RULE_TCP);
        assert_int_equal(rule_needs_server_name(rule), rows[i].needs);
        rule_destroy(rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_bound_to_hosts),
        cmocka_unit_test(a_server_name_needs_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
