/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The static model: entry points that are added, what is checked between keys,
 * and what the fields end up as.
 */
#include "fixture.h"

static void assert_static(const char *text, const char *want_findings)
{
    struct loaded loaded = load_texts("yml", text, NULL);
    assert_findings(&loaded, want_findings);
    assert_int_equal(loaded.error, loaded.diagnostics.errors > 0 ? ERR_INVALID : ERR_OK);
    loaded_finish(&loaded);
}

static const struct model_entry_point *point(const struct loaded *loaded, const char *name)
{
    const struct model_entry_point *found = model_entry_point(loaded->model, span_cstr(name));
    assert_non_null(found);
    return found;
}

static void without_entry_points_there_is_http_on_80(void **state)
{
    (void)state;
    struct loaded loaded = load_texts("yml", "", NULL);
    assert_int_equal(loaded.model->entry_point_count, 1);
    assert_int_equal(point(&loaded, "http")->port, 80);
    assert_int_equal(point(&loaded, "http")->read_timeout, 60000000000);
    assert_true(point(&loaded, "http")->sanitize_path);
    assert_int_equal(point(&loaded, "http")->max_header_bytes, 1 << 20);
    assert_int_equal(point(&loaded, "http")->allowed_encoded, 0x7f);
    loaded_finish(&loaded);
}

static void traefik_is_added_for_api_and_ping(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool added;
    } cases[] = {
        {"ping: {}", true},
        {"ping: {manualRouting: true}", false},
        {"ping: {entryPoint: web}", false},
        {"api: {insecure: true}", true},
        {"api: {}", false},
        {"log: {level: INFO}", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[200];
        snprintf(text, sizeof(text), "entryPoints: {web: {address: ':80'}}\n%s\n", cases[i].text);
        struct loaded loaded = load_texts("yml", text, NULL);
        print_message("%s\n", cases[i].text);
        assert_int_equal(loaded.model->entry_point_count, 1 + cases[i].added);
        if (cases[i].added)
            assert_int_equal(point(&loaded, "traefik")->port, 8080);
        loaded_finish(&loaded);
    }
    struct loaded own = load_texts("yml", "entryPoints: {traefik: {address: ':9000'}}\nping: {}\n",
                                   NULL);
    assert_int_equal(own.model->entry_point_count, 1);
    assert_int_equal(point(&own, "traefik")->port, 9000);
    loaded_finish(&own);
}

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    struct loaded loaded = load_texts("yml",
                                      "entryPoints:\n"
                                      "  a: {address: '127.0.0.1:0'}\n"
                                      "  b: {address: '[2001:db8::1]:443/tcp'}\n"
                                      "  c: {address: ':53/udp'}\n",
                                      NULL);
    assert_findings(&loaded, "s.yml:4:16: warning: entryPoints.c.address: UDP is not supported "
                             "yet; this entry point is not opened\n");
    assert_span(point(&loaded, "a")->host, "127.0.0.1");
    assert_int_equal(point(&loaded, "a")->port, 0);
    assert_span(point(&loaded, "b")->host, "2001:db8::1");
    assert_true(point(&loaded, "c")->udp);
    assert_span(point(&loaded, "c")->object.problem, "UDP is not supported yet");
    loaded_finish(&loaded);
    assert_static("entryPoints: {a: {address: '80'}}\n",
                  "s.yml:1:28: error: entryPoints.a.address: \"80\" is no address; write "
                  "[host]:port, with /tcp or /udp behind it if you like, for example :443 or "
                  "[::1]:8443\n");
    assert_static("entryPoints: {a: {asDefault: true}}\n",
                  "s.yml:1:15: error: entryPoints.a: has no address; write for example address: "
                  "\":443\"\n");
}

static void redirections_need_a_target(void **state)
{
    (void)state;
#define REDIRECT(to) "entryPoints:\n  a: {address: ':80', http: {redirections: {entryPoint: " to \
                     "}}}\n  u: {address: ':53/udp'}\n"
#define UDP_WARNING "s.yml:3:16: warning: entryPoints.u.address: UDP is not supported yet; this " \
                    "entry point is not opened\n"
    assert_static(REDIRECT("{to: ':8443'}"), UDP_WARNING);
    assert_static(REDIRECT("{to: b}"),
                  UDP_WARNING "s.yml:2:3: error: entryPoints.a.http.redirections.entryPoint.to: "
                              "there is no entry point \"b\"\n");
    assert_static(REDIRECT("{to: u}"),
                  UDP_WARNING "s.yml:2:3: error: entryPoints.a.http.redirections.entryPoint.to: "
                              "the entry point \"u\" is UDP\n");
    assert_static(REDIRECT("{to: ':x'}"),
                  UDP_WARNING "s.yml:2:3: error: entryPoints.a.http.redirections.entryPoint.to: "
                              "\":x\" is no port\n");
    assert_static(REDIRECT("{scheme: https}"),
                  UDP_WARNING "s.yml:2:3: error: entryPoints.a.http.redirections.entryPoint.to: "
                              "is missing; write an entry point or a port, for example websecure "
                              "or :443\n");
}

/* Two listeners with SO_REUSEPORT would share the connections by chance. */
static void two_entry_points_do_not_share_a_socket(void **state)
{
    (void)state;
#define TAKEN(name, address, other)                                                          \
    "error: entryPoints." name ".address: \"" address "\" is the address of the entry point \""  \
    other "\" already; choose another port\n"
    assert_static("entryPoints:\n  a: {address: ':80'}\n  b: {address: ':80'}\n",
                  "s.yml:3:3: " TAKEN("b", ":80", "a"));
    assert_static("entryPoints:\n  a: {address: '[::]:80'}\n  b: {address: ':80/tcp'}\n",
                  "s.yml:3:3: " TAKEN("b", ":80/tcp", "a"));
    assert_static("entryPoints:\n  web: {address: ':8080'}\nping: {}\n",
                  "s.yml:2:3: " TAKEN("web", ":8080", "traefik"));
    assert_static("entryPoints:\n  a: {address: ':80'}\n  b: {address: '127.0.0.1:80'}\n", "");
    assert_static("entryPoints:\n  a: {address: ':0'}\n  b: {address: ':0'}\n", "");
    assert_static("entryPoints:\n  a: {address: ':80', reusePort: true}\n"
                  "  b: {address: ':80', reusePort: true}\n", "");
    assert_static("entryPoints:\n  a: {address: ':80', reusePort: true}\n  b: {address: ':80'}\n",
                  "s.yml:3:3: " TAKEN("b", ":80", "a"));
}

static void what_is_named_must_be_there(void **state)
{
    (void)state;
    assert_static("ping: {entryPoint: nowhere}\n",
                  "s.yml:1:7: error: ping.entryPoint: there is no entry point \"nowhere\"\n");
    assert_static("providers: {file: {watch: true}}\n",
                  "s.yml:1:19: error: providers.file: needs a filename or a directory\n");
    assert_static("providers: {file: {filename: a, directory: b}}\n",
                  "s.yml:1:19: warning: providers.file: has a directory and a filename; the "
                  "directory is used\n");
    assert_static("api: {basePath: x}\n",
                  "s.yml:1:6: error: api.basePath: must begin with a slash\n");
}

static void a_proxy_protocol_that_trusts_nobody_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"{}", "true", "{insecure: false}", "{trustedIPs: []}"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "entryPoints: {web: {address: ':80', proxyProtocol: %s}}\n",
                 values[i]);
        struct loaded loaded = load_texts("yml", text, NULL);
        assert_findings(&loaded, "s.yml:1:52: error: entryPoints.web.proxyProtocol: trusts nobody; "
                                 "set trustedIPs to the addresses of the proxies in front\n");
        loaded_finish(&loaded);
    }
    struct loaded off = load_texts(
        "yml", "entryPoints: {web: {address: ':80', proxyProtocol: false}}\n", NULL);
    assert_findings(&off, "");
    assert_false(point(&off, "web")->has_proxy_protocol);
    loaded_finish(&off);
}

static void an_entry_points_keys_reach_the_model(void **state)
{
    (void)state;
    struct loaded loaded = load_texts(
        "yml",
        "entryPoints:\n"
        "  web:\n"
        "    address: ':80'\n"
        "    asDefault: true\n"
        "    reusePort: true\n"
        "    proxyProtocol: {trustedIPs: [10.0.0.0/8]}\n"
        "    forwardedHeaders: {insecure: true, notAppendXForwardedFor: true, connection: [X-A]}\n"
        "    transport: {keepAliveMaxTime: 1m, keepAliveMaxRequests: 5,\n"
        "      lifeCycle: {requestAcceptGraceTimeout: 3, graceTimeOut: 4}}\n"
        "    http2: {maxConcurrentStreams: 7}\n"
        "    http:\n"
        "      sanitizePath: false\n"
        "      encodeQuerySemicolons: true\n"
        "      maxHeaderBytes: 4096\n"
        "      encodedCharacters: {allowEncodedSlash: false, allowEncodedHash: false}\n"
        "      tls: {options: strong@file, domains: [{main: a.b, sans: [c.d, e.f]}]}\n"
        "      middlewares: [m1@file, m2]\n"
        "    observability: {accessLogs: false}\n",
        NULL);
    assert_findings(&loaded, "");
    const struct model_entry_point *web = point(&loaded, "web");
    assert_int_equal(web->object.problem.len, 0);
    assert_true(web->as_default && web->reuse_port && web->has_proxy_protocol);
    assert_int_equal(web->proxy_protocol_trusted.count, 1);
    assert_true(web->forwarded_insecure && web->forwarded_not_append_xff);
    assert_span(web->forwarded_connection.items[0], "X-A");
    assert_int_equal(web->keep_alive_max_time, 60000000000);
    assert_int_equal(web->keep_alive_max_requests, 5);
    assert_int_equal(web->request_accept_grace_timeout, 3000000000);
    assert_int_equal(web->grace_timeout, 4000000000);
    assert_int_equal(web->http2_max_concurrent_streams, 7);
    assert_true(!web->sanitize_path && web->encode_query_semicolons);
    assert_int_equal(web->max_header_bytes, 4096);
    assert_int_equal(web->allowed_encoded, 0x7f & ~(ENCODED_SLASH | ENCODED_HASH));
    assert_true(web->has_tls);
    assert_span(web->tls.options, "strong@file");
    assert_span(web->tls.domains[0].sans.items[1], "e.f");
    assert_int_equal(web->middlewares.count, 2);
    assert_false(web->access_logs);
    assert_true(web->metrics);
    assert_string_equal(web->object.mark.file, "s.yml");
    assert_int_equal(web->object.mark.line, 2);
    loaded_finish(&loaded);
}

static void logs_api_and_tuning_reach_the_model(void **state)
{
    (void)state;
    struct loaded loaded = load_texts(
        "yml",
        "log: {level: warn, format: json, filePath: /l}\n"
        "accessLog: {filePath: /a, format: genericCLF, bufferingSize: 9,\n"
        "  filters: {statusCodes: ['200', 300-302], retryAttempts: true, minDuration: 10ms},\n"
        "  fields: {defaultMode: drop, headers: {defaultMode: redact, names: {A: keep}}}}\n"
        "api: {insecure: true, dashboard: false, basePath: /x}\n"
        "providers: {file: {filename: d.yml, watch: false}}\n"
        "certificatesResolvers: {le: {acme: {email: a@b, keyType: EC384, tlsChallenge: {}}}}\n"
        "serversTransport: {insecureSkipVerify: true, rootCAs: [a.pem], "
        "forwardingTimeouts: {dialTimeout: 1}}\n"
        "weir: {pinWorkers: false, ring: {bufferSize: 8192, bufferCount: 64}, tls: {ktls: on},\n"
        "  limits: {connections: 10}, upstream: {idlePerServer: 2}}\n",
        NULL);
    assert_findings(&loaded, "");
    const struct model_static *model = loaded.model;
    assert_span(model->source, "s.yml");
    assert_span(model->log.level, "WARN");
    assert_int_equal(model->log.format, LOG_FORMAT_JSON);
    assert_span(model->log.file_path, "/l");
    assert_true(model->access_log.enabled);
    assert_int_equal(model->access_log.format, LOG_FORMAT_GENERIC_CLF);
    assert_int_equal(model->access_log.buffering_size, 9);
    assert_span(model->access_log.status_codes.items[1], "300-302");
    assert_true(model->access_log.filter_retry_attempts);
    assert_int_equal(model->access_log.filter_min_duration, 10000000);
    assert_false(model->access_log.fields_default_keep);
    assert_span(model->access_log.headers_default_mode, "redact");
    assert_span(model->access_log.header_modes.items[0].value, "keep");
    assert_true(model->has_api && model->api_insecure && !model->api_dashboard);
    assert_span(model->api_base_path, "/x");
    assert_true(model->has_file_provider && !model->file_watch);
    assert_span(model->file_name, "d.yml");
    assert_int_equal(model->resolver_count, 1);
    const struct model_resolver *resolver = model_resolver(model, SPAN("le"));
    assert_span(resolver->acme.email, "a@b");
    assert_span(resolver->acme.ca_server, "https://acme-v02.api.letsencrypt.org/directory");
    assert_int_equal(resolver->acme.key_type, ACME_KEY_CHOICE_EC384);
    assert_true(resolver->acme.has_tls && !resolver->acme.has_http);
    assert_span(resolver->object.problem, "");
    assert_true(model->default_transport.insecure_skip_verify);
    assert_span(model->default_transport.root_cas[0].value, "a.pem");
    assert_int_equal(model->default_transport.dial_timeout, 1000000000);
    assert_int_equal(model->default_transport.idle_conn_timeout, 90000000000);
    assert_false(model->weir.pin_workers);
    assert_int_equal(model->weir.buffer_size, 8192);
    assert_int_equal(model->weir.buffer_count, 64);
    assert_int_equal(model->weir.ktls, KTLS_ON);
    assert_int_equal(model->weir.ktls_min_bytes, 4 << 20);
    assert_int_equal(model->weir.max_connections, 10);
    assert_int_equal(model->weir.upstream_idle_per_server, 2);
    loaded_finish(&loaded);
}

static void a_resolver_that_cannot_obtain_anything_says_why(void **state)
{
    (void)state;
    struct loaded loaded = load_texts(
        "yml",
        "entryPoints: {web: {address: ':80'}}\n"
        "certificatesResolvers:\n"
        "  a: {acme: {httpChallenge: {entryPoint: gone}}}\n"
        "  b: {acme: {storage: '', tlsChallenge: {}}}\n"
        "  c: {acme: {tlsChallenge: {}, dnsChallenge: {provider: manual}}}\n"
        "  d: {acme: {email: x}}\n"
        "  e: {tailscale: {}}\n"
        "  f: {acme: {dnsChallenge: {provider: httpreq}}}\n",
        NULL);
    assert_findings(
        &loaded,
        "s.yml:7:7: warning: certificatesResolvers.e.tailscale: is not supported yet and has no "
        "effect\n"
        "s.yml:3:3: warning: certificatesResolvers.a: obtains nothing: httpChallenge.entryPoint "
        "names no entry point; it is the one that listens on port 80\n"
        "s.yml:4:3: warning: certificatesResolvers.b: obtains nothing: it has no storage for the "
        "certificates; write for example storage: acme.json\n"
        "s.yml:5:3: warning: certificatesResolvers.c: obtains nothing: dnsChallenge.provider is "
        "none of those that there are: exec, httpreq and rfc2136\n"
        "s.yml:6:3: warning: certificatesResolvers.d: obtains nothing: it has no challenge; write "
        "for example tlsChallenge: {}\n"
        "s.yml:7:3: warning: certificatesResolvers.e: obtains nothing: only ACME resolvers are "
        "supported\n");
    loaded_finish(&loaded);
}

static void bad_status_codes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"abc", "99", "200-", "300-200", "200-1000", "-300", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char text[100];
        snprintf(text, sizeof(text), "accessLog: {filters: {statusCodes: ['%s']}}\n", bad[i]);
        struct loaded loaded = load_texts("yml", text, NULL);
        assert_int_equal(loaded.error, ERR_INVALID);
        loaded_finish(&loaded);
    }
}

static void unbuilt_protections_close_an_entry_point(void **state)
{
    (void)state;
    struct loaded loaded = load_texts("yml",
                                      "entryPoints: {web: {address: ':80', http: "
                                      "{underscoreHeadersStrategy: reject}}}\n",
                                      "http: {routers: {r: {rule: R, service: noop@internal}}}\n");
    assert_span(point(&loaded, "web")->object.problem,
                "entryPoints.web.http.underscoreHeadersStrategy is not supported yet");
    assert_span(router_named(&loaded, "r@file")->object.problem,
                "entry point web: entryPoints.web.http.underscoreHeadersStrategy is not supported "
                "yet");
    loaded_finish(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_entry_points_there_is_http_on_80),
        cmocka_unit_test(traefik_is_added_for_api_and_ping),
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(redirections_need_a_target),
        cmocka_unit_test(two_entry_points_do_not_share_a_socket),
        cmocka_unit_test(what_is_named_must_be_there),
        cmocka_unit_test(a_proxy_protocol_that_trusts_nobody_is_refused),
        cmocka_unit_test(an_entry_points_keys_reach_the_model),
        cmocka_unit_test(logs_api_and_tuning_reach_the_model),
        cmocka_unit_test(a_resolver_that_cannot_obtain_anything_says_why),
        cmocka_unit_test(bad_status_codes_are_refused),
        cmocka_unit_test(unbuilt_protections_close_an_entry_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
