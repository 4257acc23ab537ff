/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From accept to a front. An entry point without TLS routers needs no look at
 * the first bytes: a TCP router that matches there may have a server that
 * speaks first, and everything else is HTTP. Otherwise the first bytes decide.
 */
#include "core/proxy/client.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/proxy/client_admit.h"
#include "core/proxy/client_proxy.h"
#include "core/proxy/client_tls.h"

#include <stdlib.h>

/* A handshake takes as long as dozens of requests: those that come at once take turns
 * with everybody else's requests. One begins in each turn, and others as long as less
 * than this was spent on them. */
#define HELLO_SHARE_NS (100 * 1000)

static void peek_on_data(struct conn *conn, struct span data);

static void peek_on_end(struct conn *conn)
{
    conn_close(conn);
}

static void peek_on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    (void)why;
    if (error == ERR_TIMEOUT)
        limit_report(client_of(conn), LIMIT_OF_CLIENT_HELLO);
    conn_close(conn);
}

static const struct conn_handler peek_handler = {
    .on_data = peek_on_data,
    .on_end = peek_on_end,
    .on_failed = peek_on_failed,
    .on_closed = client_closed,
};

const struct model_entry_point *client_entry(const struct client *client)
{
    return &client->conn.worker->settings->entry_points[client->entry];
}

const struct entry_routes *client_routes(const struct client *client)
{
    return &client->conn.worker->hold->snapshot->entries[client->entry];
}

void client_closed(struct conn *conn)
{
    struct client *client = client_of(conn);
    struct worker *worker = conn->worker;
    list_remove(&client->link);
    list_remove(&client->arriving_link);
    list_remove(&client->hello_link);
    buf_finish(&client->peeked);
    free(client->proxied);
    address_counts_leave(client->counted);
    worker->client_count--;
    metric_sub(&worker->metrics.connections_open, 1);
    if (client->entry < WORKER_ENTRIES_COUNTED)
        metric_sub(&worker->open_by_entry[client->entry], 1);
    pool_put(&worker->client_pool, client);
    if (worker->on_client_closed != NULL)
        worker->on_client_closed(worker);
}

void client_arrived(struct client *client)
{
    list_remove(&client->arriving_link);
}

void client_facts(const struct client *client, struct rule_facts *facts)
{
    *facts = (struct rule_facts){.host = span_cstr(client->server_name)};
    memcpy(facts->client_ip, client->peer_ip, sizeof(facts->client_ip));
}

/* Not TLS: a TCP router without tls, or HTTP. */
static void serve_plain(struct client *client, struct span first)
{
    const struct entry_routes *routes = client_routes(client);
    struct rule_facts facts;
    client_facts(client, &facts);
    const struct route *route = router_match(routes->tcp, &facts);
    if (route != NULL)
        front_tcp_start(client, route, first);
    else
        front_http1_start(client, first);
}

/* What only a speaker of TLS or SSLv2 begins with, though it is no hello. */
static bool refuse_records(struct client *client, uint8_t first)
{
    if (first >= 20 && first <= 24)
        client_tls_refuse(client, TLS_ALERT_UNEXPECTED_MESSAGE, "no ClientHello comes first");
    else if (first >= 0x80)
        client_tls_refuse(client, TLS_ALERT_PROTOCOL_VERSION, "not TLS, perhaps SSLv2");
    else
        return false;
    return true;
}

/* A plain request where only TLS is served. */
static void refuse_plain(struct client *client, uint8_t first)
{
    if (refuse_records(client, first))
        return;
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Connection: close\r\nContent-Length: 49\r\n\r\n"
        "This port speaks TLS: send the request by https.\n";
    if (conn_write(&client->conn, span_make(answer, sizeof(answer) - 1)) == ERR_OK)
        conn_close_after_flush(&client->conn, true);
    else
        conn_close(&client->conn);
}

static bool may_begin_hello(const struct worker *worker)
{
    return worker->hello_ns < HELLO_SHARE_NS;
}

static void begin_hello(struct client *client, const struct clienthello *hello, struct span bytes)
{
    struct worker *worker = client->conn.worker;
    int64_t began = clock_monotonic_ns();
    client_tls_start(client, hello, bytes);
    worker->hello_ns += clock_monotonic_ns() - began;
}

/* The bytes are kept, and nothing more is read, until its handshake may begin. */
static void wait_for_its_turn(struct client *client, struct span bytes)
{
    struct worker *worker = client->conn.worker;
    if (buf_len(&client->peeked) == 0 && buf_append(&client->peeked, bytes) != ERR_OK) {
        conn_close(&client->conn);
        return;
    }
    conn_pause(&client->conn);
    hello_line_push(&worker->hellos, &client->hello_link,
                    address_hash(client->peer_ip,
                                 (unsigned)worker->settings->weir.address_prefix6));
    worker_defer(worker, &worker->hello_task);
}

static void stop_waiting(struct client *client)
{
    struct clienthello hello;
    size_t limit = (size_t)client->conn.worker->settings->weir.client_hello_bytes;
    struct span bytes = buf_span(&client->peeked);
    if (client->conn.state != CONN_OPEN || clienthello_peek(bytes, limit, &hello) != ERR_OK)
        return;
    conn_resume(&client->conn);
    begin_hello(client, &hello, bytes);
    if (client->side != CLIENT_PEEKING)
        buf_finish(&client->peeked);
}

void client_begin_hellos(struct worker_task *task)
{
    struct worker *worker = container_of(task, struct worker, hello_task);
    struct list *node;
    while (may_begin_hello(worker) && (node = hello_line_pop(&worker->hellos)) != NULL)
        stop_waiting(container_of(node, struct client, hello_link));
    if (!hello_line_empty(&worker->hellos))
        worker_defer(worker, task);
}

static void look_at(struct client *client, struct span bytes)
{
    struct worker *worker = client->conn.worker;
    struct clienthello hello;
    size_t limit = (size_t)worker->settings->weir.client_hello_bytes;
    switch (clienthello_peek(bytes, limit, &hello)) {
    case ERR_OK:
        if (may_begin_hello(client->conn.worker) && hello_line_empty(&client->conn.worker->hellos))
            begin_hello(client, &hello, bytes);
        else
            wait_for_its_turn(client, bytes);
        break;
    case ERR_AGAIN:
        if (buf_len(&client->peeked) == 0 && buf_append(&client->peeked, bytes) != ERR_OK)
            conn_close(&client->conn);
        break;
    case ERR_PROTOCOL:
        if (client_routes(client)->serves_plain)
            serve_plain(client, bytes);
        else
            refuse_plain(client, (uint8_t)bytes.ptr[0]);
        break;
    case ERR_LIMIT:
        limit_report(client, LIMIT_OF_CLIENT_HELLO);
        client_tls_refuse(client, TLS_ALERT_DECODE_ERROR, "ClientHello too long");
        break;
    default:
        client_tls_refuse(client, TLS_ALERT_DECODE_ERROR, "malformed ClientHello");
    }
}

static void peek_on_data(struct conn *conn, struct span data)
{
    struct client *client = client_of(conn);
    client->idle = false;
    if (buf_len(&client->peeked) == 0) {
        look_at(client, data);
        return;
    }
    if (buf_append(&client->peeked, data) != ERR_OK) {
        conn_close(conn);
        return;
    }
    look_at(client, buf_span(&client->peeked));
    if (client->side != CLIENT_PEEKING)
        buf_finish(&client->peeked);
}

const struct route *client_silent_route(const struct client *client)
{
    const struct entry_routes *routes = client_routes(client);
    struct rule_facts facts;
    if (routes->serves_tls)
        return NULL;
    client_facts(client, &facts);
    return router_match(routes->tcp, &facts);
}

void client_peer_known(struct client *client, struct span first)
{
    struct conn *conn = &client->conn;
    if (!client_admit(client))
        return;
    const struct route *route = client_silent_route(client);
    if (route != NULL) {
        front_tcp_start(client, route, first);
    } else if (!client_routes(client)->serves_tls) {
        conn_start(conn);
        front_http1_start(client, first);
    } else {
        client->idle = first.len == 0;
        conn->handler = &peek_handler;
        conn_set_timeout(conn, conn->worker->settings->weir.client_hello_timeout / NS_PER_MS);
        conn_start(conn);
        if (first.len > 0)
            look_at(client, first);
    }
}

void client_set_peer(struct client *client, const struct sock_address *peer)
{
    client->peer = *peer;
    sock_address_bytes(peer, client->peer_ip);
    sock_address_format(peer, client->peer_text);
}

enum err client_local(const struct client *client, struct sock_address *out)
{
    if (client->proxied == NULL)
        return sock_local(client->conn.fd, out);
    *out = client->proxied->destination;
    return ERR_OK;
}

void client_accept(struct worker *worker, size_t entry, int fd, const struct sock_address *peer)
{
    struct client *client =
        worker->client_count < worker->client_limit ? pool_get(&worker->client_pool) : NULL;
    if (client == NULL) {
        metric_add(&worker->metrics.connections_refused, 1);
        ring_close(&worker->ring, fd);
        return;
    }
    memset(client, 0, sizeof(*client));
    client_set_peer(client, peer);
    conn_init_accepted(&client->conn, worker, fd, &peek_handler);
    client->conn.is_client = true;
    client->entry = entry;
    client->accepted_ms = worker->now_ms;
    buf_init(&client->peeked, (size_t)worker->settings->weir.client_hello_bytes + (64 << 10));
    list_push_back(&worker->clients, &client->link);
    list_push_back(&worker->arriving, &client->arriving_link);
    list_init(&client->hello_link);
    worker->client_count++;
    metric_add(&worker->metrics.connections_accepted, 1);
    metric_add(&worker->metrics.connections_open, 1);
    if (entry < WORKER_ENTRIES_COUNTED)
        metric_add(&worker->open_by_entry[entry], 1);
    if (client_entry(client)->has_proxy_protocol)
        client_proxy_start(client);
    else
        client_peer_known(client, SPAN_EMPTY);
}
