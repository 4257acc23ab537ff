/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two TLS ends in memory: our engine as the server, and as the client our engine
 * (struct pair) or a bare wolfSSL one (struct raw_client) that can keep sessions.
 */
#ifndef WEIR_TESTS_UNIT_TLS_TLS_HARNESS_H
#define WEIR_TESTS_UNIT_TLS_TLS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <wolfssl/ssl.h>

#include "tls/engine.h"

#define assert_ok(expression) assert_int_equal((expression), ERR_OK)

#define SERVER_NAME "server.test"

/* Names of files in tests/data/tls without their suffix. */
struct span fixture_read(const char *file); /* free((char *)span.ptr) */
struct cert *fixture_cert(const char *name);
/* config NULL: the defaults with tickets on. */
struct tls_options *fixture_options(const struct tls_options_config *config);
/* A context of its own, not in a table. */
struct tls_context *fixture_server(const char *cert, const struct tls_options_config *config);
/* Trusts tests/data/tls/<ca>.pem; NULL: verifies nothing. */
struct tls_context *fixture_client(const char *ca, int min_version, int max_version,
                                   const char *alpn);

struct pair {
    struct tls_engine *server, *client;
    struct buf to_server, to_client;
    enum err server_result, client_result;
    struct err_text server_why, client_why;
    size_t chunk; /* bytes per delivery; 0: all at once */
};

void pair_init(struct pair *pair, struct tls_context *server, struct tls_context *client,
               const char *server_name, const char *server_alpn);
/* Runs both until they are done, failed or starve. */
void pair_handshake(struct pair *pair);
void pair_finish(struct pair *pair);

/* One end's reading, with everything that is on the way; appends to plain. */
enum err engine_read_all(struct tls_engine *engine, struct buf *input, struct buf *output,
                         struct buf *plain, struct err_text *why);

struct raw_client {
    WOLFSSL_CTX *context;
    WOLFSSL *wolfssl;
    struct buf in, out;
};

/* version: 0x0303 or 0x0304; session: to resume, or NULL. */
void raw_client_init(struct raw_client *raw, int version, const char *server_name,
                     WOLFSSL_SESSION *session);
/* To the end, and on until the client has read the server's tickets. */
enum err raw_client_handshake(struct raw_client *raw, struct tls_engine *server,
                              struct err_text *why);
void raw_client_finish(struct raw_client *raw);
/* It reads these bytes next. */
void raw_client_expect(struct raw_client *raw, struct span bytes);

/* Our engine and a bare client, and the handshake done. suite NULL: the defaults. */
struct raw_pair {
    struct tls_context *server_context;
    struct tls_engine *server;
    struct raw_client client;
    struct err_text why;
};

void raw_pair_start(struct raw_pair *pair, int version, const char *suite);
/* The server reads what the client has sent. */
enum err raw_pair_read(struct raw_pair *pair, struct buf *plain);
void raw_pair_finish(struct raw_pair *pair);

#endif
