/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What nghttp2 tells us of the peer's frames. It has checked the framing, the
 * states and the windows, and of messages what RFC 9113 §8 calls malformed: such
 * streams it resets itself.
 */
#include "core/http/h2_private.h"

#define FIELD_OVERHEAD 32 /* RFC 9113 §6.5.2 */
#define HEADS_TOO_LARGE 16 /* times the limit, and the session ends */

static struct h2_stream *stream_of(nghttp2_session *ng, int32_t id)
{
    return nghttp2_session_get_stream_user_data(ng, id);
}

static int refuse(nghttp2_session *ng, int32_t id, uint32_t error_code)
{
    (void)!nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, id, error_code);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* A session that has ended looks at nothing more, to the rest of a head even. */
static int verdict(const struct h2_session *session)
{
    return session->ended ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *header, void *user)
{
    (void)ng;
    ((struct h2_session *)user)->continued = header->type == NGHTTP2_CONTINUATION;
    /* RFC 9113 §6.3. nghttp2 does not look at priorities that it was told to leave alone. */
    if (header->type == NGHTTP2_PRIORITY && header->stream_id == 0)
        h2_session_end(user, H2_PROTOCOL_ERROR);
    return 0;
}

/* ---- heads ---- */

static int begin_request(struct h2_session *session, int32_t id)
{
    struct h2_stream *stream =
        session->ended ? NULL : session->handler->on_stream(session);
    if (stream == NULL)
        return refuse(session->ng, id, H2_REFUSED_STREAM);
    h2_owe_updates(session, H2_UPDATES_OF_STREAM);
    h2_link(session, stream, id);
    (void)!nghttp2_session_set_stream_user_data(session->ng, id, stream);
    return 0;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *session = user;
    int32_t id = frame->hd.stream_id;
    session->head_stream = id;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        return begin_request(session, id);
    struct h2_stream *stream = stream_of(ng, id);
    if (stream != NULL && !stream->head_done) { /* a response, perhaps behind a 1xx */
        stream->head = (struct h2_head){.bytes = stream->head.bytes};
        http_fields_init(&stream->head.fields, stream->arena);
    }
    return 0;
}

static struct span *pseudo_of(struct h2_head *head, struct span name)
{
    if (span_equal(name, SPAN(":method")))
        return &head->method;
    if (span_equal(name, SPAN(":path")))
        return &head->path;
    if (span_equal(name, SPAN(":scheme")))
        return &head->scheme;
    if (span_equal(name, SPAN(":authority")))
        return &head->authority;
    return span_equal(name, SPAN(":protocol")) ? &head->protocol : NULL;
}

static enum err keep_pseudo(struct h2_stream *stream, struct span name, struct span value)
{
    struct h2_head *head = &stream->head;
    if (span_equal(name, SPAN(":status"))) {
        head->status = 0;
        for (size_t i = 0; i < value.len && i < 3; i++)
            head->status = (uint16_t)(head->status * 10 + (value.ptr[i] - '0'));
        return ERR_OK;
    }
    struct span *place = pseudo_of(head, name);
    if (place == NULL || stream->head_done)
        return ERR_SYNTAX;
    *place = arena_span(stream->arena, value);
    return place->ptr != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err keep_field(struct h2_stream *stream, struct span name, struct span value)
{
    struct http_fields *fields = stream->head_done ? stream->trailers : &stream->head.fields;
    enum http_field_id id = http_field_id_of(name);
    if (stream->head_done && !http_field_may_trail(id, name))
        return ERR_OK;
    value = arena_span(stream->arena, value);
    if (value.ptr == NULL)
        return ERR_NOMEM;
    if (id != HTTP_FIELD_OTHER)
        return http_fields_put(fields, (struct http_field){http_field_name(id), value, id});
    name = arena_span(stream->arena, name);
    return name.ptr != NULL ? http_fields_put(fields, (struct http_field){name, value, id})
                            : ERR_NOMEM;
}

static enum err keep(struct h2_session *session, struct h2_stream *stream, struct span name,
                     struct span value)
{
    struct h2_head *head = &stream->head;
    const struct h2_settings *settings = &session->settings;
    if (stream->arena == NULL)
        return ERR_OK;
    head->bytes += name.len + value.len + FIELD_OVERHEAD;
    if (head->bytes / HEADS_TOO_LARGE > settings->header_bytes)
        h2_exceeded(session, H2_LIMIT_HEADER_BYTES);
    size_t count = head->fields.count + (stream->trailers != NULL ? stream->trailers->count : 0);
    if (head->bytes > settings->header_bytes || count >= settings->header_count)
        head->too_large = true;
    if (head->too_large)
        return ERR_OK;
    if (name.len > 0 && name.ptr[0] == ':')
        return keep_pseudo(stream, name, value);
    return keep_field(stream, name, value);
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)flags;
    struct h2_stream *stream = stream_of(ng, frame->hd.stream_id);
    if (stream == NULL)
        return 0;
    switch (keep(user, stream, span_make(name, name_len), span_make(value, value_len))) {
    case ERR_OK:
        return verdict(user);
    case ERR_NOMEM:
        return refuse(ng, frame->hd.stream_id, H2_INTERNAL_ERROR);
    case ERR_LIMIT:
        stream->head.too_large = true;
        return 0;
    default:
        return refuse(ng, frame->hd.stream_id, H2_PROTOCOL_ERROR);
    }
}

/* What nghttp2 would leave out in silence is malformed to us. */
static int on_invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                             size_t name_len, const uint8_t *value, size_t value_len,
                             uint8_t flags, void *user)
{
    (void)name, (void)name_len, (void)value, (void)value_len, (void)flags, (void)user;
    return refuse(ng, frame->hd.stream_id, H2_PROTOCOL_ERROR);
}

/* ---- whole frames ---- */

static void end_of_remote(struct h2_session *session, struct h2_stream *stream)
{
    stream->remote_ended = true;
    if (stream->arena != NULL)
        session->handler->on_end(stream);
}

static void on_headers_frame(struct h2_session *session, struct h2_stream *stream,
                             const nghttp2_frame *frame)
{
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (stream->head_done) {
        if (stream->head.too_large)
            h2_reset(stream, H2_ENHANCE_YOUR_CALM);
        else if (end)
            end_of_remote(session, stream);
        return;
    }
    stream->head_done = session->server || stream->head.status >= 200;
    stream->remote_ended = end;
    if (stream->arena != NULL)
        session->handler->on_head(stream, end);
}

static int on_frame_recv(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *session = user;
    struct h2_stream *stream =
        frame->hd.stream_id != 0 ? stream_of(ng, frame->hd.stream_id) : NULL;
    if (frame->hd.type == NGHTTP2_HEADERS)
        session->head_stream = 0;
    if (session->ended)
        return 0;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (stream != NULL)
            on_headers_frame(session, stream, frame);
        break;
    case NGHTTP2_DATA:
        if (stream != NULL && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
            end_of_remote(session, stream);
        break;
    case NGHTTP2_RST_STREAM:
        h2_count_reset(session, frame->rst_stream.error_code, false);
        break;
    case NGHTTP2_SETTINGS:
        session->settled = true;
        break;
    default:
        break;
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t len, void *user)
{
    (void)flags;
    struct h2_session *session = user;
    struct h2_stream *stream = stream_of(ng, id);
    if (stream == NULL || session->ended)
        return nghttp2_session_consume_connection(ng, len);
    stream->unconsumed += len;
    if (stream->arena != NULL)
        session->handler->on_data(stream, span_make(data, len));
    if (!stream->paused)
        h2_resume(stream);
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t error_code, void *user)
{
    struct h2_session *session = user;
    struct h2_stream *stream = stream_of(ng, id);
    if (session->head_stream == id)
        session->head_stream = 0;
    if (stream != NULL)
        h2_close(stream, error_code);
    return 0;
}

/* Why nghttp2 is about to end the session. */
static int on_error(nghttp2_session *ng, int code, const char *text, size_t len, void *user)
{
    (void)ng, (void)code;
    struct h2_session *session = user;
    if (session->failure.text[0] == '\0')
        (void)!err_set(&session->failure, ERR_PROTOCOL, "%.*s", (int)len, text);
    return 0;
}

void h2_receive_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
}
