/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of contexts: one per pair, whoever comes first, and what a reload keeps. */
#include "tls_harness.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/hash.h"

static struct tls_context *get(struct tls_context_table *table, struct cert *cert,
                               struct tls_options *options)
{
    struct tls_context *context = NULL;
    struct err_text why = {""};
    if (tls_context_get(table, cert, options, &context, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return context;
}

static void a_pair_has_one_context(void **state)
{
    struct tls_options_config strict = {.name = SPAN("strict"), .min_version = 0x0304};
    struct tls_options_config renamed = {.name = SPAN("renamed"), .session_tickets = true};
    struct cert *p256 = fixture_cert("p256"), *rsa = fixture_cert("rsa2048");
    struct tls_options *one = fixture_options(NULL), *two = fixture_options(&strict);
    struct tls_options *equal = fixture_options(&renamed);
    struct tls_context_table *table;
    (void)state;
    assert_ok(tls_context_table_create(0, &table));
    struct tls_context *first = get(table, p256, one);
    assert_ptr_equal(get(table, p256, one), first);
    assert_ptr_equal(get(table, p256, equal), first);
    assert_ptr_not_equal(get(table, p256, two), first);
    assert_ptr_not_equal(get(table, rsa, one), first);
    assert_ptr_not_equal(get(table, rsa, two), get(table, rsa, one));
    assert_ptr_equal(get(table, p256, one), first);
    tls_context_table_destroy(table);
    tls_options_unref(one);
    tls_options_unref(two);
    tls_options_unref(equal);
    cert_unref(p256);
    cert_unref(rsa);
}

static void a_table_holds_more_than_its_capacity(void **state)
{
    enum { COUNT = 40 };
    struct tls_options *options[COUNT];
    struct tls_context *contexts[COUNT];
    struct cert *cert = fixture_cert("p256");
    struct tls_context_table *table;
    (void)state;
    assert_ok(tls_context_table_create(2, &table));
    for (int i = 0; i < COUNT; i++) {
        char name[16];
        snprintf(name, sizeof(name), "proto-%d", i);
        struct span alpn = span_cstr(name);
        struct tls_options_config config = {.alpn = &alpn, .alpn_count = 1};
        options[i] = fixture_options(&config);
        contexts[i] = get(table, cert, options[i]);
    }
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(get(table, cert, options[i]), contexts[i]);
    tls_context_table_destroy(table);
    for (int i = 0; i < COUNT; i++)
        tls_options_unref(options[i]);
    cert_unref(cert);
}

static bool keep_one(const struct cert *cert, const struct tls_options *options, void *argument)
{
    (void)options;
    return cert == argument;
}

static void a_reload_keeps_what_it_is_told(void **state)
{
    struct cert *p256 = fixture_cert("p256"), *rsa = fixture_cert("rsa2048");
    struct tls_options *options = fixture_options(NULL), *reloaded = fixture_options(NULL);
    struct tls_context_table *old, *next;
    struct pair pair;
    (void)state;
    assert_ok(tls_context_table_create(4, &old));
    assert_ok(tls_context_table_create(4, &next));
    struct tls_context *kept = get(old, p256, options);
    struct tls_context *dropped = tls_context_ref(get(old, rsa, options));
    tls_context_table_inherit(next, old, keep_one, p256);
    tls_context_table_destroy(old);
    tls_options_unref(options);
    assert_ptr_equal(get(next, p256, reloaded), kept);
    assert_ptr_not_equal(get(next, rsa, reloaded), dropped);
    /* Who holds a reference goes on with what the table has left. */
    struct tls_context *client = fixture_client("ca.pem", 0, 0, NULL);
    pair_init(&pair, dropped, client, SERVER_NAME, NULL);
    tls_context_unref(dropped);
    tls_context_table_destroy(next);
    pair_handshake(&pair);
    assert_int_equal(pair.server_result, ERR_OK);
    assert_int_equal(pair.client_result, ERR_OK);
    pair_finish(&pair);
    tls_context_unref(client);
    tls_options_unref(reloaded);
    cert_unref(p256);
    cert_unref(rsa);
}

static void a_certificate_that_cannot_be_used_is_an_error_that_names_it(void **state)
{
    struct cert *cert = fixture_cert("p256"), *other = fixture_cert("p384");
    struct tls_options *options = fixture_options(NULL);
    struct tls_context_table *table;
    struct tls_context *context = NULL;
    struct err_text why = {""};
    (void)state;
    assert_ok(tls_context_table_create(4, &table));
    struct span key = cert->key, chain = cert->chain;
    cert->key = SPAN("this is no key");
    assert_int_equal(tls_context_get(table, cert, options, &context, &why), ERR_TLS);
    assert_null(context);
    assert_non_null(strstr(why.text, "server.test"));
    cert->key = key;
    cert->chain = SPAN("this is no chain");
    assert_int_equal(tls_context_get(table, cert, options, &context, &why), ERR_TLS);
    cert->chain = chain;
    /* A failure is not remembered. */
    assert_non_null(get(table, cert, options));
    tls_context_table_destroy(table);
    tls_options_unref(options);
    cert_unref(cert);
    cert_unref(other);
}

#define THREADS 4
#define PAIRS 12

struct race {
    struct tls_context_table *table;
    struct cert *certs[3];
    struct tls_options *options[4];
    pthread_barrier_t barrier;
    struct tls_context *seen[THREADS][PAIRS];
};

struct racer {
    struct race *race;
    size_t index;
};

static void *racer_run(void *argument)
{
    struct racer *racer = argument;
    struct race *race = racer->race;
    static _Thread_local struct err_text why;
    pthread_barrier_wait(&race->barrier);
    for (size_t i = 0; i < PAIRS; i++) {
        size_t pair = (i + racer->index) % PAIRS;
        if (tls_context_get(race->table, race->certs[pair % 3], race->options[pair / 3],
                            &race->seen[racer->index][pair], &why) != ERR_OK)
            return race;
    }
    return NULL;
}

static void race_once(struct race *race)
{
    pthread_t threads[THREADS];
    struct racer racers[THREADS];
    assert_ok(tls_context_table_create(1, &race->table)); /* few buckets, many collisions */
    pthread_barrier_init(&race->barrier, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){race, i};
        assert_int_equal(pthread_create(&threads[i], NULL, racer_run, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    for (size_t i = 1; i < THREADS; i++)
        assert_memory_equal(race->seen[i], race->seen[0], sizeof(race->seen[0]));
    for (size_t i = 0; i < PAIRS; i++)
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(race->seen[0][i], race->seen[0][j]);
    pthread_barrier_destroy(&race->barrier);
    tls_context_table_destroy(race->table);
}

static void threads_that_come_at_once_agree_on_one_context(void **state)
{
    static const char *const certs[] = {"p256", "p384", "ed25519"};
    struct race race = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        race.certs[i] = fixture_cert(certs[i]);
    for (size_t i = 0; i < 4; i++) {
        struct tls_options_config config = {
            .min_version = i & 1 ? 0x0304 : 0,
            .session_tickets = i & 2,
        };
        race.options[i] = fixture_options(&config);
    }
    for (int round = 0; round < 20; round++)
        race_once(&race);
    for (size_t i = 0; i < 3; i++)
        cert_unref(race.certs[i]);
    for (size_t i = 0; i < 4; i++)
        tls_options_unref(race.options[i]);
}

struct worker {
    struct tls_context *server, *client;
    bool failed;
};

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < 10; i++) {
        struct pair pair;
        pair_init(&pair, worker->server, worker->client, SERVER_NAME, "http/1.1");
        pair_handshake(&pair);
        worker->failed |= pair.server_result != ERR_OK || pair.client_result != ERR_OK;
        pair_finish(&pair);
    }
    return NULL;
}

static void threads_share_a_context_in_handshakes(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    struct tls_context *client = fixture_client("ca.pem", 0, 0, "http/1.1");
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){server, client, false};
        assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(workers[i].failed);
    }
    tls_context_unref(server);
    tls_context_unref(client);
}

static void the_library_is_what_the_build_says(void **state)
{
    (void)state;
    assert_string_equal(tls_library_version(), WEIR_WOLFSSL_VERSION);
    if (strcmp(WEIR_WOLFSSL_ASM, "none") == 0)
        assert_false(tls_library_has_assembly());
}

static int start(void **state)
{
    struct err_text why;
    (void)state;
    hash_seed_set(7);
    return tls_global_init(&why) == ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_has_one_context),
        cmocka_unit_test(a_table_holds_more_than_its_capacity),
        cmocka_unit_test(a_reload_keeps_what_it_is_told),
        cmocka_unit_test(a_certificate_that_cannot_be_used_is_an_error_that_names_it),
        cmocka_unit_test(threads_that_come_at_once_agree_on_one_context),
        cmocka_unit_test(threads_share_a_context_in_handshakes),
        cmocka_unit_test(the_library_is_what_the_build_says),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
