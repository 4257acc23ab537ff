/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is exported for the kernel, held against a client of wolfSSL's: the test takes
 * the kernel's part and makes records of RFC 5246 and RFC 8446 by wolfCrypt. And what
 * an engine does that has given its sending half away.
 */
#include "tls_harness.h"

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include "core/base/buf.h"
#include "tls/engine_private.h"
#include "tls/ktls.h"

#define TAG_SIZE 16
#define NONCE_SIZE 12

struct scene {
    struct raw_pair ends;
    struct tls_ktls_info info;
    uint64_t sequence; /* of the kernel's next record */
};

static void write_and_read(struct scene *scene, size_t len)
{
    static char data[65536];
    memset(data, 'w', len);
    assert_ok(tls_engine_write(scene->ends.server, span_make(data, len), &scene->ends.client.in));
    raw_client_expect(&scene->ends.client, span_make(data, len));
}

/* ---- the kernel's part ---- */

static uint64_t read_sequence(const unsigned char bytes[8])
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void write_number(uint64_t value, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void take_keys(struct scene *scene)
{
    struct tls_ktls_info *info = &scene->info;
    assert_ok(tls_engine_export(scene->ends.server, info));
    tls_engine_set_exported(scene->ends.server);
    switch (info->info.cipher_type) {
    case TLS_CIPHER_AES_GCM_128:
        assert_int_equal(info->size, sizeof(info->aes_gcm_128));
        scene->sequence = read_sequence(info->aes_gcm_128.rec_seq);
        break;
    case TLS_CIPHER_AES_GCM_256:
        assert_int_equal(info->size, sizeof(info->aes_gcm_256));
        scene->sequence = read_sequence(info->aes_gcm_256.rec_seq);
        break;
    default:
        assert_int_equal(info->info.cipher_type, TLS_CIPHER_CHACHA20_POLY1305);
        assert_int_equal(info->size, sizeof(info->chacha20_poly1305));
        scene->sequence = read_sequence(info->chacha20_poly1305.rec_seq);
    }
}

static bool is_chacha(const struct scene *scene)
{
    return scene->info.info.cipher_type == TLS_CIPHER_CHACHA20_POLY1305;
}

static void make_nonce(const struct scene *scene, uint8_t nonce[NONCE_SIZE])
{
    const struct tls_ktls_info *info = &scene->info;
    uint8_t number[8];
    bool is_256 = info->info.cipher_type == TLS_CIPHER_AES_GCM_256;
    if (is_chacha(scene)) {
        memcpy(nonce, info->chacha20_poly1305.iv, NONCE_SIZE);
    } else {
        memcpy(nonce, is_256 ? info->aes_gcm_256.salt : info->aes_gcm_128.salt, 4);
        memcpy(nonce + 4, is_256 ? info->aes_gcm_256.iv : info->aes_gcm_128.iv, 8);
        if (info->info.version == TLS_1_2_VERSION)
            return; /* sent with the record as it is */
    }
    write_number(scene->sequence, number);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] ^= number[i];
}

static void encrypt(const struct scene *scene, const uint8_t *nonce, struct span associated,
                    struct span plain, uint8_t *out)
{
    const struct tls_ktls_info *info = &scene->info;
    const uint8_t *aad = (const uint8_t *)associated.ptr;
    const uint8_t *text = (const uint8_t *)plain.ptr;
    if (is_chacha(scene)) {
        assert_int_equal(wc_ChaCha20Poly1305_Encrypt(info->chacha20_poly1305.key, nonce, aad,
                                                     (word32)associated.len, text,
                                                     (word32)plain.len, out, out + plain.len),
                         0);
        return;
    }
    Aes aes;
    bool is_256 = info->info.cipher_type == TLS_CIPHER_AES_GCM_256;
    assert_int_equal(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
    assert_int_equal(wc_AesGcmSetKey(&aes, is_256 ? info->aes_gcm_256.key : info->aes_gcm_128.key,
                                     is_256 ? 32 : 16),
                     0);
    assert_int_equal(wc_AesGcmEncrypt(&aes, out, text, (word32)plain.len, nonce, NONCE_SIZE,
                                      out + plain.len, TAG_SIZE, aad, (word32)associated.len),
                     0);
    wc_AesFree(&aes);
}

/* One record as the kernel would make it, on its way to the client. */
static void kernel_sends(struct scene *scene, uint8_t type, struct span text)
{
    bool is_tls13 = scene->info.info.version == TLS_1_3_VERSION;
    uint8_t nonce[NONCE_SIZE], plain[256], sealed[300], aad[13];
    size_t explicit = !is_tls13 && !is_chacha(scene) ? 8 : 0;
    size_t len = text.len + (is_tls13 ? 1 : 0), whole = explicit + len + TAG_SIZE;
    memcpy(plain, text.ptr, text.len);
    plain[text.len] = type;
    uint8_t header[5] = {is_tls13 ? 23 : type, 3, 3, (uint8_t)(whole >> 8), (uint8_t)whole};
    make_nonce(scene, nonce);
    memcpy(sealed, nonce + 4, explicit);
    write_number(scene->sequence, aad);
    memcpy(aad + 8, (uint8_t[]){type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len}, 5);
    struct span associated =
        is_tls13 ? span_make((char *)header, 5) : span_make((char *)aad, sizeof(aad));
    encrypt(scene, nonce, associated, span_make((char *)plain, len), sealed + explicit);
    assert_ok(buf_append(&scene->ends.client.in, span_make((char *)header, 5)));
    assert_ok(buf_append(&scene->ends.client.in, span_make((char *)sealed, whole)));
    scene->sequence++;
    if (explicit > 0)
        write_number(scene->sequence, scene->info.info.cipher_type == TLS_CIPHER_AES_GCM_256
                                          ? scene->info.aes_gcm_256.iv
                                          : scene->info.aes_gcm_128.iv);
}

/* ---- tests ---- */

static const struct {
    int version;
    const char *suite;
    uint16_t cipher;
} suites[] = {
    {0x0304, "TLS_AES_128_GCM_SHA256", TLS_CIPHER_AES_GCM_128},
    {0x0304, "TLS_AES_256_GCM_SHA384", TLS_CIPHER_AES_GCM_256},
    {0x0304, "TLS_CHACHA20_POLY1305_SHA256", TLS_CIPHER_CHACHA20_POLY1305},
    {0x0303, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", TLS_CIPHER_AES_GCM_128},
    {0x0303, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", TLS_CIPHER_AES_GCM_256},
    {0x0303, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", TLS_CIPHER_CHACHA20_POLY1305},
};

/* After nothing, after short writes by wolfSSL, and after a long one by record.c. */
static void the_kernel_goes_on_where_the_engine_stood(void **state)
{
    static const size_t before[] = {0, 100, 40000};
    (void)state;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        for (size_t j = 0; j < sizeof(before) / sizeof(before[0]); j++) {
            struct scene scene;
            raw_pair_start(&scene.ends, suites[i].version, suites[i].suite);
            if (before[j] > 0)
                write_and_read(&scene, before[j]);
            take_keys(&scene);
            assert_int_equal(scene.info.info.cipher_type, suites[i].cipher);
            assert_int_equal(scene.info.info.version, suites[i].version);
            kernel_sends(&scene, 23, SPAN("the first"));
            raw_client_expect(&scene.ends.client, SPAN("the first"));
            kernel_sends(&scene, 23, SPAN("and the second"));
            raw_client_expect(&scene.ends.client, SPAN("and the second"));
            raw_pair_finish(&scene.ends);
        }
    }
}

static void keys_after_a_key_update_are_the_new_ones(void **state)
{
    struct scene scene;
    struct buf plain;
    (void)state;
    for (int written = 0; written < 2; written++) { /* before the kernel, or not */
        raw_pair_start(&scene.ends, 0x0304, NULL);
        buf_init(&plain, 100);
        write_and_read(&scene, 40000);
        assert_int_equal(wolfSSL_update_keys(scene.ends.client.wolfssl), WOLFSSL_SUCCESS);
        assert_int_equal(raw_pair_read(&scene.ends, &plain), ERR_AGAIN);
        if (written > 0)
            write_and_read(&scene, 20000);
        take_keys(&scene);
        assert_int_equal(scene.sequence, written > 0 ? 2 : 0);
        kernel_sends(&scene, 23, SPAN("after"));
        raw_client_expect(&scene.ends.client, SPAN("after"));
        buf_finish(&plain);
        raw_pair_finish(&scene.ends);
    }
}

static void what_the_client_says_is_read_as_before(void **state)
{
    struct scene scene;
    struct buf plain;
    uint8_t alert[2];
    (void)state;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        raw_pair_start(&scene.ends, suites[i].version, suites[i].suite);
        buf_init(&plain, 100);
        take_keys(&scene);
        assert_int_equal(wolfSSL_write(scene.ends.client.wolfssl, "ping", 4), 4);
        assert_int_equal(raw_pair_read(&scene.ends, &plain), ERR_AGAIN);
        assert_true(span_equal(buf_span(&plain), SPAN("ping")));
        assert_int_equal(buf_len(&scene.ends.client.in), 0);
        assert_false(tls_engine_take_alert(scene.ends.server, alert));
        buf_finish(&plain);
        raw_pair_finish(&scene.ends);
    }
}

static void close_notify_is_the_kernels_to_send(void **state)
{
    struct scene scene;
    uint8_t alert[2];
    char byte;
    (void)state;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        raw_pair_start(&scene.ends, suites[i].version, suites[i].suite);
        take_keys(&scene);
        tls_engine_close(scene.ends.server, &scene.ends.client.in);
        assert_int_equal(buf_len(&scene.ends.client.in), 0);
        assert_true(tls_engine_take_alert(scene.ends.server, alert));
        assert_int_equal(alert[0], alert_warning);
        assert_int_equal(alert[1], close_notify);
        assert_false(tls_engine_take_alert(scene.ends.server, alert));
        kernel_sends(&scene, 21, span_make((char *)alert, 2));
        int n = wolfSSL_read(scene.ends.client.wolfssl, &byte, 1);
        assert_int_equal(wolfSSL_get_error(scene.ends.client.wolfssl, n),
                         WOLFSSL_ERROR_ZERO_RETURN);
        raw_pair_finish(&scene.ends);
    }
}

static void a_fatal_alert_is_the_kernels_to_send(void **state)
{
    struct scene scene;
    struct buf plain;
    uint8_t alert[2];
    (void)state;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        raw_pair_start(&scene.ends, suites[i].version, suites[i].suite);
        buf_init(&plain, 100);
        take_keys(&scene);
        assert_int_equal(wolfSSL_write(scene.ends.client.wolfssl, "ping", 4), 4);
        scene.ends.client.out.data[scene.ends.client.out.end - 1] ^= 1;
        assert_int_equal(raw_pair_read(&scene.ends, &plain), ERR_TLS);
        assert_int_equal(buf_len(&scene.ends.client.in), 0);
        assert_true(tls_engine_take_alert(scene.ends.server, alert));
        assert_int_equal(alert[0], alert_fatal);
        assert_int_equal(alert[1], bad_record_mac);
        buf_finish(&plain);
        raw_pair_finish(&scene.ends);
    }
}

static void new_keys_of_the_clients_are_followed(void **state)
{
    struct scene scene;
    struct buf plain;
    (void)state;
    raw_pair_start(&scene.ends, 0x0304, NULL);
    buf_init(&plain, 100);
    take_keys(&scene);
    kernel_sends(&scene, 22, span_make("\x18\0\0\1\1", 5)); /* asks the client for new keys */
    char byte;
    (void)wolfSSL_read(scene.ends.client.wolfssl, &byte, 1); /* it answers: update_not_requested */
    assert_true(buf_len(&scene.ends.client.out) > 0);
    assert_int_equal(wolfSSL_write(scene.ends.client.wolfssl, "ping", 4), 4);
    assert_int_equal(raw_pair_read(&scene.ends, &plain), ERR_AGAIN);
    assert_true(span_equal(buf_span(&plain), SPAN("ping")));
    buf_finish(&plain);
    raw_pair_finish(&scene.ends);
}

static void a_request_for_new_keys_ends_the_connection_in_silence(void **state)
{
    struct scene scene;
    struct buf plain;
    uint8_t alert[2];
    (void)state;
    raw_pair_start(&scene.ends, 0x0304, NULL);
    buf_init(&plain, 100);
    take_keys(&scene);
    assert_int_equal(wolfSSL_update_keys(scene.ends.client.wolfssl), WOLFSSL_SUCCESS);
    assert_int_equal(raw_pair_read(&scene.ends, &plain), ERR_TLS);
    assert_string_equal(scene.ends.why.text,
                        "the client asks for new keys, which kernel TLS cannot change");
    tls_engine_close(scene.ends.server, &scene.ends.client.in);
    assert_int_equal(buf_len(&scene.ends.client.in), 0);
    assert_false(tls_engine_take_alert(scene.ends.server, alert));
    buf_finish(&plain);
    raw_pair_finish(&scene.ends);
}

static void what_is_not_ours_to_give_is_not_exported(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    struct tls_context *client = fixture_client("ca.pem", 0x0304, 0x0304, NULL);
    struct tls_ktls_info info;
    struct pair pair;
    (void)state;
    pair_init(&pair, server, client, SERVER_NAME, NULL);
    assert_int_equal(tls_engine_export(pair.server, &info), ERR_UNSUPPORTED); /* too early */
    pair_handshake(&pair);
    assert_int_equal(tls_engine_export(pair.client, &info), ERR_UNSUPPORTED);
    assert_ok(tls_engine_export(pair.server, &info));
    tls_engine_close(pair.server, &pair.to_client);
    assert_int_equal(tls_engine_export(pair.server, &info), ERR_UNSUPPORTED); /* too late */
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
        cmocka_unit_test(the_kernel_goes_on_where_the_engine_stood),
        cmocka_unit_test(keys_after_a_key_update_are_the_new_ones),
        cmocka_unit_test(what_the_client_says_is_read_as_before),
        cmocka_unit_test(close_notify_is_the_kernels_to_send),
        cmocka_unit_test(a_fatal_alert_is_the_kernels_to_send),
        cmocka_unit_test(new_keys_of_the_clients_are_followed),
        cmocka_unit_test(a_request_for_new_keys_ends_the_connection_in_silence),
        cmocka_unit_test(what_is_not_ours_to_give_is_not_exported),
    };
    return cmocka_run_group_tests(tests, start_library, end_library);
}
