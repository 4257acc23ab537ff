/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A watch on a temporary directory, for the tests of config/watch. Each suite
 * runs twice: with inotify descriptors of the files' own, and without.
 */
#ifndef WEIR_TESTS_UNIT_CONFIG_WATCH_FIXTURE_H
#define WEIR_TESTS_UNIT_CONFIG_WATCH_FIXTURE_H

#include "fs.h"

#include "config/watch.h"

static struct watch *watch;
static size_t file_marks; /* the tests run with and without files' own descriptors */

static inline bool any_name(struct span name, bool is_directory)
{
    (void)name;
    (void)is_directory;
    return true;
}

static inline int setup(void **state)
{
    if (fs_setup(state) != 0 || watch_create(any_name, file_marks, &watch, NULL) != ERR_OK)
        return -1;
    return 0;
}

static inline int teardown(void **state)
{
    watch_destroy(watch);
    watch = NULL;
    return fs_teardown(state);
}

static inline void watch_one(const char *name)
{
    watch_set_begin(watch, 0);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at(name))), ERR_OK);
    watch_set_end(watch, 0);
}

/* The next drain must say exactly this. */
static inline void expect(unsigned bits)
{
    fs_wait(watch_fd(watch));
    assert_int_equal(watch_drain(watch), bits);
}

static inline void expect_change(void)
{
    expect(WATCH_GROUP_BIT(0));
    assert_int_equal(watch_drain(watch), 0);
}

static inline void expect_quiet(void)
{
    assert_int_equal(watch_drain(watch), 0);
}

/* inotify descriptors in use, as the kernel counts them. */
static inline unsigned descriptors(void)
{
    char path[64], line[256];
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", watch_fd(watch));
    FILE *info = fopen(path, "re");
    assert_non_null(info);
    while (fgets(line, sizeof(line), info) != NULL)
        count += strncmp(line, "inotify ", 8) == 0;
    fclose(info);
    return count;
}

static inline void change_given(const char *name)
{
    const struct span *paths;
    size_t count = 0;
    assert_true(watch_changed(watch, 0, &paths, &count));
    assert_int_equal(count, 1);
    assert_true(span_equal(paths[0], span_cstr(fs_at(name))));
}

#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define WATCH_RUN(name, tests)                                                     \
    (file_marks = WATCH_FILE_MARKS,                                                \
     cmocka_run_group_tests_name(name ", files marked", tests, NULL, NULL) +       \
         (file_marks = 0,                                                          \
          cmocka_run_group_tests_name(name ", directories only", tests, NULL, NULL)))

#endif
