/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate of last resort: what is in it, and that wolfSSL serves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include <wolfssl/ssl.h>

#include "core/base/hash.h"
#include "tls/selfsigned.h"

#define NOW 1795493280      /* 2026-11-24 04:08:00 UTC */
#define LATE INT64_C(2540000000) /* 2050-06-28: written as a GeneralizedTime */
#define DAY (24 * 3600)

static struct cert *make(enum cert_key_type type, int64_t now_s)
{
    struct cert *cert = NULL;
    struct err_text why = {""};
    assert_int_equal(selfsigned_create(type, now_s, &cert, &why), ERR_OK);
    assert_string_equal(why.text, "");
    return cert;
}

static void check(struct cert *cert, enum cert_key_type type, int64_t now_s)
{
    struct cert_description description;
    assert_int_equal(cert->key_type, type);
    assert_true(span_equal(cert->store_key, SPAN("weir default cert")));
    assert_int_equal(cert_validity(cert, now_s), CERT_VALID);
    assert_int_equal(cert_validity(cert, now_s + 365 * DAY), CERT_VALID);
    assert_int_equal(cert_validity(cert, now_s + 365 * DAY + 1), CERT_EXPIRED);
    assert_int_equal(cert_validity(cert, now_s - DAY), CERT_NOT_YET_VALID);
    assert_int_equal(cert_describe(cert, &description), ERR_OK);
    assert_string_equal(description.subject_cn, "WEIR DEFAULT CERT");
    assert_string_equal(description.issuer_cn, "WEIR DEFAULT CERT");
    cert_description_finish(&description);
}

static void wolfssl_takes_it(const struct cert *cert)
{
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfSSLv23_server_method());
    assert_non_null(context);
    assert_int_equal(wolfSSL_CTX_use_certificate_buffer(
                         context, (const unsigned char *)cert->chain.ptr, (long)cert->chain.len,
                         WOLFSSL_FILETYPE_ASN1),
                     WOLFSSL_SUCCESS);
    assert_int_equal(wolfSSL_CTX_use_PrivateKey_buffer(
                         context, (const unsigned char *)cert->key.ptr, (long)cert->key.len,
                         WOLFSSL_FILETYPE_ASN1),
                     WOLFSSL_SUCCESS);
    wolfSSL_CTX_free(context);
}

static void an_ecdsa_certificate_is_made(void **state)
{
    (void)state;
    struct cert *cert = make(CERT_KEY_ECDSA_P256, NOW);
    check(cert, CERT_KEY_ECDSA_P256, NOW);
    wolfssl_takes_it(cert);
    cert_unref(cert);
}

static void an_rsa_certificate_is_made(void **state)
{
    (void)state;
    struct cert *cert = make(CERT_KEY_RSA, NOW);
    check(cert, CERT_KEY_RSA, NOW);
    wolfssl_takes_it(cert);
    cert_unref(cert);
}

static void dates_from_2050_on_are_right(void **state)
{
    (void)state;
    struct cert *cert = make(CERT_KEY_ECDSA_P256, LATE);
    check(cert, CERT_KEY_ECDSA_P256, LATE);
    cert_unref(cert);
    /* Begins before 2050 as a UTCTime and ends after it. */
    cert = make(CERT_KEY_ECDSA_P256, INT64_C(2524600000));
    check(cert, CERT_KEY_ECDSA_P256, INT64_C(2524600000));
    cert_unref(cert);
}

static void no_two_are_alike(void **state)
{
    (void)state;
    struct cert *one = make(CERT_KEY_ECDSA_P256, NOW), *two = make(CERT_KEY_ECDSA_P256, NOW);
    assert_false(span_equal(one->key, two->key));
    assert_true(one->digest != two->digest && one->group == two->group);
    cert_unref(one);
    cert_unref(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ecdsa_certificate_is_made),
        cmocka_unit_test(an_rsa_certificate_is_made),
        cmocka_unit_test(dates_from_2050_on_are_right),
        cmocka_unit_test(no_two_are_alike),
    };
    hash_seed_init();
    wolfSSL_Init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    wolfSSL_Cleanup();
    return failed;
}
