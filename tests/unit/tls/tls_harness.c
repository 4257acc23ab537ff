/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ciphertext travels through two bufs. A step gives one end what waits for it;
 * the loop ends when neither end takes or makes a byte any more.
 */
#include "tls_harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"

#define FLIGHT_MAX (1 << 20)

struct span fixture_read(const char *file)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/tls/%s", WEIR_TEST_DATA, file);
    FILE *stream = fopen(path, "re");
    assert_non_null(stream);
    char *text = calloc(1, 16384);
    size_t len = fread(text, 1, 16383, stream);
    fclose(stream);
    return (struct span){text, len};
}

struct cert *fixture_cert(const char *name)
{
    char file[64];
    struct err_text why = {""};
    struct cert *cert = NULL;
    snprintf(file, sizeof(file), "%s.pem", name);
    struct span chain = fixture_read(file);
    snprintf(file, sizeof(file), "%s.key", name);
    struct span key = fixture_read(file);
    if (cert_load(chain, key, &cert, &why) != ERR_OK)
        fail_msg("%s: %s", name, why.text);
    free((char *)(uintptr_t)chain.ptr);
    free((char *)(uintptr_t)key.ptr);
    return cert;
}

struct tls_options *fixture_options(const struct tls_options_config *config)
{
    const struct tls_options_config defaults = {
        .name = SPAN("default"),
        .session_tickets = true,
    };
    struct err_text why = {""};
    struct tls_options *options = NULL;
    if (tls_options_create(config != NULL ? config : &defaults, &options, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return options;
}

struct tls_context *fixture_server(const char *cert_name, const struct tls_options_config *config)
{
    struct tls_context_table *table;
    struct tls_context *context = NULL;
    struct err_text why = {""};
    struct cert *cert = fixture_cert(cert_name);
    struct tls_options *options = fixture_options(config);
    assert_ok(tls_context_table_create(1, &table));
    if (tls_context_get(table, cert, options, &context, &why) != ERR_OK)
        fail_msg("%s: %s", cert_name, why.text);
    tls_context_ref(context);
    tls_context_table_destroy(table);
    tls_options_unref(options);
    cert_unref(cert);
    return context;
}

struct tls_context *fixture_client(const char *ca, int min_version, int max_version,
                                   const char *alpn)
{
    struct span pem = SPAN_EMPTY, protocol = span_cstr(alpn);
    if (ca != NULL)
        pem = fixture_read(ca);
    struct tls_client_config config = {
        .insecure_skip_verify = ca == NULL,
        .root_cas = &pem,
        .root_ca_count = ca != NULL,
        .min_version = min_version,
        .max_version = max_version,
        .alpn = &protocol,
        .alpn_count = alpn != NULL,
    };
    struct tls_context *context = NULL;
    struct err_text why = {""};
    if (tls_client_context_create(&config, &context, &why) != ERR_OK)
        fail_msg("%s", why.text);
    free((char *)(uintptr_t)pem.ptr);
    return context;
}

void pair_init(struct pair *pair, struct tls_context *server, struct tls_context *client,
               const char *server_name, const char *server_alpn)
{
    struct tls_server_params params = {.alpn = server_alpn};
    *pair = (struct pair){0};
    buf_init(&pair->to_server, FLIGHT_MAX);
    buf_init(&pair->to_client, FLIGHT_MAX);
    assert_ok(tls_engine_create_server(server, &params, &pair->server));
    assert_ok(tls_engine_create_client(client, server_name, NULL, &pair->client));
    pair->server_result = pair->client_result = ERR_AGAIN;
}

void pair_finish(struct pair *pair)
{
    tls_engine_destroy(pair->server);
    tls_engine_destroy(pair->client);
    buf_finish(&pair->to_server);
    buf_finish(&pair->to_client);
}

/* True when a byte moved. */
static bool engine_step(struct tls_engine *engine, struct buf *in, struct buf *out, size_t chunk,
                        enum err *result, struct err_text *why)
{
    size_t made = buf_len(out);
    struct span given = buf_span(in);
    if (chunk > 0)
        given = span_first(given, chunk);
    struct span left = given;
    if (*result == ERR_AGAIN)
        *result = tls_engine_handshake(engine, &left, out, why);
    buf_consume(in, given.len - left.len);
    return left.len != given.len || buf_len(out) != made;
}

void pair_handshake(struct pair *pair)
{
    bool moved;
    do {
        moved = engine_step(pair->client, &pair->to_client, &pair->to_server, pair->chunk,
                            &pair->client_result, &pair->client_why);
        moved |= engine_step(pair->server, &pair->to_server, &pair->to_client, pair->chunk,
                             &pair->server_result, &pair->server_why);
    } while (moved);
}

enum err engine_read_all(struct tls_engine *engine, struct buf *input, struct buf *output,
                         struct buf *plain, struct err_text *why)
{
    char bytes[5000];
    for (;;) {
        size_t len = 0;
        struct span left = buf_span(input);
        size_t before = left.len;
        enum err error =
            tls_engine_read(engine, &left, output, bytes, sizeof(bytes), &len, why);
        buf_consume(input, before - left.len);
        if (error != ERR_OK)
            return error;
        assert_true(len > 0);
        assert_ok(buf_append(plain, span_make(bytes, len)));
    }
}

static int raw_receive(WOLFSSL *ssl, char *data, int size, void *argument)
{
    struct raw_client *raw = argument;
    struct span have = span_first(buf_span(&raw->in), (size_t)size);
    (void)ssl;
    if (have.len == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    memcpy(data, have.ptr, have.len);
    buf_consume(&raw->in, have.len);
    return (int)have.len;
}

static int raw_send(WOLFSSL *ssl, char *data, int size, void *argument)
{
    struct raw_client *raw = argument;
    (void)ssl;
    assert_ok(buf_append(&raw->out, span_make(data, (size_t)size)));
    return size;
}

void raw_client_init(struct raw_client *raw, int version, const char *server_name,
                     WOLFSSL_SESSION *session)
{
    bool tls13 = version == 0x0304;
    buf_init(&raw->in, FLIGHT_MAX);
    buf_init(&raw->out, FLIGHT_MAX);
    raw->context =
        wolfSSL_CTX_new(tls13 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method());
    assert_non_null(raw->context);
    wolfSSL_CTX_set_verify(raw->context, WOLFSSL_VERIFY_NONE, NULL);
    wolfSSL_CTX_SetIORecv(raw->context, raw_receive);
    wolfSSL_CTX_SetIOSend(raw->context, raw_send);
    assert_int_equal(wolfSSL_CTX_UseSessionTicket(raw->context), WOLFSSL_SUCCESS);
    raw->wolfssl = wolfSSL_new(raw->context);
    assert_non_null(raw->wolfssl);
    wolfSSL_SetIOReadCtx(raw->wolfssl, raw);
    wolfSSL_SetIOWriteCtx(raw->wolfssl, raw);
    assert_int_equal(wolfSSL_UseSNI(raw->wolfssl, WOLFSSL_SNI_HOST_NAME, server_name,
                                    (unsigned short)strlen(server_name)),
                     WOLFSSL_SUCCESS);
    if (session != NULL) /* refused for a session that cannot be resumed */
        (void)wolfSSL_set_session(raw->wolfssl, session);
}

enum err raw_client_handshake(struct raw_client *raw, struct tls_engine *server,
                              struct err_text *why)
{
    enum err result = ERR_AGAIN;
    bool connected = false, moved = true;
    while (moved && (result == ERR_AGAIN || result == ERR_OK)) {
        size_t waiting = buf_len(&raw->in);
        if (!connected)
            connected = wolfSSL_connect(raw->wolfssl) == WOLFSSL_SUCCESS;
        moved = buf_len(&raw->in) != waiting;
        moved |= engine_step(server, &raw->out, &raw->in, 0, &result, why);
    }
    char byte;
    if (result == ERR_OK && connected)
        assert_int_equal(wolfSSL_read(raw->wolfssl, &byte, 1), -1); /* takes the tickets */
    return connected || result != ERR_OK ? result : ERR_TLS;
}

void raw_client_finish(struct raw_client *raw)
{
    wolfSSL_free(raw->wolfssl);
    wolfSSL_CTX_free(raw->context);
    buf_finish(&raw->in);
    buf_finish(&raw->out);
}

void raw_client_expect(struct raw_client *raw, struct span bytes)
{
    char *got = malloc(bytes.len);
    size_t have = 0;
    while (have < bytes.len) {
        int n = wolfSSL_read(raw->wolfssl, got + have, (int)(bytes.len - have));
        if (n <= 0)
            fail_msg("wolfSSL_read: %d after %zu bytes", wolfSSL_get_error(raw->wolfssl, n), have);
        have += (size_t)n;
    }
    assert_memory_equal(got, bytes.ptr, bytes.len);
    free(got);
}

/* ---- both ---- */

void raw_pair_start(struct raw_pair *pair, int version, const char *suite)
{
    struct span name = span_cstr(suite);
    struct tls_options_config config = {.cipher_suites = &name, .cipher_suite_count = 1};
    struct tls_server_params params = {NULL};
    *pair = (struct raw_pair){0};
    pair->server_context = fixture_server("p256", suite != NULL ? &config : NULL);
    assert_ok(tls_engine_create_server(pair->server_context, &params, &pair->server));
    raw_client_init(&pair->client, version, SERVER_NAME, NULL);
    assert_ok(raw_client_handshake(&pair->client, pair->server, &pair->why));
}

enum err raw_pair_read(struct raw_pair *pair, struct buf *plain)
{
    return engine_read_all(pair->server, &pair->client.out, &pair->client.in, plain, &pair->why);
}

void raw_pair_finish(struct raw_pair *pair)
{
    tls_engine_destroy(pair->server);
    raw_client_finish(&pair->client);
    tls_context_unref(pair->server_context);
}
