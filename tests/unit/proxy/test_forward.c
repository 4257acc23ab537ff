/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * X-Forwarded-*, X-Real-Ip and Forwarded against a table written from Traefik's
 * forwardedheaders middleware and reverse proxy. Clients come from 127.0.0.1.
 */
#include "http_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

enum trust { TRUST_NOBODY, TRUST_ALL, TRUST_US, TRUST_OTHERS };

struct forward_case {
    enum trust trust;
    bool not_append;
    const char *host;
    const char *fields;    /* what the client says */
    const char *lines[8];  /* lines that the backend sees */
    const char *absent[4]; /* and what it does not */
};

static const struct forward_case cases[] = {
    {TRUST_NOBODY, false, "app.test", "",
     {"X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "X-Forwarded-Proto: http",
      "X-Forwarded-Host: app.test", "X-Forwarded-Port: 80"}, {0}},
    {TRUST_NOBODY, false, "app.test:8080", "",
     {"X-Forwarded-Host: app.test:8080", "X-Forwarded-Port: 8080"}, {0}},
    {TRUST_NOBODY, false, "app.test",
     "X-Forwarded-For: 9.9.9.9\r\nX-Real-Ip: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n"
     "X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Server: evil\r\n",
     {"X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "X-Forwarded-Proto: http",
      "X-Forwarded-Host: app.test", "X-Forwarded-Port: 80"}, {"9.9.9.9", "evil"}},
    {TRUST_NOBODY, false, "app.test",
     "Forwarded: for=evil\r\nX-Forwarded-Prefix: evil\r\nX-Forwarded-Uri: evil\r\n"
     "X-Forwarded-Method: evil\r\nX-Forwarded-Tls-Client-Cert: evil\r\n"
     "X-Forwarded-Tls-Client-Cert-Info: evil\r\n",
     {0}, {"evil", "Forwarded:"}},
    {TRUST_NOBODY, false, "app.test",
     "X_Forwarded_For: evil\r\nX-Forwarded_Proto: evil\r\nx_real_ip: evil\r\nX_Other: kept\r\n",
     {"X_Other: kept"}, {"evil"}},
    {TRUST_NOBODY, false, "app.test",
     "X-Forwarded-Scheme: evil\r\nX-Scheme: evil\r\nX_Scheme: evil\r\n", {0},
     {"evil", "Scheme"}},
    {TRUST_ALL, false, "app.test", "X-Forwarded-Scheme: https\r\nX-Scheme: https\r\n",
     {"X-Forwarded-Scheme: https", "X-Scheme: https"}, {0}},
    {TRUST_ALL, false, "app.test",
     "Content_Length: evil\r\nTransfer_Encoding: evil\r\ntransfer_encoding: evil\r\n",
     {0}, {"evil"}},
    {TRUST_ALL, false, "app.test", "X_Forwarded_For: evil\r\n",
     {"X-Forwarded-For: 127.0.0.1"}, {"evil"}},
    {TRUST_NOBODY, false, "app.test", "Connection: X-Forwarded-For, X-Real-Ip\r\n",
     {"X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1"}, {0}},
    {TRUST_US, false, "app.test",
     "Connection: x-forwarded-for, X-Forwarded-Proto, X-Real-Ip, Forwarded, X-Scheme\r\n"
     "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Real-Ip: 8.8.8.8\r\n"
     "Forwarded: for=7.7.7.7\r\nX-Scheme: https\r\n",
     {"X-Forwarded-For: 9.9.9.9, 127.0.0.1", "X-Forwarded-Proto: https", "X-Real-Ip: 8.8.8.8",
      "Forwarded: for=7.7.7.7", "X-Scheme: https"}, {"Connection"}},
    {TRUST_NOBODY, false, "app.test",
     "Connection: close, X-A, x-kept\r\nX-A: dropped\r\nX-Kept: dropped\r\nX-B: passed\r\n",
     {"X-B: passed"}, {"dropped", "Connection"}},
    {TRUST_ALL, false, "app.test",
     "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 8.8.8.8\r\nX-Real-Ip: 9.9.9.9\r\n"
     "X-Forwarded-Proto: https\r\nX-Forwarded-Host: front\r\nForwarded: for=x\r\n",
     {"X-Forwarded-For: 9.9.9.9, 8.8.8.8, 127.0.0.1", "X-Real-Ip: 9.9.9.9",
      "X-Forwarded-Proto: https", "X-Forwarded-Host: front", "X-Forwarded-Port: 443",
      "Forwarded: for=x"}, {0}},
    {TRUST_US, false, "app.test", "X-Forwarded-For: 9.9.9.9\r\n",
     {"X-Forwarded-For: 9.9.9.9, 127.0.0.1"}, {0}},
    {TRUST_OTHERS, false, "app.test", "X-Forwarded-For: 9.9.9.9\r\n",
     {"X-Forwarded-For: 127.0.0.1"}, {"9.9.9.9"}},
    {TRUST_US, true, "app.test", "X-Forwarded-For: 9.9.9.9\r\n",
     {"X-Forwarded-For: 9.9.9.9", "X-Real-Ip: 127.0.0.1"}, {0}},
    {TRUST_US, true, "app.test",
     "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 8.8.8.8, 7.7.7.7\r\n",
     {"X-Forwarded-For: 9.9.9.9, 8.8.8.8, 7.7.7.7"}, {0}},
    {TRUST_US, false, "app.test", "X-Forwarded-For:\r\n",
     {"X-Forwarded-For: , 127.0.0.1"}, {0}},
    {TRUST_US, false, "app.test", "X-Forwarded-Proto: https\r\n", {"X-Forwarded-Port: 443"}, {0}},
    {TRUST_US, false, "app.test:8080", "X-Forwarded-Proto: https\r\n",
     {"X-Forwarded-Port: 8080"}, {0}},
    {TRUST_US, false, "app.test", "X-Forwarded-Proto: wss\r\n", {"X-Forwarded-Port: 443"}, {0}},
    {TRUST_US, false, "app.test", "X-Forwarded-Port: 99\r\n", {"X-Forwarded-Port: 99"}, {0}},
    {TRUST_US, false, "app.test", "X-Forwarded-Server: front\r\n", {0}, {"front"}},
    {TRUST_NOBODY, true, "app.test", "X-Forwarded-For: 9.9.9.9\r\n",
     {"X-Real-Ip: 127.0.0.1"}, {"X-Forwarded-For"}},
    {TRUST_NOBODY, false, "app.test",
     "Connection: Upgrade\r\nUpgrade: websocket\r\n", {"X-Forwarded-Proto: ws"}, {0}},
};

static struct model_cidr us[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0}, 104},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 0}, 108}, /* 127.0.0.0/12 */
};
static struct model_cidr others[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 2}, 127}, /* .2 and .3 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0}, 0}, /* ::/0: all of IPv6, and nothing of IPv4 */
};

static void set_trust(enum trust trust)
{
    scene.entry.forwarded_insecure = trust == TRUST_ALL;
    scene.entry.forwarded_trusted = (struct model_cidr_list){0};
    if (trust == TRUST_US)
        scene.entry.forwarded_trusted = (struct model_cidr_list){us, 2};
    if (trust == TRUST_OTHERS)
        scene.entry.forwarded_trusted = (struct model_cidr_list){others, 3};
}

static void check(const struct forward_case *the)
{
    char request[1024];
    set_trust(the->trust);
    scene.entry.forwarded_not_append_xff = the->not_append;
    int client = scene_client();
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n%s\r\n", the->host,
             the->fields);
    scene_send(client, request);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    for (size_t i = 0; i < 8 && the->lines[i] != NULL; i++) {
        if (!scene_has(the->lines[i]))
            fail_msg("no line \"%s\" in:\n%s", the->lines[i], scene.text);
    }
    for (size_t i = 0; i < 4 && the->absent[i] != NULL; i++) {
        if (strstr(scene.text, the->absent[i]) != NULL)
            fail_msg("\"%s\" in:\n%s", the->absent[i], scene.text);
    }
    char host_name[256] = "";
    char line[300];
    gethostname(host_name, sizeof(host_name) - 1);
    snprintf(line, sizeof(line), "X-Forwarded-Server: %s", host_name);
    assert_true(scene_has(line));
    close(client);
    close(backend);
    harness_settle(&scene.harness);
}

static void the_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i]);
}

static void rules_see_only_what_is_believed(void **state)
{
    (void)state;
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: hdr.test\r\nX-Forwarded-Proto: https\r\n\r\n";
    int client = scene_client();
    scene_send(client, request);
    scene_read_until(client, "404 page not found\n");
    scene.entry.forwarded_insecure = true;
    scene_send(client, request);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    close(client);
    close(backend);
}

/* The backend sees neither, but for rules and middlewares the list makes a difference. */
static void rules_see_what_connection_names_only_if_it_is_listed(void **state)
{
    (void)state;
    static struct span listed[] = {{"x-other", 7}, {"X-LISTED", 8}};
    static const char request[] = "GET / HTTP/1.1\r\nHost: listed.test\r\n"
                                  "Connection: keep-alive, X-Listed\r\nX-Listed: yes\r\n\r\n";
    int client = scene_client();
    scene_send(client, request);
    scene_read_until(client, "404 page not found\n");
    scene.entry.forwarded_connection = (struct span_list){listed, 2};
    scene_send(client, request);
    int backend = scene_backend();
    scene_read_until(backend, "\r\n\r\n");
    assert_null(strstr(scene.text, "X-Listed"));
    close(client);
    close(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_table_holds),
        TEST(rules_see_only_what_is_believed),
        TEST(rules_see_what_connection_names_only_if_it_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
