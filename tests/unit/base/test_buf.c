/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The byte queue against a model (one long array of everything ever appended). */
#include "unit.h"

#include "core/base/buf.h"
#include "prng.h"

static void nothing_is_allocated_before_it_is_needed(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    assert_null(buf.data);
    assert_ok(buf_append(&buf, SPAN_EMPTY));
    assert_null(buf.data);
    assert_int_equal(buf_span(&buf).len, 0);
    buf_release(&buf);
    buf_finish(&buf);
}

static void max_counts_unconsumed_bytes_and_is_exact(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_ok(buf_append(&buf, SPAN("0123456789")));
    assert_int_equal(buf_append(&buf, SPAN("x")), ERR_LIMIT);
    buf_consume(&buf, 4);
    assert_int_equal(buf_append(&buf, SPAN("abcde")), ERR_LIMIT);
    assert_span_equal(buf_span(&buf), "456789");
    assert_ok(buf_append(&buf, SPAN("abcd")));
    assert_span_equal(buf_span(&buf), "456789abcd");
    assert_true(buf.cap <= 10);
    char *where = NULL;
    assert_int_equal(buf_reserve(&buf, 1, &where), ERR_LIMIT);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX, &where), ERR_LIMIT);
    assert_null(where);
    buf_finish(&buf);
}

static void finish_leaves_it_usable(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_ok(buf_append(&buf, SPAN("abc")));
    buf_clear(&buf);
    buf_release(&buf);
    assert_null(buf.data);
    assert_ok(buf_append(&buf, SPAN("de")));
    assert_span_equal(buf_span(&buf), "de");
    buf_finish(&buf);
    assert_int_equal(buf_append(&buf, SPAN("0123456789a")), ERR_LIMIT);
    assert_ok(buf_append(&buf, SPAN("f")));
    buf_finish(&buf);
}

static void format_fills_up_to_the_limit(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 600);
    assert_ok(buf_append_format(&buf, "%s", ""));
    assert_ok(buf_append_format(&buf, "%d-%s", 42, "x"));
    assert_span_equal(buf_span(&buf), "42-x");
    assert_ok(buf_append_format(&buf, "%0596d", 1));
    assert_int_equal(buf_len(&buf), 600);
    assert_int_equal(buf.data[599], '1');
    assert_int_equal(buf_append_format(&buf, "%d", 1), ERR_LIMIT);
    assert_int_equal(buf_len(&buf), 600);
    buf_consume(&buf, 1);
    assert_int_equal(buf_append_format(&buf, "%d", 12), ERR_LIMIT);
    assert_ok(buf_append_format(&buf, "%d", 7));
    assert_int_equal(buf_span(&buf).ptr[599], '7');
    assert_int_equal(buf_span(&buf).ptr[598], '1');
    buf_finish(&buf);
}

static void fixed_memory_is_never_left(void **state)
{
    (void)state;
    char memory[9] = "########";
    struct buf buf;
    buf_init_fixed(&buf, memory, sizeof(memory) - 1);
    assert_ok(buf_append_format(&buf, "%s", "abcdefg"));
    assert_int_equal(buf_append(&buf, SPAN("h")), ERR_LIMIT);
    buf_consume(&buf, 2);
    assert_ok(buf_append(&buf, SPAN("hi")));
    assert_span_equal(buf_span(&buf), "cdefghi");
    assert_ptr_equal(buf_span(&buf).ptr, memory);
    buf_consume(&buf, 7);
    buf_release(&buf);
    assert_ptr_equal(buf.data, memory);
    buf_finish(&buf);
    assert_null(buf.data);
    assert_int_equal(memory[8], '\0');
}

#define MODEL_SIZE (1 << 21)

struct model {
    struct buf buf;
    char *all;
    size_t start, end;
    uint64_t random;
};

static void model_append(struct model *model)
{
    size_t n = prng_below(&model->random, prng_below(&model->random, 8) ? 40 : 3000);
    for (size_t i = 0; i < n; i++)
        model->all[model->end + i] = (char)prng_next(&model->random);
    struct span bytes = span_make(model->all + model->end, n);
    bool fits = model->end + n - model->start <= model->buf.max;
    enum err error;
    if (prng_below(&model->random, 2)) {
        error = buf_append(&model->buf, bytes);
    } else {
        char *where;
        error = buf_reserve(&model->buf, n, &where);
        if (error == ERR_OK) {
            memcpy(where, bytes.ptr, n);
            buf_commit(&model->buf, n);
        }
    }
    assert_int_equal(error, fits ? ERR_OK : ERR_LIMIT);
    if (fits)
        model->end += n;
}

static void random_operations_behave_as_a_queue(void **state)
{
    (void)state;
    static char all[MODEL_SIZE];
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct model model = {.all = all, .random = seed * 77};
        buf_init(&model.buf, seed == 1 ? 100 : 500 * seed);
        while (model.end < MODEL_SIZE - 4000) {
            if (prng_below(&model.random, 2)) {
                model_append(&model);
            } else {
                size_t n = prng_below(&model.random, model.end - model.start + 1);
                buf_consume(&model.buf, n);
                model.start += n;
            }
            if (prng_below(&model.random, 500) == 0 && buf_len(&model.buf) == 0)
                buf_release(&model.buf);
            assert_int_equal(buf_len(&model.buf), model.end - model.start);
            assert_true(model.buf.cap <= model.buf.max);
            assert_true(span_equal(buf_span(&model.buf),
                                   span_make(all + model.start, model.end - model.start)));
        }
        buf_finish(&model.buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allocated_before_it_is_needed),
        cmocka_unit_test(max_counts_unconsumed_bytes_and_is_exact),
        cmocka_unit_test(finish_leaves_it_usable),
        cmocka_unit_test(format_fills_up_to_the_limit),
        cmocka_unit_test(fixed_memory_is_never_left),
        cmocka_unit_test(random_operations_behave_as_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
