/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The snapshot is built by the same functions that core/control uses, from a
 * model written out here.
 */
#include "http_scene.h"

#include "core/base/clock.h"
#include "core/proxy/middleware.h"
#include "tls/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (10 * NS_PER_S)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct http_scene scene;

/* ---- the model ---- */

static struct span entry_points[] = {{"web", 3}};
static char url[64], base_url[64], dead_url[64], h2c_url[64];
static struct model_server app_server, own_server, dead_server, h2c_server, name_server;

#define NAMED(text) .object = {.name = {text, sizeof(text) - 1}, .provider = {"file", 4}}

static struct model_service services[] = {
    {NAMED("api@internal"), .kind = SERVICE_INTERNAL, .type_count = 1},
    {NAMED("app@file"), .servers = &app_server, .server_count = 1},
    {NAMED("dead@file"), .servers = &dead_server, .server_count = 1},
    {NAMED("h2c@file"), .servers = &h2c_server, .server_count = 1},
    {NAMED("name@file"), .servers = &name_server, .server_count = 1},
    {NAMED("none@file")},
    {NAMED("noop@internal"), .kind = SERVICE_INTERNAL, .type_count = 1},
    {NAMED("own@file"), .servers = &own_server, .server_count = 1},
};

static struct model_middleware middlewares[] = {
    {NAMED("https@file"), .kind = MIDDLEWARE_REDIRECT_SCHEME,
     .redirect_scheme = {.scheme = {"https", 5}, .permanent = true}},
    {NAMED("moved@file"), .kind = MIDDLEWARE_REDIRECT_SCHEME,
     .redirect_scheme = {.scheme = {"https", 5}, .port = {"8443", 4}}},
};

#define USES(text) .middlewares = {(struct span[]){{text, sizeof(text) - 1}}, 1}
#define ROUTER(name_, rule_, service_)                                                  \
    NAMED(name_), .rule = {rule_, sizeof(rule_) - 1},                                   \
                 .service = {service_, sizeof(service_) - 1}

static struct model_router routers[] = {
    {ROUTER("api@file", "Host(`api.test`)", "api@internal")},
    {ROUTER("app@file", "Host(`app.test`) || HostRegexp(`^$`)", "app@file")},
    {ROUTER("broken@file", "Host(`broken.test`)", "app@file"), USES("missing@file")},
    {ROUTER("dead@file", "Host(`dead.test`)", "dead@file")},
    {ROUTER("gone@file", "Host(`gone.test`)", "gone@file")},
    {ROUTER("h2c@file", "Host(`h2c.test`)", "h2c@file")},
    {ROUTER("hdr@file", "Host(`hdr.test`) && Header(`X-Forwarded-Proto`, `https`)", "app@file")},
    {ROUTER("https@file", "Host(`https.test`)", "noop@internal"), USES("https@file")},
    {ROUTER("listed@file", "Host(`listed.test`) && Header(`X-Listed`, `yes`)", "app@file")},
    {ROUTER("moved@file", "Host(`moved.test`)", "noop@internal"), USES("moved@file")},
    {ROUTER("name@file", "Host(`name.test`)", "name@file")},
    {ROUTER("none@file", "Host(`none.test`)", "none@file")},
    {ROUTER("noop@file", "Host(`noop.test`)", "noop@internal")},
    {ROUTER("own@file", "Host(`own.test`)", "own@file")},
    {ROUTER("secure@file", "Host(`secure.test`)", "noop@internal"), .has_tls = true},
    {ROUTER("strict@file", "Host(`strict.test`)", "noop@internal"), .has_tls = true,
     .tls = {.options = {"strict@file", 11}}},
    {ROUTER("tls@file", "Host(`tls.test`)", "app@file"), .has_tls = true},
};

uint16_t scene_dead_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void listen_as_backend(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    scene.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(scene.listener >= 0);
    assert_int_equal(bind(scene.listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(scene.listener, 16), 0);
    assert_int_equal(getsockname(scene.listener, (struct sockaddr *)&address, &len), 0);
    scene.port = ntohs(address.sin_port);
}

static void fill_servers(void)
{
    uint16_t port = scene_dead_port();
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", scene.port);
    snprintf(base_url, sizeof(base_url), "http://127.0.0.1:%u/base/", scene.port);
    snprintf(dead_url, sizeof(dead_url), "http://127.0.0.1:%u", port);
    app_server = (struct model_server){.url = span_cstr(url), .weight = 1};
    own_server =
        (struct model_server){.url = span_cstr(base_url), .weight = 1, .preserve_path = true};
    snprintf(h2c_url, sizeof(h2c_url), "h2c://127.0.0.1:%u", scene.port);
    h2c_server = (struct model_server){.url = span_cstr(h2c_url), .weight = 1};
    dead_server = (struct model_server){.url = span_cstr(dead_url), .weight = 1};
    name_server = (struct model_server){.url = SPAN("http://nobody.invalid"), .weight = 1};
    for (size_t i = 0; i < COUNT(services); i++) {
        services[i].servers_transport = SPAN("default@internal");
        services[i].pass_host_header = !span_equal(services[i].object.name, SPAN("own@file"));
        services[i].type_count = 1;
    }
    for (size_t i = 0; i < COUNT(routers); i++)
        routers[i].entry_points = (struct span_list){entry_points, 1};
}

/* ---- the snapshot ---- */

static struct middleware_chain **make_chains(const struct model_dynamic *model,
                                             const struct router_table *table)
{
    size_t count = router_table_count(table);
    struct middleware_chain **chains = calloc(count + 1, sizeof(struct middleware_chain *));
    assert_non_null(chains);
    for (size_t i = 0; i < count; i++) {
        const struct route *route = router_table_at(table, i);
        assert_int_equal(middleware_chain_create(model, route->model, &chains[route->index]),
                         ERR_OK);
    }
    return chains;
}

static struct router_table *make_table(struct snapshot *snapshot, enum rule_side side, bool tls)
{
    struct router_table *table;
    size_t count = side == RULE_HTTP ? COUNT(routers) : 0;
    assert_int_equal(router_table_create(routers, count, side, entry_points[0], tls,
                                         snapshot->http_services, NULL, NULL, &table),
                     ERR_OK);
    return table;
}

static struct tls_options *make_options(struct span name, int min_version)
{
    struct tls_options_config config = {.name = name, .min_version = min_version};
    struct tls_options *options;
    struct err_text why = {""};
    assert_int_equal(tls_options_create(&config, &options, &why), ERR_OK);
    return options;
}

static void fill_entry(struct snapshot *snapshot)
{
    struct entry_routes *entry = calloc(1, sizeof(*entry));
    assert_non_null(entry);
    struct model_dynamic model = {.http_middlewares = middlewares,
                                  .http_middleware_count = COUNT(middlewares)};
    entry->model = &scene.entry;
    entry->http = make_table(snapshot, RULE_HTTP, false);
    entry->https = make_table(snapshot, RULE_HTTP, true);
    entry->tcp = make_table(snapshot, RULE_TCP, false);
    entry->tcp_tls = make_table(snapshot, RULE_TCP, true);
    entry->http_chains = make_chains(&model, entry->http);
    entry->https_chains = make_chains(&model, entry->https);
    entry->serves_plain = true;
    snapshot->entries = entry;
    snapshot->entry_count = 1;
}

static struct snapshot *make_snapshot(const struct snapshot *previous, bool with_app)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    assert_non_null(snapshot);
    list_init(&snapshot->retired);
    snapshot->settings = &scene.harness.settings;
    snapshot->transports = calloc(1, sizeof(*snapshot->transports));
    snapshot->transports[0] = (struct upstream_transport){
        .name = SPAN("default@internal"),
        .dial_timeout_ms = 2000,
        .response_header_timeout_ms = 150,
        .idle_timeout_ms = 60000,
        .max_idle = 4,
    };
    snapshot->transport_count = 1;
    snapshot->tls_options = calloc(2, sizeof(struct tls_options *));
    snapshot->tls_options[0] = tls_options_ref(scene.default_options);
    snapshot->tls_options[1] = tls_options_ref(scene.strict_options);
    snapshot->tls_option_count = 2;
    app_server.url = span_cstr(with_app ? url : dead_url);
    h2c_server.url = span_cstr(with_app ? h2c_url : dead_url);
    struct model_dynamic model = {.http_services = services,
                                  .http_service_count = COUNT(services)};
    uint64_t epoch = previous->epoch + 1;
    assert_int_equal(service_table_create(&model, false, previous->http_services, 1, epoch,
                                          &snapshot->http_services),
                     ERR_OK);
    fill_entry(snapshot);
    return snapshot;
}

struct snapshot *scene_publish(bool with_app)
{
    struct snapshot_publication *publication = &scene.harness.publication;
    return snapshot_publish(publication, make_snapshot(publication->current, with_app));
}

void scene_reload(bool with_app)
{
    struct snapshot *old = scene_publish(with_app);
    for (int i = 0; i < 100 && atomic_load(&old->claims) > 0; i++)
        harness_turn(&scene.harness, 1);
    assert_int_equal(atomic_load(&old->claims), 0);
    snapshot_destroy(old);
}

void scene_resolve_name(uint16_t first_port, uint16_t second_port)
{
    const struct service_table *table = scene.harness.publication.current->http_services;
    struct server **servers;
    size_t count = service_table_servers(table, &servers);
    struct server_addresses *addresses = calloc(1, sizeof(*addresses));
    assert_non_null(addresses);
    addresses->count = 2;
    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                      .sin_port = htons(i == 0 ? first_port : second_port)};
        memcpy(&addresses->items[i], &address, sizeof(address));
        addresses->lengths[i] = sizeof(address);
    }
    for (size_t i = 0; i < count; i++) {
        if (span_equal(servers[i]->host, SPAN("nobody.invalid")))
            assert_null(atomic_exchange(&servers[i]->addresses, addresses));
    }
}

/* ---- hooks ---- */

static void access_log(struct worker *worker, const struct access_record *record)
{
    (void)worker;
    const struct exchange *exchange = record->exchange;
    scene.logged++;
    scene.logged_status = exchange->status;
    scene.logged_origin_status = exchange->origin_status;
    snprintf(scene.logged_failure, sizeof(scene.logged_failure), "%s",
             exchange->failure != NULL ? exchange->failure : "");
    assert_true(record->duration_ns >= 0);
    assert_non_null(exchange->client);
}

/* /now answers at once; everything else waits for the test. */
static void internal_service(struct exchange *exchange, struct span service)
{
    assert_true(span_equal(service, SPAN("api@internal")));
    if (span_equal(exchange->request.path, SPAN("/now"))) {
        exchange_reply(exchange, 200, NULL, SPAN("text/plain"), SPAN("now"));
        return;
    }
    scene.suspended = exchange;
    exchange->pending = &scene.suspended;
}

/* ---- life ---- */

int scene_setup(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof(scene));
    scene.default_options = make_options(SPAN("default"), 0);
    scene.strict_options = make_options(SPAN("strict@file"), 0x0304);
    listen_as_backend();
    fill_servers();
    scene.entry = (struct model_entry_point){
        .object = {.name = entry_points[0]},
        .max_header_bytes = 8192,
        .sanitize_path = true,
        .allowed_encoded = ENCODED_PERCENT,
        .idle_timeout = MS(60000),
        .read_timeout = MS(60000),
    };
    harness_start(&scene.harness);
    struct model_static *settings = &scene.harness.settings;
    settings->entry_points = &scene.entry;
    settings->entry_point_count = 1;
    settings->weir.body_timeout = MS(60000);
    scene.harness.worker.hooks =
        (struct worker_hooks){.access_log = access_log, .internal_service = internal_service};
    scene_reload(true);
    return 0;
}

int scene_teardown(void **state)
{
    (void)state;
    close(scene.listener);
    worker_drain(&scene.harness.worker);
    worker_abort_clients(&scene.harness.worker);
    harness_stop(&scene.harness);
    tls_options_unref(scene.default_options);
    tls_options_unref(scene.strict_options);
    return 0;
}

int scene_client(void)
{
    struct sock_address peer;
    int fds[2];
    harness_tcp_pair(fds);
    assert_int_equal(sock_local(fds[0], &peer), ERR_OK);
    worker_accept(&scene.harness.worker, 0, fds[1], &peer);
    return fds[0];
}

int scene_tls_client(const char *server_name, const struct tls_options *options)
{
    int fd = scene_client();
    struct client *client =
        container_of(scene.harness.worker.clients.prev, struct client, link);
    client->is_tls = true;
    client->tls_options_identity = options->identity;
    snprintf(client->server_name, sizeof(client->server_name), "%s", server_name);
    return fd;
}

/* ---- bytes ---- */

static void turn_before(int64_t deadline, const char *what)
{
    harness_turn(&scene.harness, 5);
    if (clock_monotonic_ns() > deadline)
        fail_msg("%s within ten seconds; so far: \"%.*s\"", what, (int)scene.text_len,
                 scene.text);
}

int scene_backend(void)
{
    int64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    int fd;
    scene.text_len = 0;
    while ((fd = accept4(scene.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0)
        turn_before(deadline, "no connection to the backend");
    return fd;
}

void scene_send(int fd, const char *text)
{
    harness_send_all(fd, text, strlen(text));
}

/* Adds what has come to the text; 0 at the FIN, -1 at an error. */
static ssize_t receive(int fd, size_t most, int64_t deadline)
{
    for (;;) {
        ssize_t n = recv(fd, scene.text + scene.text_len, most, 0);
        if (n >= 0 || errno != EAGAIN) {
            scene.text_len += n > 0 ? (size_t)n : 0;
            scene.text[scene.text_len] = '\0';
            return n;
        }
        turn_before(deadline, "the bytes did not come");
    }
}

void scene_expect(int fd, const char *text)
{
    int64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    size_t len = strlen(text);
    scene.text_len = 0;
    while (scene.text_len < len) {
        if (receive(fd, len - scene.text_len, deadline) <= 0)
            fail_msg("the stream ended after \"%.*s\"", (int)scene.text_len, scene.text);
    }
    assert_string_equal(scene.text, text);
}

const char *scene_read_until(int fd, const char *mark)
{
    int64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    scene.text_len = 0;
    scene.text[0] = '\0';
    while (strstr(scene.text, mark) == NULL) {
        if (receive(fd, sizeof(scene.text) - 1 - scene.text_len, deadline) <= 0)
            fail_msg("the stream ended after \"%.*s\"", (int)scene.text_len, scene.text);
    }
    return scene.text;
}

const char *scene_read_to_end(int fd)
{
    int64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    ssize_t n;
    scene.text_len = 0;
    while ((n = receive(fd, sizeof(scene.text) - 1 - scene.text_len, deadline)) > 0)
        ;
    assert_int_equal(n, 0);
    return scene.text;
}

void scene_expect_end(int fd)
{
    assert_string_equal(scene_read_to_end(fd), "");
}

void scene_expect_reset(int fd)
{
    int64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    ssize_t n;
    scene.text_len = 0;
    while ((n = receive(fd, sizeof(scene.text) - 1 - scene.text_len, deadline)) > 0)
        ;
    assert_int_equal(n, -1);
    assert_int_equal(errno, ECONNRESET);
}

bool scene_is_silent(int fd)
{
    char byte;
    harness_settle(&scene.harness);
    return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

bool scene_begins(const char *text)
{
    return strncmp(scene.text, text, strlen(text)) == 0;
}

bool scene_has(const char *line)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "\r\n%s\r\n", line);
    return strstr(scene.text, whole) != NULL;
}

void scene_round_trip(int client, int backend)
{
    scene_send(client, "GET /trip HTTP/1.1\r\nHost: app.test\r\n\r\n");
    scene_read_until(backend, "\r\n\r\n");
    scene_send(backend, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    scene_read_until(client, "\r\n\r\nok");
}
