/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backend's response on its way to the client. Pieces go on at once; a
 * congested client stops the backend.
 */
#include "core/proxy/exchange_private.h"

#include "core/proxy/middleware.h"

static void note_upstream_done(struct exchange *exchange)
{
    exchange->response_ended = true;
    exchange->upstream_duration_ns = exchange_now_ns(exchange) - exchange->upstream_started_ns;
}

void exchange_respond(struct exchange *exchange, bool end)
{
    struct http_response *response = &exchange->response;
    for (size_t i = exchange->middleware_next; i > 0; i--) {
        const struct middleware *middleware = exchange->chain->items[i - 1];
        if (middleware->type->on_response != NULL)
            middleware->type->on_response(middleware, exchange);
    }
    /* RFC 9110 §6.6.1. Without room for it the response goes without. */
    if (http_fields_find_id(&response->fields, HTTP_FIELD_DATE) == NULL)
        (void)!http_fields_add_id(&response->fields, HTTP_FIELD_DATE,
                                  exchange_pool_date(exchange->worker));
    exchange->status = response->status;
    exchange->response_started = true;
    if (end)
        exchange->response_ended = true;
    exchange_set_state(exchange, EXCHANGE_RESPONSE);
    exchange->downstream->send_head(exchange, response, end);
}

void exchange_upstream_informational(struct exchange *exchange, const struct http_response *head)
{
    if (head->status == 100 || exchange->downstream->send_informational == NULL)
        return; /* we sent our own when the backend was ready */
    struct http_response copy = *head;
    http_fields_remove_hop_by_hop(&copy.fields);
    exchange->downstream->send_informational(exchange, &copy);
}

void exchange_upstream_head(struct exchange *exchange, bool end)
{
    struct http_response *response = &exchange->response;
    exchange->origin_status = response->status;
    if (response->status == 101) {
        exchange_tunnel(exchange);
        return;
    }
    if (exchange_mistakes_tunnel(exchange))
        return;
    http_fields_remove_hop_by_hop(&response->fields);
    if (end)
        note_upstream_done(exchange);
    exchange_respond(exchange, end);
}

void exchange_upstream_body(struct exchange *exchange, struct span data)
{
    exchange->response_bytes += data.len;
    exchange->downstream->send_body(exchange, data);
    if (exchange->upstream != NULL)
        upstream_want(exchange->upstream, exchange->downstream->room(exchange));
}

void exchange_upstream_end(struct exchange *exchange, const struct http_fields *trailers)
{
    note_upstream_done(exchange);
    exchange->downstream->send_end(exchange, trailers);
}
