/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS 1.3 in memory: our engine as the server, counted, and our engine as the
 * client, not counted. A handshake is what the server does for a new connection:
 * the peek into the ClientHello, the engine, both flights, the ticket, the end.
 */
#include "perf/micro/micro.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/limits.h"
#include "tls/clienthello.h"
#include "tls/engine.h"
#include "tls/selfsigned.h"
#include "tls/ticket.h"

#define FLIGHT_MAX (1 << 20)
#define RECORD_BYTES 16384

struct ends {
    struct tls_context *server_context, *client_context;
    struct tls_context_table *table;
    struct tls_engine *server, *client;
    struct buf to_server, to_client;
    enum err server_result;
};

static struct tls_context *make_server(struct ends *ends)
{
    static const struct span curves[] = {SPAN("X25519")};
    struct tls_options_config config = {.name = SPAN("default"), .session_tickets = true,
                                        .curves = curves, .curve_count = 1};
    struct err_text why = {""};
    struct tls_options *options;
    struct tls_context *context;
    struct cert *cert;
    micro_require(selfsigned_create(CERT_KEY_ECDSA_P256, time(NULL), &cert, &why) == ERR_OK &&
                      tls_options_create(&config, &options, &why) == ERR_OK &&
                      tls_context_table_create(1, &ends->table) == ERR_OK &&
                      tls_context_get(ends->table, cert, options, &context, &why) == ERR_OK,
                  "server context");
    tls_options_unref(options);
    cert_unref(cert);
    return context;
}

static void *prepare(void)
{
    struct tls_client_config config = {.insecure_skip_verify = true, .min_version = 0x0304,
                                       .max_version = 0x0304};
    struct ends *ends = calloc(1, sizeof(*ends));
    struct ticket_keys *keys;
    struct err_text why = {""};
    micro_require(ends != NULL && ticket_keys_create(NULL, &keys) == ERR_OK, "ticket keys");
    ticket_keys_publish(keys);
    ends->server_context = make_server(ends);
    micro_require(tls_client_context_create(&config, &ends->client_context, &why) == ERR_OK,
                  "client context");
    buf_init(&ends->to_server, FLIGHT_MAX);
    buf_init(&ends->to_client, FLIGHT_MAX);
    return ends;
}

static void finish(void *data)
{
    struct ends *ends = data;
    buf_finish(&ends->to_server);
    buf_finish(&ends->to_client);
    tls_context_unref(ends->client_context);
    tls_context_table_destroy(ends->table);
    ticket_keys_destroy(ticket_keys_publish(NULL));
    free(ends);
}

static enum err run_handshake(struct tls_engine *engine, struct buf *in, struct buf *out)
{
    struct err_text why = {""};
    struct span left = buf_span(in);
    size_t given = left.len;
    enum err result = tls_engine_handshake(engine, &left, out, &why);
    buf_consume(in, given - left.len);
    return result;
}

static void accept_hello(void *data)
{
    struct ends *ends = data;
    struct tls_server_params params = {NULL};
    struct clienthello hello;
    micro_require(clienthello_peek(buf_span(&ends->to_server), 16384, &hello) == ERR_OK &&
                      tls_engine_create_server(ends->server_context, &params, &ends->server) ==
                          ERR_OK, "ClientHello");
    ends->server_result = run_handshake(ends->server, &ends->to_server, &ends->to_client);
}

static void take_finished(void *data)
{
    struct ends *ends = data;
    ends->server_result = run_handshake(ends->server, &ends->to_server, &ends->to_client);
}

static void destroy_server(void *data)
{
    struct ends *ends = data;
    tls_engine_destroy(ends->server);
}

static void connect_ends(struct ends *ends, void (*measure)(void (*)(void *), void *))
{
    buf_clear(&ends->to_server);
    buf_clear(&ends->to_client);
    micro_require(tls_engine_create_client(ends->client_context, "server.test", NULL,
                                           &ends->client) == ERR_OK, "client");
    micro_require(run_handshake(ends->client, &ends->to_client, &ends->to_server) == ERR_AGAIN,
                  "hello");
    measure(accept_hello, ends);
    micro_require(run_handshake(ends->client, &ends->to_client, &ends->to_server) == ERR_OK,
                  "the client's part");
    measure(take_finished, ends);
    micro_require(ends->server_result == ERR_OK, "the server's part");
}

static void handshake(void *data)
{
    struct ends *ends = data;
    connect_ends(ends, micro_measure);
    micro_measure(destroy_server, ends);
    tls_engine_destroy(ends->client);
}

/* ---- one full record ---- */

static void call(void (*step)(void *), void *data)
{
    step(data);
}

static void write_record(void *data)
{
    static char plain[RECORD_BYTES];
    struct ends *ends = data;
    micro_require(tls_engine_write(ends->server, span_make(plain, sizeof(plain)),
                                   &ends->to_client) == ERR_OK, "write");
}

static void *prepare_record(void)
{
    struct ends *ends = prepare();
    connect_ends(ends, call);
    return ends;
}

static void record(void *data)
{
    struct ends *ends = data;
    buf_clear(&ends->to_client);
    micro_measure(write_record, ends);
}

static void finish_record(void *data)
{
    struct ends *ends = data;
    tls_engine_destroy(ends->server);
    tls_engine_destroy(ends->client);
    finish(ends);
}

const struct micro micro_handshake = {"handshake", prepare, handshake, finish};
const struct micro micro_record = {"record-16k", prepare_record, record, finish_record};
