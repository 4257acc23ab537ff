/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom a service picks, in which order.
 */
#include "route_help.h"

struct fixture {
    struct model_dynamic model;
    struct model_service services[8];
    struct model_server servers[8][8];
    struct model_weighted_ref refs[8][8];
    char urls[8][8][32];
    struct service_table *table;
};

/* A load balancer whose server n has the n-th weight; its host is "n.test". */
static void add_balancer(struct fixture *f, const char *name, const uint32_t *weights, size_t count)
{
    size_t at = f->model.http_service_count++;
    for (size_t i = 0; i < count; i++) {
        snprintf(f->urls[at][i], sizeof(f->urls[at][i]), "http://%c.test:80", (char)('a' + i));
        f->servers[at][i] = (struct model_server){
            .url = span_cstr(f->urls[at][i]), .weight = weights[i]};
    }
    f->services[at] = (struct model_service){
        .object.name = span_cstr(name), .kind = SERVICE_LOAD_BALANCER,
        .servers = f->servers[at], .server_count = count};
    f->model.http_services = f->services;
}

static void add_weighted(struct fixture *f, const char *name, const char *const *children,
                         const uint32_t *weights, size_t count)
{
    size_t at = f->model.http_service_count++;
    for (size_t i = 0; i < count; i++)
        f->refs[at][i] = (struct model_weighted_ref){span_cstr(children[i]), weights[i]};
    f->services[at] = (struct model_service){
        .object.name = span_cstr(name), .kind = SERVICE_WEIGHTED,
        .weighted = f->refs[at], .weighted_count = count};
    f->model.http_services = f->services;
}

static void build(struct fixture *f, size_t workers)
{
    assert_err(service_table_create(&f->model, false, NULL, workers, 1, &f->table), ERR_OK);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state == NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    service_table_destroy(f->table);
    free(f);
    return 0;
}

static struct service *find(struct fixture *f, const char *name)
{
    struct service *service = service_table_find(f->table, span_cstr(name));
    assert_non_null(service);
    return service;
}

/* The first letters of the hosts of the next picks; '-' for none. */
static void expect_picks(struct service *service, size_t worker, const char *expected)
{
    char picks[256] = "";
    size_t count = strlen(expected);
    for (size_t i = 0; i < count; i++) {
        const struct server *server = service_pick(service, worker, NULL, NULL);
        picks[i] = server ? server->host.ptr[0] : '-';
    }
    assert_string_equal(picks, expected);
}

static void set_up_state(struct service *service, const char *letters, bool up)
{
    size_t count;
    struct server *const *servers = service_servers(service, &count);
    for (size_t i = 0; i < count; i++) {
        if (strchr(letters, servers[i]->host.ptr[0]) != NULL)
            atomic_store(&servers[i]->up, up);
    }
}

static void equal_weights_take_turns(void **state)
{
    struct fixture *f = *state;
    add_balancer(f, "s", (uint32_t[]){1, 1, 1}, 3);
    build(f, 1);
    expect_picks(find(f, "s"), 0, "abcabcabc");
}

/* nginx's published example for smooth weights 5, 1, 1. */
static void weights_are_spread_smoothly(void **state)
{
    struct fixture *f = *state;
    add_balancer(f, "s", (uint32_t[]){5, 1, 1}, 3);
    add_balancer(f, "t", (uint32_t[]){2, 1}, 2);
    build(f, 1);
    expect_picks(find(f, "s"), 0, "aabacaaaabacaa");
    expect_picks(find(f, "t"), 0, "abaabaaba");
}

static void shares_are_exact_over_a_round(void **state)
{
    struct fixture *f = *state;
    static const uint32_t weights[] = {7, 1, 4, 11, 2};
    size_t counts[5] = {0};
    add_balancer(f, "s", weights, 5);
    build(f, 1);
    for (size_t i = 0; i < 25 * 40; i++)
        counts[service_pick(find(f, "s"), 0, NULL, NULL)->host.ptr[0] - 'a']++;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(counts[i], weights[i] * 40);
}

static void weight_zero_is_never_picked(void **state)
{
    struct fixture *f = *state;
    add_balancer(f, "s", (uint32_t[]){0, 1, 0}, 3);
    add_balancer(f, "zero", (uint32_t[]){0, 0}, 2);
    add_balancer(f, "empty", NULL, 0);
    build(f, 1);
    expect_picks(find(f, "s"), 0, "bbb");
    expect_picks(find(f, "zero"), 0, "--");
    expect_picks(find(f, "empty"), 0, "--");
}

static void large_weights_do_not_overflow(void **state)
{
    struct fixture *f = *state;
    add_balancer(f, "s", (uint32_t[]){UINT32_MAX, UINT32_MAX, UINT32_MAX}, 3);
    build(f, 1);
    for (int i = 0; i < 1000; i++)
        expect_picks(find(f, "s"), 0, "abc");
}

static void what_is_down_is_left_out_and_gets_no_burst_afterwards(void **state)
{
    struct fixture *f = *state;
    add_balancer(f, "s", (uint32_t[]){1, 1, 1}, 3);
    build(f, 1);
    struct service *service = find(f, "s");
    set_up_state(service, "b", false);
    expect_picks(service, 0, "acacac");
    set_up_state(service, "b", true);
    expect_picks(service, 0, "abcabc");
    set_up_state(service, "abc", false);
    expect_picks(service, 0, "--");
}

static void what_was_tried_is_skipped_when_there_is_another(void **state)
{
    struct fixture *f = *state;
    add_balancer(f, "s", (uint32_t[]){100, 1}, 2);
    build(f, 1);
    struct service *service = find(f, "s");
    const struct server *tried = service_pick(service, 0, NULL, NULL);
    assert_int_equal(tried->host.ptr[0], 'a');
    for (int i = 0; i < 5; i++)
        assert_int_equal(service_pick(service, 0, tried, NULL)->host.ptr[0], 'b');
    set_up_state(service, "b", false);
    assert_ptr_equal(service_pick(service, 0, tried, NULL), tried);
    set_up_state(service, "a", false);
    assert_null(service_pick(service, 0, tried, NULL));
}

static void workers_have_their_own_turns_and_begin_apart(void **state)
{
    struct fixture *f = *state;
    add_balancer(f, "s", (uint32_t[]){1, 1, 1}, 3);
    build(f, 4);
    struct service *service = find(f, "s");
    expect_picks(service, 1, "bca");
    expect_picks(service, 0, "abcabc");
    expect_picks(service, 2, "cab");
    expect_picks(service, 3, "abc");
    expect_picks(service, 1, "bca");
}

static void weighted_services_go_down_the_tree(void **state)
{
    struct fixture *f = *state;
    static const char *const pair[] = {"x", "y"}, *const nested[] = {"w", "y"};
    add_balancer(f, "x", (uint32_t[]){1, 1}, 2);
    add_balancer(f, "y", (uint32_t[]){0, 0, 1}, 3);
    add_weighted(f, "w", pair, (uint32_t[]){2, 1}, 2);
    add_weighted(f, "n", nested, (uint32_t[]){1, 1}, 2);
    add_weighted(f, "none", nested, (uint32_t[]){0, 0}, 2);
    build(f, 1);
    expect_picks(find(f, "w"), 0, "acbacb");
    const struct service *leaf = NULL;
    assert_non_null(service_pick(find(f, "w"), 0, NULL, &leaf));
    assert_ptr_equal(leaf, find(f, "x"));
    assert_non_null(service_pick(find(f, "w"), 0, NULL, &leaf));
    assert_ptr_equal(leaf, find(f, "y"));
    assert_null(service_pick(find(f, "none"), 0, NULL, &leaf));
    set_up_state(find(f, "x"), "ab", false);
    expect_picks(find(f, "w"), 0, "ccc");
    expect_picks(find(f, "n"), 0, "ccc");
    set_up_state(find(f, "y"), "c", false);
    expect_picks(find(f, "n"), 0, "--");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(equal_weights_take_turns),
        TEST(weights_are_spread_smoothly),
        TEST(shares_are_exact_over_a_round),
        TEST(weight_zero_is_never_picked),
        TEST(large_weights_do_not_overflow),
        TEST(what_is_down_is_left_out_and_gets_no_burst_afterwards),
        TEST(what_was_tried_is_skipped_when_there_is_another),
        TEST(workers_have_their_own_turns_and_begin_apart),
        TEST(weighted_services_go_down_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
