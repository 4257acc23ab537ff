/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conventions of decoding (TRAEFIK-CONFIG.md §1) through the real tables,
 * and the exact texts of what goes wrong.
 */
#include "fixture.h"

#define WEB "entryPoints: {web: {address: ':80'}}\n"

static void assert_static(const char *text, const char *want_findings)
{
    struct loaded loaded = load_texts("yml", text, NULL);
    assert_findings(&loaded, want_findings);
    loaded_finish(&loaded);
}

static void assert_dynamic(const char *text, const char *want_findings)
{
    struct loaded loaded = load_texts("yml", WEB, text);
    assert_findings(&loaded, want_findings);
    loaded_finish(&loaded);
}

static void assert_dump(const char *static_text, const char *prefix, const char *want)
{
    struct loaded loaded = load_texts("yml", static_text, NULL);
    assert_findings(&loaded, "");
    char *got = dumped_part(&loaded, prefix);
    assert_string_equal(got, want);
    free(got);
    loaded_finish(&loaded);
}

static void keys_match_but_for_case(void **state)
{
    (void)state;
    assert_dump("ENTRYPOINTS: {Web: {ADDRESS: ':80'}}", "entryPoints.Web.address",
                "entryPoints.Web.address = \":80\"\n");
    assert_static(WEB "log: {level: INFO, LEVEL: WARN}\n",
                  "s.yml:2:20: warning: log.level: stands on line 2 already; the last one "
                  "counts\n");
}

static void unknown_root_keys_are_ignored(void **state)
{
    (void)state;
    assert_static(WEB "http: {routers: {x: {nonsense: 1}}}\nfoo: [1, 2]\n", "");
    assert_dynamic("entryPoints: {x: {nonsense: 1}}\nfoo: bar\n", "");
}

static void unknown_nested_keys_are_errors_with_a_hint(void **state)
{
    (void)state;
    assert_static("entryPoints:\n  web:\n    adress: ':80'\n",
                  "s.yml:3:5: error: entryPoints.web.adress: field not found, node: adress; did "
                  "you mean \"address\"?\n"
                  "s.yml:2:3: error: entryPoints.web: has no address; write for example address: "
                  "\":443\"\n");
    assert_static(WEB "log: {zzz: 1}\n",
                  "s.yml:2:7: error: log.zzz: field not found, node: zzz\n");
    assert_dynamic("http:\n  routers:\n    r:\n      ruel: x\n",
                   "d.yml:4:7: error: http.routers.r.ruel: field not found, node: ruel; did you "
                   "mean \"rule\"?\n");
    assert_dynamic("tcp: {services: {s: {loadBalancer: {servers: [{adress: 'a:1'}]}}}}\n",
                   "d.yml:1:48: error: tcp.services.s.loadBalancer.servers[0].adress: field not "
                   "found, node: adress; did you mean \"address\"?\n");
}

static void null_is_skipped(void **state)
{
    (void)state;
    assert_static(WEB "api: null\nlog: ~\nproviders:\n  file:\nping:\n", "");
    struct loaded loaded = load_texts("yml", WEB "api:\nlog: {level: }\n", NULL);
    assert_false(loaded.model->has_api);
    assert_span(loaded.model->log.level, "ERROR");
    loaded_finish(&loaded);
}

static void empty_sections_stand_only_where_they_may(void **state)
{
    (void)state;
    assert_static(WEB "api: {}\nping: {}\nlog: {}\naccessLog: {}\n", "");
    assert_static(WEB "providers: {}\n",
                  "s.yml:2:12: error: providers: is empty: remove it, or set at least one of its "
                  "keys\n");
    assert_static("entryPoints: {}\n", "s.yml:1:14: error: entryPoints: must be a map of names, "
                                       "not an empty one\n");
    assert_dynamic("http: {}\n",
                   "d.yml:1:7: error: http: is empty: remove it, or set at least one of its "
                   "keys\n");
    assert_dynamic("http: {routers: {r: {rule: R, service: s@internal, observability: {}}}}\n",
                   "d.yml:1:67: error: http.routers.r.observability: is empty: remove it, or set "
                   "at least one of its keys\n");
}

static void true_and_false_switch_sections(void **state)
{
    (void)state;
    struct loaded loaded =
        load_texts("yml", WEB "api: true\nping: 'true'\naccessLog: false\n", NULL);
    assert_findings(&loaded, "");
    assert_true(loaded.model->has_api);
    assert_true(loaded.model->has_ping);
    assert_false(loaded.model->access_log.enabled);
    loaded_finish(&loaded);
    assert_static(WEB "providers: true\n",
                  "s.yml:2:12: error: providers: must be a map of keys, not a single value\n");
    assert_static(WEB "api: yes\n",
                  "s.yml:2:6: error: api: must be a map of keys, true or false, not \"yes\"\n");
    assert_dynamic("http: {routers: {r: {rule: R, service: noop@internal, tls: on}}}\n",
                   "d.yml:1:60: error: http.routers.r.tls: must be a map of keys, true or false, "
                   "not \"on\"\n");
    assert_dynamic("http: {routers: {r: {rule: R, service: noop@internal, tls: False}}}\n", "");
    assert_static(WEB "api: [1]\n",
                  "s.yml:2:6: error: api: must be a map of keys, not a list\n");
}

static void no_other_word_switches_a_section(void **state)
{
    (void)state;
    assert_static(WEB "api: on\n", "s.yml:2:6: error: api: must be a map of keys, true or false, "
                                   "not \"on\"\n");
    assert_dynamic("http: {routers: {r: {rule: R, service: s@internal, tls: yes}}}\n",
                   "d.yml:1:57: error: http.routers.r.tls: must be a map of keys, true or false, "
                   "not \"yes\"\n");
}

static void a_sections_defaults_apply(void **state)
{
    (void)state;
    assert_dump(WEB "ping: {manualRouting: true}\n", "ping",
                "ping = present\nping.entryPoint = \"traefik\"\nping.manualRouting = true\n"
                "ping.terminatingStatusCode = 503\n");
    assert_dump(WEB, "entryPoints.web.transport",
                "entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout = 0s\n"
                "entryPoints.web.transport.lifeCycle.graceTimeOut = 10s\n"
                "entryPoints.web.transport.respondingTimeouts.readTimeout = 1m\n"
                "entryPoints.web.transport.respondingTimeouts.writeTimeout = 0s\n"
                "entryPoints.web.transport.respondingTimeouts.idleTimeout = 3m\n"
                "entryPoints.web.transport.keepAliveMaxTime = 0s\n"
                "entryPoints.web.transport.keepAliveMaxRequests = 0\n");
    assert_dump(WEB "weir: {workers: 3}\n", "weir.limits",
                "weir.limits.connections = 0\nweir.limits.connectionsPerAddress = 0\n"
                "weir.limits.addressPrefix6 = 64\nweir.limits.clientHelloBytes = 16384\n"
                "weir.limits.clientHelloTimeout = 5s\nweir.limits.handshakeTimeout = 10s\n"
                "weir.limits.keyUpdatesPerSecond = 10\n"
                "weir.limits.headerTimeout = 0s\nweir.limits.bodyTimeout = 1m\n"
                "weir.limits.bodyBytesPerSecond = 0\nweir.limits.sendTimeout = 1m\n"
                "weir.limits.sendBytesPerSecond = 0\n"
                "weir.limits.headerCount = 100\nweir.limits.http2HeaderBytes = 65536\n"
                "weir.limits.http2Continuations = 64\nweir.limits.http2ResetsPerSecond = 100\n"
                "weir.limits.http2SettingsPerSecond = 20\n"
                "weir.limits.http2PingsPerSecond = 1000\n"
                "weir.limits.http2EmptyDataPerSecond = 100\n"
                "weir.limits.http2ControlFrames = 1000\n"
                "weir.limits.requestBodyBytes = 0\n"
                "weir.limits.sendBufferBytes = 65536\n");
}

static void durations_are_seconds_or_go_syntax(void **state)
{
    (void)state;
    assert_dump(WEB "providers: {providersThrottleDuration: 5}\n",
                "providers.providersThrottleDuration",
                "providers.providersThrottleDuration = 5s\n");
    assert_dump(WEB "providers: {providersThrottleDuration: '1h30m'}\n",
                "providers.providersThrottleDuration",
                "providers.providersThrottleDuration = 1h30m\n");
    assert_static(WEB "providers: {providersThrottleDuration: soon}\n",
                  "s.yml:2:40: error: providers.providersThrottleDuration: \"soon\" is no "
                  "duration; write for example 30, 30s, 1m30s or 250ms (a bare number is "
                  "seconds)\n");
    assert_static(WEB "providers: {providersThrottleDuration: 99999999999}\n",
                  "s.yml:2:40: error: providers.providersThrottleDuration: \"99999999999\" is too "
                  "big\n");
    assert_static(WEB "providers: {providersThrottleDuration: -1s}\n",
                  "s.yml:2:40: error: providers.providersThrottleDuration: must be at least 0s\n");
}

static void lists_may_be_strings_with_commas(void **state)
{
    (void)state;
    static const char want[] =
        "entryPoints.web.forwardedHeaders.trustedIPs = "
        "[00000000000000000000ffff0a000000/104, 00000000000000000000ffffc0a80001/128]\n";
    assert_dump("entryPoints: {web: {address: ':80', forwardedHeaders: {trustedIPs: "
                "'10.0.0.0/8, 192.168.0.1'}}}", "entryPoints.web.forwardedHeaders.trustedIPs",
                want);
    assert_dump("entryPoints: {web: {address: ':80', forwardedHeaders: {trustedIPs: "
                "[10.0.0.0/8, 192.168.0.1]}}}", "entryPoints.web.forwardedHeaders.trustedIPs",
                want);
    assert_dump("entryPoints: {web: {address: ':80', http: {middlewares: "
                "[a, 5, true, ~, 'b, c']}}}", "entryPoints.web.http.middlewares",
                "entryPoints.web.http.middlewares = [\"a\", \"5\", \"true\", "
                "\"b, c\"]\n");
    assert_static("entryPoints: {web: {address: ':80', http: {middlewares: {a: b}}}}",
                  "s.yml:1:57: error: entryPoints.web.http.middlewares: must be of type list "
                  "of strings, not a map\n");
    assert_static("entryPoints: {web: {address: ':80', http: {middlewares: [[a]]}}}",
                  "s.yml:1:58: error: entryPoints.web.http.middlewares: must be a single value, "
                  "not a list\n");
    assert_static("entryPoints: {web: {address: ':80', forwardedHeaders: {trustedIPs: [x]}}}",
                  "s.yml:1:69: error: entryPoints.web.forwardedHeaders.trustedIPs: \"x\" is no "
                  "address or range; write for example 10.0.0.0/8 or 2001:db8::1\n");
}

static void booleans_may_be_strings(void **state)
{
    (void)state;
    assert_dump("entryPoints: {web: {address: ':80', asDefault: 'true'}}",
                "entryPoints.web.asDefault", "entryPoints.web.asDefault = true\n");
    assert_dump("entryPoints: {web: {address: ':80', asDefault: 1}}",
                "entryPoints.web.asDefault", "entryPoints.web.asDefault = true\n");
    assert_static("entryPoints: {web: {address: ':80', asDefault: yes}}",
                  "s.yml:1:48: error: entryPoints.web.asDefault: \"yes\" is no boolean; write "
                  "true or false\n");
}

static void numbers_are_whole_and_in_range(void **state)
{
    (void)state;
    assert_static(WEB "weir: {workers: 1.5}\n",
                  "s.yml:2:17: error: weir.workers: \"1.5\" is no whole number\n");
    assert_static(WEB "weir: {workers: many}\n",
                  "s.yml:2:17: error: weir.workers: \"many\" is no whole number\n");
    assert_static(WEB "weir: {workers: 1000}\n",
                  "s.yml:2:17: error: weir.workers: must be from 0 to 256\n");
    assert_static(WEB "weir: {ring: {entries: 1000}}\n",
                  "s.yml:2:24: error: weir.ring.entries: must be a power of two, for example "
                  "4096\n");
    assert_static(WEB "weir: {limits: {handshakeTimeout: 2h}}\n",
                  "s.yml:2:35: error: weir.limits.handshakeTimeout: must be from 1ms to 10m\n");
    assert_static(WEB "ping: {terminatingStatusCode: [1]}\n",
                  "s.yml:2:31: error: ping.terminatingStatusCode: must be of type integer, not a "
                  "list\n");
}

static void choices_are_named_when_they_are_missed(void **state)
{
    (void)state;
    assert_dump(WEB "log: {level: debug}\n", "log.level", "log.level = \"DEBUG\"\n");
    assert_static(WEB "log: {level: WARNING}\n",
                  "s.yml:2:14: error: log.level: unknown value \"WARNING\"; did you mean "
                  "\"WARN\"? The choices are: TRACE, DEBUG, INFO, WARN, ERROR, FATAL, PANIC\n");
    assert_static(WEB "accessLog: {format: JSON}\n",
                  "s.yml:2:21: error: accessLog.format: unknown value \"JSON\"; did you mean "
                  "\"json\"? The choices are: common, json, genericCLF\n");
}

static void maps_of_strings_keep_their_names(void **state)
{
    (void)state;
    assert_dump(WEB "accessLog: {fields: {names: {ClientHost: drop, StartUTC: keep}}}\n",
                "accessLog.fields.names",
                "accessLog.fields.names = [\"ClientHost\": \"drop\", \"StartUTC\": \"keep\"]\n");
    assert_static(WEB "accessLog: {fields: {names: {ClientHost: hide}}}\n",
                  "s.yml:2:42: error: accessLog.fields.names: ClientHost: unknown mode \"hide\"; "
                  "write keep or drop\n");
    assert_static(WEB "accessLog: {fields: {names: {a: [b]}}}\n",
                  "s.yml:2:33: error: accessLog.fields.names: a: must be a single value, not a "
                  "list\n");
    assert_static(WEB "accessLog: {fields: {names: {}}}\n",
                  "s.yml:2:29: error: accessLog.fields.names: must be of type map of strings, "
                  "not an empty one\n");
}

static void wrong_kinds_are_named(void **state)
{
    (void)state;
    assert_static("- a\n- b\n",
                  "s.yml:1:1: error: the file must hold a map of keys, not a list\n");
    assert_static("hello\n",
                  "s.yml:1:1: error: the file must hold a map of keys, not a single value\n");
    assert_static("entryPoints: [web]\n",
                  "s.yml:1:14: error: entryPoints: must be a map of names, not a list\n");
    assert_static("entryPoints: {web: ':80'}\n",
                  "s.yml:1:20: error: entryPoints.web: must be a map of keys, not a single "
                  "value\n"
                  "s.yml:1:15: error: entryPoints.web: has no address; write for example address: "
                  "\":443\"\n");
    assert_dynamic("http: {services: {s: {loadBalancer: {servers: {url: x}}}}}\n",
                   "d.yml:1:47: error: http.services.s.loadBalancer.servers: must be a list, not "
                   "a map\n");
    assert_dynamic("http: {services: {s: {loadBalancer: {servers: [x]}}}}\n",
                   "d.yml:1:48: error: http.services.s.loadBalancer.servers[0]: must be a map of "
                   "keys, not a single value\n");
}

static void deprecated_keys_are_warned_of(void **state)
{
    (void)state;
    assert_dynamic("tls: {options: {default: {preferServerCipherSuites: true}}}\n",
                   "d.yml:1:27: warning: tls.options.default.preferServerCipherSuites: is "
                   "deprecated\n");
}

static void what_is_not_built_is_one_warning(void **state)
{
    (void)state;
    assert_static(WEB "tracing:\n  otlp:\n    http: {}\n  addInternals: true\n",
                  "s.yml:2:1: warning: tracing: is not supported yet and has no effect\n");
    assert_static(WEB "providers:\n  docker:\n    exposedByDefault: false\n",
                  "s.yml:3:3: warning: providers.docker: is not supported yet and has no "
                  "effect\n");
    assert_static(WEB "tracing: false\nocsp: false\n", "");
    assert_static(WEB "log: {maxSize: 0}\n", "");
    assert_static(WEB "metrics: {otlp: {explicitBoundaries: [x]}}\n",
                  "s.yml:2:11: warning: metrics.otlp: is not supported yet and has no effect\n"
                  "s.yml:2:39: error: metrics.otlp.explicitBoundaries: \"x\" is no number\n");
}

static void buckets_are_positive_numbers_that_ascend(void **state)
{
    (void)state;
    assert_static(WEB "metrics: {prometheus: {buckets: [0.1, 1], manualRouting: true}}\n", "");
    assert_static(WEB "metrics: {prometheus: {buckets: '0.1, 1', manualRouting: true}}\n", "");
    assert_static(WEB "metrics: {prometheus: {buckets: [x], manualRouting: true}}\n",
                  "s.yml:2:34: error: metrics.prometheus.buckets: \"x\" is no number\n");
    assert_static(WEB "metrics: {prometheus: {buckets: [1, 0.5], manualRouting: true}}\n",
                  "s.yml:2:37: error: metrics.prometheus.buckets: the bounds must be above 0 "
                  "seconds and ascend\n");
    assert_static(WEB "metrics: {prometheus: {entryPoint: absent}}\n",
                  "s.yml:2:10: error: metrics.prometheus.entryPoint: there is no entry point "
                  "\"absent\"\n");
}

static void the_reports_are_bounded(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    fputs("log:\n", out);
    for (int i = 0; i < 300; i++)
        fprintf(out, "  zz%d: 1\n", i);
    fclose(out);
    struct loaded loaded = load_texts("yml", text, NULL);
    assert_int_equal(loaded.diagnostics.count, DIAGNOSTICS_MAX);
    assert_int_equal(loaded.diagnostics.errors, 300);
    char *got = findings(&loaded);
    assert_non_null(strstr(got, "and 100 more\n"));
    free(got);
    loaded_finish(&loaded);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_match_but_for_case),
        cmocka_unit_test(unknown_root_keys_are_ignored),
        cmocka_unit_test(unknown_nested_keys_are_errors_with_a_hint),
        cmocka_unit_test(null_is_skipped),
        cmocka_unit_test(empty_sections_stand_only_where_they_may),
        cmocka_unit_test(true_and_false_switch_sections),
        cmocka_unit_test(no_other_word_switches_a_section),
        cmocka_unit_test(a_sections_defaults_apply),
        cmocka_unit_test(durations_are_seconds_or_go_syntax),
        cmocka_unit_test(lists_may_be_strings_with_commas),
        cmocka_unit_test(booleans_may_be_strings),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(choices_are_named_when_they_are_missed),
        cmocka_unit_test(maps_of_strings_keep_their_names),
        cmocka_unit_test(wrong_kinds_are_named),
        cmocka_unit_test(deprecated_keys_are_warned_of),
        cmocka_unit_test(what_is_not_built_is_one_warning),
        cmocka_unit_test(buckets_are_positive_numbers_that_ascend),
        cmocka_unit_test(the_reports_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
