/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A head is copied into the request's arena so that the body may push it out of
 * the input; the answer is written when the body has been read to its end.
 */
#include "core/app/demo_answer.h"

#define ANSWER_BYTES (512 << 10)
#define ARENA_BYTES (256 << 10)

static const struct h1_limits limits = {.head_bytes = DEMO_HEAD_BYTES, .field_count = 200};

void demo_answer_init(struct demo_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    buf_init(&answer->input, 2 * DEMO_HEAD_BYTES);
    buf_init(&answer->output, ANSWER_BYTES);
    arena_init(&answer->arena, 4096, ARENA_BYTES);
}

void demo_answer_finish(struct demo_answer *answer)
{
    if (answer->in_body)
        h1_body_finish(&answer->body);
    buf_finish(&answer->input);
    buf_finish(&answer->output);
    arena_finish(&answer->arena);
}

/* ---- the text ---- */

static struct span field_or(const struct http_request *request, enum http_field_id id,
                            const char *otherwise)
{
    const struct http_field *field = http_fields_find_id(&request->fields, id);
    return field != NULL ? field->value : span_cstr(otherwise);
}

static enum err write_text(const struct demo_answer *answer, struct buf *text)
{
    const struct http_request *request = &answer->request;
    TRY(buf_append_format(text,
                          "Weir's demonstration backend saw this request "
                          "(from %.*s by %.*s):\n\n%.*s %.*s %s\n",
                          SPAN_ARG(field_or(request, HTTP_FIELD_X_REAL_IP, "an unknown client")),
                          SPAN_ARG(field_or(request, HTTP_FIELD_X_FORWARDED_PROTO, "http")),
                          SPAN_ARG(request->method_text), SPAN_ARG(request->target),
                          http_version_text(request->version)));
    for (uint32_t i = 0; i < request->fields.count; i++) {
        const struct http_field *field = &request->fields.items[i];
        TRY(buf_append_format(text, "%.*s: %.*s\n", SPAN_ARG(field->name),
                              SPAN_ARG(field->value)));
    }
    if (answer->body_bytes > 0)
        TRY(buf_append_format(text, "\n(a body of %llu bytes)\n",
                              (unsigned long long)answer->body_bytes));
    return ERR_OK;
}

/* ---- the response ---- */

static enum err respond(struct demo_answer *answer, uint16_t status, struct span text)
{
    const struct http_request *request = &answer->request;
    struct http_response response = {
        .status = status,
        .version = HTTP_1_1,
        .reason = span_cstr(http_status_reason(status)),
        .body = HTTP_BODY_LENGTH,
        .content_length = text.len,
    };
    bool keep_alive = status == 200 && request->keep_alive;
    http_fields_init(&response.fields, &answer->arena);
    TRY(http_fields_add_id(&response.fields, HTTP_FIELD_CONTENT_TYPE,
                           SPAN("text/plain; charset=utf-8")));
    TRY(h1_write_response(&answer->output, &response,
                          status == 200 ? request->version : HTTP_1_1, keep_alive));
    if (!keep_alive)
        answer->close = true;
    if (request->method == HTTP_METHOD_HEAD)
        return ERR_OK;
    return buf_append(&answer->output, text);
}

static enum err respond_with_request(struct demo_answer *answer)
{
    struct buf text;
    buf_init(&text, ANSWER_BYTES / 2);
    enum err error = write_text(answer, &text);
    if (error == ERR_OK)
        error = respond(answer, 200, buf_span(&text));
    buf_finish(&text);
    arena_reset(&answer->arena);
    answer->scanned = 0;
    return error;
}

/* ---- the request ---- */

static enum err keep_head(struct demo_answer *answer, size_t head_len)
{
    const char *from = answer->input.data + answer->input.start;
    struct span copy = arena_span(&answer->arena, span_make(from, head_len));
    if (copy.ptr == NULL)
        return ERR_NOMEM;
    h1_request_rebase(&answer->request, from, head_len, copy.ptr);
    buf_consume(&answer->input, head_len);
    return ERR_OK;
}

static enum err read_head(struct demo_answer *answer)
{
    size_t head_len;
    uint16_t status;
    struct err_text why = {""};
    enum err error = h1_parse_request(buf_span(&answer->input), &limits, &answer->arena,
                                      &answer->scanned, &answer->request, &head_len, &status,
                                      &why);
    if (error == ERR_AGAIN)
        return error;
    if (error != ERR_OK) {
        answer->request = (struct http_request){.version = HTTP_1_1};
        TRY(respond(answer, status, span_cstr(why.text)));
        return ERR_AGAIN;
    }
    TRY(keep_head(answer, head_len));
    const struct http_request *request = &answer->request;
    h1_body_init(&answer->body, request->body, request->content_length, &limits);
    answer->in_body = true;
    answer->body_bytes = 0;
    if (request->expect_continue)
        return buf_append(&answer->output, SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
    return ERR_OK;
}

static enum err read_body(struct demo_answer *answer)
{
    enum err error;
    struct span input = buf_span(&answer->input), data;
    do {
        error = h1_body_decode(&answer->body, &input, &data, NULL);
        if (error == ERR_OK)
            answer->body_bytes += data.len;
    } while (error == ERR_OK);
    buf_consume(&answer->input, buf_len(&answer->input) - input.len);
    if (error != ERR_CLOSED)
        return error;
    h1_body_finish(&answer->body);
    answer->in_body = false;
    return respond_with_request(answer);
}

enum err demo_answer_advance(struct demo_answer *answer)
{
    enum err error = ERR_OK;
    while (error == ERR_OK && !answer->close)
        error = answer->in_body ? read_body(answer) : read_head(answer);
    return error == ERR_AGAIN ? ERR_OK : error;
}
