/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is a request and what is not: one row per way to write a request head,
 * with the verdict that RFC 9112 and RFC 9110 ask for, above all the ways to
 * smuggle one request inside another. Each row is parsed whole, one byte at a
 * time, and cut in two at every place; the verdict must be the same.
 */
#include "h1_help.h"

enum { NONE = HTTP_BODY_NONE, LENGTH = HTTP_BODY_LENGTH, CHUNKED = HTTP_BODY_CHUNKED };

struct verdict {
    const char *what;
    struct span head;
    uint16_t status; /* 0: accepted */
    enum http_body_kind body;
};

#define ROW(what, text, status, body) \
    {what, {text, sizeof(text) - 1}, status, (enum http_body_kind)(body)}
#define OK(what, text, body) ROW(what, text, 0, body)
#define BAD(what, text, status) ROW(what, text, status, NONE)
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define HOST "Host: a\r\n"
#define END "\r\n"

static const struct verdict verdicts[] = {
    /* ---- the start line ---- */
    OK("the plainest request", GET HOST END, NONE),
    OK("an empty line in front", "\r\n" GET HOST END, NONE),
    BAD("two empty lines in front", "\r\n\r\n" GET HOST END, 400),
    BAD("LF in front", "\n" GET HOST END, 400),
    BAD("a bare CR in front", "\rGET / HTTP/1.1\r\n" HOST END, 400),
    BAD("space in front", " " GET HOST END, 400),
    BAD("two spaces behind the method", "GET  / HTTP/1.1\r\n" HOST END, 400),
    BAD("two spaces behind the target", "GET /  HTTP/1.1\r\n" HOST END, 400),
    BAD("tab instead of space", "GET\t/ HTTP/1.1\r\n" HOST END, 400),
    BAD("space behind the version", "GET / HTTP/1.1 \r\n" HOST END, 400),
    BAD("no version (HTTP/0.9)", "GET /\r\n\r\n", 400),
    BAD("no target", "GET HTTP/1.1\r\n" HOST END, 400),
    BAD("an empty target", "GET  HTTP/1.1\r\n" HOST END, 400),
    BAD("lower-case version", "GET / http/1.1\r\n" HOST END, 400),
    BAD("another protocol", "GET / ICAP/1.0\r\n" HOST END, 400),
    BAD("minor version of two digits", "GET / HTTP/1.10\r\n" HOST END, 400),
    BAD("major version of two digits", "GET / HTTP/11.1\r\n" HOST END, 400),
    BAD("version without minor", "GET / HTTP/1\r\n" HOST END, 400),
    BAD("version with a letter", "GET / HTTP/1.x\r\n" HOST END, 400),
    BAD("HTTP/2.0 in a start line", "GET / HTTP/2.0\r\n" HOST END, 505),
    BAD("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    BAD("HTTP/3.0", "GET / HTTP/3.0\r\n" HOST END, 505),
    BAD("HTTP/0.9 with a version", "GET / HTTP/0.9\r\n" HOST END, 505),
    OK("HTTP/1.2 counts as 1.1", "GET / HTTP/1.2\r\n" HOST END, NONE),
    OK("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", NONE),
    OK("a method of one's own", "M-SEARCH / HTTP/1.1\r\n" HOST END, NONE),
    BAD("a method that is no token", "GE(T / HTTP/1.1\r\n" HOST END, 400),
    BAD("a NUL in the method", "GE\0T / HTTP/1.1\r\n" HOST END, 400),
    BAD("a TLS record", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    BAD("a start line that ends with LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    BAD("a start line that ends with CR", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
    BAD("a start line with CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
    BAD("a second request in the start line", "GET / HTTP/1.1 GET /x HTTP/1.1\r\n" HOST END, 400),
    /* ---- the target ---- */
    OK("a query", "GET /a?b=c&d HTTP/1.1\r\n" HOST END, NONE),
    BAD("a NUL in the target", "GET /a\0b HTTP/1.1\r\n" HOST END, 400),
    BAD("a control character in the target", "GET /a\x01 HTTP/1.1\r\n" HOST END, 400),
    BAD("DEL in the target", "GET /a\x7f HTTP/1.1\r\n" HOST END, 400),
    BAD("raw UTF-8 in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST END, 400),
    BAD("a fragment", "GET /a#b HTTP/1.1\r\n" HOST END, 400),
    BAD("a target without slash", "GET a HTTP/1.1\r\n" HOST END, 400),
    OK("absolute-form", "GET http://b.example/x HTTP/1.1\r\n" HOST END, NONE),
    OK("absolute-form without path", "GET http://b.example HTTP/1.1\r\n" HOST END, NONE),
    BAD("absolute-form without Host", "GET http://b.example/ HTTP/1.1\r\n\r\n", 400),
    BAD("absolute-form with user information",
        "GET http://u:p@b.example/ HTTP/1.1\r\n" HOST END, 400),
    BAD("absolute-form without host", "GET http:///x HTTP/1.1\r\n" HOST END, 400),
    BAD("absolute-form with a bad port", "GET http://b:99999/ HTTP/1.1\r\n" HOST END, 400),
    BAD("absolute-form of another scheme", "GET ftp://b.example/ HTTP/1.1\r\n" HOST END, 400),
    BAD("absolute-form with a broken Host", "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    OK("asterisk-form", "OPTIONS * HTTP/1.1\r\n" HOST END, NONE),
    BAD("asterisk-form with GET", "GET * HTTP/1.1\r\n" HOST END, 400),
    OK("authority-form", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", NONE),
    BAD("authority-form with GET", "GET a.example:443 HTTP/1.1\r\n" HOST END, 400),
    BAD("CONNECT without a port", "CONNECT a.example HTTP/1.1\r\n" HOST END, 400),
    BAD("CONNECT with a path", "CONNECT /x HTTP/1.1\r\n" HOST END, 400),
    BAD("CONNECT with a URL", "CONNECT http://a:1/ HTTP/1.1\r\n" HOST END, 400),
    /* ---- Host ---- */
    BAD("no Host in 1.1", GET "Accept: x\r\n" END, 400),
    BAD("two Host fields", GET HOST "Host: b\r\n" END, 400),
    BAD("the same Host twice", GET HOST HOST END, 400),
    BAD("two Host fields, one in capitals", GET HOST "HOST: b\r\n" END, 400),
    BAD("two Host fields in 1.0", "GET / HTTP/1.0\r\n" HOST "Host: b\r\n" END, 400),
    OK("an empty Host", GET "Host:\r\n" END, NONE),
    BAD("a space in Host", GET "Host: a b\r\n" END, 400),
    BAD("a path in Host", GET "Host: a/b\r\n" END, 400),
    BAD("user information in Host", GET "Host: u@a\r\n" END, 400),
    BAD("percent-encoding in Host", GET "Host: %61\r\n" END, 400),
    BAD("a port that is too large", GET "Host: a:65536\r\n" END, 400),
    BAD("a port with a letter", GET "Host: a:8x\r\n" END, 400),
    BAD("two ports", GET "Host: a:1:2\r\n" END, 400),
    BAD("a port without host", GET "Host: :80\r\n" END, 400),
    OK("an empty port", GET "Host: a:\r\n" END, NONE),
    OK("an IPv6 address", GET "Host: [::1]:80\r\n" END, NONE),
    BAD("an IPv6 address without brackets", GET "Host: ::1\r\n" END, 400),
    BAD("a broken IPv6 address", GET "Host: [::g]\r\n" END, 400),
    BAD("an open bracket", GET "Host: [::1\r\n" END, 400),
    BAD("bytes behind the bracket", GET "Host: [::1]x\r\n" END, 400),
    BAD("a quoted Host", GET "Host: \"a\"\r\n" END, 400),
    BAD("a backslash in Host", GET "Host: a\\b\r\n" END, 400),
    BAD("raw UTF-8 in Host", GET "Host: \xc3\xa9\r\n" END, 400),
    /* ---- lines of fields ---- */
    BAD("space in front of the colon", GET "Host : a\r\n" END, 400),
    BAD("tab in front of the colon", GET "Host\t: a\r\n" END, 400),
    BAD("Content-Length with space before the colon", POST "Content-Length : 5\r\n" END, 400),
    BAD("an empty name", GET HOST ": x\r\n" END, 400),
    BAD("a line without colon", GET HOST "nonsense\r\n" END, 400),
    BAD("obs-fold with space", GET HOST "X: a\r\n b\r\n" END, 400),
    BAD("obs-fold with tab", GET HOST "X: a\r\n\tb\r\n" END, 400),
    BAD("obs-fold hiding a length", POST "X: a\r\n Content-Length: 5\r\n" END, 400),
    BAD("space in front of the first field", GET " Host: a\r\n" END, 400),
    BAD("a line that ends with LF", GET "Host: a\n" END, 400),
    BAD("a blank line that is LF only", GET HOST "\n", 400),
    BAD("everything with LF", "GET / HTTP/1.1\nHost: a\n\n", 400),
    BAD("CR inside a value", GET HOST "X: a\rb\r\n" END, 400),
    BAD("CR CR LF behind a value", GET HOST "X: a\r\r\n" END, 400),
    BAD("NUL inside a value", GET HOST "X: a\0b\r\n" END, 400),
    BAD("a control character in a value", GET HOST "X: a\x08\r\n" END, 400),
    BAD("DEL in a value", GET HOST "X: a\x7f\r\n" END, 400),
    BAD("a vertical tab in front of a value", GET HOST "X:\x0b" "a\r\n" END, 400),
    OK("tab inside a value", GET HOST "X: a\tb\r\n" END, NONE),
    OK("obs-text in a value", GET HOST "X: \xc3\xa9\r\n" END, NONE),
    OK("an empty value", GET HOST "X:\r\n" END, NONE),
    OK("blanks around a value", GET "Host: \t a \t \r\n" END, NONE),
    BAD("a name with parentheses", GET HOST "X(y): z\r\n" END, 400),
    BAD("a name with a byte beyond ASCII", GET HOST "X\xc3\xa9: z\r\n" END, 400),
    BAD("a name with NUL", GET HOST "X\0: z\r\n" END, 400),
    BAD("CR inside a name", GET HOST "X\rY: z\r\n" END, 400),
    OK("a name of every kind of token character", GET HOST "!#$%&'*+-.^_`|~09: z\r\n" END, NONE),
    /* ---- Content-Length ---- */
    OK("a length", POST "Content-Length: 5\r\n" END, LENGTH),
    OK("a length of zero", POST "Content-Length: 0\r\n" END, LENGTH),
    OK("a length with leading zeros", POST "Content-Length: 005\r\n" END, LENGTH),
    OK("a GET with a body", GET HOST "Content-Length: 5\r\n" END, LENGTH),
    OK("the largest length", POST "Content-Length: 9223372036854775807\r\n" END, LENGTH),
    BAD("a length beyond it", POST "Content-Length: 9223372036854775808\r\n" END, 400),
    BAD("a length beyond 64 bits", POST "Content-Length: 18446744073709551621\r\n" END, 400),
    BAD("an empty length", POST "Content-Length:\r\n" END, 400),
    BAD("a negative length", POST "Content-Length: -5\r\n" END, 400),
    BAD("a length with plus", POST "Content-Length: +5\r\n" END, 400),
    BAD("a hexadecimal length", POST "Content-Length: 0x5\r\n" END, 400),
    BAD("a length with a fraction", POST "Content-Length: 5.0\r\n" END, 400),
    BAD("a length with an exponent", POST "Content-Length: 5e1\r\n" END, 400),
    BAD("a length with a space inside", POST "Content-Length: 5 5\r\n" END, 400),
    BAD("a length with an underscore", POST "Content-Length: 1_000\r\n" END, 400),
    BAD("a length in quotes", POST "Content-Length: \"5\"\r\n" END, 400),
    BAD("a list of lengths", POST "Content-Length: 5, 5\r\n" END, 400),
    BAD("a list of different lengths", POST "Content-Length: 5, 6\r\n" END, 400),
    BAD("a length with a trailing comma", POST "Content-Length: 5,\r\n" END, 400),
    BAD("the same length twice", POST "Content-Length: 5\r\nContent-Length: 5\r\n" END, 400),
    BAD("two different lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n" END, 400),
    BAD("two lengths, one in capitals", POST "Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n" END, 400),
    OK("a name that only looks like it", POST "Content_Length: x\r\n" END, NONE),
    /* ---- Transfer-Encoding ---- */
    OK("chunked", POST "Transfer-Encoding: chunked\r\n" END, CHUNKED),
    OK("chunked in capitals", POST "TRANSFER-ENCODING: CHUNKED\r\n" END, CHUNKED),
    BAD("chunked and a length",
        POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END, 400),
    BAD("a length and chunked",
        POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END, 400),
    BAD("chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END, 400),
    BAD("chunked twice in a list", POST "Transfer-Encoding: chunked, chunked\r\n" END, 400),
    BAD("chunked twice in two fields",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END, 400),
    BAD("chunked, then identity in another field",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" END, 400),
    BAD("chunked not last", POST "Transfer-Encoding: chunked, gzip\r\n" END, 400),
    BAD("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n" END, 501),
    BAD("gzip", POST "Transfer-Encoding: gzip\r\n" END, 501),
    BAD("identity", POST "Transfer-Encoding: identity\r\n" END, 501),
    BAD("identity and a length",
        POST "Transfer-Encoding: identity\r\nContent-Length: 5\r\n" END, 501),
    BAD("xchunked", POST "Transfer-Encoding: xchunked\r\n" END, 501),
    BAD("chunkedx", POST "Transfer-Encoding: chunkedx\r\n" END, 501),
    BAD("chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n" END, 400),
    BAD("chunked in apostrophes", POST "Transfer-Encoding: 'chunked'\r\n" END, 501),
    BAD("chunked with a parameter", POST "Transfer-Encoding: chunked;q=1\r\n" END, 400),
    BAD("chunked with a comma in front", POST "Transfer-Encoding: , chunked\r\n" END, 400),
    BAD("chunked with a comma behind", POST "Transfer-Encoding: chunked,\r\n" END, 400),
    BAD("an empty transfer coding", POST "Transfer-Encoding:\r\n" END, 400),
    BAD("two words", POST "Transfer-Encoding: chunked x\r\n" END, 400),
    BAD("a vertical tab in front of chunked", POST "Transfer-Encoding:\x0b" "chunked\r\n" END, 400),
    BAD("a NUL behind chunked", POST "Transfer-Encoding: chunked\0\r\n" END, 400),
    BAD("chunked on a folded line", POST "Transfer-Encoding:\r\n chunked\r\n" END, 400),
    BAD("space before the colon", POST "Transfer-Encoding : chunked\r\n" END, 400),
    BAD("a CR in front of the name", POST "\rTransfer-Encoding: chunked\r\n" END, 400),
    BAD("a bare LF hiding the field", POST "X: y\nTransfer-Encoding: chunked\r\n" END, 400),
    BAD("a bare CR hiding the field", POST "X: y\rTransfer-Encoding: chunked\r\n" END, 400),
    OK("a name that only looks like it", POST "Transfer_Encoding: chunked\r\n" END, NONE),
    /* ---- Expect and Connection ---- */
    OK("100-continue", POST "Expect: 100-Continue\r\nContent-Length: 1\r\n" END, LENGTH),
    BAD("another expectation", POST "Expect: 200-maybe\r\n" END, 417),
    BAD("two expectations", POST "Expect: 100-continue, x\r\n" END, 417),
    OK("Connection naming Content-Length",
       POST "Connection: content-length\r\nContent-Length: 1\r\n" END, LENGTH),
};

struct outcome {
    enum err error;
    uint16_t status;
    size_t head_len;
    enum http_body_kind body;
};

/* Parses what is there of the head, up to `len` bytes, from exact memory. */
static struct outcome parse_prefix(struct span head, size_t len, size_t *scanned)
{
    struct arena arena;
    struct http_request request;
    struct outcome outcome = {0};
    struct err_text why = {0};
    arena_init(&arena, 4096, 1 << 20);
    char *copy = heap_copy(span_first(head, len));
    outcome.error = h1_parse_request(span_make(copy, len), &test_limits, &arena, scanned, &request,
                                     &outcome.head_len, &outcome.status, &why);
    if (outcome.error == ERR_OK)
        outcome.body = request.body;
    else if (outcome.error != ERR_AGAIN)
        assert_true(why.text[0] != '\0');
    free(copy);
    arena_finish(&arena);
    return outcome;
}

static void check(const struct verdict *verdict, struct outcome outcome, const char *how)
{
    bool right = outcome.status == verdict->status;
    if (verdict->status == 0)
        right = right && outcome.error == ERR_OK && outcome.head_len == verdict->head.len &&
                outcome.body == verdict->body;
    else
        right = right && outcome.error == ERR_SYNTAX;
    if (!right)
        fail_msg("%s (%s): ERR_%s, status %u, %zu of %zu bytes, body %d", verdict->what, how,
                 err_name(outcome.error), outcome.status, outcome.head_len, verdict->head.len,
                 outcome.body);
}

static void each_head_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        size_t scanned = 0;
        check(&verdicts[i], parse_prefix(verdicts[i].head, verdicts[i].head.len, &scanned),
              "whole");
    }
}

/* Bytes behind the head change nothing and are not taken. */
static void what_follows_is_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        char bytes[1024];
        struct span head = verdicts[i].head;
        size_t scanned = 0, len = head.len + 40;
        memset(bytes, 'x', sizeof(bytes));
        memcpy(bytes, head.ptr, head.len);
        check(&verdicts[i], parse_prefix(span_make(bytes, len), len, &scanned), "followed");
    }
}

static void a_trickling_head_has_the_same_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        const struct verdict *verdict = &verdicts[i];
        size_t scanned = 0;
        struct outcome outcome = {.error = ERR_AGAIN};
        for (size_t len = 1; len <= verdict->head.len && outcome.error == ERR_AGAIN; len++)
            outcome = parse_prefix(verdict->head, len, &scanned);
        check(verdict, outcome, "byte by byte");
    }
}

static void a_head_in_two_pieces_has_the_same_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        const struct verdict *verdict = &verdicts[i];
        for (size_t cut = 0; cut < verdict->head.len; cut++) {
            size_t scanned = 0;
            struct outcome outcome = parse_prefix(verdict->head, cut, &scanned);
            if (outcome.error == ERR_AGAIN)
                outcome = parse_prefix(verdict->head, verdict->head.len, &scanned);
            check(verdict, outcome, "in two pieces");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_head_has_its_verdict),
        cmocka_unit_test(what_follows_is_left_alone),
        cmocka_unit_test(a_trickling_head_has_the_same_verdict),
        cmocka_unit_test(a_head_in_two_pieces_has_the_same_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
