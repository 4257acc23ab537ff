/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The call owns copies of path and query, so it depends on the exchange only
 * for the answer, and the exchange clears our pointer to it when it ends.
 */
#include "core/admin/api_call.h"

#include "core/admin/api.h"
#include "core/admin/prometheus.h"
#include "core/control/call.h"

#include <stdio.h>
#include <stdlib.h>

struct api_call {
    struct control_call call; /* first member */
    struct exchange *exchange; /* NULL: it has ended. Worker thread */
    struct api_answer answer;
    const struct request_metrics *requests; /* NULL: the API is asked */
    size_t path_len, query_len;
    char text[]; /* path, query */
};

static void destroy(struct control_call *base)
{
    struct api_call *call = (struct api_call *)base;
    api_answer_finish(&call->answer);
    free(call);
}

/* Control thread. */
static void run(struct control_call *base)
{
    struct api_call *call = (struct api_call *)base;
    struct api_source source = {
        .snapshot = control_snapshot(base->control),
        .started_ns = control_started_ns(base->control),
        .acme = control_acme(base->control),
    };
    source.workers = control_workers(base->control, &source.worker_count);
    api_serve(&source, span_make(call->text, call->path_len),
              span_make(call->text + call->path_len, call->query_len), &call->answer);
}

/* Control thread. */
static void run_metrics(struct control_call *base)
{
    struct api_call *call = (struct api_call *)base;
    const struct model_static *settings = control_snapshot(base->control)->settings;
    enum err error =
        prometheus_write(base->control, settings, call->requests, &call->answer.body);
    call->answer.status = error == ERR_OK ? 200 : 503;
    if (error != ERR_OK)
        buf_clear(&call->answer.body);
}

static void reply(struct exchange *exchange, const struct api_answer *answer,
                  struct span content_type)
{
    struct http_fields fields;
    http_fields_init(&fields, &exchange->arena);
    if (answer->next_page > 0) {
        const char *next = arena_format(&exchange->arena, "%zu", answer->next_page);
        if (next == NULL ||
            http_fields_add(&fields, SPAN("X-Next-Page"), span_cstr(next)) != ERR_OK) {
            exchange_reply_error(exchange, 503, "out of memory");
            return;
        }
    }
    if (answer->status == 404 && buf_len(&answer->body) == 0)
        exchange_reply_error(exchange, 404, "the API has no such path");
    else
        exchange_reply(exchange, answer->status, &fields, content_type,
                       buf_span(&answer->body));
}

/* Back on the worker. */
static void done(struct control_call *base, bool ran)
{
    struct api_call *call = (struct api_call *)base;
    struct exchange *exchange = call->exchange;
    if (exchange != NULL) {
        exchange->pending = NULL;
        if (ran)
            reply(exchange, &call->answer,
                  call->requests != NULL ? SPAN(PROMETHEUS_CONTENT_TYPE)
                                         : SPAN("application/json"));
        else
            exchange_reply_error(exchange, 503, "shutting down");
    }
    destroy(base);
}

static void start(struct control *control, struct exchange *exchange, struct span path,
                  const struct request_metrics *requests,
                  void (*run_it)(struct control_call *call))
{
    struct span query = exchange->request.query;
    struct api_call *call = calloc(1, sizeof(*call) + path.len + query.len);
    if (call == NULL) {
        exchange_reply_error(exchange, 503, "out of memory");
        return;
    }
    call->call.abandon = destroy;
    call->exchange = exchange;
    call->requests = requests;
    api_answer_init(&call->answer);
    call->path_len = path.len;
    call->query_len = query.len;
    memcpy(call->text, path.ptr, path.len);
    if (query.len > 0)
        memcpy(call->text + path.len, query.ptr, query.len);
    exchange->pending = &call->exchange;
    control_call(&call->call, control, exchange->worker, run_it, done);
}

void api_call_start(struct control *control, struct exchange *exchange, struct span path)
{
    start(control, exchange, path, NULL, run);
}

void metrics_call_start(struct control *control, struct exchange *exchange,
                        const struct request_metrics *requests)
{
    start(control, exchange, SPAN("/metrics"), requests, run_metrics);
}
