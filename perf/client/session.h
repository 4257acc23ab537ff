/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One TLS 1.3 connection of the client: blocking, one request at a time.
 * A session belongs to one thread.
 */
#ifndef WEIR_PERF_CLIENT_SESSION_H
#define WEIR_PERF_CLIENT_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#define SESSION_TIMEOUT_S 20
#define SESSION_ERROR 160

struct target {
    WOLFSSL_CTX *context;
    struct sockaddr_in server;
    const char *name;    /* SNI and Host */
    const char *path;
    int group;           /* the only one that is offered */
    size_t answer_bytes; /* what the body of every answer must have */
};

struct session {
    int fd;
    WOLFSSL *tls;
    char error[SESSION_ERROR]; /* what went wrong, once something has */
};

/*
 * Connects from the given loopback address (0: the kernel chooses), offers the session to resume
 * (or NULL) and completes the handshake. On failure false, `error` is set, and nothing is held.
 */
bool session_open(struct session *session, const struct target *target, in_addr_t source,
                  const char *name, WOLFSSL_SESSION *resume);
/* Sends a GET and reads the whole answer: false unless it is 200 with the expected length. */
bool session_ask(struct session *session, const struct target *target, bool last);
/* Closes at once, as a client does that has what it wanted. */
void session_close(struct session *session);

#endif
