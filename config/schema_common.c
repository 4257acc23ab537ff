/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables that several sections use. The names of cipher suites and curves are
 * those of the IANA registry and of Go, as Traefik spells them.
 */
#include "config/schema_tables.h"

const struct schema_row schema_client_tls[] = {
    KEY("ca", CONTENT, NULL, "CA that the server's certificate must chain to."),
    KEY("caOptional", BOOL, "false", "Formerly: do not insist on a client certificate.",
        DEPRECATED),
    KEY("cert", CONTENT, NULL, "Client certificate."),
    KEY("key", CONTENT, NULL, "Key of the client certificate."),
    KEY("insecureSkipVerify", BOOL, "false", "Do not verify the server's certificate."),
    SCHEMA_END,
};

const struct schema_row schema_otlp_grpc[] = {
    KEY("endpoint", STRING, "localhost:4317", "host:port of the collector."),
    KEY("headers", STRING_MAP, NULL, "Headers sent with each message."),
    KEY("insecure", BOOL, "false", "Speak to the collector without TLS."),
    SECTION("tls", "TLS towards the collector.", schema_client_tls),
    SCHEMA_END,
};

const struct schema_row schema_otlp_http[] = {
    KEY("endpoint", STRING, "https://localhost:4318", "URL of the collector."),
    KEY("headers", STRING_MAP, NULL, "Headers sent with each message."),
    SECTION("tls", "TLS towards the collector.", schema_client_tls),
    SCHEMA_END,
};

const struct schema_row schema_otlp[] = {
    KEY("serviceName", STRING, "traefik", "Value of the resource attribute service.name."),
    KEY("resourceAttributes", STRING_MAP, NULL, "Further resource attributes."),
    SECTION("grpc", "Send by gRPC.", schema_otlp_grpc, ALLOW_EMPTY),
    SECTION("http", "Send by HTTP.", schema_otlp_http, ALLOW_EMPTY),
    SCHEMA_END,
};

const struct schema_row schema_spiffe[] = {
    KEY("ids", STRINGS, NULL, "SPIFFE identities that the server may have."),
    KEY("trustDomain", STRING, NULL, "SPIFFE trust domain that the server must belong to."),
    SCHEMA_END,
};

const struct schema_row schema_domains[] = {
    KEY("main", STRING, NULL, "First name of the certificate.", AT(model_domain, main)),
    KEY("sans", STRINGS, NULL, "Its further names.", AT(model_domain, sans)),
    SCHEMA_END,
};

#define ROUTER_TLS                                                                           \
    KEY("options", STRING, NULL, "Name of the TLS options; empty: default.",                 \
        AT(model_router_tls, options)),                                                      \
        KEY("certResolver", STRING, NULL,                                                    \
            "Certificate resolver that obtains certificates for the names of the rule.",     \
            AT(model_router_tls, cert_resolver)),                                            \
        KEY("domains", ARRAY, NULL, "Names to ask certificates for, instead of the rule's.", \
            AT_LIST(model_router_tls, domains, domain_count, struct model_domain),           \
            ROWS(schema_domains))

const struct schema_row schema_router_tls[] = {
    ROUTER_TLS,
    SCHEMA_END,
};

const struct schema_row schema_tcp_router_tls[] = {
    KEY("passthrough", BOOL, "false", "Hand the TLS connection on as it is, not decrypted.",
        AT(model_router_tls, passthrough)),
    ROUTER_TLS,
    SCHEMA_END,
};

const struct schema_row schema_certificate[] = {
    KEY("certFile", CONTENT, NULL, "Certificate chain in PEM, or the path of its file.",
        AT(model_certificate, cert)),
    KEY("keyFile", CONTENT, NULL, "Private key in PEM, or the path of its file.",
        AT(model_certificate, key)),
    SCHEMA_END,
};

const struct schema_choice schema_tls_versions[] = {
    {"VersionTLS10", TLS_VERSION_10}, {"VersionTLS11", TLS_VERSION_11},
    {"VersionTLS12", TLS_VERSION_12}, {"VersionTLS13", TLS_VERSION_13},
    {NULL, 0},
};

const struct schema_choice schema_cipher_suites[] = {
    {"TLS_AES_128_GCM_SHA256", 0x1301},
    {"TLS_AES_256_GCM_SHA384", 0x1302},
    {"TLS_CHACHA20_POLY1305_SHA256", 0x1303},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", 0xcca8},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", 0xcca9},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xc009},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 0xc00a},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xc013},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 0xc014},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 0xc023},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 0xc027},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009c},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009d},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", 0x002f},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035},
    {"TLS_RSA_WITH_AES_128_CBC_SHA256", 0x003c},
    {"TLS_RSA_WITH_RC4_128_SHA", 0x0005},
    {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000a},
    {"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", 0xc007},
    {"TLS_ECDHE_RSA_WITH_RC4_128_SHA", 0xc011},
    {"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", 0xc012},
    {"TLS_FALLBACK_SCSV", 0x5600},
    {NULL, 0},
};

const struct schema_choice schema_curves[] = {
    {"CurveP256", 23},          {"secp256r1", 23},          {"CurveP384", 24},
    {"secp384r1", 24},          {"CurveP521", 25},          {"secp521r1", 25},
    {"X25519", 29},             {"x25519", 29},             {"SecP256r1MLKEM768", 4587},
    {"X25519MLKEM768", 4588},   {"SecP384r1MLKEM1024", 4589},
    {NULL, 0},
};

const struct schema_choice schema_trace_verbosity[] = {
    {"minimal", 0},
    {"detailed", 1},
    {NULL, 0},
};

const struct schema_choice schema_rule_syntaxes[] = {
    {"v3", 3}, {"default", 3}, {"v2", 2}, {NULL, 0},
};

void schema_check_rule_syntax(struct decoder *decoder, const struct schema_row *row,
                              const struct node *node, void *base)
{
    (void)row;
    (void)base;
    if (node->kind == NODE_SCALAR && span_equal(node->text, SPAN("v2")))
        decoder_reject(decoder, node, "the rule syntax of Traefik 2 is not supported; write "
                       "rules in the syntax of version 3");
}

/* "{name:pattern}", which was a pattern of Traefik 2 and is plain text now. */
static bool holds_old_pattern(struct span rule)
{
    for (ptrdiff_t at = span_find(rule, '{', 0); at >= 0;
         at = span_find(rule, '{', (size_t)at + 1)) {
        size_t end = (size_t)at + 1;
        while (end < rule.len && (ascii_lower(rule.ptr[end]) >= 'a') &&
               ascii_lower(rule.ptr[end]) <= 'z')
            end++;
        if (end > (size_t)at + 1 && end < rule.len && rule.ptr[end] == ':')
            return true;
    }
    return false;
}

void schema_check_rule(struct decoder *decoder, const struct schema_row *row,
                       const struct node *node, void *base)
{
    struct model_router *router = base;
    (void)row;
    if (node->kind == NODE_SCALAR && holds_old_pattern(node->text))
        decoder_warn(decoder, node, "{name:pattern} is the syntax of Traefik 2 and matches "
                     "nothing but itself now; write a regular expression, for example "
                     "HostRegexp(`^[a-z]+\\.example\\.com$`)");
    router->rule_mark = node->mark;
    router->rule_mark.file = router->object.mark.file;
}
