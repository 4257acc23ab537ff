/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an engine costs, and that it survives when memory runs out: wolfSSL's
 * allocations are counted, and failed one after the other.
 */
#include "tls_harness.h"

#include <stdlib.h>

#include <wolfssl/wolfcrypt/memory.h>

#include "core/base/buf.h"
#include "tls/ticket.h"

static wolfSSL_Malloc_cb inner_malloc; /* the engine's own, which does more than malloc */
static wolfSSL_Free_cb inner_free;
static size_t live;         /* bytes that wolfSSL holds */
static long countdown = -1; /* the allocation that fails; negative: none */
static bool failed;

struct block {
    size_t size;
    max_align_t data[];
};

static void *counting_malloc(size_t size)
{
    if (countdown >= 0 && countdown-- == 0) {
        failed = true;
        return NULL;
    }
    struct block *block = inner_malloc(sizeof(*block) + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    live += size;
    return block->data;
}

static void counting_free(void *memory)
{
    if (memory == NULL)
        return;
    struct block *block = (struct block *)((char *)memory - offsetof(struct block, data));
    live -= block->size;
    inner_free(block);
}

static void *counting_realloc(void *memory, size_t size)
{
    void *moved = counting_malloc(size);
    if (moved == NULL || memory == NULL)
        return moved;
    struct block *block = (struct block *)((char *)memory - offsetof(struct block, data));
    memcpy(moved, memory, block->size < size ? block->size : size);
    counting_free(memory);
    return moved;
}

static void an_idle_engine_is_small(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        struct raw_client raw;
        struct tls_engine *engine;
        struct tls_server_params params = {.alpn = "http/1.1"};
        struct err_text why;
        raw_client_init(&raw, version, SERVER_NAME, NULL);
        size_t before = live;
        assert_ok(tls_engine_create_server(server, &params, &engine));
        size_t created = live - before;
        assert_ok(raw_client_handshake(&raw, engine, &why));
        size_t all = live;
        tls_engine_destroy(engine);
        size_t idle = all - live;
        print_message("TLS 1.%d: %zu bytes when made, %zu idle\n", version - 0x0301, created,
                      idle);
        assert_true(idle < 5000);
        raw_client_finish(&raw);
    }
    tls_context_unref(server);
}

static void reading_and_writing_leaves_nothing_behind(void **state)
{
    struct tls_context *server = fixture_server("p256", NULL);
    struct tls_context *client = fixture_client("ca.pem", 0, 0, NULL);
    struct pair pair;
    struct buf plain;
    struct err_text why = {""};
    static char data[40000];
    (void)state;
    buf_init(&plain, 100000);
    pair_init(&pair, server, client, SERVER_NAME, NULL);
    pair_handshake(&pair);
    (void)engine_read_all(pair.client, &pair.to_client, &pair.to_server, &plain, &why);
    size_t before = live;
    for (int i = 0; i < 10; i++) {
        assert_ok(tls_engine_write(pair.client, span_make(data, sizeof(data)), &pair.to_server));
        assert_int_equal(
            engine_read_all(pair.server, &pair.to_server, &pair.to_client, &plain, &why),
            ERR_AGAIN);
        assert_int_equal(buf_len(&plain), sizeof(data));
        buf_clear(&plain);
    }
    assert_int_equal(live, before);
    buf_finish(&plain);
    pair_finish(&pair);
    tls_context_unref(server);
    tls_context_unref(client);
}

/* All that can fail, once: contexts, two engines, handshake, data. False on any failure. */
static bool run_all(int version, struct cert *cert, struct tls_options *options, struct span ca)
{
    struct tls_client_config config = {
        .root_cas = &ca,
        .root_ca_count = 1,
        .min_version = version,
        .max_version = version,
    };
    struct tls_context_table *table = NULL;
    struct tls_context *server, *client = NULL;
    struct tls_server_params params = {.alpn = "http/1.1"};
    struct pair pair = {.server_result = ERR_AGAIN, .client_result = ERR_AGAIN};
    struct err_text why = {""};
    char bytes[100];
    size_t len = 0;
    buf_init(&pair.to_server, 1 << 20);
    buf_init(&pair.to_client, 1 << 20);
    bool good = tls_context_table_create(1, &table) == ERR_OK &&
                tls_context_get(table, cert, options, &server, &why) == ERR_OK &&
                tls_client_context_create(&config, &client, &why) == ERR_OK &&
                tls_engine_create_server(server, &params, &pair.server) == ERR_OK &&
                tls_engine_create_client(client, SERVER_NAME, NULL, &pair.client) == ERR_OK;
    if (good) {
        pair_handshake(&pair);
        good = pair.server_result == ERR_OK && pair.client_result == ERR_OK;
    }
    good = good && tls_engine_write(pair.client, SPAN("data"), &pair.to_server) == ERR_OK;
    if (good) {
        struct span input = buf_span(&pair.to_server);
        good = tls_engine_read(pair.server, &input, &pair.to_client, bytes, sizeof(bytes), &len,
                               &why) == ERR_OK &&
               len == 4;
        tls_engine_close(pair.server, &pair.to_client);
    }
    pair_finish(&pair);
    tls_context_unref(client);
    tls_context_table_destroy(table);
    return good;
}

static void no_failed_allocation_crashes_or_leaks(void **state)
{
    struct cert *cert = fixture_cert("p256");
    struct tls_options *options = fixture_options(NULL);
    struct span ca = fixture_read("ca.pem");
    (void)state;
    for (int version = 0x0303; version <= 0x0304; version++) {
        size_t before = live;
        long n = 0;
        for (;; n++) {
            countdown = n;
            failed = false;
            bool good = run_all(version, cert, options, ca);
            countdown = -1;
            if (live != before)
                fail_msg("version %x: %zu bytes leaked after the failure of allocation %ld",
                         (unsigned)version, live - before, n);
            if (!failed) {
                assert_true(good);
                break;
            }
        }
        print_message("TLS 1.%d: %ld allocations failed in turn\n", version - 0x0301, n);
        assert_true(n > 50);
    }
    free((char *)(uintptr_t)ca.ptr);
    tls_options_unref(options);
    cert_unref(cert);
}

static int start(void **state)
{
    struct err_text why;
    struct ticket_keys *keys;
    (void)state;
    if (tls_global_init(&why) != ERR_OK || ticket_keys_create(NULL, &keys) != ERR_OK)
        return -1;
    (void)!ticket_keys_publish(keys);
    wolfSSL_Realloc_cb inner_realloc;
    wolfSSL_GetAllocators(&inner_malloc, &inner_free, &inner_realloc);
    if (inner_malloc == NULL) {
        inner_malloc = malloc;
        inner_free = free;
    }
    return wolfSSL_SetAllocators(counting_malloc, counting_free, counting_realloc);
}

static int stop(void **state)
{
    (void)state;
    ticket_keys_destroy(ticket_keys_publish(NULL));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_engine_is_small),
        cmocka_unit_test(reading_and_writing_leaves_nothing_behind),
        cmocka_unit_test(no_failed_allocation_crashes_or_leaks),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
