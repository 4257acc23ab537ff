/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables of methods, versions and reason phrases. Methods are told apart by
 * their length before any byte is compared; they are case-sensitive.
 */
#include "core/http/message.h"

static enum http_method method_if(struct span text, const char *name, enum http_method method)
{
    return memcmp(text.ptr, name, text.len) == 0 ? method : HTTP_METHOD_OTHER;
}

enum http_method http_method_of(struct span text)
{
    switch (text.len) {
    case 3:
        return text.ptr[0] == 'G' ? method_if(text, "GET", HTTP_METHOD_GET)
                                  : method_if(text, "PUT", HTTP_METHOD_PUT);
    case 4:
        return text.ptr[0] == 'P' ? method_if(text, "POST", HTTP_METHOD_POST)
                                  : method_if(text, "HEAD", HTTP_METHOD_HEAD);
    case 5:
        return text.ptr[0] == 'P' ? method_if(text, "PATCH", HTTP_METHOD_PATCH)
                                  : method_if(text, "TRACE", HTTP_METHOD_TRACE);
    case 6:
        return method_if(text, "DELETE", HTTP_METHOD_DELETE);
    case 7:
        return text.ptr[0] == 'O' ? method_if(text, "OPTIONS", HTTP_METHOD_OPTIONS)
                                  : method_if(text, "CONNECT", HTTP_METHOD_CONNECT);
    default:
        return HTTP_METHOD_OTHER;
    }
}

bool http_method_is_idempotent(enum http_method method)
{
    return method != HTTP_METHOD_OTHER && method != HTTP_METHOD_POST &&
           method != HTTP_METHOD_CONNECT && method != HTTP_METHOD_PATCH;
}

const char *http_version_text(enum http_version version)
{
    static const char *const texts[] = {
        [HTTP_1_0] = "HTTP/1.0",
        [HTTP_1_1] = "HTTP/1.1",
        [HTTP_2] = "HTTP/2.0",
        [HTTP_3] = "HTTP/3.0",
    };
    return texts[version];
}

/* The IANA registry of status codes, RFC 9110 §15 and those that extend it. */
#define STATUS_LIST(X)                                                                             \
    X(100, "Continue") X(101, "Switching Protocols") X(102, "Processing") X(103, "Early Hints")    \
    X(200, "OK") X(201, "Created") X(202, "Accepted") X(203, "Non-Authoritative Information")      \
    X(204, "No Content") X(205, "Reset Content") X(206, "Partial Content")                         \
    X(207, "Multi-Status") X(208, "Already Reported") X(226, "IM Used")                            \
    X(300, "Multiple Choices") X(301, "Moved Permanently") X(302, "Found") X(303, "See Other")     \
    X(304, "Not Modified") X(305, "Use Proxy") X(307, "Temporary Redirect")                        \
    X(308, "Permanent Redirect")                                                                   \
    X(400, "Bad Request") X(401, "Unauthorized") X(402, "Payment Required") X(403, "Forbidden")    \
    X(404, "Not Found") X(405, "Method Not Allowed") X(406, "Not Acceptable")                      \
    X(407, "Proxy Authentication Required") X(408, "Request Timeout") X(409, "Conflict")           \
    X(410, "Gone") X(411, "Length Required") X(412, "Precondition Failed")                         \
    X(413, "Content Too Large") X(414, "URI Too Long") X(415, "Unsupported Media Type")            \
    X(416, "Range Not Satisfiable") X(417, "Expectation Failed") X(421, "Misdirected Request")     \
    X(422, "Unprocessable Content") X(423, "Locked") X(424, "Failed Dependency")                   \
    X(425, "Too Early") X(426, "Upgrade Required") X(428, "Precondition Required")                 \
    X(429, "Too Many Requests") X(431, "Request Header Fields Too Large")                          \
    X(451, "Unavailable For Legal Reasons")                                                        \
    X(500, "Internal Server Error") X(501, "Not Implemented") X(502, "Bad Gateway")                \
    X(503, "Service Unavailable") X(504, "Gateway Timeout") X(505, "HTTP Version Not Supported")   \
    X(506, "Variant Also Negotiates") X(507, "Insufficient Storage") X(508, "Loop Detected")       \
    X(511, "Network Authentication Required")

#define STATUS_FIRST 100
#define STATUS_LAST 511

const char *http_status_reason(uint16_t status)
{
    static const char *const reasons[STATUS_LAST - STATUS_FIRST + 1] = {
#define STATUS_ENTRY(code, reason) [code - STATUS_FIRST] = reason,
        STATUS_LIST(STATUS_ENTRY)
#undef STATUS_ENTRY
    };
    if (status < STATUS_FIRST || status > STATUS_LAST || reasons[status - STATUS_FIRST] == NULL)
        return "";
    return reasons[status - STATUS_FIRST];
}
