/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http: routers, services, serversTransports. A service has exactly one type;
 * each type's section notes itself in the service's kind when it appears.
 */
#include "config/schema_tables.h"

#include "config/convert.h"

/* ---- routers ---- */

static void check_access_logs(struct decoder *decoder, const struct schema_row *row,
                              const struct node *node, void *base)
{
    struct model_router *router = base;
    (void)decoder;
    (void)row;
    (void)node;
    router->access_logs_set = true;
}

static void check_metrics(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, void *base)
{
    struct model_router *router = base;
    (void)decoder;
    (void)row;
    (void)node;
    router->metrics_set = true;
}

static const struct schema_row observability[] = {
    KEY("accessLogs", BOOL, "true", "Whether its requests are in the access log.",
        AT(model_router, access_logs), CHECK(check_access_logs)),
    KEY("metrics", BOOL, "true", "Whether its requests are counted.", AT(model_router, metrics),
        CHECK(check_metrics)),
    KEY("tracing", BOOL, "true", "Whether its requests are traced."),
    KEY("traceVerbosity", CHOICE, "minimal", "How much of them.",
        CHOICES(schema_trace_verbosity)),
    SCHEMA_END,
};

static const struct schema_row router[] = {
    KEY("entryPoints", STRINGS, NULL,
        "Entry points it serves; empty: those with asDefault, or all but `traefik`.",
        AT(model_router, entry_points)),
    KEY("middlewares", STRINGS, NULL, "Middlewares, in their order.",
        AT(model_router, middlewares)),
    KEY("service", STRING, NULL, "Service that answers.", AT(model_router, service)),
    KEY("rule", STRING, NULL, "Which requests it takes.", AT(model_router, rule),
        CHECK(schema_check_rule)),
    KEY("parentRefs", STRINGS, NULL, "Routers that come before it.", NOT_BUILT_CLOSES),
    KEY("ruleSyntax", CHOICE, NULL, "Syntax of the rule.", CHOICES(schema_rule_syntaxes),
        CHECK(schema_check_rule_syntax), DEPRECATED),
    KEY("priority", INTEGER, "0", "Higher is asked first; 0: the length of the rule.",
        AT(model_router, priority), RANGE(INT64_MIN, SCHEMA_PRIORITY_MAX)),
    SECTION("tls", "Only take requests that come by TLS.", schema_router_tls, ALLOW_EMPTY,
            INTO(model_router, tls), PRESENT(model_router, has_tls)),
    SECTION("observability", "What it reports.", observability),
    SCHEMA_END,
};

/* ---- services ---- */

static void take_kind(struct decoder *decoder, const struct node *node, void *base,
                      enum service_kind kind)
{
    struct model_service *service = base;
    if (service->type_count++ > 0)
        decoder_reject(decoder, node, "is a second type of one service; write two services");
    service->kind = kind;
}

#define KIND_CHECK(name_, kind_)                                                             \
    static void name_(struct decoder *decoder, const struct schema_row *row,                 \
                      const struct node *node, void *base)                                   \
    {                                                                                        \
        (void)row;                                                                           \
        take_kind(decoder, node, base, kind_);                                               \
    }

KIND_CHECK(is_load_balancer, SERVICE_LOAD_BALANCER)
KIND_CHECK(is_weighted, SERVICE_WEIGHTED)
KIND_CHECK(is_highest_random_weight, SERVICE_HIGHEST_RANDOM_WEIGHT)
KIND_CHECK(is_mirroring, SERVICE_MIRRORING)
KIND_CHECK(is_failover, SERVICE_FAILOVER)

static const struct schema_choice same_site[] = {
    {"none", 0}, {"lax", 1}, {"strict", 2}, {NULL, 0},
};

static const struct schema_row cookie[] = {
    KEY("name", STRING, NULL, "Name of the cookie; empty: made from the service's.",
        AT(model_service, sticky.name)),
    KEY("secure", BOOL, "false", "Only over TLS.", AT(model_service, sticky.secure)),
    KEY("httpOnly", BOOL, "false", "Hidden from scripts.", AT(model_service, sticky.http_only)),
    KEY("sameSite", CHOICE, NULL, "SameSite attribute.", AT(model_service, sticky.same_site),
        CHOICES(same_site), ANY_CASE),
    KEY("maxAge", INTEGER, "0", "Max-Age attribute; 0: none.", UNIT("seconds"),
        AT(model_service, sticky.max_age_s)),
    KEY("path", STRING, "/", "Path attribute.", AT(model_service, sticky.path)),
    KEY("domain", STRING, NULL, "Domain attribute.", AT(model_service, sticky.domain)),
    SCHEMA_END,
};

static const struct schema_row sticky[] = {
    SECTION("cookie", "By a cookie.", cookie, ALLOW_EMPTY,
            PRESENT(model_service, sticky.enabled)),
    SCHEMA_END,
};

/* Whether "host[:port][/path]" names a host, and a port if any. */
static bool is_authority(struct span text)
{
    struct span authority, host;
    uint16_t port;
    (void)span_split(text, '/', &authority);
    ptrdiff_t bracket = authority.len > 0 && authority.ptr[0] == '[' ? span_find(authority, ']', 0)
                                                                     : 0;
    ptrdiff_t colon = span_find(authority, ':', bracket > 0 ? (size_t)bracket : 0);
    return colon < 0 ? authority.len > 0
                     : convert_host_port(authority, &host, &port) == ERR_OK;
}

static void check_url(struct decoder *decoder, const struct schema_row *row,
                      const struct node *node, void *base)
{
    const struct model_server *server = base;
    struct span url = server->url;
    ptrdiff_t colon = span_find(url, ':', 0);
    struct span scheme = span_first(url, colon > 0 ? (size_t)colon : 0);
    struct span rest = span_skip(url, scheme.len);
    (void)row;
    bool known = span_equal(scheme, SPAN("http")) || span_equal(scheme, SPAN("https")) ||
                 span_equal(scheme, SPAN("h2c"));
    bool host = span_starts_with(rest, SPAN("://")) && span_find(rest, ' ', 0) < 0;
    if (!known || !host || !is_authority(span_skip(rest, 3)))
        decoder_reject(decoder, node, "\"%.*s\" is no server; write for example "
                       "http://10.0.0.1:8080", SPAN_ARG(url));
}

static void check_server(struct decoder *decoder, const struct schema_row *row,
                         const struct node *node, void *base)
{
    const struct model_server *server = base;
    (void)row;
    if (server->url.len == 0)
        decoder_reject(decoder, node, "has no url; write for example url: http://10.0.0.1:8080");
}

static const struct schema_row server[] = {
    KEY("url", STRING, NULL, "Where it is: http://, https:// or h2c://, host and port.",
        AT(model_server, url), CHECK(check_url)),
    KEY("weight", INTEGER, "1", "Share of the requests.", AT_U32(model_server, weight),
        RANGE(0, INT32_MAX)),
    KEY("preservePath", BOOL, "false", "Put the URL's path in front of the request's.",
        AT(model_server, preserve_path)),
    SCHEMA_END,
};

static const struct schema_choice health_modes[] = {{"http", 0}, {"grpc", 1}, {NULL, 0}};

static const struct schema_row health_check[] = {
    KEY("scheme", STRING, NULL, "Scheme; empty: the server's."),
    KEY("mode", CHOICE, "http", "What is asked.", CHOICES(health_modes)),
    KEY("path", STRING, NULL, "Path to ask for."),
    KEY("method", STRING, NULL, "Method; empty: GET."),
    KEY("status", INTEGER, "0", "Status to expect; 0: 200 to 399."),
    KEY("port", INTEGER, "0", "Port; 0: the server's.", RANGE(0, 65535)),
    KEY("interval", DURATION, "30s", "How often to ask."),
    KEY("unhealthyInterval", DURATION, NULL, "How often to ask unhealthy servers."),
    KEY("timeout", DURATION, "5s", "Longest wait for the answer."),
    KEY("hostname", STRING, NULL, "Host header."),
    KEY("followRedirects", BOOL, "true", "Follow redirections."),
    KEY("headers", STRING_MAP, NULL, "Headers to send."),
    SCHEMA_END,
};

static const struct schema_row passive_health_check[] = {
    KEY("failureWindow", DURATION, "10s", "Time in which failures are counted."),
    KEY("maxFailedAttempts", INTEGER, "1", "Failures that make a server unhealthy."),
    SCHEMA_END,
};

static const struct schema_row response_forwarding[] = {
    KEY("flushInterval", DURATION, "100ms",
        "How long bytes of a response may wait; negative: not at all.",
        AT(model_service, flush_interval)),
    SCHEMA_END,
};

static const struct schema_choice strategies[] = {
    {"wrr", BALANCER_WRR},
    {"p2c", BALANCER_P2C},
    {"hrw", BALANCER_HRW},
    {"leasttime", BALANCER_LEAST_TIME},
    {NULL, 0},
};

static void check_strategy(struct decoder *decoder, const struct schema_row *row,
                           const struct node *node, void *base)
{
    const struct model_service *service = base;
    (void)row;
    if (service->strategy == BALANCER_WRR)
        return;
    decoder_warn(decoder, node, "is not supported yet but for wrr; what uses it is not served");
    decoder_break_object(decoder, "%s other than wrr is not supported yet", decoder->path);
}

static const struct schema_row load_balancer[] = {
    SECTION("sticky", "Keep a client with its server.", sticky, ALLOW_EMPTY, NOT_BUILT_CLOSES),
    KEY("servers", ARRAY, NULL, "The servers.",
        AT_LIST(model_service, servers, server_count, struct model_server), ROWS(server),
        MARK_AT(model_server, mark), CHECK(check_server)),
    KEY("strategy", CHOICE, "wrr",
        "How a server is chosen; only wrr is supported yet, others fail closed.",
        AT_ENUM(model_service, strategy), CHOICES(strategies), CHECK(check_strategy)),
    SECTION("healthCheck", "Ask the servers how they are.", health_check,
            PRESENT(model_service, has_health_check), NOT_BUILT),
    SECTION("passiveHealthCheck", "Watch how the servers answer.", passive_health_check,
            NOT_BUILT),
    KEY("passHostHeader", BOOL, "true", "Pass the client's Host header on.",
        AT(model_service, pass_host_header)),
    SECTION("responseForwarding", "How responses are passed on.", response_forwarding),
    KEY("serversTransport", STRING, NULL, "How the servers are reached.",
        AT(model_service, servers_transport)),
    SCHEMA_END,
};

static const struct schema_row nothing[] = {SCHEMA_END};

static const struct schema_row weighted_service[] = {
    KEY("name", STRING, NULL, "Name of the service.", AT(model_weighted_ref, service)),
    KEY("weight", INTEGER, "1", "Share of the requests.", AT_U32(model_weighted_ref, weight),
        RANGE(0, INT32_MAX)),
    SCHEMA_END,
};

#define WEIGHTED_SERVICES                                                                    \
    KEY("services", ARRAY, NULL, "The services.",                                            \
        AT_LIST(model_service, weighted, weighted_count, struct model_weighted_ref),         \
        ROWS(weighted_service)),                                                             \
        SECTION("healthCheck", "Know of the services' health.", nothing, ALLOW_EMPTY,        \
                NOT_BUILT)

static const struct schema_row weighted[] = {
    WEIGHTED_SERVICES,
    SECTION("sticky", "Keep a client with its service.", sticky, ALLOW_EMPTY, NOT_BUILT_CLOSES),
    SCHEMA_END,
};

static const struct schema_row highest_random_weight[] = {
    WEIGHTED_SERVICES,
    SCHEMA_END,
};

static const struct schema_row mirror[] = {
    KEY("name", STRING, NULL, "Name of the service."),
    KEY("percent", INTEGER, "0", "Share of the requests that it gets.", RANGE(0, 100)),
    SCHEMA_END,
};

static const struct schema_row mirroring[] = {
    KEY("service", STRING, NULL, "Service that answers."),
    KEY("mirrorBody", BOOL, "true", "Copy bodies, too."),
    KEY("maxBodySize", BYTES, "-1", "Longest body to copy; -1: any."),
    KEY("mirrors", ARRAY, NULL, "Services that get copies.", ROWS(mirror)),
    SECTION("healthCheck", "Know of the services' health.", nothing, ALLOW_EMPTY),
    SCHEMA_END,
};

static const struct schema_row failover_errors[] = {
    KEY("status", STRINGS, NULL, "Codes or ranges that count as failures."),
    KEY("maxRequestBodyBytes", BYTES, "-1", "Longest body to keep for the second try; -1: any."),
    SCHEMA_END,
};

static const struct schema_row failover[] = {
    KEY("service", STRING, NULL, "Service that answers."),
    KEY("fallback", STRING, NULL, "Service that answers when it cannot."),
    SECTION("healthCheck", "Know of the services' health.", nothing, ALLOW_EMPTY),
    SECTION("errors", "Which answers make it fall back.", failover_errors),
    SCHEMA_END,
};

static const struct schema_row service[] = {
    SECTION("loadBalancer", "Several servers.", load_balancer, CHECK(is_load_balancer)),
    SECTION("weighted", "Several services by weight.", weighted, CHECK(is_weighted)),
    SECTION("highestRandomWeight", "Several services by the client's address.",
            highest_random_weight, CHECK(is_highest_random_weight), NOT_BUILT_CLOSES),
    SECTION("mirroring", "Copies of requests to other services.", mirroring,
            CHECK(is_mirroring), NOT_BUILT_CLOSES),
    SECTION("failover", "A second service behind the first.", failover, CHECK(is_failover),
            NOT_BUILT_CLOSES),
    KEY("middlewares", STRINGS, NULL, "Middlewares of the service.", NOT_BUILT_CLOSES),
    SCHEMA_END,
};

/* ---- serversTransports ---- */

static const struct schema_row forwarding_timeouts[] = {
    KEY("dialTimeout", DURATION, "30s", "Longest time to connect; 0: no limit.",
        AT(model_servers_transport, dial_timeout), RANGE(0, INT64_MAX)),
    KEY("responseHeaderTimeout", DURATION, "0s",
        "Longest wait for the head of a response; 0: no limit.",
        AT(model_servers_transport, response_header_timeout), RANGE(0, INT64_MAX)),
    KEY("idleConnTimeout", DURATION, "90s", "How long an idle connection is kept.",
        AT(model_servers_transport, idle_conn_timeout), RANGE(0, INT64_MAX)),
    KEY("readIdleTimeout", DURATION, "0s",
        "Silence after which an HTTP/2 connection is pinged; 0: never.",
        AT(model_servers_transport, read_idle_timeout), RANGE(0, INT64_MAX)),
    KEY("pingTimeout", DURATION, "15s",
        "Longest wait for the answer to that ping, before the connection is closed; 0: no limit.",
        AT(model_servers_transport, ping_timeout), RANGE(0, INT64_MAX)),
    SCHEMA_END,
};

static const struct schema_row servers_transport[] = {
    KEY("serverName", STRING, NULL, "Name sent to and expected of the server.",
        AT(model_servers_transport, server_name)),
    KEY("insecureSkipVerify", BOOL, "false", "Do not verify the server's certificate.",
        AT(model_servers_transport, insecure_skip_verify)),
    KEY("rootCAs", CONTENTS, NULL, "CAs that the server's certificate must chain to.",
        AT_LIST(model_servers_transport, root_cas, root_ca_count, struct model_content)),
    KEY("certificates", ARRAY, NULL, "Client certificates.",
        AT_LIST(model_servers_transport, certificates, certificate_count,
                struct model_certificate),
        ROWS(schema_certificate), MARK_AT(model_certificate, mark)),
    KEY("cipherSuites", CHOICES, NULL, "Cipher suites of TLS 1.2; empty: the secure ones.",
        AT(model_servers_transport, cipher_suites), CHOICES(schema_cipher_suites)),
    KEY("minVersion", CHOICE, NULL, "Lowest version of TLS.",
        AT_ENUM(model_servers_transport, min_version), CHOICES(schema_tls_versions)),
    KEY("maxVersion", CHOICE, NULL, "Highest version of TLS.",
        AT_ENUM(model_servers_transport, max_version), CHOICES(schema_tls_versions)),
    KEY("maxIdleConnsPerHost", INTEGER, "0",
        "Most idle connections to one server; 0: weir.upstream.idlePerServer, negative: none.",
        AT(model_servers_transport, max_idle_conns_per_host)),
    SECTION("forwardingTimeouts", "Time limits.", forwarding_timeouts),
    KEY("disableHTTP2", BOOL, "false", "No HTTP/2 towards the server.",
        AT(model_servers_transport, disable_http2)),
    KEY("peerCertURI", STRING, NULL, "URI that the server's certificate must name.",
        NOT_BUILT_CLOSES),
    SECTION("spiffe", "SPIFFE.", schema_spiffe, ALLOW_EMPTY, NOT_BUILT_CLOSES),
    SCHEMA_END,
};

const struct schema_row schema_http[] = {
    KEY("routers", OBJECTS, NULL, "Which request goes where.",
        AT_LIST(model_dynamic, http_routers, http_router_count, struct model_router),
        ROWS(router), QUALIFIED),
    KEY("services", OBJECTS, NULL, "Who answers.",
        AT_LIST(model_dynamic, http_services, http_service_count, struct model_service),
        ROWS(service), QUALIFIED),
    KEY("middlewares", OBJECTS, NULL, "What is done on the way.",
        AT_LIST(model_dynamic, http_middlewares, http_middleware_count,
                struct model_middleware),
        ROWS(schema_middleware), QUALIFIED),
    KEY("serversTransports", OBJECTS, NULL, "How servers are reached.",
        AT_LIST(model_dynamic, http_transports, http_transport_count,
                struct model_servers_transport),
        ROWS(servers_transport), QUALIFIED),
    SCHEMA_END,
};
