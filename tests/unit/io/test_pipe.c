/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Splicing from socket to socket through a cached pipe, and what the cache
 * keeps. The child at the end has no privileges, so that the limits on pipe
 * memory hold for it.
 */
#include "harness.h"

#include "io/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CAPACITY (256u << 10)

static int setup(void **state)
{
    struct pipe_cache *cache = malloc(sizeof(*cache));
    pipe_cache_init(cache, CAPACITY);
    *state = cache;
    return 0;
}

static int teardown(void **state)
{
    pipe_cache_finish(*state);
    free(*state);
    return 0;
}

/* ---- moving bytes ---- */

static void bytes_pass_from_socket_to_socket(void **state)
{
    struct pipe_cache *cache = *state;
    struct splice_pipe pipe;
    char out[8192], in[8192];
    int source[2], sink[2];
    size_t total = 8u << 20, fed = 0, got = 0, moved;
    harness_tcp_pair(source);
    harness_tcp_pair(sink);
    assert_ok(pipe_cache_take(cache, &pipe));
    int64_t deadline = harness_now_ms() + HARNESS_DEADLINE_MS;
    while (got < total) {
        assert_true(harness_now_ms() < deadline);
        size_t part = total - fed < sizeof(out) ? total - fed : sizeof(out);
        harness_fill_pattern(out, part, fed);
        ssize_t n = part > 0 ? write(source[0], out, part) : 0;
        fed += n > 0 ? (size_t)n : 0;
        enum err filled = ERR_AGAIN;
        if (pipe.capacity > pipe.filled)
            filled = pipe_fill(&pipe, source[1], pipe.capacity - pipe.filled, &moved);
        assert_true(filled == ERR_OK || filled == ERR_AGAIN);
        pipe.filled += filled == ERR_OK ? moved : 0;
        enum err drained = ERR_AGAIN;
        if (pipe.filled > 0)
            drained = pipe_drain(&pipe, sink[0], false, &moved);
        assert_true(drained == ERR_OK || drained == ERR_AGAIN);
        pipe.filled -= drained == ERR_OK ? moved : 0;
        while ((n = read(sink[1], in, sizeof(in))) > 0) {
            harness_check_pattern(in, (size_t)n, got);
            got += (size_t)n;
        }
    }
    assert_int_equal(pipe.filled, 0);
    close(source[0]);
    moved = 99;
    assert_int_equal(pipe_fill(&pipe, source[1], 1000, &moved), ERR_CLOSED);
    assert_int_equal(moved, 99);
    pipe_cache_give(cache, &pipe);
    close(source[1]);
    close(sink[0]);
    close(sink[1]);
}

static void nothing_blocks(void **state)
{
    struct pipe_cache *cache = *state;
    struct splice_pipe pipe;
    char block[4096] = {0};
    int source[2], sink[2];
    size_t moved = 99;
    harness_unix_pair(source);
    harness_unix_pair(sink);
    assert_ok(pipe_cache_take(cache, &pipe));
    assert_int_equal(pipe_fill(&pipe, source[1], 1000, &moved), ERR_AGAIN);
    assert_int_equal(moved, 99);
    while (write(sink[0], block, sizeof(block)) > 0)
        continue;
    assert_int_equal(write(source[0], "x", 1), 1);
    assert_ok(pipe_fill(&pipe, source[1], 1000, &moved));
    assert_int_equal(moved, 1);
    pipe.filled = 1;
    moved = 99;
    assert_int_equal(pipe_drain(&pipe, sink[0], true, &moved), ERR_AGAIN);
    assert_int_equal(moved, 99);
    pipe_cache_give(cache, &pipe);
    for (int i = 0; i < 2; i++) {
        close(source[i]);
        close(sink[i]);
    }
}

static void full_pipe_says_again_and_max_is_kept(void **state)
{
    struct pipe_cache *cache = *state;
    struct splice_pipe pipe;
    char block[4096] = {0};
    int source[2];
    size_t moved;
    enum err error = ERR_OK;
    harness_unix_pair(source);
    assert_ok(pipe_cache_take(cache, &pipe));
    assert_int_equal(write(source[0], block, sizeof(block)), sizeof(block));
    assert_ok(pipe_fill(&pipe, source[1], 100, &moved));
    assert_int_equal(moved, 100);
    pipe.filled += moved;
    while (error == ERR_OK) {
        (void)!write(source[0], block, sizeof(block));
        error = pipe_fill(&pipe, source[1], 4 * CAPACITY, &moved);
        pipe.filled += error == ERR_OK ? moved : 0;
    }
    assert_int_equal(error, ERR_AGAIN);
    assert_true(pipe.filled > 0 && pipe.filled <= pipe.capacity);
    pipe_cache_give(cache, &pipe);
    close(source[0]);
    close(source[1]);
}

static void drain_into_a_closed_socket_fails(void **state)
{
    struct pipe_cache *cache = *state;
    struct splice_pipe pipe;
    int sink[2];
    size_t moved;
    harness_unix_pair(sink);
    close(sink[1]);
    assert_ok(pipe_cache_take(cache, &pipe));
    assert_int_equal(write(pipe.write_fd, "x", 1), 1);
    pipe.filled = 1;
    assert_int_equal(pipe_drain(&pipe, sink[0], false, &moved), ERR_CLOSED);
    pipe_cache_give(cache, &pipe);
    close(sink[0]);
}

/* ---- the cache ---- */

static void pipe_has_the_capacity_and_flags_wanted(void **state)
{
    struct splice_pipe pipe;
    assert_ok(pipe_cache_take(*state, &pipe));
    assert_int_equal(pipe.capacity, CAPACITY);
    assert_int_equal(fcntl(pipe.read_fd, F_GETPIPE_SZ), CAPACITY);
    assert_int_equal(pipe.filled, 0);
    assert_true(fcntl(pipe.read_fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(pipe.write_fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(pipe.read_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(pipe.write_fd, F_GETFD) & FD_CLOEXEC);
    pipe_cache_give(*state, &pipe);
    assert_int_equal(pipe.read_fd, -1);
}

static void empty_pipe_is_used_again_and_a_filled_one_is_not(void **state)
{
    struct pipe_cache *cache = *state;
    struct splice_pipe pipe, other;
    assert_ok(pipe_cache_take(cache, &pipe));
    int first = pipe.read_fd;
    pipe_cache_give(cache, &pipe);
    assert_int_equal(cache->count, 1);
    assert_ok(pipe_cache_take(cache, &other));
    assert_int_equal(other.read_fd, first);
    assert_int_equal(cache->count, 0);
    assert_int_equal(write(other.write_fd, "x", 1), 1);
    other.filled = 1;
    pipe_cache_give(cache, &other);
    assert_int_equal(cache->count, 0);
    assert_int_equal(fcntl(first, F_GETFD), -1);
}

static void cache_keeps_no_more_than_its_maximum(void **state)
{
    struct pipe_cache *cache = *state;
    struct splice_pipe pipes[PIPE_CACHE_MAX + 5];
    for (int i = 0; i < PIPE_CACHE_MAX + 5; i++)
        assert_ok(pipe_cache_take(cache, &pipes[i]));
    int last = pipes[PIPE_CACHE_MAX + 4].read_fd;
    for (int i = 0; i < PIPE_CACHE_MAX + 5; i++)
        pipe_cache_give(cache, &pipes[i]);
    assert_int_equal(cache->count, PIPE_CACHE_MAX);
    assert_int_equal(fcntl(last, F_GETFD), -1);
}

/* ---- limits ---- */

#define CHILD_CHECK(condition)                                            \
    do {                                                                  \
        if (!(condition)) {                                               \
            snprintf(text, 512, "line %d: %s", __LINE__, #condition);     \
            return 1;                                                     \
        }                                                                 \
    } while (0)

static long read_limit(const char *path)
{
    long value = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld", &value) != 1)
        value = 0;
    fclose(file);
    return value;
}

/* fs.pipe-user-pages-soft lets an ordinary user have so many pages and then
 * only pipes of one or two. */
static int exceed_the_soft_limit(char text[512])
{
    static struct pipe_cache cache;
    static struct splice_pipe pipes[400];
    size_t smallest = SIZE_MAX;
    CHILD_CHECK(setresuid(65534, 65534, 65534) == 0);
    pipe_cache_init(&cache, 1u << 20);
    for (int i = 0; i < 400; i++) {
        CHILD_CHECK(pipe_cache_take(&cache, &pipes[i]) == ERR_OK);
        CHILD_CHECK(pipes[i].capacity >= 4096);
        CHILD_CHECK((size_t)fcntl(pipes[i].read_fd, F_GETPIPE_SZ) == pipes[i].capacity);
        smallest = pipes[i].capacity < smallest ? pipes[i].capacity : smallest;
    }
    CHILD_CHECK(pipes[0].capacity == 1u << 20);
    CHILD_CHECK(smallest < 1u << 20);
    return 0;
}

static void soft_limit_of_pages_gives_smaller_pipes(void **state)
{
    char text[512];
    (void)state;
    long pages = read_limit("/proc/sys/fs/pipe-user-pages-soft");
    if (pages <= 0 || pages > 50000 || geteuid() != 0)
        skip(); /* 400 pipes would not exceed it, or the user may have others */
    if (harness_in_child(exceed_the_soft_limit, text) != 0)
        fail_msg("%s", text);
}

/* Above fs.pipe-max-size an ordinary user gets the largest half of a half that
 * fits, not the kernel's default of 64 KiB. */
static int want_more_than_the_maximum(char text[512])
{
    struct pipe_cache cache;
    struct splice_pipe pipe;
    CHILD_CHECK(setresuid(65534, 65534, 65534) == 0);
    pipe_cache_init(&cache, 16u << 20);
    CHILD_CHECK(pipe_cache_take(&cache, &pipe) == ERR_OK);
    CHILD_CHECK(pipe.capacity == 1u << 20);
    return 0;
}

static void too_large_a_wish_gives_the_largest_pipe_there_is(void **state)
{
    char text[512];
    (void)state;
    if (geteuid() != 0 || read_limit("/proc/sys/fs/pipe-max-size") != 1 << 20)
        skip();
    if (harness_in_child(want_more_than_the_maximum, text) != 0)
        fail_msg("%s", text);
}

static int run_out_of_descriptors(char text[512])
{
    struct pipe_cache cache;
    struct splice_pipe pipe = {.read_fd = -7};
    struct rlimit limit = {3, 3};
    pipe_cache_init(&cache, CAPACITY);
    CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHILD_CHECK(pipe_cache_take(&cache, &pipe) == ERR_LIMIT);
    CHILD_CHECK(pipe.read_fd == -7);
    return 0;
}

static void no_descriptors_no_pipe(void **state)
{
    char text[512];
    (void)state;
    if (harness_in_child(run_out_of_descriptors, text) != 0)
        fail_msg("%s", text);
}

#define pipe_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        pipe_test(bytes_pass_from_socket_to_socket),
        pipe_test(nothing_blocks),
        pipe_test(full_pipe_says_again_and_max_is_kept),
        pipe_test(drain_into_a_closed_socket_fails),
        pipe_test(pipe_has_the_capacity_and_flags_wanted),
        pipe_test(empty_pipe_is_used_again_and_a_filled_one_is_not),
        pipe_test(cache_keeps_no_more_than_its_maximum),
        cmocka_unit_test(soft_limit_of_pages_gives_smaller_pipes),
        cmocka_unit_test(too_large_a_wish_gives_the_largest_pipe_there_is),
        cmocka_unit_test(no_descriptors_no_pipe),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
