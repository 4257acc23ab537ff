/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bump allocator and the free list: alignment, limits, reuse, poisoning. */
#include "unit.h"

#include "core/base/arena.h"
#include "core/base/poison.h"
#include "core/base/pool.h"
#include "prng.h"

#include <stdlib.h>

static void objects_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 300, 1 << 20);
    uint64_t random = 3;
    unsigned char *objects[400];
    size_t sizes[400];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 400; i++) {
            sizes[i] = prng_below(&random, i % 50 ? 100 : 5000);
            objects[i] = i % 3 ? arena_alloc(&arena, sizes[i])
                               : (unsigned char *)arena_bytes(&arena, sizes[i]);
            assert_non_null(objects[i]);
            for (size_t k = 0; i % 3 && k < sizes[i]; k++)
                assert_int_equal(objects[i][k], 0);
            if (i % 3)
                assert_int_equal((uintptr_t)objects[i] % 16, 0);
            memset(objects[i], i & 255, sizes[i]);
        }
        for (int i = 0; i < 400; i++) {
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(objects[i][k], i & 255);
        }
        arena_reset(&arena);
        assert_int_equal(arena.used, 0);
    }
    arena_finish(&arena);
}

static void the_limit_is_exact_and_failure_changes_nothing(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, 1000);
    assert_non_null(arena_bytes(&arena, 1000));
    assert_null(arena_bytes(&arena, 1));
    assert_int_equal(arena.used, 1000);
    arena_reset(&arena);
    assert_null(arena_alloc(&arena, 1001));
    assert_non_null(arena_alloc(&arena, 999));
    assert_null(arena_alloc(&arena, 16));
    assert_non_null(arena_bytes(&arena, 1));
    assert_null(arena_span(&arena, SPAN("")).ptr);
    assert_null(arena_format(&arena, "%d", 1));
    arena_finish(&arena);
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, SIZE_MAX);
    assert_non_null(arena_alloc(&arena, 5));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 20));
    assert_null(arena_span(&arena, span_make("", SIZE_MAX)).ptr);
    size_t n = SIZE_MAX / 8 + 2;
    assert_null(ARENA_ARRAY(&arena, uint64_t, n));
    assert_non_null(ARENA_ARRAY(&arena, uint64_t, 3));
    assert_non_null(ARENA_NEW(&arena, struct arena));
    arena_finish(&arena);
    assert_null(arena.blocks);
}

static void strings_are_copied_and_end_in_nul(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, 100000);
    char source[] = "www.example.com";
    struct span copy = arena_span(&arena, span_make(source, 3));
    const char *text = arena_cstr(&arena, span_make(source + 4, 7));
    memset(source, '#', sizeof(source));
    assert_span_equal(copy, "www");
    assert_int_equal(copy.ptr[3], '\0');
    assert_string_equal(text, "example");
    assert_string_equal(arena_cstr(&arena, SPAN_EMPTY), "");
    assert_string_equal(arena_format(&arena, "%s@%s:%d", "r", "file", 80), "r@file:80");
    const char *longer = arena_format(&arena, "%05000d", 1);
    assert_int_equal(strlen(longer), 5000);
    arena_finish(&arena);
}

static void reset_keeps_the_first_block(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    arena_reset(&arena);
    char *first = arena_alloc(&arena, 100);
    assert_non_null(first);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&arena, 1000));
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 100), first);
    arena_finish(&arena);
}

static void pool_reuses_and_keeps_at_most_what_it_should(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, 40, 2);
    void *objects[4];
    for (int i = 0; i < 4; i++) {
        objects[i] = pool_get(&pool);
        assert_non_null(objects[i]);
        memset(objects[i], i, 40);
    }
    assert_int_equal(pool.used_count, 4);
    for (int i = 0; i < 4; i++)
        pool_put(&pool, objects[i]);
    assert_int_equal(pool.used_count, 0);
    assert_int_equal(pool.idle_count, 2);
    void *again = pool_get(&pool);
    assert_ptr_equal(again, objects[1]);
    memset(again, 9, 40);
    pool_put(&pool, again);
    pool_finish(&pool);

    pool_init(&pool, 1, 5); /* smaller than the chain's link */
    char *small = pool_get(&pool);
    *small = 'x';
    pool_put(&pool, small);
    assert_ptr_equal(pool_get(&pool), small);
    pool_put(&pool, small);
    pool_finish(&pool);
}

#ifdef POISON_ACTIVE
static void what_is_not_handed_out_is_poisoned(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    char *bytes = arena_bytes(&arena, 13);
    assert_false(__asan_address_is_poisoned(bytes + 12));
    assert_true(__asan_address_is_poisoned(bytes + 13));
    arena_reset(&arena);
    assert_true(__asan_address_is_poisoned(bytes));
    arena_finish(&arena);

    struct pool pool;
    pool_init(&pool, 64, 1);
    char *object = pool_get(&pool);
    pool_put(&pool, object);
    assert_true(__asan_address_is_poisoned(object + 8));
    object = pool_get(&pool);
    assert_false(__asan_address_is_poisoned(object + 8));
    pool_put(&pool, object);
    pool_finish(&pool);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_zeroed_aligned_and_apart),
        cmocka_unit_test(the_limit_is_exact_and_failure_changes_nothing),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(strings_are_copied_and_end_in_nul),
        cmocka_unit_test(reset_keeps_the_first_block),
        cmocka_unit_test(pool_reuses_and_keeps_at_most_what_it_should),
#ifdef POISON_ACTIVE
        cmocka_unit_test(what_is_not_handed_out_is_poisoned),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
