/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of a connection share: conn.c (life), conn_in.c, conn_out.c.
 */
#ifndef WEIR_CORE_PROXY_CONN_PRIVATE_H
#define WEIR_CORE_PROXY_CONN_PRIVATE_H

#include "core/proxy/conn.h"
#include "core/proxy/transport.h"

/* conn.c: true when the connection is gone and must not be touched any more. */
bool conn_finish_if_quiet(struct conn *conn);
/* conn.c: all output of a FLUSHING connection is with the kernel. */
void conn_flushed(struct conn *conn);

void conn_input_init(struct conn *conn);
/* Gives the held buffers back. */
void conn_release_held(struct conn *conn);
void conn_unwatch_hangup(struct conn *conn);
/* What conn_resume and conn_release_receive put off. */
void conn_input_task(struct conn *conn);

/* conn_reader.c: watches from now on, where the peer is a client. */
void conn_watch_reader(struct conn *conn, bool waits);
/* Nothing waits in user space any more. */
void conn_reader_took(struct conn *conn);
void conn_reader_expired(struct timer *timer);
/* How far the peer has acknowledged the output; to be compared for being the same. */
uint64_t conn_output_mark(const struct conn *conn);
/* Whether so much in that time is what a reader has to take. */
bool conn_took_enough(const struct conn *conn, uint64_t bytes, int64_t elapsed_ms);

void conn_set_congested(struct conn *conn, bool congested);
void conn_output_init(struct conn *conn);
void conn_output_finish(struct conn *conn);
/* transport_ktls.c: starts to send what must go as a record of its own; false: there is
 * nothing of that kind. */
bool conn_ktls_send_alert(struct conn *conn);
/* `send` was used for something else, which is over. */
void conn_output_connected(struct conn *conn);

#endif
