/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One HTTP/1.1 request without sockets: parse, route, write it for the backend,
 * parse the answer, write it for the client. The table has 100 routers.
 */
#include "perf/micro/micro.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/http/h1.h"
#include "core/http/uri.h"
#include "perf/micro/routes.h"

#define OUT_MAX 65536

static const char request_text[] =
    "GET /articles/2026/11/autumn?page=3 HTTP/1.1\r\nHost: host-00042.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Connection: keep-alive\r\n\r\n";
static const char answer_text[] =
    "HTTP/1.1 200 OK\r\nServer: app\r\nDate: Wed, 25 Nov 2026 12:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\nContent-Length: 13\r\n"
    "Cache-Control: max-age=60\r\nConnection: keep-alive\r\n\r\n";

static const struct h1_limits limits = {.head_bytes = 65536, .field_count = 100};

struct scene {
    struct routes *routes;
    struct arena arena;
    struct buf out;
};

static void *prepare(void)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    micro_require(scene != NULL, "memory");
    scene->routes = routes_create(100);
    arena_init(&scene->arena, 8192, 1 << 20);
    buf_init(&scene->out, OUT_MAX);
    return scene;
}

static void forward_request(struct scene *scene)
{
    struct http_request request;
    struct span path;
    struct err_text why;
    size_t scanned = 0, head;
    uint16_t status;
    micro_require(h1_parse_request(span_cstr(request_text), &limits, &scene->arena, &scanned,
                                   &request, &head, &status, &why) == ERR_OK, "request");
    micro_require(uri_routing_path(request.path, &scene->arena, &path) == ERR_OK, "path");
    struct rule_facts facts = {.request = &request, .host = request.host, .path = path};
    micro_require(router_match(routes_table(scene->routes), &facts) != NULL, "no route");
    micro_require(h1_write_request(&scene->out, &request, request.target) == ERR_OK, "write");
}

static void forward_answer(struct scene *scene)
{
    struct http_response response;
    struct err_text why;
    size_t scanned = 0, head;
    micro_require(h1_parse_response(span_cstr(answer_text), &limits, &scene->arena, &scanned,
                                    HTTP_METHOD_GET, &response, &head, &why) == ERR_OK, "answer");
    micro_require(h1_write_response(&scene->out, &response, HTTP_1_1, true) == ERR_OK, "write");
}

static void step(void *data)
{
    struct scene *scene = data;
    forward_request(scene);
    forward_answer(scene);
    arena_reset(&scene->arena);
}

static void request(void *data)
{
    struct scene *scene = data;
    buf_clear(&scene->out);
    micro_measure(step, scene);
}

static void finish(void *data)
{
    struct scene *scene = data;
    routes_destroy(scene->routes);
    arena_finish(&scene->arena);
    buf_finish(&scene->out);
    free(scene);
}

const struct micro micro_request = {"request", prepare, request, finish};
