/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each allocation in turn fails: nothing crashes or leaks, a change is still
 * reported, and when it is not known who changed, the watch says so.
 */
#include "fs.h"

#include "config/provider_file.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static int allocations_left = -1; /* negative: never fail */
static bool failed;

static bool allocation_fails(void)
{
    if (allocations_left < 0 || allocations_left-- > 0)
        return false;
    failed = true;
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

void *__wrap_realloc(void *old, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return allocation_fails() ? NULL : __real_strdup(text);
}

/* A provider, a reading, a certificate, a change of it: with the n-th
 * allocation failing in one of the four steps. */
static bool change_is_not_lost(int n, int step)
{
    struct provider_file *provider = NULL;
    const struct config_text *texts;
    const struct span *paths;
    size_t count;
    struct span directory = span_cstr(fs_at("conf")), also = span_cstr(fs_at("certs/link.pem"));
    failed = false;
    allocations_left = step == 0 ? n : -1;
    enum err error = provider_file_create(SPAN_EMPTY, directory, true, &provider, NULL);
    allocations_left = -1;
    assert_true(error == ERR_OK || (failed && error == ERR_NOMEM));
    if (error != ERR_OK)
        return failed;
    allocations_left = step == 1 ? n : -1;
    error = provider_file_watch_also(provider, &also, 1);
    allocations_left = -1;
    assert_true(error == ERR_OK || (failed && error == ERR_NOMEM));
    bool watched = error == ERR_OK;
    allocations_left = step == 2 ? n : -1;
    error = provider_file_read(provider, &texts, &count, NULL);
    allocations_left = -1;
    assert_true(error == ERR_OK || (failed && error == ERR_NOMEM));

    fs_write("certs/1.pem", n % 2 ? "odd" : "even");
    allocations_left = step == 3 ? n : -1;
    bool changed = provider_file_drain(provider);
    bool known = provider_file_changed(provider, &paths, &count);
    allocations_left = -1;
    assert_true(changed || !watched);
    assert_true(known ? count == (watched ? 1 : 0) : failed);
    provider_file_changed_done(provider);

    /* The next reload, with memory, mends what was not complete. */
    assert_int_equal(provider_file_watch_also(provider, &also, 1), ERR_OK);
    assert_int_equal(provider_file_read(provider, &texts, &count, NULL), ERR_OK);
    assert_int_equal(count, 2);
    provider_file_drain(provider);
    assert_true(provider_file_changed(provider, &paths, &count));
    provider_file_changed_done(provider);
    fs_write("certs/1.pem", "once more");
    assert_true(provider_file_drain(provider));
    assert_true(provider_file_changed(provider, &paths, &count));
    assert_int_equal(count, 1);
    provider_file_destroy(provider);
    return failed;
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    fs_mkdir("certs");
    fs_write("certs/1.pem", "one");
    fs_symlink("1.pem", "certs/link.pem");
    fs_mkdir("conf");
    fs_mkdir("conf/sub");
    fs_write("conf/a.yml", "one");
    fs_write("conf/sub/b.yml", "two");
    for (int step = 0; step < 4; step++) {
        int n = 0;
        while (change_is_not_lost(n, step))
            n++;
        assert_true(n > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_allocation_fails_once, fs_setup, fs_teardown),
    };
    return cmocka_run_group_tests_name("watch_nomem", tests, NULL, NULL);
}
