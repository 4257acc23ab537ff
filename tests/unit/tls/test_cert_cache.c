/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the selection cache remembers, for how long, and what makes it forget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/base/hash.h"
#include "tests/unit/tls/fake_cert.h"
#include "tls/cert_cache.h"

#define ENTRIES 64

struct fixture {
    struct cert_cache *cache;
    struct cert_index *index;
    struct cert *default_cert;
};

static struct cert_index *index_of(const char *store_key, struct cert *default_cert)
{
    struct cert_index *index = NULL;
    struct cert_set set = {.by_type = {[CERT_KEY_RSA] = default_cert}};
    struct cert *cert = fake_cert(store_key, CERT_KEY_RSA);
    assert_int_equal(cert_index_create(&cert, 1, &set, 0, NULL, NULL, &index), ERR_OK);
    cert_unref(cert);
    return index;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    hash_seed_set(99);
    fixture->default_cert = fake_cert("default", CERT_KEY_RSA);
    fixture->index = index_of("*.example.com,example.com", fixture->default_cert);
    assert_int_equal(cert_cache_create(ENTRIES, &fixture->cache), ERR_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    cert_cache_destroy(fixture->cache);
    cert_index_destroy(fixture->index);
    cert_unref(fixture->default_cert);
    free(fixture);
    return 0;
}

/* Looks up and says whether it was a hit. */
static bool hits(struct fixture *fixture, uint64_t epoch, const char *name, int64_t now_s,
                 const char *store_key)
{
    bool known = false;
    uint64_t before = cert_cache_stats(fixture->cache).hits;
    const struct cert_set *set = cert_cache_select(fixture->cache, fixture->index, epoch,
                                                   span_cstr(name), now_s, &known);
    assert_true(span_equal(set->by_type[CERT_KEY_RSA]->store_key, span_cstr(store_key)));
    assert_int_equal(known, strcmp(store_key, "default") != 0);
    return cert_cache_stats(fixture->cache).hits > before;
}

#define WILD "*.example.com,example.com"

static void the_second_look_up_is_a_hit(void **state)
{
    struct fixture *fixture = *state;
    assert_false(hits(fixture, 1, "a.example.com", 0, WILD));
    assert_true(hits(fixture, 1, "a.example.com", 0, WILD));
    assert_false(hits(fixture, 1, "b.example.com", 0, WILD));
    struct cert_cache_stats stats = cert_cache_stats(fixture->cache);
    assert_int_equal(stats.hits, 1);
    assert_int_equal(stats.misses, 2);
}

static void the_default_is_remembered_too(void **state)
{
    struct fixture *fixture = *state;
    assert_false(hits(fixture, 1, "other.org", 0, "default"));
    assert_true(hits(fixture, 1, "other.org", 0, "default"));
    assert_false(hits(fixture, 1, "", 0, "default"));
    assert_true(hits(fixture, 1, "", 0, "default"));
}

static void an_entry_lives_one_hour_from_its_making(void **state)
{
    struct fixture *fixture = *state;
    assert_false(hits(fixture, 1, "a.example.com", 1000, WILD));
    assert_true(hits(fixture, 1, "a.example.com", 1000 + 3599, WILD));
    assert_false(hits(fixture, 1, "a.example.com", 1000 + 3600, WILD));
    assert_true(hits(fixture, 1, "a.example.com", 1000 + 3601, WILD));
}

static void another_epoch_makes_it_look_again(void **state)
{
    struct fixture *fixture = *state;
    assert_false(hits(fixture, 1, "a.example.com", 0, WILD));
    /* The old index goes away: ASan sees it if its memory is touched. */
    cert_index_destroy(fixture->index);
    fixture->index = index_of("a.example.com", fixture->default_cert);
    assert_false(hits(fixture, 2, "a.example.com", 0, "a.example.com"));
    assert_true(hits(fixture, 2, "a.example.com", 0, "a.example.com"));
    assert_false(hits(fixture, 2, "b.example.com", 0, "default"));
}

static void names_over_63_bytes_are_not_kept(void **state)
{
    struct fixture *fixture = *state;
    char name[80];
    memset(name, 'a', sizeof(name));
    strcpy(name + 63 - 12, ".example.com");
    assert_false(hits(fixture, 1, name, 0, WILD));
    assert_true(hits(fixture, 1, name, 0, WILD));
    memset(name, 'a', sizeof(name));
    strcpy(name + 64 - 12, ".example.com");
    assert_false(hits(fixture, 1, name, 0, WILD));
    assert_false(hits(fixture, 1, name, 0, WILD));
}

static void every_answer_is_right_however_full_it_is(void **state)
{
    struct fixture *fixture = *state;
    char name[64];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20 * ENTRIES; i++) {
            snprintf(name, sizeof(name), "%d.example.%s", i, i % 3 ? "com" : "org");
            hits(fixture, 1, name, 0, i % 3 ? WILD : "default");
        }
    }
    struct cert_cache_stats stats = cert_cache_stats(fixture->cache);
    assert_int_equal(stats.hits + stats.misses, 3 * 20 * ENTRIES);
}

static void a_flood_of_names_leaves_those_that_are_asked_for_again(void **state)
{
    struct fixture *fixture = *state;
    char name[64];
    int kept = 0;
    for (int i = 0; i < 10 * ENTRIES; i++) {
        hits(fixture, 1, "busy.example.com", 0, WILD);
        snprintf(name, sizeof(name), "flood%d.example.org", i);
        hits(fixture, 1, name, 0, "default");
        kept += hits(fixture, 1, "busy.example.com", 0, WILD);
    }
    assert_int_equal(kept, 10 * ENTRIES);
}

static void sizes_are_rounded_up_and_bounded(void **state)
{
    struct fixture *fixture = *state;
    static const size_t sizes[] = {0, 1, 4, 5, 1000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        cert_cache_destroy(fixture->cache);
        assert_int_equal(cert_cache_create(sizes[i], &fixture->cache), ERR_OK);
        assert_false(hits(fixture, 1, "a.example.com", 0, WILD));
        assert_true(hits(fixture, 1, "a.example.com", 0, WILD));
    }
    struct cert_cache *none = NULL;
    assert_int_equal(cert_cache_create(SIZE_MAX, &none), ERR_LIMIT);
    assert_null(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_second_look_up_is_a_hit),
        TEST(the_default_is_remembered_too),
        TEST(an_entry_lives_one_hour_from_its_making),
        TEST(another_epoch_makes_it_look_again),
        TEST(names_over_63_bytes_are_not_kept),
        TEST(every_answer_is_right_however_full_it_is),
        TEST(a_flood_of_names_leaves_those_that_are_asked_for_again),
        TEST(sizes_are_rounded_up_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
