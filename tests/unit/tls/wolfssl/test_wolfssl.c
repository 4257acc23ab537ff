/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * That the wolfSSL Weir is linked with is the one it was configured for: the version, our generator
 * behind wc_RNG_*, every kind of key, and a connection as small as it was measured.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#ifdef OPENSSL_EXTRA
#error "OPENSSL_EXTRA makes every connection three times as large"
#endif

static void version_is_what_configure_found(void **state)
{
    (void)state;
    assert_string_equal(wolfSSL_lib_version(), WEIR_WOLFSSL_VERSION);
}

static void generator_costs_nothing_to_set_up(void **state)
{
    (void)state;
    WC_RNG one, other;
    uint8_t first[32], second[32];
    assert_int_equal(wc_InitRng(&one), 0);
    assert_int_equal(wc_InitRng(&other), 0);
    assert_int_equal(wc_RNG_GenerateBlock(&one, first, sizeof(first)), 0);
    assert_int_equal(wc_RNG_GenerateBlock(&other, second, sizeof(second)), 0);
    assert_memory_not_equal(first, second, sizeof(first));
    wc_FreeRng(&one);
    wc_FreeRng(&other);
    assert_true(sizeof(WC_RNG) <= 64);
}

static void every_curve_signs_and_verifies(void **state)
{
    (void)state;
    static const int curves[][2] = {{32, ECC_SECP256R1}, {48, ECC_SECP384R1}, {66, ECC_SECP521R1}};
    WC_RNG rng;
    assert_int_equal(wc_InitRng(&rng), 0);
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        ecc_key key;
        uint8_t signature[160], digest[32] = {1, 2, 3};
        word32 length = sizeof(signature);
        int valid = 0;
        assert_int_equal(wc_ecc_init(&key), 0);
        assert_int_equal(wc_ecc_make_key_ex(&rng, curves[i][0], &key, curves[i][1]), 0);
        assert_int_equal(wc_ecc_set_rng(&key, &rng), 0);
        assert_int_equal(
            wc_ecc_sign_hash(digest, sizeof(digest), signature, &length, &rng, &key), 0);
        assert_int_equal(
            wc_ecc_verify_hash(signature, length, digest, sizeof(digest), &valid, &key), 0);
        assert_int_equal(valid, 1);
        digest[0] ^= 1;
        wc_ecc_verify_hash(signature, length, digest, sizeof(digest), &valid, &key);
        assert_int_equal(valid, 0);
        wc_ecc_free(&key);
    }
    wc_FreeRng(&rng);
}

static void contexts_of_both_sides_exist(void **state)
{
    (void)state;
    WOLFSSL_METHOD *methods[] = {wolfSSLv23_server_method(), wolfSSLv23_client_method(),
                                 wolfTLSv1_2_server_method(), wolfTLSv1_3_client_method()};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        WOLFSSL_CTX *context = wolfSSL_CTX_new(methods[i]);
        assert_non_null(context);
        wolfSSL_CTX_free(context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_what_configure_found),
        cmocka_unit_test(generator_costs_nothing_to_set_up),
        cmocka_unit_test(every_curve_signs_and_verifies),
        cmocka_unit_test(contexts_of_both_sides_exist),
    };
    wolfSSL_Init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    wolfSSL_Cleanup();
    return failed;
}
