/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How services are built from a model, what makes them unusable, and what the
 * next configuration takes over from the last.
 */
#include "route_help.h"

static struct service_table *build(const struct model_dynamic *model, bool tcp,
                                   const struct service_table *previous, uint64_t epoch)
{
    struct service_table *table = NULL;
    assert_err(service_table_create(model, tcp, previous, 2, epoch, &table), ERR_OK);
    return table;
}

static struct service_table *build_http(struct model_service *services, size_t count,
                                        const struct service_table *previous)
{
    struct model_dynamic model = {.http_services = services, .http_service_count = count};
    return build(&model, false, previous, 1);
}

static struct service *find(const struct service_table *table, const char *name)
{
    struct service *service = service_table_find(table, span_cstr(name));
    assert_non_null(service);
    return service;
}

static struct server *server_at(const struct service_table *table, const char *name, size_t i)
{
    size_t count;
    struct server *const *servers = service_servers(find(table, name), &count);
    assert_true(i < count);
    return servers[i];
}

#define BALANCER(service_name, list)                                           \
    {.object.name = SPAN(service_name), .kind = SERVICE_LOAD_BALANCER, .servers = (list), \
     .server_count = COUNT(list)}
#define WEIGHTED(service_name, list)                                          \
    {.object.name = SPAN(service_name), .kind = SERVICE_WEIGHTED, .weighted = (list), \
     .weighted_count = COUNT(list)}
#define URL(text) {.url = SPAN(text), .weight = 1}

static void servers_are_taken_apart(void **state)
{
    (void)state;
    struct model_server list[] = {
        URL("http://10.0.0.1:8080"), URL("https://app.internal/base"), URL("http://[2001:db8::1]/"),
    };
    list[1].preserve_path = true;
    struct model_service services[] = {BALANCER("s", list)};
    services[0].servers_transport = SPAN("default@internal");
    struct service_table *table = build_http(services, 1, NULL);
    const struct server *server = server_at(table, "s", 0);
    assert_string_equal(server->host.ptr, "10.0.0.1");
    assert_int_equal(server->port, 8080);
    assert_span(server->authority, "10.0.0.1:8080");
    assert_span(server->base_path, "");
    assert_false(server->https);
    assert_true(atomic_load(&server->up));
    const struct server_addresses *addresses = atomic_load(&server->addresses);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&addresses->items[0];
    assert_int_equal(addresses->count, 1);
    assert_int_equal(addresses->lengths[0], sizeof(*v4));
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(ntohs(v4->sin_port), 8080);
    assert_int_equal(ntohl(v4->sin_addr.s_addr), 0x0a000001);
    server = server_at(table, "s", 1);
    assert_span(server->host, "app.internal");
    assert_int_equal(server->port, 443);
    assert_true(server->https && server->preserve_path);
    assert_span(server->base_path, "/base");
    assert_null(atomic_load(&server->addresses));
    server = server_at(table, "s", 2);
    assert_span(server->host, "2001:db8::1");
    assert_span(server->authority, "[2001:db8::1]");
    assert_span(server->base_path, "");
    assert_int_equal(atomic_load(&server->addresses)->items[0].ss_family, AF_INET6);
    service_table_destroy(table);
}

static void tcp_servers_are_addresses(void **state)
{
    (void)state;
    struct model_server list[] = {
        {.address = SPAN("10.0.0.1:5432"), .weight = 1},
        {.address = SPAN("[::1]:1"), .weight = 1},
        {.address = SPAN("DB.internal:3306"), .weight = 1, .tls = true},
    };
    struct model_service services[] = {BALANCER("s", list)};
    struct model_dynamic model = {.tcp_services = services, .tcp_service_count = 1};
    struct service_table *table = build(&model, true, NULL, 7);
    assert_int_equal(server_at(table, "s", 0)->port, 5432);
    assert_span(server_at(table, "s", 1)->host, "::1");
    assert_span(server_at(table, "s", 2)->host, "db.internal");
    assert_true(server_at(table, "s", 2)->tcp_tls);
    struct server **all;
    assert_int_equal(service_table_servers(table, &all), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(all[i], server_at(table, "s", i));
        assert_int_equal(atomic_load(&all[i]->epoch), 7);
    }
    service_table_destroy(table);
}

static void expect_problem(struct model_service *services, size_t count, const char *name,
                           bool tcp, const char *says)
{
    struct model_dynamic model = {0};
    if (tcp) {
        model.tcp_services = services;
        model.tcp_service_count = count;
    } else {
        model.http_services = services;
        model.http_service_count = count;
    }
    struct service_table *table = build(&model, tcp, NULL, 1);
    struct span problem = service_problem(find(table, name));
    char text[600];
    snprintf(text, sizeof(text), "%.*s", SPAN_ARG(problem));
    if (strstr(text, says) == NULL || (says[0] == '\0') != (problem.len == 0))
        fail_msg("\"%s\" should say \"%s\"", text, says);
    if (problem.len > 0)
        assert_null(service_pick(find(table, name), 0, NULL, NULL));
    service_table_destroy(table);
}

static void what_is_wrong_or_not_built_is_a_problem(void **state)
{
    (void)state;
    struct model_server good[] = {URL("http://a")};
    struct model_service service = BALANCER("s", good);
    expect_problem(&service, 1, "s", false, "");
    service.object.problem = SPAN("given by the configuration");
    expect_problem(&service, 1, "s", false, "given by the configuration");
    service.object.problem = SPAN_EMPTY;
    service.strategy = BALANCER_P2C;
    expect_problem(&service, 1, "s", false, "strategy other than wrr");
    service.strategy = BALANCER_WRR;
    service.sticky.enabled = true;
    expect_problem(&service, 1, "s", false, "sticky");
    service.sticky.enabled = false;
    service.servers_transport = SPAN("none@file");
    expect_problem(&service, 1, "s", false, "the serversTransport \"none@file\": does not exist");
    service.servers_transport = SPAN_EMPTY;
    static const enum service_kind unbuilt[] = {SERVICE_MIRRORING, SERVICE_FAILOVER,
                                                SERVICE_HIGHEST_RANDOM_WEIGHT};
    for (size_t i = 0; i < COUNT(unbuilt); i++) {
        service.kind = unbuilt[i];
        expect_problem(&service, 1, "s", false, "not built yet");
    }
    service.kind = SERVICE_INTERNAL;
    expect_problem(&service, 1, "s", false, "");
}

static void bad_servers_are_a_problem(void **state)
{
    (void)state;
    static const struct {
        struct span url;
        const char *says;
    } urls[] = {
        {{"", 0}, "should look like"},       {{"a:80", 4}, "should look like"},
        {{"ftp://a", 7}, "should begin with"}, {{"ws://a", 6}, "should begin with"},
        {{"http://", 7}, "should look like"}, {{"http://u@a", 10}, "should look like"},
    };
    static const char *const addresses[] = {"", "a", "a:", ":80", "a:0", "a:65536", "::1:80"};
    struct model_server list[] = {URL("http://a"), URL("")};
    struct model_service service = BALANCER("s", list);
    for (size_t i = 0; i < COUNT(urls); i++) {
        list[1].url = urls[i].url;
        expect_problem(&service, 1, "s", false, urls[i].says);
    }
    list[0].address = SPAN("a:1");
    for (size_t i = 0; i < COUNT(addresses); i++) {
        list[1].address = span_cstr(addresses[i]);
        expect_problem(&service, 1, "s", true, "should look like 10.0.0.1:5432");
    }
}

static void weighted_services_need_usable_children(void **state)
{
    (void)state;
    struct model_server good[] = {URL("http://a")}, bad[] = {URL("a")};
    struct model_weighted_ref missing[] = {{SPAN("good"), 1}, {SPAN("none"), 1}};
    struct model_weighted_ref broken[] = {{SPAN("bad"), 1}}, deep[] = {{SPAN("w2"), 1}};
    struct model_weighted_ref fine[] = {{SPAN("good"), 1}};
    struct model_service services[] = {
        BALANCER("bad", bad), BALANCER("good", good),   WEIGHTED("w1", missing),
        WEIGHTED("w2", broken), WEIGHTED("w3", deep), WEIGHTED("w4", fine),
    };
    expect_problem(services, COUNT(services), "w1", false, "\"none\" does not exist");
    expect_problem(services, COUNT(services), "w2", false, "\"bad\" is unusable: the server URL");
    expect_problem(services, COUNT(services), "w3", false, "\"w2\" is unusable");
    expect_problem(services, COUNT(services), "w4", false, "");
}

static void circles_are_a_problem(void **state)
{
    (void)state;
    struct model_weighted_ref self[] = {{SPAN("a"), 1}}, to_c[] = {{SPAN("c"), 1}};
    struct model_weighted_ref to_b[] = {{SPAN("d"), 1}, {SPAN("b"), 1}};
    struct model_server good[] = {URL("http://a")};
    struct model_service services[] = {
        WEIGHTED("a", self), WEIGHTED("b", to_c), WEIGHTED("c", to_b), BALANCER("d", good),
        WEIGHTED("e", to_c),
    };
    expect_problem(services, COUNT(services), "a", false, "refers back");
    expect_problem(services, COUNT(services), "b", false, "refers back");
    expect_problem(services, COUNT(services), "c", false, "refers back");
    expect_problem(services, COUNT(services), "d", false, "");
    expect_problem(services, COUNT(services), "e", false, "unusable");
}

/* c00 → c01 → … → c59, whichever way the table meets them. */
static void nesting_is_bounded(void **state)
{
    (void)state;
    static char names[60][8];
    struct model_weighted_ref refs[60];
    struct model_service services[60];
    struct model_server good[] = {URL("http://a")};
    for (int reversed = 0; reversed < 2; reversed++) {
        for (size_t i = 0; i < 60; i++)
            snprintf(names[i], sizeof(names[i]), "c%02zu", reversed ? 59 - i : i);
        for (size_t i = 0; i < 60; i++) {
            bool last = reversed ? i == 0 : i == 59;
            services[i] = (struct model_service){.object.name = span_cstr(names[i])};
            if (last) {
                services[i].servers = good;
                services[i].server_count = 1;
                continue;
            }
            refs[i] = (struct model_weighted_ref){span_cstr(names[reversed ? i - 1 : i + 1]), 1};
            services[i].kind = SERVICE_WEIGHTED;
            services[i].weighted = &refs[i];
            services[i].weighted_count = 1;
        }
        expect_problem(services, 60, "c00", false, "unusable");
        expect_problem(services, 60, "c59", false, "");
        expect_problem(services, 60, "c50", false, "");
    }
}

static void unchanged_services_are_taken_over(void **state)
{
    (void)state;
    struct model_server first[] = {URL("http://a"), URL("http://b")}, second[] = {URL("http://c")};
    struct model_weighted_ref refs[] = {{SPAN("s"), 1}, {SPAN("t"), 2}};
    struct model_service services[] = {BALANCER("s", first), BALANCER("t", second),
                                       WEIGHTED("w", refs)};
    struct service_table *old = build_http(services, 3, NULL);
    services[0].object.mark.line = 99; /* moving in the file is no change */
    struct service_table *next = build_http(services, 3, old);
    assert_ptr_equal(find(next, "s"), find(old, "s"));
    assert_ptr_equal(find(next, "w"), find(old, "w"));
    service_table_destroy(old);
    assert_int_equal(server_at(next, "s", 0)->host.ptr[0], 'a');
    /* A change below reaches up to whoever refers to it, and nowhere else. */
    first[1].url = SPAN("http://bb");
    struct service_table *last = build_http(services, 3, next);
    assert_ptr_not_equal(find(last, "s"), find(next, "s"));
    assert_ptr_not_equal(find(last, "w"), find(next, "w"));
    assert_ptr_equal(find(last, "t"), find(next, "t"));
    service_table_destroy(next);
    service_table_destroy(last);
}

static struct server_addresses *some_addresses(void)
{
    struct server_addresses *addresses = calloc(1, sizeof(*addresses));
    assert_non_null(addresses);
    addresses->count = 1;
    addresses->items[0].ss_family = AF_INET;
    return addresses;
}

static void servers_keep_identity_and_health(void **state)
{
    (void)state;
    struct model_server first[] = {URL("http://a"), URL("http://b"), URL("http://c")};
    struct model_server second[] = {URL("http://c"), URL("http://a"), URL("http://d")};
    struct model_service services[] = {BALANCER("s", first)}, changed[] = {BALANCER("s", second)};
    struct service_table *old = build_http(services, 1, NULL);
    struct server *a = server_at(old, "s", 0), *b = server_at(old, "s", 1);
    struct server *c = server_at(old, "s", 2);
    atomic_store(&a->up, false);
    atomic_store(&c->addresses, some_addresses());
    second[0].weight = 5;
    struct service_table *next = build_http(changed, 1, old);
    assert_ptr_equal(server_at(next, "s", 1), a);
    struct server *heavier = server_at(next, "s", 0);
    assert_ptr_not_equal(heavier, c);
    assert_int_equal(heavier->key, c->key);
    assert_true(heavier->id > c->id);
    assert_int_equal(heavier->weight, 5);
    assert_non_null(atomic_load(&heavier->addresses));
    assert_ptr_not_equal(atomic_load(&heavier->addresses), atomic_load(&c->addresses));
    assert_true(atomic_load(&heavier->up));
    assert_int_not_equal(server_at(next, "s", 2)->key, b->key);
    service_table_destroy(old);
    assert_false(atomic_load(&a->up));
    service_table_destroy(next);
}

static void the_same_server_twice_stays_two(void **state)
{
    (void)state;
    struct model_server twice[] = {URL("http://a"), URL("http://a")};
    struct model_service services[] = {BALANCER("s", twice)};
    struct service_table *old = build_http(services, 1, NULL);
    services[0].pass_host_header = true;
    struct service_table *next = build_http(services, 1, old);
    assert_ptr_not_equal(server_at(next, "s", 0), server_at(next, "s", 1));
    assert_ptr_equal(server_at(next, "s", 0), server_at(old, "s", 0));
    assert_ptr_equal(server_at(next, "s", 1), server_at(old, "s", 1));
    service_table_destroy(old);
    service_table_destroy(next);
}

/* Connections made under other trust may not be used again. */
static void another_servers_transport_makes_other_servers(void **state)
{
    (void)state;
    struct model_server list[] = {URL("https://a")};
    struct model_content roots[] = {{SPAN("ca.pem")}};
    struct model_servers_transport transports[] = {
        {.object.name = SPAN("t@file"), .server_name = SPAN("x"), .root_cas = roots,
         .root_ca_count = 1}};
    struct model_service services[] = {BALANCER("s", list)};
    services[0].servers_transport = SPAN("t@file");
    struct model_dynamic model = {.http_services = services, .http_service_count = 1,
                                  .http_transports = transports, .http_transport_count = 1};
    struct service_table *old = build(&model, false, NULL, 1);
    assert_span(server_at(old, "s", 0)->transport, "t@file");
    transports[0].dial_timeout = 5; /* a time-out changes nothing about trust */
    struct service_table *same = build(&model, false, old, 2);
    assert_ptr_equal(find(same, "s"), find(old, "s"));
    assert_int_equal(atomic_load(&server_at(same, "s", 0)->epoch), 2);
    transports[0].insecure_skip_verify = true;
    struct service_table *insecure = build(&model, false, same, 3);
    assert_ptr_not_equal(server_at(insecure, "s", 0), server_at(same, "s", 0));
    roots[0].value = SPAN("other.pem");
    struct service_table *other = build(&model, false, insecure, 4);
    assert_ptr_not_equal(server_at(other, "s", 0), server_at(insecure, "s", 0));
    assert_int_not_equal(server_at(other, "s", 0)->key, server_at(insecure, "s", 0)->key);
    service_table_destroy(old);
    service_table_destroy(same);
    service_table_destroy(insecure);
    service_table_destroy(other);
}

static void a_service_outlives_its_table_and_model(void **state)
{
    (void)state;
    char *url = strdup("http://a"), *name = strdup("s");
    struct model_server list[] = {{.url = span_cstr(url), .weight = 1}};
    struct model_service services[] = {{.object.name = span_cstr(name), .servers = list,
                                        .server_count = 1}};
    struct service_table *table = build_http(services, 1, NULL);
    struct service *service = service_ref(find(table, "s"));
    service_table_destroy(table);
    free(url);
    free(name);
    memset(list, 0xff, sizeof(list));
    assert_span(service_model(service)->object.name, "s");
    assert_span(service_model(service)->servers[0].url, "http://a");
    struct server *server = server_ref(service_pick(service, 1, NULL, NULL));
    service_unref(service);
    assert_span(server->host, "a");
    server_unref(server);
    server_unref(NULL);
    service_unref(NULL);
}

static void a_mended_service_is_built_anew(void **state)
{
    (void)state;
    struct model_server list[] = {URL("http://a")};
    struct model_service services[] = {BALANCER("s", list)};
    services[0].servers_transport = SPAN("t@file");
    struct service_table *old = build_http(services, 1, NULL);
    assert_true(service_problem(find(old, "s")).len > 0);
    struct model_servers_transport transport = {.object.name = SPAN("t@file")};
    struct model_dynamic model = {.http_services = services, .http_service_count = 1,
                                  .http_transports = &transport, .http_transport_count = 1};
    struct service_table *next = build(&model, false, old, 2);
    assert_int_equal(service_problem(find(next, "s")).len, 0);
    assert_non_null(service_pick(find(next, "s"), 0, NULL, NULL));
    service_table_destroy(old);
    service_table_destroy(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_taken_apart),
        cmocka_unit_test(tcp_servers_are_addresses),
        cmocka_unit_test(what_is_wrong_or_not_built_is_a_problem),
        cmocka_unit_test(bad_servers_are_a_problem),
        cmocka_unit_test(weighted_services_need_usable_children),
        cmocka_unit_test(circles_are_a_problem),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(unchanged_services_are_taken_over),
        cmocka_unit_test(servers_keep_identity_and_health),
        cmocka_unit_test(the_same_server_twice_stays_two),
        cmocka_unit_test(another_servers_transport_makes_other_servers),
        cmocka_unit_test(a_service_outlives_its_table_and_model),
        cmocka_unit_test(a_mended_service_is_built_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
