/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes as they are. Output goes straight into the next send.
 */
#include "core/proxy/transport.h"

static enum err plain_receive(struct conn *conn, struct span *input, struct err_text *why)
{
    (void)why;
    struct span data = *input;
    *input = span_skip(data, data.len);
    if (data.len > 0)
        conn_deliver(conn, data);
    return ERR_OK;
}

static bool plain_has_pending(const struct conn *conn)
{
    (void)conn;
    return false;
}

static enum err plain_write(struct conn *conn, struct span data)
{
    return buf_append(&conn->filling, data);
}

static enum err plain_flush(struct conn *conn)
{
    (void)conn;
    return ERR_OK;
}

static void plain_end(struct conn *conn)
{
    (void)conn;
}

const struct transport transport_plain = {
    .name = "plain",
    .receive = plain_receive,
    .has_pending = plain_has_pending,
    .write = plain_write,
    .flush = plain_flush,
    .end = plain_end,
};
