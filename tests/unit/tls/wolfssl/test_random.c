/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The generator's key stream against the vectors of RFC 8439 appendix A.1, and what it promises:
 * distinct bytes per thread and per process, and none left behind in the state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tls/random.h"

/* RFC 8439 A.1, vectors 1 and 2: key and nonce of zeros, block counters 0 and 1. */
static const uint8_t stream_of_zero_key[] = {
    0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
    0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7,
    0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37,
    0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
    0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a, 0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d,
    0xcb, 0x0f, 0x29, 0xa0, 0x48, 0xe3, 0x65, 0x69, 0x12, 0xc6, 0x53, 0x3e, 0x32, 0xee, 0x7a, 0xed,
    0x29, 0xb7, 0x21, 0x76, 0x9c, 0xe6, 0x4e, 0x43, 0xd5, 0x71, 0x33, 0xb0, 0x74, 0xd8, 0x39, 0xd5,
    0x31, 0xed, 0x1f, 0x28, 0x51, 0x0a, 0xfb, 0x45, 0xac, 0xe1, 0x0a, 0x1f, 0x4b, 0x79, 0x4d, 0x6f,
};

enum { SAMPLE = 64 };

static void key_stream_is_chacha20(void **state)
{
    (void)state;
    uint8_t output[sizeof(stream_of_zero_key)];
    assert_int_equal(random_expand((uint8_t[RANDOM_KEY_SIZE]){0}, output, sizeof(output)), 0);
    assert_memory_equal(output, stream_of_zero_key, sizeof(output));
}

static void key_stream_follows_every_bit_of_the_key(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < RANDOM_KEY_SIZE * 8; bit++) {
        uint8_t key[RANDOM_KEY_SIZE] = {0};
        uint8_t output[SAMPLE];
        key[bit / 8] = (uint8_t)(1u << (bit % 8));
        assert_int_equal(random_expand(key, output, sizeof(output)), 0);
        assert_memory_not_equal(output, stream_of_zero_key, sizeof(output));
    }
}

static void every_byte_of_the_output_is_written(void **state)
{
    (void)state;
    static const unsigned int sizes[] = {1, 2, 31, 32, 33, 991, 992, 993, 1984, 5000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t output[5001];
        uint8_t seen[5001] = {0};
        /* A byte of a random string is zero once in 256: over 12 draws none stays zero (2^-96). */
        for (int draw = 0; draw < 12; draw++) {
            memset(output, 0, sizeof(output));
            assert_int_equal(weir_random_block(output, sizes[i]), 0);
            for (size_t at = 0; at < sizeof(output); at++)
                seen[at] |= output[at];
        }
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_not_equal(seen[at], 0);
        assert_int_equal(seen[sizes[i]], 0);
    }
}

static void bytes_are_spread_evenly(void **state)
{
    (void)state;
    enum { DRAWS = 4 * RANDOM_RESEED_BYTES / 4096 }; /* across several reseeds */
    static uint32_t count[256];
    uint8_t output[4096];
    for (int draw = 0; draw < DRAWS; draw++) {
        assert_int_equal(weir_random_block(output, sizeof(output)), 0);
        for (size_t i = 0; i < sizeof(output); i++)
            count[output[i]]++;
    }
    double expected = (double)DRAWS * sizeof(output) / 256;
    double chi_squared = 0;
    for (int value = 0; value < 256; value++) {
        double off = count[value] - expected;
        chi_squared += off * off / expected;
    }
    /* 255 degrees of freedom: mean 255, deviation 22.6; ten deviations either way. */
    assert_true(chi_squared > 29 && chi_squared < 481);
}

static void *draw_sample(void *output)
{
    return weir_random_block(output, SAMPLE) == 0 ? output : NULL;
}

static void threads_draw_distinct_bytes(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    uint8_t samples[THREADS][SAMPLE];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw_sample, samples[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
        for (int other = 0; other < i; other++)
            assert_memory_not_equal(samples[i], samples[other], SAMPLE);
    }
}

static void a_child_draws_other_bytes_than_its_parent(void **state)
{
    (void)state;
    int ends[2];
    uint8_t ours[SAMPLE], theirs[SAMPLE];
    /* Leave stock behind, which a naive child would serve again. */
    assert_int_equal(weir_random_block(ours, 1), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int failed = weir_random_block(theirs, SAMPLE) != 0 ||
                     write(ends[1], theirs, SAMPLE) != SAMPLE;
        _exit(failed);
    }
    int status;
    assert_int_equal(weir_random_block(ours, SAMPLE), 0);
    assert_int_equal(read(ends[0], theirs, SAMPLE), SAMPLE);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_not_equal(ours, theirs, SAMPLE);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_stream_is_chacha20),
        cmocka_unit_test(key_stream_follows_every_bit_of_the_key),
        cmocka_unit_test(every_byte_of_the_output_is_written),
        cmocka_unit_test(bytes_are_spread_evenly),
        cmocka_unit_test(threads_draw_distinct_bytes),
        cmocka_unit_test(a_child_draws_other_bytes_than_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
