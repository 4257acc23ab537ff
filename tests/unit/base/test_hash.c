/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XXH3 against the reference library's values, the map against an array. */
#include "unit.h"

#include "core/base/hash.h"
#include "prng.h"

#include <stdio.h>
#include <stdlib.h>

/* Values of the shared library libxxhash 0.8.1, called from Python (seed 0). */
static void hash_is_xxh3(void **state)
{
    (void)state;
    hash_seed_set(0);
    assert_true(hash_span(SPAN_EMPTY) == UINT64_C(0x2d06800538d394c2));
    assert_true(hash_span(SPAN("abc")) == UINT64_C(0x78af5f94892f3950));
    assert_true(hash_span(SPAN("www.example.com")) == UINT64_C(0x41284eb5bfdf32e5));
    assert_true(hash_span(SPAN("")) == hash_span(SPAN_EMPTY));
}

static void seed_and_salt_change_the_hash(void **state)
{
    (void)state;
    hash_seed_set(0);
    uint64_t plain = hash_span(SPAN("a"));
    assert_true(hash_span_salted(SPAN("a"), 0) == plain);
    assert_true(hash_span_salted(SPAN("a"), 1) != plain);
    assert_true(hash_span_salted(SPAN("a"), 1) != hash_span_salted(SPAN("a"), 2));
    hash_seed_set(1);
    assert_true(hash_span(SPAN("a")) != plain);
    hash_seed_init();
    uint64_t first = hash_span(SPAN("a"));
    hash_seed_init();
    assert_true(hash_span(SPAN("a")) != first);
}

static void add_keeps_and_set_replaces(void **state)
{
    (void)state;
    int a, b, c;
    struct strmap map;
    strmap_init(&map);
    assert_null(strmap_get(&map, SPAN("x")));
    assert_null(strmap_get_hashed(&map, 1, SPAN("x")));
    assert_ok(strmap_add(&map, SPAN("x"), &a));
    assert_int_equal(strmap_add(&map, SPAN("x"), &b), ERR_EXISTS);
    assert_ptr_equal(strmap_get(&map, SPAN("x")), &a);
    assert_ok(strmap_set(&map, SPAN("x"), &b));
    assert_ok(strmap_set(&map, SPAN(""), &c));
    assert_ok(strmap_add(&map, span_make("x\0y", 3), &a));
    assert_ptr_equal(strmap_get(&map, SPAN("x")), &b);
    assert_ptr_equal(strmap_get(&map, SPAN_EMPTY), &c);
    assert_ptr_equal(strmap_get(&map, span_make("x\0y", 3)), &a);
    assert_null(strmap_get(&map, span_make("x\0z", 3)));
    assert_null(strmap_get_hashed(&map, hash_span(SPAN("x")), SPAN("q")));
    assert_ptr_equal(strmap_get_hashed(&map, hash_span(SPAN("x")), SPAN("x")), &b);
    assert_int_equal(map.count, 3);
    strmap_finish(&map);
    strmap_finish(&map);
}

static void set_borrows_the_new_key(void **state)
{
    (void)state;
    int value;
    char old[] = "key", new[] = "key";
    struct strmap map;
    strmap_init(&map);
    assert_ok(strmap_set(&map, span_cstr(old), &value));
    assert_ok(strmap_set(&map, span_cstr(new), &value));
    old[0] = '#';
    assert_ptr_equal(strmap_get(&map, SPAN("key")), &value);
    strmap_finish(&map);
}

#define KEYS 5000

static void random_operations_agree_with_an_array(void **state)
{
    (void)state;
    static char names[KEYS][16];
    static int values[64];
    static void *model[KEYS];
    for (int i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof(names[i]), "k%d", i);
    uint64_t random = 11;
    struct strmap map;
    strmap_init(&map);
    size_t count = 0;
    for (int turn = 0; turn < 300000; turn++) {
        size_t i = prng_below(&random, 1 + KEYS * ((size_t)turn + 1) / 300001);
        struct span key = span_cstr(names[i]);
        void *value = &values[prng_below(&random, 64)];
        uint64_t what = prng_below(&random, 4);
        if (what == 0) {
            assert_int_equal(strmap_add(&map, key, value), model[i] ? ERR_EXISTS : ERR_OK);
            count += model[i] == NULL;
            model[i] = model[i] ? model[i] : value;
        } else if (what == 1) {
            assert_ok(strmap_set(&map, key, value));
            count += model[i] == NULL;
            model[i] = value;
        } else {
            assert_ptr_equal(strmap_get(&map, key), model[i]);
        }
        assert_int_equal(map.count, count);
    }
    assert_true(map.count < map.cap);
    size_t walked = 0;
    strmap_for_each(&map, slot) {
        assert_ptr_equal(slot->value, model[strtoul(slot->key.ptr + 1, NULL, 10)]);
        walked++;
    }
    assert_int_equal(walked, count);
    strmap_finish(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_xxh3),
        cmocka_unit_test(seed_and_salt_change_the_hash),
        cmocka_unit_test(add_keeps_and_set_replaces),
        cmocka_unit_test(set_borrows_the_new_key),
        cmocka_unit_test(random_operations_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
