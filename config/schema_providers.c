/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * providers: only the file provider is built. The others are known, so that a
 * file that names them loads, and each is one warning.
 */
#include "config/schema_tables.h"

#define LABEL_RULE "Host(`{{ normalize .Name }}`)"

static const struct schema_row file[] = {
    KEY("directory", STRING, NULL, "Folder of the dynamic configuration, read recursively.",
        AT(model_static, file_directory)),
    KEY("filename", STRING, NULL, "File of the dynamic configuration.",
        AT(model_static, file_name)),
    KEY("watch", BOOL, "true", "Read again whenever the files, or certificates, change.",
        AT(model_static, file_watch)),
    KEY("debugLogGeneratedTemplate", BOOL, "false", "Log what templates expand to.", NOT_BUILT),
    SCHEMA_END,
};

static const struct schema_row http[] = {
    KEY("endpoint", STRING, NULL, "URL to read the dynamic configuration from."),
    KEY("pollInterval", DURATION, "5s", "How often to read it."),
    KEY("pollTimeout", DURATION, "5s", "How long one reading may take."),
    KEY("headers", STRING_MAP, NULL, "Headers sent to the endpoint."),
    SECTION("tls", "TLS towards the endpoint.", schema_client_tls),
    SCHEMA_END,
};

static const struct schema_row rest[] = {
    KEY("insecure", BOOL, "false", "Serve it on the entry point named traefik."),
    SCHEMA_END,
};

#define CONTAINER                                                                            \
    KEY("allowEmptyServices", BOOL, "false", "Ignore the containers' health."),              \
        KEY("constraints", STRING, NULL, "Expression that containers must satisfy."),        \
        KEY("defaultRule", STRING, LABEL_RULE, "Rule of routers that have none."),           \
        KEY("endpoint", STRING, "unix:///var/run/docker.sock", "Where Docker listens."),     \
        KEY("exposedByDefault", BOOL, "true", "Expose containers by default."),              \
        KEY("httpClientTimeout", DURATION, "0s", "How long a call may take; 0: for ever."),  \
        KEY("network", STRING, NULL, "Network to reach containers by."),                     \
        KEY("password", STRING, NULL, "Password for the endpoint."),                         \
        SECTION("tls", "TLS towards the endpoint.", schema_client_tls),                      \
        KEY("useBindPortIP", BOOL, "false", "Use the address that a port is bound to."),     \
        KEY("username", STRING, NULL, "User name for the endpoint."),                        \
        KEY("watch", BOOL, "true", "Follow events.")

static const struct schema_row docker[] = {
    CONTAINER,
    SCHEMA_END,
};

static const struct schema_row swarm[] = {
    CONTAINER,
    KEY("refreshSeconds", DURATION, "15s", "How often to ask."),
    SCHEMA_END,
};

#define KUBERNETES                                                                           \
    KEY("certAuthFilePath", STRING, NULL, "Certificate authority of the API server."),       \
        KEY("endpoint", STRING, NULL, "API server, from outside the cluster."),              \
        KEY("throttleDuration", DURATION, "0s", "Shortest time between two updates."),       \
        KEY("token", STRING, NULL, "Bearer token, or the path of its file.")
#define KUBERNETES_NAMESPACES                                                                \
    KUBERNETES, KEY("labelSelector", STRING, NULL, "Label selector."),                       \
        KEY("namespaces", STRINGS, NULL, "Namespaces to watch; empty: all.")

#define CROSS_PROVIDER                                                                       \
    KEY("crossProviderNamespaces", STRINGS, NULL, "Namespaces that may refer across providers.")

static const struct schema_row kubernetes_crd[] = {
    KUBERNETES_NAMESPACES,
    KEY("allowCrossNamespace", BOOL, "false", "Allow references into other namespaces."),
    KEY("allowEmptyServices", BOOL, "false", "Allow services without endpoints."),
    KEY("allowExternalNameServices", BOOL, "false", "Allow ExternalName services."),
    CROSS_PROVIDER,
    KEY("defaultTLSResourcesNamespace", STRING, NULL,
        "Namespace that alone may define the default TLS options and store."),
    KEY("disableClusterScopeResources", BOOL, "false", "Do not look at cluster resources."),
    KEY("ingressClass", STRING, NULL, "Ingress class to watch for."),
    KEY("nativeLBByDefault", BOOL, "false", "Leave load balancing to Kubernetes."),
    SCHEMA_END,
};

static const struct schema_row ingress_endpoint[] = {
    KEY("hostname", STRING, NULL, "Host name to publish."),
    KEY("ip", STRING, NULL, "Address to publish."),
    KEY("publishedService", STRING, NULL, "Service whose status to copy."),
    SCHEMA_END,
};

static const struct schema_row kubernetes_ingress[] = {
    KUBERNETES_NAMESPACES,
    KEY("allowEmptyServices", BOOL, "false", "Allow services without endpoints."),
    KEY("allowExternalNameServices", BOOL, "false", "Allow ExternalName services."),
    CROSS_PROVIDER,
    KEY("disableClusterScopeResources", BOOL, "false", "Do not look at cluster resources."),
    KEY("disableIngressClassLookup", BOOL, "false", "Do not look at ingress classes."),
    KEY("ingressClass", STRING, NULL, "Ingress class to watch for."),
    SECTION("ingressEndpoint", "What to publish in the status.", ingress_endpoint),
    KEY("nativeLBByDefault", BOOL, "false", "Leave load balancing to Kubernetes."),
    KEY("strictPrefixMatching", BOOL, "false", "Match prefixes by whole path elements."),
    SCHEMA_END,
};

static const struct schema_row kubernetes_service[] = {
    KEY("name", STRING, NULL, "Name of the service."),
    KEY("namespace", STRING, NULL, "Its namespace."),
    SCHEMA_END,
};

static const struct schema_row status_address[] = {
    KEY("hostname", STRING, NULL, "Host name to publish."),
    KEY("ip", STRING, NULL, "Address to publish."),
    SECTION("service", "Service whose addresses to copy.", kubernetes_service),
    SCHEMA_END,
};

static const struct schema_row kubernetes_gateway[] = {
    KUBERNETES_NAMESPACES,
    CROSS_PROVIDER,
    KEY("experimentalChannel", BOOL, "false", "Support the experimental resources."),
    KEY("nativeLBByDefault", BOOL, "false", "Leave load balancing to Kubernetes."),
    SECTION("statusAddress", "What to publish in the status.", status_address),
    SCHEMA_END,
};

/* Values that the controller itself takes from its ConfigMap. */
#define NGINX_CONFIG_MAP                                                                     \
    KEY("clientBodyBufferSize", BYTES, "16384", "Buffer for a request's body."),             \
        KEY("customHTTPErrors", STRINGS, NULL, "Codes for which the default backend answers."), \
        KEY("globalAllowedResponseHeaders", STRINGS, NULL,                                   \
            "Response headers that annotations may set."),                                   \
        KEY("globalAuthURL", STRING, NULL, "URL of the server that decides, for all."),      \
        KEY("proxyBodySize", BYTES, "1048576", "Longest body of a request."),                \
        KEY("proxyBuffering", BOOL, "false", "Read responses whole before they are passed on."), \
        KEY("proxyBufferSize", BYTES, "8192", "Buffer for a response."),                     \
        KEY("proxyBuffersNumber", INTEGER, "4", "Such buffers."),                            \
        KEY("proxyConnectTimeout", INTEGER, "60", "Longest time to connect.",                \
            UNIT("seconds")),                                                                \
        KEY("proxyNextUpstream", STRING, "error timeout", "When to try the next server."),   \
        KEY("proxyNextUpstreamTimeout", INTEGER, "0", "Longest time for all tries; 0: any.", \
            UNIT("seconds")),                                                                \
        KEY("proxyNextUpstreamTries", INTEGER, "3", "How often to try."),                    \
        KEY("proxyReadTimeout", INTEGER, "60", "Longest silence of a server.",               \
            UNIT("seconds")),                                                                \
        KEY("proxyRequestBuffering", BOOL, "false",                                          \
            "Read requests whole before they are passed on."),                               \
        KEY("proxySendTimeout", INTEGER, "60", "Longest stop in sending to a server.",       \
            UNIT("seconds")),                                                                \
        KEY("upstreamKeepaliveTimeout", INTEGER, "60",                                       \
            "How long an idle connection is kept.", UNIT("seconds"))

static const struct schema_row nginx_ip_strategy[] = {
    KEY("depth", INTEGER, "0", "Which address of X-Forwarded-For, from the right."),
    KEY("excludedIPs", STRINGS, NULL, "Addresses of X-Forwarded-For to pass over."),
    KEY("ipv6Subnet", INTEGER, NULL, "Take IPv6 addresses of one subnet for one.",
        RANGE(0, 128)),
    SCHEMA_END,
};

static const struct schema_row kubernetes_ingress_nginx[] = {
    KUBERNETES,
    NGINX_CONFIG_MAP,
    KEY("allowCrossNamespaceResources", BOOL, "false",
        "Allow references into other namespaces."),
    KEY("allowSnippetAnnotations", BOOL, "false", "Read annotations that hold snippets."),
    KEY("httpEntryPoint", STRING, NULL, "Entry point for HTTP; empty: those without TLS."),
    KEY("httpsEntryPoint", STRING, NULL, "Entry point for HTTPS; empty: those with TLS."),
    SECTION("ipAllowListStrategy", "How the client's address is found.", nginx_ip_strategy,
            ALLOW_EMPTY),
    KEY("strictValidatePathType", BOOL, "true", "Refuse patterns in paths that are not to be any."),
    KEY("controllerClass", STRING, "k8s.io/ingress-nginx", "Controller class to satisfy."),
    KEY("defaultBackendService", STRING, NULL, "Service for what nothing else matches."),
    KEY("disableSvcExternalName", BOOL, "false", "No ExternalName services."),
    KEY("ingressClass", STRING, "nginx", "Ingress class to satisfy."),
    KEY("ingressClassByName", BOOL, "false", "Look for the class by name, too."),
    KEY("publishService", STRING, NULL, "Service in front of the controller."),
    KEY("publishStatusAddress", STRINGS, NULL, "Addresses to publish."),
    KEY("watchIngressWithoutClass", BOOL, "false", "Watch ingresses without a class."),
    KEY("watchNamespace", STRING, NULL, "Namespace to watch; empty: all."),
    KEY("watchNamespaceSelector", STRING, NULL, "Selector of namespaces to watch."),
    SCHEMA_END,
};

static const struct schema_row knative[] = {
    KUBERNETES_NAMESPACES,
    CROSS_PROVIDER,
    KEY("privateEntryPoints", STRINGS, NULL, "Entry points for private ingresses."),
    SECTION("privateService", "Service that exposes them.", kubernetes_service),
    KEY("publicEntryPoints", STRINGS, NULL, "Entry points for public ingresses."),
    SECTION("publicService", "Service that exposes them.", kubernetes_service),
    SCHEMA_END,
};

#define STORE(default_)                                                                      \
    KEY("endpoints", STRINGS, default_, "Where the store listens."),                         \
        KEY("rootKey", STRING, "traefik", "Key below which the configuration stands.")

static const struct schema_row consul[] = {
    STORE("127.0.0.1:8500"),
    KEY("token", STRING, NULL, "Token sent with each request."),
    KEY("namespaces", STRINGS, NULL, "Namespaces to look into."),
    SECTION("tls", "TLS towards the store.", schema_client_tls),
    SCHEMA_END,
};

static const struct schema_row etcd[] = {
    STORE("127.0.0.1:2379"),
    KEY("username", STRING, NULL, "User name."),
    KEY("password", STRING, NULL, "Password."),
    SECTION("tls", "TLS towards the store.", schema_client_tls),
    SCHEMA_END,
};

static const struct schema_row sentinel[] = {
    KEY("masterName", STRING, NULL, "Name of the master."),
    KEY("username", STRING, NULL, "User name for Sentinel."),
    KEY("password", STRING, NULL, "Password for Sentinel."),
    KEY("latencyStrategy", BOOL, "false", "Ask the nearest node."),
    KEY("randomStrategy", BOOL, "false", "Ask any node."),
    KEY("replicaStrategy", BOOL, "false", "Ask replicas."),
    KEY("useDisconnectedReplicas", BOOL, "false", "Also ask replicas without a master."),
    SCHEMA_END,
};

static const struct schema_row redis[] = {
    STORE("127.0.0.1:6379"),
    KEY("username", STRING, NULL, "User name."),
    KEY("password", STRING, NULL, "Password."),
    KEY("db", INTEGER, "0", "Number of the database."),
    SECTION("tls", "TLS towards the store.", schema_client_tls),
    SECTION("sentinel", "Find the servers through Sentinel.", sentinel),
    SCHEMA_END,
};

static const struct schema_row zookeeper[] = {
    STORE("127.0.0.1:2181"),
    KEY("username", STRING, NULL, "User name."),
    KEY("password", STRING, NULL, "Password."),
    SCHEMA_END,
};

static const struct schema_row consul_auth[] = {
    KEY("username", STRING, NULL, "User name."),
    KEY("password", STRING, NULL, "Password."),
    SCHEMA_END,
};

static const struct schema_row catalog_endpoint[] = {
    KEY("address", STRING, NULL, "Where Consul listens."),
    KEY("scheme", STRING, NULL, "http or https."),
    KEY("datacenter", STRING, NULL, "Data center; empty: the agent's."),
    KEY("token", STRING, NULL, "Token sent with each request."),
    KEY("endpointWaitTime", DURATION, "0s", "How long a watch may block."),
    SECTION("httpAuth", "Basic authentication.", consul_auth),
    SECTION("tls", "TLS towards Consul.", schema_client_tls),
    SCHEMA_END,
};

#define CATALOG                                                                              \
    KEY("constraints", STRING, NULL, "Expression that services must satisfy."),              \
        KEY("defaultRule", STRING, LABEL_RULE, "Rule of routers that have none."),           \
        KEY("exposedByDefault", BOOL, "true", "Expose services by default."),                \
        KEY("namespaces", STRINGS, NULL, "Namespaces to look into."),                        \
        KEY("prefix", STRING, "traefik", "Prefix of the tags to read."),                     \
        KEY("refreshInterval", DURATION, "15s", "How often to ask."),                        \
        KEY("stale", BOOL, "false", "Accept answers that may be stale."),                    \
        KEY("watch", BOOL, "false", "Follow events.")

static const struct schema_row consul_catalog[] = {
    CATALOG,
    KEY("cache", BOOL, "false", "Use the agent's cache."),
    KEY("connectAware", BOOL, "false", "Support Consul Connect."),
    KEY("connectByDefault", BOOL, "false", "Take every service for Connect-capable."),
    SECTION("endpoint", "Consul itself.", catalog_endpoint),
    KEY("requireConsistent", BOOL, "false", "Insist on consistent answers."),
    KEY("serviceName", STRING, "traefik", "Name under which this proxy is registered."),
    KEY("strictChecks", STRINGS, "passing, warning", "States of health that take traffic."),
    SCHEMA_END,
};

static const struct schema_row nomad_endpoint[] = {
    KEY("address", STRING, "http://127.0.0.1:4646", "URL of Nomad."),
    KEY("region", STRING, NULL, "Region; empty: the agent's."),
    KEY("token", STRING, NULL, "Token sent with each request."),
    KEY("endpointWaitTime", DURATION, "0s", "How long a watch may block."),
    SECTION("tls", "TLS towards Nomad.", schema_client_tls),
    SCHEMA_END,
};

static const struct schema_row nomad[] = {
    CATALOG,
    KEY("allowEmptyServices", BOOL, "false", "Allow services without endpoints."),
    SECTION("endpoint", "Nomad itself.", nomad_endpoint),
    KEY("throttleDuration", DURATION, "0s", "Shortest time between two updates."),
    SCHEMA_END,
};

static const struct schema_row ecs[] = {
    KEY("accessKeyID", STRING, NULL, "AWS access key."),
    KEY("autoDiscoverClusters", BOOL, "false", "Find the clusters."),
    KEY("clusters", STRINGS, "default", "Names of the clusters."),
    KEY("constraints", STRING, NULL, "Expression that containers must satisfy."),
    KEY("defaultRule", STRING, LABEL_RULE, "Rule of routers that have none."),
    KEY("ecsAnywhere", BOOL, "false", "Support ECS Anywhere."),
    KEY("exposedByDefault", BOOL, "true", "Expose services by default."),
    KEY("healthyTasksOnly", BOOL, "false", "Only healthy tasks."),
    KEY("refreshSeconds", INTEGER, "15", "How often to ask.", UNIT("seconds")),
    KEY("region", STRING, NULL, "AWS region."),
    KEY("secretAccessKey", STRING, NULL, "AWS secret key."),
    SCHEMA_END,
};

#define PROVIDER(name_, rows_)                                                               \
    SECTION(name_, "The " name_ " provider.", rows_, ALLOW_EMPTY, NOT_BUILT)

const struct schema_row schema_providers[] = {
    KEY("providersThrottleDuration", DURATION, "2s",
        "Shortest time between two changes of the configuration.",
        AT(model_static, providers_throttle), RANGE(0, INT64_MAX)),
    KEY("precedence", STRINGS, NULL, "Order of the providers.", NOT_BUILT),
    SECTION("file", "The file provider.", file, ALLOW_EMPTY,
            PRESENT(model_static, has_file_provider)),
    PROVIDER("docker", docker),
    PROVIDER("swarm", swarm),
    PROVIDER("kubernetesIngress", kubernetes_ingress),
    PROVIDER("kubernetesIngressNGINX", kubernetes_ingress_nginx),
    PROVIDER("kubernetesCRD", kubernetes_crd),
    PROVIDER("kubernetesGateway", kubernetes_gateway),
    PROVIDER("knative", knative),
    PROVIDER("rest", rest),
    PROVIDER("consulCatalog", consul_catalog),
    PROVIDER("nomad", nomad),
    PROVIDER("ecs", ecs),
    PROVIDER("consul", consul),
    PROVIDER("etcd", etcd),
    PROVIDER("zooKeeper", zookeeper),
    PROVIDER("redis", redis),
    PROVIDER("http", http),
    KEY("plugin", ANY, NULL, "Providers that are plugins.", NOT_BUILT),
    SCHEMA_END,
};
