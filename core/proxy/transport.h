/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a connection speaks below HTTP: plain bytes, TLS in user space, or
 * TLS that the kernel seals. One small vtable; conn*.c call it, nobody else. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_TRANSPORT_H
#define WEIR_CORE_PROXY_TRANSPORT_H

#include "core/proxy/conn.h"

struct transport {
    const char *name;
    /* Bytes from the socket: takes from *input and delivers plain text until it
     * is used up or the connection is paused or closing. */
    enum err (*receive)(struct conn *conn, struct span *input, struct err_text *why);
    /* Whether plain text waits inside although no input is left. */
    bool (*has_pending)(const struct conn *conn);
    /* Plain text to queue. */
    enum err (*write)(struct conn *conn, struct span data);
    /* Turns what is staged into bytes to send. */
    enum err (*flush)(struct conn *conn);
    /* Queues the orderly end (close_notify). */
    void (*end)(struct conn *conn);
};

extern const struct transport transport_plain;
extern const struct transport transport_tls;
extern const struct transport transport_ktls;

#endif
