/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every item gets its turn, once, whatever the number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define MANY 10007 /* no whole batches */

static _Atomic unsigned char turns[MANY];
static _Atomic size_t on_caller;
static pthread_t caller;

static void take_turn(void *context, size_t i)
{
    assert_ptr_equal(context, turns);
    atomic_fetch_add(&turns[i], 1);
    if (pthread_equal(pthread_self(), caller))
        atomic_fetch_add(&on_caller, 1);
}

static void check(size_t count, size_t worth)
{
    memset((void *)turns, 0, sizeof(turns));
    on_caller = 0;
    parallel_for(count, worth, take_turn, (void *)turns);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(turns[i], i < count);
}

static void every_item_gets_one_turn(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 63, 64, 65, 1000, MANY};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        check(counts[i], 1);
}

static void few_items_stay_on_the_calling_thread(void **state)
{
    (void)state;
    check(100, 101);
    assert_int_equal(on_caller, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_gets_one_turn),
        cmocka_unit_test(few_items_stay_on_the_calling_thread),
    };
    caller = pthread_self();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
