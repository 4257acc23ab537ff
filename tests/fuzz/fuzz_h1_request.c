/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_http weir_base */
/*
 * A request head and its body. Beside not crashing, the parser keeps its
 * promises: the same verdict whether the bytes come at once or one by one; no
 * control byte in anything it hands out; and what it accepted, written again
 * and parsed again, is framed the same.
 */
#include "core/http/h1.h"

#include <assert.h>
#include <stdlib.h>

static const struct h1_limits limits = {.head_bytes = 8192, .field_count = 64};

struct verdict {
    enum err error;
    uint16_t status;
    size_t head_len;
    struct http_request request;
};

static struct verdict parse(struct span bytes, struct arena *arena, size_t *scanned)
{
    struct verdict verdict = {0};
    verdict.error = h1_parse_request(bytes, &limits, arena, scanned, &verdict.request,
                                     &verdict.head_len, &verdict.status, NULL);
    return verdict;
}

static void check_clean(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        assert(text.ptr[i] != '\r' && text.ptr[i] != '\n' && text.ptr[i] != '\0');
}

static void check_request(const struct http_request *request)
{
    size_t hosts = 0;
    check_clean(request->method_text);
    check_clean(request->target);
    check_clean(request->host);
    check_clean(request->authority);
    assert(request->path.len > 0 && (request->path.ptr[0] == '/' || request->path.ptr[0] == '*'));
    for (size_t i = 0; i < request->fields.count; i++) {
        const struct http_field *field = &request->fields.items[i];
        check_clean(field->name);
        check_clean(field->value);
        assert(field->name.len > 0 && field->id == http_field_id_of(field->name));
        hosts += field->id == HTTP_FIELD_HOST;
    }
    assert(hosts == 1 || (hosts == 0 && request->version == HTTP_1_0));
    for (size_t i = 0; i < request->host.len; i++)
        assert(request->host.ptr[i] == ascii_lower(request->host.ptr[i]));
}

/* Bytes that come one at a time change nothing, but that what is wrong may be
 * said later: when the head is complete. */
static void check_trickle(struct span bytes, const struct verdict *whole)
{
    struct arena arena;
    struct verdict verdict = {.error = ERR_AGAIN};
    size_t scanned = 0;
    arena_init(&arena, 1024, 1 << 20);
    for (size_t len = 1; len <= bytes.len && verdict.error == ERR_AGAIN; len++)
        verdict = parse(span_first(bytes, len), &arena, &scanned);
    if (verdict.error == ERR_AGAIN)
        assert(whole->error != ERR_OK);
    else
        assert(verdict.error == whole->error && verdict.status == whole->status &&
               verdict.head_len == whole->head_len &&
               verdict.request.body == whole->request.body &&
               verdict.request.content_length == whole->request.content_length);
    arena_finish(&arena);
}

static void check_round_trip(const struct http_request *request, struct arena *arena)
{
    struct buf out;
    size_t scanned = 0;
    buf_init(&out, 1 << 20);
    enum err error = h1_write_request(&out, request, request->target);
    assert(error == ERR_OK);
    struct verdict back = parse(buf_span(&out), arena, &scanned);
    /* Only an authority that came without a Host field can make it differ. */
    if (back.error == ERR_OK) {
        assert(back.head_len == buf_len(&out) && back.request.body == request->body &&
               back.request.content_length == request->content_length);
        assert(span_equal(back.request.host, request->host));
    } else {
        assert(back.error == ERR_LIMIT);
    }
    buf_finish(&out);
}

/* Decodes in steps; returns the verdict, a checksum of the content and what is left. */
static enum err decode(const struct http_request *request, struct span input, size_t step,
                       uint64_t *sum, size_t *left)
{
    struct h1_body body;
    struct arena arena;
    struct http_fields trailers;
    enum err error = ERR_AGAIN;
    arena_init(&arena, 256, 1 << 20);
    http_fields_init(&trailers, &arena);
    h1_body_init(&body, request->body, request->content_length, &limits);
    *sum = 0;
    do {
        struct span piece = span_first(input, step), data;
        struct span rest = piece;
        while ((error = h1_body_decode(&body, &rest, &data, &trailers)) == ERR_OK) {
            assert(data.len > 0 && data.ptr >= piece.ptr &&
                   data.ptr + data.len <= piece.ptr + piece.len);
            for (size_t i = 0; i < data.len; i++)
                *sum = *sum * 31 + (uint8_t)data.ptr[i] + 1;
        }
        input = span_skip(input, piece.len - rest.len);
    } while (error == ERR_AGAIN && input.len > 0);
    *left = input.len;
    for (size_t i = 0; i < trailers.count; i++)
        assert(trailers.items[i].id == HTTP_FIELD_OTHER);
    h1_body_finish(&body);
    arena_finish(&arena);
    return error;
}

static void check_body(const struct http_request *request, struct span input)
{
    uint64_t sum, sum_bytes;
    size_t left, left_bytes;
    enum err error = decode(request, input, SIZE_MAX, &sum, &left);
    enum err error_bytes = decode(request, input, 1, &sum_bytes, &left_bytes);
    assert(error == error_bytes && sum == sum_bytes);
    if (error == ERR_CLOSED)
        assert(left == left_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make(data, size);
    struct arena arena;
    size_t scanned = 0;
    arena_init(&arena, 4096, 1 << 20);
    struct verdict whole = parse(bytes, &arena, &scanned);
    if (size <= 2048)
        check_trickle(bytes, &whole);
    if (whole.error == ERR_OK) {
        check_request(&whole.request);
        if (whole.request.method != HTTP_METHOD_CONNECT && whole.request.version != HTTP_1_0)
            check_round_trip(&whole.request, &arena);
        check_body(&whole.request, span_skip(bytes, whole.head_len));
        char *copy = malloc(size + 1);
        assert(copy != NULL);
        memcpy(copy, data, size);
        h1_request_rebase(&whole.request, (const char *)data, size, copy);
        check_request(&whole.request);
        free(copy);
    }
    arena_finish(&arena);
    return 0;
}
