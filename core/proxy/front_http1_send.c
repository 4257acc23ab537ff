/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The response's side of HTTP/1.x: framing for the version that the client
 * speaks, and whether its connection may go on. A write that fails is noticed
 * at the end of the turn.
 */
#include "core/proxy/front_http1_private.h"

#include "core/base/clock.h"
#include "core/proxy/exchange_pool.h"

#define CHUNK_LINE_MAX 32

static void write_or_break(struct client *client, struct span bytes)
{
    if (conn_write(&client->conn, bytes) == ERR_OK)
        return;
    client->http1.broken = true;
    front_http1_settle(client);
}

static void write_head(struct client *client, const struct http_response *response,
                       enum http_version version, bool keep_alive)
{
    struct buf *wire = exchange_pool_wire(client->conn.worker);
    if (h1_write_response(wire, response, version, keep_alive) == ERR_OK) {
        write_or_break(client, buf_span(wire));
        return;
    }
    client->http1.broken = true;
    front_http1_settle(client);
}

static void send_informational(struct exchange *exchange, const struct http_response *response)
{
    if (exchange->request.version != HTTP_1_0)
        write_head(exchange->client, response, HTTP_1_1, true);
}

/* RFC 9112 §9.3, and our own reasons to end a connection. */
static bool may_keep_alive(const struct exchange *exchange, bool end)
{
    const struct client *client = exchange->client;
    const struct front_http1 *front = &client->http1;
    const struct model_entry_point *entry = client_entry(client);
    const struct worker *worker = client->conn.worker;
    int64_t age_ms = worker->now_ms - front->opened_ms;
    bool local = exchange->upstream == NULL; /* nobody will read the rest of the request */
    bool unread = !front->request_complete && !front->request_whole;
    if (!exchange->request.keep_alive || worker_wants_room(worker) || front->discard)
        return false;
    if ((unread && (end || local)) || conn_is_worn(&client->conn))
        return false;
    if (entry->keep_alive_max_requests > 0 &&
        front->requests >= (uint64_t)entry->keep_alive_max_requests)
        return false;
    return entry->keep_alive_max_time <= 0 || age_ms < entry->keep_alive_max_time / NS_PER_MS;
}

static void finish_response(struct client *client)
{
    client->http1.response_complete = true;
    front_http1_settle(client);
}

static void send_head(struct exchange *exchange, const struct http_response *response, bool end)
{
    struct client *client = exchange->client;
    struct front_http1 *front = &client->http1;
    enum http_version version = exchange->request.version;
    struct http_response framed = *response;
    front->keep_alive = may_keep_alive(exchange, end);
    if (framed.body == HTTP_BODY_CHUNKED || framed.body == HTTP_BODY_UNTIL_CLOSE) {
        framed.body = version == HTTP_1_0 ? HTTP_BODY_UNTIL_CLOSE : HTTP_BODY_CHUNKED;
        if (framed.body == HTTP_BODY_UNTIL_CLOSE)
            front->keep_alive = false;
    }
    front->response_chunked = framed.body == HTTP_BODY_CHUNKED;
    write_head(client, &framed, version, front->keep_alive);
    if (end)
        finish_response(client);
}

static void send_body(struct exchange *exchange, struct span data)
{
    struct client *client = exchange->client;
    if (!client->http1.response_chunked) {
        write_or_break(client, data);
        return;
    }
    char memory[CHUNK_LINE_MAX];
    struct buf line;
    buf_init_fixed(&line, memory, sizeof(memory));
    if (h1_write_chunk_start(&line, data.len) == ERR_OK)
        write_or_break(client, buf_span(&line));
    write_or_break(client, data);
    write_or_break(client, H1_CHUNK_END);
}

static void send_end(struct exchange *exchange, const struct http_fields *trailers)
{
    struct client *client = exchange->client;
    if (client->http1.response_chunked) {
        struct buf *wire = exchange_pool_wire(client->conn.worker);
        if (h1_write_last_chunk(wire, trailers) == ERR_OK)
            write_or_break(client, buf_span(wire));
        else
            client->http1.broken = true;
    }
    finish_response(client);
}

static size_t room(struct exchange *exchange)
{
    return conn_is_congested(&exchange->client->conn) ? 0 : EXCHANGE_ROOM_ANY;
}

/* Middlewares have changed heads at most: there is none that looks into bodies. */
static struct conn *splice_sink(struct exchange *exchange)
{
    struct client *client = exchange->client;
    bool as_it_is = client->is_tls && !client->http1.response_chunked && !client->http1.broken;
    return as_it_is && conn_takes_splice(&client->conn) ? &client->conn : NULL;
}

static void resume_body(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (client->http1.request_complete || client->http1.discard)
        return;
    front_http1_watch_body(client, true);
    conn_resume(&client->conn);
}

/* The silence is ours now, not the client's. */
static void pause_body(struct exchange *exchange)
{
    struct client *client = exchange->client;
    conn_pause(&client->conn);
    front_http1_watch_body(client, false);
}

static struct conn *take_tunnel(struct exchange *exchange, struct span *early)
{
    struct client *client = exchange->client;
    struct front_http1 *front = &client->http1;
    *early = arena_span(&exchange->arena, buf_span(&front->input));
    buf_finish(&front->input);
    front_http1_set_state(front, FRONT_HTTP1_TUNNEL);
    conn_set_timeout(&client->conn, 0);
    return &client->conn;
}

/* A length or chunks that stop short tell the client by themselves; a body that
 * ends with the connection needs a reset. */
static void abort_response(struct exchange *exchange)
{
    struct client *client = exchange->client;
    struct front_http1 *front = &client->http1;
    bool until_close = exchange->response.body == HTTP_BODY_UNTIL_CLOSE ||
                       exchange->response.body == HTTP_BODY_CHUNKED;
    bool tunnel = front->state == FRONT_HTTP1_TUNNEL;
    front_http1_set_state(front, FRONT_HTTP1_CLOSING);
    if (tunnel || (until_close && !front->response_chunked))
        conn_abort(&client->conn);
    else
        conn_close_after_flush(&client->conn, false);
}

const struct downstream_ops front_http1_ops = {
    .send_informational = send_informational,
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .room = room,
    .splice_sink = splice_sink,
    .resume_body = resume_body,
    .pause_body = pause_body,
    .take_tunnel = take_tunnel,
    .tunnel_ended = front_http1_tunnel_ended,
    .abort = abort_response,
};
