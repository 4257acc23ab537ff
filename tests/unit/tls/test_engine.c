/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Handshakes, data and endings between two engines in memory. */
#include "tls_harness.h"

#include <stdlib.h>

#include "core/base/buf.h"
#include "tls/alert.h"

static void expect_handshake(struct pair *pair)
{
    pair_handshake(pair);
    if (pair->client_result != ERR_OK || pair->server_result != ERR_OK)
        fail_msg("client: %s %s; server: %s %s", err_name(pair->client_result),
                 pair->client_why.text, err_name(pair->server_result), pair->server_why.text);
}

static void expect_echo(struct pair *pair)
{
    struct buf plain;
    struct err_text why = {""};
    buf_init(&plain, 1 << 20);
    assert_ok(tls_engine_write(pair->client, SPAN("question"), &pair->to_server));
    assert_int_equal(
        engine_read_all(pair->server, &pair->to_server, &pair->to_client, &plain, &why),
        ERR_AGAIN);
    assert_true(span_equal(buf_span(&plain), SPAN("question")));
    buf_clear(&plain);
    assert_ok(tls_engine_write(pair->server, SPAN("answer"), &pair->to_client));
    assert_int_equal(
        engine_read_all(pair->client, &pair->to_client, &pair->to_server, &plain, &why),
        ERR_AGAIN);
    assert_true(span_equal(buf_span(&plain), SPAN("answer")));
    buf_finish(&plain);
}

struct kind {
    const char *cert;
    int version;
    const char *suite;
};

static const char *authority_of(const char *cert)
{
    return strcmp(cert, "rsa8192") == 0 ? "rsa8192.pem" : "ca.pem";
}

static void every_key_type_and_version_agrees_and_carries_data(void **state)
{
    static const struct kind kinds[] = {
        {"p256", 0x0304, "TLS_AES_128_GCM_SHA256"},
        {"p256", 0x0303, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
        {"p384", 0x0304, "TLS_AES_128_GCM_SHA256"},
        {"p384", 0x0303, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
        {"p521", 0x0304, "TLS_AES_128_GCM_SHA256"},
        {"p521", 0x0303, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
        {"rsa2048", 0x0304, "TLS_AES_128_GCM_SHA256"},
        {"rsa2048", 0x0303, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
        {"rsa4096", 0x0304, "TLS_AES_128_GCM_SHA256"},
        {"rsa4096", 0x0303, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
        {"rsa8192", 0x0304, "TLS_AES_128_GCM_SHA256"},
        {"rsa8192", 0x0303, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
        {"ed25519", 0x0304, "TLS_AES_128_GCM_SHA256"},
        {"ed25519", 0x0303, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct tls_context *server = fixture_server(kinds[i].cert, NULL);
        struct tls_context *client =
            fixture_client(authority_of(kinds[i].cert), kinds[i].version, kinds[i].version, NULL);
        struct pair pair;
        struct tls_engine_info info;
        pair_init(&pair, server, client, SERVER_NAME, NULL);
        expect_handshake(&pair);
        tls_engine_info(pair.server, &info);
        assert_string_equal(info.version, kinds[i].version == 0x0304 ? "1.3" : "1.2");
        assert_string_equal(info.cipher, kinds[i].suite);
        assert_string_equal(info.group, "X25519");
        assert_null(info.alpn);
        assert_false(info.resumed);
        expect_echo(&pair);
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

static void configured_suites_and_curves_are_what_is_agreed(void **state)
{
    static const char *const suites[] = {
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        struct span suite = span_cstr(suites[i]), curve = SPAN("CurveP384");
        struct tls_options_config config = {
            .name = SPAN("strict"),
            .cipher_suites = &suite,
            .cipher_suite_count = 1,
            .curves = &curve,
            .curve_count = 1,
            .max_version = span_starts_with(suite, SPAN("TLS_ECDHE")) ? 0x0303 : 0,
        };
        struct tls_client_config any = {
            .insecure_skip_verify = true,
            .cipher_suites = &suite,
            .cipher_suite_count = 1,
        };
        struct tls_context *server = fixture_server("p256", &config), *client;
        struct err_text why;
        struct pair pair;
        struct tls_engine_info info;
        assert_ok(tls_client_context_create(&any, &client, &why));
        pair_init(&pair, server, client, SERVER_NAME, NULL);
        expect_handshake(&pair);
        tls_engine_info(pair.client, &info);
        assert_string_equal(info.cipher, suites[i]);
        assert_string_equal(info.group, "SECP384R1");
        expect_echo(&pair);
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

static void one_byte_at_a_time_is_enough(void **state)
{
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *server = fixture_server("p256", NULL);
        struct tls_context *client = fixture_client("ca.pem", version, version, "http/1.1");
        struct pair pair;
        pair_init(&pair, server, client, SERVER_NAME, "http/1.1");
        pair.chunk = 1;
        expect_handshake(&pair);
        expect_echo(&pair);
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

static void a_flight_leaves_as_one_piece_and_surplus_stays_with_the_caller(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    struct tls_context *client = fixture_client("ca.pem", 0, 0, NULL);
    struct pair pair;
    struct err_text why;
    struct span none = SPAN_EMPTY;
    (void)state;
    pair_init(&pair, server, client, SERVER_NAME, NULL);
    assert_int_equal(tls_engine_handshake(pair.client, &none, &pair.to_server, &why), ERR_AGAIN);
    assert_ok(buf_append(&pair.to_server, SPAN("surplus")));
    struct span input = buf_span(&pair.to_server);
    /* The surplus begins like a record header of nonsense; only the header is looked at when
     * the server waits for more, and it does so after its whole flight. */
    struct span hello = span_first(input, input.len - 7);
    assert_int_equal(tls_engine_handshake(pair.server, &hello, &pair.to_client, &why), ERR_AGAIN);
    assert_int_equal(hello.len, 0);
    assert_true(buf_len(&pair.to_client) > 1000);
    pair_finish(&pair);
    tls_context_unref(server);
    tls_context_unref(client);
}

struct alpn_case {
    const char *server, *client, *agreed;
};

static void alpn_is_agreed_where_both_want_it(void **state)
{
    static const struct alpn_case cases[] = {
        {"http/1.1", "http/1.1", "http/1.1"},
        {NULL, "http/1.1", NULL},
        {"http/1.1", NULL, NULL},
        {NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int version = 0x0303; version <= 0x0304; version++) {
            struct tls_context *server = fixture_server("p256", NULL);
            struct tls_context *client =
                fixture_client("ca.pem", version, version, cases[i].client);
            struct tls_engine_info at_server, at_client;
            struct pair pair;
            pair_init(&pair, server, client, SERVER_NAME, cases[i].server);
            expect_handshake(&pair);
            tls_engine_info(pair.server, &at_server);
            tls_engine_info(pair.client, &at_client);
            if (cases[i].agreed == NULL) {
                assert_null(at_server.alpn);
                assert_null(at_client.alpn);
            } else {
                assert_string_equal(at_server.alpn, cases[i].agreed);
                assert_string_equal(at_client.alpn, cases[i].agreed);
            }
            pair_finish(&pair);
            tls_context_unref(server);
            tls_context_unref(client);
        }
}

static void an_alpn_mismatch_ends_the_handshake_with_its_alert(void **state)
{
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *server = fixture_server("p256", NULL);
        struct tls_context *client = fixture_client("ca.pem", version, version, "h2");
        struct pair pair;
        pair_init(&pair, server, client, SERVER_NAME, "http/1.1");
        pair_handshake(&pair);
        assert_int_equal(pair.server_result, ERR_TLS);
        assert_int_equal(pair.client_result, ERR_TLS);
        assert_non_null(strstr(pair.client_why.text, "no_application_protocol"));
        assert_non_null(strstr(pair.server_why.text, "no application protocol in common"));
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

static void no_common_version_or_suite_is_said_in_words(void **state)
{
    struct span chacha = SPAN("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    struct tls_options_config only13 = {.name = SPAN("a"), .min_version = 0x0304};
    struct tls_options_config only_chacha = {
        .name = SPAN("b"),
        .max_version = 0x0303,
        .cipher_suites = &chacha,
        .cipher_suite_count = 1,
    };
    struct span gcm = SPAN("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    struct tls_client_config gcm12 = {
        .insecure_skip_verify = true,
        .max_version = 0x0303,
        .cipher_suites = &gcm,
        .cipher_suite_count = 1,
    };
    struct err_text why;
    struct pair pair;
    (void)state;
    struct tls_context *client, *server = fixture_server("p256", &only13);
    assert_ok(tls_client_context_create(&gcm12, &client, &why));
    pair_init(&pair, server, client, SERVER_NAME, NULL);
    pair_handshake(&pair);
    assert_int_equal(pair.server_result, ERR_TLS);
    assert_non_null(strstr(pair.server_why.text, "no TLS version in common"));
    assert_non_null(strstr(pair.client_why.text, "protocol_version"));
    pair_finish(&pair);
    tls_context_unref(server);

    server = fixture_server("p256", &only_chacha);
    pair_init(&pair, server, client, SERVER_NAME, NULL);
    pair_handshake(&pair);
    assert_int_equal(pair.server_result, ERR_TLS);
    assert_non_null(strstr(pair.server_why.text, "no cipher suite in common"));
    assert_non_null(strstr(pair.client_why.text, "handshake_failure"));
    pair_finish(&pair);
    tls_context_unref(server);
    tls_context_unref(client);
}

static void a_large_write_is_split_into_records(void **state)
{
    enum { SIZE = 100 * 1000 };
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *server = fixture_server("p256", NULL);
        struct tls_context *client = fixture_client("ca.pem", version, version, NULL);
        struct pair pair;
        struct buf plain;
        struct err_text why = {""};
        char *data = malloc(SIZE);
        for (size_t i = 0; i < SIZE; i++)
            data[i] = (char)(i * 7 + i / 251);
        buf_init(&plain, 1 << 20);
        pair_init(&pair, server, client, SERVER_NAME, NULL);
        expect_handshake(&pair);
        (void)engine_read_all(pair.client, &pair.to_client, &pair.to_server, &plain, &why);
        assert_ok(tls_engine_write(pair.server, span_make(data, SIZE), &pair.to_client));
        assert_true(buf_len(&pair.to_client) <= tls_engine_write_bound(SIZE));
        struct span wire = buf_span(&pair.to_client);
        size_t records = 0;
        for (; wire.len > 0; records++) {
            size_t len = (size_t)(uint8_t)wire.ptr[3] << 8 | (uint8_t)wire.ptr[4];
            assert_int_equal(wire.ptr[0], 23);
            assert_true(len <= 16384 + 256);
            wire = span_skip(wire, 5 + len);
        }
        assert_int_equal(records, 7);
        assert_int_equal(
            engine_read_all(pair.client, &pair.to_client, &pair.to_server, &plain, &why),
            ERR_AGAIN);
        assert_true(span_equal(buf_span(&plain), span_make(data, SIZE)));
        free(data);
        buf_finish(&plain);
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

static void a_short_read_leaves_the_rest_pending(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    struct tls_context *client = fixture_client("ca.pem", 0, 0, NULL);
    struct pair pair;
    struct err_text why;
    char part[4];
    size_t len = 0;
    (void)state;
    pair_init(&pair, server, client, SERVER_NAME, NULL);
    expect_handshake(&pair);
    assert_ok(tls_engine_write(pair.client, SPAN("0123456789"), &pair.to_server));
    struct span input = buf_span(&pair.to_server);
    assert_ok(tls_engine_read(pair.server, &input, &pair.to_client, part, 4, &len, &why));
    assert_int_equal(len, 4);
    assert_int_equal(input.len, 0);
    assert_int_equal(tls_engine_pending(pair.server), 6);
    assert_ok(tls_engine_read(pair.server, &input, &pair.to_client, part, 4, &len, &why));
    assert_ok(tls_engine_read(pair.server, &input, &pair.to_client, part, 4, &len, &why));
    assert_int_equal(len, 2);
    assert_int_equal(tls_engine_pending(pair.server), 0);
    pair_finish(&pair);
    tls_context_unref(server);
    tls_context_unref(client);
}

static void a_write_without_room_writes_nothing_and_can_be_repeated(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    struct tls_context *client = fixture_client("ca.pem", 0, 0, NULL);
    struct pair pair;
    struct buf small, plain;
    struct err_text why;
    char data[5000];
    (void)state;
    memset(data, 'x', sizeof(data));
    pair_init(&pair, server, client, SERVER_NAME, NULL);
    expect_handshake(&pair);
    buf_init(&small, 4000);
    buf_init(&plain, 10000);
    assert_int_equal(tls_engine_write(pair.client, span_make(data, sizeof(data)), &small),
                     ERR_LIMIT);
    assert_int_equal(buf_len(&small), 0);
    assert_ok(tls_engine_write(pair.client, span_make(data, sizeof(data)), &pair.to_server));
    assert_int_equal(
        engine_read_all(pair.server, &pair.to_server, &pair.to_client, &plain, &why), ERR_AGAIN);
    assert_int_equal(buf_len(&plain), sizeof(data));
    buf_finish(&small);
    buf_finish(&plain);
    pair_finish(&pair);
    tls_context_unref(server);
    tls_context_unref(client);
}

static void a_handshake_without_room_goes_on_when_there_is_some(void **state)
{
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *server = fixture_server("rsa2048", NULL);
        struct tls_context *client = fixture_client("ca.pem", version, version, NULL);
        struct pair pair;
        struct err_text why;
        struct span none = SPAN_EMPTY;
        pair_init(&pair, server, client, SERVER_NAME, NULL);
        assert_int_equal(tls_engine_handshake(pair.client, &none, &pair.to_server, &why),
                         ERR_AGAIN);
        struct span input = buf_span(&pair.to_server);
        size_t before = input.len;
        pair.to_client.max = 50;
        assert_int_equal(tls_engine_handshake(pair.server, &input, &pair.to_client, &why),
                         ERR_LIMIT);
        assert_int_equal(buf_len(&pair.to_client), 0);
        buf_consume(&pair.to_server, before - input.len);
        pair.to_client.max = 1 << 20;
        expect_handshake(&pair);
        expect_echo(&pair);
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

static void close_notify_travels_both_ways_and_half_a_connection_stays_open(void **state)
{
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *server = fixture_server("p256", NULL);
        struct tls_context *client = fixture_client("ca.pem", version, version, NULL);
        struct pair pair;
        struct buf plain;
        struct err_text why = {""};
        buf_init(&plain, 1000);
        pair_init(&pair, server, client, SERVER_NAME, NULL);
        expect_handshake(&pair);
        assert_ok(tls_engine_write(pair.client, SPAN("last words"), &pair.to_server));
        tls_engine_close(pair.client, &pair.to_server);
        tls_engine_close(pair.client, &pair.to_server);
        assert_int_equal(tls_engine_write(pair.client, SPAN("more"), &pair.to_server),
                         ERR_CLOSED);
        assert_int_equal(
            engine_read_all(pair.server, &pair.to_server, &pair.to_client, &plain, &why),
            ERR_CLOSED);
        assert_true(span_equal(buf_span(&plain), SPAN("last words")));
        assert_int_equal(buf_len(&pair.to_server), 0);
        /* The other half. */
        buf_clear(&plain);
        assert_ok(tls_engine_write(pair.server, SPAN("still here"), &pair.to_client));
        tls_engine_close(pair.server, &pair.to_client);
        assert_int_equal(
            engine_read_all(pair.client, &pair.to_client, &pair.to_server, &plain, &why),
            ERR_CLOSED);
        assert_true(span_equal(buf_span(&plain), SPAN("still here")));
        buf_finish(&plain);
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

static void garbage_gives_an_alert_and_an_error(void **state)
{
    static const struct span inputs[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10},
        {"\x16\x03\x01\xff\xff\x01\x00\x00\x01\x00", 10},
        {"\x17\x03\x03\x00\x05hello", 10},
        {"\x15\x03\x03\x00\x02\x02\x28", 7},
        {"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80", 14},
    };
    struct tls_context *server = fixture_server("p256", NULL);
    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct tls_server_params params = {NULL};
        struct tls_engine *engine;
        struct err_text why = {""}, again = {""};
        struct buf out;
        buf_init(&out, 4096);
        assert_ok(tls_engine_create_server(server, &params, &engine));
        struct span input = inputs[i];
        assert_int_equal(tls_engine_handshake(engine, &input, &out, &why), ERR_TLS);
        assert_true(why.text[0] != '\0');
        if (inputs[i].ptr[0] != '\x15') {
            assert_int_equal(buf_len(&out), 7);
            assert_int_equal(out.data[0], 21);
            assert_int_equal(out.data[5], 2);
        } else {
            assert_non_null(strstr(why.text, "the client found no acceptable parameters"));
        }
        /* It stays failed, in the same words, and says nothing more. */
        size_t sent = buf_len(&out);
        assert_int_equal(tls_engine_handshake(engine, &input, &out, &again), ERR_TLS);
        assert_string_equal(again.text, why.text);
        assert_int_equal(buf_len(&out), sent);
        buf_finish(&out);
        tls_engine_destroy(engine);
    }
    tls_context_unref(server);
}

static void a_broken_record_after_the_handshake_is_final(void **state)
{
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *server = fixture_server("p256", NULL);
        struct tls_context *client = fixture_client("ca.pem", version, version, NULL);
        struct pair pair;
        struct buf plain;
        struct err_text why = {""};
        buf_init(&plain, 1000);
        pair_init(&pair, server, client, SERVER_NAME, NULL);
        expect_handshake(&pair);
        assert_ok(tls_engine_write(pair.client, SPAN("good"), &pair.to_server));
        assert_ok(tls_engine_write(pair.client, SPAN("bad"), &pair.to_server));
        pair.to_server.data[pair.to_server.end - 1] ^= 1;
        assert_int_equal(
            engine_read_all(pair.server, &pair.to_server, &pair.to_client, &plain, &why),
            ERR_TLS);
        assert_true(span_equal(buf_span(&plain), SPAN("good")));
        if (strstr(why.text, "cannot be decrypted (we sent alert bad_record_mac)") == NULL)
            fail_msg("%s", why.text);
        assert_int_equal(tls_engine_write(pair.server, SPAN("x"), &pair.to_client), ERR_TLS);
        assert_int_equal(
            engine_read_all(pair.client, &pair.to_client, &pair.to_server, &plain, &why),
            ERR_TLS);
        assert_non_null(strstr(why.text, "alert bad_record_mac"));
        buf_finish(&plain);
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

/* A client with these groups, which sends a share of the first; what was agreed. The
 * server answers the first hello or, with second_hello, asks for another. */
static void agree(struct tls_context *server, const int *groups, int count, bool second_hello,
                  const char *agreed)
{
    struct tls_server_params params = {NULL};
    struct tls_engine *engine;
    struct tls_engine_info info;
    struct raw_client raw;
    struct err_text why = {""};
    assert_ok(tls_engine_create_server(server, &params, &engine));
    raw_client_init(&raw, 0x0304, SERVER_NAME, NULL);
    assert_int_equal(wolfSSL_set_groups(raw.wolfssl, (int *)(uintptr_t)groups, count),
                     WOLFSSL_SUCCESS);
    assert_int_equal(wolfSSL_UseKeyShare(raw.wolfssl, (word16)groups[0]), WOLFSSL_SUCCESS);
    assert_int_equal(wolfSSL_connect(raw.wolfssl), -1);
    struct span hello = buf_span(&raw.out);
    assert_int_equal(tls_engine_handshake(engine, &hello, &raw.in, &why), ERR_AGAIN);
    buf_clear(&raw.out);
    /* A HelloRetryRequest has no certificate behind it. */
    assert_int_equal(buf_len(&raw.in) < 300, second_hello);
    assert_ok(raw_client_handshake(&raw, engine, &why));
    tls_engine_info(engine, &info);
    assert_string_equal(info.group, agreed);
    tls_engine_destroy(engine);
    raw_client_finish(&raw);
}

static void the_default_groups_take_the_share_that_came(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    const int hybrid[] = {WOLFSSL_X25519MLKEM768, WOLFSSL_ECC_X25519};
    const int x25519[] = {WOLFSSL_ECC_X25519, WOLFSSL_X25519MLKEM768, WOLFSSL_ECC_SECP256R1};
    const int p256[] = {WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_X25519};
    const int p521[] = {WOLFSSL_ECC_SECP521R1, WOLFSSL_ECC_SECP384R1};
    (void)state;
    agree(server, hybrid, 2, false, "X25519MLKEM768");
    agree(server, x25519, 3, false, "X25519");
    agree(server, x25519, 1, false, "X25519");
    agree(server, p256, 2, false, "SECP256R1");
    agree(server, p521, 2, true, "SECP384R1");
    tls_context_unref(server);
}

static void every_curve_of_the_configuration_is_agreed_on(void **state)
{
    static const struct {
        const char *name, *agreed;
        int group;
    } cases[] = {
        {"X25519", "X25519", WOLFSSL_ECC_X25519},
        {"CurveP256", "SECP256R1", WOLFSSL_ECC_SECP256R1},
        {"CurveP384", "SECP384R1", WOLFSSL_ECC_SECP384R1},
        {"CurveP521", "SECP521R1", WOLFSSL_ECC_SECP521R1},
        {"X25519MLKEM768", "X25519MLKEM768", WOLFSSL_X25519MLKEM768},
        {"SecP256r1MLKEM768", "SecP256r1MLKEM768", WOLFSSL_SECP256R1MLKEM768},
        {"SecP384r1MLKEM1024", "SecP384r1MLKEM1024", WOLFSSL_SECP384R1MLKEM1024},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span curve = span_cstr(cases[i].name);
        struct tls_context *server = fixture_server(
            "p256", &(struct tls_options_config){.name = SPAN("o"), .curves = &curve,
                                                 .curve_count = 1});
        int other = cases[i].group == WOLFSSL_ECC_X25519 ? WOLFSSL_ECC_SECP256R1
                                                         : WOLFSSL_ECC_X25519;
        const int groups[] = {cases[i].group, other}, asked[] = {other, cases[i].group};
        agree(server, groups, 2, false, cases[i].agreed);
        agree(server, asked, 2, true, cases[i].agreed);
        tls_context_unref(server);
    }
}

static void a_key_update_is_answered_and_data_goes_on(void **state)
{
    struct raw_pair ends;
    struct buf plain;
    (void)state;
    buf_init(&plain, 1000);
    raw_pair_start(&ends, 0x0304, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wolfSSL_update_keys(ends.client.wolfssl), WOLFSSL_SUCCESS);
        assert_int_equal(wolfSSL_write(ends.client.wolfssl, "ping", 4), 4);
        assert_int_equal(raw_pair_read(&ends, &plain), ERR_AGAIN);
        assert_true(span_equal(buf_span(&plain), SPAN("ping")));
        assert_true(buf_len(&ends.client.in) > 0); /* our KeyUpdate */
        buf_clear(&plain);
        assert_ok(tls_engine_write(ends.server, SPAN("pong"), &ends.client.in));
        raw_client_expect(&ends.client, SPAN("pong"));
    }
    buf_finish(&plain);
    raw_pair_finish(&ends);
}

/* Each costs us a new key and a decryption: a peer that sends nothing else is sent away. */
static void key_updates_without_data_are_borne_only_so_often(void **state)
{
    struct raw_pair ends;
    struct buf plain;
    (void)state;
    buf_init(&plain, 1000);
    raw_pair_start(&ends, 0x0304, NULL);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 31; i++)
            assert_int_equal(wolfSSL_update_keys(ends.client.wolfssl), WOLFSSL_SUCCESS);
        assert_int_equal(wolfSSL_write(ends.client.wolfssl, "ping", 4), 4);
        assert_int_equal(raw_pair_read(&ends, &plain), ERR_AGAIN);
    }
    assert_true(span_equal(buf_span(&plain), SPAN("pingpingping")));
    assert_int_equal(tls_engine_quiet_records(ends.server), 3 * 31);
    assert_false(tls_engine_is_flooded(ends.server));
    enum err result = ERR_AGAIN;
    int sent = 0;
    for (; result == ERR_AGAIN && sent < 100; sent++) {
        assert_int_equal(wolfSSL_update_keys(ends.client.wolfssl), WOLFSSL_SUCCESS);
        result = raw_pair_read(&ends, &plain);
    }
    assert_int_equal(result, ERR_TLS);
    assert_int_equal(sent, 33);
    assert_non_null(strstr(ends.why.text, "without data"));
    assert_true(tls_engine_is_flooded(ends.server));
    buf_finish(&plain);
    raw_pair_finish(&ends);
}

static void a_curve_that_is_not_configured_is_not_agreed(void **state)
{
    struct span p256 = SPAN("CurveP256");
    struct tls_options_config config = {.curves = &p256, .curve_count = 1};
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct tls_context *server = fixture_server("p256", &config);
        struct tls_context *client = fixture_client("ca.pem", version, version, NULL);
        struct tls_engine_info info;
        struct pair pair;
        pair_init(&pair, server, client, SERVER_NAME, NULL);
        pair_handshake(&pair);
        if (pair.server_result == ERR_OK) {
            tls_engine_info(pair.server, &info);
            assert_string_equal(info.group, "SECP256R1");
        } else {
            assert_non_null(strstr(pair.server_why.text, "no curve in common"));
        }
        assert_true(version == 0x0303 || pair.server_result == ERR_OK);
        pair_finish(&pair);
        tls_context_unref(server);
        tls_context_unref(client);
    }
}

static void an_alert_before_any_engine_is_a_plain_record(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 100);
    assert_ok(tls_alert_append(&out, 112));
    assert_true(span_equal(buf_span(&out), span_make("\x15\x03\x03\x00\x02\x02\x70", 7)));
    buf_finish(&out);
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
        cmocka_unit_test(every_key_type_and_version_agrees_and_carries_data),
        cmocka_unit_test(configured_suites_and_curves_are_what_is_agreed),
        cmocka_unit_test(one_byte_at_a_time_is_enough),
        cmocka_unit_test(a_flight_leaves_as_one_piece_and_surplus_stays_with_the_caller),
        cmocka_unit_test(alpn_is_agreed_where_both_want_it),
        cmocka_unit_test(an_alpn_mismatch_ends_the_handshake_with_its_alert),
        cmocka_unit_test(no_common_version_or_suite_is_said_in_words),
        cmocka_unit_test(a_large_write_is_split_into_records),
        cmocka_unit_test(a_short_read_leaves_the_rest_pending),
        cmocka_unit_test(a_write_without_room_writes_nothing_and_can_be_repeated),
        cmocka_unit_test(a_handshake_without_room_goes_on_when_there_is_some),
        cmocka_unit_test(close_notify_travels_both_ways_and_half_a_connection_stays_open),
        cmocka_unit_test(garbage_gives_an_alert_and_an_error),
        cmocka_unit_test(a_broken_record_after_the_handshake_is_final),
        cmocka_unit_test(the_default_groups_take_the_share_that_came),
        cmocka_unit_test(every_curve_of_the_configuration_is_agreed_on),
        cmocka_unit_test(a_key_update_is_answered_and_data_goes_on),
        cmocka_unit_test(key_updates_without_data_are_borne_only_so_often),
        cmocka_unit_test(a_curve_that_is_not_configured_is_not_agreed),
        cmocka_unit_test(an_alert_before_any_engine_is_a_plain_record),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
