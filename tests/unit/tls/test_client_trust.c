/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chains and revocation lists that openssl made (tests/data/tls/clients/make.sh). */
#include "tls_harness.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/hash.h"
#include "tls/cert.h"
#include "tls/client_trust.h"
#include "tls/pem.h"
#include "tls/x509.h"

#define CHAIN_MAX 8

/* ---- allocations that fail: malloc and calloc are wrapped by the linker ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static int allocations_left = -1; /* negative: never fail */

static bool allocation_fails(void)
{
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(n, size);
}

/* ---- files ---- */

struct chain {
    uint8_t der[CHAIN_MAX][4096];
    struct span certs[CHAIN_MAX];
    size_t count;
};

static void chain_read(struct chain *chain, const char *file)
{
    struct span text = fixture_read(file);
    struct pem_reader reader;
    struct pem_block block;
    pem_reader_init(&reader, text);
    chain->count = 0;
    while (pem_next(&reader, &block, NULL) == ERR_OK) {
        size_t len;
        assert_ok(pem_decode(&block, chain->der[chain->count], &len, NULL));
        chain->certs[chain->count] = span_make(chain->der[chain->count], len);
        chain->count++;
    }
    free((char *)(uintptr_t)text.ptr);
    assert_true(chain->count > 0);
}

static struct crl_set *lists(const char *const *files)
{
    struct crl_set *set = crl_set_create();
    struct err_text why = {""};
    assert_non_null(set);
    for (size_t i = 0; files[i] != NULL; i++) {
        struct span text = fixture_read(files[i]);
        if (crl_set_add(set, text, &why) != ERR_OK)
            fail_msg("%s: %s", files[i], why.text);
        free((char *)(uintptr_t)text.ptr);
    }
    return set;
}

static struct tls_client_trust *trust_of(const char *ca, const char *const *crls)
{
    struct tls_client_trust *trust;
    struct err_text why = {""};
    struct span pem = fixture_read(ca);
    struct crl_set *set = crls != NULL ? lists(crls) : NULL;
    if (tls_client_trust_create(&pem, 1, set, &trust, &why) != ERR_OK)
        fail_msg("%s: %s", ca, why.text);
    crl_set_unref(set);
    free((char *)(uintptr_t)pem.ptr);
    return trust;
}

struct verify_case {
    const char *client, *ca;
    const char *crls[4]; /* none: revocation is not asked about */
    enum tls_alert alert;
    const char *why;
};

#define CA "clients/ca.pem"
#define CRL(name) "clients/" name ".crl"

static const struct verify_case cases[] = {
    {"client", CA, {NULL}, TLS_CLIENT_ACCEPTED, ""},
    {"client_rsa", CA, {NULL}, TLS_CLIENT_ACCEPTED, ""},
    {"client", "clients/other_ca.pem", {NULL}, TLS_ALERT_UNKNOWN_CA, "unknown authority"},
    {"client_expired", CA, {NULL}, TLS_ALERT_CERTIFICATE_EXPIRED, "is expired"},
    {"client_server", CA, {NULL}, TLS_ALERT_UNSUPPORTED_CERTIFICATE, "not meant for clients"},
    {"client_forged", CA, {NULL}, TLS_ALERT_BAD_CERTIFICATE, "may not sign"},
    {"client_deep", CA, {NULL}, TLS_ALERT_UNKNOWN_CA, "more certificates in the chain"},
    /* A certificate named in caFiles is trusted itself, and signs nothing all the same. */
    {"client", "clients/client.pem", {NULL}, TLS_CLIENT_ACCEPTED, ""},
    {"client_forged", "clients/client.pem", {NULL}, TLS_ALERT_UNKNOWN_CA, "may not sign"},
    {"client", CA, {CRL("ca")}, TLS_CLIENT_ACCEPTED, ""},
    {"client", CA, {CRL("other_ca"), CRL("ca")}, TLS_CLIENT_ACCEPTED, ""},
    {"client", CA, {CRL("ca_revokes")}, TLS_ALERT_CERTIFICATE_REVOKED, "is revoked"},
    {"client", CA, {"clients/ca_revokes.der"}, TLS_ALERT_CERTIFICATE_REVOKED, "is revoked"},
    {"client", CA, {CRL("ca"), CRL("ca_revokes")}, TLS_ALERT_CERTIFICATE_REVOKED, "is revoked"},
    {"client", CA, {CRL("ca_revokes"), CRL("ca")}, TLS_ALERT_CERTIFICATE_REVOKED, "is revoked"},
    {"client", CA, {CRL("other_ca")}, TLS_ALERT_CERTIFICATE_UNKNOWN, "no CRL of"},
    {"client", CA, {CRL("impostor")}, TLS_ALERT_CERTIFICATE_UNKNOWN, "not of the key"},
    {"client", CA, {CRL("impostor"), CRL("ca")}, TLS_CLIENT_ACCEPTED, ""},
    {"client", CA, {CRL("ca_stale")}, TLS_ALERT_CERTIFICATE_UNKNOWN, "not current"},
    {"client", CA, {CRL("ca_stale"), CRL("ca")}, TLS_CLIENT_ACCEPTED, ""},
    {"client_rsa", CA, {CRL("ca")}, TLS_ALERT_CERTIFICATE_UNKNOWN, "no CRL of"},
    {"client_rsa", CA, {CRL("ca"), CRL("intermediate")}, TLS_CLIENT_ACCEPTED, ""},
    {"client_rsa", CA, {CRL("ca_revokes_intermediate"), CRL("intermediate")},
     TLS_ALERT_CERTIFICATE_REVOKED, "is revoked"},
};

static void chains_are_judged_with_the_right_alert(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct verify_case *the = &cases[i];
        struct tls_client_trust *trust =
            trust_of(the->ca, the->crls[0] != NULL ? the->crls : NULL);
        struct chain chain;
        char file[64];
        snprintf(file, sizeof(file), "clients/%s.pem", the->client);
        chain_read(&chain, file);
        for (int again = 0; again < 2; again++) { /* the second time lists are known as signed */
            struct err_text why = {""};
            int alert = (int)tls_client_trust_verify(trust, chain.certs, chain.count, time(NULL),
                                                     &why);
            if (alert != (int)the->alert || strstr(why.text, the->why) == NULL)
                fail_msg("case %zu (%s): alert %d, \"%s\"", i, the->client, alert, why.text);
        }
        tls_client_trust_destroy(trust);
    }
}

/* Whatever fails on the way: nobody passes who would not pass without. */
static void no_failed_allocation_lets_anybody_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct verify_case *the = &cases[i];
        struct chain chain;
        char file[64];
        snprintf(file, sizeof(file), "clients/%s.pem", the->client);
        chain_read(&chain, file);
        for (int n = 0;; n++) {
            /* A list that was found signed before would need fewer allocations. */
            struct tls_client_trust *trust =
                trust_of(the->ca, the->crls[0] != NULL ? the->crls : NULL);
            struct err_text why = {""};
            allocations_left = n;
            int alert = (int)tls_client_trust_verify(trust, chain.certs, chain.count, time(NULL),
                                                     &why);
            bool reached = allocations_left < 0;
            allocations_left = -1;
            tls_client_trust_destroy(trust);
            if (the->alert != TLS_CLIENT_ACCEPTED)
                assert_int_not_equal(alert, TLS_CLIENT_ACCEPTED);
            if (!reached) {
                assert_int_equal(alert, (int)the->alert);
                break;
            }
            assert_true(n < 1000);
        }
    }
}

static enum err make(struct span ca, struct span crl)
{
    struct crl_set *set = crl_set_create();
    struct tls_client_trust *trust = NULL;
    enum err error = set != NULL ? crl_set_add(set, crl, NULL) : ERR_NOMEM;
    if (error == ERR_OK)
        error = tls_client_trust_create(&ca, 1, set, &trust, NULL);
    assert_int_equal(error == ERR_OK, trust != NULL);
    tls_client_trust_destroy(trust);
    crl_set_unref(set);
    return error;
}

static void making_fails_whole(void **state)
{
    struct span ca = fixture_read(CA), crl = fixture_read(CRL("ca_revokes"));
    (void)state;
    for (int n = 0;; n++) {
        allocations_left = n;
        enum err error = make(ca, crl);
        bool reached = allocations_left < 0;
        allocations_left = -1;
        assert_int_equal(error != ERR_OK, reached);
        if (!reached)
            break;
    }
    free((char *)(uintptr_t)ca.ptr);
    free((char *)(uintptr_t)crl.ptr);
}

static void the_order_of_a_chain_and_what_is_too_much_do_not_matter(void **state)
{
    struct tls_client_trust *trust = trust_of(CA, NULL);
    struct chain chain, other, root;
    struct err_text why = {""};
    (void)state;
    chain_read(&chain, "clients/client_rsa.pem");
    chain_read(&other, "clients/client_deep.pem");
    chain_read(&root, CA);
    struct span certs[] = {chain.certs[0], root.certs[0], other.certs[0], other.certs[1],
                           chain.certs[0], chain.certs[1]};
    assert_int_equal(tls_client_trust_verify(trust, certs, 6, time(NULL), &why), 0);
    assert_int_equal(tls_client_trust_verify(trust, certs, 5, time(NULL), &why),
                     TLS_ALERT_UNKNOWN_CA);
    tls_client_trust_destroy(trust);
}

static void a_changed_certificate_is_refused(void **state)
{
    struct tls_client_trust *trust = trust_of(CA, NULL);
    struct chain chain;
    (void)state;
    chain_read(&chain, "clients/client.pem");
    size_t len = chain.certs[0].len;
    for (size_t i = 0; i < len; i += 7) {
        struct err_text why = {""};
        chain.der[0][i] ^= 0x20;
        assert_int_not_equal(tls_client_trust_verify(trust, chain.certs, 1, time(NULL), &why), 0);
        assert_string_not_equal(why.text, "");
        chain.der[0][i] ^= 0x20;
    }
    tls_client_trust_destroy(trust);
}

static void the_digest_tells_authorities_and_lists_apart(void **state)
{
    static const char *const one[] = {CRL("ca"), NULL}, *const two[] = {CRL("ca_revokes"), NULL};
    struct tls_client_trust *all[] = {trust_of(CA, NULL), trust_of("clients/other_ca.pem", NULL),
                                      trust_of(CA, one), trust_of(CA, two)};
    struct tls_client_trust *same = trust_of(CA, one);
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(tls_client_trust_digest(all[i]) != tls_client_trust_digest(all[j]));
    assert_true(tls_client_trust_digest(all[2]) == tls_client_trust_digest(same));
    for (size_t i = 0; i < 4; i++)
        tls_client_trust_destroy(all[i]);
    tls_client_trust_destroy(same);
}

static void files_that_hold_nothing_are_told(void **state)
{
    struct tls_client_trust *trust = NULL;
    struct crl_set *set = crl_set_create();
    struct err_text why = {""};
    struct span empty = SPAN("nothing\n"), pem = fixture_read(CA), crl = fixture_read(CRL("ca"));
    struct span der = fixture_read("clients/ca_revokes.der");
    (void)state;
    struct span both[] = {pem, empty};
    assert_int_equal(tls_client_trust_create(both, 2, NULL, &trust, &why), ERR_SYNTAX);
    assert_non_null(strstr(why.text, "CA file 2: holds no certificate"));
    assert_null(trust);
    assert_int_equal(crl_set_add(set, empty, &why), ERR_SYNTAX);
    assert_int_equal(crl_set_add(set, pem, &why), ERR_SYNTAX);
    assert_non_null(strstr(why.text, "no \"X509 CRL\" block"));
    assert_int_equal(crl_set_add(set, span_first(der, der.len - 1), &why), ERR_SYNTAX);
    assert_int_equal(crl_set_add(set, span_first(crl, crl.len / 2), &why), ERR_SYNTAX);
    assert_int_equal(set->count, 0);
    assert_ok(crl_set_add(set, der, &why));
    assert_int_equal(set->count, 1);
    crl_set_unref(set);
    free((char *)(uintptr_t)pem.ptr);
    free((char *)(uintptr_t)crl.ptr);
    free((char *)(uintptr_t)der.ptr);
}

/* It might be the one that names the certificate: another list does not make up for it. */
static void a_list_with_a_wrong_signature_is_not_passed_over(void **state)
{
    struct span good = fixture_read(CRL("ca")), der = fixture_read("clients/ca_revokes.der");
    struct span ca = fixture_read(CA);
    struct crl_set *set = crl_set_create();
    struct tls_client_trust *trust;
    struct err_text why = {""};
    struct chain chain;
    (void)state;
    ((char *)(uintptr_t)der.ptr)[der.len - 1] ^= 1;
    assert_ok(crl_set_add(set, der, &why));
    assert_ok(crl_set_add(set, good, &why));
    assert_ok(tls_client_trust_create(&ca, 1, set, &trust, &why));
    chain_read(&chain, "clients/client.pem");
    assert_int_equal(tls_client_trust_verify(trust, chain.certs, 1, time(NULL), &why),
                     TLS_ALERT_CERTIFICATE_UNKNOWN);
    assert_non_null(strstr(why.text, "wrong signature"));
    tls_client_trust_destroy(trust);
    crl_set_unref(set);
    free((char *)(uintptr_t)good.ptr);
    free((char *)(uintptr_t)der.ptr);
    free((char *)(uintptr_t)ca.ptr);
}

/* SEQUENCE { tbs, algorithm, signature } of an issuer without attributes. */
static enum err add_list(const char *extensions, size_t len, struct err_text *why)
{
    char list[256];
    static const char algorithm[] = "\x30\x03\x06\x01\x2a";
    static const char times[] = "\x17\x0d" "260101000000Z" "\x17\x0d" "360101000000Z";
    char tbs[200];
    size_t n = 0;
    memcpy(tbs + n, "\x02\x01\x01", 3), n += 3;
    memcpy(tbs + n, algorithm, 5), n += 5;
    memcpy(tbs + n, "\x30\x00", 2), n += 2;
    memcpy(tbs + n, times, 30), n += 30;
    tbs[n++] = (char)0xa0;
    tbs[n++] = (char)(len + 2);
    tbs[n++] = 0x30;
    tbs[n++] = (char)len;
    memcpy(tbs + n, extensions, len), n += len;
    list[0] = 0x30;
    list[1] = (char)(2 + n + 5 + 4);
    list[2] = 0x30;
    list[3] = (char)n;
    memcpy(list + 4, tbs, n);
    memcpy(list + 4 + n, algorithm, 5);
    memcpy(list + 9 + n, "\x03\x02\x00\x00", 4);
    struct crl_set *set = crl_set_create();
    enum err error = crl_set_add(set, span_make(list, 13 + n), why);
    crl_set_unref(set);
    return error;
}

static void lists_of_a_part_are_refused(void **state)
{
    struct err_text why = {""};
    (void)state;
    assert_ok(add_list("\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x05", 12, &why));
    assert_int_equal(
        add_list("\x30\x0d\x06\x03\x55\x1d\x1b\x01\x01\xff\x04\x03\x02\x01\x05", 15, &why),
        ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "delta"));
    assert_int_equal(add_list("\x30\x0c\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x02\x30\x00", 14, &why),
                     ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "issuing distribution point"));
    assert_int_equal(add_list("\x30\x0c\x06\x03\x55\x1d\x7f\x01\x01\xff\x04\x02\x30\x00", 14, &why),
                     ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "critical"));
    assert_ok(add_list("\x30\x09\x06\x03\x55\x1d\x7f\x04\x02\x30\x00", 11, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_judged_with_the_right_alert),
        cmocka_unit_test(no_failed_allocation_lets_anybody_in),
        cmocka_unit_test(making_fails_whole),
        cmocka_unit_test(the_order_of_a_chain_and_what_is_too_much_do_not_matter),
        cmocka_unit_test(a_changed_certificate_is_refused),
        cmocka_unit_test(the_digest_tells_authorities_and_lists_apart),
        cmocka_unit_test(files_that_hold_nothing_are_told),
        cmocka_unit_test(a_list_with_a_wrong_signature_is_not_passed_over),
        cmocka_unit_test(lists_of_a_part_are_refused),
    };
    struct err_text why;
    hash_seed_set(7);
    if (tls_global_init(&why) != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
