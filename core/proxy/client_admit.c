/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An answer costs a connection that lingers until the client has read it, so only
 * some of the refused get one: an attacker's crowd is closed at once.
 */
#include "core/proxy/client_admit.h"

#include "core/proxy/client.h"

#define ANSWERS_PER_SECOND 50 /* of a worker */

static bool serves_only_http(const struct client *client)
{
    return !client_routes(client)->serves_tls && client_silent_route(client) == NULL;
}

static void refuse(struct client *client)
{
    static const char answer[] =
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Connection: close\r\nContent-Length: 40\r\n\r\n"
        "Too many connections from your address.\n";
    struct conn *conn = &client->conn;
    struct worker *worker = conn->worker;
    bool answered =
        serves_only_http(client) &&
        !rate_exceeded(&worker->refusals, ANSWERS_PER_SECOND, worker->now_ms) &&
        conn_write(conn, span_make(answer, sizeof(answer) - 1)) == ERR_OK;
    if (answered)
        conn_close_after_flush(conn, true);
    else
        conn_close(conn);
}

bool client_admit(struct client *client)
{
    struct worker *worker = client->conn.worker;
    if (worker->addresses == NULL ||
        address_counts_enter(worker->addresses, client->peer_ip, &client->counted))
        return true;
    metric_add(&worker->metrics.connections_refused, 1);
    limit_report(client, LIMIT_OF_CONNECTIONS_PER_ADDRESS);
    refuse(client);
    return false;
}
