/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The response's side of HTTP/2. Nothing is written here: heads and bodies are
 * queued in the session, and the connection's task writes them when the turn ends. A
 * response that cannot be queued ends its stream.
 */
#include "core/proxy/front_http2_private.h"

static struct front_stream *stream_of(struct exchange *exchange)
{
    return exchange->stream;
}

static void queued(struct front_stream *stream, enum err error)
{
    if (error != ERR_OK)
        h2_reset(&stream->h2, H2_INTERNAL_ERROR);
    front_http2_schedule(stream->client);
}

static void send_informational(struct exchange *exchange, const struct http_response *response)
{
    struct front_stream *stream = stream_of(exchange);
    queued(stream, h2_send_informational(&stream->h2, response));
}

static void send_head(struct exchange *exchange, const struct http_response *response, bool end)
{
    struct front_stream *stream = stream_of(exchange);
    queued(stream, h2_send_response(&stream->h2, response, end));
    front_stream_watch(stream);
}

static void send_body(struct exchange *exchange, struct span data)
{
    struct front_stream *stream = stream_of(exchange);
    queued(stream, h2_send_data(&stream->h2, data));
}

static void send_end(struct exchange *exchange, const struct http_fields *trailers)
{
    struct front_stream *stream = stream_of(exchange);
    queued(stream, h2_send_end(&stream->h2, trailers));
}

/* What is stopped here has H2_DRAINED queued, and goes on below that. */
static size_t room(struct exchange *exchange)
{
    struct front_stream *stream = stream_of(exchange);
    const struct h2_session *session = stream->h2.session;
    if (session == NULL)
        return EXCHANGE_ROOM_ANY;
    size_t most = (size_t)exchange->worker->settings->weir.send_buffer_bytes;
    size_t crowd = most * FRONT_HTTP2_CROWD, all = h2_session_queued(session);
    size_t queued = h2_queued(&stream->h2), window = h2_window(&stream->h2);
    bool untried = queued > 0 && stream->h2.sent == 0;
    if (queued > most || (queued >= H2_DRAINED && (window == 0 || all > crowd)))
        return 0;
    if (window < CONN_RECEIVE_SMALL || untried)
        return CONN_RECEIVE_SMALL;
    if (all <= crowd / 4)
        return window;
    size_t share = 2 * crowd / h2_session_streams(session);
    return share < window ? share : window;
}

static struct conn *splice_sink(struct exchange *exchange)
{
    (void)exchange;
    return NULL; /* frames stand between the bytes */
}

static void resume_body(struct exchange *exchange)
{
    struct front_stream *stream = stream_of(exchange);
    h2_resume(&stream->h2);
    front_stream_watch(stream);
    front_http2_schedule(stream->client);
}

/* The silence is ours now, not the client's. */
static void pause_body(struct exchange *exchange)
{
    struct front_stream *stream = stream_of(exchange);
    h2_pause(&stream->h2);
    front_stream_watch(stream);
}

static void abort_response(struct exchange *exchange)
{
    struct front_stream *stream = stream_of(exchange);
    h2_reset(&stream->h2, H2_INTERNAL_ERROR);
    front_http2_schedule(stream->client);
}

const struct downstream_ops front_http2_ops = {
    .send_informational = send_informational,
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .room = room,
    .splice_sink = splice_sink,
    .resume_body = resume_body,
    .pause_body = pause_body,
    .abort = abort_response,
};
