/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Publishing and holding: who keeps an old snapshot alive, and when it may go.
 */
#include "core/proxy/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct snapshot *make(void)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    assert_non_null(snapshot);
    return snapshot;
}

static void end(struct snapshot_publication *publication)
{
    struct snapshot *last = publication->current;
    assert_int_equal(atomic_fetch_sub(&last->claims, 1), 1);
    snapshot_destroy(last);
}

static void epochs_begin_at_one_and_rise(void **state)
{
    (void)state;
    struct snapshot_publication publication = {NULL};
    struct snapshot *first = make(), *second = make();
    assert_null(snapshot_publish(&publication, first));
    assert_int_equal(first->epoch, 1);
    assert_ptr_equal(snapshot_publish(&publication, second), first);
    assert_int_equal(second->epoch, 2);
    assert_int_equal(first->claims, 0);
    snapshot_destroy(first);
    end(&publication);
}

static void an_unused_hold_gives_the_old_one_up_at_once(void **state)
{
    (void)state;
    struct snapshot_publication publication = {NULL};
    struct snapshot *first = make();
    struct list holds;
    bool changed;
    list_init(&holds);
    snapshot_publish(&publication, first);
    struct snapshot_hold *hold = snapshot_hold_current(&publication, &holds, &changed);
    assert_true(changed);
    assert_ptr_equal(snapshot_hold_current(&publication, &holds, &changed), hold);
    assert_false(changed);
    snapshot_publish(&publication, make());
    assert_int_equal(first->claims, 1); /* the worker's */
    snapshot_hold_current(&publication, &holds, &changed);
    assert_true(changed);
    assert_int_equal(first->claims, 0);
    snapshot_destroy(first);
    snapshot_hold_finish(&holds);
    end(&publication);
}

static void a_user_keeps_the_old_one_until_it_lets_go(void **state)
{
    (void)state;
    struct snapshot_publication publication = {NULL};
    struct snapshot *first = make();
    struct list holds;
    bool changed;
    list_init(&holds);
    snapshot_publish(&publication, first);
    struct snapshot_hold *used =
        snapshot_hold_use(snapshot_hold_current(&publication, &holds, &changed));
    for (int i = 0; i < 3; i++) {
        struct snapshot *old = snapshot_publish(&publication, make());
        snapshot_hold_current(&publication, &holds, &changed);
        if (old != first)
            snapshot_destroy(old); /* asserts that nobody claims it */
    }
    assert_int_equal(first->claims, 1);
    snapshot_hold_release(used);
    assert_int_equal(first->claims, 0);
    snapshot_destroy(first);
    snapshot_hold_finish(&holds);
    end(&publication);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_begin_at_one_and_rise),
        cmocka_unit_test(an_unused_hold_gives_the_old_one_up_at_once),
        cmocka_unit_test(a_user_keeps_the_old_one_until_it_lets_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
