/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A value is a path if such a file exists, else PEM; and what is neither is an
 * error that helps and gives no key away.
 */
#include "fs.h"

#include "config/content.h"
#include "core/base/limits.h"

#define PEM "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

static void expect_content(const char *value, const char *text, bool file)
{
    struct span out;
    struct err_text why = {""};
    bool from_file = !file;
    assert_int_equal(content_read(span_cstr(value), &out, &from_file, &why), ERR_OK);
    assert_true(span_equal(out, span_cstr(text)));
    assert_int_equal(out.ptr[out.len], '\0');
    assert_int_equal(from_file, file);
    content_release(&out);
    assert_null(out.ptr);
    assert_int_equal(out.len, 0);
}

static struct err_text expect_error(struct span value, enum err error)
{
    struct span out = SPAN("untouched");
    struct err_text why = {""};
    bool from_file = true;
    assert_int_equal(content_read(value, &out, &from_file, &why), error);
    assert_true(span_equal(out, SPAN("untouched")));
    assert_true(from_file);
    assert_true(why.text[0] != '\0');
    return why;
}

static void pem_is_recognized_by_a_line(void **state)
{
    (void)state;
    assert_true(content_is_inline(SPAN(PEM)));
    assert_true(content_is_inline(SPAN("subject=x\r\n  -----BEGIN EC PRIVATE KEY-----\r\n")));
    assert_false(content_is_inline(SPAN("/etc/certs/a.pem")));
    assert_false(content_is_inline(SPAN("")));
    assert_false(content_is_inline(SPAN("/tmp/x-----BEGIN CERTIFICATE")));
    assert_false(content_is_inline(SPAN("-----BEGI")));
}

static void a_file_is_read_whole(void **state)
{
    (void)state;
    fs_write("a.pem", PEM);
    expect_content(fs_at("a.pem"), PEM, true);
    fs_symlink("a.pem", "link.pem");
    expect_content(fs_at("link.pem"), PEM, true);
}

static void a_file_without_pem_is_given_as_it_is(void **state)
{
    (void)state;
    fs_write("a.der", "\x30\x82\x01");
    expect_content(fs_at("a.der"), "\x30\x82\x01", true);
}

static void inline_pem_is_copied(void **state)
{
    (void)state;
    expect_content(PEM, PEM, false);
}

static void a_file_named_like_pem_is_a_file(void **state)
{
    (void)state;
    char *cwd = getcwd(NULL, 0);
    assert_int_equal(chdir(fs_root), 0);
    fs_write("-----BEGIN X-----", "from the file");
    expect_content("-----BEGIN X-----", "from the file", true);
    assert_int_equal(chdir(cwd), 0);
    free(cwd);
}

static void a_missing_file_says_what_to_do(void **state)
{
    (void)state;
    struct err_text why = expect_error(span_cstr(fs_at("no.pem")), ERR_NOTFOUND);
    assert_non_null(strstr(why.text, fs_at("no.pem")));
    assert_non_null(strstr(why.text, "create it"));
    fs_write("file", "x");
    expect_error(span_cstr(fs_at("file/no.pem")), ERR_NOTFOUND);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct err_text why = expect_error(span_cstr(fs_root), ERR_INVALID);
    assert_non_null(strstr(why.text, "directory"));
    assert_int_equal(mkfifo(fs_at("pipe"), 0600), 0);
    expect_error(span_cstr(fs_at("pipe")), ERR_INVALID);
    fs_write("empty.pem", "");
    why = expect_error(span_cstr(fs_at("empty.pem")), ERR_INVALID);
    assert_non_null(strstr(why.text, "empty.pem"));
    expect_error(SPAN_EMPTY, ERR_INVALID);
    expect_error(span_make("a\0b", 3), ERR_NOTFOUND);
}

static void an_unreadable_file_is_a_permission_error(void **state)
{
    (void)state;
    fs_write("key.pem", PEM);
    assert_int_equal(chmod(fs_at("key.pem"), 0), 0);
    if (access(fs_at("key.pem"), R_OK) == 0)
        skip(); /* root */
    expect_error(span_cstr(fs_at("key.pem")), ERR_PERMISSION);
}

static void a_key_without_its_armour_is_not_quoted(void **state)
{
    (void)state;
    const char *key = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2OF/2"
                      "NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r1RTwjmYS";
    struct err_text why = expect_error(span_cstr(key), ERR_INVALID);
    assert_null(strstr(why.text, "MIGHAg"));
    assert_non_null(strstr(why.text, "PEM"));
    why = expect_error(SPAN("MIGHAgEA\nMBMGByqGSM49\n"), ERR_INVALID);
    assert_null(strstr(why.text, "MIGHAg"));
}

static void more_than_the_limit_is_refused(void **state)
{
    (void)state;
    int fd = open(fs_at("big.pem"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, LIMIT_CERT_FILE + 1), 0);
    expect_error(span_cstr(fs_at("big.pem")), ERR_LIMIT);
    assert_int_equal(ftruncate(fd, LIMIT_CERT_FILE), 0);
    close(fd);
    struct span out;
    bool from_file;
    assert_int_equal(content_read(span_cstr(fs_at("big.pem")), &out, &from_file, NULL), ERR_OK);
    assert_int_equal(out.len, LIMIT_CERT_FILE);
    content_release(&out);

    char *text = malloc(LIMIT_CERT_FILE + 1);
    memset(text, 'A', LIMIT_CERT_FILE + 1);
    memcpy(text, PEM, strlen(PEM));
    expect_error(span_make(text, LIMIT_CERT_FILE + 1), ERR_LIMIT);
    free(text);
}

/* Files of /proc say that they are empty and are not. */
static void a_file_longer_than_its_size_is_read_whole(void **state)
{
    (void)state;
    struct span out;
    bool from_file = false;
    assert_int_equal(content_read(SPAN("/proc/cpuinfo"), &out, &from_file, NULL), ERR_OK);
    assert_true(out.len > 1);
    assert_int_equal(out.ptr[out.len], '\0');
    content_release(&out);
}

#define CONTENT_TEST(name) cmocka_unit_test_setup_teardown(name, fs_setup, fs_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTENT_TEST(pem_is_recognized_by_a_line),
        CONTENT_TEST(a_file_is_read_whole),
        CONTENT_TEST(a_file_without_pem_is_given_as_it_is),
        CONTENT_TEST(inline_pem_is_copied),
        CONTENT_TEST(a_file_named_like_pem_is_a_file),
        CONTENT_TEST(a_missing_file_says_what_to_do),
        CONTENT_TEST(what_is_no_file_is_refused),
        CONTENT_TEST(an_unreadable_file_is_a_permission_error),
        CONTENT_TEST(a_key_without_its_armour_is_not_quoted),
        CONTENT_TEST(more_than_the_limit_is_refused),
        CONTENT_TEST(a_file_longer_than_its_size_is_read_whole),
    };
    return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
