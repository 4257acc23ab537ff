/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request and a response as every version of HTTP agrees on them. No I/O.
 * All spans live in the message's arena (exchange) unless said otherwise.
 */
#ifndef WEIR_CORE_HTTP_MESSAGE_H
#define WEIR_CORE_HTTP_MESSAGE_H

#include "core/http/fields.h"

enum http_method {
    HTTP_METHOD_OTHER,
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_CONNECT,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_TRACE,
    HTTP_METHOD_PATCH,
};

enum http_method http_method_of(struct span text);
/* RFC 9110 §9.2.2. */
bool http_method_is_idempotent(enum http_method method);

enum http_version { HTTP_1_0, HTTP_1_1, HTTP_2, HTTP_3 };
/* "HTTP/1.1". */
const char *http_version_text(enum http_version version);

/* How the body of a message is delimited. */
enum http_body_kind {
    HTTP_BODY_NONE,
    HTTP_BODY_LENGTH,      /* content_length bytes */
    HTTP_BODY_CHUNKED,
    HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

struct http_request {
    enum http_method method;
    enum http_version version;
    struct span method_text;
    struct span target;    /* as received */
    struct span path;      /* always begins with '/'; or "*" for OPTIONS * */
    struct span query;     /* without '?'; ptr NULL when there is none */
    struct span authority; /* Host as received (absolute-form wins), may have a port */
    struct span host;      /* lower case, without port and trailing dot; brackets removed */
    struct http_fields fields;
    enum http_body_kind body;
    uint64_t content_length;
    bool keep_alive;      /* what the client wants of its connection */
    bool expect_continue;
    bool upgrade;         /* Connection: upgrade with an Upgrade field */
};

struct http_response {
    uint16_t status;
    enum http_version version;
    struct span reason;
    struct http_fields fields;
    enum http_body_kind body;
    uint64_t content_length;
    bool keep_alive;
};

/* The standard reason phrase, "" when unknown. */
const char *http_status_reason(uint16_t status);

#endif
