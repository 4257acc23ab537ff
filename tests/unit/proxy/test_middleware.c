/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * redirectScheme by cases written from Traefik's middleware, and chains that
 * cannot be had.
 */
#include "core/proxy/middleware.h"
#include "http_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

struct redirect_case {
    const char *method, *host, *target, *proto; /* proto: X-Forwarded-Proto, believed */
    int status;
    const char *location; /* NULL: the request passes to noop@internal */
};

/* https.test: scheme https, permanent. moved.test: https, port 8443, not permanent. */
static const struct redirect_case cases[] = {
    {"GET", "https.test", "/", NULL, 301, "https://https.test/"},
    {"GET", "https.test:80", "/x?y=1", NULL, 301, "https://https.test/x?y=1"},
    {"GET", "https.test:8080", "/x?", NULL, 301, "https://https.test/x?"},
    {"POST", "https.test", "/", NULL, 308, "https://https.test/"},
    {"HEAD", "https.test", "/", NULL, 308, "https://https.test/"},
    {"GET", "https.test", "http://https.test/abs?q", NULL, 301, "https://https.test/abs?q"},
    {"GET", "HTTPS.test", "/", NULL, 301, "https://HTTPS.test/"},
    {"GET", "https.test", "/", "https", 418, NULL},
    {"GET", "https.test:443", "/", "https", 418, NULL},
    {"GET", "https.test", "/", "wss", 418, NULL},
    {"GET", "https.test:8080", "/", "https", 301, "https://https.test/"},
    {"GET", "https.test", "/", "ws", 301, "https://https.test/"},
    {"GET", "moved.test", "/a", NULL, 302, "https://moved.test:8443/a"},
    {"PUT", "moved.test:81", "/a", NULL, 307, "https://moved.test:8443/a"},
    {"GET", "moved.test:8443", "/a", "https", 418, NULL},
    {"GET", "moved.test", "/a", "https", 302, "https://moved.test:8443/a"},
};

static void check(const struct redirect_case *the)
{
    char request[512], line[256];
    scene.entry.forwarded_insecure = the->proto != NULL;
    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", the->method,
             the->target, the->host, the->proto ? "X-Forwarded-Proto: " : "",
             the->proto ? the->proto : "", the->proto ? "\r\n" : "");
    int client = scene_client();
    scene_send(client, request);
    scene_read_until(client, "\r\n\r\n");
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", the->status);
    if (memcmp(scene.text, line, strlen(line)) != 0)
        fail_msg("%s %s: %s", the->host, the->target, scene.text);
    snprintf(line, sizeof(line), "Location: %s", the->location ? the->location : "");
    if (the->location != NULL && !scene_has(line))
        fail_msg("no \"%s\" in:\n%s", line, scene.text);
    assert_int_equal(strstr(scene.text, "Location") != NULL, the->location != NULL);
    close(client);
    harness_settle(&scene.harness);
}

static void redirects_go_where_traefik_s_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i]);
}

static void a_scheme_that_only_the_client_claims_does_not_count(void **state)
{
    (void)state;
    int client = scene_client();
    scene_send(client, "GET / HTTP/1.1\r\nHost: https.test\r\nX-Forwarded-Proto: https\r\n\r\n");
    scene_read_until(client, "Moved Permanently");
    assert_true(scene_has("Location: https://https.test/"));
    close(client);
}

static void over_tls_the_request_is_where_it_should_be(void **state)
{
    (void)state;
    int client = scene_tls_client("secure.test", scene.default_options);
    scene_send(client, "GET / HTTP/1.1\r\nHost: secure.test\r\n\r\n");
    scene_read_until(client, "HTTP/1.1 418 ");
    close(client);
}

/* ---- chains ---- */

#define NAMED(text) .object = {.name = {text, sizeof(text) - 1}}

static void expect_problem(struct model_middleware *middleware, const char *wanted,
                           const char *text)
{
    struct model_dynamic model = {.http_middlewares = middleware, .http_middleware_count = 1};
    struct span name = span_cstr(wanted);
    struct model_router router = {.middlewares = {&name, 1}};
    struct middleware_chain *chain;
    assert_int_equal(middleware_chain_create(&model, &router, &chain), ERR_OK);
    assert_string_equal(chain->problem.ptr != NULL ? chain->problem.ptr : "", text);
    middleware_chain_destroy(chain);
}

static void a_chain_says_why_it_cannot_be_had(void **state)
{
    (void)state;
    struct model_middleware unbuilt = {NAMED("m@file"), .type = SPAN("rateLimit")};
    expect_problem(&unbuilt, "m@file", "middleware \"m@file\": rateLimit is not built yet");
    expect_problem(&unbuilt, "x@file", "middleware \"x@file\" does not exist");
    struct model_middleware broken = {NAMED("m@file"), .kind = MIDDLEWARE_REDIRECT_SCHEME};
    expect_problem(&broken, "m@file", "middleware \"m@file\": redirectScheme needs a scheme");
    broken.redirect_scheme.scheme = SPAN("https");
    broken.redirect_scheme.port = SPAN("70000");
    expect_problem(&broken, "m@file",
                   "middleware \"m@file\": redirectScheme: port \"70000\" is no port");
    broken.redirect_scheme.port = SPAN("443");
    expect_problem(&broken, "m@file", "");
    broken.object.problem = SPAN("said the file");
    expect_problem(&broken, "m@file", "middleware \"m@file\": said the file");
    middleware_chain_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(redirects_go_where_traefik_s_go),
        TEST(a_scheme_that_only_the_client_claims_does_not_count),
        TEST(over_tls_the_request_is_where_it_should_be),
        cmocka_unit_test(a_chain_says_why_it_cannot_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
