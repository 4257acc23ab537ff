/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What counts as a change of a watched path and what does not, with the
 * sequences of system calls that editors, Kubernetes and certbot make.
 */
#include "watch_fixture.h"

#include <time.h>

/* ---- one file -------------------------------------------------------------- */

static void a_write_in_place(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    watch_one("a.pem");
    expect_quiet();
    fs_write("a.pem", "two, longer");
    expect_change();
    change_given("a.pem");
}

static void an_append_by_a_writer_that_stays(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    watch_one("a.pem");
    int fd = open(fs_at("a.pem"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), 1);
    expect_change();
    assert_int_equal(write(fd, "y", 1), 1);
    expect_change();
    close(fd);
    expect_quiet();
}

static void same_size_twice_within_the_clocks_grain(void **state)
{
    (void)state;
    fs_write("a.pem", "000");
    watch_one("a.pem");
    int fd = open(fs_at("a.pem"), O_WRONLY | O_CLOEXEC);
    for (char c = 'a'; c <= 'z'; c++) {
        assert_int_equal(pwrite(fd, &c, 1, 0), 1);
        assert_true(watch_drain(watch) & WATCH_GROUP_BIT(0));
    }
    close(fd);
}

/* Until the file's times are older than any clock's grain. */
static void wait_until_old(const struct stat *st)
{
    struct timespec now;
    int64_t age;
    do {
        assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
        age = (now.tv_sec - st->st_ctim.tv_sec) * INT64_C(1000000000) + now.tv_nsec -
              st->st_ctim.tv_nsec;
    } while (age < 30000000);
}

static void a_write_that_restores_the_mtime(void **state)
{
    (void)state;
    struct stat st;
    fs_write("a.pem", "one");
    assert_int_equal(stat(fs_at("a.pem"), &st), 0);
    wait_until_old(&st);
    watch_one("a.pem");
    fs_write("a.pem", "two");
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, fs_at("a.pem"), times, 0), 0);
    expect_change();
}

static void an_atomic_rename_over(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    watch_one("a.pem");
    fs_write("a.pem.tmp", "two");
    fs_rename("a.pem.tmp", "a.pem");
    expect_change();
    fs_write("a.pem.tmp", "six");
    fs_rename("a.pem.tmp", "a.pem");
    expect_change();
}

static void a_deletion_and_a_new_file(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    watch_one("a.pem");
    fs_unlink("a.pem");
    expect_change();
    fs_write("a.pem", "one");
    expect_change();
}

static void a_deletion_and_a_new_file_seen_at_once(void **state)
{
    (void)state;
    struct stat st;
    fs_write("a.pem", "one");
    assert_int_equal(stat(fs_at("a.pem"), &st), 0);
    watch_one("a.pem");
    fs_unlink("a.pem");
    fs_write("a.pem", "two"); /* often the same inode */
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, fs_at("a.pem"), times, 0), 0);
    expect_change();
}

/* Prepared under another name, so nothing is written under the watched one. */
static void another_file_with_the_same_times_size_and_inode(void **state)
{
    (void)state;
    struct stat st;
    fs_write("a.pem", "one");
    assert_int_equal(stat(fs_at("a.pem"), &st), 0);
    watch_one("a.pem");
    fs_unlink("a.pem");
    fs_write("b.pem", "two"); /* ext4 gives the inode that was freed */
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, fs_at("b.pem"), times, 0), 0);
    fs_rename("b.pem", "a.pem");
    expect_change();
}

static void a_file_that_is_not_there_yet(void **state)
{
    (void)state;
    watch_one("a.pem");
    expect_quiet();
    fs_write("b.pem", "other");
    expect_quiet();
    fs_write("a.pem", "one");
    expect_change();
}

static void a_mode_that_makes_it_readable(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    assert_int_equal(chmod(fs_at("a.pem"), 0), 0);
    watch_one("a.pem");
    assert_int_equal(chmod(fs_at("a.pem"), 0600), 0);
    expect_change();
}

static void vim_renames_the_old_one_to_a_backup(void **state)
{
    (void)state;
    fs_write("a.yml", "one");
    watch_one("a.yml");
    fs_write(".a.yml.swp", "swap");
    fs_write("4913", "");
    fs_unlink("4913");
    expect(0);
    fs_rename("a.yml", "a.yml~");
    fs_write("a.yml", "two");
    fs_unlink("a.yml~");
    fs_unlink(".a.yml.swp");
    expect_change();
}

static void vim_copies_a_backup_and_writes_in_place(void **state)
{
    (void)state;
    fs_write("a.yml", "one");
    watch_one("a.yml");
    fs_write("a.yml~", "one");
    expect(0);
    fs_write("a.yml", "two");
    fs_unlink("a.yml~");
    expect_change();
}

static void emacs_locks_backs_up_and_writes(void **state)
{
    (void)state;
    fs_write("a.yml", "one");
    watch_one("a.yml");
    fs_symlink("user@host.1:2", ".#a.yml");
    fs_write("#a.yml#", "half");
    expect(0);
    fs_rename("a.yml", "a.yml~");
    fs_write("a.yml", "two");
    fs_unlink(".#a.yml");
    fs_unlink("#a.yml#");
    expect_change();
}

static void other_things_in_the_directory_are_quiet(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    fs_write("b.pem", "two");
    watch_one("a.pem");
    uint64_t looks = watch_looks(watch);
    fs_write("b.pem", "three");
    fs_mkdir("sub");
    fs_write("sub/a.pem", "four");
    fs_unlink("b.pem");
    expect(0);
    assert_int_equal(watch_looks(watch), looks);
}

static void reading_and_touching_of_the_file_are_quiet(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    watch_one("a.pem");
    const struct timespec times[] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    assert_int_equal(utimensat(AT_FDCWD, fs_at("a.pem"), times, 0), 0);
    assert_int_equal(chmod(fs_at("a.pem"), 0644), 0);
    close(open(fs_at("a.pem"), O_RDWR | O_CLOEXEC));
    fs_link("a.pem", "b.pem");
    fs_unlink("b.pem");
    expect(0);
}

static void what_is_no_regular_file_counts_as_missing(void **state)
{
    (void)state;
    fs_mkdir("a.pem");
    watch_one("a.pem");
    fs_rmdir("a.pem");
    expect(0);
    assert_int_equal(mkfifo(fs_at("a.pem"), 0600), 0);
    expect(0);
    fs_unlink("a.pem");
    fs_write("a.pem", "one");
    expect_change();
}

/* ---- links ----------------------------------------------------------------- */

static void a_write_through_another_hard_link(void **state)
{
    (void)state;
    fs_mkdir("certs");
    fs_mkdir("other");
    fs_write("other/b.pem", "one");
    fs_link("other/b.pem", "certs/a.pem");
    watch_one("certs/a.pem");
    fs_write("other/b.pem", "two, longer");
    expect_change();
    change_given("certs/a.pem");
    fs_unlink("certs/a.pem");
    expect_change();
    fs_write("other/b.pem", "three");
    assert_int_equal(watch_drain(watch), 0);
}

static void a_write_through_a_hard_link_made_later(void **state)
{
    (void)state;
    if (file_marks == 0)
        skip(); /* the header says so */
    fs_mkdir("certs");
    fs_mkdir("other");
    fs_write("certs/a.pem", "one");
    watch_one("certs/a.pem");
    fs_link("certs/a.pem", "other/b.pem");
    expect(0);
    fs_write("other/b.pem", "two, longer");
    expect_change();
}

static void both_hard_links_watched(void **state)
{
    (void)state;
    fs_write("a.pem", "one");
    fs_link("a.pem", "b.pem");
    watch_set_begin(watch, 0);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at("a.pem"))), ERR_OK);
    assert_int_equal(watch_set_file(watch, 0, span_cstr(fs_at("b.pem"))), ERR_OK);
    watch_set_end(watch, 0);
    fs_write("b.pem", "two");
    expect_change();
    const struct span *paths;
    size_t count;
    assert_true(watch_changed(watch, 0, &paths, &count));
    assert_int_equal(count, 2);
    assert_true(span_equal(paths[0], span_cstr(fs_at("a.pem"))));
    assert_true(span_equal(paths[1], span_cstr(fs_at("b.pem"))));
}

static void a_write_to_a_symlinks_target(void **state)
{
    (void)state;
    fs_mkdir("archive");
    fs_write("archive/1.pem", "one");
    fs_symlink("archive/1.pem", "a.pem");
    watch_one("a.pem");
    fs_write("archive/1.pem", "two");
    expect_change();
}

static void certbot_points_the_link_at_the_next_file(void **state)
{
    (void)state;
    fs_mkdir("archive");
    fs_mkdir("archive/site");
    fs_mkdir("live");
    fs_mkdir("live/site");
    fs_write("archive/site/cert1.pem", "one");
    fs_symlink("../../archive/site/cert1.pem", "live/site/cert.pem");
    watch_one("live/site/cert.pem");
    fs_write("archive/site/cert2.pem", "two");
    expect(0);
    fs_unlink("live/site/cert.pem");
    fs_symlink("../../archive/site/cert2.pem", "live/site/cert.pem");
    expect_change();
    fs_write("archive/site/cert1.pem", "old");
    assert_int_equal(watch_drain(watch), 0);
    fs_write("archive/site/cert2.pem", "new");
    expect_change();
}

static void an_absolute_symlink_swapped(void **state)
{
    (void)state;
    fs_mkdir("other");
    fs_write("other/1.pem", "one");
    fs_write("other/2.pem", "two");
    fs_symlink(fs_at("other/1.pem"), "a.pem");
    watch_one("a.pem");
    fs_write("other/1.pem", "more");
    expect_change();
    fs_swap_symlink(fs_at("other/2.pem"), "a.pem");
    expect_change();
    fs_write("other/new", "three");
    fs_rename("other/new", "other/2.pem");
    expect_change();
}

static void a_symlink_to_the_same_file_again_is_quiet(void **state)
{
    (void)state;
    fs_write("1.pem", "one");
    fs_symlink("1.pem", "a.pem");
    watch_one("a.pem");
    fs_swap_symlink("./1.pem", "a.pem");
    expect(0);
}

static void kubernetes_swaps_the_directory_behind_data(void **state)
{
    (void)state;
    fs_mkdir("..2024_1");
    fs_write("..2024_1/a.pem", "one");
    fs_symlink("..2024_1", "..data");
    fs_symlink("..data/a.pem", "a.pem");
    watch_one("a.pem");
    fs_mkdir("..2024_2");
    fs_write("..2024_2/a.pem", "two");
    expect(0);
    fs_swap_symlink("..2024_2", "..data");
    expect_change();
    fs_unlink("..2024_1/a.pem");
    fs_rmdir("..2024_1");
    assert_int_equal(watch_drain(watch), 0);
    fs_write("..2024_2/a.pem", "six");
    expect_change();
}

static void the_directory_in_the_path_is_a_symlink_that_is_swapped(void **state)
{
    (void)state;
    fs_mkdir("v1");
    fs_mkdir("v1/certs");
    fs_write("v1/certs/a.pem", "one");
    fs_mkdir("v2");
    fs_mkdir("v2/certs");
    fs_write("v2/certs/a.pem", "two");
    fs_symlink("v1", "current");
    watch_one("current/certs/a.pem");
    unsigned before = descriptors();
    fs_swap_symlink("v2", "current");
    expect_change();
    assert_int_equal(descriptors(), before);
    fs_write("v1/certs/a.pem", "unused");
    assert_int_equal(watch_drain(watch), 0);
    fs_write("v2/certs/a.pem", "used");
    expect_change();
}

static void parent_of_a_link_is_not_the_links_parent(void **state)
{
    (void)state;
    fs_mkdir("real");
    fs_mkdir("real/deep");
    fs_write("real/a.pem", "one");
    fs_symlink("real/deep", "link");
    watch_one("link/../a.pem"); /* real/a.pem, not a.pem */
    fs_write("a.pem", "wrong");
    expect_quiet();
    fs_write("real/a.pem", "two");
    expect_change();
}

static void a_dangling_symlink_whose_target_comes(void **state)
{
    (void)state;
    fs_symlink("later/1.pem", "a.pem");
    watch_one("a.pem");
    fs_mkdir("later");
    expect(0);
    fs_write("later/1.pem", "one");
    expect_change();
}

static void a_circle_of_symlinks_is_missing_until_it_is_broken(void **state)
{
    (void)state;
    fs_symlink("b.pem", "a.pem");
    fs_symlink("a.pem", "b.pem");
    fs_symlink("self/self", "self");
    watch_one("a.pem");
    expect_quiet();
    watch_one("self/x.pem");
    expect_quiet();
    watch_one("a.pem");
    fs_unlink("b.pem");
    fs_write("b.pem", "one");
    expect_change();
}

/* ---- directories ------------------------------------------------------------ */

static void directories_that_do_not_exist_yet(void **state)
{
    (void)state;
    watch_one("one/two/a.pem");
    fs_mkdir("one");
    expect(0);
    fs_mkdir("one/two");
    expect(0);
    fs_write("one/two/a.pem", "one");
    expect_change();
}

static void directories_that_come_all_at_once(void **state)
{
    (void)state;
    watch_one("one/two/a.pem");
    fs_mkdir("one");
    fs_mkdir("one/two");
    fs_write("one/two/a.pem", "one");
    expect_change();
    fs_write("one/two/a.pem", "two");
    expect_change();
}

static void a_directory_moved_away_and_back(void **state)
{
    (void)state;
    fs_mkdir("certs");
    fs_write("certs/a.pem", "one");
    watch_one("certs/a.pem");
    fs_rename("certs", "gone");
    expect_change();
    fs_write("gone/a.pem", "two");
    assert_int_equal(watch_drain(watch), 0);
    fs_rename("gone", "certs");
    expect_change();
}

static void a_directory_replaced_by_another(void **state)
{
    (void)state;
    fs_mkdir("certs");
    fs_write("certs/a.pem", "one");
    watch_one("certs/a.pem");
    unsigned before = descriptors();
    fs_mkdir("next");
    fs_write("next/a.pem", "two");
    fs_rename("certs", "old");
    fs_rename("next", "certs");
    expect_change();
    assert_int_equal(descriptors(), before);
    fs_write("certs/a.pem", "six");
    expect_change();
}

static void a_directory_deleted_and_made_again(void **state)
{
    (void)state;
    fs_mkdir("certs");
    fs_write("certs/a.pem", "one");
    watch_one("certs/a.pem");
    fs_unlink("certs/a.pem");
    fs_rmdir("certs");
    expect_change();
    fs_mkdir("certs");
    fs_write("certs/a.pem", "two");
    expect_change();
}

static void a_directory_in_the_place_of_a_file(void **state)
{
    (void)state;
    fs_write("certs", "not a directory");
    watch_one("certs/a.pem");
    fs_unlink("certs");
    fs_mkdir("certs");
    fs_write("certs/a.pem", "one");
    expect_change();
}

/* Only the file itself can be watched there. */
static void a_directory_that_may_be_entered_but_not_listed(void **state)
{
    (void)state;
    fs_mkdir("certs");
    fs_write("certs/a.pem", "one");
    assert_int_equal(chmod(fs_at("certs"), 0300), 0);
    if (access(fs_at("certs"), R_OK) == 0)
        skip(); /* root */
    watch_one("certs/a.pem");
    fs_write("certs/a.pem", "two");
    expect_change();
    assert_int_equal(chmod(fs_at("certs"), 0700), 0);
    expect(0);
    fs_write("certs/b.pem", "three");
    fs_rename("certs/b.pem", "certs/a.pem");
    expect_change();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(a_write_in_place),
        WATCH_TEST(an_append_by_a_writer_that_stays),
        WATCH_TEST(same_size_twice_within_the_clocks_grain),
        WATCH_TEST(a_write_that_restores_the_mtime),
        WATCH_TEST(an_atomic_rename_over),
        WATCH_TEST(a_deletion_and_a_new_file),
        WATCH_TEST(a_deletion_and_a_new_file_seen_at_once),
        WATCH_TEST(another_file_with_the_same_times_size_and_inode),
        WATCH_TEST(a_file_that_is_not_there_yet),
        WATCH_TEST(a_mode_that_makes_it_readable),
        WATCH_TEST(vim_renames_the_old_one_to_a_backup),
        WATCH_TEST(vim_copies_a_backup_and_writes_in_place),
        WATCH_TEST(emacs_locks_backs_up_and_writes),
        WATCH_TEST(other_things_in_the_directory_are_quiet),
        WATCH_TEST(reading_and_touching_of_the_file_are_quiet),
        WATCH_TEST(what_is_no_regular_file_counts_as_missing),
        WATCH_TEST(a_write_through_another_hard_link),
        WATCH_TEST(a_write_through_a_hard_link_made_later),
        WATCH_TEST(both_hard_links_watched),
        WATCH_TEST(a_write_to_a_symlinks_target),
        WATCH_TEST(certbot_points_the_link_at_the_next_file),
        WATCH_TEST(an_absolute_symlink_swapped),
        WATCH_TEST(a_symlink_to_the_same_file_again_is_quiet),
        WATCH_TEST(kubernetes_swaps_the_directory_behind_data),
        WATCH_TEST(the_directory_in_the_path_is_a_symlink_that_is_swapped),
        WATCH_TEST(parent_of_a_link_is_not_the_links_parent),
        WATCH_TEST(a_dangling_symlink_whose_target_comes),
        WATCH_TEST(a_circle_of_symlinks_is_missing_until_it_is_broken),
        WATCH_TEST(directories_that_do_not_exist_yet),
        WATCH_TEST(directories_that_come_all_at_once),
        WATCH_TEST(a_directory_moved_away_and_back),
        WATCH_TEST(a_directory_replaced_by_another),
        WATCH_TEST(a_directory_deleted_and_made_again),
        WATCH_TEST(a_directory_in_the_place_of_a_file),
        WATCH_TEST(a_directory_that_may_be_entered_but_not_listed),
    };
    return WATCH_RUN("watch", tests);
}
