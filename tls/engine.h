/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One TLS connection without sockets: ciphertext goes in, plaintext comes out,
 * and the other way round. The caller owns all buffers.
 *
 *   input:   tls_engine_feed lends ciphertext; the engine takes from it while
 *            handshake/read run. What is not taken stays with the caller.
 *   output:  ciphertext is appended to the struct buf that the caller passes.
 *
 * One worker thread. Create it only once the ClientHello is complete.
 */
#ifndef WEIR_TLS_ENGINE_H
#define WEIR_TLS_ENGINE_H

#include "core/base/buf.h"
#include "tls/client_cert.h"
#include "tls/context.h"

struct tls_engine;

struct tls_server_params {
    const char *alpn;  /* chosen protocol, or NULL: none is negotiated */
};

/* Takes a reference on the context. */
MUST_USE enum err tls_engine_create_server(struct tls_context *context,
                                           const struct tls_server_params *params,
                                           struct tls_engine **out);
/* server_name: SNI and the name that the certificate must carry (an IP address
 * is matched against IP SANs, and sends no SNI); NUL-terminated. alpn: the protocols
 * to offer, joined with ','; NULL: the context's. */
MUST_USE enum err tls_engine_create_client(struct tls_context *context, const char *server_name,
                                           const char *alpn, struct tls_engine **out);
void tls_engine_destroy(struct tls_engine *engine); /* NULL is fine */

/*
 * Each call gets the ciphertext at hand in *input and shortens it by what was
 * taken, and appends to output what must be sent (also on failure: the alert).
 * Where output is full the call returns ERR_LIMIT and may be repeated once there
 * is room; a read wants 1 KB of room for what the peer may ask of us (KeyUpdate).
 * Any other failure is final: later calls return the same.
 *
 * handshake: ERR_OK when complete; ERR_AGAIN: needs more input;
 *            else failed, with `why` for the log ("peer sent alert …").
 */
MUST_USE enum err tls_engine_handshake(struct tls_engine *engine, struct span *input,
                                       struct buf *output, struct err_text *why);
/* Decrypts at most cap bytes. ERR_OK with *length > 0; ERR_AGAIN: needs more
 * input; ERR_CLOSED: close_notify received; else failed. */
MUST_USE enum err tls_engine_read(struct tls_engine *engine, struct span *input,
                                  struct buf *output, char *plain, size_t cap, size_t *length,
                                  struct err_text *why);
/* Records after the handshake that brought no plain text, KeyUpdates above all. One
 * that has come but for its plain text counts until that is read. */
uint64_t tls_engine_quiet_records(const struct tls_engine *engine);
/* Whether it failed for too many of them in a row, or too many warnings. */
bool tls_engine_is_flooded(const struct tls_engine *engine);
/* Decrypted bytes that wait inside the engine for the next read. */
size_t tls_engine_pending(const struct tls_engine *engine);
/* Encrypts all of plain into records of at most 16 KB, or nothing: ERR_LIMIT when
 * output has no room for tls_engine_write_bound(plain.len) bytes more, ERR_CLOSED
 * after tls_engine_close. Only after the handshake. */
MUST_USE enum err tls_engine_write(struct tls_engine *engine, struct span plain,
                                   struct buf *output);
/* The same for two pieces, one behind the other, which need not lie together. */
MUST_USE enum err tls_engine_write_both(struct tls_engine *engine, struct span first,
                                        struct span second, struct buf *output);
/* The most ciphertext that so much plaintext becomes. */
size_t tls_engine_write_bound(size_t plain_len);
/* Appends close_notify, once. The other direction stays open: what the peer sends
 * until its own close_notify can still be read, and after the peer's close_notify
 * we may go on writing. */
void tls_engine_close(struct tls_engine *engine, struct buf *output);

/* Whether what the finished handshake left to send are session tickets alone (TLS
 * 1.3), which the peer does not wait for. */
bool tls_engine_sends_tickets_last(const struct tls_engine *engine);

/* After the handshake. */
struct tls_engine_info {
    const char *version; /* "1.2", "1.3" as Traefik's access log has them */
    const char *cipher;  /* IANA name */
    const char *alpn;    /* NULL: none; valid while the engine lives */
    const char *group;
    bool resumed;
};
void tls_engine_info(const struct tls_engine *engine, struct tls_engine_info *out);
/* A server's: what it was made for. Lives as long as the engine. */
struct cert *tls_engine_cert(const struct tls_engine *engine);

/* Server: the certificates that the client proved to have; NULL: none. Valid while
 * the engine lives. */
const struct client_cert *tls_engine_client_cert(const struct tls_engine *engine);
/* Server: whether the handshake failed for the client's certificate, or for want of
 * one. *subject is "" where there is none; valid while the engine lives. */
bool tls_engine_client_refused(const struct tls_engine *engine, const char **subject);

#endif
