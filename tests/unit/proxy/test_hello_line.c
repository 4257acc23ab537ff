/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/proxy/hello_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct hello_line line;
static struct list nodes[8];

static int setup(void **state)
{
    (void)state;
    hello_line_init(&line);
    for (int i = 0; i < 8; i++)
        list_init(&nodes[i]);
    return 0;
}

static void nobody_waits_at_first(void **state)
{
    (void)state;
    assert_true(hello_line_empty(&line));
    assert_null(hello_line_pop(&line));
}

static void those_of_an_address_come_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        hello_line_push(&line, &nodes[i], 7);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(hello_line_pop(&line), &nodes[i]);
    assert_true(hello_line_empty(&line));
}

/* The last of a crowd has others before it, but no stranger has the crowd before it. */
static void a_crowd_waits_for_itself(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        hello_line_push(&line, &nodes[i], 7);
    hello_line_push(&line, &nodes[5], 8);
    assert_ptr_equal(hello_line_pop(&line), &nodes[0]);
    assert_ptr_equal(hello_line_pop(&line), &nodes[5]);
    hello_line_push(&line, &nodes[6], 8 + HELLO_LANES); /* the same lane */
    assert_ptr_equal(hello_line_pop(&line), &nodes[1]);
    assert_ptr_equal(hello_line_pop(&line), &nodes[6]);
    for (int i = 2; i < 5; i++)
        assert_ptr_equal(hello_line_pop(&line), &nodes[i]);
    assert_null(hello_line_pop(&line));
}

static void who_leaves_is_not_waited_for(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        hello_line_push(&line, &nodes[i], (uint64_t)i);
    list_remove(&nodes[0]);
    list_remove(&nodes[2]);
    assert_ptr_equal(hello_line_pop(&line), &nodes[1]);
    list_remove(&nodes[3]);
    assert_true(hello_line_empty(&line));
    hello_line_push(&line, &nodes[0], 0); /* and may come again */
    assert_ptr_equal(hello_line_pop(&line), &nodes[0]);
    assert_true(hello_line_empty(&line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nobody_waits_at_first, setup),
        cmocka_unit_test_setup(those_of_an_address_come_in_order, setup),
        cmocka_unit_test_setup(a_crowd_waits_for_itself, setup),
        cmocka_unit_test_setup(who_leaves_is_not_waited_for, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
