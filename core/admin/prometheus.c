/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each family is written whole, as the format wants it. An error sticks, so the
 * writers need not be asked one by one.
 */
#include "core/control/acme.h"
#include "core/admin/prometheus.h"

#include "core/base/clock.h"

#include <inttypes.h>

struct writer {
    struct buf *out;
    enum err error;
    const struct control *control;
    const struct model_static *settings;
};

#define PUT(writer, ...)                                                       \
    do {                                                                       \
        if ((writer)->error == ERR_OK)                                         \
            (writer)->error = buf_append_format((writer)->out, __VA_ARGS__);   \
    } while (0)

static void family(struct writer *writer, const char *name, const char *type, const char *help)
{
    PUT(writer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The value of a label: backslash, quote and line feed are escaped, and what is
 * not UTF-8 never gets here (names come from checked configuration) but for
 * certificates, whose other bytes become '?'. */
static void put_value(struct writer *writer, struct span text)
{
    for (size_t i = 0; i < text.len && writer->error == ERR_OK; i++) {
        char c = text.ptr[i];
        if (c == '\\' || c == '"')
            PUT(writer, "\\%c", c);
        else if (c == '\n')
            PUT(writer, "\\n");
        else
            PUT(writer, "%c", (unsigned char)c >= 0x80 || (unsigned char)c < 0x20 ? '?' : c);
    }
}

/* ---- the process and its configuration ---- */

static void put_reloads(struct writer *writer)
{
    struct control_status status;
    control_status(writer->control, &status);
    family(writer, "traefik_config_reloads_total", "counter", "Configurations loaded");
    PUT(writer, "traefik_config_reloads_total %" PRIu64 "\n", status.reloads);
    family(writer, "weir_config_reload_failures_total", "counter", "Configurations refused");
    PUT(writer, "weir_config_reload_failures_total %" PRIu64 "\n", status.failures);
    family(writer, "traefik_config_last_reload_success", "gauge",
           "When a configuration was loaded last, in Unix time");
    PUT(writer, "traefik_config_last_reload_success %" PRId64 "\n",
        status.last_success_ns / NS_PER_S);
    family(writer, "weir_start_time_seconds", "gauge", "When Weir was started, in Unix time");
    PUT(writer, "weir_start_time_seconds %" PRId64 "\n",
        control_started_ns(writer->control) / NS_PER_S);
}

static void put_open_connections(struct writer *writer)
{
    size_t workers;
    struct worker *const *list = control_workers(writer->control, &workers);
    family(writer, "traefik_open_connections", "gauge",
           "Connections from clients, by entry point and protocol");
    for (size_t entry = 0; entry < writer->settings->entry_point_count; entry++) {
        uint64_t open = 0;
        for (size_t i = 0; i < workers && entry < WORKER_ENTRIES_COUNTED; i++)
            open += metric_read(&list[i]->open_by_entry[entry]);
        PUT(writer, "traefik_open_connections{entrypoint=\"");
        put_value(writer, writer->settings->entry_points[entry].object.name);
        PUT(writer, "\",protocol=\"TCP\"} %" PRIu64 "\n", open);
    }
}

struct worker_metric {
    const char *name;
    size_t offset;
};

static const struct worker_metric worker_metrics[] = {
#define WORKER_METRIC_ROW(name) {#name, offsetof(struct worker_metrics, name)},
    WORKER_METRIC_LIST(WORKER_METRIC_ROW)
#undef WORKER_METRIC_ROW
};

static bool is_gauge(const char *name)
{
    return span_ends_with(span_cstr(name), SPAN("_open"));
}

/* Counters end in _total, as the field writes them. */
static void put_worker_metrics(struct writer *writer)
{
    size_t workers;
    struct worker *const *list = control_workers(writer->control, &workers);
    for (size_t m = 0; m < sizeof(worker_metrics) / sizeof(worker_metrics[0]); m++) {
        const struct worker_metric *metric = &worker_metrics[m];
        const char *suffix = is_gauge(metric->name) ? "" : "_total";
        uint64_t sum = 0;
        for (size_t i = 0; i < workers; i++)
            sum += metric_read((const struct metric *)((const char *)&list[i]->metrics +
                                                       metric->offset));
        PUT(writer, "# TYPE weir_%s%s %s\nweir_%s%s %" PRIu64 "\n", metric->name, suffix,
            is_gauge(metric->name) ? "gauge" : "counter", metric->name, suffix, sum);
    }
}

static void put_limits(struct writer *writer)
{
    size_t workers;
    struct worker *const *list = control_workers(writer->control, &workers);
    family(writer, "weir_limits_total", "counter", "How often clients were over a limit");
    for (int limit = 0; limit < LIMIT_COUNT; limit++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < workers; i++)
            sum += metric_read(&list[i]->limits.hits[limit]);
        PUT(writer, "weir_limits_total{limit=\"%s\"} %" PRIu64 "\n",
            limit_name((enum limit)limit), sum);
    }
}

/* ---- certificates ---- */

static void put_certificate(struct writer *writer, const struct cert *cert)
{
    struct cert_description description;
    if (writer->error == ERR_OK)
        writer->error = cert_describe(cert, &description);
    if (writer->error != ERR_OK)
        return;
    PUT(writer, "traefik_tls_certs_not_after{cn=\"");
    put_value(writer, span_cstr(description.subject_cn));
    PUT(writer, "\",serial=\"%s\",sans=\"", description.serial);
    put_value(writer, cert->store_key);
    PUT(writer, "\"} %" PRId64 "\n", cert->not_after_s);
    cert_description_finish(&description);
}

static void put_certificates(struct writer *writer)
{
    const struct cert_index *certs = control_snapshot(writer->control)->certs;
    struct cert_index_stats stats;
    cert_index_stats(certs, &stats);
    family(writer, "traefik_tls_certs_not_after", "gauge",
           "When certificates expire, in Unix time");
    for (size_t i = 0; i < stats.certs; i++)
        put_certificate(writer, cert_index_at(certs, i));
}

static void put_resolver(struct writer *writer, const char *name, const char *rest,
                         struct span resolver, uint64_t value)
{
    PUT(writer, "%s{resolver=\"", name);
    put_value(writer, resolver);
    PUT(writer, "\"%s} %" PRIu64 "\n", rest, value);
}

static void put_acme(struct writer *writer)
{
    const struct acme *acme = control_acme(writer->control);
    struct acme_resolver_view view;
    if (acme == NULL)
        return;
    family(writer, "weir_acme_orders_total", "counter", "Orders of certificates, by their end");
    for (size_t i = 0; acme_resolver_view(acme, i, &view); i++) {
        put_resolver(writer, "weir_acme_orders_total", ",result=\"obtained\"", view.name,
                     view.obtained);
        put_resolver(writer, "weir_acme_orders_total", ",result=\"failed\"", view.name,
                     view.failed);
    }
    family(writer, "weir_acme_certificates", "gauge", "Certificates that are wanted");
    for (size_t i = 0; acme_resolver_view(acme, i, &view); i++)
        put_resolver(writer, "weir_acme_certificates", "", view.name, view.wanted);
    family(writer, "weir_acme_failing", "gauge", "Of them those whose last try failed");
    for (size_t i = 0; acme_resolver_view(acme, i, &view); i++)
        put_resolver(writer, "weir_acme_failing", "", view.name, view.failing);
    family(writer, "weir_acme_ca_failing", "gauge", "Whether the CA cannot be used just now");
    for (size_t i = 0; acme_resolver_view(acme, i, &view); i++)
        put_resolver(writer, "weir_acme_ca_failing", "", view.name,
                     view.problem[0] != '\0' || view.error[0] != '\0');
}

/* ---- servers ---- */

static void put_server(struct writer *writer, const struct model_service *service,
                       struct server *server)
{
    PUT(writer, "traefik_service_server_up{service=\"");
    put_value(writer, service->object.name);
    PUT(writer, "\",url=\"");
    put_value(writer, server->url);
    PUT(writer, "\"} %d\n", atomic_load_explicit(&server->up, memory_order_relaxed));
}

static void put_servers(struct writer *writer)
{
    const struct snapshot *snapshot = control_snapshot(writer->control);
    const struct model_dynamic *model = snapshot->model;
    family(writer, "traefik_service_server_up", "gauge", "Whether servers are up, 1 or 0");
    for (size_t i = 0; i < model->http_service_count; i++) {
        const struct service *service =
            service_table_find(snapshot->http_services, model->http_services[i].object.name);
        size_t count = 0;
        struct server *const *servers =
            service != NULL ? service_servers(service, &count) : NULL;
        for (size_t s = 0; s < count; s++)
            put_server(writer, &model->http_services[i], servers[s]);
    }
}

/* ---- requests ---- */

static const char *const scope_names[REQUEST_SCOPES] = {"entrypoint", "router", "service"};

static const char *method_name(enum http_method method)
{
    static const char *const names[] = {
        "EXTENSION_METHOD", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS",
        "TRACE", "PATCH"};
    return names[method];
}

/* {code="200",method="GET",protocol="http",service="app@file" — left open */
static void put_labels(struct writer *writer, const char *family_name,
                       const struct request_cell *cell)
{
    const char *scope = scope_names[cell->scope];
    PUT(writer, "traefik_%s_%s{code=\"%u\",method=\"%s\",protocol=\"%s\",%s=\"", scope,
        family_name, cell->code, method_name(cell->method),
        cell->code == 101 ? "websocket" : "http", scope);
    put_value(writer, cell->name);
    PUT(writer, "\"");
}

static void put_counter(struct writer *writer, struct request_cell *const *cells, size_t count,
                        const char *name, size_t offset)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            PUT(writer, "# TYPE traefik_%s_%s counter\n", scope_names[cells[0]->scope], name);
        put_labels(writer, name, cells[i]);
        PUT(writer, "} %" PRIu64 "\n",
            metric_read((const struct metric *)((const char *)cells[i] + offset)));
    }
}

static void put_histogram(struct writer *writer, const struct request_cell *cell)
{
    const struct model_prometheus *settings = &writer->settings->prometheus;
    uint64_t below = 0;
    for (size_t i = 0; i < settings->bucket_count; i++) {
        below += metric_read(&cell->buckets[i]);
        put_labels(writer, "request_duration_seconds_bucket", cell);
        PUT(writer, ",le=\"%.9g\"} %" PRIu64 "\n", (double)settings->buckets_ns[i] / 1e9, below);
    }
    put_labels(writer, "request_duration_seconds_bucket", cell);
    PUT(writer, ",le=\"+Inf\"} %" PRIu64 "\n", metric_read(&cell->requests));
    put_labels(writer, "request_duration_seconds_sum", cell);
    PUT(writer, "} %.6f\n", (double)metric_read(&cell->duration_us) / 1e6);
    put_labels(writer, "request_duration_seconds_count", cell);
    PUT(writer, "} %" PRIu64 "\n", metric_read(&cell->requests));
}

static void put_scope(struct writer *writer, struct request_cell *const *cells, size_t count)
{
    put_counter(writer, cells, count, "requests_total",
                offsetof(struct request_cell, requests));
    put_counter(writer, cells, count, "requests_bytes_total",
                offsetof(struct request_cell, request_bytes));
    put_counter(writer, cells, count, "responses_bytes_total",
                offsetof(struct request_cell, response_bytes));
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            PUT(writer, "# TYPE traefik_%s_request_duration_seconds histogram\n",
                scope_names[cells[0]->scope]);
        put_histogram(writer, cells[i]);
    }
}

static void put_requests(struct writer *writer, const struct request_metrics *requests)
{
    struct request_cell **cells;
    size_t count, begin = 0;
    if (writer->error == ERR_OK)
        writer->error = request_metrics_sum(requests, &cells, &count);
    if (writer->error != ERR_OK)
        return;
    for (size_t end = 0; begin < count; begin = end) {
        while (end < count && cells[end]->scope == cells[begin]->scope)
            end++;
        put_scope(writer, cells + begin, end - begin);
    }
    request_metrics_sum_free(cells, count);
    family(writer, "weir_request_metrics_lost_total", "counter",
           "Requests that are in no traefik_* counter, because there were too many labels");
    PUT(writer, "weir_request_metrics_lost_total %" PRIu64 "\n", request_metrics_lost(requests));
}

enum err prometheus_write(const struct control *control, const struct model_static *settings,
                          const struct request_metrics *requests, struct buf *out)
{
    struct writer writer = {out, ERR_OK, control, settings};
    put_reloads(&writer);
    put_open_connections(&writer);
    put_certificates(&writer);
    put_acme(&writer);
    put_servers(&writer);
    put_requests(&writer, requests);
    put_worker_metrics(&writer);
    put_limits(&writer);
    return writer.error;
}
