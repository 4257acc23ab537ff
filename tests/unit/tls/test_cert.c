/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loading certificates and keys that OpenSSL and Python's cryptography made (pem/README.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/limits.h"
#include "tests/unit/tls/pem_file.h"
#include "tls/cert.h"
#include "tls/cert_key.h"
#include "tls/pem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOT_BEFORE 1767323045 /* 2026-01-02 03:04:05 UTC */
#define NOT_AFTER 2569738150  /* 2051-06-07 08:09:10 UTC */

static enum err load(const char *crt, const char *key, struct cert **out, struct err_text *why)
{
    struct pem_file crt_file, key_file;
    return cert_load(pem_file_read(&crt_file, crt), pem_file_read(&key_file, key), out, why);
}

static struct cert *must_load(const char *crt, const char *key)
{
    struct cert *cert = NULL;
    struct err_text why = {""};
    enum err error = load(crt, key, &cert, &why);
    if (error != ERR_OK)
        print_error("%s with %s: %s: %s\n", crt, key, err_name(error), why.text);
    assert_int_equal(error, ERR_OK);
    return cert;
}

static void every_kind_of_key_loads(void **state)
{
    (void)state;
    static const struct {
        const char *crt, *key;
        enum cert_key_type type;
        const char *store_key;
    } pairs[] = {
        {"rsa2048.crt", "rsa2048.pkcs8.key", CERT_KEY_RSA, "rsa.example.com"},
        {"rsa2048.crt", "rsa2048.pkcs1.key", CERT_KEY_RSA, "rsa.example.com"},
        {"rsa4096.crt", "rsa4096.pkcs8.key", CERT_KEY_RSA, "rsa4096.example.com"},
        {"p256.crt", "p256.pkcs8.key", CERT_KEY_ECDSA_P256, "p256.example.com"},
        {"p256.crt", "p256.sec1.key", CERT_KEY_ECDSA_P256, "p256.example.com"},
        {"p256.crt", "p256.nopublic.pkcs8.key", CERT_KEY_ECDSA_P256, "p256.example.com"},
        {"p256.crt", "p256.nopublic.sec1.key", CERT_KEY_ECDSA_P256, "p256.example.com"},
        {"p384.crt", "p384.pkcs8.key", CERT_KEY_ECDSA_P384, "p384.example.com"},
        {"p384.crt", "p384.sec1.key", CERT_KEY_ECDSA_P384, "p384.example.com"},
        {"p384.crt", "p384.nopublic.pkcs8.key", CERT_KEY_ECDSA_P384, "p384.example.com"},
        {"p384.crt", "p384.nopublic.sec1.key", CERT_KEY_ECDSA_P384, "p384.example.com"},
        {"p521.crt", "p521.pkcs8.key", CERT_KEY_ECDSA_P521, "p521.example.com"},
        {"p521.crt", "p521.sec1.key", CERT_KEY_ECDSA_P521, "p521.example.com"},
        {"p521.crt", "p521.nopublic.pkcs8.key", CERT_KEY_ECDSA_P521, "p521.example.com"},
        {"p521.crt", "p521.nopublic.sec1.key", CERT_KEY_ECDSA_P521, "p521.example.com"},
        {"ed25519.crt", "ed25519.pkcs8.key", CERT_KEY_ED25519, "ed25519.example.com"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct cert *cert = must_load(pairs[i].crt, pairs[i].key);
        assert_int_equal(cert->key_type, pairs[i].type);
        assert_true(span_equal(cert->store_key, span_cstr(pairs[i].store_key)));
        assert_true(cert->not_before_s == NOT_BEFORE && cert->not_after_s == NOT_AFTER);
        cert_unref(cert);
    }
}

static void names_are_lower_case_unique_and_in_order(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "*.wild.example.com", "192.0.2.1",     "198.51.100.9",      "2001:db8::1",
        "::102:304",          "b.example.com", "mixed.example.com",
    };
    struct cert *cert = must_load("names.crt", "p256.pkcs8.key");
    assert_true(span_equal(cert->store_key,
                           SPAN("*.wild.example.com,192.0.2.1,198.51.100.9,2001:db8::1,::102:304,"
                                "b.example.com,mixed.example.com")));
    assert_int_equal(cert->name_count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_true(span_equal(cert_name(cert, i), span_cstr(expected[i])));
    cert_unref(cert);
}

static void a_comma_in_the_common_name_parts_names(void **state)
{
    (void)state;
    struct cert *cert = must_load("comma.crt", "p256.pkcs8.key");
    assert_int_equal(cert->name_count, 3);
    assert_true(span_equal(cert_name(cert, 0), SPAN("one.example.com")));
    assert_true(span_equal(cert_name(cert, 2), SPAN("two.example.com")) ||
                span_equal(cert_name(cert, 1), SPAN("two.example.com")));
    cert_unref(cert);
}

static void a_certificate_without_names_loads(void **state)
{
    (void)state;
    struct cert *cert = must_load("nameless.crt", "p256.pkcs8.key");
    assert_int_equal(cert->name_count, 0);
    assert_int_equal(cert->store_key.len, 0);
    cert_unref(cert);
}

static void what_cannot_be_used_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *crt, *key;
        enum err error;
        const char *message;
    } pairs[] = {
        {"p256.crt", "p256.other.key", ERR_MISMATCH, "does not belong to the certificate"},
        {"p256.crt", "rsa2048.pkcs1.key", ERR_MISMATCH, "does not belong to the certificate"},
        {"p256.crt", "p384.nopublic.sec1.key", ERR_MISMATCH, "does not belong"},
        {"p384.crt", "p256.pkcs8.key", ERR_MISMATCH, "does not belong"},
        {"p521.crt", "p384.sec1.key", ERR_MISMATCH, "does not belong"},
        {"ed25519.crt", "ed25519.other.key", ERR_MISMATCH, "does not belong"},
        {"ed25519.crt", "p256.pkcs8.key", ERR_MISMATCH, "does not belong"},
        {"rsa2048.crt", "rsa4096.pkcs8.key", ERR_MISMATCH, "does not belong"},
        {"chain.reversed.crt", "p256.pkcs8.key", ERR_MISMATCH, "certificate 3 of the chain"},
        {"rsa2048.crt", "rsa2048.encrypted.key", ERR_UNSUPPORTED, "encrypted; decrypt it with"},
        {"p256.crt", "p256.encrypted.key", ERR_UNSUPPORTED, "encrypted; decrypt it with"},
        {"p256.crt", "p256.openssh.key", ERR_UNSUPPORTED, "ssh-keygen"},
        {"rsa1024.crt", "rsa1024.pkcs8.key", ERR_UNSUPPORTED, "1024 bits; use 2048 to 8192"},
        {"secp256k1.crt", "secp256k1.pkcs8.key", ERR_UNSUPPORTED, "unsupported curve"},
        {"rsapss.crt", "rsapss.pkcs8.key", ERR_UNSUPPORTED, "unsupported kind"},
        {"rsa2048.crt", "rsapss.pkcs8.key", ERR_UNSUPPORTED, "private key is of an unsupported"},
        {"p256.pkcs8.key", "p256.pkcs8.key", ERR_NOTFOUND, "no certificate"},
        {"p256.crt", "p256.crt", ERR_NOTFOUND, "no private key"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct cert *cert = NULL;
        struct err_text why = {""};
        assert_int_equal(load(pairs[i].crt, pairs[i].key, &cert, &why), pairs[i].error);
        if (strstr(why.text, pairs[i].message) == NULL)
            fail_msg("%s with %s: %s", pairs[i].crt, pairs[i].key, why.text);
        assert_null(cert);
    }
}

static void broken_texts_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        struct span crt;
        const char *message;
    } texts[] = {
        {SPAN(""), "no certificate"},
        {SPAN("\x30\x82\x01\x00"), "it looks like DER"},
        {SPAN("-----BEGIN CERTIFICATE-----\nMIIB\n"),
         "line 1: -----BEGIN CERTIFICATE----- without"},
        {SPAN("\n-----BEGIN CERTIFICATE-----\nMI*B\n-----END CERTIFICATE-----\n"),
         "line 2: the base64 of the CERTIFICATE block is broken"},
        {SPAN("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
         "line 1: the CERTIFICATE block does not hold one certificate"},
        {SPAN("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
         "is no X.509 certificate"},
        {SPAN("-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"),
         "does not hold one certificate"},
    };
    struct pem_file key;
    pem_file_read(&key, "p256.pkcs8.key");
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct cert *cert = NULL;
        struct err_text why = {""};
        assert_int_not_equal(
            cert_load(texts[i].crt, span_make(key.text, key.len), &cert, &why), ERR_OK);
        if (strstr(why.text, texts[i].message) == NULL)
            fail_msg("%zu: %s", i, why.text);
    }
    static const struct span keys[] = {
        SPAN("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"),
        SPAN("-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n"),
        SPAN("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"),
    };
    struct pem_file crt;
    pem_file_read(&crt, "p256.crt");
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct cert *cert = NULL;
        struct err_text why = {""};
        assert_int_equal(cert_load(span_make(crt.text, crt.len), keys[i], &cert, &why), ERR_SYNTAX);
        assert_non_null(strstr(why.text, "the private key is broken"));
    }
}

static void every_cut_of_a_certificate_is_refused(void **state)
{
    (void)state;
    struct cert *whole = must_load("names.crt", "p256.pkcs8.key");
    for (size_t n = 0; n < whole->chain.len; n++) {
        struct cert *cert = NULL;
        char *part = malloc(n + 1);
        memcpy(part, whole->chain.ptr, n);
        assert_int_equal(cert_create(span_make(part, n), whole->key, &cert, NULL), ERR_SYNTAX);
        free(part);
    }
    for (size_t n = 0; n < whole->key.len; n++) {
        struct cert *cert = NULL;
        char *part = malloc(n + 1);
        memcpy(part, whole->key.ptr, n);
        assert_int_not_equal(cert_create(whole->chain, span_make(part, n), &cert, NULL), ERR_OK);
        free(part);
    }
    cert_unref(whole);
}

static void a_chain_is_kept_leaf_first(void **state)
{
    (void)state;
    struct cert *cert = must_load("chain.crt", "p256.pkcs8.key");
    struct cert_description description;
    assert_true(span_equal(cert->store_key, SPAN("chain.example.com")));
    /* From openssl x509 -outform DER: the three sizes of the file's certificates. */
    size_t sizes = 0, count = 0;
    for (struct span rest = cert->chain; rest.len > 0; count++) {
        size_t length = 4 + ((size_t)(uint8_t)rest.ptr[2] << 8 | (uint8_t)rest.ptr[3]);
        assert_true(length <= rest.len && memcmp(rest.ptr, "\x30\x82", 2) == 0);
        rest = span_skip(rest, length);
        sizes += length;
    }
    assert_int_equal(count, 3);
    assert_int_equal(sizes, cert->chain.len);
    assert_int_equal(cert_describe(cert, &description), ERR_OK);
    assert_string_equal(description.subject_cn, "chain.example.com");
    assert_string_equal(description.issuer_cn, "Weir Test Intermediate");
    assert_string_equal(description.serial, "3");
    cert_description_finish(&description);
    cert_unref(cert);
}

static void too_long_a_chain_is_refused(void **state)
{
    (void)state;
    struct cert *one = must_load("p256.crt", "p256.pkcs8.key"), *cert = NULL;
    struct err_text why = {""};
    char *chain = malloc(11 * one->chain.len);
    for (size_t i = 0; i < 11; i++)
        memcpy(chain + i * one->chain.len, one->chain.ptr, one->chain.len);
    assert_int_equal(cert_create(span_make(chain, 10 * one->chain.len), one->key, &cert, NULL),
                     ERR_OK);
    cert_unref(cert);
    cert = NULL;
    assert_int_equal(cert_create(span_make(chain, 11 * one->chain.len), one->key, &cert, &why),
                     ERR_LIMIT);
    assert_non_null(strstr(why.text, "11 certificates; at most 10"));
    free(chain);
    cert_unref(one);
}

static void one_file_may_hold_certificate_and_key(void **state)
{
    (void)state;
    char text[16384];
    struct pem_file crt, key;
    struct cert *cert = NULL, *apart = must_load("chain.crt", "p256.sec1.key");
    pem_file_read(&crt, "chain.crt");
    pem_file_read(&key, "p256.sec1.key");
    size_t len = (size_t)snprintf(text, sizeof(text),
                                  "text before\r\n%.*stext between\n"
                                  "-----BEGIN TRUSTED CERTIFICATE-----\nMAA=\n"
                                  "-----END TRUSTED CERTIFICATE-----\n%.*s",
                                  (int)key.len, key.text, (int)crt.len, crt.text);
    assert_int_equal(cert_load(span_make(text, len), span_make(text, len), &cert, NULL), ERR_OK);
    assert_true(cert->digest == apart->digest && cert->group == apart->group);
    cert_unref(cert);
    cert_unref(apart);
}

static void line_ends_of_windows_are_fine(void **state)
{
    (void)state;
    char text[16384];
    size_t len = 0;
    struct pem_file crt, key;
    struct cert *cert = NULL;
    pem_file_read(&crt, "rsa2048.crt");
    for (size_t i = 0; i < crt.len; i++) {
        if (crt.text[i] == '\n')
            text[len++] = '\r';
        text[len++] = crt.text[i];
    }
    assert_int_equal(cert_load(span_make(text, len), pem_file_read(&key, "rsa2048.pkcs8.key"),
                               &cert, NULL),
                     ERR_OK);
    cert_unref(cert);
}

static void too_large_a_file_is_refused(void **state)
{
    (void)state;
    struct cert *cert = NULL;
    struct err_text why = {""};
    char *large = calloc(1, LIMIT_CERT_FILE + 1);
    assert_int_equal(cert_load(span_make(large, LIMIT_CERT_FILE + 1), SPAN(""), &cert, &why),
                     ERR_LIMIT);
    free(large);
}

static void equal_content_has_an_equal_digest_and_equal_names_a_group(void **state)
{
    (void)state;
    struct cert *one = must_load("p256.crt", "p256.pkcs8.key");
    struct cert *same = must_load("p256.crt", "p256.pkcs8.key");
    struct cert *other_form = must_load("p256.crt", "p256.sec1.key");
    struct cert *renewed = must_load("p256.other.crt", "p256.other.key");
    struct cert *other = must_load("names.crt", "p256.pkcs8.key");
    assert_true(one->digest == same->digest && one->group == same->group);
    assert_true(one->digest != other_form->digest && one->group == other_form->group);
    assert_true(one->digest != renewed->digest && one->group == renewed->group);
    assert_true(one->digest != other->digest && one->group != other->group);
    cert_unref(one);
    cert_unref(same);
    cert_unref(other_form);
    cert_unref(renewed);
    cert_unref(other);
}

static void validity_includes_both_ends(void **state)
{
    (void)state;
    struct cert *cert = must_load("p256.crt", "p256.pkcs8.key");
    assert_int_equal(cert_validity(cert, NOT_BEFORE - 1), CERT_NOT_YET_VALID);
    assert_int_equal(cert_validity(cert, NOT_BEFORE), CERT_VALID);
    assert_int_equal(cert_validity(cert, NOT_AFTER), CERT_VALID);
    assert_int_equal(cert_validity(cert, NOT_AFTER + 1), CERT_EXPIRED);
    cert_unref(cert);
}

static void a_description_has_names_as_written_and_the_serial_in_decimal(void **state)
{
    (void)state;
    struct cert *cert = must_load("names.crt", "p256.pkcs8.key");
    struct cert_description description;
    assert_int_equal(cert_describe(cert, &description), ERR_OK);
    assert_string_equal(description.subject_cn, "MiXed.Example.COM");
    assert_string_equal(description.serial, "1512366075204170929049582354406559215");
    cert_description_finish(&description);
    cert_unref(cert);
    cert = must_load("nameless.crt", "p256.pkcs8.key");
    assert_int_equal(cert_describe(cert, &description), ERR_OK);
    assert_string_equal(description.subject_cn, "");
    cert_description_finish(&description);
    cert_unref(cert);
    assert_string_equal(cert_key_type_name(CERT_KEY_ECDSA_P384), "ECDSA P-384");
}

static void *take_and_leave(void *argument)
{
    struct cert *cert = argument;
    for (int i = 0; i < 10000; i++) {
        cert_ref(cert);
        cert_unref(cert);
    }
    cert_unref(cert);
    return NULL;
}

static void the_last_of_many_threads_frees_it(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct cert *cert = must_load("p256.crt", "p256.pkcs8.key");
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_leave, cert_ref(cert)), 0);
    cert_unref(cert);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* ---- RFC 8410 §10 ---- */

static struct span decode(const char *body, uint8_t *room)
{
    struct pem_block block = {.label = SPAN("X"), .body = span_cstr(body)};
    size_t len;
    assert_int_equal(pem_decode(&block, room, &len, NULL), ERR_OK);
    return span_make(room, len);
}

static void the_keys_of_rfc_8410_fit_each_other(void **state)
{
    (void)state;
    uint8_t public_room[256], private_room[256];
    struct cert_public_key public_key;
    struct span spki = decode("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
                              public_room);
    assert_int_equal(cert_key_read_public(span_skip(spki, 2), &public_key, NULL), ERR_OK);
    assert_int_equal(public_key.type, CERT_KEY_ED25519);
    struct span key =
        decode("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC", private_room);
    assert_int_equal(cert_key_check(&public_key, key, NULL), ERR_OK);
    /* The second has attributes and the public key behind (version 1, RFC 5958). */
    key = decode("MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
                 "oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB"
                 "Z9w7lshQhqowtrbLDFw4rXAxZuE=",
                 private_room);
    key = cert_key_strip(private_room, key.len);
    assert_int_equal(cert_key_check(&public_key, key, NULL), ERR_OK);
    private_room[key.ptr - (char *)private_room + 30] ^= 1;
    assert_int_equal(cert_key_check(&public_key, key, NULL), ERR_MISMATCH);
}

static void what_follows_the_key_is_taken_off(void **state)
{
    (void)state;
    /* Short, with a length of one byte that becomes none, and with nothing behind. */
    static const struct {
        struct span der, stripped;
    } cases[] = {
        {SPAN("\x30\x0b\x02\x01\x01\x30\0\x04\x01x\xa0\x01y"),
         SPAN("\x30\x08\x02\x01\0\x30\0\x04\x01x")},
        {SPAN("\x30\x08\x02\x01\x01\x30\0\x04\x01x"),
         SPAN("\x30\x08\x02\x01\x01\x30\0\x04\x01x")},
        {SPAN("\x30\x03\x02\x01\x01"), SPAN("\x30\x03\x02\x01\x01")},
        {SPAN("not DER"), SPAN("not DER")},
    };
    uint8_t room[1024];
    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(room, cases[i].der.ptr, cases[i].der.len);
        assert_true(span_equal(cert_key_strip(room, cases[i].der.len), cases[i].stripped));
    }
    /* 300 bytes of attributes behind 8 bytes of key. */
    memset(room, 'y', sizeof(room));
    memcpy(room, "\x30\x82\x01\x38\x02\x01\0\x30\0\x04\x01x\xa0\x82\x01\x2c", 16);
    assert_true(span_equal(cert_key_strip(room, 4 + 0x138), cases[0].stripped));
    /* A key of 300 bytes with one byte behind. */
    memcpy(room, "\x30\x82\x01\x37\x02\x01\0\x30\0\x04\x82\x01\x2c", 13);
    memcpy(room + 13 + 300, "\x81\0", 2);
    struct span stripped = cert_key_strip(room, 4 + 0x137);
    assert_int_equal(stripped.len, 4 + 0x137 - 2);
    assert_memory_equal(stripped.ptr, "\x30\x82\x01\x35\x02\x01\0", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_the_key_is_taken_off),
        cmocka_unit_test(every_kind_of_key_loads),
        cmocka_unit_test(names_are_lower_case_unique_and_in_order),
        cmocka_unit_test(a_comma_in_the_common_name_parts_names),
        cmocka_unit_test(a_certificate_without_names_loads),
        cmocka_unit_test(what_cannot_be_used_is_refused_with_a_reason),
        cmocka_unit_test(broken_texts_are_refused_with_a_reason),
        cmocka_unit_test(every_cut_of_a_certificate_is_refused),
        cmocka_unit_test(a_chain_is_kept_leaf_first),
        cmocka_unit_test(too_long_a_chain_is_refused),
        cmocka_unit_test(one_file_may_hold_certificate_and_key),
        cmocka_unit_test(line_ends_of_windows_are_fine),
        cmocka_unit_test(too_large_a_file_is_refused),
        cmocka_unit_test(equal_content_has_an_equal_digest_and_equal_names_a_group),
        cmocka_unit_test(validity_includes_both_ends),
        cmocka_unit_test(a_description_has_names_as_written_and_the_serial_in_decimal),
        cmocka_unit_test(the_last_of_many_threads_frees_it),
        cmocka_unit_test(the_keys_of_rfc_8410_fit_each_other),
    };
    hash_seed_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
