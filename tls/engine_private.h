/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of an engine, for tls/engine*.c only.
 */
#ifndef WEIR_TLS_ENGINE_PRIVATE_H
#define WEIR_TLS_ENGINE_PRIVATE_H

#include <wolfssl/ssl.h>

#include "tls/context_private.h"
#include "tls/engine.h"
#include "tls/record.h"

struct tls_engine {
    WOLFSSL *wolfssl;
    struct tls_context *context; /* one reference */
    char *server_name;           /* client: what the certificate must be for */
    /* The caller's, only while it is inside a call. */
    struct span *input;
    struct buf *output;
    enum err output_error; /* why the last send callback of this call failed */
    int failure;           /* wolfSSL's error that ended the connection; 0: none */
    uint8_t ticket_chain;  /* resumptions in a row before this one */
    /* engine_callbacks.c: where in the stream of records the input stands. */
    uint8_t header[RECORD_HEADER_SIZE];
    uint8_t header_have;
    uint16_t idle_records;   /* complete since the last plain text */
    uint64_t quiet_records;  /* before it, without plain text */
    uint32_t record_left;    /* bytes to come of the record whose header is complete */
    bool established;      /* handshake complete */
    bool emitted;          /* some output was made */
    bool stuck;            /* output waits inside wolfSSL */
    bool peer_closed;      /* close_notify received */
    bool closed;           /* close_notify sent */
    bool peer_verified;    /* client: chain and name are right */
    bool name_mismatch;    /* client: the chain is right, the name is not */
    /* engine_client_auth.c */
    struct client_cert *client_cert; /* server: what the client sent; NULL: nothing */
    uint8_t refusal;         /* server: the alert for it; 0: accepted */
    uint64_t alert_sequence; /* record number that the alert gets (TLS 1.3) */
    struct err_text *refusal_why; /* malloc'ed with the refusal; may be NULL */
    /* engine_write.c */
    bool writer_tried;
    bool has_writer;   /* our records are made by the writer, not by wolfSSL */
    bool keys_changed; /* a KeyUpdate went out: the writer's keys are the old ones */
    struct record_writer writer;
    /* ktls.c */
    bool exported;       /* the kernel makes our records */
    bool wants_new_keys; /* the peer, of the kernel */
    bool has_alert;
    uint8_t alert[2]; /* for tls_engine_take_alert */
};

/* Around every call of wolfSSL that may read or send; input may be NULL. */
void tls_engine_enter(struct tls_engine *engine, struct span *input, struct buf *output);
void tls_engine_leave(struct tls_engine *engine);
/* Between the two: wolfSSL's error ends the connection. */
void tls_engine_fail(struct tls_engine *engine, int error);

/* Appends, in the place of the alert that wolfSSL chose, the one of engine->refusal. */
MUST_USE enum err tls_engine_send_refusal(struct tls_engine *engine, struct buf *output);
/* When the engine dies. */
void tls_engine_forget_client(struct tls_engine *engine);

/* In the place of a record that wolfSSL made although the writer has the keys. */
MUST_USE enum err tls_engine_seal_again(struct tls_engine *engine, size_t record_size,
                                        struct buf *output);

/* Records in a row that bring no plain text after the handshake (KeyUpdates, empty
 * ones): each costs us new keys or a decryption, and the peer nothing. */
#define TLS_IDLE_RECORDS_MAX 32

/* In the place of a record that wolfSSL made although the kernel has the keys. */
MUST_USE enum err tls_engine_keep_message(struct tls_engine *engine, size_t record_size);
/* Whether the record of that size which wolfSSL made is a KeyUpdate, not an alert. */
bool tls_engine_is_key_update(const struct tls_engine *engine, size_t record_size);

/* Says in words why the engine failed. */
void tls_engine_explain(const struct tls_engine *engine, struct err_text *why);

#endif
