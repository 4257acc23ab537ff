/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_http weir_base */
/*
 * What an HTTP/2 backend says to a session that has asked it three things. The first
 * byte chooses the methods, in which pieces the bytes come, and whether a stream is
 * paused or given up on the way. What is accepted as a response has nothing in it that
 * another version could not write, content is as long as it says, and every stream ends
 * exactly once.
 */
#include "core/http/h1.h"
#include "core/http/h2.h"

#include <assert.h>
#include <stdlib.h>

#define STREAMS 3

struct asked {
    struct h2_stream h2; /* first member */
    struct arena arena;
    struct http_fields trailers;
    enum http_method method;
    struct http_response response;
    bool has_response, ended, closed, gone;
    uint64_t content;
};

static struct asked asked[STREAMS];
static uint8_t choice;

static struct asked *asked_of(struct h2_stream *h2)
{
    return container_of(h2, struct asked, h2);
}

static void check_clean(const struct http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        assert(field->name.len > 0);
        for (size_t j = 0; j < field->name.len; j++)
            assert(field->name.ptr[j] > ' ' && (field->name.ptr[j] < 'A' ||
                                                field->name.ptr[j] > 'Z'));
        for (size_t j = 0; j < field->value.len; j++)
            assert(field->value.ptr[j] != '\r' && field->value.ptr[j] != '\n' &&
                   field->value.ptr[j] != '\0');
    }
}

static void check_writable(const struct http_response *response)
{
    struct buf out;
    buf_init(&out, 4 << 20);
    enum err error = h1_write_response(&out, response, HTTP_1_1, true);
    assert(error == ERR_OK);
    buf_finish(&out);
}

static void on_head(struct h2_stream *h2, bool end)
{
    struct asked *one = asked_of(h2);
    struct http_response response;
    assert(!one->ended && !one->closed && !one->gone && !one->has_response);
    if (h2_read_response(&h2->head, end, one->method, &response, NULL) != ERR_OK) {
        one->gone = true;
        h2_abandon(h2, H2_PROTOCOL_ERROR);
        return;
    }
    check_clean(&response.fields);
    check_writable(&response);
    if (response.status < 200)
        return;
    one->has_response = true;
    one->response = response;
    one->ended = end;
    if (end)
        assert(response.body == HTTP_BODY_NONE || response.content_length == 0);
}

static void on_data(struct h2_stream *h2, struct span data)
{
    struct asked *one = asked_of(h2);
    assert(one->has_response && !one->ended && !one->closed && !one->gone);
    one->content += data.len;
    assert(one->response.body != HTTP_BODY_LENGTH ||
           one->content <= one->response.content_length);
    assert(one->response.body != HTTP_BODY_NONE || data.len == 0);
    if (choice & 4)
        h2_pause(h2);
    if (choice & 8) {
        one->gone = true;
        h2_abandon(h2, H2_CANCEL);
    }
}

static void on_end(struct h2_stream *h2)
{
    struct asked *one = asked_of(h2);
    assert(one->has_response && !one->ended && !one->closed && !one->gone);
    assert(one->response.body != HTTP_BODY_LENGTH ||
           one->content == one->response.content_length);
    check_clean(&one->trailers);
    one->ended = true;
}

static void on_closed(struct h2_stream *h2, uint32_t error_code)
{
    struct asked *one = asked_of(h2);
    (void)error_code;
    assert(!one->closed && h2->session == NULL);
    one->closed = true;
}

static void on_limit(struct h2_session *session, enum h2_limit limit)
{
    (void)session;
    assert(limit < H2_LIMITS);
}

static enum err write_out(struct h2_session *session, struct span bytes)
{
    size_t *written = h2_session_owner(session);
    *written += bytes.len;
    return ERR_OK;
}

static bool may_write(struct h2_session *session)
{
    (void)session;
    return true;
}

static const struct h2_handler handler = {
    .on_head = on_head,
    .on_data = on_data,
    .on_end = on_end,
    .on_closed = on_closed,
    .on_limit = on_limit,
    .write = write_out,
    .may_write = may_write,
};

static void ask(struct h2_session *session, struct asked *one, enum http_method method)
{
    static const struct span texts[] = {
        [HTTP_METHOD_GET] = {"GET", 3}, [HTTP_METHOD_HEAD] = {"HEAD", 4},
        [HTTP_METHOD_POST] = {"POST", 4}};
    *one = (struct asked){.method = method};
    arena_init(&one->arena, 4096, 1 << 20);
    http_fields_init(&one->trailers, &one->arena);
    h2_stream_init(&one->h2, &one->arena, &one->trailers, 1 << 20);
    struct http_request request = {.method = method, .method_text = texts[method],
                                   .authority = {"a", 1}};
    http_fields_init(&request.fields, &one->arena);
    bool post = method == HTTP_METHOD_POST;
    request.body = post ? HTTP_BODY_CHUNKED : HTTP_BODY_NONE;
    enum err error = h2_send_request(session, &one->h2, &request, SPAN("http"), SPAN("/"), !post);
    assert(error == ERR_OK);
    if (post)
        assert(h2_send_data(&one->h2, SPAN("content")) == ERR_OK);
}

static void feed(struct h2_session *session, struct span bytes)
{
    size_t piece = choice & 1 ? 1 : choice & 2 ? 7 : bytes.len;
    for (int64_t now_ms = 1; bytes.len > 0; now_ms++) {
        struct span next = span_first(bytes, piece < bytes.len ? piece : bytes.len);
        bytes = span_skip(bytes, next.len);
        bool broken = h2_session_receive(session, next, now_ms) != ERR_OK;
        for (size_t i = 0; i < STREAMS; i++) {
            if (choice & 16 && asked[i].h2.paused)
                h2_resume(&asked[i].h2);
        }
        if (h2_session_output(session) != ERR_OK || broken)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct h2_settings settings = {
        .stream_window = 65536, .connection_window = 1 << 20,
        .decoder_table = 4096, .encoder_table = 4096,
        .header_bytes = 8192, .header_count = 64,
        .limits = {[H2_LIMIT_RESETS] = 100, [H2_LIMIT_CONTINUATIONS] = 16,
                   [H2_LIMIT_SETTINGS] = 100, [H2_LIMIT_PINGS] = 100,
                   [H2_LIMIT_EMPTY_FRAMES] = 100, [H2_LIMIT_ANSWERS] = 100}};
    size_t written = 0;
    if (size == 0)
        return 0;
    choice = data[0];
    struct h2_session *session = h2_session_create_client(&settings, &handler, &written);
    assert(session != NULL);
    ask(session, &asked[0], HTTP_METHOD_GET);
    ask(session, &asked[1], choice & 32 ? HTTP_METHOD_HEAD : HTTP_METHOD_GET);
    ask(session, &asked[2], HTTP_METHOD_POST);
    assert(h2_session_output(session) == ERR_OK && written > 24);
    feed(session, span_make(data + 1, size - 1));
    h2_session_destroy(session);
    for (size_t i = 0; i < STREAMS; i++) {
        assert(asked[i].closed);
        h2_stream_finish(&asked[i].h2);
        arena_finish(&asked[i].arena);
    }
    return 0;
}
