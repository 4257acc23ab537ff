/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record layer taken over from wolfSSL by the first long write: what either end
 * sends and hears after that, read by an end that is still wolfSSL's.
 */
#include "tls_harness.h"

#include "core/base/buf.h"
#include "tls/engine_private.h"

#define LONG_SIZE 40000

static void fill(char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 + i / 257);
}

/* A long write that is followed by whatever else is said. */
static void take_over(struct raw_pair *scene)
{
    static char data[LONG_SIZE];
    fill(data, sizeof(data));
    assert_ok(tls_engine_write(scene->server, span_make(data, sizeof(data)), &scene->client.in));
    raw_client_expect(&scene->client, span_make(data, sizeof(data)));
}

static void both_suites_of_aes_gcm_are_taken_over(void **state)
{
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct raw_pair scene;
        raw_pair_start(&scene, 0x0304, suites[i]);
        assert_ok(tls_engine_write(scene.server, SPAN("short"), &scene.client.in));
        assert_false(scene.server->has_writer);
        raw_client_expect(&scene.client, SPAN("short"));
        take_over(&scene);
        assert_true(scene.server->has_writer);
        assert_ok(tls_engine_write(scene.server, SPAN("short again"), &scene.client.in));
        raw_client_expect(&scene.client, SPAN("short again"));
        raw_pair_finish(&scene);
    }
}

static void what_cannot_be_taken_over_stays_with_wolfssl(void **state)
{
    struct raw_pair scene;
    (void)state;
    raw_pair_start(&scene, 0x0304, "TLS_CHACHA20_POLY1305_SHA256");
    take_over(&scene);
    assert_false(scene.server->has_writer);
    assert_ok(tls_engine_write_both(scene.server, SPAN("two "), SPAN("pieces"), &scene.client.in));
    raw_client_expect(&scene.client, SPAN("two pieces"));
    raw_pair_finish(&scene);
}

static void two_pieces_share_their_records(void **state)
{
    static char first[9000], second[30000], all[sizeof(first) + sizeof(second)];
    struct raw_pair scene;
    size_t records = 0;
    (void)state;
    raw_pair_start(&scene, 0x0304, NULL);
    fill(all, sizeof(all));
    memcpy(first, all, sizeof(first));
    memcpy(second, all + sizeof(first), sizeof(second));
    assert_ok(tls_engine_write_both(scene.server, span_make(first, sizeof(first)),
                                    span_make(second, sizeof(second)), &scene.client.in));
    for (struct span wire = buf_span(&scene.client.in); wire.len > 0; records++) {
        size_t len = (size_t)(uint8_t)wire.ptr[3] << 8 | (uint8_t)wire.ptr[4];
        wire = span_skip(wire, RECORD_HEADER_SIZE + len);
    }
    assert_int_equal(records, 3); /* 39,000 bytes in records of 16,384 */
    raw_client_expect(&scene.client, span_make(all, sizeof(all)));
    raw_pair_finish(&scene);
}

static void a_key_update_is_answered_with_the_right_keys(void **state)
{
    struct raw_pair scene;
    struct buf plain;
    (void)state;
    raw_pair_start(&scene, 0x0304, NULL);
    buf_init(&plain, 1000);
    take_over(&scene);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wolfSSL_update_keys(scene.client.wolfssl), WOLFSSL_SUCCESS);
        assert_int_equal(wolfSSL_write(scene.client.wolfssl, "ping", 4), 4);
        assert_int_equal(raw_pair_read(&scene, &plain), ERR_AGAIN);
        assert_true(buf_len(&scene.client.in) > 0); /* our KeyUpdate */
        take_over(&scene);
        int waiting = 1;
        assert_int_equal(wolfSSL_key_update_response(scene.client.wolfssl, &waiting), 0);
        assert_int_equal(waiting, 0);
    }
    assert_true(span_equal(buf_span(&plain), SPAN("pingpingping")));
    buf_finish(&plain);
    raw_pair_finish(&scene);
}

static void worn_keys_are_renewed(void **state)
{
    struct raw_pair scene;
    (void)state;
    raw_pair_start(&scene, 0x0304, NULL);
    take_over(&scene);
    assert_false(record_writer_is_worn(&scene.server->writer));
    scene.server->writer.sequence = UINT64_C(1) << 24; /* as if they had sealed so many */
    assert_true(record_writer_is_worn(&scene.server->writer));
    assert_ok(tls_engine_write(scene.server, SPAN("after"), &scene.client.in));
    /* A KeyUpdate under the old keys, which the client cannot follow, and the data
     * under new ones. */
    struct span wire = buf_span(&scene.client.in);
    assert_int_equal((uint8_t)wire.ptr[4], 5 + 1 + GCM_TAG_SIZE);
    assert_int_equal(wire.len, 2 * RECORD_OVERHEAD + 5 + 5);
    assert_int_equal(scene.server->writer.sequence, 1);
    raw_pair_finish(&scene);
}

static void close_notify_comes_through(void **state)
{
    struct raw_pair scene;
    char byte;
    (void)state;
    raw_pair_start(&scene, 0x0304, NULL);
    take_over(&scene);
    tls_engine_close(scene.server, &scene.client.in);
    int n = wolfSSL_read(scene.client.wolfssl, &byte, 1);
    assert_int_equal(wolfSSL_get_error(scene.client.wolfssl, n), WOLFSSL_ERROR_ZERO_RETURN);
    raw_pair_finish(&scene);
}

static void a_fatal_alert_comes_through(void **state)
{
    struct raw_pair scene;
    struct buf plain;
    char byte;
    WOLFSSL_ALERT_HISTORY history;
    (void)state;
    raw_pair_start(&scene, 0x0304, NULL);
    buf_init(&plain, 1000);
    take_over(&scene);
    assert_int_equal(wolfSSL_write(scene.client.wolfssl, "ping", 4), 4);
    scene.client.out.data[scene.client.out.end - 1] ^= 1;
    assert_int_equal(raw_pair_read(&scene, &plain), ERR_TLS);
    assert_true(wolfSSL_read(scene.client.wolfssl, &byte, 1) < 0);
    assert_int_equal(wolfSSL_get_alert_history(scene.client.wolfssl, &history), WOLFSSL_SUCCESS);
    assert_int_equal(history.last_rx.level, alert_fatal);
    assert_int_equal(history.last_rx.code, bad_record_mac);
    buf_finish(&plain);
    raw_pair_finish(&scene);
}

static void a_client_takes_over_too(void **state)
{
    static char data[LONG_SIZE];
    struct tls_context *server = fixture_server("p256", NULL);
    struct tls_context *client = fixture_client("ca.pem", 0x0304, 0x0304, NULL);
    struct pair pair;
    struct buf plain;
    struct err_text why = {""};
    (void)state;
    fill(data, sizeof(data));
    buf_init(&plain, sizeof(data));
    pair_init(&pair, server, client, SERVER_NAME, NULL);
    pair_handshake(&pair);
    assert_ok(tls_engine_write(pair.client, span_make(data, sizeof(data)), &pair.to_server));
    assert_true(pair.client->has_writer);
    assert_int_equal(
        engine_read_all(pair.server, &pair.to_server, &pair.to_client, &plain, &why), ERR_AGAIN);
    assert_true(span_equal(buf_span(&plain), span_make(data, sizeof(data))));
    tls_engine_close(pair.client, &pair.to_server);
    assert_int_equal(
        engine_read_all(pair.server, &pair.to_server, &pair.to_client, &plain, &why), ERR_CLOSED);
    buf_finish(&plain);
    pair_finish(&pair);
    tls_context_unref(server);
    tls_context_unref(client);
}

static int start_library(void **state)
{
    struct err_text why;
    (void)state;
    return tls_global_init(&why) == ERR_OK ? 0 : -1;
}

static int end_library(void **state)
{
    (void)state;
    tls_global_finish();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_suites_of_aes_gcm_are_taken_over),
        cmocka_unit_test(what_cannot_be_taken_over_stays_with_wolfssl),
        cmocka_unit_test(two_pieces_share_their_records),
        cmocka_unit_test(a_key_update_is_answered_with_the_right_keys),
        cmocka_unit_test(worn_keys_are_renewed),
        cmocka_unit_test(close_notify_comes_through),
        cmocka_unit_test(a_fatal_alert_comes_through),
        cmocka_unit_test(a_client_takes_over_too),
    };
    return cmocka_run_group_tests(tests, start_library, end_library);
}
