/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_http weir_base */
/*
 * What a client of HTTP/2 may send behind its preface, in pieces of any size, to a
 * server that answers every request, with back-pressure now and then. Beside not
 * crashing: every stream that begins is closed once and nothing is told of it
 * afterwards; and a request that was accepted is, written as HTTP/1, one request that
 * routes and is framed the same.
 */
#include "core/http/h1.h"
#include "core/http/h2.h"

#include "core/base/limits.h"

#include <assert.h>
#include <stdlib.h>

#define FIELD_LIMIT 100

struct served {
    struct h2_stream h2; /* first member */
    struct arena arena;
    struct http_fields trailers, sent_trailers;
    bool headed, ended;
};

struct server {
    size_t open;
    size_t written;
    uint8_t mood; /* of the input: what is answered, and when */
};

static struct served *served_of(struct h2_stream *h2)
{
    return (struct served *)h2;
}

static struct server *server_of(const struct h2_session *session)
{
    return h2_session_owner(session);
}

static struct h2_stream *on_stream(struct h2_session *session)
{
    struct served *served = calloc(1, sizeof(*served));
    assert(served != NULL);
    arena_init(&served->arena, 1024, 1 << 20);
    http_fields_init(&served->trailers, &served->arena);
    http_fields_init(&served->sent_trailers, &served->arena);
    (void)!http_fields_add(&served->sent_trailers, SPAN("X-Sum"), SPAN("1"));
    h2_stream_init(&served->h2, &served->arena, &served->trailers, 1 << 20);
    server_of(session)->open++;
    return &served->h2;
}

/* What HTTP/1 makes of it. */
static void check_as_http1(const struct http_request *request)
{
    static const struct h1_limits limits = {1 << 20, LIMIT_HEADERS};
    struct arena arena;
    struct buf wire;
    struct http_request back;
    size_t scanned = 0, head_len;
    uint16_t status;
    struct err_text why;
    arena_init(&arena, 1024, 8 << 20);
    buf_init(&wire, 8 << 20);
    enum err error = h1_write_request(&wire, request, request->target);
    assert(error == ERR_OK);
    error = h1_parse_request(buf_span(&wire), &limits, &arena, &scanned, &back, &head_len, &status,
                             &why);
    if (error == ERR_OK) {
        assert(head_len == buf_len(&wire));
        assert(span_equal(back.host, request->host) && span_equal(back.path, request->path));
        assert(back.method == request->method && back.body == request->body);
        assert(back.content_length == request->content_length);
    } else {
        assert(error == ERR_LIMIT || status == 417);
    }
    buf_finish(&wire);
    arena_finish(&arena);
}

static void answer(struct h2_stream *h2)
{
    struct served *served = served_of(h2);
    struct http_response response = {.status = 200, .body = HTTP_BODY_CHUNKED};
    uint8_t mood = server_of(h2->session)->mood;
    http_fields_init(&response.fields, &served->arena);
    (void)!http_fields_add(&response.fields, SPAN("X-Served"), SPAN("yes"));
    if (h2_send_response(h2, &response, mood & 1) != ERR_OK || mood & 1)
        return;
    (void)!h2_send_data(h2, SPAN("some bytes of a body"));
    if (mood & 2)
        h2_reset(h2, H2_INTERNAL_ERROR);
    else
        (void)!h2_send_end(h2, &served->sent_trailers);
}

static void on_head(struct h2_stream *h2, bool end)
{
    struct served *served = served_of(h2);
    struct http_request request;
    struct err_text why;
    uint16_t status = 0;
    assert(!served->headed && !served->ended);
    served->headed = true;
    served->ended = end;
    enum err error = h2_read_request(&h2->head, end, FIELD_LIMIT, &served->arena, &request,
                                     &status, &why);
    assert(error == ERR_OK || (status >= 400 && status < 600));
    if (error == ERR_OK && request.method != HTTP_METHOD_CONNECT)
        check_as_http1(&request);
    if (server_of(h2->session)->mood & 4)
        h2_pause(h2);
    answer(h2);
}

static void on_data(struct h2_stream *h2, struct span data)
{
    assert(served_of(h2)->headed && !served_of(h2)->ended && data.len > 0);
    if (data.ptr[0] & 1)
        h2_resume(h2);
}

static void on_end(struct h2_stream *h2)
{
    assert(served_of(h2)->headed && !served_of(h2)->ended);
    served_of(h2)->ended = true;
    for (size_t i = 0; i < h2->trailers->count; i++)
        assert(h2->trailers->items[i].name.len > 0 && h2->trailers->items[i].name.ptr[0] != ':');
}

static void on_closed(struct h2_stream *h2, uint32_t error_code)
{
    struct served *served = served_of(h2);
    (void)error_code;
    h2_stream_finish(h2);
    arena_finish(&served->arena);
    free(served);
}

static void on_limit(struct h2_session *session, enum h2_limit limit)
{
    (void)session;
    assert(limit < H2_LIMITS);
}

static enum err write_out(struct h2_session *session, struct span bytes)
{
    server_of(session)->written += bytes.len;
    return ERR_OK;
}

/* Now and then the connection takes no more. */
static bool may_write(struct h2_session *session)
{
    return !(server_of(session)->mood & 8) || server_of(session)->written % 7 != 0;
}

static const struct h2_handler handler = {
    .on_stream = on_stream,
    .on_head = on_head,
    .on_data = on_data,
    .on_end = on_end,
    .on_closed = on_closed,
    .on_limit = on_limit,
    .write = write_out,
    .may_write = may_write,
};

static const struct h2_settings settings = {
    .max_concurrent_streams = 20,
    .stream_window = 65536,
    .connection_window = 1 << 20,
    .decoder_table = 4096,
    .encoder_table = 4096,
    .header_bytes = 8192,
    .header_count = FIELD_LIMIT,
    .extended_connect = true,
    .limits = {[H2_LIMIT_RESETS] = 20, [H2_LIMIT_CONTINUATIONS] = 8, [H2_LIMIT_SETTINGS] = 10,
               [H2_LIMIT_PINGS] = 10, [H2_LIMIT_EMPTY_FRAMES] = 10, [H2_LIMIT_ANSWERS] = 100},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct server server = {.mood = data[0]};
    size_t step = data[1] == 0 ? size : data[1];
    struct h2_session *session = h2_session_create_server(&settings, &handler, &server);
    assert(session != NULL);
    enum err error = h2_session_receive(session, H2_PREFACE, 1);
    for (size_t at = 2; at < size && error == ERR_OK && !h2_session_is_over(session);
         at += step) {
        size_t len = size - at < step ? size - at : step;
        error = h2_session_receive(session, span_make(data + at, len), (int64_t)at);
        if (h2_session_output(session) != ERR_OK)
            break;
    }
    h2_session_destroy(session);
    return 0;
}
