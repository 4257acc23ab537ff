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
/* What conn_resume and conn_release_receive put off. */
void conn_input_task(struct conn *conn);

void conn_output_init(struct conn *conn);
void conn_output_finish(struct conn *conn);
/* transport_ktls.c: starts to send what must go as a record of its own; false: there is
 * nothing of that kind. */
bool conn_ktls_send_alert(struct conn *conn);
/* `send` was used for something else, which is over. */
void conn_output_connected(struct conn *conn);

#endif
