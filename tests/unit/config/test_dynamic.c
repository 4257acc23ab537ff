/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dynamic model: defaults of entry points, internal objects, references,
 * and that whatever cannot be served as written is not served at all.
 */
#include "fixture.h"

#define POINTS                                                                               \
    "entryPoints:\n"                                                                         \
    "  web: {address: ':80'}\n"                                                              \
    "  websecure: {address: ':443'}\n"                                                       \
    "  traefik: {address: ':8080'}\n"
#define SERVICE "  services: {s: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}}\n"
#define ROUTER(keys) "http:\n  routers: {r: {rule: 'Host(`a`)', service: s" keys "}}\n" SERVICE

static struct loaded load(const char *static_text, const char *dynamic_text)
{
    struct loaded loaded = load_texts("yml", static_text, dynamic_text);
    if (loaded.error != ERR_OK) {
        char *text = findings(&loaded);
        fail_msg("%s", text);
    }
    return loaded;
}

static void assert_points(const struct model_router *router, const char *want)
{
    char got[256] = "";
    for (size_t i = 0; i < router->entry_points.count; i++)
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.*s", i ? " " : "",
                 SPAN_ARG(router->entry_points.items[i]));
    assert_string_equal(got, want);
}

static void assert_middlewares(const struct model_router *router, const char *want)
{
    char got[256] = "";
    for (size_t i = 0; i < router->middlewares.count; i++)
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.*s", i ? " " : "",
                 SPAN_ARG(router->middlewares.items[i]));
    assert_string_equal(got, want);
}

/* The router r of this text has this problem. */
static void assert_problem(const char *dynamic_text, const char *want)
{
    struct loaded loaded = load(POINTS, dynamic_text);
    const struct model_router *router =
        router_named(&loaded, "r@file");
    assert_span(router->object.problem, want);
    loaded_finish(&loaded);
}

/* ---- entry points ---- */

static void routers_without_entry_points_get_all_but_traefik(void **state)
{
    (void)state;
    struct loaded loaded = load(POINTS, ROUTER(""));
    assert_points(router_named(&loaded, "r@file"), "web websecure");
    loaded_finish(&loaded);
    loaded = load(POINTS "  udp: {address: ':53/udp'}\n", ROUTER(""));
    assert_points(router_named(&loaded, "r@file"), "web websecure");
    loaded_finish(&loaded);
}

static void routers_without_entry_points_get_the_default_ones(void **state)
{
    (void)state;
    struct loaded loaded =
        load(POINTS "  x: {address: ':1', asDefault: true}\n"
                    "  y: {address: ':2', asDefault: true}\n",
             ROUTER("") "tcp:\n  routers: {t: {rule: HostSNI(`*`), service: t}}\n"
                        "  services: {t: {loadBalancer: {servers: [{address: 'a:1'}]}}}\n");
    assert_points(router_named(&loaded, "r@file"), "x y");
    assert_points(router_named(&loaded, "t@file"), "x y");
    loaded_finish(&loaded);
}

static void an_entry_points_defaults_apply_to_its_routers(void **state)
{
    (void)state;
    struct loaded loaded = load(
        "entryPoints:\n  web: {address: ':80'}\n  secure: {address: ':443', http: {tls: {options: "
        "o@file, domains: [{main: a, sans: [b]}]}, middlewares: [m@file, n]}, observability: "
        "{accessLogs: false}}\n",
        "http:\n"
        "  routers:\n"
        "    both: {rule: R, service: s, middlewares: [x]}\n"
        "    one: {rule: R, service: s, entryPoints: secure}\n"
        "    own: {rule: R, service: s, entryPoints: secure, tls: {options: p}, observability: "
        "{accessLogs: true}}\n" SERVICE
        "  middlewares: {m: {redirectScheme: {scheme: https}}, n: {redirectScheme: {scheme: "
        "https}}, x: {redirectScheme: {scheme: https}}}\n"
        "tls: {options: {o: {sniStrict: true}, p: {sniStrict: true}}}\n");
    assert_findings(&loaded, "");
    const struct model_router *plain = router_named(&loaded, "both@file");
    assert_points(plain, "web");
    assert_middlewares(plain, "x@file");
    assert_false(plain->has_tls);
    assert_true(plain->access_logs);
    const struct model_router *split = router_named(&loaded, "secure-both@file");
    assert_points(split, "secure");
    assert_middlewares(split, "m@file n@file x@file");
    assert_true(split->has_tls);
    assert_span(split->tls.options, "o@file");
    assert_span(split->tls.domains[0].sans.items[0], "b");
    assert_false(split->access_logs);
    assert_true(split->metrics);
    /* One entry point only: the name stays. */
    assert_points(router_named(&loaded, "one@file"), "secure");
    assert_middlewares(router_named(&loaded, "one@file"), "m@file n@file");
    /* What the router says itself counts. */
    assert_span(router_named(&loaded, "own@file")->tls.options, "p@file");
    assert_true(router_named(&loaded, "own@file")->access_logs);
    loaded_finish(&loaded);
}

static void redirections_become_internal_routers(void **state)
{
    (void)state;
    struct loaded loaded = load(
        "entryPoints:\n"
        "  web: {address: ':80', http: {redirections: {entryPoint: {to: websecure}}}}\n"
        "  my_old.one: {address: ':81', http: {redirections: {entryPoint: {to: ':8443', scheme: "
        "http, permanent: false, priority: 7}}}}\n"
        "  websecure: {address: ':443'}\n",
        NULL);
    loaded_finish(&loaded);
    loaded = load(
        "entryPoints:\n"
        "  web: {address: ':80', http: {redirections: {entryPoint: {to: websecure}}}}\n"
        "  my_old.one: {address: ':81', http: {redirections: {entryPoint: {to: ':8443', scheme: "
        "http, permanent: false, priority: 7}}}}\n"
        "  websecure: {address: ':443'}\n",
        "");
    const struct model_router *router = router_named(&loaded, "web-to-websecure@internal");
    assert_span(router->rule, "HostRegexp(`^.+$`)");
    assert_span(router->service, "noop@internal");
    assert_true(router->priority == INT64_MAX - 1);
    assert_points(router, "web");
    assert_middlewares(router, "redirect-web-to-websecure@internal");
    assert_span(router->object.problem, "");
    const struct model_middleware *middleware =
        model_http_middleware(loaded.dynamic, SPAN("redirect-web-to-websecure@internal"));
    assert_int_equal(middleware->kind, MIDDLEWARE_REDIRECT_SCHEME);
    assert_span(middleware->redirect_scheme.scheme, "https");
    assert_span(middleware->redirect_scheme.port, "443");
    assert_true(middleware->redirect_scheme.permanent);
    router = router_named(&loaded, "my-old-one-to-8443@internal");
    assert_int_equal(router->priority, 7);
    middleware = model_http_middleware(loaded.dynamic,
                                       SPAN("redirect-my-old-one-to-8443@internal"));
    assert_span(middleware->redirect_scheme.port, "8443");
    assert_span(middleware->redirect_scheme.scheme, "http");
    assert_false(middleware->redirect_scheme.permanent);
    assert_int_equal(model_http_service(loaded.dynamic, SPAN("noop@internal"))->kind,
                     SERVICE_INTERNAL);
    loaded_finish(&loaded);
}

static void api_and_ping_become_internal_routers(void **state)
{
    (void)state;
    struct loaded loaded =
        load(POINTS "api: {insecure: true, basePath: /base/}\nping: {entryPoint: web}\n", "");
    const struct model_router *api = router_named(&loaded, "api@internal");
    assert_span(api->rule, "PathPrefix(`/base/api`)");
    const struct model_router *dashboard = router_named(&loaded, "dashboard@internal");
    assert_span(dashboard->rule, "PathPrefix(`/base`)");
    assert_span(dashboard->service, "dashboard@internal");
    assert_true(dashboard->priority == INT64_MAX - 2);
    assert_points(api, "traefik");
    assert_true(api->priority == INT64_MAX - 1);
    assert_false(api->access_logs);
    const struct model_router *ping = router_named(&loaded, "ping@internal");
    assert_span(ping->rule, "PathPrefix(`/ping`)");
    assert_points(ping, "web");
    assert_true(ping->priority == INT64_MAX);
    loaded_finish(&loaded);
    loaded = load(POINTS "api: {insecure: true, dashboard: false}\n", "");
    assert_int_equal(loaded.dynamic->http_router_count, 1);
    assert_null(model_http_service(loaded.dynamic, SPAN("dashboard@internal")));
    loaded_finish(&loaded);
    loaded = load(POINTS "api: {insecure: true}\n", "");
    assert_span(router_named(&loaded, "dashboard@internal")->rule, "PathPrefix(`/`)");
    loaded_finish(&loaded);
    loaded = load(POINTS "api: {}\nping: {manualRouting: true}\n",
                  "http: {routers: {r: {rule: R, service: api@internal}, p: {rule: R, service: "
                  "ping@internal}}}\n");
    assert_int_equal(loaded.dynamic->http_router_count, 2);
    assert_span(router_named(&loaded, "r@file")->object.problem, "");
    assert_span(router_named(&loaded, "p@file")->object.problem, "");
    loaded_finish(&loaded);
    loaded = load(POINTS, "http: {routers: {r: {rule: R, service: api@internal}}}\n");
    assert_span(router_named(&loaded, "r@file")->object.problem,
                "the service \"api@internal\" does not exist");
    loaded_finish(&loaded);
}

/* ---- objects ---- */

static void there_are_always_default_options_stores_and_transports(void **state)
{
    (void)state;
    struct loaded loaded = load("serversTransport: {insecureSkipVerify: true}\n"
                                "tcpServersTransport: {dialTimeout: 3}\n",
                                "tls: {options: {other: {minVersion: VersionTLS13}}}\n" ROUTER(""));
    const struct model_tls_options *options = model_tls_options(loaded.dynamic, SPAN("default"));
    assert_int_equal(options->min_version, TLS_VERSION_12);
    assert_int_equal(options->alpn.count, 3);
    assert_int_equal(model_tls_options(loaded.dynamic, SPAN("other@file"))->min_version,
                     TLS_VERSION_13);
    assert_non_null(model_tls_store(loaded.dynamic, SPAN("default")));
    const struct model_servers_transport *http =
        model_http_transport(loaded.dynamic, SPAN("default@internal"));
    assert_true(http->insecure_skip_verify);
    assert_int_equal(http->max_idle_conns_per_host, 200);
    assert_int_equal(model_tcp_transport(loaded.dynamic, SPAN("default@internal"))->dial_timeout,
                     3000000000);
    assert_span(model_http_service(loaded.dynamic, SPAN("s@file"))->servers_transport,
                "default@internal");
    loaded_finish(&loaded);
}

static void the_default_options_keep_their_name(void **state)
{
    (void)state;
    struct loaded loaded = load(POINTS, ROUTER(", tls: {options: default}")
                                "tls: {options: {default: {minVersion: VersionTLS13}}, stores: "
                                "{default: {defaultCertificate: {certFile: a, keyFile: b}}}}\n");
    assert_int_equal(loaded.dynamic->tls_option_count, 1);
    assert_int_equal(model_tls_options(loaded.dynamic, SPAN("default"))->min_version,
                     TLS_VERSION_13);
    assert_span(router_named(&loaded, "r@file")->tls.options, "");
    const struct model_tls_store *store = model_tls_store(loaded.dynamic, SPAN("default"));
    assert_true(store->has_default_certificate);
    assert_span(store->default_certificate.key.value, "b");
    assert_int_equal(store->default_certificate.mark.line, 4);
    loaded_finish(&loaded);
}

static void certificates_keep_their_place(void **state)
{
    (void)state;
    struct loaded loaded = load(POINTS, "tls:\n  certificates:\n"
                                        "    - certFile: a\n      keyFile: b\n      stores: x, y\n"
                                        "    - certFile: c\n"
                                        "    - {certFile: d, keyFile: e}\n");
    assert_findings(&loaded, "d.yml:6:7: warning: tls.certificates[1]: needs certFile and "
                             "keyFile; it is left out\n");
    assert_int_equal(loaded.dynamic->certificate_count, 2);
    assert_int_equal(loaded.dynamic->certificates[0].mark.line, 3);
    assert_int_equal(loaded.dynamic->certificates[0].stores.count, 2);
    assert_int_equal(loaded.dynamic->certificates[1].mark.line, 7);
    assert_string_equal(loaded.dynamic->certificates[1].mark.file, "d.yml");
    loaded_finish(&loaded);
}

static const char everything[] =
    "http:\n"
    "  routers:\n"
    "    r:\n"
    "      rule: Host(`a.example`)\n"
    "      service: w\n"
    "      priority: -3\n"
    "      entryPoints: [web]\n"
    "      tls: {certResolver: le, domains: [{main: m}]}\n"
    "      observability: {metrics: false}\n"
    "  services:\n"
    "    s:\n"
    "      loadBalancer:\n"
    "        passHostHeader: false\n"
    "        responseForwarding: {flushInterval: 5ms}\n"
    "        serversTransport: t\n"
    "        servers:\n"
    "          - {url: 'https://a:1/p', weight: 4, preservePath: true}\n"
    "          - {url: 'http://[::1]:2'}\n"
    "          - {url: 'h2c://c:3'}\n"
    "    w: {weighted: {services: [{name: s, weight: 3}, {name: s}]}}\n"
    "  serversTransports:\n"
    "    t: {serverName: n, insecureSkipVerify: true, rootCAs: [x, y], disableHTTP2: true,\n"
    "        certificates: [{certFile: c, keyFile: k}], minVersion: VersionTLS12,\n"
    "        cipherSuites: TLS_AES_128_GCM_SHA256, maxIdleConnsPerHost: 5,\n"
    "        forwardingTimeouts: {dialTimeout: 1, responseHeaderTimeout: 2, readIdleTimeout: 3}}\n"
    "tcp:\n"
    "  routers: {t: {rule: HostSNI(`x`), service: t, tls: {passthrough: true}}}\n"
    "  services:\n"
    "    t: {loadBalancer: {servers: [{address: 'h:9', tls: true}], terminationDelay: 250,\n"
    "        serversTransport: t}}\n"
    "  serversTransports: {t: {proxyProtocol: {}, dialKeepAlive: -1, tls: {serverName: q}}}\n";

static void routers_reach_the_model(void **state)
{
    (void)state;
    struct loaded loaded = load(POINTS, everything);
    const struct model_router *router = router_named(&loaded, "r@file");
    assert_int_equal(router->priority, -3);
    assert_int_equal(router->rule_mark.line, 4);
    assert_int_equal(router->rule_mark.column, 13);
    assert_string_equal(router->rule_mark.file, "d.yml");
    assert_span(router->tls.cert_resolver, "le");
    assert_span(router->tls.domains[0].main, "m");
    assert_true(router->access_logs && !router->metrics);
    assert_span(router->object.problem, "");
    loaded_finish(&loaded);
}

static void services_and_transports_reach_the_model(void **state)
{
    (void)state;
    struct loaded loaded = load(POINTS, everything);
    const struct model_service *service = model_http_service(loaded.dynamic, SPAN("s@file"));
    assert_false(service->pass_host_header);
    assert_int_equal(service->flush_interval, 5000000);
    assert_span(service->servers_transport, "t@file");
    assert_int_equal(service->servers[0].weight, 4);
    assert_true(service->servers[0].preserve_path);
    assert_int_equal(service->servers[1].weight, 1);
    assert_int_equal(service->servers[1].mark.line, 18);
    assert_span(service->servers[2].url, "h2c://c:3");
    const struct model_service *weighted = model_http_service(loaded.dynamic, SPAN("w@file"));
    assert_int_equal(weighted->kind, SERVICE_WEIGHTED);
    assert_int_equal(weighted->weighted[0].weight, 3);
    assert_span(weighted->weighted[1].service, "s@file");
    const struct model_servers_transport *transport =
        model_http_transport(loaded.dynamic, SPAN("t@file"));
    assert_int_equal(transport->root_ca_count, 2);
    assert_span(transport->certificates[0].key.value, "k");
    assert_int_equal(transport->min_version, TLS_VERSION_12);
    assert_int_equal(transport->response_header_timeout, 2000000000);
    assert_int_equal(transport->read_idle_timeout, 3000000000);
    assert_int_equal(transport->ping_timeout, 15000000000);
    assert_true(transport->disable_http2);
    assert_int_equal(transport->idle_conn_timeout, 90000000000);
    loaded_finish(&loaded);
}

static void tcp_reaches_the_model(void **state)
{
    (void)state;
    struct loaded loaded = load(POINTS, everything);
    const struct model_router *tcp = router_named(&loaded, "t@file");
    assert_true(tcp->tls.passthrough);
    const struct model_service *server = model_tcp_service(loaded.dynamic, SPAN("t@file"));
    assert_true(server->servers[0].tls && server->has_termination_delay);
    assert_int_equal(server->servers[0].weight, 1);
    assert_int_equal(server->termination_delay, 250000000);
    const struct model_tcp_servers_transport *tcp_transport =
        model_tcp_transport(loaded.dynamic, SPAN("t@file"));
    assert_int_equal(tcp_transport->proxy_protocol, 2);
    assert_int_equal(tcp_transport->dial_keep_alive, -1000000000);
    assert_true(tcp_transport->has_tls);
    assert_span(tcp_transport->tls.server_name, "q");
    loaded_finish(&loaded);
}

/* ---- what is broken ---- */

static void the_pattern_syntax_of_version_2_is_warned_of(void **state)
{
    (void)state;
#define RULE(text) "http: {routers: {r: {rule: '" text "', service: noop@internal}}}\n"
    static const char *const old[] = {RULE("HostRegexp(`{sub:[a-z]+}.example`)"),
                                      RULE("PathPrefix(`/a/{Id:[0-9]{2}}`)")};
    static const char *const plain[] = {RULE("PathRegexp(`^/[0-9]{2,3}:$`)"),
                                        RULE("Header(`x`, `{}`) || Path(`/{a`)"),
                                        RULE("Path(`/{1:a}`)")};
    for (size_t i = 0; i < 2; i++) {
        struct loaded loaded = load(POINTS, old[i]);
        assert_findings(&loaded, "d.yml:1:28: warning: http.routers.r.rule: {name:pattern} is the "
                                 "syntax of Traefik 2 and matches nothing but itself now; write "
                                 "a regular expression, for example "
                                 "HostRegexp(`^[a-z]+\\.example\\.com$`)\n");
        loaded_finish(&loaded);
    }
    for (size_t i = 0; i < 3; i++) {
        struct loaded loaded = load(POINTS, plain[i]);
        assert_findings(&loaded, "");
        loaded_finish(&loaded);
    }
}

static void servers_have_a_host_and_a_port_that_exists(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool good;
    } urls[] = {
        {"http://a", true},         {"https://a:1/b:c", true},   {"http://[::1]", true},
        {"http://[::1]:80/", true}, {"http://10.0.0.1:65535", true},
        {"http://", false},         {"http:///a", false},        {"http://:80", false},
        {"http://a:", false},       {"http://a:x", false},       {"http://a:65536", false},
        {"http://a:0", false},      {"http://[::1", false},
        {"http://::1:80", false},   {"a:80", false},             {"ftp://a", false},
        {"http:a", false},          {"http://a b", false},
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        char text[256];
        snprintf(text, sizeof(text), "http: {services: {s: {loadBalancer: {servers: [{url: '%s'}]"
                 "}}}}\n", urls[i].url);
        struct loaded loaded = load(POINTS, text);
        if ((loaded.diagnostics.problems == 0) != urls[i].good)
            fail_msg("%s", urls[i].url);
        loaded_finish(&loaded);
    }
}


static void broken_references_take_the_router_out(void **state)
{
    (void)state;
    assert_problem("http: {routers: {r: {rule: R, service: nope}}}\n",
                   "the service \"nope@file\" does not exist");
    assert_problem("http: {routers: {r: {rule: R, service: x@other}}}\n",
                   "the service \"x@other\" does not exist");
    assert_problem("http: {routers: {r: {rule: R}}}\n", "it names no service");
    assert_problem("http: {routers: {r: {service: s}}}\n", "it has no rule");
    assert_problem(ROUTER(", middlewares: [gone]"), "middleware \"gone@file\" does not exist");
    assert_problem(ROUTER(", entryPoints: [gone]"), "none of its entry points exists");
    assert_problem(ROUTER(", tls: {options: gone}"), "unknown TLS options: gone@file");
    assert_problem("http: {routers: {r: {rule: R, service: s}}, services: {s: {loadBalancer: "
                   "{serversTransport: gone}}}}\n",
                   "service s@file: there is no serversTransport gone@file");
    assert_problem("http: {routers: {r: {rule: R, service: w}}, services: {w: {weighted: "
                   "{services: [{name: gone}]}}}}\n",
                   "service w@file: there is no service gone@file");
    assert_problem("http: {routers: {r: {rule: R, service: v}}, services: {w: {weighted: "
                   "{services: [{name: gone}]}}, v: {weighted: {services: [{name: w}]}}}}\n",
                   "service v@file: service w@file: there is no service gone@file");
    assert_problem("http: {routers: {r: {rule: R, service: a}}, services: {a: {weighted: "
                   "{services: [{name: b}]}}, b: {weighted: {services: [{name: a}]}}}}\n",
                   "service a@file: its services lead back to itself");
    assert_problem("tcp: {routers: {r: {rule: HostSNI(`*`), service: gone}}}\n",
                   "the service \"gone@file\" does not exist");
}

static void one_missing_entry_point_of_several_is_only_reported(void **state)
{
    (void)state;
    struct loaded loaded = load(POINTS, ROUTER(", entryPoints: [gone, web]"));
    assert_findings(&loaded, "d.yml:2:13: error: http.routers.r.entryPoints: there is no entry "
                             "point \"gone\", only traefik, web, websecure\n");
    assert_points(router_named(&loaded, "r@file"), "web");
    assert_span(router_named(&loaded, "r@file")->object.problem, "");
    assert_int_equal(loaded.diagnostics.errors, 0);
    assert_int_equal(loaded.diagnostics.problems, 1);
    loaded_finish(&loaded);
}

static void wrong_values_take_their_object_out(void **state)
{
    (void)state;
    assert_problem(ROUTER(", tls: {options: o}") "tls: {options: {o: {minVersion: TLS1.3}}}\n",
                   "TLS options o@file: tls.options.o.minVersion: unknown value \"TLS1.3\". The "
                   "choices are: VersionTLS10, VersionTLS11, VersionTLS12, VersionTLS13");
    assert_problem(ROUTER(", tls: {options: o}") "tls: {options: {o: {minVersion: VersionTLS11}}}"
                                                 "\n",
                   "TLS options o@file: tls.options.o: minVersion is below VersionTLS12, the "
                   "lowest that is supported (RFC 8996)");
    assert_problem(ROUTER(", tls: {}") "tls: {options: {default: {curvePreferences: P-256}}}\n",
                   "TLS options default: tls.options.default.curvePreferences: unknown value "
                   "\"P-256\". The choices are: CurveP256, secp256r1, "
                   "CurveP384, secp384r1, CurveP521, secp521r1, X25519, x25519, "
                   "SecP256r1MLKEM768, X25519MLKEM768, SecP384r1MLKEM1024");
    assert_problem(ROUTER(", tls: {options: o}") "tls: {options: {o: {minVersion: VersionTLS13, "
                                                 "maxVersion: VersionTLS12}}}\n",
                   "TLS options o@file: tls.options.o: minVersion is above maxVersion");
    assert_problem("http: {routers: {r: {rule: R, service: s}}, services: {s: {loadBalancer: "
                   "{servers: [{url: '10.0.0.1:80'}]}}}}\n",
                   "service s@file: http.services.s.loadBalancer.servers[0].url: \"10.0.0.1:80\" "
                   "is no server; write for example http://10.0.0.1:8080");
    assert_problem("tcp: {routers: {r: {rule: R, service: s}}, services: {s: {loadBalancer: "
                   "{servers: [{address: db}]}}}}\n",
                   "service s@file: tcp.services.s.loadBalancer.servers[0].address: \"db\" is no "
                   "server; write for example 10.0.0.1:5432");
    assert_problem(ROUTER(", priority: 9223372036854774808"),
                   "http.routers.r.priority: must be from -9223372036854775808 to "
                   "9223372036854774807");
    assert_problem(ROUTER(", ruleSyntax: v2"),
                   "http.routers.r.ruleSyntax: the rule syntax of Traefik 2 is not supported; "
                   "write rules in the syntax of version 3");
    assert_problem(ROUTER(", middlewares: m") "  middlewares: {m: {redirectScheme: {port: 1}}}\n",
                   "middleware m@file: http.middlewares.m.redirectScheme: needs a scheme; write "
                   "for example scheme: https");
    assert_problem(ROUTER(", middlewares: m") "  middlewares: {m: {}}\n",
                   "middleware m@file: the middleware has no type; write for example "
                   "redirectScheme");
    assert_problem("http: {routers: {r: {rule: R, service: s}}, services: {s: {}}}\n",
                   "service s@file: the service has no type; write for example loadBalancer");
    assert_problem("http: {routers: {r: {rule: R, service: s}}, services: {s: {loadBalancer: "
                   "{servers: []}, weighted: {services: []}}}}\n",
                   "service s@file: http.services.s.weighted: is a second type of one service; "
                   "write two services");
}

static enum client_auth client_auth_of(const char *text)
{
    char file[512];
    snprintf(file, sizeof(file), ROUTER("") "tls: {options: {o: {clientAuth: {%s}}}}\n", text);
    struct loaded loaded = load("", file);
    assert_int_equal(loaded.error, ERR_OK);
    const struct model_tls_options *options = model_tls_options(loaded.dynamic, SPAN("o@file"));
    assert_int_equal(options->object.problem.len, 0);
    enum client_auth auth = options->client_auth;
    loaded_finish(&loaded);
    return auth;
}

static void client_authentication_is_what_traefik_takes_it_for(void **state)
{
    (void)state;
    assert_int_equal(client_auth_of("caFiles: [a, b]"), CLIENT_AUTH_REQUIRE_AND_VERIFY);
    assert_int_equal(client_auth_of("clientAuthType: NoClientCert"), CLIENT_AUTH_NONE);
    assert_int_equal(client_auth_of("caFiles: [a], clientAuthType: NoClientCert"),
                     CLIENT_AUTH_NONE);
    assert_int_equal(client_auth_of("caFiles: [a], clientAuthType: VerifyClientCertIfGiven"),
                     CLIENT_AUTH_VERIFY_IF_GIVEN);
    assert_int_equal(client_auth_of("clientAuthType: RequireAnyClientCert"),
                     CLIENT_AUTH_REQUIRE_ANY);
    assert_int_equal(client_auth_of("clientAuthType: RequestClientCert"), CLIENT_AUTH_REQUEST);
    assert_problem(ROUTER(", tls: {options: o}") "tls: {options: {o: {clientAuth: "
                   "{clientAuthType: RequireAndVerifyClientCert}}}}\n",
                   "TLS options o@file: tls.options.o: clientAuth is to verify certificates and "
                   "has no caFiles; name at least one CA");
}

static void what_is_not_built_fails_closed(void **state)
{
    (void)state;
    static const char *const middlewares[] = {
        "addPrefix: {prefix: /x}", "basicAuth: {users: [a]}", "buffering: {maxRequestBodyBytes: 1}",
        "chain: {middlewares: [a]}", "circuitBreaker: {expression: x}", "compress: {}",
        "contentType: {}", "digestAuth: {users: [a]}", "encodedCharacters: {}",
        "errors: {status: ['500']}", "forwardAuth: {address: http://a}",
        "grpcWeb: {allowOrigins: ['*']}", "headers: {frameDeny: true}", "inFlightReq: {amount: 1}",
        "ipAllowList: {sourceRange: [10.0.0.0/8]}", "ipWhiteList: {sourceRange: [10.0.0.0/8]}",
        "plugin: {x: {y: z}}", "rateLimit: {average: 1}",
        "redirectRegex: {regex: a}", "replacePath: {path: /}", "replacePathRegex: {regex: a}",
        "retry: {attempts: 1}", "stripPrefix: {prefixes: [/a]}", "stripPrefixRegex: {regex: [a]}",
    };
    for (size_t i = 0; i < sizeof(middlewares) / sizeof(*middlewares); i++) {
        char text[512], want[256];
        int type = (int)strcspn(middlewares[i], ":");
        snprintf(text, sizeof(text), "%s  middlewares: {m: {%s}}\n", ROUTER(", middlewares: m"),
                 middlewares[i]);
        snprintf(want, sizeof(want),
                 "middleware m@file: http.middlewares.m.%.*s is not supported yet", type,
                 middlewares[i]);
        assert_problem(text, want);
    }
    assert_problem(ROUTER(", parentRefs: [x]"), "http.routers.r.parentRefs is not supported yet");
    static const char *const services[] = {
        "mirroring: {service: a}", "failover: {service: a}",
        "highestRandomWeight: {services: [{name: a}]}",
    };
    for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
        char text[512], want[256];
        snprintf(text, sizeof(text), "http: {routers: {r: {rule: R, service: s}}, services: {s: "
                                     "{%s}}}\n", services[i]);
        snprintf(want, sizeof(want), "service s@file: http.services.s.%.*s is not supported yet",
                 (int)strcspn(services[i], ":"), services[i]);
        assert_problem(text, want);
    }
    assert_problem("http: {routers: {r: {rule: R, service: s}}, services: {s: {middlewares: [m], "
                   "loadBalancer: {servers: []}}}}\n",
                   "service s@file: http.services.s.middlewares is not supported yet");
    assert_problem("http: {routers: {r: {rule: R, service: s}}, services: {s: {loadBalancer: "
                   "{serversTransport: t}}}, serversTransports: {t: {peerCertURI: u}}}\n",
                   "service s@file: serversTransport t@file: http.serversTransports.t.peerCertURI "
                   "is not supported yet");
    assert_problem("tcp: {routers: {r: {rule: R, service: s, middlewares: [m]}}, services: {s: "
                   "{loadBalancer: {servers: []}}}, middlewares: {m: {ipAllowList: {sourceRange: "
                   "[10.0.0.0/8]}}}}\n",
                   "middleware m@file: tcp.middlewares.m.ipAllowList is not supported yet");
    assert_problem("http: {routers: {r: {rule: R, service: s}}, services: {s: {loadBalancer: "
                   "{strategy: p2c}}}}\n",
                   "service s@file: http.services.s.loadBalancer.strategy other than wrr is not "
                   "supported yet");
    assert_problem("http: {routers: {r: {rule: R, service: s}}, services: {s: {loadBalancer: "
                   "{sticky: {cookie: {}}}}}}\n",
                   "service s@file: http.services.s.loadBalancer.sticky is not supported yet");
}

static void an_unbuilt_default_transport_fails_closed(void **state)
{
    (void)state;
    struct loaded loaded =
        load(POINTS "serversTransport: {spiffe: {trustDomain: x}}\n", ROUTER(""));
    assert_span(router_named(&loaded, "r@file")->object.problem,
                "service s@file: serversTransport default@internal: spiffe is not supported yet");
    loaded_finish(&loaded);
}

static void an_unbuilt_middleware_on_an_entry_point_closes_its_routers(void **state)
{
    (void)state;
    struct loaded loaded =
        load("entryPoints: {web: {address: ':80', http: {middlewares: [m@file]}}}\n",
             ROUTER("") "  middlewares: {m: {rateLimit: {average: 1}}}\n");
    assert_span(router_named(&loaded, "r@file")->object.problem,
                "middleware m@file of entry point web: http.middlewares.m.rateLimit is not "
                "supported yet");
    loaded_finish(&loaded);
}

static void what_only_helps_is_only_warned_of(void **state)
{
    (void)state;
    struct loaded loaded = load(
        POINTS, "http:\n  routers: {r: {rule: R, service: s, tls: {certResolver: le}}}\n"
                "  services: {s: {loadBalancer: {servers: [{url: 'http://a'}], "
                "healthCheck: {path: /}, passiveHealthCheck: "
                "{maxFailedAttempts: 2}}}}\n"
                "udp: {routers: {u: {service: x}}}\n");
    assert_findings(&loaded,
                    "d.yml:3:63: warning: http.services.s.loadBalancer.healthCheck: is not "
                    "supported yet and has no effect\n"
                    "d.yml:3:87: warning: http.services.s.loadBalancer.passiveHealthCheck: is "
                    "not supported yet and has no effect\n"
                    "d.yml:4:1: warning: udp: is not supported yet and has no effect\n"
                    "d.yml:2:13: warning: http.routers.r.tls.certResolver: there is no certificate "
                    "resolver \"le\": nothing is obtained\n");
    assert_span(router_named(&loaded, "r@file")->object.problem, "");
    assert_true(model_http_service(loaded.dynamic, SPAN("s@file"))->has_health_check);
    loaded_finish(&loaded);
}

/* ---- several files ---- */

static void files_are_merged_and_the_first_definition_wins(void **state)
{
    (void)state;
    static const char *const files[] = {
        "http:\n  routers:\n    r: {rule: ONE, service: s}\ntls: {certificates: [{certFile: a, "
        "keyFile: b}]}\n",
        "HTTP:\n  Routers:\n    r: {rule: TWO, service: s}\n    q: {rule: Q, service: s}\n"
        "  services: {s: {loadBalancer: {servers: [{url: 'http://a'}]}}}\n"
        "tls: {certificates: [{certFile: c, keyFile: d}]}\n",
        "",
        "entryPoints: {x: {bad: key}}\n",
    };
    struct loaded loaded = load_files(POINTS, files, 4);
    assert_int_equal(loaded.error, ERR_OK);
    assert_findings(&loaded, "2.yml:3:5: warning: HTTP.Routers.r: is defined in 1.yml:3 already; "
                             "this one is ignored\n");
    assert_span(router_named(&loaded, "r@file")->rule, "ONE");
    assert_string_equal(router_named(&loaded, "r@file")->object.mark.file, "1.yml");
    assert_string_equal(router_named(&loaded, "q@file")->object.mark.file, "2.yml");
    assert_int_equal(loaded.dynamic->certificate_count, 2);
    assert_span(loaded.dynamic->certificates[1].cert.value, "c");
    assert_string_equal(loaded.dynamic->certificates[1].mark.file, "2.yml");
    loaded_finish(&loaded);
}

static void one_bad_file_refuses_all(void **state)
{
    (void)state;
    static const char *const files[] = {"http: {routers: {r: {rule: R, service: s}}}\n",
                                        "http: [\n", "http: {routers: {r: {priority: x}}}\n"};
    struct loaded loaded = load_files(POINTS, files, 3);
    assert_int_equal(loaded.error, ERR_INVALID);
    assert_null(loaded.dynamic);
    loaded_finish(&loaded);
    static const char *const later[] = {"http: {routers: {r: {rule: R, service: s}}}\n",
                                        "http: {routers: {q: {priority: x}}}\n"};
    loaded = load_files(POINTS, later, 2);
    assert_int_equal(loaded.error, ERR_INVALID);
    assert_findings(&loaded, "2.yml:1:32: error: http.routers.q.priority: \"x\" is no whole "
                             "number\n");
    loaded_finish(&loaded);
}

static void no_files_give_the_internal_objects_only(void **state)
{
    (void)state;
    struct loaded loaded = load_files(POINTS "ping: {}\n", NULL, 0);
    assert_int_equal(loaded.error, ERR_OK);
    assert_int_equal(loaded.dynamic->http_router_count, 1);
    loaded_finish(&loaded);
}

/* ---- templates ---- */

static void templates_are_refused_with_their_own_words(void **state)
{
    (void)state;
#define TEMPLATE "Go templates ({{ … }}) are not supported yet; write the values out\n"
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"http:\n  routers:\n    r:\n      rule: Host(`{{ env \"X\" }}`)\n      service: s\n",
         "d.yml:4:13: error: " TEMPLATE},
        {"http:\n  services:\n    s:\n      loadBalancer:\n        servers:\n{{ range .X }}\n",
         "d.yml:6:1: error: " TEMPLATE},
        {"http:\n  routers:\n    \"{{ .N }}\":\n      rule: R\n", "d.yml:3:5: error: " TEMPLATE},
        {"a: {{ x }}\n", "d.yml:1:4: error: " TEMPLATE},
        {"# {{ only a comment }}\nhttp: {routers: {r: {rule: R, service: s}}}\n"
         "foo: '{{ elsewhere }}'\n",
         "d.yml:2:18: error: http.routers.r: is not served: the service \"s@file\" does not "
         "exist\n"},
        {"# {{ comment }}\nhttp: [ # {{\n", "d.yml:3:1: error: YAML: flow sequence without a "
                                            "closing bracket\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct loaded loaded = load_texts("yml", POINTS, cases[i].text);
        assert_findings(&loaded, cases[i].want);
        loaded_finish(&loaded);
    }
    struct loaded toml = load_texts("toml", "[entryPoints.web]\naddress = \":80\"\n",
                                    "[http.routers.r]\nrule = \"Host(`{{ .X }}`)\"\n");
    assert_findings(&toml, "d.toml:2:8: error: " TEMPLATE);
    loaded_finish(&toml);
    struct loaded static_part =
        load_texts("yml", POINTS "providers: {docker: {defaultRule: 'Host(`{{ .Name }}`)'}}\n", "");
    assert_int_equal(static_part.error, ERR_OK);
    loaded_finish(&static_part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routers_without_entry_points_get_all_but_traefik),
        cmocka_unit_test(routers_without_entry_points_get_the_default_ones),
        cmocka_unit_test(an_entry_points_defaults_apply_to_its_routers),
        cmocka_unit_test(redirections_become_internal_routers),
        cmocka_unit_test(api_and_ping_become_internal_routers),
        cmocka_unit_test(there_are_always_default_options_stores_and_transports),
        cmocka_unit_test(the_default_options_keep_their_name),
        cmocka_unit_test(certificates_keep_their_place),
        cmocka_unit_test(routers_reach_the_model),
        cmocka_unit_test(services_and_transports_reach_the_model),
        cmocka_unit_test(tcp_reaches_the_model),
        cmocka_unit_test(the_pattern_syntax_of_version_2_is_warned_of),
        cmocka_unit_test(servers_have_a_host_and_a_port_that_exists),
        cmocka_unit_test(broken_references_take_the_router_out),
        cmocka_unit_test(one_missing_entry_point_of_several_is_only_reported),
        cmocka_unit_test(wrong_values_take_their_object_out),
        cmocka_unit_test(client_authentication_is_what_traefik_takes_it_for),
        cmocka_unit_test(what_is_not_built_fails_closed),
        cmocka_unit_test(an_unbuilt_default_transport_fails_closed),
        cmocka_unit_test(an_unbuilt_middleware_on_an_entry_point_closes_its_routers),
        cmocka_unit_test(what_only_helps_is_only_warned_of),
        cmocka_unit_test(files_are_merged_and_the_first_definition_wins),
        cmocka_unit_test(one_bad_file_refuses_all),
        cmocka_unit_test(no_files_give_the_internal_objects_only),
        cmocka_unit_test(templates_are_refused_with_their_own_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
