/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator's log in a temporary directory: both forms, what is cut when a
 * line is too long, reopening after a rename, and reconfiguring under load.
 */
#include "unit.h"

#include "core/base/limits.h"
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* The whole file, NUL-terminated; the caller frees it. */
static char *read_file(const char *name)
{
    FILE *file = fopen(path_of(name), "r");
    assert_non_null(file);
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

static void configure(const char *name, enum log_level level, enum log_format format)
{
    struct log_settings settings = {level, format, name ? path_of(name) : NULL};
    struct err_text why = {0};
    assert_ok(log_configure(&settings, &why));
}

static void fresh(const char *name, enum log_format format)
{
    unlink(path_of(name));
    configure(name, LOG_TRACE, format);
}

static bool is_time(const char *text)
{
    static const char shape[] = "0000-00-00T00:00:00Z";
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : text[i] != shape[i])
            return false;
    }
    return true;
}

/* The file's only line, without its time. */
static void assert_text_line(const char *name, const char *expected)
{
    char *text = read_file(name);
    assert_true(is_time(text));
    assert_string_equal(text + 20, expected);
    free(text);
}

#define ONE_LINE(expected, ...)               \
    do {                                      \
        fresh("line", LOG_COMMON);            \
        log_info(__VA_ARGS__);                \
        assert_text_line("line", (expected)); \
    } while (0)

/* Runs first: the defaults are INFO, text, standard error. */
static void before_configuration_info_goes_to_standard_error(void **state)
{
    (void)state;
    int saved = dup(STDERR_FILENO);
    int file = open(path_of("stderr"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(saved >= 0 && file >= 0);
    dup2(file, STDERR_FILENO);
    close(file);
    log_debug("unseen");
    log_info("seen", "key", "value");
    /* Settings without a path before any file was open. */
    configure(NULL, LOG_DEBUG, LOG_COMMON);
    log_debug("now seen");
    struct err_text why = {0};
    assert_ok(log_reopen(&why));
    dup2(saved, STDERR_FILENO);
    close(saved);
    char *text = read_file("stderr");
    char *second = strchr(text, '\n') + 1;
    assert_memory_equal(text + 20, " INF seen key=value\n", 20);
    assert_true(is_time(second));
    assert_string_equal(second + 20, " DBG now seen\n");
    free(text);
}

static void the_text_form_quotes_what_needs_it(void **state)
{
    (void)state;
    ONE_LINE(" INF message\n", "message");
    ONE_LINE(" INF message key=value\n", "message", "key", "value");
    ONE_LINE(" INF a message with spaces path=/a/b.c:7 n=-1\n", "a message with spaces", "path",
             "/a/b.c:7", "n", "-1");
    ONE_LINE(" INF m a=\"b c\" d=\"\" e=\"x=y\"\n", "m", "a", "b c", "d", "", "e", "x=y");
    ONE_LINE(" INF m a=\"say \\\"hi\\\"\" b=\"c:\\\\d\"\n", "m", "a", "say \"hi\"", "b", "c:\\d");
    ONE_LINE(" INF m a=\"1\\n2\\r\\t3\"\n", "m", "a", "1\n2\r\t3");
    ONE_LINE(" INF m a=\"\xc3\xa4 \xe2\x82\xac\"\n", "m", "a", "\xc3\xa4 \xe2\x82\xac");
    ONE_LINE(" INF m a=\"\\x1b[31m\\x7f\\u009b\\xff\"\n", "m", "a", "\x1b[31m\x7f\xc2\x9b\xff");
    ONE_LINE(" INF two\\nlines \\x1b \"quoted\" \\xff\n", "two\nlines \x1b \"quoted\" \xff");
    ONE_LINE(" INF m a=1\n", "m", "a", "1", "without a value");
}

static void every_level_has_its_mark(void **state)
{
    (void)state;
    static const char *const marks[] = {"TRC", "DBG", "INF", "WRN", "ERR", "FTL", "PNC"};
    for (int level = LOG_TRACE; level <= LOG_PANIC; level++) {
        char expected[32];
        fresh("line", LOG_COMMON);
        LOG_AT((enum log_level)level, "m");
        snprintf(expected, sizeof(expected), " %s m\n", marks[level]);
        assert_text_line("line", expected);
    }
}

static void levels_below_are_not_written(void **state)
{
    (void)state;
    fresh("line", LOG_COMMON);
    configure("line", LOG_WARN, LOG_COMMON);
    log_debug("no");
    log_info("no");
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    log_warn("yes");
    assert_text_line("line", " WRN yes\n");
}

static void level_names_are_parsed_in_any_case(void **state)
{
    (void)state;
    enum log_level level = LOG_PANIC;
    assert_ok(log_level_parse(SPAN("DEBUG"), &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_ok(log_level_parse(SPAN("info"), &level));
    assert_int_equal(level, LOG_INFO);
    assert_ok(log_level_parse(SPAN("Trace"), &level));
    assert_int_equal(level, LOG_TRACE);
    assert_ok(log_level_parse(SPAN("wArN"), &level));
    assert_ok(log_level_parse(SPAN("ERROR"), &level));
    assert_ok(log_level_parse(SPAN("FATAL"), &level));
    assert_int_equal(level, LOG_FATAL);
    assert_int_equal(log_level_parse(SPAN("LOUD"), &level), ERR_INVALID);
    assert_int_equal(log_level_parse(SPAN(""), &level), ERR_INVALID);
    assert_int_equal(log_level_parse(SPAN("INF"), &level), ERR_INVALID);
    assert_int_equal(level, LOG_FATAL);
}

static void the_json_form_is_that_of_traefik(void **state)
{
    (void)state;
    fresh("line", LOG_JSON);
    log_error("say \"hi\"\n", "key", "value", "other", "a<b&c \xc3\xa4 \xff\x01");
    char *text = read_file("line");
    char *time = strstr(text, "\"time\":\"");
    assert_non_null(time);
    assert_true(is_time(time + 8));
    memcpy(time + 8, "2026-11-24T03:08:00Z", 20);
    assert_string_equal(text, "{\"level\":\"error\",\"key\":\"value\","
                              "\"other\":\"a<b&c \xc3\xa4 \\ufffd\\u0001\","
                              "\"time\":\"2026-11-24T03:08:00Z\","
                              "\"message\":\"say \\\"hi\\\"\\n\"}\n");
    free(text);
}

static const char *long_text(size_t len, const char *pattern)
{
    static char text[40000];
    size_t period = strlen(pattern);
    for (size_t i = 0; i < len; i++)
        text[i] = pattern[i % period];
    text[len] = '\0';
    return text;
}

static void assert_long_line(enum log_format format, const char *message, const char *value)
{
    fresh("line", format);
    log_info(message, "first", "1", "long", value, "last", "2");
    char *text = read_file("line");
    size_t len = strlen(text);
    assert_true(len <= LIMIT_LOG_LINE);
    assert_int_equal(text[len - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + len - 1);
    assert_non_null(strstr(text, "..."));
    assert_non_null(strstr(text, "first"));
    if (format == LOG_JSON) {
        json_error_t error;
        json_t *root = json_loads(text, 0, &error);
        assert_non_null(root);
        assert_true(json_is_string(json_object_get(root, "time")));
        assert_true(json_is_string(json_object_get(root, "message")));
        assert_string_equal(json_string_value(json_object_get(root, "first")), "1");
        json_decref(root);
    }
    free(text);
}

static void long_lines_are_cut_and_stay_well_formed(void **state)
{
    (void)state;
    static const char *const patterns[] = {"x", "\"", "\n", "\xc3\xa4", "\x01", "a b", "\xff"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        for (int format = LOG_COMMON; format <= LOG_JSON; format++) {
            assert_long_line(format, "short", long_text(30000, patterns[i]));
            assert_long_line(format, long_text(30000, patterns[i]), "short");
            assert_long_line(format, long_text(30000, patterns[i]), long_text(30000, patterns[i]));
        }
    }
}

/* Each length around the limit, so that no off-by-one can hide. */
static void lengths_around_the_limit_are_well_formed(void **state)
{
    (void)state;
    for (size_t len = LIMIT_LOG_LINE - 140; len < LIMIT_LOG_LINE + 10; len++) {
        for (int format = LOG_COMMON; format <= LOG_JSON; format++) {
            fresh("line", format);
            log_info("m", "long", long_text(len, len % 2 ? "x" : "x\n"), "k", "v w");
            char *text = read_file("line");
            size_t total = strlen(text);
            assert_true(total <= LIMIT_LOG_LINE);
            assert_ptr_equal(strchr(text, '\n'), text + total - 1);
            json_t *root = format == LOG_JSON ? json_loads(text, 0, NULL) : NULL;
            assert_true(format == LOG_COMMON || root != NULL);
            json_decref(root);
            bool whole = strstr(text, "...") == NULL;
            assert_true(whole || total > LIMIT_LOG_LINE - 40);
            free(text);
        }
    }
}

static void too_many_fields_are_left_out(void **state)
{
    (void)state;
    const char *key = "a key", *v = long_text(1500, "v");
    for (int format = LOG_COMMON; format <= LOG_JSON; format++) {
        fresh("line", format);
        log_info("m", key, v, key, v, key, v, key, v, key, v, key, v, key, v, "end", "1");
        char *text = read_file("line");
        assert_true(strlen(text) <= LIMIT_LOG_LINE);
        assert_null(strstr(text, "end"));
        assert_int_equal(text[strlen(text) - 1], '\n');
        free(text);
    }
    fresh("line", LOG_COMMON);
    log_info("m", long_text(9000, "k"), "v", "end", "1");
    assert_text_line("line", " INF m\n");
}

static void errno_is_kept_even_when_the_write_fails(void **state)
{
    (void)state;
    struct log_settings settings = {LOG_INFO, LOG_COMMON, "/dev/full"};
    assert_ok(log_configure(&settings, NULL));
    errno = EDOM;
    log_info("lost");
    assert_int_equal(errno, EDOM);
}

static void new_files_are_private_to_owner_and_group(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    fresh("mode", LOG_COMMON);
    umask(mask);
    struct stat status;
    assert_ok(stat(path_of("mode"), &status));
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void reopen_follows_a_rename(void **state)
{
    (void)state;
    unlink(path_of("old"));
    fresh("log", LOG_COMMON);
    log_info("one");
    assert_ok(rename(path_of("log"), path_of("old")));
    log_info("two");
    struct err_text why = {0};
    assert_ok(log_reopen(&why));
    log_info("three");
    char *old = read_file("old");
    assert_non_null(strstr(old, " INF one\n"));
    assert_non_null(strstr(old, " INF two\n"));
    assert_null(strstr(old, "three"));
    free(old);
    assert_text_line("log", " INF three\n");
    assert_ok(log_reopen(&why));
    log_info("four"); /* appended */
    char *text = read_file("log");
    assert_memory_equal(text + 20, " INF three\n", 11);
    assert_string_equal(text + 31 + 20, " INF four\n");
    free(text);
}

static void a_failed_configuration_changes_nothing(void **state)
{
    (void)state;
    fresh("log", LOG_COMMON);
    char path[5000];
    snprintf(path, sizeof(path), "%s/missing/log", folder);
    struct log_settings settings = {LOG_ERROR, LOG_JSON, path};
    struct err_text why = {0};
    assert_int_equal(log_configure(&settings, &why), ERR_NOTFOUND);
    assert_non_null(strstr(why.text, "missing/log"));
    assert_non_null(strstr(why.text, "No such file"));
    settings.path = folder;
    assert_int_equal(log_configure(&settings, &why), ERR_INVALID); /* a directory */
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    settings.path = path;
    assert_int_equal(log_configure(&settings, &why), ERR_LIMIT);
    log_info("still here");
    assert_text_line("log", " INF still here\n");
}

static void a_failed_reopen_keeps_the_old_file(void **state)
{
    (void)state;
    assert_ok(mkdir(path_of("sub"), 0700));
    fresh("sub/log", LOG_COMMON);
    assert_ok(rename(path_of("sub"), path_of("moved")));
    struct err_text why = {0};
    assert_int_equal(log_reopen(&why), ERR_NOTFOUND);
    log_info("still here");
    assert_text_line("moved/log", " INF still here\n");
}

#define WRITERS 4
#define LINES 30000 /* at most, each */
#define CHANGES 600

static atomic_bool writers_stop;
static atomic_size_t lines_written;

static void *write_lines(void *argument)
{
    char writer[8], number[16], filler[200];
    snprintf(writer, sizeof(writer), "%d", (int)(intptr_t)argument);
    memset(filler, 'f', sizeof(filler));
    for (int i = 0; i < LINES && !atomic_load(&writers_stop); i++) {
        snprintf(number, sizeof(number), "%d", i);
        filler[sizeof(filler) - 1 - (size_t)(i % 190)] = '\0';
        log_info("storm", "writer", writer, "line", number, "filler", filler);
        memset(filler, 'f', sizeof(filler));
        atomic_fetch_add(&lines_written, 1);
    }
    return NULL;
}

/* Ticks off each line of the file; nothing twice, nothing torn. */
static void count_lines(const char *name, bool seen[WRITERS][LINES], size_t *total)
{
    char *text = read_file(name), *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
        int writer = -1, number = -1, end = 0;
        if (line[0] == '{') {
            sscanf(line, "{\"level\":\"info\",\"writer\":\"%d\",\"line\":\"%d\",\"filler\":\"%n",
                   &writer, &number, &end);
            assert_string_equal(line + strlen(line) - 18, "\"message\":\"storm\"}");
        } else {
            assert_true(is_time(line));
            sscanf(line + 20, " INF storm writer=%d line=%d filler=%n", &writer, &number, &end);
            assert_int_equal(strspn(line + 20 + end, "f"), strlen(line + 20 + end));
        }
        assert_true(end > 0 && writer >= 0 && writer < WRITERS && number >= 0 && number < LINES);
        assert_false(seen[writer][number]);
        seen[writer][number] = true;
        (*total)++;
    }
    free(text);
}

/* Until somebody wrote after the change before; or all have written all. */
static void wait_for_a_line(size_t before)
{
    while (atomic_load(&lines_written) == before && before < WRITERS * LINES)
        sched_yield();
}

static void change_the_file(int i, int *renames)
{
    static const char *const names[] = {"a", "b", NULL};
    configure(names[i % 3], LOG_INFO, i % 2 ? LOG_JSON : LOG_COMMON);
    if (i % 12 == 0) {
        char name[16];
        snprintf(name, sizeof(name), "a.%d", (*renames)++);
        assert_ok(rename(path_of("a"), path_of(name)));
        assert_ok(log_reopen(NULL));
    }
}

static void no_line_is_lost_or_torn_while_the_file_is_changed(void **state)
{
    (void)state;
    static bool seen[WRITERS][LINES];
    fresh("b", LOG_COMMON);
    fresh("a", LOG_COMMON);
    int saved = dup(STDERR_FILENO);
    int file = open(path_of("error"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(saved >= 0 && file >= 0);
    dup2(file, STDERR_FILENO);
    close(file);

    pthread_t writers[WRITERS];
    for (intptr_t i = 0; i < WRITERS; i++)
        assert_ok(pthread_create(&writers[i], NULL, write_lines, (void *)i));
    int renames = 0;
    for (int i = 0; i < CHANGES; i++) {
        size_t before = atomic_load(&lines_written);
        change_the_file(i, &renames);
        wait_for_a_line(before);
    }
    atomic_store(&writers_stop, true);
    for (int i = 0; i < WRITERS; i++)
        assert_ok(pthread_join(writers[i], NULL));
    dup2(saved, STDERR_FILENO);
    close(saved);

    size_t total = 0;
    count_lines("a", seen, &total);
    count_lines("b", seen, &total);
    count_lines("error", seen, &total);
    for (int i = 0; i < renames; i++) {
        char name[16];
        snprintf(name, sizeof(name), "a.%d", i);
        count_lines(name, seen, &total);
    }
    assert_int_equal(total, atomic_load(&lines_written));
    assert_true(total >= CHANGES);
}

static int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/weir-log-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf -- '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_configuration_info_goes_to_standard_error),
        cmocka_unit_test(the_text_form_quotes_what_needs_it),
        cmocka_unit_test(every_level_has_its_mark),
        cmocka_unit_test(levels_below_are_not_written),
        cmocka_unit_test(level_names_are_parsed_in_any_case),
        cmocka_unit_test(the_json_form_is_that_of_traefik),
        cmocka_unit_test(long_lines_are_cut_and_stay_well_formed),
        cmocka_unit_test(lengths_around_the_limit_are_well_formed),
        cmocka_unit_test(too_many_fields_are_left_out),
        cmocka_unit_test(errno_is_kept_even_when_the_write_fails),
        cmocka_unit_test(new_files_are_private_to_owner_and_group),
        cmocka_unit_test(reopen_follows_a_rename),
        cmocka_unit_test(a_failed_configuration_changes_nothing),
        cmocka_unit_test(a_failed_reopen_keeps_the_old_file),
        cmocka_unit_test(no_line_is_lost_or_torn_while_the_file_is_changed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
