/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tcp and udp. TCP shares the structs of HTTP.
 */
#include "config/schema_tables.h"

#include "config/convert.h"
#include "core/base/clock.h"

static const struct schema_row router[] = {
    KEY("entryPoints", STRINGS, NULL,
        "Entry points it serves; empty: those with asDefault, or all but `traefik`.",
        AT(model_router, entry_points)),
    KEY("middlewares", STRINGS, NULL, "Middlewares, in their order.",
        AT(model_router, middlewares)),
    KEY("service", STRING, NULL, "Service that answers.", AT(model_router, service)),
    KEY("rule", STRING, NULL, "Which connections it takes.", AT(model_router, rule),
        CHECK(schema_check_rule)),
    KEY("ruleSyntax", CHOICE, NULL, "Syntax of the rule.", CHOICES(schema_rule_syntaxes),
        CHECK(schema_check_rule_syntax), DEPRECATED),
    KEY("priority", INTEGER, "0", "Higher is asked first; 0: the length of the rule.",
        AT(model_router, priority), RANGE(INT64_MIN, SCHEMA_PRIORITY_MAX)),
    SECTION("tls", "Only take TLS connections, and decrypt them unless passthrough is set.",
            schema_tcp_router_tls, ALLOW_EMPTY, INTO(model_router, tls),
            PRESENT(model_router, has_tls)),
    SCHEMA_END,
};

static void check_address(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, void *base)
{
    const struct model_server *server = base;
    struct span host;
    uint16_t port;
    (void)row;
    if (convert_host_port(server->address, &host, &port) != ERR_OK)
        decoder_reject(decoder, node, "\"%.*s\" is no server; write for example 10.0.0.1:5432",
                       SPAN_ARG(server->address));
}

static void check_server(struct decoder *decoder, const struct schema_row *row,
                         const struct node *node, void *base)
{
    struct model_server *server = base;
    (void)row;
    server->weight = 1; /* the schema of TCP has none */
    if (server->address.len == 0)
        decoder_reject(decoder, node, "has no address; write for example address: "
                       "10.0.0.1:5432");
}

static const struct schema_row server[] = {
    KEY("address", STRING, NULL, "Where it is: host:port.", AT(model_server, address),
        CHECK(check_address)),
    KEY("tls", BOOL, "false", "Speak TLS to it.", AT(model_server, tls)),
    SCHEMA_END,
};

static void check_service_proxy_protocol(struct decoder *decoder, const struct schema_row *row,
                                         const struct node *node, void *base)
{
    struct model_service *service = base;
    (void)decoder;
    (void)row;
    (void)node;
    if (service->proxy_protocol == 0)
        service->proxy_protocol = 2;
}

static const struct schema_row proxy_protocol[] = {
    KEY("version", INTEGER, NULL, "Version of the PROXY header; 2 when it is not said.",
        AT_U32(model_service, proxy_protocol), RANGE(1, 2)),
    SCHEMA_END,
};

static const struct schema_row health_check[] = {
    KEY("port", INTEGER, "0", "Port; 0: the server's.", RANGE(0, 65535)),
    KEY("send", STRING, NULL, "What to send."),
    KEY("expect", STRING, NULL, "What to expect."),
    KEY("interval", DURATION, "30s", "How often to ask."),
    KEY("unhealthyInterval", DURATION, NULL, "How often to ask unhealthy servers."),
    KEY("timeout", DURATION, "5s", "Longest wait for the answer."),
    SCHEMA_END,
};

/* The key counts milliseconds, the model nanoseconds. */
static void check_delay(struct decoder *decoder, const struct schema_row *row,
                        const struct node *node, void *base)
{
    struct model_service *service = base;
    (void)row;
    int64_t nanoseconds;
    if (__builtin_mul_overflow(service->termination_delay, NS_PER_MS, &nanoseconds)) {
        decoder_reject(decoder, node, "is too big");
        nanoseconds = 0;
    }
    service->termination_delay = nanoseconds;
    service->has_termination_delay = true;
}

static const struct schema_row load_balancer[] = {
    KEY("servers", ARRAY, NULL, "The servers.",
        AT_LIST(model_service, servers, server_count, struct model_server), ROWS(server),
        MARK_AT(model_server, mark), CHECK(check_server)),
    KEY("serversTransport", STRING, NULL, "How the servers are reached.",
        AT(model_service, servers_transport)),
    SECTION("proxyProtocol",
            "Send a PROXY header; counts only where no serversTransport is named.",
            proxy_protocol, ALLOW_EMPTY, CHECK(check_service_proxy_protocol), DEPRECATED),
    KEY("terminationDelay", INTEGER, NULL,
        "How long the other direction may last once one has ended; negative: for ever.",
        UNIT("ms"), AT(model_service, termination_delay), CHECK(check_delay), NOT_BUILT,
        DEPRECATED),
    SECTION("healthCheck", "Ask the servers how they are.", health_check, ALLOW_EMPTY,
            PRESENT(model_service, has_health_check), NOT_BUILT),
    SCHEMA_END,
};

static const struct schema_row nothing[] = {SCHEMA_END};

static const struct schema_row weighted_service[] = {
    KEY("name", STRING, NULL, "Name of the service.", AT(model_weighted_ref, service)),
    KEY("weight", INTEGER, "1", "Share of the connections.", AT_U32(model_weighted_ref, weight),
        RANGE(0, INT32_MAX)),
    SCHEMA_END,
};

static const struct schema_row weighted[] = {
    KEY("services", ARRAY, NULL, "The services.",
        AT_LIST(model_service, weighted, weighted_count, struct model_weighted_ref),
        ROWS(weighted_service)),
    SECTION("healthCheck", "Know of the services' health.", nothing, ALLOW_EMPTY, NOT_BUILT),
    SCHEMA_END,
};

static void take_kind(struct decoder *decoder, const struct schema_row *row,
                      const struct node *node, void *base)
{
    struct model_service *service = base;
    if (service->type_count++ > 0)
        decoder_reject(decoder, node, "is a second type of one service; write two services");
    service->kind = row->rows == weighted ? SERVICE_WEIGHTED : SERVICE_LOAD_BALANCER;
}

static const struct schema_row service[] = {
    SECTION("loadBalancer", "Several servers.", load_balancer, CHECK(take_kind)),
    SECTION("weighted", "Several services by weight.", weighted, CHECK(take_kind)),
    SCHEMA_END,
};

static void take_type(struct decoder *decoder, const struct schema_row *row,
                      const struct node *node, void *base)
{
    struct model_middleware *middleware = base;
    if (middleware->type.len > 0)
        decoder_reject(decoder, node, "is a second type of one middleware; write two");
    middleware->type = span_cstr(row->name);
}

static const struct schema_row ip_allow_list[] = {
    KEY("sourceRange", CIDRS, NULL, "Addresses that may connect."),
    SCHEMA_END,
};

static const struct schema_row in_flight_conn[] = {
    KEY("amount", INTEGER, "0", "Most connections at once of one address."),
    SCHEMA_END,
};

static const struct schema_row middleware[] = {
    SECTION("ipAllowList", "Only these addresses.", ip_allow_list, CHECK(take_type),
            NOT_BUILT_CLOSES),
    SECTION("ipWhiteList", "Former name of ipAllowList.", ip_allow_list, CHECK(take_type),
            NOT_BUILT_CLOSES, DEPRECATED),
    SECTION("inFlightConn", "Only so many connections.", in_flight_conn, CHECK(take_type),
            NOT_BUILT_CLOSES),
    SCHEMA_END,
};

static const struct schema_row transport_tls[] = {
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
    KEY("peerCertURI", STRING, NULL, "URI that the server's certificate must name.",
        NOT_BUILT_CLOSES),
    SECTION("spiffe", "SPIFFE.", schema_spiffe, ALLOW_EMPTY, NOT_BUILT_CLOSES),
    SCHEMA_END,
};

static void check_proxy_protocol(struct decoder *decoder, const struct schema_row *row,
                                 const struct node *node, void *base)
{
    struct model_tcp_servers_transport *transport = base;
    (void)decoder;
    (void)row;
    (void)node;
    if (transport->proxy_protocol == 0)
        transport->proxy_protocol = 2;
}

static const struct schema_row transport_proxy_protocol[] = {
    KEY("version", INTEGER, NULL, "Version of the PROXY header; 2 when it is not said.",
        AT_U32(model_tcp_servers_transport, proxy_protocol), RANGE(1, 2)),
    SCHEMA_END,
};

static const struct schema_row servers_transport[] = {
    KEY("dialKeepAlive", DURATION, "15s", "Interval of keep-alive probes; negative: none.",
        AT(model_tcp_servers_transport, dial_keep_alive), NOT_BUILT),
    KEY("dialTimeout", DURATION, "30s", "Longest time to connect; 0: no limit.",
        AT(model_tcp_servers_transport, dial_timeout), RANGE(0, INT64_MAX)),
    SECTION("proxyProtocol", "Send a PROXY header.", transport_proxy_protocol, ALLOW_EMPTY,
            CHECK(check_proxy_protocol)),
    KEY("terminationDelay", DURATION, "100ms",
        "How long the other direction may last once one has ended; negative: for ever.",
        AT(model_tcp_servers_transport, termination_delay)),
    SECTION("tls", "TLS towards the server.", transport_tls, ALLOW_EMPTY,
            INTO(model_tcp_servers_transport, tls),
            PRESENT(model_tcp_servers_transport, has_tls)),
    SCHEMA_END,
};

const struct schema_row schema_tcp[] = {
    KEY("routers", OBJECTS, NULL, "Which connection goes where.",
        AT_LIST(model_dynamic, tcp_routers, tcp_router_count, struct model_router), ROWS(router),
        QUALIFIED),
    KEY("services", OBJECTS, NULL, "Who answers.",
        AT_LIST(model_dynamic, tcp_services, tcp_service_count, struct model_service),
        ROWS(service), QUALIFIED),
    KEY("middlewares", OBJECTS, NULL, "What is done on the way.",
        AT_LIST(model_dynamic, tcp_middlewares, tcp_middleware_count, struct model_middleware),
        ROWS(middleware), QUALIFIED),
    KEY("serversTransports", OBJECTS, NULL, "How servers are reached.",
        AT_LIST(model_dynamic, tcp_transports, tcp_transport_count,
                struct model_tcp_servers_transport),
        ROWS(servers_transport), QUALIFIED),
    SCHEMA_END,
};

/* ---- udp: not built ---- */

static const struct schema_row udp_router[] = {
    KEY("entryPoints", STRINGS, NULL, "Entry points it serves; empty: all of UDP."),
    KEY("service", STRING, NULL, "Service that answers."),
    SCHEMA_END,
};

static const struct schema_row udp_server[] = {
    KEY("address", STRING, NULL, "Where it is: host:port."),
    SCHEMA_END,
};

static const struct schema_row udp_load_balancer[] = {
    KEY("servers", ARRAY, NULL, "The servers.", ROWS(udp_server)),
    SCHEMA_END,
};

static const struct schema_row udp_weighted_service[] = {
    KEY("name", STRING, NULL, "Name of the service."),
    KEY("weight", INTEGER, "1", "Share of the sessions.", RANGE(0, INT32_MAX)),
    SCHEMA_END,
};

static const struct schema_row udp_weighted[] = {
    KEY("services", ARRAY, NULL, "The services.", ROWS(udp_weighted_service)),
    SCHEMA_END,
};

static const struct schema_row udp_service[] = {
    SECTION("loadBalancer", "Several servers.", udp_load_balancer),
    SECTION("weighted", "Several services by weight.", udp_weighted),
    SCHEMA_END,
};

const struct schema_row schema_udp[] = {
    KEY("routers", OBJECTS, NULL, "Which session goes where.", ROWS(udp_router)),
    KEY("services", OBJECTS, NULL, "Who answers.", ROWS(udp_service)),
    SCHEMA_END,
};
