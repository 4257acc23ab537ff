/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http.middlewares.NAME: one section per type, of which a middleware has
 * exactly one. What is not built takes the middleware out of service, and so
 * the routers that use it: none of them is ever passed by.
 */
#include "config/schema_tables.h"

static void take_type(struct decoder *decoder, const struct schema_row *row,
                      const struct node *node, void *base)
{
    struct model_middleware *middleware = base;
    if (middleware->type.len > 0)
        decoder_reject(decoder, node, "is a second type of one middleware; write two");
    middleware->type = span_cstr(row->name);
}

static void take_redirect_scheme(struct decoder *decoder, const struct schema_row *row,
                                 const struct node *node, void *base)
{
    struct model_middleware *middleware = base;
    take_type(decoder, row, node, base);
    middleware->kind = MIDDLEWARE_REDIRECT_SCHEME;
    if (middleware->redirect_scheme.scheme.len == 0)
        decoder_reject(decoder, node, "needs a scheme; write for example scheme: https");
}

static void take_pass_tls_client_cert(struct decoder *decoder, const struct schema_row *row,
                                      const struct node *node, void *base)
{
    struct model_middleware *middleware = base;
    take_type(decoder, row, node, base);
    middleware->kind = MIDDLEWARE_PASS_TLS_CLIENT_CERT;
}

static const struct schema_row ip_strategy[] = {
    KEY("depth", INTEGER, "0", "Which address of X-Forwarded-For, from the right."),
    KEY("excludedIPs", STRINGS, NULL, "Addresses of X-Forwarded-For to pass over."),
    KEY("ipv6Subnet", INTEGER, NULL, "Take IPv6 addresses of one subnet for one.",
        RANGE(0, 128)),
    SCHEMA_END,
};

#define IP_STRATEGY                                                                          \
    SECTION("ipStrategy", "How the client's address is found.", ip_strategy, ALLOW_EMPTY)

static const struct schema_row source_criterion[] = {
    IP_STRATEGY,
    KEY("requestHeaderName", STRING, NULL, "Header that tells clients apart."),
    KEY("requestHost", BOOL, "false", "Tell them apart by the host they ask for."),
    SCHEMA_END,
};

#define SOURCE_CRITERION                                                                     \
    SECTION("sourceCriterion", "What counts as one client.", source_criterion)

static const struct schema_row add_prefix[] = {
    KEY("prefix", STRING, NULL, "What to put in front of the path."),
    SCHEMA_END,
};

#define AUTH                                                                                 \
    KEY("users", STRINGS, NULL, "name:hash of each user."),                                  \
        KEY("usersFile", STRING, NULL, "File with more of them."),                           \
        KEY("realm", STRING, "traefik", "Realm."),                                           \
        KEY("removeHeader", BOOL, "false", "Do not pass the Authorization header on."),      \
        KEY("headerField", STRING, NULL, "Header to pass the user's name in.")

static const struct schema_row auth[] = {
    AUTH,
    SCHEMA_END,
};

static const struct schema_row buffering[] = {
    KEY("maxRequestBodyBytes", BYTES, "0", "Longest request body; 0: any."),
    KEY("memRequestBodyBytes", BYTES, "1048576", "How much of it is kept in memory."),
    KEY("maxResponseBodyBytes", BYTES, "0", "Longest response body; 0: any."),
    KEY("memResponseBodyBytes", BYTES, "1048576", "How much of it is kept in memory."),
    KEY("retryExpression", STRING, NULL, "When to try again."),
    SCHEMA_END,
};

static const struct schema_row chain[] = {
    KEY("middlewares", STRINGS, NULL, "The middlewares."),
    SCHEMA_END,
};

static const struct schema_row circuit_breaker[] = {
    KEY("expression", STRING, NULL, "When to open."),
    KEY("checkPeriod", DURATION, "100ms", "How often to look."),
    KEY("fallbackDuration", DURATION, "10s", "How long to stay open."),
    KEY("recoveryDuration", DURATION, "10s", "How long to recover."),
    KEY("responseCode", INTEGER, "503", "Status while open.", RANGE(100, 599)),
    SCHEMA_END,
};

static const struct schema_row compress[] = {
    KEY("excludedContentTypes", STRINGS, NULL, "Types that are not compressed."),
    KEY("includedContentTypes", STRINGS, NULL, "Types that alone are compressed."),
    KEY("minResponseBodyBytes", BYTES, "1024", "Shortest body that is compressed."),
    KEY("encodings", STRINGS, "gzip, br, zstd", "Encodings, best first."),
    KEY("defaultEncoding", STRING, NULL, "Encoding for clients that do not say."),
    SCHEMA_END,
};

static const struct schema_row content_type[] = {
    KEY("autoDetect", BOOL, "false", "Formerly: guess the type.", DEPRECATED),
    SCHEMA_END,
};

static const struct schema_row encoded_characters[] = {
    KEY("allowEncodedSlash", BOOL, "false", "Accept an encoded slash (%2F)."),
    KEY("allowEncodedBackSlash", BOOL, "false", "Accept an encoded backslash (%5C)."),
    KEY("allowEncodedNullCharacter", BOOL, "false", "Accept an encoded NUL (%00)."),
    KEY("allowEncodedSemicolon", BOOL, "false", "Accept an encoded semicolon (%3B)."),
    KEY("allowEncodedPercent", BOOL, "false", "Accept an encoded percent sign (%25)."),
    KEY("allowEncodedQuestionMark", BOOL, "false", "Accept an encoded question mark (%3F)."),
    KEY("allowEncodedHash", BOOL, "false", "Accept an encoded hash (%23)."),
    SCHEMA_END,
};

static const struct schema_row errors[] = {
    KEY("status", STRINGS, NULL, "Codes or ranges that are replaced."),
    KEY("statusRewrites", INTEGER_MAP, NULL, "What they become."),
    KEY("service", STRING, NULL, "Service that has the pages."),
    KEY("query", STRING, NULL, "Path of a page."),
    KEY("errorRequestHeaders", STRINGS, NULL, "Headers of the request that it gets."),
    KEY("forwardNoBody", BOOL, "false", "Do not pass the body on."),
    SCHEMA_END,
};

static const struct schema_row forward_auth[] = {
    KEY("address", STRING, NULL, "URL of the server that decides."),
    SECTION("tls", "TLS towards it.", schema_client_tls),
    KEY("trustForwardHeader", BOOL, "false", "Pass X-Forwarded-* headers of the client on."),
    KEY("authResponseHeaders", STRINGS, NULL, "Headers of its answer put on the request."),
    KEY("authResponseHeadersRegex", STRING, NULL, "The same, by a pattern."),
    KEY("authRequestHeaders", STRINGS, NULL, "Headers that it gets; empty: all."),
    KEY("authSigninURL", STRING, NULL, "Where a client that is refused is sent to sign in."),
    KEY("addAuthCookiesToResponse", STRINGS, NULL, "Cookies of its answer put on the response."),
    KEY("addAuthCookiesToResponseRegex", STRING, NULL, "The same, by a pattern."),
    KEY("headerField", STRING, NULL, "Header to pass the user's name in."),
    KEY("forwardBody", BOOL, "false", "Pass the body on."),
    KEY("maxBodySize", BYTES, "-1", "Longest body to pass on; -1: any."),
    KEY("maxResponseBodySize", BYTES, "-1", "Longest body of the answer; -1: any."),
    KEY("preserveLocationHeader", BOOL, "false", "Leave the Location header as it is."),
    KEY("preserveRequestMethod", BOOL, "false", "Ask with the client's method."),
    SCHEMA_END,
};

static const struct schema_row grpc_web[] = {
    KEY("allowOrigins", STRINGS, NULL, "Origins that may ask."),
    SCHEMA_END,
};

static const struct schema_row headers[] = {
    KEY("customRequestHeaders", STRING_MAP, NULL, "Headers set on requests; empty: removed."),
    KEY("customResponseHeaders", STRING_MAP, NULL, "Headers set on responses; empty: removed."),
    KEY("accessControlAllowCredentials", BOOL, "false", "Access-Control-Allow-Credentials."),
    KEY("accessControlAllowHeaders", STRINGS, NULL, "Access-Control-Allow-Headers."),
    KEY("accessControlAllowMethods", STRINGS, NULL, "Access-Control-Allow-Methods."),
    KEY("accessControlAllowOriginList", STRINGS, NULL, "Origins that are allowed."),
    KEY("accessControlAllowOriginListRegex", STRINGS, NULL, "The same, by patterns."),
    KEY("accessControlExposeHeaders", STRINGS, NULL, "Access-Control-Expose-Headers."),
    KEY("accessControlMaxAge", INTEGER, "0", "Access-Control-Max-Age.", UNIT("seconds")),
    KEY("addVaryHeader", BOOL, "false", "Add Origin to Vary."),
    KEY("allowedHosts", STRINGS, NULL, "Hosts that may be asked for."),
    KEY("hostsProxyHeaders", STRINGS, NULL, "Headers that may hold the host."),
    KEY("sslProxyHeaders", STRING_MAP, NULL, "Headers that tell of TLS."),
    KEY("stsSeconds", INTEGER, "0", "max-age of Strict-Transport-Security.", UNIT("seconds")),
    KEY("stsIncludeSubdomains", BOOL, "false", "includeSubDomains of it."),
    KEY("stsPreload", BOOL, "false", "preload of it."),
    KEY("forceSTSHeader", BOOL, "false", "Send it without TLS, too."),
    KEY("frameDeny", BOOL, "false", "X-Frame-Options: DENY."),
    KEY("customFrameOptionsValue", STRING, NULL, "X-Frame-Options."),
    KEY("contentTypeNosniff", BOOL, "false", "X-Content-Type-Options: nosniff."),
    KEY("browserXssFilter", BOOL, "false", "X-XSS-Protection: 1; mode=block."),
    KEY("customBrowserXSSValue", STRING, NULL, "X-XSS-Protection."),
    KEY("contentSecurityPolicy", STRING, NULL, "Content-Security-Policy."),
    KEY("contentSecurityPolicyReportOnly", STRING, NULL, "The same, only to report."),
    KEY("publicKey", STRING, NULL, "Public-Key-Pins."),
    KEY("referrerPolicy", STRING, NULL, "Referrer-Policy."),
    KEY("permissionsPolicy", STRING, NULL, "Permissions-Policy."),
    KEY("isDevelopment", BOOL, "false", "Leave the security headers out."),
    KEY("featurePolicy", STRING, NULL, "Former name of permissionsPolicy.", DEPRECATED),
    KEY("sslRedirect", BOOL, "false", "Formerly: redirect to https.", DEPRECATED),
    KEY("sslTemporaryRedirect", BOOL, "false", "Formerly: do so with 302.", DEPRECATED),
    KEY("sslHost", STRING, NULL, "Formerly: host of the redirection.", DEPRECATED),
    KEY("sslForceHost", BOOL, "false", "Formerly: always redirect to it.", DEPRECATED),
    SCHEMA_END,
};

static const struct schema_row ip_allow_list[] = {
    KEY("sourceRange", CIDRS, NULL, "Addresses that may ask."),
    IP_STRATEGY,
    KEY("rejectStatusCode", INTEGER, "403", "Status for the others.", RANGE(100, 599)),
    SCHEMA_END,
};

static const struct schema_row in_flight_req[] = {
    KEY("amount", INTEGER, "0", "Most requests at once."),
    SOURCE_CRITERION,
    SCHEMA_END,
};

#define BIT(field_, bit_)                                                                     \
    AT_BIT(model_middleware, pass_tls_client_cert.info.field_, CERTIFICATE_##bit_)

#define NAME(field_)                                                                         \
    KEY("country", BOOL, "false", "The country.", BIT(field_, COUNTRY)),                     \
        KEY("province", BOOL, "false", "The province.", BIT(field_, PROVINCE)),              \
        KEY("locality", BOOL, "false", "The locality.", BIT(field_, LOCALITY)),              \
        KEY("organization", BOOL, "false", "The organisation.", BIT(field_, ORGANIZATION)),  \
        KEY("commonName", BOOL, "false", "The common name.", BIT(field_, COMMON_NAME)),      \
        KEY("serialNumber", BOOL, "false", "The serial number.",                             \
            BIT(field_, SERIAL_NUMBER)),                                                     \
        KEY("domainComponent", BOOL, "false", "The domain components.",                      \
            BIT(field_, DOMAIN_COMPONENT))

static const struct schema_row certificate_subject[] = {
    NAME(subject),
    KEY("organizationalUnit", BOOL, "false", "The organisational unit.",
        BIT(subject, ORGANIZATIONAL_UNIT)),
    KEY("uid", BOOL, "false", "The user identifier.", BIT(subject, USER_ID)),
    SCHEMA_END,
};

static const struct schema_row certificate_issuer[] = {
    NAME(issuer),
    SCHEMA_END,
};

#define INFO(field_) AT(model_middleware, pass_tls_client_cert.info.field_)

static const struct schema_row certificate_info[] = {
    KEY("notAfter", BOOL, "false", "End of its validity.", INFO(not_after)),
    KEY("notBefore", BOOL, "false", "Begin of its validity.", INFO(not_before)),
    KEY("sans", BOOL, "false", "Its names.", INFO(sans)),
    KEY("serialNumber", BOOL, "false", "Its serial number.", INFO(serial_number)),
    SECTION("subject", "Its subject.", certificate_subject),
    SECTION("issuer", "Its issuer.", certificate_issuer),
    SCHEMA_END,
};

static const struct schema_row pass_tls_client_cert[] = {
    KEY("pem", BOOL, "false", "Pass the certificate on.",
        AT(model_middleware, pass_tls_client_cert.pem)),
    SECTION("info", "Pass these of its fields on.", certificate_info,
            PRESENT(model_middleware, pass_tls_client_cert.info.present)),
    SCHEMA_END,
};

static const struct schema_row redis[] = {
    KEY("endpoints", STRINGS, "localhost:6379", "Where Redis listens."),
    SECTION("tls", "TLS towards it.", schema_client_tls),
    KEY("username", STRING, NULL, "User name."),
    KEY("password", STRING, NULL, "Password."),
    KEY("db", INTEGER, "0", "Number of the database."),
    KEY("poolSize", INTEGER, "0", "Connections."),
    KEY("minIdleConns", INTEGER, "0", "Fewest idle connections."),
    KEY("maxActiveConns", INTEGER, "0", "Most connections; 0: any number."),
    KEY("readTimeout", DURATION, "3s", "Longest read."),
    KEY("writeTimeout", DURATION, "3s", "Longest write."),
    KEY("dialTimeout", DURATION, "5s", "Longest time to connect."),
    SCHEMA_END,
};

static const struct schema_row rate_limit[] = {
    KEY("average", INTEGER, "0", "Requests per period; 0: any number."),
    KEY("period", DURATION, "1s", "The period."),
    KEY("burst", INTEGER, "1", "Requests at once."),
    SOURCE_CRITERION,
    SECTION("redis", "Count in Redis, for several proxies.", redis),
    SCHEMA_END,
};

static const struct schema_row redirect_regex[] = {
    KEY("regex", STRING, NULL, "Pattern of the URL."),
    KEY("replacement", STRING, NULL, "What it becomes."),
    KEY("permanent", BOOL, "false", "Answer 308 (301 to GET) instead of 307 (302)."),
    SCHEMA_END,
};

static const struct schema_row redirect_scheme[] = {
    KEY("scheme", STRING, NULL, "Scheme to redirect to.",
        AT(model_middleware, redirect_scheme.scheme)),
    KEY("port", STRING, NULL, "Port to redirect to; empty: the scheme's.",
        AT(model_middleware, redirect_scheme.port)),
    KEY("permanent", BOOL, "false", "Answer 308 (301 to GET) instead of 307 (302).",
        AT(model_middleware, redirect_scheme.permanent)),
    SCHEMA_END,
};

static const struct schema_row replace_path[] = {
    KEY("path", STRING, NULL, "The new path."),
    SCHEMA_END,
};

static const struct schema_row replace_path_regex[] = {
    KEY("regex", STRING, NULL, "Pattern of the path."),
    KEY("replacement", STRING, NULL, "What it becomes."),
    SCHEMA_END,
};

static const struct schema_row retry[] = {
    KEY("attempts", INTEGER, "0", "How often to try."),
    KEY("timeout", DURATION, "0s", "Longest time for all tries; 0: no limit."),
    KEY("initialInterval", DURATION, "0s", "Wait before the second try."),
    KEY("maxRequestBodyBytes", BYTES, "2097152", "Longest body to keep for it."),
    KEY("status", STRINGS, NULL, "Codes or ranges to try again after."),
    KEY("disableRetryOnNetworkError", BOOL, "false", "Not after network errors."),
    KEY("retryNonIdempotentMethod", BOOL, "false", "Also methods that may not be repeated."),
    SCHEMA_END,
};

static const struct schema_row strip_prefix[] = {
    KEY("prefixes", STRINGS, NULL, "What to take off the path."),
    KEY("forceSlash", BOOL, "true", "Formerly: begin with a slash.", DEPRECATED),
    SCHEMA_END,
};

static const struct schema_row strip_prefix_regex[] = {
    KEY("regex", STRINGS, NULL, "Patterns of what to take off the path."),
    SCHEMA_END,
};

#define UNBUILT(name_, doc_, rows_, ...)                                                     \
    SECTION(name_, doc_, rows_, CHECK(take_type), NOT_BUILT_CLOSES, ##__VA_ARGS__)

const struct schema_row schema_middleware[] = {
    UNBUILT("addPrefix", "Put something in front of the path.", add_prefix),
    UNBUILT("basicAuth", "Ask for a name and a password.", auth),
    UNBUILT("buffering", "Read bodies whole before they are passed on.", buffering),
    UNBUILT("chain", "Several middlewares under one name.", chain),
    UNBUILT("circuitBreaker", "Stop asking a service that fails.", circuit_breaker),
    UNBUILT("compress", "Compress responses.", compress, ALLOW_EMPTY),
    UNBUILT("contentType", "Guess a missing Content-Type.", content_type, ALLOW_EMPTY),
    UNBUILT("digestAuth", "Ask for a name and a password, by digest.", auth),
    UNBUILT("encodedCharacters", "Refuse encoded characters in paths.", encoded_characters,
            ALLOW_EMPTY),
    UNBUILT("errors", "Serve own pages for errors.", errors),
    UNBUILT("forwardAuth", "Ask another server who may.", forward_auth),
    UNBUILT("grpcWeb", "Translate gRPC-Web.", grpc_web),
    UNBUILT("headers", "Set headers, CORS and security headers.", headers),
    UNBUILT("inFlightReq", "Only so many requests at once.", in_flight_req),
    UNBUILT("ipAllowList", "Only these addresses.", ip_allow_list),
    UNBUILT("ipWhiteList", "Former name of ipAllowList.", ip_allow_list, DEPRECATED),
    SECTION("passTLSClientCert", "Pass the client's certificate on.", pass_tls_client_cert,
            CHECK(take_pass_tls_client_cert)),
    {.name = "plugin", .type = SCHEMA_ANY, .doc = "A plugin.", .check = take_type,
     NOT_BUILT_CLOSES},
    UNBUILT("rateLimit", "Only so many requests per time.", rate_limit),
    UNBUILT("redirectRegex", "Redirect by a pattern.", redirect_regex),
    SECTION("redirectScheme", "Redirect to another scheme or port.", redirect_scheme,
            CHECK(take_redirect_scheme)),
    UNBUILT("replacePath", "Replace the path.", replace_path),
    UNBUILT("replacePathRegex", "Replace the path by a pattern.", replace_path_regex),
    UNBUILT("retry", "Try again.", retry),
    UNBUILT("stripPrefix", "Take a prefix off the path.", strip_prefix),
    UNBUILT("stripPrefixRegex", "Take a prefix off the path by a pattern.", strip_prefix_regex),
    SCHEMA_END,
};
