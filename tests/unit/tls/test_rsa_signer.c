/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signatures by libcrypto, verified by wolfCrypt with the key's public half.
 */
#include "tls/rsa_signer.h"

#include <string.h>

#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "tls/cert.h"
#include "tls_harness.h"

struct fixture {
    struct cert *cert;
    struct rsa_signer *signer;
    RsaKey key;
};

static void fixture_start(struct fixture *fixture, const char *name)
{
    word32 index = 0;
    fixture->cert = fixture_cert(name);
    assert_ok(rsa_signer_create(fixture->cert->key, &fixture->signer));
    assert_int_equal(wc_InitRsaKey(&fixture->key, NULL), 0);
    assert_int_equal(wc_RsaPrivateKeyDecode((const byte *)fixture->cert->key.ptr, &index,
                                            &fixture->key, (word32)fixture->cert->key.len),
                     0);
}

static void fixture_end(struct fixture *fixture)
{
    wc_FreeRsaKey(&fixture->key);
    rsa_signer_destroy(fixture->signer);
    cert_unref(fixture->cert);
}

static void pss_signatures_of_every_hash_verify(void **state)
{
    static const struct {
        size_t size;
        enum wc_HashType hash;
        int mgf;
    } hashes[] = {
        {32, WC_HASH_TYPE_SHA256, WC_MGF1SHA256},
        {48, WC_HASH_TYPE_SHA384, WC_MGF1SHA384},
        {64, WC_HASH_TYPE_SHA512, WC_MGF1SHA512},
    };
    static const char *const keys[] = {"rsa2048", "rsa4096", "rsa8192"};
    byte digest[64], signature[1024], plain[1024];
    (void)state;
    memset(digest, 0x5a, sizeof(digest));
    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
        struct fixture fixture;
        fixture_start(&fixture, keys[k]);
        for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
            size_t length = sizeof(signature);
            struct span text = span_make((const char *)digest, hashes[i].size);
            assert_ok(rsa_signer_pss(fixture.signer, text, signature, &length));
            assert_int_equal(length, wc_RsaEncryptSize(&fixture.key));
            int got = wc_RsaPSS_VerifyCheck(signature, (word32)length, plain, sizeof(plain),
                                            digest, (word32)hashes[i].size, hashes[i].hash,
                                            hashes[i].mgf, &fixture.key);
            assert_true(got > 0);
            digest[0] ^= 1; /* and only for this digest */
            got = wc_RsaPSS_VerifyCheck(signature, (word32)length, plain, sizeof(plain), digest,
                                        (word32)hashes[i].size, hashes[i].hash, hashes[i].mgf,
                                        &fixture.key);
            assert_true(got <= 0);
        }
        fixture_end(&fixture);
    }
}

static void pkcs1_signatures_carry_what_was_given(void **state)
{
    struct span info = SPAN("an encoded DigestInfo, whatever it says");
    struct fixture fixture;
    byte signature[256], plain[256];
    size_t length = sizeof(signature);
    (void)state;
    fixture_start(&fixture, "rsa2048");
    assert_ok(rsa_signer_pkcs1(fixture.signer, info, signature, &length));
    int got = wc_RsaSSL_Verify(signature, (word32)length, plain, sizeof(plain), &fixture.key);
    assert_int_equal(got, (int)info.len);
    assert_memory_equal(plain, info.ptr, info.len);
    fixture_end(&fixture);
}

static void what_does_not_fit_is_refused(void **state)
{
    struct fixture fixture;
    byte signature[256];
    size_t length = sizeof(signature), little = 100;
    char digest[32] = {0};
    struct rsa_signer *none = NULL;
    (void)state;
    fixture_start(&fixture, "rsa2048");
    assert_int_equal(rsa_signer_pss(fixture.signer, span_make(digest, 20), signature, &length),
                     ERR_INVALID);
    assert_int_equal(rsa_signer_pss(fixture.signer, span_make(digest, 32), signature, &little),
                     ERR_TLS);
    struct cert *other = fixture_cert("p256");
    assert_int_equal(rsa_signer_create(other->key, &none), ERR_TLS);
    assert_int_equal(rsa_signer_create(SPAN("no key"), &none), ERR_TLS);
    assert_null(none);
    cert_unref(other);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pss_signatures_of_every_hash_verify),
        cmocka_unit_test(pkcs1_signatures_carry_what_was_given),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
