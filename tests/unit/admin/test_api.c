/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The API's answers for a configuration: the JSON is written here by hand from
 * what Traefik answers for the same one.
 */
#include "core/admin/api.h"

#include "config/load.h"
#include "core/base/hash.h"
#include "core/control/build.h"
#include "tls/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char static_text[] =
    "entryPoints:\n"
    "  web:\n"
    "    address: '127.0.0.1:0'\n"
    "  admin:\n"
    "    address: '127.0.0.1:0'\n"
    "    proxyProtocol: {trustedIPs: [10.1.2.3/8, 127.0.0.1, '2001:db8::/32', '::1', '::/0']}\n"
    "    forwardedHeaders: {trustedIPs: [192.0.2.0/24], connection: [X-A], "
    "notAppendXForwardedFor: true}\n"
    "api: {}\n"
    "ping: {entryPoint: admin}\n"
    "providers: {file: {filename: x.yml}}\n";

static const char dynamic_text[] =
    "http:\n"
    "  routers:\n"
    "    app:\n"
    "      entryPoints: [web]\n"
    "      rule: Host(`a.example`) && Query(`x`, `<&>`)\n"
    "      middlewares: [https]\n"
    "      service: app\n"
    "    broken:\n"
    "      entryPoints: [web]\n"
    "      rule: Host(`b.example`)\n"
    "      service: absent\n"
    "  middlewares:\n"
    "    https: {redirectScheme: {scheme: https, permanent: true}}\n"
    "  services:\n"
    "    app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:9001'}, {url: "
    "'http://127.0.0.1:9002', weight: 3}]}}\n"
    "    both: {weighted: {services: [{name: app, weight: 2}]}}\n"
    "tcp:\n"
    "  routers:\n"
    "    db: {entryPoints: [web], rule: HostSNI(`db.example`), service: db, tls: {passthrough: "
    "true}}\n"
    "  services:\n"
    "    db: {loadBalancer: {servers: [{address: '127.0.0.1:5432'}], proxyProtocol: {}}}\n";

struct fixture {
    struct model_static *settings;
    struct cert_store *certs;
    struct snapshot *snapshot;
};

static void load(struct fixture *fixture, const char *dynamic)
{
    struct diagnostics diagnostics;
    struct model_dynamic *model = NULL;
    struct err_text why = {""};
    diagnostics_init(&diagnostics);
    struct config_text text = {"static.yml", span_cstr(static_text)};
    assert_int_equal(config_parse_static(&text, &diagnostics, &fixture->settings), ERR_OK);
    struct config_text file = {"x.yml", span_cstr(dynamic)};
    assert_int_equal(config_parse_dynamic(fixture->settings, &file, 1, &diagnostics, &model),
                     ERR_OK);
    assert_int_equal(cert_store_create(&fixture->certs), ERR_OK);
    struct build_context context = {fixture->settings, 1, fixture->certs, NULL, &diagnostics};
    if (build_snapshot(&context, model, &fixture->snapshot, &why) != ERR_OK)
        fail_msg("%s", why.text);
    diagnostics_finish(&diagnostics);
}

static void unload(struct fixture *fixture)
{
    snapshot_destroy(fixture->snapshot);
    cert_store_destroy(fixture->certs);
    model_static_destroy(fixture->settings);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    hash_seed_set(1);
    load(&fixture, dynamic_text);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    unload(*state);
    return 0;
}

static struct api_answer ask(const struct fixture *fixture, const char *path, const char *query)
{
    struct api_answer answer;
    struct api_source source = {.snapshot = fixture->snapshot,
                                .started_ns = INT64_C(1764000000123456789)};
    api_answer_init(&answer);
    api_serve(&source, span_cstr(path), span_cstr(query), &answer);
    return answer;
}

static void check(const struct fixture *fixture, const char *path, const char *query,
                  uint16_t status, const char *expected)
{
    struct api_answer answer = ask(fixture, path, query);
    struct span body = buf_span(&answer.body);
    char *text = span_dup(body);
    assert_int_equal(answer.status, status);
    assert_string_equal(text, expected);
    free(text);
    api_answer_finish(&answer);
}

#define APP_ROUTER                                                                           \
    "{\"entryPoints\":[\"web\"],\"middlewares\":[\"https@file\"],\"service\":\"app@file\","    \
    "\"rule\":\"Host(`a.example`) \\u0026\\u0026 Query(`x`, `\\u003c\\u0026\\u003e`)\","       \
    "\"priority\":38,\"observability\":{\"accessLogs\":true,\"metrics\":true},"                \
    "\"status\":\"enabled\",\"using\":[\"web\"],\"name\":\"app@file\",\"provider\":\"file\"}"

static void a_router_has_traefiks_fields(void **state)
{
    check(*state, "/api/http/routers/app@file", "", 200, APP_ROUTER "\n");
    check(*state, "/api/http/routers/app%40file", "", 200, APP_ROUTER "\n");
}

static void a_broken_router_is_disabled_and_says_why(void **state)
{
    struct api_answer answer = ask(*state, "/api/http/routers/broken@file", "");
    char *text = span_dup(buf_span(&answer.body));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(text, "\"status\":\"disabled\""));
    assert_non_null(strstr(text, "\"error\":[\""));
    assert_non_null(strstr(text, "absent@file"));
    free(text);
    api_answer_finish(&answer);
}

static void a_service_shows_its_servers_and_users(void **state)
{
    check(*state, "/api/http/services/app@file", "", 200,
          "{\"loadBalancer\":{\"servers\":[{\"url\":\"http://127.0.0.1:9001\"},"
          "{\"url\":\"http://127.0.0.1:9002\",\"weight\":3}],\"strategy\":\"wrr\","
          "\"passHostHeader\":true,\"responseForwarding\":{\"flushInterval\":\"100ms\"}},"
          "\"status\":\"enabled\",\"usedBy\":[\"app@file\"],"
          "\"serverStatus\":{\"http://127.0.0.1:9001\":\"UP\",\"http://127.0.0.1:9002\":\"UP\"},"
          "\"name\":\"app@file\",\"provider\":\"file\",\"type\":\"loadbalancer\"}\n");
    check(*state, "/api/http/services/both@file", "", 200,
          "{\"weighted\":{\"services\":[{\"name\":\"app@file\",\"weight\":2}]},"
          "\"status\":\"enabled\",\"name\":\"both@file\",\"provider\":\"file\","
          "\"type\":\"weighted\"}\n");
}

static void a_middleware_shows_its_type(void **state)
{
    check(*state, "/api/http/middlewares/https@file", "", 200,
          "{\"redirectScheme\":{\"scheme\":\"https\",\"permanent\":true},"
          "\"status\":\"enabled\",\"usedBy\":[\"app@file\"],\"name\":\"https@file\","
          "\"provider\":\"file\",\"type\":\"redirectscheme\"}\n");
}

static void tcp_objects_are_on_their_own_side(void **state)
{
    check(*state, "/api/tcp/routers", "", 200,
          "[{\"entryPoints\":[\"web\"],\"service\":\"db@file\",\"rule\":\"HostSNI(`db.example`)\","
          "\"priority\":21,\"tls\":{\"passthrough\":true},\"status\":\"enabled\","
          "\"using\":[\"web\"],\"name\":\"db@file\",\"provider\":\"file\"}]\n");
    check(*state, "/api/tcp/services/db@file", "", 200,
          "{\"loadBalancer\":{\"servers\":[{\"address\":\"127.0.0.1:5432\"}],"
          "\"proxyProtocol\":{\"version\":2}},\"status\":\"enabled\",\"usedBy\":[\"db@file\"],"
          "\"serverStatus\":{\"127.0.0.1:5432\":\"UP\"},\"name\":\"db@file\","
          "\"provider\":\"file\",\"type\":\"loadbalancer\"}\n");
    check(*state, "/api/tcp/middlewares", "", 200, "[]\n");
    check(*state, "/api/udp/routers", "", 200, "[]\n");
}

static void what_is_not_there_is_404_in_json(void **state)
{
    check(*state, "/api/http/routers/x@file", "", 404,
          "{\"message\":\"router not found: x@file\"}\n");
    check(*state, "/api/http/services/x", "", 404, "{\"message\":\"service not found: x\"}\n");
    check(*state, "/api/http/middlewares/x", "", 404,
          "{\"message\":\"middleware not found: x\"}\n");
    check(*state, "/api/entrypoints/x", "", 404, "{\"message\":\"entry point not found: x\"}\n");
    check(*state, "/api/nothing", "", 404, "");
    check(*state, "/api/http/nothing", "", 404, "");
}

static void the_overview_counts(void **state)
{
    /* routers: app, broken, ping; services: app, both, noop, api, ping */
    check(*state, "/api/overview", "", 200,
          "{\"http\":{\"routers\":{\"total\":3,\"warnings\":0,\"errors\":1},"
          "\"services\":{\"total\":6,\"warnings\":0,\"errors\":0},"
          "\"middlewares\":{\"total\":1,\"warnings\":0,\"errors\":0}},"
          "\"tcp\":{\"routers\":{\"total\":1,\"warnings\":0,\"errors\":0},"
          "\"services\":{\"total\":1,\"warnings\":0,\"errors\":0},"
          "\"middlewares\":{\"total\":0,\"warnings\":0,\"errors\":0}},"
          "\"udp\":{\"routers\":{\"total\":0,\"warnings\":0,\"errors\":0},"
          "\"services\":{\"total\":0,\"warnings\":0,\"errors\":0}},"
          "\"features\":{\"tracing\":\"\",\"metrics\":\"\",\"accessLog\":false},"
          "\"providers\":[\"File\"]}\n");
}

static void rawdata_maps_names_to_objects(void **state)
{
    struct api_answer answer = ask(*state, "/api/rawdata", "");
    char *text = span_dup(buf_span(&answer.body));
    assert_int_equal(answer.status, 200);
    assert_true(span_starts_with(span_cstr(text),
                                 SPAN("{\"routers\":{\"app@file\":{\"entryPoints\":[\"web\"],")));
    assert_non_null(strstr(text, "\"middlewares\":{\"https@file\":{"));
    assert_non_null(strstr(text, "\"services\":{\"api@internal\":{\"status\":\"enabled\"}"));
    assert_non_null(strstr(text, "\"tcpRouters\":{\"db@file\":{"));
    assert_non_null(strstr(text, "\"tcpServices\":{\"db@file\":{"));
    assert_null(strstr(text, "\"provider\""));
    free(text);
    api_answer_finish(&answer);
}

static void an_entry_point_shows_its_limits(void **state)
{
    check(*state, "/api/entrypoints/web", "", 200,
          "{\"address\":\"127.0.0.1:0\",\"transport\":{\"lifeCycle\":{\"graceTimeOut\":\"10s\"},"
          "\"respondingTimeouts\":{\"readTimeout\":\"1m0s\",\"idleTimeout\":\"3m0s\"}},"
          "\"forwardedHeaders\":{},\"http\":{\"sanitizePath\":true,\"maxHeaderBytes\":1048576},"
          "\"http2\":{\"maxConcurrentStreams\":250},"
          "\"observability\":{\"accessLogs\":true,\"metrics\":true},\"name\":\"web\"}\n");
}

static void an_entry_point_shows_whom_it_trusts(void **state)
{
    struct api_answer answer = ask(*state, "/api/entrypoints/admin", "");
    struct span body = buf_span(&answer.body);
    static const char expected[] =
        "\"proxyProtocol\":{\"trustedIPs\":[\"10.0.0.0/8\",\"127.0.0.1\",\"2001:db8::/32\","
        "\"::1\",\"::/0\"]},\"forwardedHeaders\":{\"trustedIPs\":[\"192.0.2.0/24\"],"
        "\"connection\":[\"X-A\"],\"notAppendXForwardedFor\":true},";
    assert_non_null(memmem(body.ptr, body.len, expected, sizeof(expected) - 1));
    api_answer_finish(&answer);
}

static void the_version_says_when_it_started(void **state)
{
    check(*state, "/api/version", "", 200,
          "{\"Version\":\"" WEIR_VERSION "\",\"Codename\":\"weir\","
          "\"startDate\":\"2025-11-24T16:00:00.123456789Z\"}\n");
}

static void lists_are_filtered(void **state)
{
    check(*state, "/api/http/routers", "search=A.EXAMPLE", 200, "[" APP_ROUTER "]\n");
    check(*state, "/api/http/routers", "search=app%40file", 200, "[" APP_ROUTER "]\n");
    check(*state, "/api/http/routers", "search=nobody", 200, "[]\n");
    check(*state, "/api/http/routers", "status=Enabled&serviceName=app@file", 200,
          "[" APP_ROUTER "]\n");
    check(*state, "/api/http/routers", "middlewareName=https@file", 200, "[" APP_ROUTER "]\n");
    check(*state, "/api/http/routers", "status=warning", 200, "[]\n");
}

static void numbers_of_pages_are_checked(void **state)
{
    check(*state, "/api/http/routers", "page=0", 400,
          "{\"message\":\"invalid request: page: 0\"}\n");
    check(*state, "/api/http/routers", "page=x", 400,
          "{\"message\":\"invalid request: page: x\"}\n");
    check(*state, "/api/http/routers", "per_page=-1", 400,
          "{\"message\":\"invalid request: per_page: -1\"}\n");
    check(*state, "/api/http/routers", "page=7", 400,
          "{\"message\":\"invalid request: page: 7, per_page: 100\"}\n");
}

static void pages_follow_each_other(void **state)
{
    struct api_answer answer = ask(*state, "/api/http/routers", "per_page=2");
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.next_page, 2);
    api_answer_finish(&answer);
    answer = ask(*state, "/api/http/routers", "per_page=2&page=2");
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.next_page, 1);
    assert_non_null(strstr(buf_span(&answer.body).ptr, "ping@internal"));
    api_answer_finish(&answer);
    answer = ask(*state, "/api/http/routers", "");
    assert_int_equal(answer.next_page, 1);
    api_answer_finish(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_router_has_traefiks_fields),
        cmocka_unit_test(a_broken_router_is_disabled_and_says_why),
        cmocka_unit_test(a_service_shows_its_servers_and_users),
        cmocka_unit_test(a_middleware_shows_its_type),
        cmocka_unit_test(tcp_objects_are_on_their_own_side),
        cmocka_unit_test(what_is_not_there_is_404_in_json),
        cmocka_unit_test(the_overview_counts),
        cmocka_unit_test(rawdata_maps_names_to_objects),
        cmocka_unit_test(an_entry_point_shows_its_limits),
        cmocka_unit_test(an_entry_point_shows_whom_it_trusts),
        cmocka_unit_test(the_version_says_when_it_started),
        cmocka_unit_test(lists_are_filtered),
        cmocka_unit_test(numbers_of_pages_are_checked),
        cmocka_unit_test(pages_follow_each_other),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
