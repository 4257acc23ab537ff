/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes out. Bodies wait in the stream and are copied once, into what the
 * connection sends.
 */
#include "core/http/h2_private.h"

#include "core/http/h2_list.h"

/* ---- bodies ---- */

static int send_trailers(nghttp2_session *ng, struct h2_stream *stream)
{
    struct h2_list list;
    if (h2_trailer_list(&list, stream->arena, stream->out_trailers, stream->session->server) !=
        ERR_OK)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return nghttp2_submit_trailer(ng, stream->id, list.items, list.count);
}

/* How much of what waits goes into one frame. */
static ssize_t read_body(nghttp2_session *ng, int32_t id, uint8_t *place, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)id, (void)place, (void)user;
    struct h2_stream *stream = source->ptr;
    size_t waiting = buf_len(&stream->out), len = waiting < room ? waiting : room;
    if (len == 0 && !stream->local_ended) {
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (len < waiting || !stream->local_ended)
        return (ssize_t)len;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->out_trailers == NULL)
        return (ssize_t)len;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return send_trailers(ng, stream) == 0 ? (ssize_t)len : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int send_frame(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *header,
                      size_t len, nghttp2_data_source *source, void *user)
{
    (void)ng, (void)frame;
    struct h2_session *session = user;
    struct h2_stream *stream = source->ptr;
    if (!session->handler->may_write(session))
        return NGHTTP2_ERR_WOULDBLOCK;
    struct span body = span_first(buf_span(&stream->out), len);
    if (session->handler->write(session, span_make(header, 9)) != ERR_OK ||
        session->handler->write(session, body) != ERR_OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    size_t before = buf_len(&stream->out);
    h2_owe_updates_for(session, len, len == before);
    buf_consume(&stream->out, len);
    stream->sent += len;
    session->queued -= len;
    if (before == len)
        buf_release(&stream->out);
    if (before >= H2_DRAINED && before - len < H2_DRAINED &&
        session->handler->on_drained != NULL)
        session->handler->on_drained(stream);
    return 0;
}

size_t h2_window(const struct h2_stream *stream)
{
    const struct h2_session *session = stream->session;
    if (session == NULL)
        return SIZE_MAX;
    int64_t shared = (int64_t)nghttp2_session_get_remote_window_size(session->ng) -
                     (int64_t)session->queued;
    int64_t own = (int64_t)nghttp2_session_get_stream_remote_window_size(session->ng, stream->id) -
                  (int64_t)buf_len(&stream->out);
    int64_t least = own < shared ? own : shared;
    return least > 0 ? (size_t)least : 0;
}

static void wake(struct h2_stream *stream)
{
    if (!stream->deferred)
        return;
    stream->deferred = false;
    (void)!nghttp2_session_resume_data(stream->session->ng, stream->id);
}

/* ---- what the owner calls ---- */

static nghttp2_data_provider body_of(struct h2_stream *stream)
{
    return (nghttp2_data_provider){.source = {.ptr = stream}, .read_callback = read_body};
}

static enum err result(int error)
{
    if (error >= 0)
        return ERR_OK;
    return error == NGHTTP2_ERR_NOMEM ? ERR_NOMEM : ERR_CLOSED;
}

enum err h2_send_informational(struct h2_stream *stream, const struct http_response *response)
{
    struct h2_list list;
    if (stream->session == NULL)
        return ERR_CLOSED;
    TRY(h2_response_list(&list, stream->arena, response));
    return result(nghttp2_submit_headers(stream->session->ng, NGHTTP2_FLAG_NONE, stream->id, NULL,
                                         list.items, list.count, NULL));
}

enum err h2_send_response(struct h2_stream *stream, const struct http_response *response, bool end)
{
    struct h2_list list;
    if (stream->session == NULL)
        return ERR_CLOSED;
    TRY(h2_response_list(&list, stream->arena, response));
    nghttp2_data_provider body = body_of(stream);
    stream->local_ended = end;
    return result(nghttp2_submit_response(stream->session->ng, stream->id, list.items, list.count,
                                          end ? NULL : &body));
}

enum err h2_send_request(struct h2_session *session, struct h2_stream *stream,
                         const struct http_request *request, struct span scheme,
                         struct span target, bool end)
{
    struct h2_list list;
    TRY(h2_request_list(&list, stream->arena, request, scheme, target));
    nghttp2_data_provider body = body_of(stream);
    int32_t id = nghttp2_submit_request(session->ng, NULL, list.items, list.count,
                                        end ? NULL : &body, stream);
    if (id < 0)
        return result(id);
    stream->local_ended = end;
    h2_link(session, stream, id);
    return ERR_OK;
}

enum err h2_send_data(struct h2_stream *stream, struct span data)
{
    if (stream->session == NULL || stream->local_ended)
        return ERR_CLOSED;
    if (data.len == 0)
        return ERR_OK;
    TRY(buf_append(&stream->out, data));
    stream->session->queued += data.len;
    wake(stream);
    return ERR_OK;
}

enum err h2_send_end(struct h2_stream *stream, const struct http_fields *trailers)
{
    if (stream->session == NULL || stream->local_ended)
        return ERR_CLOSED;
    stream->local_ended = true;
    stream->out_trailers = trailers != NULL && trailers->count > 0 ? trailers : NULL;
    wake(stream);
    return ERR_OK;
}

void h2_reset(struct h2_stream *stream, uint32_t error_code)
{
    if (stream->session != NULL)
        (void)!nghttp2_submit_rst_stream(stream->session->ng, NGHTTP2_FLAG_NONE, stream->id,
                                         error_code);
}

void h2_abandon(struct h2_stream *stream, uint32_t error_code)
{
    bool over = stream->remote_ended && stream->local_ended && buf_len(&stream->out) == 0;
    if (!over || stream->out_trailers != NULL)
        h2_reset(stream, error_code);
    stream->arena = NULL;
    stream->trailers = NULL;
    stream->out_trailers = NULL;
    h2_resume(stream);
}

void h2_pause(struct h2_stream *stream)
{
    stream->paused = true;
}

void h2_resume(struct h2_stream *stream)
{
    stream->paused = false;
    if (stream->session == NULL || stream->unconsumed == 0)
        return;
    (void)!nghttp2_session_consume(stream->session->ng, stream->id, stream->unconsumed);
    stream->unconsumed = 0;
}

void h2_widen(struct h2_stream *stream, uint32_t window)
{
    if (stream->session != NULL)
        (void)!nghttp2_session_set_local_window_size(stream->session->ng, NGHTTP2_FLAG_NONE,
                                                     stream->id, (int32_t)window);
}

/* RFC 9113 §8.1: the rest of a request that is answered already is not wanted. */
static int on_frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *session = user;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        struct h2_stream *stream = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
        if (stream != NULL)
            stream->begun = true;
        h2_owe_updates(session, H2_UPDATES_OF_STREAM);
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        h2_count_reset(session, frame->rst_stream.error_code, true);
        return 0;
    }
    bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
                frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (ends && session->server &&
        nghttp2_session_get_stream_remote_close(ng, frame->hd.stream_id) == 0)
        (void)!nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, H2_NO_ERROR);
    return 0;
}

void h2_send_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
}
