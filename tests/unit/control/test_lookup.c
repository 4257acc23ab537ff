/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that need no name server: localhost, and one that no hosts file has.
 */
#include "core/control/lookup.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PATIENCE_MS 30000

static struct lookup *lookup;

static int start(void **state)
{
    struct err_text why;
    (void)state;
    return lookup_create(&lookup, &why) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    lookup_destroy(lookup);
    return 0;
}

static struct lookup_answer *next_answer(void)
{
    static struct list answers;
    if (answers.next == NULL)
        list_init(&answers);
    while (list_empty(&answers)) {
        struct pollfd ready = {.fd = lookup_fd(lookup), .events = POLLIN};
        assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
        lookup_take(lookup, &answers);
    }
    return container_of(list_pop_front(&answers), struct lookup_answer, link);
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static void localhost_is_loopback(void **state)
{
    (void)state;
    assert_int_equal(lookup_ask(lookup, SPAN("localhost")), ERR_OK);
    struct lookup_answer *answer = next_answer();
    assert_string_equal(answer->host, "localhost");
    assert_null(answer->error);
    assert_true(answer->addresses.count > 0);
    for (size_t i = 0; i < answer->addresses.count; i++)
        assert_true(is_loopback(&answer->addresses.items[i]));
    free(answer);
}

static void name_that_is_none_fails_with_a_reason(void **state)
{
    (void)state;
    assert_int_equal(lookup_ask(lookup, SPAN("not a name")), ERR_OK);
    struct lookup_answer *answer = next_answer();
    assert_non_null(answer->error);
    assert_int_equal(answer->addresses.count, 0);
    free(answer);
}

static void many_questions_are_all_answered(void **state)
{
    enum { COUNT = 50 };
    (void)state;
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(lookup_ask(lookup, SPAN("localhost")), ERR_OK);
    for (int i = 0; i < COUNT; i++)
        free(next_answer());
}

static void questions_left_at_the_end_are_freed(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(lookup_ask(lookup, SPAN("localhost")), ERR_OK);
}

static void impossible_names_are_refused(void **state)
{
    char name[LIMIT_HOST_NAME + 1];
    (void)state;
    memset(name, 'a', sizeof(name));
    assert_int_equal(lookup_ask(lookup, SPAN("")), ERR_LIMIT);
    assert_int_equal(lookup_ask(lookup, span_make(name, sizeof(name))), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(localhost_is_loopback, start, stop),
        cmocka_unit_test_setup_teardown(name_that_is_none_fails_with_a_reason, start, stop),
        cmocka_unit_test_setup_teardown(many_questions_are_all_answered, start, stop),
        cmocka_unit_test_setup_teardown(questions_left_at_the_end_are_freed, start, stop),
        cmocka_unit_test_setup_teardown(impossible_names_are_refused, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
