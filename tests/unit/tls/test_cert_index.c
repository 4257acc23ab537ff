/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The look-up against a table of cases written by hand, and against a plain reading of Traefik's
 * rule: go through the store keys in reverse byte order and take the first that has a name equal to
 * what is asked for, or equal to it with its first label replaced by '*'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/base/hash.h"
#include "core/base/limits.h"
#include "tests/unit/base/prng.h"
#include "tests/unit/tls/fake_cert.h"
#include "tls/cert_index.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cert *default_cert;

static int64_t now_s; /* fake certificates are valid at 0 */

static struct cert_index *make_index_after(const struct cert_index *previous,
                                           struct cert *const *certs, size_t count,
                                           size_t *duplicates)
{
    struct cert_index *index = NULL;
    struct cert_set set = {.by_type = {[CERT_KEY_ECDSA_P256] = default_cert}};
    assert_int_equal(cert_index_create(certs, count, &set, now_s, previous, duplicates, &index),
                     ERR_OK);
    for (size_t i = 0; i < count; i++)
        cert_unref(certs[i]); /* the index holds its own */
    return index;
}

static struct cert_index *make_index(struct cert *const *certs, size_t count, size_t *duplicates)
{
    return make_index_after(NULL, certs, count, duplicates);
}

/* The store key of what is found, or "". */
static const char *find(const struct cert_index *index, const char *name, char *out)
{
    struct span span = span_cstr(name);
    const struct cert_set *set = cert_index_find(index, span, hash_span(span));
    out[0] = '\0';
    for (size_t type = 0; set != NULL && type < CERT_INDEX_KEY_TYPES; type++) {
        if (set->by_type[type] != NULL)
            snprintf(out, 2048, "%.*s", SPAN_ARG(set->by_type[type]->store_key));
    }
    return out;
}

/* ---- by hand ---- */

static const struct selection_case {
    const char *keys[4];
    const char *name;
    const char *chosen; /* "": the default */
} cases[] = {
    {{"a.example.com"}, "a.example.com", "a.example.com"},
    {{"a.example.com"}, "b.example.com", ""},
    {{"a.example.com"}, "x.a.example.com", ""},
    {{"a.example.com"}, "example.com", ""},
    {{"*.example.com"}, "a.example.com", "*.example.com"},
    {{"*.example.com"}, "example.com", ""},
    {{"*.example.com"}, "b.a.example.com", ""},
    {{"*.example.com"}, ".example.com", "*.example.com"},
    {{"*.example.com"}, "*.example.com", "*.example.com"},
    {{"*.com"}, "example.com", "*.com"},
    {{"*"}, "localhost", "*"},
    {{"*"}, "example.com", ""},
    {{"*", "localhost"}, "localhost", "localhost"},
    {{"*.*.example.com"}, "*.*.example.com", "*.*.example.com"},
    {{"*.*.example.com"}, "a.*.example.com", "*.*.example.com"},
    {{"*.*.example.com"}, "a.b.example.com", ""},
    {{"a*.example.com"}, "ab.example.com", ""},
    {{"a*.example.com"}, "a*.example.com", "a*.example.com"},
    {{"*a.example.com"}, "ba.example.com", ""},
    /* exact usually wins, since '*' sorts low … */
    {{"*.example.com", "a.example.com"}, "a.example.com", "a.example.com"},
    {{"a.example.com", "*.example.com"}, "a.example.com", "a.example.com"},
    {{"*.example.com", "a.example.com"}, "b.example.com", "*.example.com"},
    /* … but it is the store keys that are compared: Traefik's counter-example */
    {{"*.ex.com,ex.com", "*.ex.com,aaa.ex.com"}, "aaa.ex.com", "*.ex.com,ex.com"},
    {{"*.ex.com,zzz.com", "*.ex.com,aaa.ex.com"}, "aaa.ex.com", "*.ex.com,zzz.com"},
    {{"*.ex.com,ex.com", "aaa.ex.com,bbb.ex.com"}, "aaa.ex.com", "aaa.ex.com,bbb.ex.com"},
    /* several exact ones: the greatest key */
    {{"a.com,b.com", "b.com", "b.com,c.com"}, "b.com", "b.com,c.com"},
    {{"b.com,c.com", "b.com", "a.com,b.com"}, "b.com", "b.com,c.com"},
    {{"b.com", "b.com,c.com", "a.com,b.com"}, "a.com", "a.com,b.com"},
    {{"*.com,x.org", "*.com,y.org", "*.com"}, "b.com", "*.com,y.org"},
    /* a digit sorts above '*' and below letters */
    {{"*.ex.com", "1.ex.com,a.org", "a.ex.com,1.ex.com"}, "1.ex.com", "a.ex.com,1.ex.com"},
    /* IP addresses are names like others, even for the wildcard */
    {{"192.0.2.1,a.com"}, "192.0.2.1", "192.0.2.1,a.com"},
    {{"*.0.2.1"}, "192.0.2.1", "*.0.2.1"},
    {{"2001:db8::1"}, "2001:db8::1", "2001:db8::1"},
    {{"weir default cert"}, "weir default cert", "weir default cert"},
    {{""}, "a.com", ""},
    {{NULL}, "a.com", ""},
};

static void selection_follows_the_table(void **state)
{
    (void)state;
    char found[2048];
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cert *certs[4];
        size_t count = 0;
        for (; count < 4 && cases[i].keys[count] != NULL; count++)
            certs[count] = fake_cert(cases[i].keys[count], CERT_KEY_ECDSA_P256);
        struct cert_index *index = make_index(certs, count, NULL);
        assert_string_equal(find(index, cases[i].name, found), cases[i].chosen);
        cert_index_destroy(index);
    }
}

/* ---- against the rule as it reads ---- */

/* By another way than the index: strings, strcmp, and a walk over everything. */
static bool reference_matches(const char *key, const char *name)
{
    char wildcard[512], names[2048];
    const char *dot = strchr(name, '.');
    if (snprintf(wildcard, sizeof(wildcard), "*%s", dot != NULL ? dot : "") < 0 ||
        snprintf(names, sizeof(names), "%s", key) < 0)
        return false;
    for (char *rest = names, *san; (san = strsep(&rest, ",")) != NULL;) {
        if (strcmp(san, name) == 0 || strcmp(san, wildcard) == 0)
            return true;
    }
    return false;
}

static const char *reference_find(char keys[][256], size_t count, const char *name)
{
    const char *best = "";
    for (size_t i = 0; i < count; i++) {
        if (reference_matches(keys[i], name) && strcmp(keys[i], best) > 0)
            best = keys[i];
    }
    return best;
}

/* Names out of few labels, so that they meet. */
static void random_name(uint64_t *random, bool wildcards, char *out)
{
    static const char *const labels[] = {"a", "b", "aa", "zz", "0", "-", "x1"};
    static const char *const tails[] = {"", ".com", ".a.com", ".b.com", ".ex.org", ".a.ex.org"};
    const char *label = labels[prng_below(random, COUNT(labels))];
    if (wildcards && prng_below(random, 3) == 0)
        label = "*";
    sprintf(out, "%s%s", label, tails[prng_below(random, COUNT(tails))]);
}

static void random_key(uint64_t *random, char *out)
{
    size_t count = 1 + prng_below(random, 4), len = 0;
    for (size_t i = 0; i < count; i++) {
        char name[64];
        random_name(random, true, name);
        len += (size_t)sprintf(out + len, "%s%s", i > 0 ? "," : "", name);
    }
}

static void selection_agrees_with_the_rule_on_random_certificates(void **state)
{
    (void)state;
    static char keys[200][256];
    uint64_t random = 42;
    for (int round = 0; round < 300; round++) {
        struct cert *certs[200];
        size_t count = prng_below(&random, round % 3 == 0 ? 200 : 12);
        for (size_t i = 0; i < count; i++) {
            random_key(&random, keys[i]);
            certs[i] = fake_cert(keys[i], (enum cert_key_type)prng_below(&random, 5));
        }
        struct cert_index *index = make_index(certs, count, NULL);
        for (int look = 0; look < 200; look++) {
            char name[64], found[2048];
            random_name(&random, look % 5 == 0, name);
            assert_string_equal(find(index, name, found), reference_find(keys, count, name));
        }
        cert_index_destroy(index);
    }
}

/* ---- sets and duplicates ---- */

static void key_types_of_the_same_names_stand_together(void **state)
{
    (void)state;
    struct cert *certs[] = {
        fake_cert("a.com,b.com", CERT_KEY_RSA),
        fake_cert("a.com", CERT_KEY_RSA),
        fake_cert("a.com,b.com", CERT_KEY_ECDSA_P256),
    };
    struct cert_index *index = make_index(certs, COUNT(certs), NULL);
    const struct cert_set *set = cert_index_find(index, SPAN("a.com"), hash_span(SPAN("a.com")));
    assert_ptr_equal(set->by_type[CERT_KEY_RSA], certs[0]);
    assert_ptr_equal(set->by_type[CERT_KEY_ECDSA_P256], certs[2]);
    assert_null(set->by_type[CERT_KEY_ED25519]);
    assert_ptr_equal(cert_index_default(index)->by_type[CERT_KEY_ECDSA_P256], default_cert);
    cert_index_destroy(index);
}

static void of_duplicates_the_first_is_kept(void **state)
{
    (void)state;
    struct cert *certs[60];
    size_t duplicates = 0;
    for (size_t i = 0; i < COUNT(certs); i++)
        certs[i] = fake_cert(i % 2 ? "a.com" : "b.com", i < 40 ? CERT_KEY_RSA : CERT_KEY_ED25519);
    struct cert *first = certs[0], *first_ed = certs[40];
    struct cert_index *index = make_index(certs, COUNT(certs), &duplicates);
    const struct cert_set *set = cert_index_find(index, SPAN("b.com"), hash_span(SPAN("b.com")));
    assert_int_equal(duplicates, COUNT(certs) - 4);
    assert_ptr_equal(set->by_type[CERT_KEY_RSA], first);
    assert_ptr_equal(set->by_type[CERT_KEY_ED25519], first_ed);
    cert_index_destroy(index);
}

static void certificates_are_walked_in_the_order_of_their_keys(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static struct cert *certs[MANY];
    uint64_t random = 7;
    for (size_t i = 0; i < MANY; i++) {
        /* long common beginnings, keys that are the beginning of others, bytes above 127 */
        char key[512] = "";
        size_t len = prng_below(&random, 3) * 90;
        memset(key, 'a' + (int)prng_below(&random, 2), len);
        len += (size_t)sprintf(key + len, "%llu", (unsigned long long)prng_below(&random, 5000));
        if (prng_below(&random, 4) == 0)
            strcpy(key + len, "\xc3\xa4");
        certs[i] = fake_cert(key, CERT_KEY_RSA);
    }
    struct cert_index *index = make_index(certs, MANY, NULL);
    struct cert_index_stats stats;
    cert_index_stats(index, &stats);
    assert_int_equal(stats.certs, MANY);
    for (size_t i = 1; i < stats.certs; i++) {
        assert_true(span_compare(cert_index_at(index, i - 1)->store_key,
                                 cert_index_at(index, i)->store_key) <= 0);
    }
    cert_index_destroy(index);
}

static void names_that_no_client_can_ask_for_are_left_out(void **state)
{
    (void)state;
    char longest[LIMIT_HOST_NAME + 1] = "", longer[LIMIT_HOST_NAME + 2] = "", key[600], found[2048];
    memset(longest, 'x', LIMIT_HOST_NAME);
    memset(longer, 'y', LIMIT_HOST_NAME + 1);
    sprintf(key, "%s,%s,,a.com,", longest, longer);
    struct cert *cert = fake_cert(key, CERT_KEY_RSA);
    struct cert_index *index = make_index(&cert, 1, NULL);
    struct cert_index_stats stats;
    cert_index_stats(index, &stats);
    assert_int_equal(stats.names, 2);
    assert_string_equal(find(index, longest, found), key);
    assert_string_equal(find(index, longer, found), "");
    assert_string_equal(find(index, "a.com", found), key);
    assert_string_equal(find(index, "", found), "");
    cert_index_destroy(index);
}

static void a_hundred_thousand_names_are_all_found(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    static struct cert *certs[MANY];
    char name[64], found[2048];
    for (size_t i = 0; i < MANY; i++) {
        sprintf(name, i % 10 == 0 ? "*.host%zu.example.net" : "host%zu.example.net", i);
        certs[i] = fake_cert(name, CERT_KEY_ECDSA_P256);
    }
    struct cert_index *index = make_index(certs, MANY, NULL);
    struct cert_index_stats stats;
    cert_index_stats(index, &stats);
    assert_int_equal(stats.names, MANY);
    assert_true(stats.slots >= 2 * MANY && stats.bytes < (size_t)MANY * 256);
    for (size_t i = 0; i < MANY; i++) {
        char asked[64];
        sprintf(asked, i % 10 == 0 ? "www.host%zu.example.net" : "host%zu.example.net", i);
        sprintf(name, i % 10 == 0 ? "*.host%zu.example.net" : "host%zu.example.net", i);
        assert_string_equal(find(index, asked, found), name);
    }
    assert_string_equal(find(index, "host0.example.net", found), "");
    cert_index_destroy(index);
}

/* ---- renewals ---- */

static const struct cert *found(const struct cert_index *index, const char *name,
                                enum cert_key_type type)
{
    struct span wanted = span_cstr(name);
    const struct cert_set *set = cert_index_find(index, wanted, hash_span(wanted));
    return set != NULL ? set->by_type[type] : NULL;
}

/* The previous index stays whole, and may go first. */
static void a_renewed_certificate_takes_the_place_of_the_old(void **state)
{
    (void)state;
    struct cert *certs[] = {
        fake_cert("b.com,c.com", CERT_KEY_RSA), fake_cert("a.com", CERT_KEY_RSA),
        fake_cert("b.com,c.com", CERT_KEY_ECDSA_P256), fake_cert("a.com", CERT_KEY_RSA),
    };
    struct cert *old = certs[2], *first_a = certs[1];
    struct cert_index *previous = make_index(certs, COUNT(certs), NULL);
    for (size_t i = 0; i < COUNT(certs); i++)
        cert_ref(certs[i]);
    cert_unref(certs[2]);
    cert_unref(certs[3]);
    struct cert *renewed = certs[2] = fake_cert("b.com,c.com", CERT_KEY_ECDSA_P256);
    certs[3] = fake_cert("a.com", CERT_KEY_RSA); /* a duplicate: it stays unused */
    size_t duplicates = 0;
    struct cert_index *index = make_index_after(previous, certs, COUNT(certs), &duplicates);
    assert_int_equal(duplicates, 1);
    assert_ptr_equal(found(previous, "c.com", CERT_KEY_ECDSA_P256), old);
    cert_index_destroy(previous);
    assert_ptr_equal(found(index, "b.com", CERT_KEY_ECDSA_P256), renewed);
    assert_ptr_equal(found(index, "c.com", CERT_KEY_ECDSA_P256), renewed);
    assert_ptr_equal(found(index, "c.com", CERT_KEY_RSA), certs[0]);
    assert_ptr_equal(found(index, "a.com", CERT_KEY_RSA), first_a);
    assert_ptr_equal(cert_index_at(index, 0), first_a);
    assert_ptr_equal(cert_index_at(index, 1), certs[3]);
    assert_ptr_equal(cert_index_at(index, 2), certs[0]);
    assert_ptr_equal(cert_index_at(index, 3), renewed);
    assert_true(cert_index_uses(index, first_a) && !cert_index_uses(index, certs[3]));
    cert_index_destroy(index);
}

static void other_names_or_another_key_type_are_indexed_anew(void **state)
{
    (void)state;
    char name[2048];
    struct cert *one[] = {fake_cert("a.com", CERT_KEY_RSA)};
    struct cert *two[] = {fake_cert("b.com", CERT_KEY_RSA)};
    struct cert *three[] = {fake_cert("b.com", CERT_KEY_ECDSA_P256)};
    struct cert_index *first = make_index(one, 1, NULL);
    struct cert_index *second = make_index_after(first, two, 1, NULL);
    struct cert_index *third = make_index_after(second, three, 1, NULL);
    struct cert_index *empty = make_index_after(third, NULL, 0, NULL);
    struct cert_index *still_empty = make_index_after(empty, NULL, 0, NULL);
    assert_string_equal(find(second, "a.com", name), "");
    assert_string_equal(find(second, "b.com", name), "b.com");
    assert_null(found(third, "b.com", CERT_KEY_RSA));
    assert_ptr_equal(found(third, "b.com", CERT_KEY_ECDSA_P256), three[0]);
    assert_string_equal(find(still_empty, "b.com", name), "");
    cert_index_destroy(first);
    cert_index_destroy(second);
    cert_index_destroy(third);
    cert_index_destroy(empty);
    cert_index_destroy(still_empty);
}

/* Every tenth of ten thousand, again and again: the same as an index from scratch. */
static void renewals_of_many_agree_with_a_new_index(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    static struct cert *certs[MANY];
    char name[64];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "n%zu.example", i * 7919 % MANY);
        certs[i] = fake_cert(name, CERT_KEY_ECDSA_P256);
    }
    struct cert_index *index = make_index(certs, MANY, NULL);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++) {
            snprintf(name, sizeof(name), "n%zu.example", i * 7919 % MANY);
            certs[i] = i % 10 == round ? fake_cert(name, CERT_KEY_ECDSA_P256) : cert_ref(certs[i]);
        }
        struct cert_index *next = make_index_after(index, certs, MANY, NULL);
        cert_index_destroy(index);
        index = next;
        for (size_t i = 0; i < MANY; i++) {
            snprintf(name, sizeof(name), "n%zu.example", i * 7919 % MANY);
            assert_ptr_equal(found(index, name, CERT_KEY_ECDSA_P256), certs[i]);
        }
    }
    cert_index_destroy(index);
}

/* ---- validity ---- */

static struct cert *dated(const char *key, enum cert_key_type type, int64_t from, int64_t to)
{
    struct cert *cert = fake_cert(key, type);
    cert->not_before_s = from;
    cert->not_after_s = to;
    return cert;
}

/* The same certificates at another time. */
static struct cert_index *later(struct cert_index *index, struct cert *const *certs, size_t count,
                                int64_t then_s)
{
    for (size_t i = 0; i < count; i++)
        cert_ref(certs[i]);
    now_s = then_s;
    struct cert_index *next = make_index_after(index, certs, count, NULL);
    cert_index_destroy(index);
    return next;
}

static void a_valid_certificate_wins_over_expired_and_future_ones(void **state)
{
    (void)state;
    struct cert *certs[] = {
        dated("a.com", CERT_KEY_RSA, 10, 20), dated("a.com", CERT_KEY_RSA, 15, 40),
        dated("a.com", CERT_KEY_ED25519, 10, 20), dated("a.com", CERT_KEY_RSA, 10, 50),
    };
    static const struct {
        int64_t at, change;
        int rsa, ed25519; /* -1: none */
    } times[] = {{5, 10, 0, 2}, {10, 15, 0, 2}, {20, 21, 0, 2}, {21, 41, 1, -1}, {40, 41, 1, -1},
                 {41, 51, 3, -1}, {51, INT64_MAX, 0, 2}, {12, 15, 0, 2}};
    now_s = times[0].at;
    struct cert_index *index = make_index(certs, COUNT(certs), NULL);
    for (size_t i = 0; i < COUNT(times); i++) {
        index = later(index, certs, COUNT(certs), times[i].at);
        assert_ptr_equal(found(index, "a.com", CERT_KEY_RSA), certs[times[i].rsa]);
        if (times[i].ed25519 < 0)
            assert_null(found(index, "a.com", CERT_KEY_ED25519));
        else
            assert_ptr_equal(found(index, "a.com", CERT_KEY_ED25519), certs[times[i].ed25519]);
        assert_int_equal(cert_index_change_s(index), times[i].change);
    }
    cert_index_destroy(index);
    now_s = 0;
}

/* Whatever the order of the keys, and whether the name is exact or not. */
static void validity_comes_before_the_order_of_the_keys(void **state)
{
    (void)state;
    char name[2048];
    struct cert *certs[] = {
        dated("a.ex.com,z.ex.com", CERT_KEY_RSA, 0, 10), dated("a.ex.com", CERT_KEY_RSA, 0, 20),
        dated("*.ex.com", CERT_KEY_RSA, 0, 30),
    };
    now_s = 10;
    struct cert_index *index = make_index(certs, COUNT(certs), NULL);
    assert_string_equal(find(index, "a.ex.com", name), "a.ex.com,z.ex.com");
    index = later(index, certs, COUNT(certs), 11);
    assert_string_equal(find(index, "a.ex.com", name), "a.ex.com");
    assert_string_equal(find(index, "z.ex.com", name), "*.ex.com");
    index = later(index, certs, COUNT(certs), 21);
    assert_string_equal(find(index, "a.ex.com", name), "*.ex.com");
    index = later(index, certs, COUNT(certs), 31);
    assert_string_equal(find(index, "a.ex.com", name), "a.ex.com,z.ex.com");
    cert_index_destroy(index);
    now_s = 0;
}

static void a_renewed_certificate_of_another_validity_is_placed_anew(void **state)
{
    (void)state;
    char name[2048];
    struct cert *certs[] = {dated("b.com,c.com", CERT_KEY_RSA, 0, 5),
                            dated("a.com,b.com", CERT_KEY_RSA, 0, 50)};
    now_s = 10;
    struct cert_index *index = make_index(certs, COUNT(certs), NULL);
    assert_string_equal(find(index, "b.com", name), "a.com,b.com");
    struct cert *renewed[] = {dated("b.com,c.com", CERT_KEY_RSA, 0, 50), cert_ref(certs[1])};
    struct cert_index *next = make_index_after(index, renewed, COUNT(renewed), NULL);
    cert_index_destroy(index);
    assert_string_equal(find(next, "b.com", name), "b.com,c.com");
    cert_index_destroy(next);
    now_s = 0;
}

static void names_are_normalised(void **state)
{
    (void)state;
    char out[LIMIT_HOST_NAME + 1], name[300];
    assert_int_equal(cert_name_normalise(SPAN("WWW.Example.Com."), out), 15);
    assert_string_equal(out, "www.example.com");
    assert_int_equal(cert_name_normalise(SPAN("a.."), out), 2);
    assert_int_equal(cert_name_normalise(SPAN("."), out), 0);
    assert_int_equal(cert_name_normalise(SPAN(""), out), 0);
    memset(name, 'a', sizeof(name));
    assert_int_equal(cert_name_normalise(span_make(name, 255), out), 255);
    assert_int_equal(cert_name_normalise(span_make(name, 256), out), 0);
    name[255] = '.';
    assert_int_equal(cert_name_normalise(span_make(name, 256), out), 255);
}

static int set_up(void **state)
{
    (void)state;
    hash_seed_set(1234567);
    default_cert = fake_cert("weir default cert", CERT_KEY_ECDSA_P256);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cert_unref(default_cert);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection_follows_the_table),
        cmocka_unit_test(selection_agrees_with_the_rule_on_random_certificates),
        cmocka_unit_test(key_types_of_the_same_names_stand_together),
        cmocka_unit_test(of_duplicates_the_first_is_kept),
        cmocka_unit_test(certificates_are_walked_in_the_order_of_their_keys),
        cmocka_unit_test(names_that_no_client_can_ask_for_are_left_out),
        cmocka_unit_test(a_hundred_thousand_names_are_all_found),
        cmocka_unit_test(a_renewed_certificate_takes_the_place_of_the_old),
        cmocka_unit_test(other_names_or_another_key_type_are_indexed_anew),
        cmocka_unit_test(renewals_of_many_agree_with_a_new_index),
        cmocka_unit_test(a_valid_certificate_wins_over_expired_and_future_ones),
        cmocka_unit_test(validity_comes_before_the_order_of_the_keys),
        cmocka_unit_test(a_renewed_certificate_of_another_validity_is_placed_anew),
        cmocka_unit_test(names_are_normalised),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
