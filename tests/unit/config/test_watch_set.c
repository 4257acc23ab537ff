/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets of watched paths: how they are replaced, what is said of them, what they
 * cost, and what happens when the kernel loses events.
 */
#include "watch_fixture.h"

static void a_listing_says_that_names_came_or_went(void **state)
{
    (void)state;
    fs_mkdir("conf");
    fs_write("conf/a.yml", "one");
    watch_set_begin(watch, 1);
    assert_int_equal(watch_set_listing(watch, 1, span_cstr(fs_at("conf"))), ERR_OK);
    watch_set_end(watch, 1);
    fs_write("conf/a.yml", "two");
    expect(0);
    fs_write("conf/b.yml", "three");
    expect(WATCH_NAMES_CHANGED);
    fs_unlink("conf/b.yml");
    expect(WATCH_NAMES_CHANGED);
    fs_mkdir("conf/sub");
    expect(WATCH_NAMES_CHANGED);
    fs_rename("conf", "away");
    expect(WATCH_NAMES_CHANGED);
}

static void relative_paths_are_given_back_as_named(void **state)
{
    (void)state;
    char *cwd = getcwd(NULL, 0);
    assert_non_null(cwd);
    watch_destroy(watch);
    assert_int_equal(chdir(fs_root), 0);
    enum err error = watch_create(any_name, file_marks, &watch, NULL);
    assert_int_equal(chdir(cwd), 0);
    free(cwd);
    assert_int_equal(error, ERR_OK);
    fs_mkdir("certs");
    watch_set_begin(watch, 0);
    assert_int_equal(watch_set_file(watch, 0, SPAN("a.pem")), ERR_OK);
    assert_int_equal(watch_set_file(watch, 0, SPAN("./certs//b.pem")), ERR_OK);
    watch_set_end(watch, 0);
    fs_write("a.pem", "one");
    fs_write("certs/b.pem", "two");
    expect_change();
    const struct span *paths;
    size_t count;
    assert_true(watch_changed(watch, 0, &paths, &count));
    assert_int_equal(count, 2);
    assert_true(span_equal(paths[0], SPAN("./certs//b.pem")));
    assert_true(span_equal(paths[1], SPAN("a.pem")));
}

static void unusable_paths_are_refused(void **state)
{
    (void)state;
    static char longer[5000];
    memset(longer, 'x', sizeof(longer));
    longer[0] = '/';
    watch_set_begin(watch, 0);
    assert_int_equal(watch_set_file(watch, 0, SPAN("")), ERR_INVALID);
    assert_int_equal(watch_set_file(watch, 0, span_make("/a\0b", 4)), ERR_INVALID);
    assert_int_equal(watch_set_file(watch, 0, span_make(longer, sizeof(longer))), ERR_INVALID);
    assert_int_equal(watch_set_listing(watch, 0, SPAN("")), ERR_INVALID);
    /* A name that no file system has is only missing. */
    assert_int_equal(watch_set_file(watch, 0, span_make(longer, 1000)), ERR_OK);
    watch_set_end(watch, 0);
    expect_quiet();
}

static void a_replaced_set_forgets_and_gives_descriptors_back(void **state)
{
    (void)state;
    fs_mkdir("certs");
    fs_write("certs/a.pem", "one");
    fs_write("b.pem", "two");
    watch_one("b.pem");
    unsigned before = descriptors();
    watch_set_begin(watch, 0);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at("b.pem"))), ERR_OK);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at("certs/a.pem"))), ERR_OK);
    watch_set_end(watch, 0);
    assert_int_equal(descriptors(), before + 1 + (file_marks > 0));
    watch_one("b.pem");
    assert_int_equal(descriptors(), before);
    fs_write("certs/a.pem", "more");
    expect_quiet();
    fs_write("b.pem", "more");
    expect_change();
    watch_set_begin(watch, 0);
    watch_set_end(watch, 0);
    assert_int_equal(descriptors(), 0);
}

static void groups_do_not_touch_each_other(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    watch_one("a.pem");
    watch_set_begin(watch, 1);
    assert_int_equal(watch_set_file(watch, 1, span_cstr(fs_at("a.pem"))), ERR_OK);
    assert_int_equal(watch_set_file(watch, 1, span_cstr(fs_at("b.pem"))), ERR_OK);
    watch_set_end(watch, 1);
    fs_write("a.pem", "two");
    expect(WATCH_GROUP_BIT(0) | WATCH_GROUP_BIT(1));
    fs_write("b.pem", "two");
    expect(WATCH_GROUP_BIT(1));
    watch_set_begin(watch, 1);
    watch_set_end(watch, 1);
    fs_write("a.pem", "three");
    expect_change();
}

static void changes_stay_noted_until_they_are_done(void **state)
{
    (void)state;
    const struct span *paths;
    size_t count;
    fs_write("a.pem", "one");
    fs_write("b.pem", "one");
    watch_set_begin(watch, 0);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at("a.pem"))), ERR_OK);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at("b.pem"))), ERR_OK);
    watch_set_end(watch, 0);
    assert_true(watch_changed(watch, 0, &paths, &count));
    assert_int_equal(count, 0);
    fs_write("a.pem", "two");
    expect_change();
    change_given("a.pem");
    change_given("a.pem");
    fs_write("b.pem", "two"); /* between the answer and done */
    expect_change();
    watch_changed_done(watch, 0);
    change_given("b.pem");
    fs_write("b.pem", "three"); /* the same one again */
    expect_change();
    watch_changed_done(watch, 0);
    change_given("b.pem");
    watch_changed_done(watch, 0);
    assert_true(watch_changed(watch, 0, &paths, &count));
    assert_int_equal(count, 0);
}

static void an_overflow_is_a_change_and_loses_nothing(void **state)
{
    (void)state;
    unsigned max = 0;
    FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    if (limit == NULL || fscanf(limit, "%u", &max) != 1 || max > 200000)
        skip();
    fclose(limit);
    fs_write("a.pem", "one");
    fs_write("b.pem", "one");
    watch_set_begin(watch, 0);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at("a.pem"))), ERR_OK);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at("b.pem"))), ERR_OK);
    watch_set_end(watch, 0);
    const char *x = fs_at("x"), *y = fs_at("y");
    fs_write("x", "");
    for (unsigned i = 0; i <= max; i++) {
        assert_int_equal(rename(x, y), 0);
        assert_int_equal(rename(y, x), 0);
    }
    fs_write("b.pem", "two, after the queue was full");
    unsigned found = 0;
    while (!(found & WATCH_OVERFLOW)) {
        fs_wait(watch_fd(watch));
        found |= watch_drain(watch);
    }
    assert_true(found & WATCH_GROUP_BIT(0));
    const struct span *paths;
    size_t count;
    assert_true(watch_changed(watch, 0, &paths, &count));
    bool has_b = false;
    for (size_t i = 0; i < count; i++)
        has_b |= span_equal(paths[i], span_cstr(fs_at("b.pem")));
    assert_true(has_b);
    fs_write("a.pem", "still watched");
    expect_change();
}

#define MANY 20000

static void one_of_many_costs_one_look(void **state)
{
    (void)state;
    char name[32];
    fs_mkdir("d0");
    fs_mkdir("d1");
    fs_mkdir("d2");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "d%d/%d.pem", i % 3, i);
        int fd = open(fs_at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_int_not_equal(fd, -1);
        close(fd);
    }
    for (int round = 0; round < 2; round++) {
        watch_set_begin(watch, 0);
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof(name), "d%d/%d.pem", i % 3, i);
            assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at(name))), ERR_OK);
        }
        watch_set_end(watch, 0);
    }
    assert_int_equal(watch_looks(watch), MANY + 3);
    assert_in_range(descriptors(), 3, 3 + 4 + file_marks);
    uint64_t looks = watch_looks(watch);
    fs_write("d1/10000.pem", "new");
    expect_change();
    /* Whoever touches a directory above, which is not ours alone, costs a look at each of
     * the three directories, but at none of the files. */
    assert_in_range(watch_looks(watch), looks + 1, looks + 1 + 3);
    change_given("d1/10000.pem");
    watch_set_begin(watch, 0);
    watch_set_end(watch, 0);
    assert_int_equal(descriptors(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(a_listing_says_that_names_came_or_went),
        WATCH_TEST(relative_paths_are_given_back_as_named),
        WATCH_TEST(unusable_paths_are_refused),
        WATCH_TEST(a_replaced_set_forgets_and_gives_descriptors_back),
        WATCH_TEST(groups_do_not_touch_each_other),
        WATCH_TEST(changes_stay_noted_until_they_are_done),
        WATCH_TEST(an_overflow_is_a_change_and_loses_nothing),
        WATCH_TEST(one_of_many_costs_one_look),
    };
    return WATCH_RUN("watch sets", tests);
}
