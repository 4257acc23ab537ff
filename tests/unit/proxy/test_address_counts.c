/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/proxy/address_counts.h"

#include "core/base/hash.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

static struct address_counts *counts;

static void make(size_t connections, size_t limit, unsigned prefix6)
{
    hash_seed_set(7);
    assert_int_equal(address_counts_create(connections, limit, prefix6, &counts), ERR_OK);
}

static bool enter(const char *text, address_slot **slot)
{
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff};
    if (strchr(text, ':') != NULL)
        assert_int_equal(inet_pton(AF_INET6, text, ip), 1);
    else
        assert_int_equal(inet_pton(AF_INET, text, ip + 12), 1);
    return address_counts_enter(counts, ip, slot);
}

static void an_address_has_so_many_and_no_more(void **state)
{
    (void)state;
    address_slot *slots[4], *other;
    make(100, 3, 64);
    for (int i = 0; i < 3; i++)
        assert_true(enter("192.0.2.1", &slots[i]));
    assert_false(enter("192.0.2.1", &slots[3]));
    assert_true(enter("192.0.2.2", &other));
    address_counts_leave(slots[1]);
    assert_true(enter("192.0.2.1", &slots[1]));
    assert_false(enter("192.0.2.1", &slots[3]));
    address_counts_destroy(counts);
}

static void a_network_of_ipv6_is_one_client(void **state)
{
    (void)state;
    address_slot *slot;
    make(100, 1, 60);
    assert_true(enter("2001:db8:0:10::1", &slot));
    assert_false(enter("2001:db8:0:1f:ffff::2", &slot)); /* the same 60 bits */
    assert_true(enter("2001:db8:0:20::1", &slot));
    assert_true(enter("192.0.2.1", &slot)); /* of IPv4 every bit counts */
    assert_true(enter("192.0.2.2", &slot));
    address_counts_destroy(counts);
}

static void an_address_that_left_makes_room_for_another(void **state)
{
    (void)state;
    make(1, 1, 64); /* one bucket */
    for (int i = 0; i < 1000; i++) {
        char text[32];
        address_slot *slot, *again;
        snprintf(text, sizeof(text), "10.0.%d.%d", i / 256, i % 256);
        assert_true(enter(text, &slot));
        assert_non_null(slot);
        assert_false(enter(text, &again));
        address_counts_leave(slot);
    }
    address_counts_destroy(counts);
}

static void where_there_is_no_room_nobody_is_refused(void **state)
{
    (void)state;
    address_slot *slots[20];
    make(1, 1, 64);
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf(text, sizeof(text), "10.0.0.%d", i);
        assert_true(enter(text, &slots[i]));
        assert_int_equal(slots[i] == NULL, i >= 8);
        address_counts_leave(i >= 8 ? slots[i] : NULL);
    }
    address_counts_destroy(counts);
}

/* At the load that it is made for, it hardly ever happens. */
static void as_many_addresses_as_connections_are_counted(void **state)
{
    (void)state;
    size_t uncounted = 0;
    make(50000, 1, 64);
    for (uint32_t i = 0; i < 50000; i++) {
        uint8_t ip[16] = {[10] = 0xff, [11] = 0xff};
        address_slot *slot;
        memcpy(ip + 12, &i, sizeof(i));
        assert_true(address_counts_enter(counts, ip, &slot));
        uncounted += slot == NULL;
    }
    assert_in_range(uncounted, 0, 100);
    address_counts_destroy(counts);
}

#define THREADS 4
#define LIMIT 5
static atomic_int present, most;

static void *come_and_go(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        address_slot *slots[3];
        int entered = 0;
        for (int k = 0; k < 3; k++) {
            if (!enter("198.51.100.7", &slots[entered]))
                continue;
            entered++;
            int now = atomic_fetch_add(&present, 1) + 1, before = atomic_load(&most);
            while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
                ;
        }
        for (int k = 0; k < entered; k++) {
            atomic_fetch_sub(&present, 1);
            address_counts_leave(slots[k]);
        }
    }
    return NULL;
}

static void workers_count_together(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    address_slot *slots[LIMIT], *slot;
    make(100, LIMIT, 64);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    /* Two that come first at the same time may take a slot each and both go on. */
    assert_in_range(atomic_load(&most), 1, LIMIT + THREADS);
    for (int i = 0; i < LIMIT; i++) /* nothing was left behind, nothing lost */
        assert_true(enter("198.51.100.7", &slots[i]));
    assert_false(enter("198.51.100.7", &slot));
    address_counts_destroy(counts);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_so_many_and_no_more),
        cmocka_unit_test(a_network_of_ipv6_is_one_client),
        cmocka_unit_test(an_address_that_left_makes_room_for_another),
        cmocka_unit_test(where_there_is_no_room_nobody_is_refused),
        cmocka_unit_test(as_many_addresses_as_connections_are_counted),
        cmocka_unit_test(workers_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
