/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small answers are made on the worker; what has to walk the configuration is
 * made by the control thread (api_call.h), since a worker may not be held up.
 */
#include "core/admin/admin.h"

#include "core/admin/access_log.h"
#include "core/admin/api_call.h"
#include "core/admin/dashboard.h"
#include "core/admin/request_metrics.h"

#include <stdlib.h>

struct admin {
    const struct model_static *settings;
    struct control *control;
    struct access_log *access_log;    /* NULL: none is wanted */
    struct request_metrics *requests; /* NULL: no metrics are wanted */
};

enum err admin_create(const struct model_static *settings, struct control *control,
                      size_t worker_count, struct admin **out, struct err_text *why)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    if (admin == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    admin->settings = settings;
    admin->control = control;
    enum err error = ERR_OK;
    if (settings->prometheus.enabled &&
        request_metrics_create(&settings->prometheus, worker_count, &admin->requests) != ERR_OK)
        error = err_set(why, ERR_NOMEM, "out of memory");
    if (error == ERR_OK && settings->access_log.enabled)
        error = access_log_create(&settings->access_log, worker_count, &admin->access_log, why);
    if (error != ERR_OK) {
        admin_destroy(admin);
        return error;
    }
    *out = admin;
    return ERR_OK;
}

void admin_destroy(struct admin *admin)
{
    if (admin == NULL)
        return;
    access_log_destroy(admin->access_log);
    request_metrics_destroy(admin->requests);
    free(admin);
}

bool admin_wants_records(const struct admin *admin)
{
    return admin->access_log != NULL || admin->requests != NULL;
}

void admin_access_log(struct worker *worker, const struct access_record *record)
{
    struct admin *admin = worker->hooks.context;
    if (admin->access_log != NULL)
        access_log_record(admin->access_log, worker, admin->control, record);
    if (admin->requests != NULL)
        request_metrics_record(admin->requests, worker->index, record);
}

void admin_reopen(struct admin *admin)
{
    if (admin->access_log != NULL)
        access_log_reopen(admin->access_log);
}

static void serve_ping(const struct admin *admin, struct exchange *exchange)
{
    uint16_t status = 200;
    if (control_is_terminating(admin->control))
        status = (uint16_t)admin->settings->ping_terminating_status;
    struct span text = status == 200 ? SPAN("OK") : span_cstr(http_status_reason(status));
    exchange_reply(exchange, status, NULL, SPAN("text/plain; charset=utf-8"), text);
}

static struct span without_base(const struct model_static *settings, struct span path)
{
    struct span base = settings->api_base_path;
    base.len -= span_ends_with(base, SPAN("/"));
    if (base.len == 0 || !span_starts_with(path, base))
        return path;
    struct span rest = span_skip(path, base.len);
    return rest.len == 0 || rest.ptr[0] == '/' ? rest : path;
}

static void redirect_to_dashboard(const struct admin *admin, struct exchange *exchange)
{
    struct span base = admin->settings->api_base_path;
    base.len -= span_ends_with(base, SPAN("/"));
    struct http_fields fields;
    http_fields_init(&fields, &exchange->arena);
    const char *location =
        arena_format(&exchange->arena, "%.*s/dashboard/", SPAN_ARG(base));
    if (location == NULL ||
        http_fields_add_id(&fields, HTTP_FIELD_LOCATION, span_cstr(location)) != ERR_OK) {
        exchange_reply_error(exchange, 503, "out of memory");
        return;
    }
    exchange_reply(exchange, 302, &fields, SPAN_EMPTY, SPAN_EMPTY);
}

/* The dashboard has one page; true when the path is one of its. */
static bool serve_dashboard(const struct admin *admin, struct exchange *exchange,
                            struct span path)
{
    if (!admin->settings->api_dashboard)
        return false;
    if (span_equal(path, SPAN("/dashboard/"))) {
        exchange_reply(exchange, 200, NULL, SPAN("text/html; charset=utf-8"), dashboard_page);
        return true;
    }
    if (path.len == 0 || span_equal(path, SPAN("/")) || span_equal(path, SPAN("/dashboard"))) {
        redirect_to_dashboard(admin, exchange);
        return true;
    }
    return false;
}

static void serve_api(const struct admin *admin, struct exchange *exchange)
{
    enum http_method method = exchange->request.method;
    struct span path = without_base(admin->settings, exchange->request.path);
    if (method != HTTP_METHOD_GET && method != HTTP_METHOD_HEAD)
        exchange_reply_error(exchange, 405, "the API answers GET only");
    else if (span_starts_with(path, SPAN("/api/")))
        api_call_start(admin->control, exchange, path);
    else if (!serve_dashboard(admin, exchange, path))
        exchange_reply_error(exchange, 404, "the API has no such path");
}

static void serve_metrics(const struct admin *admin, struct exchange *exchange)
{
    enum http_method method = exchange->request.method;
    if (method != HTTP_METHOD_GET && method != HTTP_METHOD_HEAD)
        exchange_reply_error(exchange, 405, "metrics are read by GET only");
    else if (admin->requests == NULL)
        exchange_reply_error(exchange, 404, "no metrics are configured");
    else
        metrics_call_start(admin->control, exchange, admin->requests);
}

void admin_internal_service(struct exchange *exchange, struct span service)
{
    const struct admin *admin = exchange->worker->hooks.context;
    if (span_equal(service, SPAN("api@internal")) ||
        span_equal(service, SPAN("dashboard@internal")))
        serve_api(admin, exchange);
    else if (span_equal(service, SPAN("ping@internal")))
        serve_ping(admin, exchange);
    else if (span_equal(service, SPAN("prometheus@internal")))
        serve_metrics(admin, exchange);
    else if (span_equal(service, SPAN("noop@internal")))
        exchange_reply_error(exchange, 418, "noop@internal");
    else
        exchange_reply_error(exchange, 404, "no such internal service");
}
