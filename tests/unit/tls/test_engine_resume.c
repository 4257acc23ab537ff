/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session resumption, with a bare wolfSSL client that keeps its sessions. */
#include "tls_harness.h"

#include "core/base/buf.h"
#include "core/base/hash.h"
#include "tls/ticket.h"

/* Beyond its own maximum wolfSSL 5.9.2 fails instead of falling back. */
#define FOREIGN_TICKET_MAX 1500

/* One connection; *session is what to resume and becomes what the server gave. */
static bool connect_once(struct tls_context *server, int version, const char *name,
                         WOLFSSL_SESSION **session)
{
    struct raw_client raw;
    struct tls_engine *engine;
    struct tls_server_params params = {NULL};
    struct tls_engine_info info;
    struct err_text why = {""};
    assert_ok(tls_engine_create_server(server, &params, &engine));
    raw_client_init(&raw, version, name, *session);
    if (raw_client_handshake(&raw, engine, &why) != ERR_OK)
        fail_msg("version %x: %s", (unsigned)version, why.text);
    tls_engine_info(engine, &info);
    assert_int_equal(wolfSSL_session_reused(raw.wolfssl), info.resumed);
    WOLFSSL_SESSION *next = wolfSSL_get1_session(raw.wolfssl);
    wolfSSL_SESSION_free(*session);
    *session = next;
    tls_engine_destroy(engine);
    raw_client_finish(&raw);
    return info.resumed;
}

static void rotate(void)
{
    struct ticket_keys *next;
    assert_ok(ticket_keys_create(ticket_keys_current(), &next));
    ticket_keys_destroy(ticket_keys_publish(next));
}

static void a_session_is_resumed(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        assert_false(connect_once(server, version, SERVER_NAME, &session));
        assert_true(connect_once(server, version, SERVER_NAME, &session));
        assert_true(connect_once(server, version, SERVER_NAME, &session));
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(server);
}

static void another_context_of_the_same_group_and_options_resumes_too(void **state)
{
    struct tls_context *one = fixture_server("p256", NULL), *two = fixture_server("p384", NULL);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        assert_false(connect_once(one, version, SERVER_NAME, &session));
        assert_true(connect_once(two, version, SERVER_NAME, &session));
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(one);
    tls_context_unref(two);
}

static void tickets_survive_two_rotations_and_are_renewed(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        assert_false(connect_once(server, version, SERVER_NAME, &session));
        for (int i = 0; i < 5; i++) {
            /* Each resumption gives a ticket of the current key, so it never grows too old. */
            rotate();
            assert_true(connect_once(server, version, SERVER_NAME, &session));
            rotate();
            assert_true(connect_once(server, version, SERVER_NAME, &session));
        }
        for (int i = 0; i < TICKET_GENERATIONS; i++)
            rotate();
        assert_false(connect_once(server, version, SERVER_NAME, &session));
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(server);
}

static void expect_refused(struct tls_context *here, struct tls_context *there, const char *name)
{
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        assert_false(connect_once(here, version, SERVER_NAME, &session));
        assert_false(connect_once(there, version, name, &session));
        /* A full handshake with tickets of its own. */
        if (!connect_once(there, version, name, &session))
            fail_msg("version %x: no ticket after the refusal", (unsigned)version);
        wolfSSL_SESSION_free(session);
    }
}

static void another_certificate_group_falls_back_to_a_full_handshake(void **state)
{
    struct tls_context *here = fixture_server("p256", NULL);
    struct tls_context *there = fixture_server("cn_only", NULL);
    (void)state;
    expect_refused(here, there, SERVER_NAME);
    tls_context_unref(here);
    tls_context_unref(there);
}

static void other_options_fall_back_to_a_full_handshake(void **state)
{
    struct tls_options_config strict = {
        .name = SPAN("strict"),
        .sni_strict = true,
        .session_tickets = true,
    };
    struct tls_context *here = fixture_server("p256", NULL);
    struct tls_context *there = fixture_server("p256", &strict);
    (void)state;
    expect_refused(here, there, SERVER_NAME);
    tls_context_unref(here);
    tls_context_unref(there);
}

static void another_server_name_falls_back_to_a_full_handshake(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        assert_false(connect_once(server, version, SERVER_NAME, &session));
        assert_false(connect_once(server, version, "other.test", &session));
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(server);
}

static void without_tickets_in_the_options_nothing_is_resumed(void **state)
{
    struct tls_options_config none = {.name = SPAN("none")};
    struct tls_context *server = fixture_server("p256", &none);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        assert_false(connect_once(server, version, SERVER_NAME, &session));
        assert_false(connect_once(server, version, SERVER_NAME, &session));
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(server);
}

static void without_published_keys_nothing_is_resumed_and_nothing_fails(void **state)
{
    struct ticket_keys *keys = ticket_keys_publish(NULL);
    struct tls_context *server = fixture_server("p256", NULL);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        assert_false(connect_once(server, version, SERVER_NAME, &session));
        assert_false(connect_once(server, version, SERVER_NAME, &session));
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(server);
    assert_null(ticket_keys_publish(keys));
}

static void three_hundred_resumptions_in_a_row_never_fail(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        WOLFSSL_SESSION *session = NULL;
        int full = 0;
        for (int i = 0; i < 300; i++)
            full += !connect_once(server, version, SERVER_NAME, &session);
        /* TLS 1.3: the first, and one when the chain became too long. */
        assert_int_equal(full, version == 0x0304 ? 2 : 1);
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(server);
}

/* How often the byte stands in the first flight: that the ticket was really sent. */
static size_t count_bytes(const struct buf *flight, char byte)
{
    size_t count = 0;
    for (size_t i = flight->start; i < flight->end; i++)
        count += flight->data[i] == byte;
    return count;
}

static void tickets_that_are_not_ours_are_ignored(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    unsigned char foreign[FOREIGN_TICKET_MAX];
    (void)state;
    memset(foreign, 0x5a, sizeof(foreign));
    for (size_t len = 1; len <= sizeof(foreign); len += 6) {
        struct raw_client raw;
        struct tls_engine *engine;
        struct tls_server_params params = {NULL};
        struct tls_engine_info info;
        struct err_text why = {""};
        WOLFSSL_SESSION *session = NULL;
        assert_false(connect_once(server, 0x0303, SERVER_NAME, &session));
        assert_ok(tls_engine_create_server(server, &params, &engine));
        raw_client_init(&raw, 0x0303, SERVER_NAME, session);
        assert_int_equal(wolfSSL_set_SessionTicket(raw.wolfssl, foreign, (word32)len),
                         WOLFSSL_SUCCESS);
        assert_int_equal(wolfSSL_connect(raw.wolfssl), -1);
        assert_true(count_bytes(&raw.out, 0x5a) >= len);
        if (raw_client_handshake(&raw, engine, &why) != ERR_OK)
            fail_msg("%zu bytes: %s", len, why.text);
        tls_engine_info(engine, &info);
        assert_false(info.resumed);
        tls_engine_destroy(engine);
        raw_client_finish(&raw);
        wolfSSL_SESSION_free(session);
    }
    tls_context_unref(server);
}

static int start(void **state)
{
    struct err_text why;
    struct ticket_keys *keys;
    (void)state;
    hash_seed_set(7);
    if (tls_global_init(&why) != ERR_OK || ticket_keys_create(NULL, &keys) != ERR_OK)
        return -1;
    (void)!ticket_keys_publish(keys);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    ticket_keys_destroy(ticket_keys_publish(NULL));
    tls_global_finish();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_resumed),
        cmocka_unit_test(another_context_of_the_same_group_and_options_resumes_too),
        cmocka_unit_test(tickets_survive_two_rotations_and_are_renewed),
        cmocka_unit_test(another_certificate_group_falls_back_to_a_full_handshake),
        cmocka_unit_test(other_options_fall_back_to_a_full_handshake),
        cmocka_unit_test(another_server_name_falls_back_to_a_full_handshake),
        cmocka_unit_test(without_tickets_in_the_options_nothing_is_resumed),
        cmocka_unit_test(without_published_keys_nothing_is_resumed_and_nothing_fails),
        cmocka_unit_test(three_hundred_resumptions_in_a_row_never_fail),
        cmocka_unit_test(tickets_that_are_not_ours_are_ignored),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
