/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log, accessLog, metrics, tracing: what Weir tells about itself.
 */
#include "config/schema_tables.h"

#include <stdio.h>
#include <stdlib.h>

static const struct schema_choice levels[] = {
    {"TRACE", 0}, {"DEBUG", 1}, {"INFO", 2}, {"WARN", 3}, {"ERROR", 4}, {"FATAL", 5},
    {"PANIC", 6}, {NULL, 0},
};

static const struct schema_choice log_formats[] = {
    {"common", LOG_FORMAT_COMMON}, {"json", LOG_FORMAT_JSON}, {NULL, 0},
};

const struct schema_row schema_log[] = {
    KEY("level", CHOICE, "ERROR", "From which level on.", AT(model_static, log.level),
        CHOICES(levels), ANY_CASE),
    KEY("format", CHOICE, "common", "Text lines or JSON.", AT_ENUM(model_static, log.format),
        CHOICES(log_formats)),
    KEY("filePath", STRING, NULL, "File to write to; empty: standard error.",
        AT(model_static, log.file_path)),
    KEY("noColor", BOOL, "false", "No colours; Weir never uses any."),
    KEY("maxSize", INTEGER, "0", "Rotate at this size.", UNIT("MiB"), NOT_BUILT),
    KEY("maxAge", INTEGER, "0", "Keep rotated files this long.", UNIT("days"), NOT_BUILT),
    KEY("maxBackups", INTEGER, "0", "Keep so many rotated files.", NOT_BUILT),
    KEY("compress", BOOL, "false", "Compress rotated files.", NOT_BUILT),
    SECTION("otlp", "Send the log to an OpenTelemetry collector.", schema_otlp, ALLOW_EMPTY,
            NOT_BUILT),
    SCHEMA_END,
};

static const struct schema_choice access_formats[] = {
    {"common", LOG_FORMAT_COMMON},
    {"json", LOG_FORMAT_JSON},
    {"genericCLF", LOG_FORMAT_GENERIC_CLF},
    {NULL, 0},
};

static const struct schema_choice field_modes[] = {{"drop", 0}, {"keep", 1}, {NULL, 0}};

static const struct schema_choice header_modes[] = {
    {"drop", 0}, {"keep", 1}, {"redact", 2}, {NULL, 0},
};

static void check_modes(struct decoder *decoder, const struct schema_row *row,
                        const struct node *node, void *base)
{
    (void)base;
    for (uint32_t i = 0; node->kind == NODE_MAP && i < node->map.count; i++) {
        const struct node *value = node->map.entries[i].value;
        bool known = value->kind != NODE_SCALAR;
        for (const struct schema_choice *mode = row->choices; mode->name != NULL; mode++)
            known |= value->kind == NODE_SCALAR && span_equal(value->text, span_cstr(mode->name));
        if (!known)
            decoder_reject(decoder, value, "%.*s: unknown mode \"%.*s\"; write keep%s or drop",
                           SPAN_ARG(node->map.entries[i].key), SPAN_ARG(value->text),
                           row->choices == header_modes ? ", redact" : "");
    }
}

static void check_status_codes(struct decoder *decoder, const struct schema_row *row,
                               const struct node *node, void *base)
{
    const struct model_static *model = base;
    const struct span_list *codes = &model->access_log.status_codes;
    (void)row;
    for (size_t i = 0; i < codes->count; i++) {
        struct span low;
        struct span high = span_split(codes->items[i], '-', &low);
        uint64_t from, to;
        bool good = span_to_u64(low, &from) && from >= 100 && from <= 999;
        if (high.ptr != NULL)
            good = good && span_to_u64(high, &to) && to >= from && to <= 999;
        if (!good)
            decoder_reject(decoder, node, "\"%.*s\" is no status code or range; write for "
                           "example 404 or 500-599", SPAN_ARG(codes->items[i]));
    }
}

static const struct schema_row filters[] = {
    KEY("statusCodes", STRINGS, NULL, "Only these codes or ranges.",
        AT(model_static, access_log.status_codes), CHECK(check_status_codes)),
    KEY("retryAttempts", BOOL, "false", "Also requests that were retried.",
        AT(model_static, access_log.filter_retry_attempts)),
    KEY("minDuration", DURATION, "0s", "Also requests that took longer.",
        AT(model_static, access_log.filter_min_duration), RANGE(0, INT64_MAX)),
    SCHEMA_END,
};

static const struct schema_row header_fields[] = {
    KEY("defaultMode", CHOICE, "drop", "What happens to headers that are not named.",
        AT(model_static, access_log.headers_default_mode), CHOICES(header_modes)),
    KEY("names", STRING_MAP, NULL, "Mode of each header.",
        AT(model_static, access_log.header_modes), CHOICES(header_modes), CHECK(check_modes)),
    SCHEMA_END,
};

static const struct schema_choice keep_modes[] = {{"drop", false}, {"keep", true}, {NULL, 0}};

static void check_default_mode(struct decoder *decoder, const struct schema_row *row,
                               const struct node *node, void *base)
{
    struct model_static *model = base;
    (void)decoder;
    (void)row;
    model->access_log.fields_default_keep =
        node->kind != NODE_SCALAR || !span_equal(node->text, SPAN("drop"));
}

static const struct schema_row fields[] = {
    KEY("defaultMode", CHOICE, "keep", "What happens to fields that are not named.",
        CHOICES(keep_modes), CHECK(check_default_mode)),
    KEY("names", STRING_MAP, NULL, "Mode of each field.",
        AT(model_static, access_log.field_modes), CHOICES(field_modes), CHECK(check_modes)),
    SECTION("headers", "Request headers.", header_fields),
    SCHEMA_END,
};

const struct schema_row schema_access_log[] = {
    KEY("filePath", STRING, NULL, "File to write to; empty: standard output.",
        AT(model_static, access_log.file_path)),
    KEY("format", CHOICE, "common", "Form of the lines.",
        AT_ENUM(model_static, access_log.format), CHOICES(access_formats)),
    SECTION("filters", "Which requests are written; all, without filters.", filters),
    SECTION("fields", "What is written of a request (JSON).", fields),
    KEY("bufferingSize", INTEGER, "0",
        "Formerly: lines that may wait; Weir always writes behind the requests.",
        AT(model_static, access_log.buffering_size), RANGE(0, 1 << 20)),
    KEY("addInternals", BOOL, "false", "Also write requests to ping and the API.", NOT_BUILT),
    KEY("dualOutput", BOOL, "false", "Write to the file and to the collector.", NOT_BUILT),
    SECTION("otlp", "Send the access log to an OpenTelemetry collector.", schema_otlp,
            ALLOW_EMPTY, NOT_BUILT),
    SCHEMA_END,
};

/* ---- metrics ---- */

#define LABELS                                                                               \
    KEY("addEntryPointsLabels", BOOL, "true", "Count by entry point."),                      \
        KEY("addRoutersLabels", BOOL, "false", "Count by router."),                          \
        KEY("addServicesLabels", BOOL, "true", "Count by service.")

static void add_bucket(struct decoder *decoder, const struct node *node, struct span text,
                       struct model_prometheus *to)
{
    char number[32], *end = number;
    int len = snprintf(number, sizeof(number), "%.*s", SPAN_ARG(span_trim(text)));
    double seconds = len < (int)sizeof(number) ? strtod(number, &end) : 0;
    if (len < (int)sizeof(number) && (end == number || *end != '\0'))
        return; /* the decoder has said so */
    int64_t last = to->bucket_count > 0 ? to->buckets_ns[to->bucket_count - 1] : 0;
    if (!(seconds > 0 && seconds < 1e6) || (int64_t)(seconds * 1e9) <= last)
        decoder_reject(decoder, node, "the bounds must be above 0 seconds and ascend");
    else if (to->bucket_count == MODEL_BUCKETS_MAX)
        decoder_reject(decoder, node, "at most %d buckets are possible", MODEL_BUCKETS_MAX);
    else
        to->buckets_ns[to->bucket_count++] = (int64_t)(seconds * 1e9);
}

static void check_buckets(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, void *base)
{
    struct model_prometheus *prometheus = &((struct model_static *)base)->prometheus;
    size_t errors = decoder->diagnostics->errors;
    (void)row;
    prometheus->bucket_count = 0;
    if (node->kind == NODE_SCALAR) {
        for (struct span rest = node->text, item; rest.len > 0;) {
            rest = span_split(rest, ',', &item);
            add_bucket(decoder, node, item, prometheus);
        }
    }
    for (uint32_t i = 0; node->kind == NODE_LIST && i < node->list.count; i++) {
        const struct node *item = node->list.items[i];
        if (item->kind == NODE_SCALAR && decoder->diagnostics->errors == errors)
            add_bucket(decoder, item, item->text, prometheus);
    }
}

static const struct schema_row prometheus[] = {
    KEY("addEntryPointsLabels", BOOL, "true", "Count by entry point.",
        AT(model_static, prometheus.entry_point_labels)),
    KEY("addRoutersLabels", BOOL, "false", "Count by router.",
        AT(model_static, prometheus.router_labels)),
    KEY("addServicesLabels", BOOL, "true", "Count by service.",
        AT(model_static, prometheus.service_labels)),
    KEY("buckets", FLOATS, "0.1, 0.3, 1.2, 5", "Buckets of the latency histograms.",
        UNIT("seconds"), CHECK(check_buckets)),
    KEY("entryPoint", STRING, "traefik", "Entry point that serves /metrics.",
        AT(model_static, prometheus.entry_point)),
    KEY("headerLabels", STRING_MAP, NULL, "Labels taken from request headers.", NOT_BUILT),
    KEY("manualRouting", BOOL, "false", "Only serve it through routers of the operator.",
        AT(model_static, prometheus.manual_routing)),
    SCHEMA_END,
};

static const struct schema_row datadog[] = {
    LABELS,
    KEY("address", STRING, "localhost:8125", "Where the agent listens."),
    KEY("prefix", STRING, "traefik", "Prefix of the names."),
    KEY("pushInterval", DURATION, "10s", "How often to send."),
    SCHEMA_END,
};

static const struct schema_row influxdb2[] = {
    LABELS,
    KEY("additionalLabels", STRING_MAP, NULL, "Labels of everything."),
    KEY("address", STRING, "http://localhost:8086", "URL of the database."),
    KEY("bucket", STRING, NULL, "Bucket."),
    KEY("org", STRING, NULL, "Organisation."),
    KEY("pushInterval", DURATION, "10s", "How often to send."),
    KEY("token", STRING, NULL, "Access token."),
    SCHEMA_END,
};

static const struct schema_row metrics_otlp[] = {
    LABELS,
    KEY("explicitBoundaries", FLOATS,
        "0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10",
        "Buckets of the latency histograms.", UNIT("seconds")),
    SECTION("grpc", "Send by gRPC.", schema_otlp_grpc, ALLOW_EMPTY),
    SECTION("http", "Send by HTTP.", schema_otlp_http, ALLOW_EMPTY),
    KEY("pushInterval", DURATION, "10s", "How often to send."),
    KEY("resourceAttributes", STRING_MAP, NULL, "Further resource attributes."),
    KEY("serviceName", STRING, "traefik", "Value of the resource attribute service.name."),
    SCHEMA_END,
};

const struct schema_row schema_metrics[] = {
    KEY("addInternals", BOOL, "false", "Also count ping and the API.",
        AT(model_static, prometheus.add_internals)),
    SECTION("prometheus", "Serve Prometheus.", prometheus, ALLOW_EMPTY,
            PRESENT(model_static, prometheus.enabled)),
    SECTION("datadog", "Send to Datadog.", datadog, ALLOW_EMPTY, NOT_BUILT),
    SECTION("statsD", "Send to StatsD.", datadog, ALLOW_EMPTY, NOT_BUILT),
    SECTION("influxDB2", "Send to InfluxDB 2.", influxdb2, ALLOW_EMPTY, NOT_BUILT),
    SECTION("otlp", "Send to an OpenTelemetry collector.", metrics_otlp, ALLOW_EMPTY, NOT_BUILT),
    SCHEMA_END,
};

const struct schema_row schema_tracing[] = {
    KEY("serviceName", STRING, "traefik", "Value of the resource attribute service.name."),
    KEY("resourceAttributes", STRING_MAP, NULL, "Further resource attributes."),
    KEY("globalAttributes", STRING_MAP, NULL, "Former name of resourceAttributes.", DEPRECATED),
    KEY("capturedRequestHeaders", STRINGS, NULL, "Request headers put on spans."),
    KEY("capturedResponseHeaders", STRINGS, NULL, "Response headers put on spans."),
    KEY("safeQueryParams", STRINGS, NULL, "Query parameters that are not redacted."),
    KEY("sampleRate", FLOAT, "1", "Share of the requests to trace, 0 to 1."),
    KEY("addInternals", BOOL, "false", "Also trace ping and the API."),
    SECTION("otlp", "Send to an OpenTelemetry collector.", schema_otlp, ALLOW_EMPTY),
    SCHEMA_END,
};
