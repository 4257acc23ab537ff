/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each allocation in turn fails (malloc and calloc are wrapped by the linker):
 * what was there before must still be there, and a second try must succeed.
 */
#include "unit.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/pool.h"

#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static int allocations_left = -1; /* negative: never fail */
static int failed;

static bool allocation_fails(void)
{
    if (allocations_left < 0)
        return false;
    if (allocations_left-- > 0)
        return false;
    allocations_left = -1; /* the one failure; the next try succeeds */
    failed++;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(n, size);
}

static void fail_allocation(int n)
{
    allocations_left = n;
    failed = 0;
}

static void buf_keeps_its_bytes(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1 << 20);
    fail_allocation(0);
    assert_int_equal(buf_append(&buf, SPAN("first")), ERR_NOMEM);
    assert_int_equal(buf_len(&buf), 0);
    assert_ok(buf_append(&buf, SPAN("first")));
    char big[5000];
    memset(big, 'x', sizeof(big));
    fail_allocation(0);
    assert_int_equal(buf_append(&buf, span_make(big, sizeof(big))), ERR_NOMEM);
    fail_allocation(0);
    assert_int_equal(buf_append_format(&buf, "%05000d", 1), ERR_NOMEM);
    char *where = NULL;
    fail_allocation(0);
    assert_int_equal(buf_reserve(&buf, 5000, &where), ERR_NOMEM);
    assert_null(where);
    assert_span_equal(buf_span(&buf), "first");
    assert_ok(buf_append_format(&buf, "%05000d", 1));
    assert_int_equal(buf_len(&buf), 5005);
    buf_finish(&buf);
}

/* Growing would be better for speed, but moving is enough for success. */
static void buf_moves_its_bytes_when_it_cannot_grow(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    char bytes[200];
    memset(bytes, 'a', sizeof(bytes));
    bytes[199] = 'z';
    assert_ok(buf_append(&buf, span_make(bytes, sizeof(bytes))));
    buf_consume(&buf, 50);
    fail_allocation(0);
    assert_ok(buf_append(&buf, span_make(bytes, 100)));
    assert_int_equal(failed, 1);
    assert_int_equal(buf_len(&buf), 250);
    assert_int_equal(buf_span(&buf).ptr[149], 'z');
    buf_finish(&buf);
}

static void strmap_stays_whole(void **state)
{
    (void)state;
    static char names[200][16];
    int value;
    for (int n = 0; n < 7; n++) { /* grows to 16, 32, 64, 128, 256, 512 slots */
        struct strmap map;
        strmap_init(&map);
        fail_allocation(n);
        int refused = 0;
        for (int i = 0; i < 200; i++) {
            snprintf(names[i], sizeof(names[i]), "k%d", i);
            struct span key = span_cstr(names[i]);
            enum err error = strmap_add(&map, key, &value);
            if (error == ERR_NOMEM) {
                refused++;
                assert_null(strmap_get(&map, key));
                assert_int_equal(map.count, i);
                error = strmap_set(&map, key, &value);
            }
            assert_ok(error);
        }
        assert_int_equal(refused, n < 6);
        for (int i = 0; i < 200; i++)
            assert_ptr_equal(strmap_get(&map, span_cstr(names[i])), &value);
        allocations_left = -1;
        strmap_finish(&map);
    }
}

static void arena_and_pool_say_no(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, 1 << 20);
    fail_allocation(0);
    assert_null(arena_alloc(&arena, 8));
    assert_int_equal(arena.used, 0);
    const char *kept = arena_cstr(&arena, SPAN("kept"));
    assert_non_null(kept);
    size_t used = arena.used;
    char big[500] = {0};
    fail_allocation(0);
    assert_null(arena_span(&arena, span_make(big, sizeof(big))).ptr);
    fail_allocation(0);
    assert_null(arena_format(&arena, "%0500d", 1));
    fail_allocation(0);
    assert_null(arena_cstr(&arena, span_make(big, sizeof(big))));
    assert_int_equal(arena.used, used);
    assert_string_equal(kept, "kept");
    assert_non_null(arena_alloc(&arena, 500));
    arena_finish(&arena);

    struct pool pool;
    pool_init(&pool, 100, 1);
    fail_allocation(0);
    assert_null(pool_get(&pool));
    assert_int_equal(pool.used_count, 0);
    void *object = pool_get(&pool);
    assert_non_null(object);
    pool_put(&pool, object);
    fail_allocation(0);
    assert_ptr_equal(pool_get(&pool), object); /* without malloc */
    allocations_left = -1;
    pool_put(&pool, object);
    pool_finish(&pool);

    fail_allocation(0);
    assert_null(span_dup(SPAN("x")));
}

static void json_reports_it_at_the_end(void **state)
{
    (void)state;
    for (int n = 0; n < 4; n++) { /* blocks of 256, 512, 1024 and 2048 bytes */
        struct buf buf;
        struct json json;
        buf_init(&buf, 1 << 20);
        json_init(&json, &buf, false);
        fail_allocation(n);
        json_begin_array(&json);
        for (int i = 0; i < 100; i++)
            json_write_cstr(&json, "0123456789");
        json_end_array(&json);
        assert_int_equal(json_finish(&json), ERR_NOMEM);
        assert_int_equal(failed, 1);
        allocations_left = -1;
        buf_finish(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_keeps_its_bytes),
        cmocka_unit_test(buf_moves_its_bytes_when_it_cannot_grow),
        cmocka_unit_test(strmap_stays_whole),
        cmocka_unit_test(arena_and_pool_say_no),
        cmocka_unit_test(json_reports_it_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
