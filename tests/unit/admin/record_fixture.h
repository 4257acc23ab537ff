/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A finished exchange, put together by hand.
 */
#ifndef WEIR_TESTS_UNIT_ADMIN_RECORD_FIXTURE_H
#define WEIR_TESTS_UNIT_ADMIN_RECORD_FIXTURE_H

#include "core/proxy/client.h"
#include "core/proxy/exchange.h"

struct record_fixture {
    struct model_static settings;
    struct model_entry_point entry;
    struct worker worker;
    struct client client;
    struct exchange exchange;
    struct model_router router;
    struct route route;
    struct server server;
    struct access_record record;
};

static inline void record_add(struct http_fields *fields, const char *name, const char *value)
{
    enum err error = http_fields_add(fields, span_cstr(name), span_cstr(value));
    if (error != ERR_OK)
        __builtin_trap();
}

static inline void record_fill_request(struct record_fixture *fixture)
{
    struct exchange *exchange = &fixture->exchange;
    exchange->request.method_text = SPAN("GET");
    exchange->request.version = HTTP_1_1;
    exchange->request.target = SPAN("/p?q=1");
    exchange->request.path = SPAN("/p");
    exchange->request.authority = SPAN("a.example:8443");
    record_add(&exchange->request.fields, "user-agent", "curl/8 \"x\"");
    record_add(&exchange->request.fields, "referer", "http://r.example/");
    record_add(&exchange->request.fields, "x-a", "1");
    record_add(&exchange->request.fields, "x-a", "2");
    record_add(&exchange->request.fields, "authorization", "Basic secret");
    record_add(&exchange->response.fields, "content-type", "text/plain");
}

/* 24 November 2026, 03:08:00.5 UTC; took 12.5 ms. */
static inline void record_fill(struct record_fixture *fixture)
{
    struct exchange *exchange = &fixture->exchange;
    memset(fixture, 0, sizeof(*fixture));
    fixture->entry.object.name = SPAN("web");
    fixture->settings.entry_points = &fixture->entry;
    fixture->settings.entry_point_count = 1;
    fixture->worker.settings = &fixture->settings;
    fixture->client.conn.worker = &fixture->worker;
    fixture->client.is_tls = true;
    strcpy(fixture->client.peer_text, "192.0.2.7:4711");
    exchange->worker = &fixture->worker;
    exchange->client = &fixture->client;
    arena_init(&exchange->arena, 1024, 65536);
    http_fields_init(&exchange->request.fields, &exchange->arena);
    http_fields_init(&exchange->response.fields, &exchange->arena);
    record_fill_request(fixture);
    fixture->router.object.name = SPAN("app@file");
    fixture->router.service = SPAN("app@file");
    fixture->router.access_logs = true;
    fixture->route.model = &fixture->router;
    exchange->route = &fixture->route;
    fixture->server.url = SPAN("http://10.0.0.1:8080");
    fixture->server.host = SPAN("10.0.0.1");
    fixture->server.port = 8080;
    exchange->server = &fixture->server;
    exchange->status = exchange->origin_status = 200;
    exchange->response_bytes = 5;
    exchange->request_bytes = 3;
    exchange->attempts = 1;
    exchange->started_wall_ns = INT64_C(1795489680500000000);
    exchange->upstream_duration_ns = 10000000;
    fixture->record = (struct access_record){exchange, 12500000};
}

static inline void record_finish(struct record_fixture *fixture)
{
    arena_finish(&fixture->exchange.arena);
}

#endif
