/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our engine as a client: which certificates it takes, and what it says of the others. */
#include "tls_harness.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "tls/peer_name.h"

struct outcome {
    enum err result;
    char why[512], server_why[512];
};

static struct outcome attempt(const char *cert, struct tls_context *client, const char *name)
{
    struct outcome outcome;
    struct pair pair;
    struct tls_context *server = fixture_server(cert, NULL);
    pair_init(&pair, server, client, name, NULL);
    pair_handshake(&pair);
    outcome.result = pair.client_result;
    memcpy(outcome.why, pair.client_why.text, sizeof(outcome.why));
    memcpy(outcome.server_why, pair.server_why.text, sizeof(outcome.server_why));
    pair_finish(&pair);
    tls_context_unref(server);
    return outcome;
}

static void names_of_the_certificate_are_accepted(void **state)
{
    static const char *const names[] = {
        "server.test", "SERVER.Test", "server.test.", "one.wild.test", "backend",
        "127.0.0.1",   "::1",         "[::1]",
    };
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *client = fixture_client("ca.pem", version, version, NULL);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            struct outcome outcome = attempt("p256", client, names[i]);
            if (outcome.result != ERR_OK)
                fail_msg("%s: %s", names[i], outcome.why);
        }
        tls_context_unref(client);
    }
}

static void other_names_are_refused(void **state)
{
    static const char *const names[] = {
        "other.test", "wild.test", "a.b.wild.test", "back", "127.0.0.2", "::2", "xserver.test",
    };
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *client = fixture_client("ca.pem", version, version, NULL);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            struct outcome outcome = attempt("p256", client, names[i]);
            char words[128];
            snprintf(words, sizeof(words), "the server's certificate is not for \"%s\" (we sent",
                     names[i]);
            assert_int_equal(outcome.result, ERR_TLS);
            if (strstr(outcome.why, words) == NULL)
                fail_msg("%s", outcome.why);
            assert_non_null(strstr(outcome.server_why, "the client refused the certificate"));
        }
        tls_context_unref(client);
    }
}

struct refusal {
    const char *cert, *ca, *words, *server_words;
};

static void bad_certificates_are_refused_in_words(void **state)
{
    static const struct refusal refusals[] = {
        {"p256", "other_ca.pem", "signed by an unknown authority",
         "the client does not trust this certificate (alert unknown_ca)"},
        {"expired", "ca.pem", "the certificate is expired",
         "the client says that the certificate is expired (alert certificate_expired)"},
        {"cn_only", "ca.pem", "is not for \"server.test\"", "refused the certificate"},
        {"self_signed", "ca.pem", "signed by an unknown authority", "the client does not trust"},
    };
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++)
        for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
            struct tls_context *client = fixture_client(refusals[i].ca, version, version, NULL);
            struct outcome outcome = attempt(refusals[i].cert, client, SERVER_NAME);
            assert_int_equal(outcome.result, ERR_TLS);
            if (strstr(outcome.why, refusals[i].words) == NULL ||
                strstr(outcome.server_why, refusals[i].server_words) == NULL)
                fail_msg("%s: %s; %s", refusals[i].cert, outcome.why, outcome.server_why);
            tls_context_unref(client);
        }
}

static void a_self_signed_certificate_among_the_roots_is_trusted(void **state)
{
    struct tls_context *client = fixture_client("self_signed.pem", 0, 0, NULL);
    (void)state;
    struct outcome outcome = attempt("self_signed", client, SERVER_NAME);
    if (outcome.result != ERR_OK)
        fail_msg("%s", outcome.why);
    outcome = attempt("p256", client, SERVER_NAME);
    assert_int_equal(outcome.result, ERR_TLS);
    tls_context_unref(client);
}

static void insecure_skip_verify_takes_any_certificate(void **state)
{
    static const char *const certs[] = {"p256", "expired", "self_signed", "cn_only"};
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *client = fixture_client(NULL, version, version, NULL);
        for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
            struct outcome outcome = attempt(certs[i], client, "whatever.test");
            if (outcome.result != ERR_OK)
                fail_msg("%s: %s", certs[i], outcome.why);
            assert_int_equal(attempt(certs[i], client, NULL).result, ERR_OK);
        }
        tls_context_unref(client);
    }
}

static void without_a_name_nothing_can_be_verified(void **state)
{
    struct tls_context *client = fixture_client("ca.pem", 0, 0, NULL);
    struct tls_engine *engine = NULL;
    (void)state;
    assert_int_equal(tls_engine_create_client(client, "", NULL, &engine), ERR_INVALID);
    assert_int_equal(tls_engine_create_client(client, NULL, NULL, &engine), ERR_INVALID);
    assert_null(engine);
    tls_context_unref(client);
}

/* The extension in a ClientHello that carries the name, or not. */
static bool hello_names(const char *server_name, const char *text)
{
    struct tls_context *client = fixture_client("ca.pem", 0, 0, NULL);
    struct tls_engine *engine;
    struct span none = SPAN_EMPTY;
    struct buf out;
    struct err_text why;
    buf_init(&out, 10000);
    assert_ok(tls_engine_create_client(client, server_name, NULL, &engine));
    assert_int_equal(tls_engine_handshake(engine, &none, &out, &why), ERR_AGAIN);
    bool found = memmem(out.data, buf_len(&out), text, strlen(text)) != NULL;
    tls_engine_destroy(engine);
    buf_finish(&out);
    tls_context_unref(client);
    return found;
}

static void names_go_into_the_hello_and_addresses_do_not(void **state)
{
    (void)state;
    assert_true(hello_names("server.test", "server.test"));
    assert_true(hello_names("server.test.", "server.test"));
    assert_false(hello_names("server.test.", "server.test."));
    assert_false(hello_names("127.0.0.1", "127.0.0.1"));
    assert_false(hello_names("::1", "::1"));
}

static enum err load(const char *pem, struct err_text *why)
{
    struct span text = span_cstr(pem);
    struct tls_client_config config = {.root_cas = &text, .root_ca_count = 1};
    struct tls_context *context = NULL;
    enum err error = tls_client_context_create(&config, &context, why);
    tls_context_unref(context);
    return error;
}

static void broken_root_certificates_are_an_error(void **state)
{
    struct err_text why = {""};
    (void)state;
    assert_int_equal(load("not PEM at all", &why), ERR_INVALID);
    assert_non_null(strstr(why.text, "the root certificates cannot be used"));
    assert_int_equal(load("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &why),
                     ERR_INVALID);
}

static void the_systems_bundle_is_taken_where_none_is_given(void **state)
{
    char path[512];
    struct err_text why = {""};
    struct tls_client_config config = {.root_ca_count = 0};
    struct tls_context *client = NULL;
    (void)state;
    snprintf(path, sizeof(path), "%s/tls/ca.pem", WEIR_TEST_DATA);
    setenv("SSL_CERT_FILE", path, 1);
    assert_ok(tls_client_context_create(&config, &client, &why));
    struct outcome outcome = attempt("p256", client, SERVER_NAME);
    if (outcome.result != ERR_OK)
        fail_msg("%s", outcome.why);
    tls_context_unref(client);
    client = NULL;
    setenv("SSL_CERT_FILE", "/nonexistent", 1);
    assert_int_equal(tls_client_context_create(&config, &client, &why), ERR_NOTFOUND);
    assert_non_null(strstr(why.text, "the system has no certificate bundle (/nonexistent"));
    assert_null(client);
    unsetenv("SSL_CERT_FILE");
    if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) != 0)
        return;
    assert_ok(tls_client_context_create(&config, &client, &why));
    assert_int_equal(attempt("p256", client, SERVER_NAME).result, ERR_TLS);
    tls_context_unref(client);
}

static void wildcards_stand_for_one_first_label(void **state)
{
    (void)state;
    assert_true(peer_name_matches(SPAN("*.a.test"), SPAN("B.A.TEST")));
    assert_true(peer_name_matches(SPAN("*.a.test."), SPAN("b.a.test")));
    assert_false(peer_name_matches(SPAN("*.a.test"), SPAN("a.test")));
    assert_false(peer_name_matches(SPAN("*.a.test"), SPAN(".a.test")));
    assert_false(peer_name_matches(SPAN("*.a.test"), SPAN("c.b.a.test")));
    assert_false(peer_name_matches(SPAN("b*.a.test"), SPAN("bc.a.test")));
    assert_false(peer_name_matches(SPAN("*.*.test"), SPAN("b.a.test")));
    assert_false(peer_name_matches(SPAN("a.*.test"), SPAN("a.b.test")));
    assert_false(peer_name_matches(SPAN("*"), SPAN("test")));
    assert_false(peer_name_matches(SPAN(""), SPAN("")));
    assert_false(peer_name_matches(SPAN("."), SPAN(".")));
}

/* Every X25519 key must be right whatever the registers held: see tls/library.c. */
static void a_hundred_handshakes_of_tls12_all_succeed(void **state)
{
    struct tls_context *client = fixture_client("ca.pem", 0x0303, 0x0303, NULL);
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct outcome outcome = attempt("p256", client, SERVER_NAME);
        if (outcome.result != ERR_OK)
            fail_msg("%s; %s", outcome.why, outcome.server_why);
    }
    tls_context_unref(client);
}

static int start(void **state)
{
    struct err_text why;
    (void)state;
    return tls_global_init(&why) == ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_the_certificate_are_accepted),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(bad_certificates_are_refused_in_words),
        cmocka_unit_test(a_self_signed_certificate_among_the_roots_is_trusted),
        cmocka_unit_test(insecure_skip_verify_takes_any_certificate),
        cmocka_unit_test(without_a_name_nothing_can_be_verified),
        cmocka_unit_test(names_go_into_the_hello_and_addresses_do_not),
        cmocka_unit_test(broken_root_certificates_are_an_error),
        cmocka_unit_test(the_systems_bundle_is_taken_where_none_is_given),
        cmocka_unit_test(wildcards_stand_for_one_first_label),
        cmocka_unit_test(a_hundred_handshakes_of_tls12_all_succeed),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
