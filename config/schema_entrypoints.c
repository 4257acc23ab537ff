/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * entryPoints.NAME: sections are flattened into struct model_entry_point.
 */
#include "config/schema_tables.h"

#include "config/convert.h"

static void check_address(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, void *base)
{
    struct model_entry_point *point = base;
    (void)row;
    if (convert_address(point->address, &point->host, &point->port, &point->udp) != ERR_OK)
        decoder_reject(decoder, node, "\"%.*s\" is no address; write [host]:port, with /tcp or "
                       "/udp behind it if you like, for example :443 or [::1]:8443",
                       SPAN_ARG(point->address));
    else if (point->udp) {
        decoder_warn(decoder, node, "UDP is not supported yet; this entry point is not opened");
        decoder_break_object(decoder, "UDP is not supported yet");
    }
}

static const struct schema_row life_cycle[] = {
    KEY("requestAcceptGraceTimeout", DURATION, "0s",
        "How long to accept requests after the signal to stop.",
        AT(model_entry_point, request_accept_grace_timeout), RANGE(0, INT64_MAX)),
    KEY("graceTimeOut", DURATION, "10s", "How long running requests may take to finish then.",
        AT(model_entry_point, grace_timeout), RANGE(0, INT64_MAX)),
    SCHEMA_END,
};

static const struct schema_row responding_timeouts[] = {
    KEY("readTimeout", DURATION, "60s",
        "Longest time to read a whole request, body included; 0: none.",
        AT(model_entry_point, read_timeout), RANGE(0, INT64_MAX)),
    KEY("writeTimeout", DURATION, "0s", "Longest time to write a response; 0: none.",
        AT(model_entry_point, write_timeout), RANGE(0, INT64_MAX)),
    KEY("idleTimeout", DURATION, "180s",
        "How long a connection is kept without a request; 0: for ever.",
        AT(model_entry_point, idle_timeout), RANGE(0, INT64_MAX)),
    SCHEMA_END,
};

static const struct schema_row transport[] = {
    SECTION("lifeCycle", "What happens when Weir is told to stop.", life_cycle),
    SECTION("respondingTimeouts", "Time limits towards the client.", responding_timeouts),
    KEY("keepAliveMaxTime", DURATION, "0s", "Longest life of a client connection; 0: no limit.",
        AT(model_entry_point, keep_alive_max_time), RANGE(0, INT64_MAX)),
    KEY("keepAliveMaxRequests", INTEGER, "0", "Most requests on one connection; 0: no limit.",
        AT(model_entry_point, keep_alive_max_requests), RANGE(0, INT64_MAX)),
    SCHEMA_END,
};

static const struct schema_row proxy_protocol[] = {
    KEY("insecure", BOOL, "false", "Believe a PROXY header from anybody.",
        AT(model_entry_point, proxy_protocol_insecure)),
    KEY("trustedIPs", CIDRS, NULL, "Believe a PROXY header from these addresses.",
        AT(model_entry_point, proxy_protocol_trusted)),
    SCHEMA_END,
};

static void check_proxy_protocol(struct decoder *decoder, const struct schema_row *row,
                                 const struct node *node, void *base)
{
    const struct model_entry_point *point = base;
    (void)row;
    if (!point->proxy_protocol_insecure && point->proxy_protocol_trusted.count == 0)
        decoder_reject(decoder, node, "trusts nobody; set trustedIPs to the addresses of the "
                       "proxies in front");
}

static const struct schema_row forwarded_headers[] = {
    KEY("insecure", BOOL, "false", "Believe X-Forwarded-* headers from anybody.",
        AT(model_entry_point, forwarded_insecure)),
    KEY("trustedIPs", CIDRS, NULL, "Believe X-Forwarded-* headers from these addresses.",
        AT(model_entry_point, forwarded_trusted)),
    KEY("connection", STRINGS, NULL,
        "Headers that rules and middlewares see although the Connection header names them.",
        AT(model_entry_point, forwarded_connection)),
    KEY("notAppendXForwardedFor", BOOL, "false",
        "Do not add the client's address to X-Forwarded-For.",
        AT(model_entry_point, forwarded_not_append_xff)),
    SCHEMA_END,
};

static const struct schema_row redirect_entry_point[] = {
    KEY("to", STRING, NULL, "Entry point to redirect to, or :port.",
        AT(model_entry_point, redirect_to)),
    KEY("scheme", STRING, "https", "Scheme of the target.",
        AT(model_entry_point, redirect_scheme)),
    KEY("permanent", BOOL, "true", "Answer 308 (301 to GET) instead of 307 (302).",
        AT(model_entry_point, redirect_permanent)),
    KEY("priority", INTEGER, "9223372036854775806", "Priority of the router that redirects.",
        AT(model_entry_point, redirect_priority)),
    SCHEMA_END,
};

static const struct schema_row redirections[] = {
    SECTION("entryPoint", "Redirect every request to another entry point.",
            redirect_entry_point, PRESENT(model_entry_point, has_redirect)),
    SCHEMA_END,
};

#define ENCODED(name_, bit_, what_)                                                          \
    KEY("allowEncoded" name_, BOOL, "true", "Accept an encoded " what_ " in a path.",        \
        AT_BIT(model_entry_point, allowed_encoded, bit_))

static const struct schema_row encoded_characters[] = {
    ENCODED("Slash", ENCODED_SLASH, "slash (%2F)"),
    ENCODED("BackSlash", ENCODED_BACKSLASH, "backslash (%5C)"),
    ENCODED("NullCharacter", ENCODED_NUL, "NUL (%00)"),
    ENCODED("Semicolon", ENCODED_SEMICOLON, "semicolon (%3B)"),
    ENCODED("Percent", ENCODED_PERCENT, "percent sign (%25)"),
    ENCODED("QuestionMark", ENCODED_QUESTION_MARK, "question mark (%3F)"),
    ENCODED("Hash", ENCODED_HASH, "hash (%23)"),
    SCHEMA_END,
};

static const struct schema_choice header_strategies[] = {
    {"keep", 0}, {"delete", 1}, {"reject", 2}, {NULL, 0},
};

static const struct schema_row http[] = {
    SECTION("redirections", "Redirections of the whole entry point.", redirections),
    KEY("middlewares", STRINGS, NULL, "Middlewares put in front of every router's own.",
        AT(model_entry_point, middlewares)),
    SECTION("tls", "TLS for all HTTP routers of the entry point that have none of their own.",
            schema_router_tls, ALLOW_EMPTY, INTO(model_entry_point, tls),
            PRESENT(model_entry_point, has_tls)),
    SECTION("encodedCharacters", "Encoded characters that a path may hold.", encoded_characters),
    KEY("encodeQuerySemicolons", BOOL, "false", "Encode semicolons of the query.",
        AT(model_entry_point, encode_query_semicolons)),
    KEY("sanitizePath", BOOL, "true", "Remove /./, /../ and doubled slashes from paths.",
        AT(model_entry_point, sanitize_path)),
    KEY("maxHeaderBytes", BYTES, "1048576", "Longest head of a request.",
        AT(model_entry_point, max_header_bytes), RANGE(256, 16 << 20)),
    KEY("underscoreHeadersStrategy", CHOICE, "keep",
        "What to do with request headers that have an underscore in their name.",
        CHOICES(header_strategies), NOT_BUILT_CLOSES),
    KEY("aliasHeadersStrategy", CHOICE, "keep",
        "What to do with request headers whose name passes for another one's in backends.",
        CHOICES(header_strategies), NOT_BUILT_CLOSES),
    SCHEMA_END,
};

static const struct schema_row http2[] = {
    KEY("maxConcurrentStreams", INTEGER, "250", "Most streams at once on one connection.",
        AT(model_entry_point, http2_max_concurrent_streams), RANGE(1, INT32_MAX)),
    KEY("maxDecoderHeaderTableSize", BYTES, "4096", "HPACK table for what clients send.",
        AT(model_entry_point, http2_decoder_table), RANGE(0, 1 << 20)),
    KEY("maxEncoderHeaderTableSize", BYTES, "4096", "HPACK table for what clients get.",
        AT(model_entry_point, http2_encoder_table), RANGE(0, 1 << 20)),
    SCHEMA_END,
};

static const struct schema_row http3[] = {
    KEY("advertisedPort", INTEGER, "0", "Port to announce in Alt-Svc; 0: the own one.",
        RANGE(0, 65535)),
    SCHEMA_END,
};

static const struct schema_row udp[] = {
    KEY("timeout", DURATION, "3s", "How long a silent UDP session is kept.",
        RANGE(1, INT64_MAX), NOT_BUILT),
    SCHEMA_END,
};

static const struct schema_row observability[] = {
    KEY("accessLogs", BOOL, "true", "Whether routers write the access log.",
        AT(model_entry_point, access_logs)),
    KEY("metrics", BOOL, "true", "Whether routers count.", AT(model_entry_point, metrics)),
    KEY("tracing", BOOL, "true", "Whether routers trace."),
    KEY("traceVerbosity", CHOICE, "minimal", "How much of a request is traced.",
        CHOICES(schema_trace_verbosity)),
    SCHEMA_END,
};

const struct schema_row schema_entry_point[] = {
    KEY("address", STRING, NULL, "Where to listen: [host]:port[/tcp|/udp].",
        AT(model_entry_point, address), CHECK(check_address)),
    KEY("allowACMEByPass", BOOL, "false",
        "Let routers handle ACME challenges themselves.", AT(model_entry_point, acme_bypass)),
    KEY("reusePort", BOOL, "false", "Let other processes listen on the same port.",
        AT(model_entry_point, reuse_port)),
    KEY("asDefault", BOOL, "false", "Serve the routers that name no entry point.",
        AT(model_entry_point, as_default)),
    SECTION("transport", "Connections of clients.", transport),
    SECTION("proxyProtocol", "Read the client's address from a PROXY header.", proxy_protocol,
            ALLOW_EMPTY, PRESENT(model_entry_point, has_proxy_protocol),
            CHECK(check_proxy_protocol)),
    SECTION("forwardedHeaders", "Whose X-Forwarded-* headers to believe.", forwarded_headers),
    SECTION("http", "HTTP on this entry point.", http),
    SECTION("http2", "HTTP/2 on this entry point.", http2),
    SECTION("http3", "HTTP/3 on this entry point.", http3, ALLOW_EMPTY, NOT_BUILT),
    SECTION("udp", "UDP on this entry point.", udp),
    SECTION("observability", "What routers of this entry point report.", observability),
    SCHEMA_END,
};
