/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration as the rest of Weir sees it: plain, typed, checked data.
 *
 * A model is built on the control thread (or at start), lives in its arena,
 * and is immutable afterwards; any thread may read it while something holds it
 * (a snapshot does). Names are qualified (`web@file`) except entry points,
 * certificate resolvers, the TLS options `default` and stores. Durations are
 * nanoseconds, sizes bytes. Arrays are sorted by name.
 *
 * `problem` is how Weir fails closed: an object whose configuration asks for
 * something that is wrong or not built carries the sentence that the log and
 * the API show, and whatever depends on it serves an error.
 */
#ifndef WEIR_CONFIG_MODEL_H
#define WEIR_CONFIG_MODEL_H

#include "core/base/arena.h"
#include "core/base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Where something stands in the operator's files. file is "" for defaults,
 * "command line" and "environment" for those sources. line 0: unknown. */
struct source_mark {
    const char *file;
    uint32_t line, column;
};

struct span_list {
    struct span *items;
    size_t count;
};

/* First member of everything that has a name. */
struct model_object {
    struct span name;     /* qualified */
    struct span provider; /* "file", "internal" */
    struct source_mark mark;
    struct span problem; /* empty: usable */
};

/* An address range; v4 addresses are kept v4-mapped, prefix counts of 128. */
struct model_cidr {
    uint8_t address[16];
    uint8_t prefix;
};

/* Whether the address (v4 as v4-mapped) lies in the range. A range of IPv6 as wide
 * as ::/0 holds no IPv4 address, as in Go. */
static inline bool model_cidr_contains(const struct model_cidr *range, const uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t whole = range->prefix / 8, rest = range->prefix % 8;
    if (range->prefix < 96 && memcmp(ip, mapped, sizeof(mapped)) == 0)
        return false;
    if (memcmp(ip, range->address, whole) != 0)
        return false;
    return rest == 0 || ((ip[whole] ^ range->address[whole]) >> (8 - rest)) == 0;
}

struct model_cidr_list {
    struct model_cidr *items;
    size_t count;
};

/* Whether the address (v4 as v4-mapped) lies in any of the ranges. */
static inline bool model_cidr_list_contains(const struct model_cidr_list *list,
                                            const uint8_t ip[16])
{
    for (size_t i = 0; i < list->count; i++) {
        if (model_cidr_contains(&list->items[i], ip))
            return true;
    }
    return false;
}

struct model_string_map {
    struct model_string_pair {
        struct span key, value;
    } * items;
    size_t count;
};

/* ---- TLS ------------------------------------------------------------- */

/* A certificate, key or CA: the path of a file if one of that name exists,
 * else inline PEM. config/content.h reads it. */
struct model_content {
    struct span value;
};

struct model_certificate {
    struct source_mark mark;
    struct model_content cert, key;
    struct span_list stores;
};

enum tls_version {
    TLS_VERSION_UNSET,
    TLS_VERSION_10,
    TLS_VERSION_11,
    TLS_VERSION_12,
    TLS_VERSION_13,
};

enum client_auth {
    CLIENT_AUTH_UNSET, /* only while a file is decoded */
    CLIENT_AUTH_NONE,
    CLIENT_AUTH_REQUEST,
    CLIENT_AUTH_REQUIRE_ANY,
    CLIENT_AUTH_VERIFY_IF_GIVEN,
    CLIENT_AUTH_REQUIRE_AND_VERIFY,
};

struct model_tls_options {
    struct model_object object;
    enum tls_version min_version, max_version;
    bool min_version_set; /* else weir.tls.profile may raise it */
    struct span_list cipher_suites, curves; /* checked names */
    struct span_list client_ca_files; /* paths or inline PEM */
    enum client_auth client_auth;
    bool sni_strict;
    struct span_list alpn; /* default h2, http/1.1, acme-tls/1 */
    bool disable_session_tickets;
};

struct model_domain {
    struct span main;
    struct span_list sans;
};

struct model_tls_store {
    struct model_object object;
    bool has_default_certificate;
    struct model_certificate default_certificate;
    struct span generated_resolver; /* defaultGeneratedCert; empty: none */
    struct model_domain generated_domain;
};

/* `tls` of a router or an entry point. */
struct model_router_tls {
    struct span options;       /* qualified as written; empty: default */
    struct span cert_resolver; /* empty: none */
    struct model_domain *domains;
    size_t domain_count;
    bool passthrough; /* TCP only */
};

/* ---- HTTP ------------------------------------------------------------ */

struct model_router {
    struct model_object object;
    struct span_list entry_points; /* never empty after the defaults are applied */
    struct span_list middlewares;  /* qualified, entry point's first */
    struct span service;           /* qualified */
    struct span rule;
    struct source_mark rule_mark;
    int64_t priority; /* 0: by the rule's length */
    bool has_tls;
    struct model_router_tls tls;
    bool access_logs, metrics; /* of the router, else of its entry point */
    bool access_logs_set, metrics_set; /* the router says so itself */
};

struct model_server {
    struct span url;     /* http:// or https://, HTTP services */
    struct span address; /* host:port, TCP services */
    uint32_t weight;     /* default 1 */
    bool preserve_path;
    bool tls; /* TCP services */
    struct source_mark mark;
};

struct model_sticky {
    bool enabled;
    struct span name, same_site, path, domain;
    bool secure, http_only;
    int64_t max_age_s;
};

struct model_weighted_ref {
    struct span service; /* qualified */
    uint32_t weight;
};

enum service_kind {
    SERVICE_LOAD_BALANCER,
    SERVICE_WEIGHTED,
    SERVICE_HIGHEST_RANDOM_WEIGHT,
    SERVICE_MIRRORING,
    SERVICE_FAILOVER,
    SERVICE_INTERNAL, /* api@internal, ping@internal, noop@internal, … */
};

enum balancer_strategy { BALANCER_WRR, BALANCER_P2C, BALANCER_HRW, BALANCER_LEAST_TIME };

struct model_service {
    struct model_object object;
    enum service_kind kind;
    struct model_server *servers;
    size_t server_count;
    enum balancer_strategy strategy;
    bool pass_host_header; /* default true */
    int64_t flush_interval;
    struct span servers_transport; /* qualified; `default@internal` when the file names none */
    struct model_sticky sticky;
    bool has_health_check;
    struct model_weighted_ref *weighted; /* SERVICE_WEIGHTED and HRW */
    size_t weighted_count;
    int64_t termination_delay; /* TCP, when has_termination_delay; else the transport's */
    bool has_termination_delay;
    uint32_t proxy_protocol; /* TCP: 0, 1, 2; counts only under `default@internal` */
    uint8_t type_count; /* types that the file gave it; 1 is right */
};

/* What passTLSClientCert tells of a certificate. Attributes of a name are bits, so
 * that a name can be none, some or all of them. */
struct model_certificate_info {
    bool present;
    bool not_after, not_before, sans, serial_number;
    uint32_t subject, issuer; /* CERTIFICATE_* */
};
#define CERTIFICATE_COUNTRY (1u << 0)
#define CERTIFICATE_PROVINCE (1u << 1)
#define CERTIFICATE_LOCALITY (1u << 2)
#define CERTIFICATE_ORGANIZATION (1u << 3)
#define CERTIFICATE_ORGANIZATIONAL_UNIT (1u << 4)
#define CERTIFICATE_COMMON_NAME (1u << 5)
#define CERTIFICATE_SERIAL_NUMBER (1u << 6)
#define CERTIFICATE_DOMAIN_COMPONENT (1u << 7)
#define CERTIFICATE_USER_ID (1u << 8)

enum middleware_kind {
    MIDDLEWARE_UNBUILT, /* known to the schema, not served yet: fails closed */
    MIDDLEWARE_PASS_TLS_CLIENT_CERT,
    MIDDLEWARE_REDIRECT_SCHEME,
};

struct model_middleware {
    struct model_object object;
    enum middleware_kind kind;
    struct span type; /* "redirectScheme", "rateLimit", … as in the file */
    /* Of the kind; those of the others keep their defaults. */
    struct {
        struct span scheme, port;
        bool permanent;
    } redirect_scheme;
    struct {
        bool pem;
        struct model_certificate_info info;
    } pass_tls_client_cert;
};

struct model_servers_transport {
    struct model_object object;
    struct span server_name;
    bool insecure_skip_verify;
    struct model_content *root_cas;
    size_t root_ca_count;
    struct model_certificate *certificates; /* client certificates */
    size_t certificate_count;
    struct span_list cipher_suites;
    enum tls_version min_version, max_version;
    int64_t max_idle_conns_per_host;
    bool disable_http2;
    int64_t dial_timeout, response_header_timeout, idle_conn_timeout;
    int64_t read_idle_timeout, ping_timeout; /* HTTP/2 */
}; /* `default@internal` is the static serversTransport, always there */

/* ---- TCP ------------------------------------------------------------- */
/* TCP routers, services and middlewares share the HTTP structs; fields that
 * the TCP schema lacks keep their zero value. */

struct model_tcp_servers_transport {
    struct model_object object;
    int64_t dial_keep_alive, dial_timeout, termination_delay;
    bool has_tls;
    struct model_servers_transport tls; /* serverName, insecureSkipVerify, rootCAs, certificates */
    uint32_t proxy_protocol;            /* 0, 1, 2 */
};

struct model_dynamic {
    struct model_router *http_routers, *tcp_routers;
    size_t http_router_count, tcp_router_count;
    struct model_service *http_services, *tcp_services;
    size_t http_service_count, tcp_service_count;
    struct model_middleware *http_middlewares, *tcp_middlewares;
    size_t http_middleware_count, tcp_middleware_count;
    struct model_servers_transport *http_transports;
    size_t http_transport_count;
    struct model_tcp_servers_transport *tcp_transports;
    size_t tcp_transport_count;
    struct model_certificate *certificates;
    size_t certificate_count;
    struct model_tls_options *tls_options;
    size_t tls_option_count;
    struct model_tls_store *tls_stores;
    size_t tls_store_count;
    unsigned references; /* snapshots that use it; control thread only */
    struct arena arena;  /* owns all of the above */
};

/* Frees the model and itself; NULL is fine. */
void model_dynamic_destroy(struct model_dynamic *model);
/* Look-ups by qualified name (binary search); NULL when absent. */
const struct model_service *model_http_service(const struct model_dynamic *model,
                                               struct span name);
const struct model_service *model_tcp_service(const struct model_dynamic *model,
                                              struct span name);
const struct model_middleware *model_http_middleware(const struct model_dynamic *model,
                                                     struct span name);
const struct model_middleware *model_tcp_middleware(const struct model_dynamic *model,
                                                    struct span name);
const struct model_servers_transport *model_http_transport(const struct model_dynamic *model,
                                                           struct span name);
const struct model_tcp_servers_transport *model_tcp_transport(const struct model_dynamic *model,
                                                              struct span name);
const struct model_tls_options *model_tls_options(const struct model_dynamic *model,
                                                  struct span name);
const struct model_tls_store *model_tls_store(const struct model_dynamic *model,
                                              struct span name);

/* ---- static ---------------------------------------------------------- */

struct model_entry_point {
    struct model_object object;
    struct span address; /* as written */
    struct span host;    /* "" : dual-stack any */
    uint16_t port;       /* 0: the kernel chooses (tests) */
    bool udp;
    bool as_default;
    bool reuse_port;
    bool acme_bypass; /* routers may answer ACME's challenges themselves */
    int64_t request_accept_grace_timeout, grace_timeout;
    int64_t read_timeout, write_timeout, idle_timeout;
    int64_t keep_alive_max_time, keep_alive_max_requests; /* 0: unlimited */
    bool proxy_protocol_insecure;
    struct model_cidr_list proxy_protocol_trusted;
    bool has_proxy_protocol;
    bool forwarded_insecure;
    struct model_cidr_list forwarded_trusted;
    struct span_list forwarded_connection;
    bool forwarded_not_append_xff;
    bool has_redirect;
    struct span redirect_to, redirect_scheme;
    bool redirect_permanent;
    int64_t redirect_priority;
    struct span_list middlewares; /* as written */
    bool has_tls;
    struct model_router_tls tls;
    bool sanitize_path;
    bool encode_query_semicolons;
    /* Characters that may stay percent-encoded in a path: bits below. */
    uint32_t allowed_encoded;
    int64_t max_header_bytes;
    int64_t http2_max_concurrent_streams;
    int64_t http2_decoder_table, http2_encoder_table; /* HPACK, bytes */
    bool access_logs, metrics; /* observability: for routers that do not say */
}; /* a `problem` (UDP, an unbuilt protection): its routers are not served */

#define ENCODED_SLASH (1u << 0)
#define ENCODED_BACKSLASH (1u << 1)
#define ENCODED_NUL (1u << 2)
#define ENCODED_SEMICOLON (1u << 3)
#define ENCODED_PERCENT (1u << 4)
#define ENCODED_QUESTION_MARK (1u << 5)
#define ENCODED_HASH (1u << 6)

enum log_format_choice { LOG_FORMAT_COMMON, LOG_FORMAT_JSON, LOG_FORMAT_GENERIC_CLF };

struct model_log {
    struct span level; /* "ERROR" */
    enum log_format_choice format;
    struct span file_path; /* empty: standard error */
};

struct model_access_log {
    bool enabled;
    struct span file_path; /* empty: standard output */
    enum log_format_choice format;
    int64_t buffering_size;
    struct span_list status_codes; /* "200", "300-302" */
    bool filter_retry_attempts;
    int64_t filter_min_duration;
    bool fields_default_keep;
    struct model_string_map field_modes; /* name → keep|drop */
    struct span headers_default_mode;    /* keep|drop|redact */
    struct model_string_map header_modes;
};

enum ktls_mode { KTLS_AUTO, KTLS_ON, KTLS_OFF };

/* Weir's own tuning: static root key `weir`. Zero means "derive it". */
/* Mozilla's guidelines for servers, version 5.8. */
enum tls_profile { TLS_PROFILE_INTERMEDIATE, TLS_PROFILE_MODERN };

struct model_weir {
    int64_t workers;   /* 0: one per core that the process may run on */
    bool pin_workers;  /* default true */
    int64_t ring_entries;
    int64_t buffer_size, buffer_count; /* provided receive buffers per worker */
    int64_t selection_cache_entries;   /* per worker */
    int64_t max_connections;           /* per process */
    int64_t connections_per_address;   /* per process; 0: no limit */
    int64_t address_prefix6; /* bits of an IPv6 address that tell clients apart */
    int64_t client_hello_bytes;
    int64_t client_hello_timeout, handshake_timeout;
    int64_t header_timeout; /* slow headers; 0: respondingTimeouts.readTimeout */
    int64_t body_timeout;   /* longest silence inside a request body */
    int64_t body_bytes_per_second; /* least of a request body; 0: any */
    int64_t send_timeout; /* longest time in which nothing of a response is taken; 0: any */
    int64_t send_bytes_per_second; /* least that is taken of a response; 0: any */
    int64_t key_updates_per_second;
    int64_t header_count;
    int64_t request_body_bytes; /* weir.limits.requestBodyBytes; 0: unlimited */
    /* Of a connection with HTTP/2. Rates allow bursts (core/base/rate.h); 0: no limit. */
    int64_t http2_header_bytes;  /* decoded, as RFC 9113 §6.5.2 counts */
    int64_t http2_continuations; /* of one header block */
    int64_t http2_resets_per_second, http2_settings_per_second, http2_pings_per_second;
    int64_t http2_empty_data_per_second;
    int64_t http2_control_frames; /* answers that wait for the client to read */
    int64_t send_buffer_bytes; /* per direction before back-pressure */
    int64_t upstream_idle_per_server; /* pooled idle connections per worker and server */
    enum ktls_mode ktls;
    enum tls_profile tls_profile;
    struct span_list crl_files; /* weir.tls.crlFiles; empty: revocation is not asked about */
    int64_t ktls_min_bytes; /* of a response body */
    struct span ocsp_cache; /* weir.tls.ocspCache; empty: nothing is kept */
    struct span_list ticket_key_files; /* weir.tls.ticketKeyFiles; none: keys in memory */
};

#define MODEL_BUCKETS_MAX 32

struct model_prometheus {
    bool enabled, manual_routing;
    struct span entry_point;
    bool entry_point_labels, router_labels, service_labels;
    bool add_internals; /* metrics.addInternals */
    int64_t buckets_ns[MODEL_BUCKETS_MAX]; /* upper bounds, ascending */
    size_t bucket_count;
};

enum acme_key_choice {
    ACME_KEY_CHOICE_EC256,
    ACME_KEY_CHOICE_EC384,
    ACME_KEY_CHOICE_RSA2048,
    ACME_KEY_CHOICE_RSA4096,
    ACME_KEY_CHOICE_RSA8192,
};

/* Who sets the records of dnsChallenge: these three of lego's providers. */
enum model_dns_provider {
    MODEL_DNS_UNKNOWN,
    MODEL_DNS_EXEC,
    MODEL_DNS_HTTPREQ,
    MODEL_DNS_RFC2136,
};

/* certificatesResolvers.NAME.acme */
struct model_acme {
    struct span email;
    struct span_list email_addresses;
    struct span ca_server;
    struct span ca_server_name; /* empty: its host */
    struct model_content *ca_certificates;
    size_t ca_certificate_count;
    bool ca_system_pool;
    struct span preferred_chain, profile, storage;
    enum acme_key_choice key_type;
    struct span eab_kid, eab_hmac;
    int64_t certificates_duration_h;
    int64_t client_timeout, header_timeout;
    bool disable_common_name;
    bool has_http, has_tls, has_dns; /* challenges */
    struct span http_entry_point;
    int64_t http_delay, tls_delay;
    struct span dns_provider;
    enum model_dns_provider dns_provider_kind;
    struct span_list dns_resolvers;
    bool dns_disable_checks, dns_disable_ans_checks, dns_require_all_rns;
    int64_t dns_delay; /* before the checks */
    bool dns_disable_checks_former; /* the deprecated keys, which count as well */
    int64_t dns_delay_former;
};

/* A `problem`: nothing is obtained through it. */
struct model_resolver {
    struct model_object object;
    bool has_acme;
    struct model_acme acme;
};

struct model_static {
    struct model_entry_point *entry_points;
    size_t entry_point_count;
    bool has_file_provider;
    struct span file_name, file_directory;
    bool file_watch;
    int64_t providers_throttle;
    struct model_log log;
    struct model_access_log access_log;
    bool has_api, api_insecure, api_dashboard, api_debug;
    struct span api_base_path;
    bool has_ping, ping_manual_routing;
    struct span ping_entry_point;
    int64_t ping_terminating_status;
    struct model_prometheus prometheus;
    bool has_ocsp;
    struct model_string_map ocsp_overrides; /* responder of the certificate → who is asked */
    struct model_resolver *resolvers;
    size_t resolver_count;
    struct model_servers_transport default_transport; /* serversTransport */
    struct model_tcp_servers_transport default_tcp_transport;
    struct span source; /* the file, "command line", "environment", or empty: defaults */
    struct model_weir weir;
    struct arena arena;
};

void model_static_destroy(struct model_static *model);
const struct model_entry_point *model_entry_point(const struct model_static *, struct span name);
const struct model_resolver *model_resolver(const struct model_static *, struct span name);

#endif
