/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Responses that Weir makes itself. They take the same way to the client as
 * the backend's, middlewares included, so that what a middleware adds to every
 * response is on error pages too.
 */
#include "core/proxy/exchange_private.h"

const char EXCHANGE_NO_SERVER[] = "no available server";

static enum err copy_fields(struct exchange *exchange, const struct http_fields *fields)
{
    for (size_t i = 0; fields != NULL && i < fields->count; i++) {
        struct span name = arena_span(&exchange->arena, fields->items[i].name);
        struct span value = arena_span(&exchange->arena, fields->items[i].value);
        if (name.ptr == NULL || value.ptr == NULL)
            return ERR_NOMEM;
        TRY(http_fields_add(&exchange->response.fields, name, value));
    }
    return ERR_OK;
}

static enum err build(struct exchange *exchange, const struct http_fields *fields,
                      struct span content_type, struct span body)
{
    struct http_response *response = &exchange->response;
    TRY(copy_fields(exchange, fields));
    if (content_type.len > 0) {
        content_type = arena_span(&exchange->arena, content_type);
        TRY(http_fields_set_id(&response->fields, HTTP_FIELD_CONTENT_TYPE, content_type));
    }
    bool bodiless = response->status == 204 || response->status == 304;
    if (bodiless)
        return ERR_OK;
    response->body = HTTP_BODY_LENGTH;
    response->content_length = body.len;
    if (exchange->request.method == HTTP_METHOD_HEAD) {
        response->body = HTTP_BODY_NONE;
        return http_fields_set_id(&response->fields, HTTP_FIELD_CONTENT_LENGTH,
                                  arena_u64(&exchange->arena, body.len));
    }
    return ERR_OK;
}

void exchange_reply(struct exchange *exchange, uint16_t status, const struct http_fields *fields,
                    struct span content_type, struct span body)
{
    struct http_response *response = &exchange->response;
    if (exchange->response_started || exchange->state == EXCHANGE_DONE)
        return;
    exchange_forget_answerer(exchange);
    exchange_leave_upstream(exchange);
    *response = (struct http_response){.status = status, .version = HTTP_1_1};
    http_fields_init(&response->fields, &exchange->arena);
    if (build(exchange, fields, content_type, body) != ERR_OK) {
        *response = (struct http_response){.status = 503, .body = HTTP_BODY_LENGTH};
        http_fields_init(&response->fields, &exchange->arena);
        body = SPAN_EMPTY;
    }
    bool end = response->body == HTTP_BODY_NONE || body.len == 0;
    exchange_respond(exchange, end);
    if (end)
        return;
    exchange->response_bytes += body.len;
    exchange->response_ended = true;
    exchange->downstream->send_body(exchange, body);
    exchange->downstream->send_end(exchange, NULL);
}

/* As Traefik words them: http.Error ends with a line feed, its proxy's own
 * errors do not. */
static struct span error_text(struct exchange *exchange, uint16_t status, const char *failure)
{
    if (status == 404)
        return SPAN("404 page not found\n");
    if (failure == EXCHANGE_NO_SERVER)
        return SPAN("no available server\n");
    const char *reason = http_status_reason(status);
    if (status == 502 || status == 504)
        return span_cstr(reason);
    return span_cstr(arena_format(&exchange->arena, "%s\n", reason));
}

void exchange_reply_error(struct exchange *exchange, uint16_t status, const char *failure)
{
    struct http_fields fields;
    exchange->failure = failure;
    http_fields_init(&fields, &exchange->arena);
    struct span text = error_text(exchange, status, failure);
    if (http_fields_add(&fields, SPAN("X-Content-Type-Options"), SPAN("nosniff")) != ERR_OK)
        fields.count = 0;
    exchange_reply(exchange, status, &fields, SPAN("text/plain; charset=utf-8"), text);
}
