/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_http weir_base */
/*
 * A response head; the first byte chooses the request's method. The verdict is
 * the same however the bytes come, nothing handed out has control bytes, and
 * what was accepted is framed the same after it was written and parsed again.
 */
#include "core/http/h1.h"

#include <assert.h>
#include <stdlib.h>

static const struct h1_limits limits = {.head_bytes = 8192, .field_count = 64};

static enum err parse(struct span bytes, enum http_method method, struct arena *arena,
                      size_t *scanned, struct http_response *response, size_t *head_len)
{
    return h1_parse_response(bytes, &limits, arena, scanned, method, response, head_len, NULL);
}

static void check_clean(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        assert(text.ptr[i] != '\r' && text.ptr[i] != '\n' && text.ptr[i] != '\0');
}

static void check_trickle(struct span bytes, enum http_method method, enum err error,
                          const struct http_response *response, size_t head_len)
{
    struct arena arena;
    struct http_response again = {0};
    enum err error_again = ERR_AGAIN;
    size_t scanned = 0, head_len_again = 0;
    arena_init(&arena, 1024, 1 << 20);
    for (size_t len = 1; len <= bytes.len && error_again == ERR_AGAIN; len++)
        error_again = parse(span_first(bytes, len), method, &arena, &scanned, &again,
                            &head_len_again);
    if (error_again == ERR_AGAIN) /* what is wrong may be said when the head is complete */
        assert(error != ERR_OK);
    else
        assert(error == error_again && head_len == head_len_again &&
               again.body == response->body && again.status == response->status &&
               again.content_length == response->content_length);
    arena_finish(&arena);
}

static void check_round_trip(const struct http_response *response, enum http_method method,
                             struct arena *arena)
{
    struct buf out;
    struct http_response back;
    size_t scanned = 0, head_len;
    buf_init(&out, 1 << 20);
    enum err error = h1_write_response(&out, response, HTTP_1_1, response->keep_alive);
    assert(error == ERR_OK);
    error = parse(buf_span(&out), method, arena, &scanned, &back, &head_len);
    if (error == ERR_OK)
        assert(head_len == buf_len(&out) && back.body == response->body &&
               back.status == response->status);
    else
        assert(error == ERR_LIMIT);
    buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum http_method methods[] = {HTTP_METHOD_GET, HTTP_METHOD_HEAD,
                                               HTTP_METHOD_CONNECT, HTTP_METHOD_POST};
    if (size == 0)
        return 0;
    enum http_method method = methods[data[0] % 4];
    struct span bytes = span_make(data + 1, size - 1);
    struct http_response response = {0};
    struct arena arena;
    size_t scanned = 0, head_len = 0;
    arena_init(&arena, 4096, 1 << 20);
    enum err error = parse(bytes, method, &arena, &scanned, &response, &head_len);
    if (size > 1 && size <= 2048)
        check_trickle(bytes, method, error, &response, head_len);
    if (error == ERR_OK) {
        check_clean(response.reason);
        for (size_t i = 0; i < response.fields.count; i++) {
            check_clean(response.fields.items[i].name);
            check_clean(response.fields.items[i].value);
        }
        assert(response.status >= 100 && response.status <= 999);
        assert(!response.keep_alive || response.body != HTTP_BODY_UNTIL_CLOSE);
        check_round_trip(&response, method, &arena);
    }
    arena_finish(&arena);
    return 0;
}
