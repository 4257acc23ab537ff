/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which files the provider reads and in which order, what it says of those that
 * it cannot read, and when it reports a change.
 */
#include "fs.h"

#include "config/file_tree.h"
#include "config/provider_file.h"

static struct provider_file *provider;

static int teardown(void **state)
{
    provider_file_destroy(provider);
    provider = NULL;
    return fs_teardown(state);
}

static void open_file(const char *name)
{
    struct span path = span_cstr(fs_at(name));
    enum err error = provider_file_create(path, SPAN_EMPTY, true, &provider, NULL);
    assert_int_equal(error, ERR_OK);
}

static void open_directory(const char *name)
{
    struct span path = span_cstr(fs_at(name));
    enum err error = provider_file_create(SPAN_EMPTY, path, true, &provider, NULL);
    assert_int_equal(error, ERR_OK);
}

/* names: "a.yml b.yml", below fs_root. */
static void expect_read(const char *names)
{
    const struct config_text *texts;
    size_t count;
    struct err_text why;
    assert_int_equal(provider_file_read(provider, &texts, &count, &why), ERR_OK);
    struct span rest = span_cstr(names);
    for (size_t i = 0; i < count; i++) {
        struct span name;
        char want[128];
        rest = span_split(rest, ' ', &name);
        snprintf(want, sizeof(want), "%.*s", SPAN_ARG(name));
        assert_string_equal(texts[i].name, fs_at(want));
    }
    assert_int_equal(rest.len, 0);
    assert_int_equal(count > 0, names[0] != '\0');
}

static struct err_text expect_error(enum err error)
{
    const struct config_text *texts = (void *)1;
    size_t count = 77;
    struct err_text why = {""};
    assert_int_equal(provider_file_read(provider, &texts, &count, &why), error);
    assert_ptr_equal(texts, (void *)1);
    assert_int_equal(count, 77);
    assert_true(why.text[0] != '\0');
    return why;
}

static void expect_change(void)
{
    fs_wait(provider_file_fd(provider));
    assert_true(provider_file_drain(provider));
    assert_false(provider_file_drain(provider));
}

static void expect_quiet(void)
{
    fs_wait(provider_file_fd(provider));
    assert_false(provider_file_drain(provider));
}

/* ---- which files -------------------------------------------------------------- */

static void one_file_with_its_text(void **state)
{
    (void)state;
    fs_write("dynamic.yml", "http: {}\n");
    open_file("dynamic.yml");
    const struct config_text *texts;
    size_t count;
    assert_int_equal(provider_file_read(provider, &texts, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    assert_true(span_equal(texts[0].text, SPAN("http: {}\n")));
    assert_string_equal(texts[0].name, fs_at("dynamic.yml"));
}

static void a_directory_in_lexical_order_with_its_subdirectories(void **state)
{
    (void)state;
    fs_mkdir("conf");
    fs_write("conf/z.toml", "");
    fs_write("conf/B.yaml", "");
    fs_write("conf/a.yml", "");
    fs_write("conf/10.YML", "");
    fs_write("conf/notes.txt", "");
    fs_write("conf/a.yml~", "");
    fs_write("conf/yml", "");
    fs_write("conf/.hidden.yml", "");
    fs_mkdir("conf/m");
    fs_write("conf/m/2.yml", "");
    fs_write("conf/m/1.yml", "");
    fs_mkdir("conf/m/deep.yml");
    fs_write("conf/m/deep.yml/x.toml", "");
    fs_mkdir("conf/.git");
    fs_write("conf/.git/config.yml", "");
    assert_int_equal(mkfifo(fs_at("conf/pipe.yml"), 0600), 0);
    open_directory("conf");
    expect_read("conf/10.YML conf/B.yaml conf/a.yml conf/m/1.yml conf/m/2.yml "
                "conf/m/deep.yml/x.toml conf/z.toml");
}

static void kubernetes_files_are_read_once_through_their_links(void **state)
{
    (void)state;
    fs_mkdir("conf");
    fs_mkdir("conf/..2024_1");
    fs_write("conf/..2024_1/a.yml", "one");
    fs_symlink("..2024_1", "conf/..data");
    fs_symlink("..data/a.yml", "conf/a.yml");
    fs_symlink("..2024_1", "conf/linked"); /* a directory behind a link is not followed */
    open_directory("conf");
    expect_read("conf/a.yml");
}

static void the_directory_goes_before_the_file(void **state)
{
    (void)state;
    fs_mkdir("conf");
    fs_write("conf/a.yml", "");
    fs_write("b.yml", "");
    assert_int_equal(provider_file_create(span_cstr(fs_at("b.yml")), span_cstr(fs_at("conf/")),
                                          false, &provider, NULL),
                     ERR_OK);
    expect_read("conf/a.yml");
}

static void an_empty_directory_is_no_error(void **state)
{
    (void)state;
    fs_mkdir("conf");
    open_directory("conf");
    expect_read("");
}

static void missing_ones_say_what_to_do(void **state)
{
    (void)state;
    open_file("no.yml");
    struct err_text why = expect_error(ERR_NOTFOUND);
    assert_non_null(strstr(why.text, fs_at("no.yml")));
    assert_non_null(strstr(why.text, "providers.file.filename"));
    provider_file_destroy(provider);
    open_directory("conf");
    why = expect_error(ERR_NOTFOUND);
    assert_non_null(strstr(why.text, fs_at("conf")));
    assert_non_null(strstr(why.text, "providers.file.directory"));
}

static void a_dangling_link_is_named(void **state)
{
    (void)state;
    fs_mkdir("conf");
    fs_write("conf/a.yml", "");
    fs_symlink("nowhere", "conf/b.yml");
    open_directory("conf");
    struct err_text why = expect_error(ERR_NOTFOUND);
    assert_non_null(strstr(why.text, fs_at("conf/b.yml")));
}

static void wrong_kinds_are_refused(void **state)
{
    (void)state;
    fs_mkdir("conf");
    open_file("conf");
    expect_error(ERR_INVALID);
    provider_file_destroy(provider);
    fs_write("file", "");
    open_directory("file");
    expect_error(ERR_INVALID);
    struct provider_file *none = NULL;
    assert_int_equal(provider_file_create(SPAN_EMPTY, SPAN_EMPTY, true, &none, NULL), ERR_INVALID);
    assert_null(none);
}

static void too_deep_is_refused(void **state)
{
    (void)state;
    char path[256] = "d";
    fs_mkdir(path);
    for (int depth = 0; depth < FILE_TREE_MAX_DEPTH; depth++) {
        strcat(path, "/d");
        fs_mkdir(path);
    }
    open_directory("d");
    expect_read("");
    strcat(path, "/d");
    fs_mkdir(path);
    struct err_text why = expect_error(ERR_LIMIT);
    assert_non_null(strstr(why.text, "smaller directory"));
}

static void too_many_are_refused(void **state)
{
    (void)state;
    char name[32];
    fs_mkdir("conf");
    for (int i = 0; i <= FILE_TREE_MAX_FILES; i++) {
        snprintf(name, sizeof(name), "conf/%d.yml", i);
        close(open(fs_at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    }
    assert_int_equal(provider_file_create(SPAN_EMPTY, span_cstr(fs_at("conf")), false, &provider,
                                          NULL),
                     ERR_OK);
    expect_error(ERR_LIMIT);
}

static void a_failed_read_leaves_the_last_texts(void **state)
{
    (void)state;
    const struct config_text *texts;
    size_t count;
    fs_write("a.yml", "one");
    open_file("a.yml");
    assert_int_equal(provider_file_read(provider, &texts, &count, NULL), ERR_OK);
    fs_unlink("a.yml");
    expect_error(ERR_NOTFOUND);
    assert_true(span_equal(texts[0].text, SPAN("one")));
}

/* ---- watching ------------------------------------------------------------------ */

static void nothing_is_watched_without_watch(void **state)
{
    (void)state;
    const struct span path = SPAN("/etc/hostname");
    const struct span *paths;
    size_t count;
    fs_write("a.yml", "one");
    assert_int_equal(provider_file_create(span_cstr(fs_at("a.yml")), SPAN_EMPTY, false, &provider,
                                          NULL),
                     ERR_OK);
    assert_int_equal(provider_file_fd(provider), -1);
    assert_false(provider_file_drain(provider));
    assert_int_equal(provider_file_watch_also(provider, &path, 1), ERR_OK);
    assert_false(provider_file_changed(provider, &paths, &count));
    provider_file_changed_done(provider);
    expect_read("a.yml");
}

static void the_file_changes_vanishes_and_comes_back(void **state)
{
    (void)state;
    open_file("a.yml");
    expect_error(ERR_NOTFOUND);
    fs_write("a.yml", "one");
    expect_change();
    expect_read("a.yml");
    fs_write("a.yml", "two");
    expect_change();
    fs_unlink("a.yml");
    expect_change();
    fs_write("new", "three");
    expect_quiet();
    fs_rename("new", "a.yml");
    expect_change();
}

static void files_come_and_go_in_the_directory(void **state)
{
    (void)state;
    fs_mkdir("conf");
    fs_write("conf/a.yml", "one");
    open_directory("conf");
    expect_read("conf/a.yml");
    fs_write("conf/b.toml", "");
    expect_change();
    expect_read("conf/a.yml conf/b.toml");
    fs_write("conf/notes.txt", "");
    fs_write("conf/.a.yml.swp", "");
    fs_unlink("conf/.a.yml.swp");
    expect_quiet();
    fs_rename("conf/b.toml", "conf/b.toml.off");
    expect_change();
    expect_read("conf/a.yml");
    fs_write("conf/a.yml", "two");
    expect_change();
}

static void new_subdirectories_are_watched(void **state)
{
    (void)state;
    fs_mkdir("conf");
    open_directory("conf");
    expect_read("");
    fs_mkdir("conf/sub");
    expect_quiet();
    fs_mkdir("conf/sub/deeper");
    fs_write("conf/sub/deeper/a.yml", "one");
    expect_change();
    expect_read("conf/sub/deeper/a.yml");
    fs_write("conf/sub/deeper/a.yml", "two");
    expect_change();
    fs_rename("conf/sub", "away");
    expect_change();
    expect_read("");
}

static void a_directory_made_later_is_watched(void **state)
{
    (void)state;
    open_directory("etc/conf");
    expect_error(ERR_NOTFOUND);
    fs_mkdir("etc");
    expect_quiet();
    fs_mkdir("etc/conf");
    expect_change();
    expect_read("");
    fs_write("etc/conf/a.yml", "one");
    expect_change();
    expect_read("etc/conf/a.yml");
}

static void kubernetes_swaps_the_configuration(void **state)
{
    (void)state;
    fs_mkdir("conf");
    fs_mkdir("conf/..1");
    fs_write("conf/..1/a.yml", "one");
    fs_symlink("..1", "conf/..data");
    fs_symlink("..data/a.yml", "conf/a.yml");
    open_directory("conf");
    expect_read("conf/a.yml");
    fs_mkdir("conf/..2");
    fs_write("conf/..2/a.yml", "two");
    fs_write("conf/..2/b.yml", "two");
    expect_quiet();
    fs_swap_symlink("..2", "conf/..data");
    fs_symlink("..data/b.yml", "conf/b.yml");
    expect_change();
    expect_read("conf/a.yml conf/b.yml");
    fs_unlink("conf/..1/a.yml");
    fs_rmdir("conf/..1");
    expect_quiet();
}

static void the_directory_itself_is_a_link_that_is_swapped(void **state)
{
    (void)state;
    fs_mkdir("v1");
    fs_write("v1/a.yml", "one");
    fs_mkdir("v2");
    fs_write("v2/a.yml", "two");
    fs_write("v2/b.yml", "two");
    fs_symlink("v1", "conf");
    open_directory("conf");
    expect_read("conf/a.yml");
    fs_swap_symlink("v2", "conf");
    expect_change();
    expect_read("conf/a.yml conf/b.yml");
    fs_write("v1/c.yml", "unused");
    assert_false(provider_file_drain(provider));
    fs_write("v2/c.yml", "used");
    expect_change();
}

static void certificates_are_reported_by_name(void **state)
{
    (void)state;
    const struct span *paths;
    size_t count;
    fs_mkdir("certs");
    fs_write("a.yml", "one");
    fs_write("certs/1.crt", "one");
    open_file("a.yml");
    const struct span also[] = {
        span_cstr(fs_at("certs/1.crt")),
        span_cstr(fs_at("certs/1.key")), /* not there yet */
        SPAN("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
        SPAN(""),
    };
    assert_int_equal(provider_file_watch_also(provider, also, 4), ERR_OK);
    fs_write("a.yml", "two");
    expect_change();
    assert_true(provider_file_changed(provider, &paths, &count));
    assert_int_equal(count, 0);
    fs_write("certs/1.key", "two");
    expect_change();
    assert_true(provider_file_changed(provider, &paths, &count));
    assert_int_equal(count, 1);
    assert_true(span_equal(paths[0], also[1]));
    provider_file_changed_done(provider);
    assert_int_equal(provider_file_watch_also(provider, also, 1), ERR_OK);
    fs_write("certs/1.key", "three");
    expect_quiet();
    fs_write("certs/1.crt", "three");
    expect_change();
    assert_true(provider_file_changed(provider, &paths, &count));
    assert_int_equal(count, 1);
    assert_true(span_equal(paths[0], also[0]));
}

static void certificates_in_the_configuration_directory(void **state)
{
    (void)state;
    const struct span *paths;
    size_t count;
    fs_mkdir("conf");
    fs_write("conf/a.yml", "one");
    fs_write("conf/a.pem", "one");
    open_directory("conf");
    expect_read("conf/a.yml");
    const struct span also = span_cstr(fs_at("conf/a.pem"));
    assert_int_equal(provider_file_watch_also(provider, &also, 1), ERR_OK);
    fs_write("conf/b.pem", "unrelated");
    expect_quiet();
    fs_write("conf/a.pem", "two");
    expect_change();
    assert_true(provider_file_changed(provider, &paths, &count));
    assert_int_equal(count, 1);
}

#define PROVIDER_TEST(name) cmocka_unit_test_setup_teardown(name, fs_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROVIDER_TEST(one_file_with_its_text),
        PROVIDER_TEST(a_directory_in_lexical_order_with_its_subdirectories),
        PROVIDER_TEST(kubernetes_files_are_read_once_through_their_links),
        PROVIDER_TEST(the_directory_goes_before_the_file),
        PROVIDER_TEST(an_empty_directory_is_no_error),
        PROVIDER_TEST(missing_ones_say_what_to_do),
        PROVIDER_TEST(a_dangling_link_is_named),
        PROVIDER_TEST(wrong_kinds_are_refused),
        PROVIDER_TEST(too_deep_is_refused),
        PROVIDER_TEST(too_many_are_refused),
        PROVIDER_TEST(a_failed_read_leaves_the_last_texts),
        PROVIDER_TEST(nothing_is_watched_without_watch),
        PROVIDER_TEST(the_file_changes_vanishes_and_comes_back),
        PROVIDER_TEST(files_come_and_go_in_the_directory),
        PROVIDER_TEST(new_subdirectories_are_watched),
        PROVIDER_TEST(a_directory_made_later_is_watched),
        PROVIDER_TEST(kubernetes_swaps_the_configuration),
        PROVIDER_TEST(the_directory_itself_is_a_link_that_is_swapped),
        PROVIDER_TEST(certificates_are_reported_by_name),
        PROVIDER_TEST(certificates_in_the_configuration_directory),
    };
    return cmocka_run_group_tests_name("provider_file", tests, NULL, NULL);
}
