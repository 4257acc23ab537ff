/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the tests of routes: cmocka with what it needs, facts of a request in one
 * line, and models made of arrays.
 */
#ifndef WEIR_TESTS_UNIT_ROUTE_ROUTE_HELP_H
#define WEIR_TESTS_UNIT_ROUTE_ROUTE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "core/route/router.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void assert_span(struct span actual, const char *expected)
{
    if (actual.len != strlen(expected) ||
        (actual.len > 0 && memcmp(actual.ptr, expected, actual.len) != 0))
        fail_msg("\"%.*s\" instead of \"%s\"", SPAN_ARG(actual), expected);
}

static inline void assert_err(enum err actual, enum err expected)
{
    if (actual != expected)
        fail_msg("ERR_%s instead of ERR_%s", err_name(actual), err_name(expected));
}

static inline struct rule *parse_rule(const char *text, enum rule_side side)
{
    struct rule *rule = NULL;
    struct err_text why = {0};
    if (rule_parse(span_cstr(text), side, &rule, &why) != ERR_OK)
        fail_msg("%s: %s", text, why.text);
    return rule;
}

static inline void set_client(struct rule_facts *facts, const char *address)
{
    memset(facts->client_ip, 0, 10);
    facts->client_ip[10] = facts->client_ip[11] = 0xff;
    if (inet_pton(AF_INET, address, facts->client_ip + 12) != 1)
        assert_int_equal(inet_pton(AF_INET6, address, facts->client_ip), 1);
}

/* A service of one server, enough for routers to refer to. */
static inline struct service_table *one_service(const char *name)
{
    struct model_server server = {.url = SPAN("http://127.0.0.1:1"),
                                  .address = SPAN("127.0.0.1:1"), .weight = 1};
    struct model_service service = {.object.name = span_cstr(name), .kind = SERVICE_LOAD_BALANCER,
                                    .servers = &server, .server_count = 1};
    struct model_dynamic model = {.http_services = &service, .http_service_count = 1};
    struct service_table *table = NULL;
    assert_err(service_table_create(&model, false, NULL, 1, 1, &table), ERR_OK);
    return table;
}

#endif
