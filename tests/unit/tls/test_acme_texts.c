/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ACME's texts: base64, keys, signatures, requests, problems, links, times. The
 * vectors are those of the RFCs.
 */
#include "tls/acme_csr.h"
#include "tls/acme_jws.h"
#include "tls/acme_key.h"
#include "tls/acme_message.h"
#include "tls/acme_renewal.h"
#include "tls/base64.h"
#include "tls/context.h"
#include "tls/pem.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- base64 ---- */

static void base64_writes_and_reads_the_vectors_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {{"", ""},         {"f", "Zg=="},
                                             {"fo", "Zm8="},   {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct buf plain;
        buf_init(&plain, 64);
        char *text = base64_text(span_cstr(vectors[i][0]), BASE64_STANDARD);
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(base64_decode(&plain, span_cstr(text), BASE64_STANDARD), ERR_OK);
        assert_true(span_equal(buf_span(&plain), span_cstr(vectors[i][0])));
        free(text);
        buf_finish(&plain);
    }
}

static void base64url_has_its_own_letters_and_no_padding(void **state)
{
    (void)state;
    char *text = base64_text(span_make("\xfb\xff\xfe", 3), BASE64_URL);
    assert_string_equal(text, "-__-");
    free(text);
    text = base64_text(span_make("\xff", 1), BASE64_URL);
    assert_string_equal(text, "_w");
    free(text);
}

static void what_is_no_base64_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum base64_alphabet alphabet;
    } wrong[] = {{"A", BASE64_URL},     {"Zg", BASE64_STANDARD}, {"Zg=", BASE64_URL},
                 {"Zg==", BASE64_URL},  {"Z===", BASE64_STANDARD}, {"Zm+v", BASE64_URL},
                 {"Zm-v", BASE64_STANDARD}, {"Zm v", BASE64_URL}, {"Z=g=", BASE64_STANDARD}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buf out;
        buf_init(&out, 64);
        bool legal = strcmp(wrong[i].text, "Zg==") == 0; /* padding is optional there */
        assert_int_equal(base64_decode(&out, span_cstr(wrong[i].text), wrong[i].alphabet),
                         legal ? ERR_OK : ERR_SYNTAX);
        buf_finish(&out);
    }
}

/* ---- keys ---- */

/* RFC 7515 A.3's key; its thumbprint was made with Python's hashlib and json. */
static const char ec_pem[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END EC PRIVATE KEY-----\n";

static void a_jwk_has_the_members_that_rfc_7638_hashes_in_their_order(void **state)
{
    (void)state;
    struct acme_key *key;
    struct buf jwk;
    char thumbprint[ACME_THUMBPRINT_SIZE];
    buf_init(&jwk, ACME_KEY_TEXT_MAX);
    assert_int_equal(acme_key_from_pem(span_cstr(ec_pem), &key, NULL), ERR_OK);
    assert_int_equal(acme_key_append_jwk(key, &jwk), ERR_OK);
    assert_true(span_equal(buf_span(&jwk),
                           SPAN("{\"crv\":\"P-256\",\"kty\":\"EC\","
                                "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}")));
    assert_int_equal(acme_key_thumbprint(key, thumbprint), ERR_OK);
    assert_string_equal(thumbprint, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    assert_string_equal(acme_key_algorithm(key), "ES256");
    buf_finish(&jwk);
    acme_key_destroy(key);
}

static void keys_survive_their_texts(void **state)
{
    (void)state;
    static const enum acme_key_type types[] = {ACME_KEY_EC256, ACME_KEY_EC384, ACME_KEY_RSA2048};
    static const char *const algorithms[] = {"ES256", "ES384", "RS256"};
    for (size_t i = 0; i < 3; i++) {
        struct acme_key *key, *from_der, *from_pem;
        struct buf der, pem;
        char one[ACME_THUMBPRINT_SIZE], two[ACME_THUMBPRINT_SIZE], three[ACME_THUMBPRINT_SIZE];
        buf_init(&der, ACME_KEY_TEXT_MAX);
        buf_init(&pem, ACME_KEY_TEXT_MAX);
        assert_int_equal(acme_key_generate(types[i], NULL, &key, NULL), ERR_OK);
        assert_int_equal(acme_key_append_der(key, &der), ERR_OK);
        assert_int_equal(acme_key_append_pem(key, &pem), ERR_OK);
        assert_int_equal(acme_key_from_der(buf_span(&der), &from_der, NULL), ERR_OK);
        assert_int_equal(acme_key_from_pem(buf_span(&pem), &from_pem, NULL), ERR_OK);
        assert_int_equal(acme_key_thumbprint(key, one), ERR_OK);
        assert_int_equal(acme_key_thumbprint(from_der, two), ERR_OK);
        assert_int_equal(acme_key_thumbprint(from_pem, three), ERR_OK);
        assert_string_equal(one, two);
        assert_string_equal(one, three);
        assert_string_equal(acme_key_algorithm(from_der), algorithms[i]);
        buf_finish(&der);
        buf_finish(&pem);
        acme_key_destroy(key);
        acme_key_destroy(from_der);
        acme_key_destroy(from_pem);
    }
}

static void a_key_that_takes_long_can_be_given_up(void **state)
{
    (void)state;
    static const _Atomic bool cancel = true;
    struct acme_key *key = NULL;
    assert_int_equal(acme_key_generate(ACME_KEY_RSA8192, &cancel, &key, NULL), ERR_CANCELED);
    assert_null(key);
}

static void what_is_no_key_of_use_is_refused(void **state)
{
    (void)state;
    struct acme_key *key = NULL;
    struct err_text why;
    assert_int_equal(acme_key_from_der(SPAN("nonsense"), &key, &why), ERR_TLS);
    assert_int_equal(acme_key_from_pem(SPAN(""), &key, &why), ERR_TLS);
    assert_null(key);
}

/* ---- JWS ---- */

static json_t *decode(const json_t *jws, const char *member)
{
    struct buf plain;
    buf_init(&plain, ACME_JWS_MAX);
    const char *text = json_string_value(json_object_get(jws, member));
    assert_non_null(text);
    assert_int_equal(base64_decode(&plain, span_cstr(text), BASE64_URL), ERR_OK);
    json_t *json = json_loadb(buf_span(&plain).ptr, buf_len(&plain), 0, NULL);
    assert_non_null(json);
    buf_finish(&plain);
    return json;
}

static void assert_member(const json_t *object, const char *key, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(object, key)), value);
}

static void a_signed_request_names_the_account_or_shows_the_key(void **state)
{
    (void)state;
    struct acme_key *key;
    assert_int_equal(acme_key_from_pem(span_cstr(ec_pem), &key, NULL), ERR_OK);
    for (int with_account = 0; with_account < 2; with_account++) {
        struct acme_jws jws = {key, with_account ? "https://ca/1" : NULL, "n0nce", "https://ca/x"};
        struct buf out;
        buf_init(&out, ACME_JWS_MAX);
        assert_int_equal(acme_jws_append(&jws, SPAN("{\"a\":1}"), &out), ERR_OK);
        json_t *json = json_loadb(buf_span(&out).ptr, buf_len(&out), 0, NULL);
        json_t *head = decode(json, "protected"), *payload = decode(json, "payload");
        assert_member(head, "alg", "ES256");
        assert_member(head, "nonce", "n0nce");
        assert_member(head, "url", "https://ca/x");
        assert_int_equal(json_object_get(head, "jwk") != NULL, !with_account);
        if (with_account)
            assert_member(head, "kid", "https://ca/1");
        assert_int_equal(json_integer_value(json_object_get(payload, "a")), 1);
        assert_int_equal(json_string_length(json_object_get(json, "signature")), 86);
        json_decref(head);
        json_decref(payload);
        json_decref(json);
        buf_finish(&out);
    }
    acme_key_destroy(key);
}

static void a_post_as_get_has_an_empty_payload(void **state)
{
    (void)state;
    struct acme_key *key;
    struct buf out;
    assert_int_equal(acme_key_from_pem(span_cstr(ec_pem), &key, NULL), ERR_OK);
    struct acme_jws jws = {key, "https://ca/1", "n", "https://ca/x"};
    buf_init(&out, ACME_JWS_MAX);
    assert_int_equal(acme_jws_append(&jws, SPAN_EMPTY, &out), ERR_OK);
    json_t *json = json_loadb(buf_span(&out).ptr, buf_len(&out), 0, NULL);
    assert_member(json, "payload", "");
    json_decref(json);
    buf_finish(&out);
    acme_key_destroy(key);
}

static void a_binding_that_is_no_base64_is_refused(void **state)
{
    (void)state;
    struct acme_key *key;
    struct buf out;
    buf_init(&out, ACME_JWS_MAX);
    assert_int_equal(acme_key_from_pem(span_cstr(ec_pem), &key, NULL), ERR_OK);
    assert_int_equal(acme_eab_append(key, "kid", SPAN("%%%"), "https://ca/new", &out), ERR_SYNTAX);
    assert_int_equal(acme_eab_append(key, "kid", SPAN("Zm9v"), "https://ca/new", &out), ERR_OK);
    json_t *json = json_loadb(buf_span(&out).ptr, buf_len(&out), 0, NULL);
    json_t *head = decode(json, "protected"), *payload = decode(json, "payload");
    assert_member(head, "alg", "HS256");
    assert_member(head, "kid", "kid");
    assert_member(payload, "kty", "EC");
    json_decref(head);
    json_decref(payload);
    json_decref(json);
    buf_finish(&out);
    acme_key_destroy(key);
}

/* ---- requests and challenge certificates ---- */

static void a_request_carries_its_names_and_verifies(void **state)
{
    (void)state;
    const struct span names[] = {SPAN("a.test"), SPAN("192.0.2.1"), SPAN("2001:db8::1")};
    const struct span emails[] = {SPAN("me@a.test")};
    struct acme_key *key;
    struct buf der;
    assert_int_equal(acme_key_from_pem(span_cstr(ec_pem), &key, NULL), ERR_OK);
    struct acme_csr csr = {
        .key = key, .names = names, .name_count = 3, .emails = emails, .email_count = 1};
    for (int plain = 0; plain < 2; plain++) {
        char common_name[64] = "";
        csr.no_common_name = plain;
        buf_init(&der, ACME_CSR_MAX);
        assert_int_equal(acme_csr_append(&csr, &der, NULL), ERR_OK);
        const unsigned char *at = (const unsigned char *)buf_span(&der).ptr;
        X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)buf_len(&der));
        assert_non_null(request);
        assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
        X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, common_name,
                                  sizeof(common_name));
        assert_string_equal(common_name, plain ? "" : "a.test");
        STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
        GENERAL_NAMES *sans = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
        assert_int_equal(sk_GENERAL_NAME_num(sans), 4);
        assert_int_equal(sk_GENERAL_NAME_value(sans, 0)->type, GEN_DNS);
        assert_int_equal(ASN1_STRING_length(sk_GENERAL_NAME_value(sans, 1)->d.iPAddress), 4);
        assert_int_equal(ASN1_STRING_length(sk_GENERAL_NAME_value(sans, 2)->d.iPAddress), 16);
        assert_int_equal(sk_GENERAL_NAME_value(sans, 3)->type, GEN_EMAIL);
        GENERAL_NAMES_free(sans);
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
        X509_REQ_free(request);
        buf_finish(&der);
    }
    acme_key_destroy(key);
}

static void a_challenge_certificate_has_the_critical_digest(void **state)
{
    (void)state;
    struct cert *cert;
    unsigned char digest[32];
    assert_int_equal(tls_global_init(NULL), ERR_OK);
    assert_int_equal(acme_alpn_cert_create(SPAN("a.test"), SPAN("token.print"), &cert, NULL),
                     ERR_OK);
    struct span leaf = cert_leaf(cert);
    const unsigned char *at = (const unsigned char *)leaf.ptr;
    X509 *x509 = d2i_X509(NULL, &at, (long)leaf.len);
    ASN1_OBJECT *id = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    X509_EXTENSION *extension = X509_get_ext(x509, X509_get_ext_by_OBJ(x509, id, -1));
    assert_int_equal(X509_EXTENSION_get_critical(extension), 1);
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    assert_int_equal(EVP_Digest("token.print", 11, digest, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(ASN1_STRING_length(value), 34);
    assert_memory_equal(ASN1_STRING_get0_data(value), "\x04\x20", 2);
    assert_memory_equal(ASN1_STRING_get0_data(value) + 2, digest, 32);
    assert_true(span_equal(cert_name(cert, 0), SPAN("a.test")) ||
                span_equal(cert_name(cert, 1), SPAN("a.test")));
    ASN1_OBJECT_free(id);
    X509_free(x509);
    cert_unref(cert);
    tls_global_finish();
}

/* ---- what a CA says ---- */

static void a_problem_document_becomes_words(void **state)
{
    (void)state;
    struct acme_failure failure;
    struct acme_response response = {
        .status = 403,
        .retry_after_s = 60,
        .body = SPAN("{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\","
                     "\"detail\":\"Cannot issue\\nfor these\",\"subproblems\":["
                     "{\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"},"
                     "\"detail\":\"forbidden\"}]}"),
    };
    acme_failure_read(&response, "the order", &failure);
    assert_string_equal(failure.type, "rejectedIdentifier");
    assert_string_equal(failure.why.text, "the order: Cannot issue for these (rejectedIdentifier); "
                                          "a.test: forbidden");
    assert_int_equal(failure.retry_after_s, 60);
    assert_false(failure.unreachable);
}

static void other_answers_are_shown_as_they_are(void **state)
{
    (void)state;
    struct acme_failure failure;
    struct acme_response response = {.status = 502, .retry_after_s = -1,
                                     .body = SPAN("<html>\tBad")};
    acme_failure_read(&response, "x", &failure);
    assert_string_equal(failure.why.text, "x: the CA answers with status 502: <html> Bad");
    assert_true(failure.unreachable && !failure.silent);
    response = (struct acme_response){.error = "Connection refused", .retry_after_s = -1};
    acme_failure_read(&response, "x", &failure);
    assert_string_equal(failure.why.text, "x: the CA cannot be reached: Connection refused");
    assert_true(failure.silent);
}

static void links_are_found_by_their_relation(void **state)
{
    (void)state;
    struct span links = SPAN("<https://ca/dir>;rel=\"index\"\n"
                             "<https://ca/1,2>;rel=\"alternate\", <https://ca/2>; rel=alternate\n"
                             "<ftp://no>;rel=alternate\n");
    char *one = acme_link(links, "alternate", 0), *two = acme_link(links, "alternate", 1);
    assert_string_equal(one, "https://ca/1,2");
    assert_string_equal(two, "https://ca/2");
    assert_null(acme_link(links, "alternate", 2));
    assert_null(acme_link(SPAN("<https://ca/1"), "alternate", 0));
    free(one);
    free(two);
}

/* ---- renewal ---- */

/* RFC 9773, Appendix A. */
static const char ari_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt\n"
    "cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS\n"
    "BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu\n"
    "7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf\n"
    "qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B\n"
    "yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb\n"
    "+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK\n"
    "-----END CERTIFICATE-----\n";

static void a_certificate_is_named_as_in_rfc_9773(void **state)
{
    (void)state;
    struct pem_reader reader;
    struct pem_block block;
    uint8_t der[1024];
    size_t len;
    char id[ACME_CERT_ID_SIZE];
    pem_reader_init(&reader, span_cstr(ari_pem));
    assert_int_equal(pem_next(&reader, &block, NULL), ERR_OK);
    assert_int_equal(pem_decode(&block, der, &len, NULL), ERR_OK);
    struct cert cert = {.chain = span_make(der, len)};
    assert_int_equal(acme_cert_id(&cert, id), ERR_OK);
    assert_string_equal(id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

static void a_window_is_read_and_a_moment_of_it_drawn(void **state)
{
    (void)state;
    struct acme_window window;
    assert_int_equal(acme_window_read(SPAN("{\"suggestedWindow\":{"
                                           "\"start\":\"2025-01-02T04:00:00Z\","
                                           "\"end\":\"2025-01-03T06:00:00.5+02:00\"},"
                                           "\"explanationURL\":\"https://ca/why\"}"),
                                      &window, NULL), ERR_OK);
    assert_int_equal(window.start_s, 1735790400);
    assert_int_equal(window.end_s - window.start_s, 24 * 3600);
    assert_string_equal(window.explanation, "https://ca/why");
    assert_int_equal(acme_window_moment(&window, 0), window.start_s);
    assert_int_equal(acme_window_moment(&window, UINT32_MAX), window.end_s - 1);
    assert_int_equal(acme_window_moment(&window, 1u << 31), window.start_s + 12 * 3600);
}

static void windows_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "[]", "{}", "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\"}}",
        ("{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\","
         "\"end\":\"2025-01-02T04:00:00Z\"}}"),
        "{\"suggestedWindow\":{\"start\":\"yesterday\",\"end\":\"tomorrow\"}}",
        "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00\",\"end\":\"2026-01-02T04:00:00\"}}",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct acme_window window;
        struct err_text why;
        assert_int_equal(acme_window_read(span_cstr(wrong[i]), &window, &why), ERR_SYNTAX);
    }
}

static void lives_are_renewed_by_traefik_s_table(void **state)
{
    (void)state;
    static const int64_t hour = 3600, day = 24 * 3600;
    const int64_t table[][3] = {
        {365 * day, 120 * day, 7 * day}, {90 * day, 30 * day, day},
        {30 * day, 10 * day, 12 * hour}, {6 * day, 2 * day, 2 * hour},
        {day, 6 * hour, 600},            {24 * hour - 1, 1200, 60},
        {1800, 600, 60},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct acme_renewal_times times = acme_renewal_times(table[i][0]);
        assert_int_equal(times.before_s, table[i][1]);
        assert_int_equal(times.interval_s, table[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_writes_and_reads_the_vectors_of_rfc_4648),
        cmocka_unit_test(base64url_has_its_own_letters_and_no_padding),
        cmocka_unit_test(what_is_no_base64_is_refused),
        cmocka_unit_test(a_jwk_has_the_members_that_rfc_7638_hashes_in_their_order),
        cmocka_unit_test(keys_survive_their_texts),
        cmocka_unit_test(a_key_that_takes_long_can_be_given_up),
        cmocka_unit_test(what_is_no_key_of_use_is_refused),
        cmocka_unit_test(a_signed_request_names_the_account_or_shows_the_key),
        cmocka_unit_test(a_post_as_get_has_an_empty_payload),
        cmocka_unit_test(a_binding_that_is_no_base64_is_refused),
        cmocka_unit_test(a_request_carries_its_names_and_verifies),
        cmocka_unit_test(a_challenge_certificate_has_the_critical_digest),
        cmocka_unit_test(a_problem_document_becomes_words),
        cmocka_unit_test(other_answers_are_shown_as_they_are),
        cmocka_unit_test(links_are_found_by_their_relation),
        cmocka_unit_test(a_certificate_is_named_as_in_rfc_9773),
        cmocka_unit_test(a_window_is_read_and_a_moment_of_it_drawn),
        cmocka_unit_test(windows_that_are_none_are_refused),
        cmocka_unit_test(lives_are_renewed_by_traefik_s_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
