/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every allocation of DNS messages and of ACME's storage fails in turn, those of
 * libjansson too: an error, nothing lost or leaked, and a second try succeeds.
 */
#include "core/control/acme_dns.h"
#include "core/control/acme_store.h"
#include "core/control/dns_tsig.h"
#include "tests/unit/http/fail_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ALLOCATIONS_MAX 2000

/* With the first, the second … allocation and all after it failing, until there are no more.
 * Returns how many there were. */
static size_t fail_each(enum err (*attempt)(void *context), void *context)
{
    for (size_t n = 1; n < ALLOCATIONS_MAX; n++) {
        fail_malloc_at(n);
        enum err error = attempt(context);
        bool happened = fail_malloc_happened();
        fail_malloc_at(0);
        if (!happened) {
            assert_int_equal(error, ERR_OK);
            return n - 1;
        }
        /* Libjansson takes a token that it has no memory for to be wrong. */
        if (error != ERR_NOMEM && error != ERR_SYNTAX)
            fail_msg("the allocation %zu failed: %s", n, err_name(error));
    }
    fail_msg("it never comes to an end");
    return 0;
}

/* ---- DNS ---- */

static void parse(const char *text, struct dns_name *out)
{
    assert_int_equal(dns_name_parse(span_cstr(text), out), ERR_OK);
}

static enum err write_query(void *context)
{
    struct buf message;
    struct dns_name name;
    (void)context;
    parse("a.test", &name);
    buf_init(&message, DNS_MESSAGE_MAX);
    enum err error = dns_query_append(&message, 1, &name, DNS_TXT, true, true);
    buf_finish(&message);
    return error;
}

static enum err write_update(void *context)
{
    struct dns_tsig_key *key = context;
    struct dns_tsig_mac mac;
    struct dns_name zone, name;
    struct buf message;
    parse("test", &zone);
    parse("a.test", &name);
    buf_init(&message, DNS_MESSAGE_MAX);
    enum err error = dns_update_append(&message, 1, &zone, &name, SPAN("value"), 60, true);
    if (error == ERR_OK)
        error = dns_tsig_sign(&message, key, 1700000000, &mac);
    buf_finish(&message);
    return error;
}

static enum err make_record(void *context)
{
    struct acme_dns_record record;
    (void)context;
    TRY(acme_dns_record_init(&record, "a.test", "token", "key"));
    acme_dns_record_finish(&record);
    return ERR_OK;
}

static void dns_messages_and_records(void **state)
{
    struct dns_tsig_key key;
    (void)state;
    assert_int_equal(dns_tsig_key_set(&key, SPAN("k"), SPAN("hmac-sha256"), SPAN("c2VjcmV0"), NULL),
                     ERR_OK);
    assert_true(fail_each(write_query, NULL) > 0);
    assert_true(fail_each(write_update, &key) > 0);
    assert_true(fail_each(make_record, NULL) >= 3);
}

/* ---- the storage's texts ---- */

#define CERT(name, value)                                                                  \
    "{\"domain\":{\"main\":\"" name "\",\"sans\":[\"x." name "\"]},\"certificate\":\"" value \
    "\",\"key\":\"Zm9v\"}"

static const char before[] = "{\"le\":{\"Account\":{\"PrivateKey\":\"Zm9v\"},\"Certificates\":["
    CERT("a", "Zm9v") "," CERT("b", "Zm9v") "]}}";
static const char theirs[] = "{\"le\":{\"Account\":{\"PrivateKey\":\"YmFy\"},\"Certificates\":["
    CERT("a", "YmFy") "," CERT("c", "YmFy") "]},\"two\":{\"Certificates\":null}}";
/* ---- merging ---- */

struct trees {
    json_t *base, *theirs, *merged;
};

static enum err merge(void *context)
{
    struct trees *trees = context;
    struct acme_merge_report report = {.list = NULL};
    trees->merged = acme_merge(trees->base, trees->base, trees->theirs, &report);
    return trees->merged != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err copy(void *context)
{
    struct trees *trees = context;
    json_t *made = acme_merge_copy(trees->base);
    bool whole = made == NULL || json_equal(made, trees->base);
    json_decref(made);
    assert_true(whole);
    return made != NULL ? ERR_OK : ERR_NOMEM;
}

static void what_is_merged_is_whole_or_not_at_all(void **state)
{
    (void)state;
    json_set_alloc_funcs(malloc, free);
    struct trees trees = {json_loads(before, 0, NULL), json_loads(theirs, 0, NULL), NULL};
    assert_true(fail_each(merge, &trees) > 10);
    assert_true(json_equal(trees.merged, trees.theirs)); /* we have changed nothing */
    assert_true(fail_each(copy, &trees) > 5);
    json_decref(trees.merged);
    json_decref(trees.theirs);
    json_decref(trees.base);
}

/* ---- files ---- */

struct scene {
    char folder[64], path[128];
    struct acme_store *store;
};

static enum err open_it(void *context)
{
    struct scene *scene = context;
    struct acme_store *store;
    TRY(acme_store_open(scene->path, &store, NULL));
    acme_store_destroy(scene->store);
    scene->store = store;
    return ERR_OK;
}

static enum err set_cert(void *context)
{
    struct scene *scene = context;
    const struct span names[] = {SPAN("own"), SPAN("x.own")};
    return acme_store_set_cert(scene->store, "le", names, 2, SPAN("new"), SPAN("foo"));
}

static enum err take_text(void *context)
{
    struct scene *scene = context;
    struct span text;
    TRY(acme_store_text(scene->store, ACME_STORE_MAIN, &text));
    acme_file_release(&text);
    acme_store_set_dirty(scene->store, ACME_STORE_MAIN);
    return ERR_OK;
}

static void the_storage(void **state)
{
    struct scene scene = {.store = NULL};
    (void)state;
    snprintf(scene.folder, sizeof(scene.folder), "/tmp/weir-nomem-XXXXXX");
    assert_non_null(mkdtemp(scene.folder));
    snprintf(scene.path, sizeof(scene.path), "%s/acme.json", scene.folder);
    assert_int_equal(acme_file_write(scene.path, span_cstr(before), NULL, NULL), ERR_OK);
    assert_true(fail_each(open_it, &scene) > 10);
    assert_true(fail_each(set_cert, &scene) > 5);
    assert_int_equal(acme_store_cert_count(scene.store, "le"), 3);
    assert_true(fail_each(take_text, &scene) > 5);
    acme_store_destroy(scene.store);
    assert_int_equal(unlink(scene.path), 0);
    assert_int_equal(rmdir(scene.folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_messages_and_records),
        cmocka_unit_test(what_is_merged_is_whole_or_not_at_all),
        cmocka_unit_test(the_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
