/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream's life within its session, and the session's early end, which each part
 * may ask for.
 */
#include "core/http/h2_private.h"

void h2_stream_init(struct h2_stream *stream, struct arena *arena, struct http_fields *trailers,
                    size_t out_max)
{
    *stream = (struct h2_stream){.arena = arena, .trailers = trailers};
    list_init(&stream->link);
    http_fields_init(&stream->head.fields, arena);
    buf_init(&stream->out, out_max);
}

void h2_stream_finish(struct h2_stream *stream)
{
    buf_finish(&stream->out);
}

void h2_link(struct h2_session *session, struct h2_stream *stream, int32_t id)
{
    stream->session = session;
    stream->id = id;
    list_push_back(&session->streams, &stream->link);
    session->stream_count++;
}

void h2_close(struct h2_stream *stream, uint32_t error_code)
{
    struct h2_session *session = stream->session;
    list_remove(&stream->link);
    session->stream_count--;
    session->queued -= buf_len(&stream->out);
    buf_clear(&stream->out);
    if (stream->unconsumed > 0 && !session->failed)
        nghttp2_session_consume_connection(session->ng, stream->unconsumed);
    stream->unconsumed = 0;
    stream->session = NULL;
    session->handler->on_closed(stream, error_code);
}

void h2_session_end(struct h2_session *session, uint32_t error_code)
{
    if (session->ended)
        return;
    session->ended = true;
    (void)!nghttp2_session_terminate_session(session->ng, error_code);
}
