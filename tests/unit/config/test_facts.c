/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Traefik's configuration consists of, written by hand from its reference
 * and not from our tables: section by section every key, its kind and its
 * default. The tables must hold these keys and no others.
 *
 *   key kind[=default] | key kind …
 *
 * Kinds: s string, b boolean, i integer, d duration, f number, l list, L list
 * of numbers, m map of strings, n map of integers, ? anything, { section,
 * {} section that may be empty, * named sections, [] list of sections. Without
 * a default it is the zero value. A section that begins with a dot is known by
 * the end of its path.
 */
#include "config/convert.h"
#include "config/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct facts {
    const char *section, *keys;
};

#define OBSERVABILITY                                                                        \
    "accessLogs b=true | metrics b=true | tracing b=true | traceVerbosity s=minimal"
#define ROUTER_TLS "options s | certResolver s | domains []"
#define DOMAIN "main s | sans l"
#define LABELS "addEntryPointsLabels b=true | addRoutersLabels b | addServicesLabels b=true"
#define ENCODED(value)                                                                       \
    "allowEncodedSlash b=" value " | allowEncodedBackSlash b=" value                         \
    " | allowEncodedNullCharacter b=" value " | allowEncodedSemicolon b=" value              \
    " | allowEncodedPercent b=" value " | allowEncodedQuestionMark b=" value                 \
    " | allowEncodedHash b=" value
#define CLIENT_TLS "ca s | caOptional b | cert s | key s | insecureSkipVerify b"
#define IP_STRATEGY "depth i | excludedIPs l | ipv6Subnet i"
#define NAME "country b | province b | locality b | organization b | commonName b | "        \
             "serialNumber b | domainComponent b"

static const struct facts static_facts[] = {
    {"", "global { | serversTransport { | tcpServersTransport { | entryPoints * | providers { | "
         "api {} | metrics { | ping {} | log {} | accessLog {} | tracing {} | hostResolver {} | "
         "certificatesResolvers * | experimental { | core { | spiffe { | ocsp {}"},
    {"global", "checkNewVersion b=true | sendAnonymousUsage b"},
    {"serversTransport", "insecureSkipVerify b | rootCAs l | maxIdleConnsPerHost i=200 | "
                         "forwardingTimeouts { | spiffe {}"},
    {"serversTransport.forwardingTimeouts",
     "dialTimeout d=30s | responseHeaderTimeout d=0s | idleConnTimeout d=90s"},
    {".spiffe", "ids l | trustDomain s"},
    {"tcpServersTransport",
     "dialKeepAlive d=15s | dialTimeout d=30s | terminationDelay d=100ms | tls {}"},
    {"tcpServersTransport.tls", "insecureSkipVerify b | rootCAs l | spiffe {}"},
    {"api", "basePath s=/ | insecure b | dashboard b=true | debug b | disableDashboardAd b | "
            "dashboardName s"},
    {"ping", "entryPoint s=traefik | manualRouting b | terminatingStatusCode i=503"},
    {"hostResolver", "cnameFlattening b | resolvConfig s=/etc/resolv.conf | resolvDepth i=5"},
    {"core", "defaultRuleSyntax s=v3"},
    {"spiffe", "workloadAPIAddr s"},
    {"ocsp", "responderOverrides m"},
    {"experimental", "plugins * | localPlugins * | abortOnPluginFailure b | fastProxy {} | "
                     "knative b | kubernetesGateway b | kubernetesIngressNGINX b | otlpLogs b"},
    {"experimental.fastProxy", "debug b"},
    {"experimental.plugins", "moduleName s | version s | hash s | settings {"},
    {"experimental.localPlugins", "moduleName s | version s | hash s | settings {"},
    {".settings", "envs l | mounts l | useUnsafe b"},
    /* entry points */
    {"entryPoints", "address s | allowACMEByPass b | reusePort b | asDefault b | transport { | "
                    "proxyProtocol {} | forwardedHeaders { | http { | http2 { | http3 {} | "
                    "udp { | observability {"},
    {"entryPoints.transport", "lifeCycle { | respondingTimeouts { | keepAliveMaxTime d | "
                              "keepAliveMaxRequests i"},
    {"entryPoints.transport.lifeCycle", "requestAcceptGraceTimeout d | graceTimeOut d=10s"},
    {"entryPoints.transport.respondingTimeouts",
     "readTimeout d=60s | writeTimeout d=0s | idleTimeout d=180s"},
    {"entryPoints.proxyProtocol", "insecure b | trustedIPs l"},
    {"entryPoints.forwardedHeaders",
     "insecure b | trustedIPs l | connection l | notAppendXForwardedFor b"},
    {"entryPoints.http", "redirections { | middlewares l | tls {} | encodedCharacters { | "
                         "encodeQuerySemicolons b | sanitizePath b=true | "
                         "maxHeaderBytes i=1048576 | underscoreHeadersStrategy s=keep | "
                         "aliasHeadersStrategy s=keep"},
    {"entryPoints.http.redirections", "entryPoint {"},
    {"entryPoints.http.redirections.entryPoint",
     "to s | scheme s=https | permanent b=true | priority i=9223372036854775806"},
    {"entryPoints.http.tls", ROUTER_TLS},
    {"entryPoints.http.tls.domains", DOMAIN},
    {"entryPoints.http.encodedCharacters", ENCODED("true")},
    {"entryPoints.http2", "maxConcurrentStreams i=250 | maxDecoderHeaderTableSize i=4096 | "
                          "maxEncoderHeaderTableSize i=4096"},
    {"entryPoints.http3", "advertisedPort i"},
    {"entryPoints.udp", "timeout d=3s"},
    {"entryPoints.observability", OBSERVABILITY},
    /* certificates */
    {"certificatesResolvers", "acme { | tailscale {}"},
    {"certificatesResolvers.tailscale", ""},
    {"certificatesResolvers.acme",
     "email s | emailAddresses l | caServer s=https://acme-v02.api.letsencrypt.org/directory | "
     "caServerName s | caCertificates l | caSystemCertPool b | preferredChain s | profile s | "
     "storage s=acme.json | keyType s=RSA4096 | eab { | certificatesDuration i=2160 | "
     "clientTimeout d=2m | clientResponseHeaderTimeout d=30s | disableCommonName b | "
     "httpChallenge {} | tlsChallenge {} | dnsChallenge {}"},
    {"certificatesResolvers.acme.eab", "kid s | hmacEncoded s"},
    {"certificatesResolvers.acme.httpChallenge", "entryPoint s | delay d"},
    {"certificatesResolvers.acme.tlsChallenge", "delay d"},
    {"certificatesResolvers.acme.dnsChallenge", "provider s | resolvers l | propagation {} | "
                                                "delayBeforeCheck d | disablePropagationCheck b"},
    {"certificatesResolvers.acme.dnsChallenge.propagation",
     "disableChecks b | disableANSChecks b | requireAllRNS b | delayBeforeChecks d"},
    /* logs, metrics, traces */
    {"log", "level s=ERROR | format s=common | filePath s | noColor b | maxSize i | maxAge i | "
            "maxBackups i | compress b | otlp {}"},
    {"accessLog", "filePath s | format s=common | filters { | fields { | bufferingSize i | "
                  "addInternals b | dualOutput b | otlp {}"},
    {"accessLog.filters", "statusCodes l | retryAttempts b | minDuration d"},
    {"accessLog.fields", "defaultMode s=keep | names m | headers {"},
    {"accessLog.fields.headers", "defaultMode s=drop | names m"},
    {".otlp", "serviceName s=traefik | resourceAttributes m | grpc {} | http {}"},
    {".grpc", "endpoint s=localhost:4317 | headers m | insecure b | tls {"},
    {".otlp.http", "endpoint s=https://localhost:4318 | headers m | tls {"},
    {".tls", CLIENT_TLS},
    {"metrics", "addInternals b | prometheus {} | datadog {} | statsD {} | influxDB2 {} | otlp {}"},
    {"metrics.prometheus", LABELS " | buckets L=0.1, 0.3, 1.2, 5 | entryPoint s=traefik | "
                                  "headerLabels m | manualRouting b"},
    {"metrics.datadog", LABELS " | address s=localhost:8125 | prefix s=traefik | "
                               "pushInterval d=10s"},
    {"metrics.statsD", LABELS " | address s=localhost:8125 | prefix s=traefik | "
                              "pushInterval d=10s"},
    {"metrics.influxDB2", LABELS " | additionalLabels m | address s=http://localhost:8086 | "
                                 "bucket s | org s | pushInterval d=10s | token s"},
    {"metrics.otlp", LABELS " | explicitBoundaries L=0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, "
                            "0.5, 0.75, 1, 2.5, 5, 7.5, 10 | grpc {} | http {} | "
                            "pushInterval d=10s | resourceAttributes m | serviceName s=traefik"},
    {"tracing", "serviceName s=traefik | resourceAttributes m | globalAttributes m | "
                "capturedRequestHeaders l | capturedResponseHeaders l | safeQueryParams l | "
                "sampleRate f=1 | addInternals b | otlp {}"},
    /* providers */
    {"providers", "providersThrottleDuration d=2s | precedence l | file {} | docker {} | "
                  "swarm {} | kubernetesIngress {} | kubernetesIngressNGINX {} | "
                  "kubernetesCRD {} | kubernetesGateway {} | knative {} | rest {} | "
                  "consulCatalog {} | nomad {} | ecs {} | consul {} | etcd {} | zooKeeper {} | "
                  "redis {} | http {} | plugin ?"},
    {"providers.file", "directory s | filename s | watch b=true | debugLogGeneratedTemplate b"},
    {"providers.http",
     "endpoint s | pollInterval d=5s | pollTimeout d=5s | headers m | tls {"},
    {"providers.rest", "insecure b"},
#define CONTAINER                                                                            \
    "allowEmptyServices b | constraints s | defaultRule s=Host(`{{ normalize .Name }}`) | "  \
    "endpoint s=unix:///var/run/docker.sock | exposedByDefault b=true | "                    \
    "httpClientTimeout d | network s | password s | tls { | useBindPortIP b | username s | " \
    "watch b=true"
    {"providers.docker", CONTAINER},
    {"providers.swarm", CONTAINER " | refreshSeconds d=15s"},
#define KUBERNETES "certAuthFilePath s | endpoint s | throttleDuration d | token s"
#define SELECTED " | labelSelector s | namespaces l | crossProviderNamespaces l"
    {"providers.kubernetesCRD",
     KUBERNETES SELECTED " | allowCrossNamespace b | allowEmptyServices b | "
                         "allowExternalNameServices b | defaultTLSResourcesNamespace s | "
                         "disableClusterScopeResources b | ingressClass s | nativeLBByDefault b"},
    {"providers.kubernetesIngress",
     KUBERNETES SELECTED " | allowEmptyServices b | allowExternalNameServices b | "
                         "disableClusterScopeResources b | disableIngressClassLookup b | "
                         "ingressClass s | ingressEndpoint { | nativeLBByDefault b | "
                         "strictPrefixMatching b"},
    {"providers.kubernetesIngress.ingressEndpoint", "hostname s | ip s | publishedService s"},
    {"providers.kubernetesGateway",
     KUBERNETES SELECTED " | experimentalChannel b | nativeLBByDefault b | statusAddress {"},
    {"providers.kubernetesGateway.statusAddress", "hostname s | ip s | service {"},
    {"providers.kubernetesGateway.statusAddress.service", "name s | namespace s"},
    {"providers.knative", KUBERNETES SELECTED " | privateEntryPoints l | privateService { | "
                                              "publicEntryPoints l | publicService {"},
    {"providers.knative.privateService", "name s | namespace s"},
    {"providers.knative.publicService", "name s | namespace s"},
    {"providers.kubernetesIngressNGINX",
     KUBERNETES " | controllerClass s=k8s.io/ingress-nginx | defaultBackendService s | "
                "disableSvcExternalName b | ingressClass s=nginx | ingressClassByName b | "
                "publishService s | publishStatusAddress l | watchIngressWithoutClass b | "
                "watchNamespace s | watchNamespaceSelector s | proxyRequestBuffering b | "
                "clientBodyBufferSize i=16384 | proxyBodySize i=1048576 | proxyBuffering b | "
                "proxyBufferSize i=8192 | proxyBuffersNumber i=4 | proxyConnectTimeout i=60 | "
                "proxyReadTimeout i=60 | proxySendTimeout i=60 | "
                "proxyNextUpstream s=error timeout | proxyNextUpstreamTries i=3 | "
                "proxyNextUpstreamTimeout i | customHTTPErrors l | "
                "upstreamKeepaliveTimeout i=60 | allowCrossNamespaceResources b | "
                "globalAllowedResponseHeaders l | allowSnippetAnnotations b | globalAuthURL s | "
                "httpEntryPoint s | httpsEntryPoint s | ipAllowListStrategy {} | "
                "strictValidatePathType b=true"},
    {"providers.kubernetesIngressNGINX.ipAllowListStrategy", IP_STRATEGY},
    {"providers.consul",
     "endpoints l=127.0.0.1:8500 | rootKey s=traefik | token s | namespaces l | tls {"},
    {"providers.etcd", "endpoints l=127.0.0.1:2379 | rootKey s=traefik | username s | "
                       "password s | tls {"},
    {"providers.zooKeeper",
     "endpoints l=127.0.0.1:2181 | rootKey s=traefik | username s | password s"},
    {"providers.redis", "endpoints l=127.0.0.1:6379 | rootKey s=traefik | username s | "
                        "password s | db i | tls { | sentinel {"},
    {"providers.redis.sentinel",
     "masterName s | username s | password s | latencyStrategy b | randomStrategy b | "
     "replicaStrategy b | useDisconnectedReplicas b"},
#define CATALOG                                                                              \
    "constraints s | defaultRule s=Host(`{{ normalize .Name }}`) | "                         \
    "exposedByDefault b=true | namespaces l | prefix s=traefik | refreshInterval d=15s | "   \
    "stale b | watch b | endpoint {"
    {"providers.consulCatalog",
     CATALOG " | cache b | connectAware b | connectByDefault b | requireConsistent b | "
             "serviceName s=traefik | strictChecks l=passing, warning"},
    {"providers.consulCatalog.endpoint", "address s | scheme s | datacenter s | token s | "
                                         "endpointWaitTime d | httpAuth { | tls {"},
    {"providers.consulCatalog.endpoint.httpAuth", "username s | password s"},
    {"providers.nomad", CATALOG " | allowEmptyServices b | throttleDuration d"},
    {"providers.nomad.endpoint",
     "address s=http://127.0.0.1:4646 | region s | token s | endpointWaitTime d | tls {"},
    {"providers.ecs", "accessKeyID s | autoDiscoverClusters b | clusters l=default | "
                      "constraints s | defaultRule s=Host(`{{ normalize .Name }}`) | "
                      "ecsAnywhere b | exposedByDefault b=true | healthyTasksOnly b | "
                      "refreshSeconds i=15 | region s | secretAccessKey s"},
    {NULL, NULL},
};

static const struct facts dynamic_facts[] = {
    {"", "http { | tcp { | udp { | tls {"},
    {"http", "routers * | services * | middlewares * | serversTransports *"},
    {"http.routers", "entryPoints l | middlewares l | service s | rule s | parentRefs l | "
                     "ruleSyntax s | priority i | tls {} | observability {"},
    {"http.routers.tls", ROUTER_TLS},
    {"http.routers.tls.domains", DOMAIN},
    {"http.routers.observability", OBSERVABILITY},
    /* services */
    {"http.services", "loadBalancer { | weighted { | highestRandomWeight { | mirroring { | "
                      "failover { | middlewares l"},
    {"http.services.loadBalancer",
     "sticky {} | servers [] | strategy s=wrr | healthCheck { | passiveHealthCheck { | "
     "passHostHeader b=true | responseForwarding { | serversTransport s"},
    {".sticky", "cookie {}"},
    {".sticky.cookie", "name s | secure b | httpOnly b | sameSite s | maxAge i | path s=/ | "
                       "domain s"},
    {"http.services.loadBalancer.servers", "url s | weight i=1 | preservePath b"},
    {"http.services.loadBalancer.healthCheck",
     "scheme s | mode s=http | path s | method s | status i | port i | interval d=30s | "
     "unhealthyInterval d | timeout d=5s | hostname s | followRedirects b=true | headers m"},
    {"http.services.loadBalancer.passiveHealthCheck",
     "failureWindow d=10s | maxFailedAttempts i=1"},
    {"http.services.loadBalancer.responseForwarding", "flushInterval d=100ms"},
    {"http.services.weighted", "services [] | sticky {} | healthCheck {}"},
    {"http.services.weighted.services", "name s | weight i=1"},
    {"http.services.highestRandomWeight", "services [] | healthCheck {}"},
    {"http.services.highestRandomWeight.services", "name s | weight i=1"},
    {"http.services.mirroring", "service s | mirrorBody b=true | maxBodySize i=-1 | mirrors [] | "
                                "healthCheck {}"},
    {"http.services.mirroring.mirrors", "name s | percent i"},
    {"http.services.failover", "service s | fallback s | healthCheck {} | errors {"},
    {"http.services.failover.errors", "status l | maxRequestBodyBytes i=-1"},
    {".healthCheck", ""},
    {"http.serversTransports",
     "serverName s | insecureSkipVerify b | rootCAs l | certificates [] | cipherSuites l | "
     "minVersion s | maxVersion s | maxIdleConnsPerHost i | forwardingTimeouts { | "
     "disableHTTP2 b | peerCertURI s | spiffe {}"},
    {"http.serversTransports.certificates", "certFile s | keyFile s"},
    {"http.serversTransports.forwardingTimeouts",
     "dialTimeout d=30s | responseHeaderTimeout d | idleConnTimeout d=90s | "
     "readIdleTimeout d | pingTimeout d=15s"},
    {".spiffe", "ids l | trustDomain s"},
    /* middlewares */
    {"http.middlewares",
     "addPrefix { | basicAuth { | buffering { | chain { | circuitBreaker { | compress {} | "
     "contentType {} | digestAuth { | encodedCharacters {} | errors { | forwardAuth { | "
     "grpcWeb { | headers { | inFlightReq { | ipAllowList { | ipWhiteList { | "
     "passTLSClientCert { | plugin ? | rateLimit { | redirectRegex { | redirectScheme { | "
     "replacePath { | replacePathRegex { | retry { | stripPrefix { | stripPrefixRegex {"},
    {".addPrefix", "prefix s"},
    {".basicAuth", "users l | usersFile s | realm s=traefik | removeHeader b | headerField s"},
    {".digestAuth", "users l | usersFile s | realm s=traefik | removeHeader b | headerField s"},
    {".buffering", "maxRequestBodyBytes i | memRequestBodyBytes i=1048576 | "
                   "maxResponseBodyBytes i | memResponseBodyBytes i=1048576 | "
                   "retryExpression s"},
    {".chain", "middlewares l"},
    {".circuitBreaker", "expression s | checkPeriod d=100ms | fallbackDuration d=10s | "
                        "recoveryDuration d=10s | responseCode i=503"},
    {".compress", "excludedContentTypes l | includedContentTypes l | "
                  "minResponseBodyBytes i=1024 | encodings l=gzip, br, zstd | defaultEncoding s"},
    {".contentType", "autoDetect b"},
    {".encodedCharacters", ENCODED("false")},
    {".errors", "status l | statusRewrites n | service s | query s | errorRequestHeaders l | "
                "forwardNoBody b"},
    {".forwardAuth",
     "address s | tls { | trustForwardHeader b | authResponseHeaders l | "
     "authResponseHeadersRegex s | authRequestHeaders l | addAuthCookiesToResponse l | "
     "addAuthCookiesToResponseRegex s | headerField s | forwardBody b | maxBodySize i=-1 | "
     "maxResponseBodySize i=-1 | preserveLocationHeader b | preserveRequestMethod b | "
     "authSigninURL s"},
    {".forwardAuth.tls", CLIENT_TLS},
    {".grpcWeb", "allowOrigins l"},
    {".headers",
     "customRequestHeaders m | customResponseHeaders m | accessControlAllowCredentials b | "
     "accessControlAllowHeaders l | accessControlAllowMethods l | "
     "accessControlAllowOriginList l | accessControlAllowOriginListRegex l | "
     "accessControlExposeHeaders l | accessControlMaxAge i | addVaryHeader b | allowedHosts l | "
     "hostsProxyHeaders l | sslProxyHeaders m | stsSeconds i | stsIncludeSubdomains b | "
     "stsPreload b | forceSTSHeader b | frameDeny b | customFrameOptionsValue s | "
     "contentTypeNosniff b | browserXssFilter b | customBrowserXSSValue s | "
     "contentSecurityPolicy s | contentSecurityPolicyReportOnly s | publicKey s | "
     "referrerPolicy s | permissionsPolicy s | isDevelopment b | featurePolicy s | "
     "sslRedirect b | sslTemporaryRedirect b | sslHost s | sslForceHost b"},
    {".inFlightReq", "amount i | sourceCriterion {"},
    {".sourceCriterion", "ipStrategy {} | requestHeaderName s | requestHost b"},
    {".ipStrategy", IP_STRATEGY},
    {"http.middlewares.ipAllowList", "sourceRange l | ipStrategy {} | rejectStatusCode i=403"},
    {"http.middlewares.ipWhiteList", "sourceRange l | ipStrategy {} | rejectStatusCode i=403"},
    {".passTLSClientCert", "pem b | info {"},
    {".passTLSClientCert.info",
     "notAfter b | notBefore b | sans b | serialNumber b | subject { | issuer {"},
    {".passTLSClientCert.info.subject", NAME " | organizationalUnit b | uid b"},
    {".passTLSClientCert.info.issuer", NAME},
    {".rateLimit", "average i | period d=1s | burst i=1 | sourceCriterion { | redis {"},
    {".rateLimit.redis",
     "endpoints l=localhost:6379 | tls { | username s | password s | db i | poolSize i | "
     "minIdleConns i | maxActiveConns i | readTimeout d=3s | writeTimeout d=3s | "
     "dialTimeout d=5s"},
    {".redis.tls", CLIENT_TLS},
    {".redirectRegex", "regex s | replacement s | permanent b"},
    {".redirectScheme", "scheme s | port s | permanent b"},
    {".replacePath", "path s"},
    {".replacePathRegex", "regex s | replacement s"},
    {".retry", "attempts i | timeout d | initialInterval d | maxRequestBodyBytes i=2097152 | "
               "status l | disableRetryOnNetworkError b | retryNonIdempotentMethod b"},
    {".stripPrefix", "prefixes l | forceSlash b=true"},
    {".stripPrefixRegex", "regex l"},
    /* tcp and udp */
    {"tcp", "routers * | services * | middlewares * | serversTransports *"},
    {"tcp.routers", "entryPoints l | middlewares l | service s | rule s | ruleSyntax s | "
                    "priority i | tls {}"},
    {"tcp.routers.tls", "passthrough b | " ROUTER_TLS},
    {"tcp.routers.tls.domains", DOMAIN},
    {"tcp.services", "loadBalancer { | weighted {"},
    {"tcp.services.loadBalancer", "servers [] | serversTransport s | proxyProtocol {} | "
                                  "terminationDelay i | healthCheck {}"},
    {"tcp.services.loadBalancer.servers", "address s | tls b"},
    {"tcp.services.loadBalancer.proxyProtocol", "version i"}, /* 2 when the section stands */
    {"tcp.services.loadBalancer.healthCheck", "port i | send s | expect s | interval d=30s | "
                                              "unhealthyInterval d | timeout d=5s"},
    {"tcp.services.weighted", "services [] | healthCheck {}"},
    {"tcp.services.weighted.services", "name s | weight i=1"},
    {"tcp.middlewares", "ipAllowList { | ipWhiteList { | inFlightConn {"},
    {"tcp.middlewares.ipAllowList", "sourceRange l"},
    {"tcp.middlewares.ipWhiteList", "sourceRange l"},
    {"tcp.middlewares.inFlightConn", "amount i"},
    {"tcp.serversTransports", "dialKeepAlive d=15s | dialTimeout d=30s | proxyProtocol {} | "
                              "terminationDelay d=100ms | tls {}"},
    {"tcp.serversTransports.proxyProtocol", "version i"}, /* 2 when the section stands */
    {"tcp.serversTransports.tls", "serverName s | insecureSkipVerify b | rootCAs l | "
                                  "certificates [] | peerCertURI s | spiffe {}"},
    {"tcp.serversTransports.tls.certificates", "certFile s | keyFile s"},
    {"udp", "routers * | services *"},
    {"udp.routers", "entryPoints l | service s"},
    {"udp.services", "loadBalancer { | weighted {"},
    {"udp.services.loadBalancer", "servers []"},
    {"udp.services.loadBalancer.servers", "address s"},
    {"udp.services.weighted", "services []"},
    {"udp.services.weighted.services", "name s | weight i=1"},
    /* tls */
    {"tls", "certificates [] | options * | stores *"},
    {"tls.certificates", "certFile s | keyFile s | stores l"},
    {"tls.options", "minVersion s=VersionTLS12 | maxVersion s | cipherSuites l | "
                    "curvePreferences l | clientAuth { | sniStrict b | "
                    "alpnProtocols l=h2, http/1.1, acme-tls/1 | disableSessionTickets b | "
                    "preferServerCipherSuites b"},
    {"tls.options.clientAuth", "caFiles l | clientAuthType s"},
    {"tls.stores", "defaultCertificate { | defaultGeneratedCert {"},
    {"tls.stores.defaultCertificate", "certFile s | keyFile s"},
    {"tls.stores.defaultGeneratedCert", "resolver s | domain {"},
    {"tls.stores.defaultGeneratedCert.domain", DOMAIN},
    {NULL, NULL},
};

/* ---- comparing ---- */

static size_t mistakes, keys_seen;

static void mistake(const char *path, const char *key, const char *what)
{
    print_error("%s%s%s: %s\n", path, path[0] ? "." : "", key, what);
    mistakes++;
}

/* The section's own entry, else the one with the longest end of its path. */
static const struct facts *find_facts(const struct facts *facts, const char *path)
{
    const struct facts *found = NULL;
    for (; facts->section != NULL; facts++) {
        struct span section = span_cstr(facts->section);
        if (strcmp(facts->section, path) == 0)
            return facts;
        if (section.len > 0 && section.ptr[0] == '.' && span_ends_with(span_cstr(path), section) &&
            (found == NULL || strlen(found->section) < section.len))
            found = facts;
    }
    return found;
}

/* The kind in the notation above. */
static const char *kind_of(const struct schema_row *row)
{
    static const char *const kinds[] = {
        [SCHEMA_STRING] = "s",  [SCHEMA_CHOICE] = "s",     [SCHEMA_CONTENT] = "s",
        [SCHEMA_BOOL] = "b",    [SCHEMA_INTEGER] = "i",    [SCHEMA_BYTES] = "i",
        [SCHEMA_FLOAT] = "f",   [SCHEMA_DURATION] = "d",   [SCHEMA_STRINGS] = "l",
        [SCHEMA_CHOICES] = "l", [SCHEMA_CIDRS] = "l",      [SCHEMA_CONTENTS] = "l",
        [SCHEMA_INTEGERS] = "L", [SCHEMA_FLOATS] = "L",    [SCHEMA_STRING_MAP] = "m",
        [SCHEMA_INTEGER_MAP] = "n", [SCHEMA_SECTION] = "{", [SCHEMA_OBJECTS] = "*",
        [SCHEMA_ARRAY] = "[]",  [SCHEMA_ANY] = "?",
    };
    return row->type == SCHEMA_SECTION && row->allow_empty ? "{}" : kinds[row->type];
}

/* Numbers and durations by value, everything else by its text. */
static bool same_default(const struct schema_row *row, struct span want)
{
    struct span got = span_cstr(row->fallback ? row->fallback : "");
    int64_t left = 0, right = 0;
    bool yes = false, no = false;
    switch (row->type) {
    case SCHEMA_BOOL:
        (void)!convert_bool(got, &yes);
        (void)!convert_bool(want, &no);
        return yes == no;
    case SCHEMA_DURATION:
        (void)!convert_duration(got, &left);
        (void)!convert_duration(want, &right);
        return left == right;
    case SCHEMA_INTEGER:
    case SCHEMA_BYTES:
        (void)!convert_integer(got, &left);
        (void)!convert_integer(want, &right);
        return left == right;
    default:
        return span_equal(got, want);
    }
}

/* One "key kind=default"; true when the row is as it says. */
static void check_key(const struct schema_row *rows, const char *path, struct span fact)
{
    struct span name, kind;
    struct span rest = span_split(fact, ' ', &name);
    struct span fallback = span_split(rest, '=', &kind);
    char key[64];
    snprintf(key, sizeof(key), "%.*s", SPAN_ARG(name));
    const struct schema_row *row = schema_find(rows, name);
    if (row == NULL || !span_equal(span_cstr(row->name), name))
        mistake(path, key, "is not in the tables");
    else if (!span_equal(span_cstr(kind_of(row)), kind))
        mistake(path, key, "is of another kind in the tables");
    else if (!same_default(row, fallback.ptr ? fallback : SPAN("")))
        mistake(path, key, "has another default in the tables");
    keys_seen++;
}

static void check_section(const struct facts *all, const struct schema_row *rows, const char *path)
{
    const struct facts *facts = find_facts(all, path);
    size_t facts_count = 0, rows_count = 0;
    if (facts == NULL) {
        mistake(path, "", "the tables have this section, the facts do not");
        return;
    }
    struct span rest = span_cstr(facts->keys);
    while (rest.len > 0) {
        struct span fact;
        rest = span_split(rest, '|', &fact);
        check_key(rows, path, span_trim(fact));
        facts_count++;
    }
    for (const struct schema_row *row = rows; row->name != NULL; row++) {
        char below[256];
        if (strcmp(row->name, "weir") == 0)
            continue;
        rows_count++;
        snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "", row->name);
        if (row->rows != NULL)
            check_section(all, row->rows, below);
    }
    if (rows_count != facts_count)
        mistake(path, "", "the tables have a key here that the facts do not know");
}

static void static_keys_are_traefiks(void **state)
{
    (void)state;
    mistakes = keys_seen = 0;
    check_section(static_facts, schema_static, "");
    assert_int_equal(mistakes, 0);
    assert_true(keys_seen > 500);
}

static void dynamic_keys_are_traefiks(void **state)
{
    (void)state;
    mistakes = keys_seen = 0;
    check_section(dynamic_facts, schema_dynamic, "");
    assert_int_equal(mistakes, 0);
    assert_true(keys_seen > 350);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_keys_are_traefiks),
        cmocka_unit_test(dynamic_keys_are_traefiks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
