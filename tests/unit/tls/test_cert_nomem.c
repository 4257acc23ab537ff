/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each allocation in turn fails (malloc, calloc and aligned_alloc are wrapped by the linker), in
 * wolfSSL too: what was asked for is refused whole, nothing leaks (LeakSanitizer looks), and the
 * next try succeeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "tests/unit/tls/fake_cert.h"
#include "tests/unit/tls/pem_file.h"
#include "tls/cert_cache.h"
#include "tls/selfsigned.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static int allocations_left = -1; /* negative: never fail */

static bool allocation_fails(void)
{
    if (allocations_left < 0)
        return false;
    return allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return allocation_fails() ? NULL : __real_aligned_alloc(alignment, size);
}

/* Calls the attempt with the first, second, third … allocation failing until it succeeds with all
 * of them; returns how many there were. */
static int fail_each(enum err (*attempt)(void *), void *argument)
{
    for (int n = 0;; n++) {
        allocations_left = n;
        enum err error = attempt(argument);
        bool reached = allocations_left < 0;
        allocations_left = -1;
        if (!reached) {
            assert_int_equal(error, ERR_OK);
            return n;
        }
        assert_int_not_equal(error, ERR_OK);
        assert_true(n < 1000);
    }
}

struct pair {
    struct pem_file crt, key;
};

static enum err load(void *argument)
{
    struct pair *pair = argument;
    struct cert *cert = NULL;
    enum err error = cert_load(span_make(pair->crt.text, pair->crt.len),
                               span_make(pair->key.text, pair->key.len), &cert, NULL);
    assert_int_equal(error == ERR_OK, cert != NULL);
    cert_unref(cert);
    return error;
}

static void loading_fails_whole(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"names.crt", "p256.pkcs8.key"},           {"p384.crt", "p384.nopublic.sec1.key"},
        {"rsa2048.crt", "rsa2048.pkcs1.key"},      {"ed25519.crt", "ed25519.pkcs8.key"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        static struct pair pair;
        pem_file_read(&pair.crt, pairs[i][0]);
        pem_file_read(&pair.key, pairs[i][1]);
        assert_true(fail_each(load, &pair) >= 3); /* scratch, names, certificate */
    }
}

static enum err describe(void *argument)
{
    struct cert_description description = {0};
    enum err error = cert_describe(argument, &description);
    assert_int_equal(error == ERR_OK, description.serial != NULL);
    cert_description_finish(&description);
    return error;
}

static void describing_fails_whole(void **state)
{
    (void)state;
    static struct pair pair;
    struct cert *cert = NULL;
    pem_file_read(&pair.crt, "names.crt");
    pem_file_read(&pair.key, "p256.pkcs8.key");
    assert_int_equal(cert_load(span_make(pair.crt.text, pair.crt.len),
                               span_make(pair.key.text, pair.key.len), &cert, NULL),
                     ERR_OK);
    assert_int_equal(fail_each(describe, cert), 4);
    cert_unref(cert);
}

static enum err make_selfsigned(void *argument)
{
    struct cert *cert = NULL;
    enum err error = selfsigned_create(*(enum cert_key_type *)argument, 1795493280, &cert, NULL);
    assert_int_equal(error == ERR_OK, cert != NULL);
    cert_unref(cert);
    return error;
}

static void the_default_fails_whole(void **state)
{
    (void)state;
    enum cert_key_type type = CERT_KEY_ECDSA_P256;
    assert_true(fail_each(make_selfsigned, &type) >= 4);
}

static enum err build_index(void *argument)
{
    struct cert **certs = argument;
    struct cert_index *index = NULL;
    struct cert_set set = {.by_type = {certs[0]}};
    size_t duplicates = 77;
    enum err error = cert_index_create(certs, 3, &set, 0, NULL, &duplicates, &index);
    assert_int_equal(duplicates, error == ERR_OK ? 1 : 77);
    cert_index_destroy(index);
    return error;
}

static void building_an_index_fails_whole(void **state)
{
    (void)state;
    struct cert *certs[] = {fake_cert("a.com", CERT_KEY_RSA), fake_cert("b.com", CERT_KEY_RSA),
                            fake_cert("a.com", CERT_KEY_RSA)};
    assert_int_equal(fail_each(build_index, certs), 8);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(certs[i]->references, 1);
        cert_unref(certs[i]);
    }
}

static enum err make_cache(void *argument)
{
    struct cert_cache *cache = NULL;
    (void)argument;
    enum err error = cert_cache_create(8, &cache);
    cert_cache_destroy(cache);
    return error;
}

static void making_a_cache_fails_whole(void **state)
{
    (void)state;
    assert_int_equal(fail_each(make_cache, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_fails_whole),
        cmocka_unit_test(describing_fails_whole),
        cmocka_unit_test(the_default_fails_whole),
        cmocka_unit_test(building_an_index_fails_whole),
        cmocka_unit_test(making_a_cache_fails_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
