/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control thread on real files, without workers: what is published after
 * which change.
 */
#include "core/control/control.h"

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/route/service.h"
#include "tls/context.h"
#include "tls/selfsigned.h"
#include "tls/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (20 * NS_PER_S)

struct fixture {
    char folder[64], path[96];
    struct model_static *model;
    struct snapshot_publication publication;
    struct control *control;
};

static void write_file(const struct fixture *fixture, const char *text)
{
    char fresh[128];
    snprintf(fresh, sizeof(fresh), "%s/.fresh", fixture->folder);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, fixture->path), 0);
}

static struct model_static *parse(const char *text)
{
    struct config_text config = {"static.yml", span_cstr(text)};
    struct diagnostics diagnostics;
    struct model_static *model;
    diagnostics_init(&diagnostics);
    if (config_parse_static(&config, &diagnostics, &model) != ERR_OK) {
        diagnostics_print(&diagnostics, stderr);
        fail();
    }
    diagnostics_finish(&diagnostics);
    return model;
}

static void start(struct fixture *fixture, const char *dynamic)
{
    char text[512];
    struct err_text why = {""};
    memset(fixture, 0, sizeof(*fixture));
    strcpy(fixture->folder, "/tmp/weir-control-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/dynamic.yml", fixture->folder);
    if (dynamic != NULL)
        write_file(fixture, dynamic);
    snprintf(text, sizeof(text),
             "entryPoints: {web: {address: \":0\"}}\n"
             "providers:\n  file: {filename: \"%s\"}\n  providersThrottleDuration: 1ms\n",
             fixture->path);
    fixture->model = parse(text);
    struct control_settings settings = {
        .settings = fixture->model, .worker_count = 1, .publication = &fixture->publication};
    if (control_create(&settings, &fixture->control, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void stop(struct fixture *fixture)
{
    control_destroy(fixture->control);
    assert_null(fixture->publication.current);
    model_static_destroy(fixture->model);
    unlink(fixture->path);
    assert_int_equal(rmdir(fixture->folder), 0);
}

static struct control_status status_of(const struct fixture *fixture)
{
    struct control_status status;
    control_status(fixture->control, &status);
    return status;
}

/* Turns until that many reloads went well and badly. */
static void turn_until(struct fixture *fixture, uint64_t reloads, uint64_t failures)
{
    int64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    for (;;) {
        struct control_status status = status_of(fixture);
        if (status.reloads == reloads && status.failures == failures)
            return;
        if (clock_monotonic_ns() > deadline)
            fail_msg("%llu reloads and %llu failures", (unsigned long long)status.reloads,
                     (unsigned long long)status.failures);
        control_turn(fixture->control, 100);
    }
}

static size_t count_routers(const struct fixture *fixture)
{
    const struct snapshot *snapshot = control_snapshot(fixture->control);
    return router_table_count(snapshot->entries[0].http) +
           router_table_count(snapshot->entries[0].tcp);
}

static const char one_router[] =
    "http:\n"
    "  routers: {a: {rule: \"Host(`a.example`)\", service: s}}\n"
    "  services: {s: {loadBalancer: {servers: [{url: \"http://127.0.0.1:1\"}]}}}\n";
static const char two_routers[] =
    "http:\n"
    "  routers:\n"
    "    a: {rule: \"Host(`a.example`)\", service: s}\n"
    "    b: {rule: \"Host(`b.example`)\", service: s}\n"
    "  services: {s: {loadBalancer: {servers: [{url: \"http://127.0.0.1:1\"}]}}}\n";

static void first_configuration_is_published(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, one_router);
    assert_int_equal(status_of(&fixture).reloads, 1);
    assert_int_equal(status_of(&fixture).epoch, 1);
    assert_int_equal(count_routers(&fixture), 1);
    assert_ptr_equal(fixture.publication.current, control_snapshot(fixture.control));
    stop(&fixture);
}

static void change_of_the_file_is_published(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, one_router);
    write_file(&fixture, two_routers);
    turn_until(&fixture, 2, 0);
    assert_int_equal(count_routers(&fixture), 2);
    assert_int_equal(status_of(&fixture).epoch, 2);
    stop(&fixture);
}

static void service_that_stays_is_the_same_object(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, one_router);
    struct span name = SPAN("s@file");
    struct service *before =
        service_table_find(control_snapshot(fixture.control)->http_services, name);
    assert_non_null(before);
    write_file(&fixture, two_routers);
    turn_until(&fixture, 2, 0);
    assert_ptr_equal(
        service_table_find(control_snapshot(fixture.control)->http_services, name), before);
    stop(&fixture);
}

static void bad_file_leaves_what_runs(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, one_router);
    const struct snapshot *before = control_snapshot(fixture.control);
    write_file(&fixture, "http: [\n");
    turn_until(&fixture, 1, 1);
    assert_ptr_equal(control_snapshot(fixture.control), before);
    assert_true(status_of(&fixture).last_failure_ns > 0);
    write_file(&fixture, two_routers);
    turn_until(&fixture, 2, 1);
    stop(&fixture);
}

static void same_bad_file_is_refused_once(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, one_router);
    write_file(&fixture, "http: [\n");
    turn_until(&fixture, 1, 1);
    write_file(&fixture, "http: [\n");
    write_file(&fixture, "http: [\n");
    int64_t until = clock_monotonic_ns() + 200 * NS_PER_MS;
    while (clock_monotonic_ns() < until)
        control_turn(fixture.control, 50);
    assert_int_equal(status_of(&fixture).failures, 1);
    control_reload(fixture.control); /* asked for: said again */
    turn_until(&fixture, 1, 2);
    stop(&fixture);
}

static void weir_starts_without_a_usable_file(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, "http: [\n");
    assert_int_equal(status_of(&fixture).reloads, 0);
    assert_int_equal(status_of(&fixture).failures, 1);
    assert_non_null(fixture.publication.current);
    assert_int_equal(count_routers(&fixture), 0);
    write_file(&fixture, one_router);
    turn_until(&fixture, 1, 1);
    assert_int_equal(count_routers(&fixture), 1);
    stop(&fixture);
}

static void weir_starts_before_its_file_is_there(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, NULL);
    assert_int_equal(status_of(&fixture).failures, 1);
    write_file(&fixture, one_router);
    turn_until(&fixture, 1, 1);
    assert_int_equal(count_routers(&fixture), 1);
    stop(&fixture);
}

static void reload_that_is_asked_for_builds_anew(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, one_router);
    control_reload(fixture.control);
    turn_until(&fixture, 2, 0);
    assert_int_equal(count_routers(&fixture), 1);
    stop(&fixture);
}

static void claimed_snapshot_outlives_its_reload(void **state)
{
    struct fixture fixture;
    struct list holds;
    bool changed;
    (void)state;
    start(&fixture, one_router);
    list_init(&holds);
    struct snapshot_hold *hold = snapshot_hold_current(&fixture.publication, &holds, &changed);
    snapshot_hold_use(hold);
    const struct snapshot *old = hold->snapshot;
    write_file(&fixture, two_routers);
    turn_until(&fixture, 2, 0);
    assert_int_equal(router_table_count(old->entries[0].http), 1); /* ASan knows if it is freed */
    snapshot_hold_release(hold);
    snapshot_hold_finish(&holds);
    stop(&fixture);
}

static void names_of_servers_are_resolved_at_start(void **state)
{
    struct fixture fixture;
    struct server **servers;
    (void)state;
    start(&fixture, "tcp:\n"
                    "  routers: {a: {rule: \"HostSNI(`*`)\", service: s}}\n"
                    "  services: {s: {loadBalancer: {servers: [{address: \"localhost:7\"}]}}}\n");
    const struct snapshot *snapshot = control_snapshot(fixture.control);
    assert_int_equal(service_table_servers(snapshot->tcp_services, &servers), 1);
    const struct server_addresses *addresses = servers[0]->addresses;
    assert_non_null(addresses);
    assert_true(addresses->count > 0);
    if (addresses->items[0].ss_family == AF_INET)
        assert_int_equal(((const struct sockaddr_in *)&addresses->items[0])->sin_port, htons(7));
    else
        assert_int_equal(((const struct sockaddr_in6 *)&addresses->items[0])->sin6_port,
                         htons(7));
    stop(&fixture);
}

static void name_of_a_new_server_is_resolved(void **state)
{
    struct fixture fixture;
    struct server **servers;
    (void)state;
    start(&fixture, one_router);
    write_file(&fixture,
               "http:\n"
               "  routers: {a: {rule: \"Host(`a.example`)\", service: s}}\n"
               "  services: {s: {loadBalancer: {servers: [{url: \"http://localhost:8\"}]}}}\n");
    turn_until(&fixture, 2, 0);
    const struct snapshot *snapshot = control_snapshot(fixture.control);
    assert_int_equal(service_table_servers(snapshot->http_services, &servers), 1);
    int64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    while (atomic_load(&servers[0]->addresses) == NULL) {
        assert_true(clock_monotonic_ns() < deadline);
        control_turn(fixture.control, 100);
    }
    stop(&fixture);
}

static void ticket_keys_are_published_and_taken_back(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, one_router);
    assert_non_null(ticket_keys_current());
    stop(&fixture);
    assert_null(ticket_keys_current());
}

static int start_library(void **state)
{
    struct err_text why;
    struct log_settings quiet = {.level = LOG_PANIC};
    (void)state;
    hash_seed_set(1);
    if (log_configure(&quiet, &why) != ERR_OK)
        return -1;
    return tls_global_init(&why) == ERR_OK ? 0 : -1;
}

static int stop_library(void **state)
{
    (void)state;
    tls_global_finish();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_configuration_is_published),
        cmocka_unit_test(change_of_the_file_is_published),
        cmocka_unit_test(service_that_stays_is_the_same_object),
        cmocka_unit_test(bad_file_leaves_what_runs),
        cmocka_unit_test(same_bad_file_is_refused_once),
        cmocka_unit_test(weir_starts_without_a_usable_file),
        cmocka_unit_test(weir_starts_before_its_file_is_there),
        cmocka_unit_test(reload_that_is_asked_for_builds_anew),
        cmocka_unit_test(claimed_snapshot_outlives_its_reload),
        cmocka_unit_test(names_of_servers_are_resolved_at_start),
        cmocka_unit_test(name_of_a_new_server_is_resolved),
        cmocka_unit_test(ticket_keys_are_published_and_taken_back),
    };
    return cmocka_run_group_tests(tests, start_library, stop_library);
}
