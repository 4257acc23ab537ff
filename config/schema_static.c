/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root of the static configuration, and its smaller sections.
 */
#include "config/schema_tables.h"

static const struct schema_row global[] = {
    KEY("checkNewVersion", BOOL, "true", "Ask for new versions; Weir never does."),
    KEY("sendAnonymousUsage", BOOL, "false", "Send statistics; Weir never does."),
    SCHEMA_END,
};

static const struct schema_row forwarding_timeouts[] = {
    KEY("dialTimeout", DURATION, "30s", "Longest time to connect; 0: no limit.",
        AT(model_servers_transport, dial_timeout), RANGE(0, INT64_MAX)),
    KEY("responseHeaderTimeout", DURATION, "0s",
        "Longest wait for the head of a response; 0: no limit.",
        AT(model_servers_transport, response_header_timeout), RANGE(0, INT64_MAX)),
    KEY("idleConnTimeout", DURATION, "90s", "How long an idle connection is kept.",
        AT(model_servers_transport, idle_conn_timeout), RANGE(0, INT64_MAX)),
    SCHEMA_END,
};

/* There is no named object around it to take out of service. */
static void check_spiffe(struct decoder *decoder, const struct schema_row *row,
                         const struct node *node, void *base)
{
    struct model_servers_transport *transport = base;
    (void)decoder;
    (void)row;
    (void)node;
    transport->object.problem = SPAN("spiffe is not supported yet");
}

static const struct schema_row servers_transport[] = {
    KEY("insecureSkipVerify", BOOL, "false", "Do not verify servers' certificates.",
        AT(model_servers_transport, insecure_skip_verify)),
    KEY("rootCAs", CONTENTS, NULL, "CAs that servers' certificates must chain to.",
        AT_LIST(model_servers_transport, root_cas, root_ca_count, struct model_content)),
    KEY("maxIdleConnsPerHost", INTEGER, "200",
        "Most idle connections to one server; 0: weir.upstream.idlePerServer, negative: none.",
        AT(model_servers_transport, max_idle_conns_per_host)),
    SECTION("forwardingTimeouts", "Time limits towards servers.", forwarding_timeouts),
    SECTION("spiffe", "SPIFFE towards servers.", schema_spiffe, ALLOW_EMPTY, NOT_BUILT_CLOSES,
            CHECK(check_spiffe)),
    SCHEMA_END,
};

static const struct schema_row tcp_tls[] = {
    KEY("insecureSkipVerify", BOOL, "false", "Do not verify servers' certificates.",
        AT(model_servers_transport, insecure_skip_verify)),
    KEY("rootCAs", CONTENTS, NULL, "CAs that servers' certificates must chain to.",
        AT_LIST(model_servers_transport, root_cas, root_ca_count, struct model_content)),
    SECTION("spiffe", "SPIFFE towards servers.", schema_spiffe, ALLOW_EMPTY, NOT_BUILT_CLOSES,
            CHECK(check_spiffe)),
    SCHEMA_END,
};

static const struct schema_row tcp_servers_transport[] = {
    KEY("dialKeepAlive", DURATION, "15s", "Interval of keep-alive probes; negative: none.",
        AT(model_tcp_servers_transport, dial_keep_alive), NOT_BUILT),
    KEY("dialTimeout", DURATION, "30s", "Longest time to connect; 0: no limit.",
        AT(model_tcp_servers_transport, dial_timeout), RANGE(0, INT64_MAX)),
    KEY("terminationDelay", DURATION, "100ms",
        "How long the other direction may last once one has ended; negative: for ever.",
        AT(model_tcp_servers_transport, termination_delay)),
    SECTION("tls", "TLS towards servers.", tcp_tls, ALLOW_EMPTY,
            INTO(model_tcp_servers_transport, tls),
            PRESENT(model_tcp_servers_transport, has_tls)),
    SCHEMA_END,
};

static const struct schema_row api[] = {
    KEY("basePath", STRING, "/", "Path below which the API is served.",
        AT(model_static, api_base_path)),
    KEY("insecure", BOOL, "false", "Serve the API on the entry point named traefik.",
        AT(model_static, api_insecure)),
    KEY("dashboard", BOOL, "true", "Serve the dashboard.", AT(model_static, api_dashboard)),
    KEY("debug", BOOL, "false", "Serve debugging endpoints.", AT(model_static, api_debug),
        NOT_BUILT),
    KEY("disableDashboardAd", BOOL, "false", "No advertisement; Weir has none."),
    KEY("dashboardName", STRING, NULL, "Title of the dashboard.", NOT_BUILT),
    SCHEMA_END,
};

static const struct schema_row ping[] = {
    KEY("entryPoint", STRING, "traefik", "Entry point that serves /ping.",
        AT(model_static, ping_entry_point)),
    KEY("manualRouting", BOOL, "false", "Only serve it through routers of the operator.",
        AT(model_static, ping_manual_routing)),
    KEY("terminatingStatusCode", INTEGER, "503", "Status while Weir is stopping.",
        AT(model_static, ping_terminating_status), RANGE(100, 599)),
    SCHEMA_END,
};

static const struct schema_row host_resolver[] = {
    KEY("cnameFlattening", BOOL, "false", "Follow CNAME records of hosts."),
    KEY("resolvConfig", STRING, "/etc/resolv.conf", "Configuration of the resolver."),
    KEY("resolvDepth", INTEGER, "5", "How many records to follow."),
    SCHEMA_END,
};

static const struct schema_row plugin_settings[] = {
    KEY("envs", STRINGS, NULL, "Environment variables to pass on."),
    KEY("mounts", STRINGS, NULL, "Folders to mount."),
    KEY("useUnsafe", BOOL, "false", "Allow the package unsafe."),
    SCHEMA_END,
};

static const struct schema_row plugin[] = {
    KEY("moduleName", STRING, NULL, "Name of the module."),
    KEY("version", STRING, NULL, "Its version."),
    KEY("hash", STRING, NULL, "Its hash."),
    SECTION("settings", "What it may do.", plugin_settings),
    SCHEMA_END,
};

static const struct schema_row fast_proxy[] = {
    KEY("debug", BOOL, "false", "Log more."),
    SCHEMA_END,
};

static const struct schema_row experimental[] = {
    KEY("plugins", OBJECTS, NULL, "Plugins.", ROWS(plugin), NOT_BUILT),
    KEY("localPlugins", OBJECTS, NULL, "Local plugins.", ROWS(plugin), NOT_BUILT),
    KEY("abortOnPluginFailure", BOOL, "false", "Stop when a plugin fails."),
    SECTION("fastProxy", "Traefik's faster proxy; Weir has its own.", fast_proxy, ALLOW_EMPTY),
    KEY("knative", BOOL, "false", "Allow the knative provider."),
    KEY("kubernetesGateway", BOOL, "false", "Allow the Gateway provider.", DEPRECATED),
    KEY("kubernetesIngressNGINX", BOOL, "false", "Allow the Ingress NGINX provider."),
    KEY("otlpLogs", BOOL, "false", "Allow OpenTelemetry logs."),
    SCHEMA_END,
};

static const struct schema_row core[] = {
    KEY("defaultRuleSyntax", CHOICE, "v3", "Syntax of rules that do not say.",
        CHOICES(schema_rule_syntaxes), CHECK(schema_check_rule_syntax), DEPRECATED),
    SCHEMA_END,
};

static const struct schema_row spiffe[] = {
    KEY("workloadAPIAddr", STRING, NULL, "Where the workload API listens."),
    SCHEMA_END,
};

static const struct schema_row ocsp[] = {
    KEY("responderOverrides", STRING_MAP, NULL, "Responders to ask instead of those named.",
        AT(model_static, ocsp_overrides)),
    SCHEMA_END,
};

const struct schema_row schema_static[] = {
    SECTION("global", "Traefik's contacts to its makers.", global),
    SECTION("serversTransport", "How HTTP servers are reached when a service does not say.",
            servers_transport, INTO(model_static, default_transport)),
    SECTION("tcpServersTransport", "How TCP servers are reached when a service does not say.",
            tcp_servers_transport, INTO(model_static, default_tcp_transport)),
    KEY("entryPoints", OBJECTS, NULL, "Where Weir listens.",
        AT_LIST(model_static, entry_points, entry_point_count, struct model_entry_point),
        ROWS(schema_entry_point)),
    SECTION("providers", "Where the dynamic configuration comes from.", schema_providers),
    SECTION("api", "The API.", api, ALLOW_EMPTY, PRESENT(model_static, has_api)),
    SECTION("metrics", "Metrics.", schema_metrics),
    SECTION("ping", "A path that answers OK.", ping, ALLOW_EMPTY,
            PRESENT(model_static, has_ping)),
    SECTION("log", "Weir's own log.", schema_log, ALLOW_EMPTY),
    SECTION("accessLog", "The log of requests.", schema_access_log, ALLOW_EMPTY,
            PRESENT(model_static, access_log.enabled)),
    SECTION("tracing", "Traces of requests.", schema_tracing, ALLOW_EMPTY, NOT_BUILT),
    SECTION("hostResolver", "CNAME flattening.", host_resolver, ALLOW_EMPTY, NOT_BUILT),
    KEY("certificatesResolvers", OBJECTS, NULL, "Where certificates are obtained.",
        AT_LIST(model_static, resolvers, resolver_count, struct model_resolver),
        ROWS(schema_resolver)),
    SECTION("experimental", "What is not settled.", experimental),
    SECTION("core", "Core.", core),
    SECTION("spiffe", "SPIFFE.", spiffe, NOT_BUILT),
    SECTION("ocsp", "OCSP stapling.", ocsp, ALLOW_EMPTY, PRESENT(model_static, has_ocsp)),
    SECTION("weir", "Weir's own tuning; Traefik ignores it.", schema_weir),
    SCHEMA_END,
};
