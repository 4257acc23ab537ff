/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header is parsed anew from its first byte with each piece, which is cheap:
 * see io/proxy_header.c. Bytes are gathered in client->peeked only if one piece is
 * not enough, and what follows the header in it goes on from there.
 */
#include "core/proxy/client_proxy.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/proxy/client.h"
#include "io/proxy_header.h"

#include <stdlib.h>

static bool is_trusted(const struct client *client)
{
    const struct model_entry_point *entry = client_entry(client);
    return entry->proxy_protocol_insecure ||
           model_cidr_list_contains(&entry->proxy_protocol_trusted, client->peer_ip);
}

/* From here to client_peer_known the peer is still the socket's. */
static void refuse(struct client *client, const char *why)
{
    metric_add(&client->conn.worker->metrics.proxy_headers_refused, 1);
    if (is_trusted(client))
        log_warn("PROXY header refused", "proxy", client->peer_text, "entryPoint",
                 client_entry(client)->object.name.ptr, "error", why);
    else
        log_debug("PROXY header refused", "client", client->peer_text, "entryPoint",
                  client_entry(client)->object.name.ptr, "error", why);
}

static enum err believe(struct client *client, const struct proxy_header *header)
{
    struct worker_metrics *metrics = &client->conn.worker->metrics;
    if (!is_trusted(client)) {
        metric_add(&metrics->proxy_headers_ignored, 1);
        log_debug("PROXY header ignored", "client", client->peer_text);
        return ERR_OK;
    }
    metric_add(&metrics->proxy_headers_used, 1);
    if (!header->has_addresses)
        return ERR_OK;
    client->proxied = malloc(sizeof(*client->proxied));
    if (client->proxied == NULL)
        return ERR_NOMEM;
    client->proxied->destination = header->destination;
    char proxy[SOCK_TEXT_SIZE];
    memcpy(proxy, client->peer_text, sizeof(proxy));
    client_set_peer(client, &header->source);
    log_debug("PROXY header used", "proxy", proxy, "client", client->peer_text);
    return ERR_OK;
}

/* Puts the piece behind those before it; *bytes is all of them. */
static enum err gather(struct client *client, struct span piece, struct span *bytes)
{
    if (buf_len(&client->peeked) > 0) {
        TRY(buf_append(&client->peeked, piece));
        *bytes = buf_span(&client->peeked);
    } else {
        *bytes = piece;
    }
    return ERR_OK;
}

/*
 * ERR_OK: the header, if any, is dealt with and *rest is what follows it; ERR_AGAIN:
 * what came is kept; other errors are reported.
 */
static enum err take_header(struct client *client, struct span piece, struct span *rest)
{
    struct span bytes;
    struct proxy_header header = {.len = 0};
    const char *why = err_message(ERR_NOMEM);
    enum err error = gather(client, piece, &bytes);
    if (error == ERR_OK)
        error = proxy_header_parse(bytes, &header, &why);
    if (error == ERR_AGAIN && bytes.len > 0 && buf_len(&client->peeked) == 0 &&
        buf_append(&client->peeked, bytes) != ERR_OK)
        error = ERR_NOMEM;
    if (error == ERR_OK)
        error = believe(client, &header);
    if (error == ERR_OK || error == ERR_NOTFOUND) {
        *rest = span_skip(bytes, header.len);
        return ERR_OK;
    }
    if (error != ERR_AGAIN)
        refuse(client, why);
    return error;
}

/* To the front, with what was read behind the header. */
static void go_on(struct client *client, struct span rest)
{
    bool gathered = buf_len(&client->peeked) > 0;
    if (gathered) {
        buf_consume(&client->peeked, buf_len(&client->peeked) - rest.len);
        rest = buf_span(&client->peeked);
    }
    client_peer_known(client, rest);
    if (gathered && (client->side != CLIENT_PEEKING || rest.len == 0))
        buf_finish(&client->peeked);
}

static void on_data(struct conn *conn, struct span data)
{
    struct client *client = client_of(conn);
    struct span rest;
    client->idle = false;
    enum err error = take_header(client, data, &rest);
    if (error == ERR_OK)
        go_on(client, rest);
    else if (error != ERR_AGAIN)
        conn_close(conn);
}

/* Silence or an end instead of a header. */
static void on_nothing(struct client *client, const char *why)
{
    if (buf_len(&client->peeked) == 0) {
        go_on(client, SPAN_EMPTY);
        return;
    }
    refuse(client, why);
    conn_close(&client->conn);
}

static void on_end(struct conn *conn)
{
    on_nothing(client_of(conn), "the connection ended within it");
    if (conn->state == CONN_OPEN)
        conn->handler->on_end(conn); /* the front's */
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    (void)why;
    if (error == ERR_TIMEOUT)
        on_nothing(client_of(conn), "it took too long");
    else
        conn_close(conn);
}

static const struct conn_handler proxy_handler = {
    .on_data = on_data,
    .on_end = on_end,
    .on_failed = on_failed,
    .on_closed = client_closed,
};

void client_proxy_start(struct client *client)
{
    struct conn *conn = &client->conn;
    if (!is_trusted(client) && client_silent_route(client) != NULL) {
        client->sifting = true;
        client_peer_known(client, SPAN_EMPTY);
        return;
    }
    client->idle = true;
    conn->handler = &proxy_handler;
    conn_set_timeout(conn, conn->worker->settings->weir.client_hello_timeout / NS_PER_MS);
    conn_start(conn);
}

enum err client_proxy_sift(struct conn *conn, struct span *data)
{
    struct client *client = client_of(conn);
    if (data->len == 0 && buf_len(&client->peeked) > 0) {
        refuse(client, "the connection ended within it");
        return ERR_PROTOCOL;
    }
    enum err error = data->len == 0 ? ERR_OK : take_header(client, *data, data);
    client->sifting = error == ERR_AGAIN;
    return error;
}
