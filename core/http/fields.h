/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Header and trailer fields (RFC 9110 §5) as an array in the order of arrival.
 * Names that Weir looks at have an id, found once by the parser, so that
 * nobody compares strings afterwards. Names and values are borrowed: they live
 * in the message's arena. One thread.
 */
#ifndef WEIR_CORE_HTTP_FIELDS_H
#define WEIR_CORE_HTTP_FIELDS_H

#include "core/base/arena.h"
#include "core/base/err.h"

#define HTTP_FIELD_LIST(X)                                       \
    X(ACCEPT_ENCODING, "accept-encoding")                        \
    X(AUTHORIZATION, "authorization")                            \
    X(CONNECTION, "connection")                                  \
    X(CONTENT_LENGTH, "content-length")                          \
    X(CONTENT_TYPE, "content-type")                              \
    X(COOKIE, "cookie")                                          \
    X(DATE, "date")                                              \
    X(EXPECT, "expect")                                          \
    X(FORWARDED, "forwarded")                                    \
    X(HOST, "host")                                              \
    X(HTTP2_SETTINGS, "http2-settings")                          \
    X(KEEP_ALIVE, "keep-alive")                                  \
    X(LOCATION, "location")                                      \
    X(PROXY_AUTHENTICATE, "proxy-authenticate")                  \
    X(PROXY_AUTHORIZATION, "proxy-authorization")                \
    X(PROXY_CONNECTION, "proxy-connection")                      \
    X(REFERER, "referer")                                        \
    X(SERVER, "server")                                          \
    X(SET_COOKIE, "set-cookie")                                  \
    X(TE, "te")                                                  \
    X(TRAILER, "trailer")                                        \
    X(TRANSFER_ENCODING, "transfer-encoding")                    \
    X(UPGRADE, "upgrade")                                        \
    X(USER_AGENT, "user-agent")                                  \
    X(X_FORWARDED_FOR, "x-forwarded-for")                        \
    X(X_FORWARDED_HOST, "x-forwarded-host")                      \
    X(X_FORWARDED_PORT, "x-forwarded-port")                      \
    X(X_FORWARDED_PREFIX, "x-forwarded-prefix")                  \
    X(X_FORWARDED_PROTO, "x-forwarded-proto")                    \
    X(X_FORWARDED_SERVER, "x-forwarded-server")                  \
    X(X_FORWARDED_METHOD, "x-forwarded-method")                  \
    X(X_FORWARDED_URI, "x-forwarded-uri")                        \
    X(X_FORWARDED_TLS_CLIENT_CERT, "x-forwarded-tls-client-cert") \
    X(X_FORWARDED_TLS_CLIENT_CERT_INFO, "x-forwarded-tls-client-cert-info") \
    X(X_FORWARDED_SCHEME, "x-forwarded-scheme")                  \
    X(X_SCHEME, "x-scheme")                                      \
    X(X_REAL_IP, "x-real-ip")

enum http_field_id {
    HTTP_FIELD_OTHER,
#define HTTP_FIELD_ENUM(id, name) HTTP_FIELD_##id,
    HTTP_FIELD_LIST(HTTP_FIELD_ENUM)
#undef HTTP_FIELD_ENUM
        HTTP_FIELD_IDS,
};

struct http_field {
    struct span name, value; /* value without surrounding white space */
    enum http_field_id id;
};

struct http_fields {
    struct http_field *items;
    uint32_t count, cap;
    struct arena *arena;
};

void http_fields_init(struct http_fields *fields, struct arena *arena);
/* The id of a name in any case; HTTP_FIELD_OTHER. */
enum http_field_id http_field_id_of(struct span name);
/* The canonical lower-case name of a known id. */
struct span http_field_name(enum http_field_id id);
/* As HTTP/1 writes it when Weir itself adds the field: "X-Forwarded-For". */
struct span http_field_wire_name(enum http_field_id id);

/* Makes room for n fields in all, so that adding up to n cannot fail. */
MUST_USE enum err http_fields_reserve(struct http_fields *fields, size_t n);
/* Borrow name and value. ERR_LIMIT beyond LIMIT_HEADERS, ERR_NOMEM. */
MUST_USE enum err http_fields_put(struct http_fields *fields, struct http_field field);
MUST_USE enum err http_fields_add(struct http_fields *fields, struct span name, struct span value);
MUST_USE enum err http_fields_add_id(struct http_fields *fields, enum http_field_id id,
                                     struct span value);
/* Replaces all of that id (or name) by one. */
MUST_USE enum err http_fields_set_id(struct http_fields *fields, enum http_field_id id,
                                     struct span value);
MUST_USE enum err http_fields_set(struct http_fields *fields, struct span name, struct span value);
void http_fields_remove_id(struct http_fields *fields, enum http_field_id id);
void http_fields_remove(struct http_fields *fields, struct span name);
/* The first, or NULL. */
const struct http_field *http_fields_find_id(const struct http_fields *fields,
                                             enum http_field_id id);
const struct http_field *http_fields_find(const struct http_fields *fields, struct span name);
/* Whether the comma-separated list fields of that id hold the token (any case). */
bool http_fields_has_token(const struct http_fields *fields, enum http_field_id id,
                           struct span token);
/* Options of Connection that are looked at; the HTTP/1 parser refuses more. */
#define HTTP_CONNECTION_OPTIONS_MAX 64
/* Removes what Connection names, but for the names in `kept`, and leaves Connection
 * itself and all that the function below deals with, so that nothing on the way sees
 * what the recipient will not. */
void http_fields_remove_named_by_connection(struct http_fields *fields, const struct span *kept,
                                            size_t kept_count);
/* RFC 9113 §8.2.2: what only HTTP/1 may say, of a connection. */
static inline bool http_field_is_of_connection(const struct http_field *field)
{
    return field->id == HTTP_FIELD_CONNECTION || field->id == HTTP_FIELD_KEEP_ALIVE ||
           field->id == HTTP_FIELD_PROXY_CONNECTION || field->id == HTTP_FIELD_UPGRADE ||
           field->id == HTTP_FIELD_TRANSFER_ENCODING ||
           (field->id == HTTP_FIELD_TE && !span_equal_nocase(field->value, SPAN("trailers")));
}
/* Whether a field may stand in trailers (RFC 9110 §6.5.1): not one that frames, routes,
 * authenticates or describes the content. Others are left out as they come in. */
bool http_field_may_trail(enum http_field_id id, struct span name);
/* Removes Connection and all that it names, and the other hop-by-hop fields of
 * RFC 9110 §7.6.1 (Transfer-Encoding and Content-Length stay with the framer).
 * TE: trailers survives, as gRPC needs it. Connection cannot name away Host,
 * Forwarded, X-Forwarded-* and X-Real-Ip, which a client must not be able to
 * strip; options behind the first HTTP_CONNECTION_OPTIONS_MAX are not looked
 * at (the HTTP/1 parser refuses such messages). */
void http_fields_remove_hop_by_hop(struct http_fields *fields);

#endif
