/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Until the backend answers, the client's bytes wait in `early`, bounded by
 * pausing the client. The backend's addresses are tried in turn. Afterwards the
 * tunnel has both connections, and what remains here is to free the backend's
 * side and to give back the references when it has ended.
 */
#include "core/proxy/front_tcp.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/proxy/client.h"
#include "core/proxy/client_proxy.h"
#include "core/proxy/tunnel.h"
#include "io/proxy_header.h"

#include <stdlib.h>

#define EARLY_BYTES ((size_t)64 << 10)

struct upstream_tcp {
    struct conn conn; /* first member */
    struct client *client; /* NULL once it has gone */
    struct server *server;
    const struct upstream_transport *transport;
    size_t address; /* index of the one being tried */
    unsigned proxy_version; /* of the PROXY header that it is sent; 0: none */
    bool joined;
};

static struct upstream_tcp *upstream_of(struct conn *conn)
{
    return container_of(conn, struct upstream_tcp, conn);
}

/* ---- the end ---- */

static void release(struct client *client)
{
    struct front_tcp *front = &client->tcp;
    buf_finish(&front->early);
    if (front->hold != NULL)
        snapshot_hold_release(front->hold);
    front->hold = NULL;
}

static void give_up(struct client *client, const char *why)
{
    struct front_tcp *front = &client->tcp;
    struct span router = front->route->model->object.name;
    log_debug("TCP connection ended before it was proxied", "router", router.ptr, "client",
              client->peer_text, "error", why);
    if (front->upstream != NULL) {
        front->upstream->client = NULL;
        conn_close(&front->upstream->conn);
        front->upstream = NULL;
    }
    release(client);
    conn_close_after_flush(&client->conn, false);
}

static void on_tunnel_end(void *owner, uint64_t to_b, uint64_t to_a, enum err error)
{
    (void)to_b;
    (void)to_a;
    (void)error;
    struct client *client = owner;
    metric_sub(&client->conn.worker->metrics.tunnels_open, 1);
    client->tcp.upstream->client = NULL;
    client->tcp.upstream = NULL;
    release(client);
}

/* ---- the backend's side ---- */

static void connect_next(struct upstream_tcp *upstream);

/* What the client has said so far, without a PROXY header that counts for nothing. */
static enum err first_bytes(struct client *client, struct span *out)
{
    *out = buf_span(&client->tcp.early);
    if (!client->sifting || out->len == 0)
        return ERR_OK;
    enum err error = client_proxy_sift(&client->conn, out);
    if (error == ERR_AGAIN)
        *out = SPAN_EMPTY;
    return error == ERR_AGAIN ? ERR_OK : error;
}

static void upstream_on_open(struct conn *conn)
{
    struct upstream_tcp *upstream = upstream_of(conn);
    struct client *client = upstream->client;
    struct front_tcp *front = &client->tcp;
    struct worker *worker = conn->worker;
    struct span first;
    if (first_bytes(client, &first) != ERR_OK) {
        upstream->joined = true;
        give_up(client, "a malformed PROXY header");
        return;
    }
    struct tunnel_settings settings = {
        .termination_delay_ms = upstream->transport->termination_delay_ms,
        .may_splice = client->conn.tls == NULL && conn->tls == NULL,
        .sift = client->sifting ? client_proxy_sift : NULL,
    };
    upstream->joined = true;
    conn_resume(&client->conn);
    if (tunnel_start(&client->conn, conn, first, SPAN_EMPTY, &settings, on_tunnel_end,
                     client) != ERR_OK) {
        give_up(client, "out of memory");
        return;
    }
    buf_finish(&front->early);
    buf_init(&front->early, EARLY_BYTES);
    metric_add(&worker->metrics.tunnels_open, 1);
}

static void upstream_on_data(struct conn *conn, struct span data)
{
    (void)conn; /* the tunnel's handler is in place before the first byte */
    (void)data;
}

static void upstream_on_end(struct conn *conn)
{
    give_up(upstream_of(conn)->client, "the backend closed the connection");
}

static void upstream_on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct upstream_tcp *upstream = upstream_of(conn);
    metric_add(&conn->worker->metrics.upstream_failures, 1);
    log_debug("TCP backend cannot be reached", "server", upstream->server->authority.ptr, "error",
              why->text[0] ? why->text : err_message(error));
    conn_close(conn); /* on_closed goes on with the next address */
}

static void upstream_on_closed(struct conn *conn)
{
    struct upstream_tcp *upstream = upstream_of(conn);
    if (upstream->client != NULL && !upstream->joined) {
        upstream->address++;
        connect_next(upstream);
        return;
    }
    server_unref(upstream->server);
    free(upstream);
}

static const struct conn_handler upstream_handler = {
    .on_open = upstream_on_open,
    .on_data = upstream_on_data,
    .on_end = upstream_on_end,
    .on_failed = upstream_on_failed,
    .on_closed = upstream_on_closed,
};

static void abandon(struct upstream_tcp *upstream, const char *why)
{
    struct client *client = upstream->client;
    client->tcp.upstream = NULL;
    server_unref(upstream->server);
    free(upstream);
    give_up(client, why);
}

/* Tells the backend for whom the connection is. It goes before anything else, also
 * before TLS, and a backend that cannot be told is not spoken to. */
static enum err introduce_client(struct upstream_tcp *upstream)
{
    const struct client *client = upstream->client;
    char header[PROXY_HEADER_WRITE_MAX];
    struct sock_address local;
    if (upstream->proxy_version == 0)
        return ERR_OK;
    TRY(client_local(client, &local));
    size_t len = proxy_header_write(upstream->proxy_version, &client->peer, &local, header);
    return conn_send_first(&upstream->conn, span_make(header, len));
}

static void connect_next(struct upstream_tcp *upstream)
{
    struct server *server = upstream->server;
    struct worker *worker = upstream->client->conn.worker;
    const struct server_addresses *addresses = rcu_load(&server->addresses);
    if (addresses == NULL || upstream->address >= addresses->count) {
        abandon(upstream, addresses == NULL ? "the backend's name is not resolved"
                                            : "the backend cannot be reached");
        return;
    }
    struct sock_address address = {.storage = addresses->items[upstream->address],
                                   .len = addresses->lengths[upstream->address]};
    const struct upstream_transport *transport = upstream->transport;
    const struct conn_tls tls = {
        .context = transport->tls,
        .server_name =
            transport->server_name.len > 0 ? transport->server_name.ptr : server->host.ptr,
    };
    metric_add(&worker->metrics.upstream_connects, 1);
    if (conn_connect(&upstream->conn, worker, &address, server->tcp_tls ? &tls : NULL,
                     transport->dial_timeout_ms, &upstream_handler) != ERR_OK)
        abandon(upstream, "no socket for the backend");
    else if (introduce_client(upstream) != ERR_OK)
        conn_close(&upstream->conn); /* on_closed goes on with the next address */
}

/* ---- the client's side while the backend is being connected ---- */

static void early_on_data(struct conn *conn, struct span data)
{
    struct client *client = client_of(conn);
    if (buf_append(&client->tcp.early, data) != ERR_OK) {
        give_up(client, "too many bytes before the backend was connected");
        return;
    }
    if (buf_len(&client->tcp.early) > EARLY_BYTES / 2)
        conn_pause(conn);
}

/* A half-close: the tunnel passes it on behind the early bytes. */
static void early_on_end(struct conn *conn)
{
    (void)conn;
}

static void early_on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    (void)why;
    give_up(client_of(conn), err_message(error));
}

static const struct conn_handler early_handler = {
    .on_data = early_on_data,
    .on_end = early_on_end,
    .on_failed = early_on_failed,
    .on_closed = client_closed,
};

/* The service's own key is the older one, and counts where no transport is named. */
static unsigned proxy_version(const struct service *leaf,
                              const struct upstream_transport *transport)
{
    const struct model_service *model = service_model(leaf);
    bool unnamed = span_equal(transport->name, SPAN("default@internal"));
    return unnamed ? model->proxy_protocol : transport->proxy_protocol;
}

static void connect_backend(struct client *client)
{
    struct front_tcp *front = &client->tcp;
    const struct route *route = front->route;
    client_arrived(client);
    client->idle = false;
    client->conn.handler = &early_handler;
    conn_set_timeout(&client->conn, 0);
    if (route->problem.len > 0 || route->service == NULL) {
        give_up(client, route->problem.len > 0 ? route->problem.ptr : "no service");
        return;
    }
    const struct service *leaf;
    struct server *server =
        service_pick(route->service, client->conn.worker->index, NULL, &leaf);
    const struct upstream_transport *transport =
        server != NULL ? snapshot_tcp_transport(front->hold->snapshot, server->transport) : NULL;
    if (transport == NULL || transport->problem.len > 0 ||
        (server->tcp_tls && transport->tls == NULL)) {
        give_up(client, server == NULL ? "no available server" : "servers transport unusable");
        return;
    }
    struct upstream_tcp *upstream = calloc(1, sizeof(*upstream));
    if (upstream == NULL) {
        give_up(client, "out of memory");
        return;
    }
    upstream->client = client;
    upstream->server = server_ref(server);
    upstream->transport = transport;
    upstream->proxy_version = proxy_version(leaf, transport);
    front->upstream = upstream;
    connect_next(upstream);
}

void front_tcp_start(struct client *client, const struct route *route, struct span first)
{
    client->side = CLIENT_TCP;
    client->tcp = (struct front_tcp){
        .hold = snapshot_hold_use(client->conn.worker->hold),
        .route = route,
    };
    buf_init(&client->tcp.early, EARLY_BYTES + (16 << 10) + first.len);
    if (buf_append(&client->tcp.early, first) != ERR_OK) {
        client->conn.handler = &early_handler;
        give_up(client, "out of memory");
        return;
    }
    connect_backend(client);
}

void front_tcp_start_terminated(struct client *client)
{
    buf_init(&client->tcp.early, EARLY_BYTES + (16 << 10));
    connect_backend(client);
}
