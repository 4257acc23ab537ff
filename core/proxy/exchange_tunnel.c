/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 101 Switching Protocols (RFC 9110 §7.8): the response head is passed on as it
 * is, then both connections are given to a tunnel with what was read beyond. Where
 * the client's connection carries more than this request (RFC 8441), it is told 200,
 * and the bodies are what the backend's connection carries.
 */
#include "core/proxy/exchange_private.h"

#include "core/proxy/tunnel.h"

#define HALF_CLOSED_MS 10000 /* how long one side may go on alone */

static void on_tunnel_end(void *owner, uint64_t to_b, uint64_t to_a, enum err error)
{
    struct exchange *exchange = owner;
    (void)error;
    metric_sub(&exchange->worker->metrics.tunnels_open, 1);
    exchange->request_bytes += to_b;
    exchange->response_bytes += to_a;
    exchange->response_ended = true;
    exchange->upstream_duration_ns = exchange_now_ns(exchange) - exchange->upstream_started_ns;
    exchange_set_state(exchange, EXCHANGE_DONE);
    exchange->downstream->tunnel_ended(exchange);
}

static void refuse(struct exchange *exchange, const char *why)
{
    exchange_leave_upstream(exchange);
    exchange_upstream_failed(exchange, ERR_PROTOCOL, UPSTREAM_FAILED, why);
}

/* RFC 8441 §5. */
static void respond_with_bytes(struct exchange *exchange)
{
    struct http_response *response = &exchange->response;
    response->status = 200;
    response->reason = SPAN_EMPTY;
    response->body = HTTP_BODY_UNTIL_CLOSE;
    http_fields_remove_hop_by_hop(&response->fields);
    http_fields_remove(&response->fields, SPAN("Sec-WebSocket-Accept"));
    exchange_respond(exchange, false);
    if (exchange->upstream != NULL)
        exchange_switch_to_bytes(exchange);
}

static void join(struct exchange *exchange)
{
    struct span from_client, from_server;
    exchange->status = 101;
    exchange->response_started = true;
    exchange_set_state(exchange, EXCHANGE_TUNNEL);
    exchange->downstream->send_informational(exchange, &exchange->response);
    struct conn *client = exchange->downstream->take_tunnel(exchange, &from_client);
    struct conn *server = upstream_take_tunnel(exchange->upstream, &from_server);
    struct tunnel_settings settings = {
        .termination_delay_ms = HALF_CLOSED_MS,
        .may_splice = client->tls == NULL && server->tls == NULL,
    };
    if (tunnel_start(client, server, from_client, from_server, &settings, on_tunnel_end,
                     exchange) != ERR_OK) {
        exchange->failure = "out of memory";
        conn_close(server);
        exchange->downstream->abort(exchange);
        return;
    }
    metric_add(&exchange->worker->metrics.tunnels_open, 1);
}

/* The client's connection carries more than this request. */
static bool goes_as_bytes(const struct exchange *exchange)
{
    return exchange->downstream->take_tunnel == NULL;
}

bool exchange_mistakes_tunnel(struct exchange *exchange)
{
    uint16_t status = exchange->response.status;
    if (!exchange->upgrade || !goes_as_bytes(exchange) || status < 200 || status > 299)
        return false;
    refuse(exchange, "the backend answered without switching protocols");
    return true;
}

void exchange_tunnel(struct exchange *exchange)
{
    bool as_bytes = goes_as_bytes(exchange);
    if (!exchange->upgrade || (!as_bytes && !exchange->request_ended))
        refuse(exchange, "the backend switched protocols unasked");
    else if (as_bytes)
        respond_with_bytes(exchange);
    else
        join(exchange);
}
