/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ACME's storage: Traefik's file read and written, whose other contents stay,
 * and what is left when the process is killed while it writes.
 */
#include "core/control/acme_file.h"
#include "core/control/acme_store.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* As Traefik 3 writes it; "Zm9v" is "foo", "YmFy" is "bar". */
static const char traefik[] =
    "{\n"
    "  \"le\": {\n"
    "    \"Account\": {\n"
    "      \"Email\": \"me@example.test\",\n"
    "      \"Registration\": {\n"
    "        \"body\": {\n"
    "          \"status\": \"valid\",\n"
    "          \"contact\": [\n"
    "            \"mailto:me@example.test\"\n"
    "          ]\n"
    "        },\n"
    "        \"uri\": \"https://ca.test/acme/acct/1\"\n"
    "      },\n"
    "      \"PrivateKey\": \"Zm9v\",\n"
    "      \"KeyType\": \"4096\"\n"
    "    },\n"
    "    \"Certificates\": [\n"
    "      {\n"
    "        \"domain\": {\n"
    "          \"main\": \"a.test\",\n"
    "          \"sans\": [\n"
    "            \"b.test\"\n"
    "          ]\n"
    "        },\n"
    "        \"certificate\": \"Zm9v\",\n"
    "        \"key\": \"YmFy\",\n"
    "        \"Store\": \"default\"\n"
    "      }\n"
    "    ]\n"
    "  }\n"
    "}";

struct scene {
    char folder[64], path[128];
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/weir-acme-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof(scene->path), "%s/acme.json", scene->folder);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    char path[160];
    static const char *const suffixes[] = {"", ".new", ".orders", ".orders.new", ".lock"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", scene->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(scene->folder), 0);
    free(scene);
    return 0;
}

static void put(const struct scene *scene, const char *text)
{
    assert_int_equal(acme_file_write(scene->path, span_cstr(text), NULL, NULL), ERR_OK);
}

static struct acme_store *open_store(const struct scene *scene)
{
    struct acme_store *store = NULL;
    struct err_text why = {""};
    assert_int_equal(acme_store_open(scene->path, &store, &why), ERR_OK);
    return store;
}

static void save(struct acme_store *store, enum acme_store_file file)
{
    struct span text;
    assert_true(acme_store_is_dirty(store, file));
    assert_int_equal(acme_store_text(store, file, &text), ERR_OK);
    assert_int_equal(acme_file_write(acme_store_file_path(store, file), text,
                                     file == ACME_STORE_MAIN ? acme_store_stamp(store) : NULL,
                                     NULL),
                     ERR_OK);
    acme_store_set_written(store, file);
    acme_file_release(&text);
    assert_false(acme_store_is_dirty(store, file));
}

static void a_file_of_traefik_is_read(void **state)
{
    struct scene *scene = *state;
    struct acme_stored_account account;
    struct acme_stored_cert cert;
    put(scene, traefik);
    struct acme_store *store = open_store(scene);
    assert_string_equal(acme_store_resolver(store, 0), "le");
    assert_null(acme_store_resolver(store, 1));
    assert_true(acme_store_account(store, "le", &account));
    assert_string_equal(account.uri, "https://ca.test/acme/acct/1");
    assert_string_equal(account.email, "me@example.test");
    assert_string_equal(account.key, "Zm9v");
    assert_int_equal(acme_store_cert_count(store, "le"), 1);
    assert_int_equal(acme_store_cert(store, "le", 0, &cert), ERR_OK);
    assert_string_equal(cert.main, "a.test");
    assert_int_equal(cert.name_count, 2);
    assert_true(span_equal(cert.names[1], SPAN("b.test")));
    assert_true(span_equal(cert.chain, SPAN("foo")));
    assert_true(span_equal(cert.key, SPAN("bar")));
    acme_stored_cert_finish(&cert);
    assert_false(acme_store_account(store, "other", &account));
    assert_int_equal(acme_store_cert_count(store, "other"), 0);
    acme_store_destroy(store);
}

static void an_unchanged_file_is_written_as_traefik_writes_it(void **state)
{
    struct scene *scene = *state;
    struct span text;
    put(scene, traefik);
    struct acme_store *store = open_store(scene);
    assert_false(acme_store_is_dirty(store, ACME_STORE_MAIN));
    acme_store_set_dirty(store, ACME_STORE_MAIN);
    save(store, ACME_STORE_MAIN);
    assert_int_equal(acme_file_read(scene->path, &text, NULL, NULL), ERR_OK);
    assert_true(span_equal(text, span_cstr(traefik)));
    acme_file_release(&text);
    acme_store_destroy(store);
}

static void a_certificate_takes_the_place_of_that_for_the_same_names(void **state)
{
    struct scene *scene = *state;
    const struct span same[] = {SPAN("b.test"), SPAN("A.test")}, other[] = {SPAN("b.test")};
    struct acme_stored_cert cert;
    put(scene, traefik);
    struct acme_store *store = open_store(scene);
    assert_int_equal(acme_store_set_cert(store, "le", same, 2, SPAN("new"), SPAN("key")), ERR_OK);
    assert_int_equal(acme_store_cert_count(store, "le"), 1);
    assert_int_equal(acme_store_set_cert(store, "le", other, 1, SPAN("2"), SPAN("k")), ERR_OK);
    assert_int_equal(acme_store_cert_count(store, "le"), 2);
    save(store, ACME_STORE_MAIN);
    acme_store_destroy(store);
    store = open_store(scene);
    assert_int_equal(acme_store_cert(store, "le", 0, &cert), ERR_OK);
    assert_true(span_equal(cert.chain, SPAN("new")));
    assert_string_equal(cert.main, "a.test"); /* the names stay in their order */
    acme_stored_cert_finish(&cert);
    acme_store_destroy(store);
}

static void accounts_of_several_resolvers_share_a_file(void **state)
{
    struct scene *scene = *state;
    struct acme_stored_account account;
    put(scene, traefik);
    struct acme_store *store = open_store(scene);
    assert_int_equal(acme_store_set_account(store, "two", "x@y", "", NULL, SPAN("foo"), "P256"),
                     ERR_OK);
    assert_true(acme_store_account(store, "two", &account));
    assert_string_equal(account.uri, "");
    assert_int_equal(acme_store_set_account(store, "two", "x@y", "https://ca/2",
                                            "{\"status\":\"valid\"}", SPAN("foo"), "P256"),
                     ERR_OK);
    save(store, ACME_STORE_MAIN);
    acme_store_destroy(store);
    store = open_store(scene);
    assert_true(acme_store_account(store, "two", &account));
    assert_string_equal(account.uri, "https://ca/2");
    assert_true(acme_store_account(store, "le", &account));
    acme_store_destroy(store);
}

static void orders_are_kept_beside(void **state)
{
    struct scene *scene = *state;
    const char *url, *key;
    struct span text;
    struct acme_store *store = open_store(scene);
    assert_false(acme_store_order(store, "le", "a,b", &url, &key));
    assert_int_equal(acme_store_set_order(store, "le", "a,b", "https://ca/o", SPAN("PEM")), ERR_OK);
    assert_false(acme_store_is_dirty(store, ACME_STORE_MAIN));
    save(store, ACME_STORE_ORDERS);
    acme_store_destroy(store);
    store = open_store(scene);
    assert_true(acme_store_order(store, "le", "a,b", &url, &key));
    assert_string_equal(url, "https://ca/o");
    assert_string_equal(key, "PEM");
    acme_store_forget_order(store, "le", "a,b");
    acme_store_forget_order(store, "le", "c");
    assert_int_equal(acme_store_text(store, ACME_STORE_ORDERS, &text), ERR_OK);
    assert_null(text.ptr); /* the file is to be gone */
    acme_store_destroy(store);
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    struct scene *scene = *state;
    struct acme_store *store = NULL;
    struct err_text why;
    put(scene, "{}");
    static const mode_t modes[] = {0640, 0604, 0610, 0601, 0622};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(scene->path, modes[i]), 0);
        assert_int_equal(acme_store_open(scene->path, &store, &why), ERR_PERMISSION);
        assert_non_null(strstr(why.text, "chmod 600"));
    }
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    struct scene *scene = *state;
    struct acme_store *store = NULL;
    struct err_text why;
    static const char *const wrong[] = {"{", "[]", "{\n\"a\":}", "{\"a\":1,\"a\":2}", "nothing"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        put(scene, wrong[i]);
        assert_int_equal(acme_store_open(scene->path, &store, &why), ERR_SYNTAX);
        assert_non_null(strstr(why.text, scene->path));
    }
    put(scene, " \n");
    store = open_store(scene); /* Traefik makes the file empty */
    acme_store_destroy(store);
}

static void incomplete_certificates_are_told_apart(void **state)
{
    struct scene *scene = *state;
    struct acme_stored_cert cert;
    put(scene, "{\"le\":{\"Certificates\":[{},{\"domain\":{\"main\":\"a\"},\"certificate\":\"\","
               "\"key\":\"Zm9v\"},{\"domain\":{\"main\":\"a\"},\"certificate\":\"%\",\"key\":"
               "\"Zm9v\"},{\"domain\":{\"sans\":[1,\"a\"]},\"certificate\":\"Zm9v\","
               "\"key\":\"Zm9v\"}],\"Account\":7}}");
    struct acme_store *store = open_store(scene);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(acme_store_cert(store, "le", i, &cert), ERR_SYNTAX);
    assert_int_equal(acme_store_cert(store, "le", 3, &cert), ERR_OK);
    acme_stored_cert_finish(&cert);
    acme_store_destroy(store);
}

static void a_link_stays_a_link(void **state)
{
    struct scene *scene = *state;
    char target[160];
    struct stat info;
    snprintf(target, sizeof(target), "%s.orders", scene->path);
    assert_int_equal(acme_file_write(target, SPAN("{}"), NULL, NULL), ERR_OK);
    assert_int_equal(symlink(target, scene->path), 0);
    put(scene, "{ }");
    assert_int_equal(lstat(scene->path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(lstat(target, &info), 0);
    assert_int_equal(info.st_size, 3);
    assert_int_equal(info.st_mode & 0777, 0600);
}

/* The kernel kills who writes beyond the limit: a crash at that byte. */
static void write_until_killed(const struct scene *scene, const char *text, rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes}, none = {0, 0};
    signal(SIGXFSZ, SIG_DFL);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(acme_file_write(scene->path, span_cstr(text), NULL, NULL) == ERR_OK ? 0 : 1);
}

static void a_crash_at_any_byte_leaves_the_old_file(void **state)
{
    struct scene *scene = *state;
    char next[sizeof(traefik) + 8];
    snprintf(next, sizeof(next), "%s\n", traefik);
    put(scene, traefik);
    for (size_t bytes = 0; bytes <= strlen(next); bytes++) {
        int status;
        struct span text;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_until_killed(scene, next, bytes);
        assert_int_equal(waitpid(child, &status, 0), child);
        bool complete = bytes == strlen(next);
        assert_int_equal(complete, WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(acme_file_read(scene->path, &text, NULL, NULL), ERR_OK);
        assert_true(span_equal(text, span_cstr(complete ? next : traefik)));
        acme_file_release(&text);
    }
}

/* ---- others ---- */

static void a_file_that_has_changed_is_not_replaced(void **state)
{
    struct scene *scene = *state;
    struct acme_file_stamp stamp, none = {0};
    struct span text;
    struct err_text why;
    put(scene, traefik);
    assert_int_equal(acme_file_write(scene->path, SPAN("{}"), &none, &why), ERR_MISMATCH);
    assert_int_equal(acme_file_read(scene->path, &text, &stamp, NULL), ERR_OK);
    acme_file_release(&text);
    assert_int_equal(acme_file_write(scene->path, SPAN("{1}"), &stamp, NULL), ERR_OK);
    assert_int_equal(acme_file_write(scene->path, SPAN("{2}"), &stamp, NULL), ERR_OK);
    put(scene, "{3}"); /* as long as the one before */
    assert_int_equal(acme_file_write(scene->path, SPAN("{4}"), &stamp, &why), ERR_MISMATCH);
    assert_non_null(strstr(why.text, "changed by another program"));
    assert_int_equal(acme_file_read(scene->path, &text, NULL, NULL), ERR_OK);
    assert_true(span_equal(text, SPAN("{3}")));
    acme_file_release(&text);
}

static void one_server_has_the_lock(void **state)
{
    struct scene *scene = *state;
    struct err_text why;
    char self[64];
    int first, second;
    snprintf(self, sizeof(self), "in use by another Weir (process %d)", (int)getpid());
    assert_int_equal(acme_file_lock(scene->path, &first, &why), ERR_OK);
    assert_int_equal(acme_file_lock(scene->path, &second, &why), ERR_EXISTS);
    assert_non_null(strstr(why.text, self));
    close(first);
    assert_int_equal(acme_file_lock(scene->path, &second, &why), ERR_OK);
    close(second);
}

#define NONE "null"
#define CERT(name, value) "{\"domain\":{\"main\":\"" name "\"},\"certificate\":\"" value "\"}"
#define LE(account, certs) "{\"le\":{\"Account\":" account ",\"Certificates\":" certs "}}"
#define A1 CERT("a", "1")
#define A2 CERT("a", "2")
#define A3 CERT("a", "3")
#define B1 CERT("b", "1")
#define B2 CERT("b", "2")

static const struct merging {
    const char *base, *ours, *theirs, *merged;
    size_t taken, removed, accounts, kept;
} mergings[] = {
    /* nobody, one, both, the same */
    {LE("1", "[" A1 "]"), LE("1", "[" A1 "]"), LE("1", "[" A1 "]"), LE("1", "[" A1 "]"), 0, 0, 0,
     0},
    {LE("1", "[" A1 "]"), LE("1", "[" A2 "]"), LE("1", "[" A1 "]"), LE("1", "[" A2 "]"), 0, 0, 0,
     0},
    {LE("1", "[" A1 "]"), LE("1", "[" A1 "]"), LE("1", "[" A2 "]"), LE("1", "[" A2 "]"), 1, 0, 0,
     0},
    {LE("1", "[" A1 "]"), LE("1", "[" A2 "]"), LE("1", "[" A3 "]"), LE("1", "[" A2 "]"), 0, 0, 0,
     1},
    {LE("1", "[" A1 "]"), LE("1", "[" A2 "]"), LE("1", "[" A2 "]"), LE("1", "[" A2 "]"), 0, 0, 0,
     0},
    /* each its own */
    {LE("1", "[" A1 "," B1 "]"), LE("1", "[" A2 "," B1 "]"), LE("1", "[" A1 "," B2 "]"),
     LE("1", "[" A2 "," B2 "]"), 1, 0, 0, 0},
    {LE("1", NONE), LE("1", "[" A1 "]"), LE("1", "[" B1 "]"), LE("1", "[" B1 "," A1 "]"), 1, 0, 0,
     0},
    {LE("1", NONE), LE("1", "[" A1 "]"), LE("1", NONE), LE("1", "[" A1 "]"), 0, 0, 0, 0},
    {LE("1", NONE), LE("1", NONE), LE("1", "[" A1 "]"), LE("1", "[" A1 "]"), 1, 0, 0, 0},
    /* removed by them: what we have not changed goes */
    {LE("1", "[" A1 "," B1 "]"), LE("1", "[" A1 "," B1 "]"), LE("1", "[" B1 "]"),
     LE("1", "[" B1 "]"), 0, 1, 0, 0},
    {LE("1", "[" A1 "," B1 "]"), LE("1", "[" A2 "," B1 "]"), LE("1", NONE), LE("1", "[" A2 "]"),
     0, 1, 0, 1},
    {LE("1", "[" A1 "]"), LE("1", "[" A1 "]"), LE("1", NONE), LE("1", NONE), 0, 1, 0, 0},
    /* accounts, and resolvers as a whole */
    {LE("1", NONE), LE("2", NONE), LE("1", "[" A1 "]"), LE("2", "[" A1 "]"), 1, 0, 0, 0},
    {LE("1", NONE), LE("1", NONE), LE("2", NONE), LE("2", NONE), 0, 0, 1, 0},
    {LE("1", NONE), LE("2", NONE), LE("3", NONE), LE("2", NONE), 0, 0, 0, 1},
    {"{}", LE("1", "[" A1 "]"), "{\"two\":{\"x\":1}}",
     "{\"two\":{\"x\":1},\"le\":{\"Account\":1,\"Certificates\":[" A1 "]}}", 0, 0, 0, 0},
    {LE("1", "[" A1 "]"), LE("1", "[" A1 "]"), "{}", "{}", 0, 1, 1, 0},
    {LE("1", "[" A1 "]"), LE("1", "[" A2 "]"), "{}",
     "{\"le\":{\"Certificates\":[" A2 "]}}", 0, 0, 1, 1},
    {"{\"le\":7}", "{\"le\":7}", "{\"le\":8,\"x\":[1]}", "{\"le\":8,\"x\":[1]}", 0, 0, 0, 0},
    /* the same names in another order are the same; others are kept though they are double */
    {"{\"le\":{\"Certificates\":[{\"domain\":{\"main\":\"a\",\"sans\":[\"B\"]}}]}}",
     "{\"le\":{\"Certificates\":[{\"domain\":{\"main\":\"a\",\"sans\":[\"B\"]},\"x\":1}]}}",
     "{\"le\":{\"Certificates\":[{\"domain\":{\"main\":\"b\",\"sans\":[\"a\"]}}]}}",
     "{\"le\":{\"Certificates\":[{\"domain\":{\"main\":\"a\",\"sans\":[\"B\"]},\"x\":1}]}}", 0,
     0, 0, 1},
    {LE("1", NONE), LE("1", "[" B1 "]"), LE("1", "[" A1 "," A2 ",{},7]"),
     LE("1", "[" A1 "," A2 ",{},7," B1 "]"), 4, 0, 0, 0},
};

static void what_both_changed_is_put_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mergings) / sizeof(mergings[0]); i++) {
        const struct merging *the = &mergings[i];
        struct acme_merge_report report = {0};
        json_t *base = json_loads(the->base, 0, NULL), *ours = json_loads(the->ours, 0, NULL);
        json_t *theirs = json_loads(the->theirs, 0, NULL);
        json_t *expected = json_loads(the->merged, 0, NULL);
        assert_true(base != NULL && ours != NULL && theirs != NULL && expected != NULL);
        json_t *merged = acme_merge(base, ours, theirs, &report);
        char *text = json_dumps(merged, JSON_COMPACT);
        if (!json_equal(merged, expected))
            fail_msg("case %zu: %s", i, text);
        if (report.taken != the->taken || report.removed != the->removed ||
            report.accounts != the->accounts || report.kept != the->kept)
            fail_msg("case %zu: %zu %zu %zu %zu", i, report.taken, report.removed,
                     report.accounts, report.kept);
        free(text);
        json_decref(merged);
        json_decref(expected);
        json_decref(theirs);
        json_decref(ours);
        json_decref(base);
    }
}

static void note_taken(void *context, const char *resolver, const struct acme_stored_cert *cert)
{
    char *text = context;
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%s %s %.*s;", resolver, cert->main, SPAN_ARG(cert->chain));
}

static void what_another_program_wrote_is_taken_over(void **state)
{
    struct scene *scene = *state;
    const struct span own[] = {SPAN("own.test")}, mine[] = {SPAN("a.test"), SPAN("b.test")};
    static const char theirs[] =
        "{\"le\":{\"Account\":{\"PrivateKey\":\"Zm9v\"},\"Certificates\":["
        "{\"domain\":{\"main\":\"a.test\",\"sans\":[\"b.test\"]},\"certificate\":\"Zm9v\","
        "\"key\":\"YmFy\",\"Store\":\"default\"},"
        "{\"domain\":{\"main\":\"new.test\"},\"certificate\":\"bmV3\",\"key\":\"YmFy\"}]}}";
    struct acme_merge_report report;
    struct acme_file_stamp stamp;
    struct span text;
    char taken[256] = "";
    put(scene, traefik);
    struct acme_store *store = open_store(scene);
    assert_int_equal(acme_store_set_cert(store, "le", own, 1, SPAN("own"), SPAN("key")), ERR_OK);
    assert_int_equal(acme_store_set_cert(store, "le", mine, 2, SPAN("mine"), SPAN("k")), ERR_OK);
    put(scene, theirs);
    assert_int_equal(acme_store_text(store, ACME_STORE_MAIN, &text), ERR_OK);
    assert_int_equal(acme_file_write(scene->path, text, acme_store_stamp(store), NULL),
                     ERR_MISMATCH);
    acme_file_release(&text);
    acme_store_set_dirty(store, ACME_STORE_MAIN);
    assert_int_equal(acme_file_read(scene->path, &text, &stamp, NULL), ERR_OK);
    assert_int_equal(
        acme_store_merge(store, text, &stamp, note_taken, taken, &report, NULL), ERR_OK);
    acme_file_release(&text);
    assert_string_equal(taken, "le new.test new;");
    assert_int_equal(report.accounts, 1);
    save(store, ACME_STORE_MAIN);
    assert_int_equal(acme_store_cert_count(store, "le"), 3);
    /* What was merged is what both have now. */
    assert_int_equal(acme_file_read(scene->path, &text, &stamp, NULL), ERR_OK);
    assert_int_equal(
        acme_store_merge(store, text, &stamp, note_taken, taken, &report, NULL), ERR_OK);
    acme_file_release(&text);
    assert_int_equal(report.taken + report.removed + report.accounts + report.kept, 0);
    assert_false(acme_store_is_dirty(store, ACME_STORE_MAIN));
    acme_store_destroy(store);
}

static void what_is_no_storage_is_not_taken_over(void **state)
{
    struct scene *scene = *state;
    struct acme_merge_report report;
    struct acme_file_stamp stamp = {.inode = 1};
    struct err_text why;
    put(scene, traefik);
    struct acme_store *store = open_store(scene);
    assert_int_equal(acme_store_merge(store, SPAN("{\"le\":{"), &stamp, note_taken, NULL, &report,
                                      &why),
                     ERR_SYNTAX);
    assert_int_equal(acme_store_cert_count(store, "le"), 1);
    assert_false(acme_store_is_dirty(store, ACME_STORE_MAIN));
    /* An empty file is written whole again. */
    assert_int_equal(
        acme_store_merge(store, SPAN(" \n"), &stamp, note_taken, NULL, &report, &why), ERR_OK);
    assert_int_equal(acme_store_cert_count(store, "le"), 1);
    assert_true(acme_store_is_dirty(store, ACME_STORE_MAIN));
    acme_store_destroy(store);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_file_of_traefik_is_read),
        IN_FOLDER(an_unchanged_file_is_written_as_traefik_writes_it),
        IN_FOLDER(a_certificate_takes_the_place_of_that_for_the_same_names),
        IN_FOLDER(accounts_of_several_resolvers_share_a_file),
        IN_FOLDER(orders_are_kept_beside),
        IN_FOLDER(a_file_that_others_may_read_is_refused),
        IN_FOLDER(what_is_no_json_is_refused_with_its_place),
        IN_FOLDER(incomplete_certificates_are_told_apart),
        IN_FOLDER(a_link_stays_a_link),
        IN_FOLDER(a_crash_at_any_byte_leaves_the_old_file),
        IN_FOLDER(a_file_that_has_changed_is_not_replaced),
        IN_FOLDER(one_server_has_the_lock),
        cmocka_unit_test(what_both_changed_is_put_together),
        IN_FOLDER(what_another_program_wrote_is_taken_over),
        IN_FOLDER(what_is_no_storage_is_not_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
