/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handshakes in which the server asks for a certificate, with a bare wolfSSL
 * client: who passes, which alert it gets, and that no session crosses policies.
 */
#include "tls_harness.h"

#include <stdlib.h>

#include "core/base/hash.h"
#include "tls/cert.h"
#include "tls/client_trust.h"
#include "tls/crl.h"
#include "tls/ticket.h"

#define NO_ALERT (-1)

/* ---- servers and clients ---- */

struct policy {
    enum tls_client_auth auth;
    const char *ca, *crl; /* or NULL */
    const char *suite;    /* IANA name, or NULL */
};

static struct tls_context *server_of(const struct policy *policy)
{
    struct span ca = policy->ca != NULL ? fixture_read(policy->ca) : SPAN_EMPTY;
    struct span crl = policy->crl != NULL ? fixture_read(policy->crl) : SPAN_EMPTY;
    struct span suite = span_cstr(policy->suite);
    struct crl_set *crls = policy->crl != NULL ? crl_set_create() : NULL;
    if (crls != NULL)
        assert_ok(crl_set_add(crls, crl, NULL));
    struct tls_context *context = fixture_server(
        "p256", &(struct tls_options_config){
                    .name = SPAN("o"),
                    .session_tickets = true,
                    .client_auth = policy->auth,
                    .client_cas = &ca,
                    .client_ca_count = policy->ca != NULL,
                    .crls = crls,
                    .cipher_suites = &suite,
                    .cipher_suite_count = policy->suite != NULL,
                });
    crl_set_unref(crls);
    free((char *)(uintptr_t)ca.ptr);
    free((char *)(uintptr_t)crl.ptr);
    return context;
}

static void use_certificate(struct raw_client *raw, const char *name)
{
    char file[64];
    snprintf(file, sizeof(file), "clients/%s.pem", name);
    struct span chain = fixture_read(file);
    snprintf(file, sizeof(file), "clients/%s.key", name);
    struct span key = fixture_read(file);
    assert_int_equal(wolfSSL_use_certificate_chain_buffer(
                         raw->wolfssl, (const unsigned char *)chain.ptr, (long)chain.len),
                     WOLFSSL_SUCCESS);
    assert_int_equal(wolfSSL_use_PrivateKey_buffer(raw->wolfssl,
                                                   (const unsigned char *)key.ptr, (long)key.len,
                                                   WOLFSSL_FILETYPE_PEM),
                     WOLFSSL_SUCCESS);
    free((char *)(uintptr_t)chain.ptr);
    free((char *)(uintptr_t)key.ptr);
}

/* The fatal alert that the client has got by now. */
static int alert_of(struct raw_client *raw)
{
    WOLFSSL_ALERT_HISTORY history = {{-1, 0}, {-1, 0}};
    char byte;
    (void)wolfSSL_connect(raw->wolfssl);
    (void)wolfSSL_read(raw->wolfssl, &byte, 1);
    wolfSSL_get_alert_history(raw->wolfssl, &history);
    return history.last_rx.level == alert_fatal ? history.last_rx.code : NO_ALERT;
}

struct outcome {
    int alert;
    char subject[256], why[512];
    bool established, refused, has_cert;
};

static struct outcome connect_with(struct tls_context *server, int version, const char *client)
{
    struct outcome outcome = {.alert = NO_ALERT};
    struct tls_server_params params = {NULL};
    struct tls_engine *engine;
    struct raw_client raw;
    struct err_text why = {""};
    const char *subject = "";
    assert_ok(tls_engine_create_server(server, &params, &engine));
    raw_client_init(&raw, version, SERVER_NAME, NULL);
    if (client != NULL)
        use_certificate(&raw, client);
    outcome.established = raw_client_handshake(&raw, engine, &why) == ERR_OK;
    outcome.refused = tls_engine_client_refused(engine, &subject);
    const struct client_cert *cert = tls_engine_client_cert(engine);
    outcome.has_cert = cert != NULL;
    snprintf(outcome.subject, sizeof(outcome.subject), "%s", cert ? cert->subject : subject);
    snprintf(outcome.why, sizeof(outcome.why), "%s", why.text);
    if (!outcome.established) {
        struct span nothing = SPAN_EMPTY;
        outcome.alert = alert_of(&raw);
        assert_int_equal(tls_engine_handshake(engine, &nothing, &raw.in, &why), ERR_TLS);
    }
    raw_client_finish(&raw);
    tls_engine_destroy(engine);
    return outcome;
}

/* ---- who passes ---- */

#define CA "clients/ca.pem"
#define OTHER "clients/other_ca.pem"
enum { NONE, REQUEST, ANY, IF_GIVEN, REQUIRE };

struct handshake_case {
    int auth;
    const char *ca, *crl, *client;
    int alert12, alert13; /* NO_ALERT: it is established */
};

static const struct handshake_case cases[] = {
    {NONE, NULL, NULL, "client", NO_ALERT, NO_ALERT},
    {REQUEST, NULL, NULL, NULL, NO_ALERT, NO_ALERT},
    {REQUEST, NULL, NULL, "client_expired", NO_ALERT, NO_ALERT},
    {REQUEST, NULL, NULL, "client_rsa", NO_ALERT, NO_ALERT},
    {REQUEST, NULL, NULL, "client_exponent", bad_certificate, bad_certificate},
    {ANY, NULL, NULL, "../rsa8192", NO_ALERT, NO_ALERT},
    {ANY, NULL, NULL, "client", NO_ALERT, NO_ALERT},
    {ANY, NULL, NULL, "client_deep", NO_ALERT, NO_ALERT},
    {ANY, NULL, NULL, NULL, handshake_failure, certificate_required},
    {IF_GIVEN, CA, NULL, NULL, NO_ALERT, NO_ALERT},
    {IF_GIVEN, CA, NULL, "client", NO_ALERT, NO_ALERT},
    {IF_GIVEN, OTHER, NULL, "client", unknown_ca, unknown_ca},
    {REQUIRE, CA, NULL, "client", NO_ALERT, NO_ALERT},
    {REQUIRE, CA, NULL, "client_rsa", NO_ALERT, NO_ALERT},
    {REQUIRE, CA, NULL, NULL, handshake_failure, certificate_required},
    {REQUIRE, OTHER, NULL, "client", unknown_ca, unknown_ca},
    {REQUIRE, OTHER, NULL, "client_rsa", unknown_ca, unknown_ca},
    {REQUIRE, CA, NULL, "client_expired", certificate_expired, certificate_expired},
    {REQUIRE, CA, NULL, "client_forged", bad_certificate, bad_certificate},
    {REQUIRE, CA, NULL, "client_deep", unknown_ca, unknown_ca},
    {REQUIRE, CA, NULL, "client_server", unsupported_certificate, unsupported_certificate},
    {REQUIRE, CA, "clients/ca.crl", "client", NO_ALERT, NO_ALERT},
    {REQUIRE, CA, "clients/ca_revokes.crl", "client", certificate_revoked, certificate_revoked},
    {REQUIRE, CA, "clients/other_ca.crl", "client", certificate_unknown, certificate_unknown},
};

static void check(const struct handshake_case *the, size_t i, int version, const char *suite)
{
    struct policy policy = {(enum tls_client_auth)the->auth, the->ca, the->crl, suite};
    struct tls_context *server = server_of(&policy);
    struct outcome outcome = connect_with(server, version, the->client);
    int expected = version == 0x0304 ? the->alert13 : the->alert12;
    if (outcome.established != (expected == NO_ALERT) || outcome.alert != expected)
        fail_msg("case %zu, version %x, %s: alert %d, \"%s\"", i, (unsigned)version,
                 suite ? suite : "-", outcome.alert, outcome.why);
    assert_int_equal(outcome.refused, expected != NO_ALERT);
    assert_int_equal(outcome.has_cert,
                     expected == NO_ALERT && the->client != NULL && the->auth != NONE);
    if (expected != NO_ALERT && the->client != NULL) {
        assert_non_null(strstr(outcome.subject, "CN="));
        assert_non_null(strstr(outcome.why, "(we sent alert "));
    }
    tls_context_unref(server);
}

static void every_type_lets_in_whom_it_should_and_says_why_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(&cases[i], i, 0x0303, NULL);
        check(&cases[i], i, 0x0304, NULL);
        check(&cases[i], i, 0x0304, "TLS_AES_256_GCM_SHA384");
        check(&cases[i], i, 0x0304, "TLS_CHACHA20_POLY1305_SHA256");
        check(&cases[i], i, 0x0303, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    }
}

static void verification_needs_an_authority(void **state)
{
    const struct tls_options_config config = {
        .name = SPAN("o"), .client_auth = TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY};
    struct tls_options *options = NULL;
    struct err_text why = {""};
    (void)state;
    assert_int_equal(tls_options_create(&config, &options, &why), ERR_INVALID);
    assert_non_null(strstr(why.text, "caFiles"));
}

/* ---- sessions ---- */

/* Connects, resuming *session, and leaves there what the server gave. */
static bool resumes(struct tls_context *server, int version, const char *client,
                    WOLFSSL_SESSION **session)
{
    struct tls_server_params params = {NULL};
    struct tls_engine *engine;
    struct tls_engine_info info;
    struct raw_client raw;
    struct err_text why = {""};
    assert_ok(tls_engine_create_server(server, &params, &engine));
    raw_client_init(&raw, version, SERVER_NAME, *session);
    if (client != NULL)
        use_certificate(&raw, client);
    if (raw_client_handshake(&raw, engine, &why) != ERR_OK)
        fail_msg("version %x, %s: %s", (unsigned)version, client ? client : "-", why.text);
    tls_engine_info(engine, &info);
    assert_int_equal(tls_engine_client_cert(engine) != NULL, client != NULL);
    WOLFSSL_SESSION *next = wolfSSL_get1_session(raw.wolfssl);
    wolfSSL_SESSION_free(*session);
    *session = next;
    tls_engine_destroy(engine);
    raw_client_finish(&raw);
    return info.resumed;
}

static void no_session_crosses_policies(void **state)
{
    const struct policy policies[] = {
        {TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY, CA, NULL, NULL},
        {TLS_CLIENT_AUTH_VERIFY_IF_GIVEN, CA, NULL, NULL},
        {TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY, CA, "clients/ca.crl", NULL},
        {TLS_CLIENT_AUTH_REQUEST, NULL, NULL, NULL},
    };
    struct tls_context *open = fixture_server("p256", NULL);
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct tls_context *closed = server_of(&policies[i]);
        for (int version = 0x0303; version <= 0x0304; version++) {
            /* (A session of the test's client keeps a ticket that was refused: so two.) */
            WOLFSSL_SESSION *ours = NULL, *theirs = NULL;
            assert_false(resumes(open, version, NULL, &ours));
            assert_true(resumes(open, version, NULL, &ours));
            assert_false(resumes(closed, version, "client", &ours));
            /* It gives no tickets, so there is nothing to resume here or there. */
            assert_false(resumes(closed, version, "client", &theirs));
            assert_false(resumes(closed, version, "client", &theirs));
            assert_false(resumes(open, version, NULL, &theirs));
            wolfSSL_SESSION_free(ours);
            wolfSSL_SESSION_free(theirs);
        }
        tls_context_unref(closed);
    }
    tls_context_unref(open);
}

/* Without a certificate, a ticket of the open options opens nothing. */
static void a_ticket_does_not_stand_for_a_certificate(void **state)
{
    const struct policy policy = {TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY, CA, NULL, NULL};
    struct tls_context *open = fixture_server("p256", NULL), *closed = server_of(&policy);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        struct tls_server_params params = {NULL};
        struct tls_engine *engine;
        struct raw_client raw;
        struct err_text why = {""};
        assert_false(resumes(open, version, NULL, &session));
        assert_ok(tls_engine_create_server(closed, &params, &engine));
        raw_client_init(&raw, version, SERVER_NAME, session);
        assert_int_equal(raw_client_handshake(&raw, engine, &why), ERR_TLS);
        assert_int_equal(alert_of(&raw), version == 0x0304 ? certificate_required
                                                           : handshake_failure);
        tls_engine_destroy(engine);
        raw_client_finish(&raw);
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(open);
    tls_context_unref(closed);
}

static int start(void **state)
{
    struct ticket_keys *keys;
    struct err_text why;
    (void)state;
    hash_seed_set(7);
    assert_ok(tls_global_init(&why));
    assert_ok(ticket_keys_create(NULL, &keys));
    ticket_keys_destroy(ticket_keys_publish(keys));
    return 0;
}

static int end(void **state)
{
    (void)state;
    ticket_keys_destroy(ticket_keys_publish(NULL));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_lets_in_whom_it_should_and_says_why_not),
        cmocka_unit_test(verification_needs_an_authority),
        cmocka_unit_test(no_session_crosses_policies),
        cmocka_unit_test(a_ticket_does_not_stand_for_a_certificate),
    };
    return cmocka_run_group_tests(tests, start, end);
}
