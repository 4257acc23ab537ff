/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bodies: every row is decoded whole, byte by byte, and in two pieces cut at
 * every place, with the same content, trailers and verdict.
 */
#include "h1_help.h"

struct row {
    const char *what;
    struct span input;
    enum err end; /* ERR_CLOSED: complete; ERR_AGAIN: wants more; or broken */
    const char *content;
    const char *trailers; /* "name=value;…" */
    size_t left;          /* bytes of the input behind the body */
};

#define ROW(what, text, end, content, trailers, left) \
    {what, {text, sizeof(text) - 1}, end, content, trailers, left}
#define BAD(what, text, content) ROW(what, text, ERR_SYNTAX, content, "", 0)

static const struct row chunked_rows[] = {
    ROW("the example of RFC 9112",
        "4\r\nWiki\r\n5\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\n\r\n", ERR_CLOSED,
        "Wikipedia in\r\n\r\nchunks.", "", 0),
    ROW("no content", "0\r\n\r\n", ERR_CLOSED, "", "", 0),
    ROW("a request behind", "1\r\na\r\n0\r\n\r\nGET /", ERR_CLOSED, "a", "", 5),
    ROW("digits of either case", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", ERR_CLOSED,
        "01234567890123456789", "", 0),
    ROW("leading zeros", "0001\r\na\r\n000\r\n\r\n", ERR_CLOSED, "a", "", 0),
    ROW("an extension", "1;x=y\r\na\r\n0;z\r\n\r\n", ERR_CLOSED, "a", "", 0),
    ROW("an extension with blanks and quotes", "1 ; x = \"y;z\"\r\na\r\n0\r\n\r\n", ERR_CLOSED,
        "a", "", 0),
    ROW("trailers", "0\r\nX-Sum: 12 \r\ny:\r\n\r\n", ERR_CLOSED, "", "X-Sum=12;y=;", 0),
    ROW("trailers that may not be", "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
        "Host: b\r\nAuthorization: x\r\nContent-Range: x\r\nIf-Match: x\r\nCache-Control: x\r\n"
        "X-Forwarded-For: x\r\nCookie: x\r\nTrailer: x\r\nok: 1\r\n\r\n", ERR_CLOSED, "",
        "ok=1;", 0),
    ROW("the middle of a chunk", "5\r\nab", ERR_AGAIN, "ab", "", 0),
    ROW("the end missing", "1\r\na\r\n0\r\n", ERR_AGAIN, "a", "", 0),
    ROW("the largest size", "7fffffffffffffff\r\nab", ERR_AGAIN, "ab", "", 0),
    BAD("a size beyond it", "8000000000000000\r\nab", ""),
    BAD("a size beyond 64 bits", "10000000000000001\r\na\r\n", ""),
    BAD("zeros and a size beyond 64 bits", "000010000000000000001\r\na\r\n", ""),
    BAD("no size", "\r\na\r\n0\r\n\r\n", ""),
    BAD("only an extension", ";x\r\na\r\n", ""),
    BAD("a negative size", "-1\r\na\r\n", ""),
    BAD("a size with plus", "+1\r\na\r\n", ""),
    BAD("a size with 0x", "0x1\r\na\r\n", ""),
    BAD("a size that is no number", "g\r\na\r\n", ""),
    BAD("a blank in front of the size", " 1\r\na\r\n", ""),
    BAD("a blank behind the size", "1 \r\na\r\n", ""),
    BAD("a tab behind the size", "1\t\r\na\r\n", ""),
    BAD("a size with an underscore", "1_0\r\na\r\n", ""),
    BAD("two sizes", "1 1\r\na\r\n", ""),
    BAD("a size that ends with LF", "1\na\r\n0\r\n\r\n", ""),
    BAD("a size that ends with CR CR LF", "1\r\r\na\r\n", ""),
    BAD("an extension with CR", "1;a\rb\r\na\r\n", ""),
    BAD("an extension that ends with LF", "1;a\na\r\n", ""),
    BAD("an extension with NUL", "1;a\0b\r\na\r\n", ""),
    BAD("a chunk that is longer than its size", "1\r\nab\r\n0\r\n\r\n", "a"),
    BAD("a chunk that is shorter than its size", "3\r\na\r\n0\r\n\r\n", "a\r\n"),
    BAD("a chunk that ends with LF", "1\r\na\n0\r\n\r\n", "a"),
    BAD("a chunk that ends with CR CR", "1\r\na\r\r\n0\r\n\r\n", "a"),
    BAD("a last chunk that ends with LF", "0\n\r\n", ""),
    BAD("a blank line that is LF", "0\r\n\n", ""),
    BAD("a trailer that ends with LF", "0\r\na: b\n\r\n", ""),
    BAD("a trailer without colon", "0\r\nnonsense\r\n\r\n", ""),
    BAD("a trailer with a blank in front of the colon", "0\r\na : b\r\n\r\n", ""),
    BAD("a folded trailer", "0\r\na: b\r\n c\r\n\r\n", ""),
    BAD("a trailer with CR", "0\r\na: b\rc\r\n\r\n", ""),
    BAD("a trailer with NUL", "0\r\na: b\0\r\n\r\n", ""),
};

struct decoder {
    struct h1_body body;
    struct http_fields trailers;
    struct arena arena;
    char content[256];
    size_t content_len;
    enum err end;
};

static void decoder_init(struct decoder *decoder, enum http_body_kind kind, uint64_t length)
{
    memset(decoder, 0, sizeof(*decoder));
    arena_init(&decoder->arena, 1024, 1 << 20);
    http_fields_init(&decoder->trailers, &decoder->arena);
    h1_body_init(&decoder->body, kind, length, &test_limits);
    decoder->end = ERR_AGAIN;
}

static void decoder_finish(struct decoder *decoder)
{
    h1_body_finish(&decoder->body);
    arena_finish(&decoder->arena);
}

/* Feeds one piece from memory of its own; returns what it left. */
static size_t feed(struct decoder *decoder, struct span piece)
{
    char *copy = heap_copy(piece);
    struct span input = span_make(copy, piece.len), data;
    while ((decoder->end = h1_body_decode(&decoder->body, &input, &data, &decoder->trailers)) ==
           ERR_OK) {
        assert_true(data.len > 0);
        assert_true(decoder->content_len + data.len <= sizeof(decoder->content));
        memcpy(decoder->content + decoder->content_len, data.ptr, data.len);
        decoder->content_len += data.len;
    }
    if (decoder->end == ERR_AGAIN)
        assert_int_equal(input.len, 0);
    free(copy);
    return input.len;
}

static void check(const struct row *row, const struct decoder *decoder, size_t left,
                  const char *how)
{
    char trailers[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < decoder->trailers.count; i++)
        len += (size_t)snprintf(trailers + len, sizeof(trailers) - len, "%.*s=%.*s;",
                                SPAN_ARG(decoder->trailers.items[i].name),
                                SPAN_ARG(decoder->trailers.items[i].value));
    bool complete = row->end == ERR_CLOSED;
    if (decoder->end != row->end || (complete && left != row->left) ||
        decoder->content_len != strlen(row->content) ||
        memcmp(decoder->content, row->content, decoder->content_len) != 0 ||
        (complete && strcmp(trailers, row->trailers) != 0))
        fail_msg("%s (%s): ERR_%s, content \"%.*s\", trailers \"%s\", %zu left", row->what, how,
                 err_name(decoder->end), (int)decoder->content_len, decoder->content, trailers,
                 left);
}

static void decode_pieces(const struct row *row, size_t cut, size_t step, const char *how)
{
    struct decoder decoder;
    size_t left = 0, at = 0;
    decoder_init(&decoder, HTTP_BODY_CHUNKED, 0);
    while (at < row->input.len && decoder.end == ERR_AGAIN) {
        size_t len = at == 0 && cut > 0 ? cut : step;
        struct span piece = span_first(span_skip(row->input, at), len);
        left = feed(&decoder, piece);
        at += piece.len;
    }
    check(row, &decoder, left + row->input.len - at, how);
    if (row->end == ERR_SYNTAX)
        assert_int_equal(decoder.body.state, H1_BODY_FAILED);
    decoder_finish(&decoder);
}

static void chunked_bodies_have_their_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(chunked_rows) / sizeof(chunked_rows[0]); i++) {
        const struct row *row = &chunked_rows[i];
        decode_pieces(row, 0, row->input.len, "whole");
        decode_pieces(row, 0, 1, "byte by byte");
        for (size_t cut = 1; cut < row->input.len; cut++)
            decode_pieces(row, cut, row->input.len, "in two pieces");
    }
}

static void content_is_a_view_into_the_input(void **state)
{
    (void)state;
    struct h1_body body;
    struct span input = SPAN("5\r\nhello\r\n"), data;
    const char *start = input.ptr;
    h1_body_init(&body, HTTP_BODY_CHUNKED, 0, &test_limits);
    assert_err(h1_body_decode(&body, &input, &data, NULL), ERR_OK);
    assert_ptr_equal(data.ptr, start + 3);
    assert_span(data, "hello");
    h1_body_finish(&body);
}

static void a_length_ends_where_it_says(void **state)
{
    (void)state;
    struct decoder decoder;
    decoder_init(&decoder, HTTP_BODY_LENGTH, 5);
    assert_int_equal(feed(&decoder, SPAN("abc")), 0);
    assert_err(decoder.end, ERR_AGAIN);
    assert_int_equal(feed(&decoder, SPAN("defgh")), 3);
    assert_err(decoder.end, ERR_CLOSED);
    assert_err(h1_body_end_of_stream(&decoder.body), ERR_OK);
    decoder_finish(&decoder);
    decoder_init(&decoder, HTTP_BODY_LENGTH, 0);
    assert_int_equal(feed(&decoder, SPAN("x")), 1);
    assert_err(decoder.end, ERR_CLOSED);
    decoder_finish(&decoder);
    decoder_init(&decoder, HTTP_BODY_NONE, 0);
    assert_int_equal(feed(&decoder, SPAN("")), 0);
    assert_err(decoder.end, ERR_CLOSED);
    decoder_finish(&decoder);
}

static void only_until_close_may_be_cut_off(void **state)
{
    (void)state;
    struct decoder decoder;
    decoder_init(&decoder, HTTP_BODY_UNTIL_CLOSE, 0);
    feed(&decoder, SPAN("abc"));
    assert_err(decoder.end, ERR_AGAIN);
    assert_err(h1_body_end_of_stream(&decoder.body), ERR_OK);
    feed(&decoder, SPAN(""));
    assert_err(decoder.end, ERR_CLOSED);
    decoder_finish(&decoder);
    decoder_init(&decoder, HTTP_BODY_LENGTH, 5);
    feed(&decoder, SPAN("abc"));
    assert_err(h1_body_end_of_stream(&decoder.body), ERR_PROTOCOL);
    feed(&decoder, SPAN("de"));
    assert_err(decoder.end, ERR_SYNTAX);
    decoder_finish(&decoder);
    decoder_init(&decoder, HTTP_BODY_CHUNKED, 0);
    feed(&decoder, SPAN("1\r\na\r\n0\r\n"));
    assert_err(h1_body_end_of_stream(&decoder.body), ERR_PROTOCOL);
    decoder_finish(&decoder);
}

/* Feeds `count` times `unit` behind `start`. */
static enum err flood(const char *start, const char *unit, size_t count, size_t step)
{
    struct decoder decoder;
    decoder_init(&decoder, HTTP_BODY_CHUNKED, 0);
    feed(&decoder, span_cstr(start));
    struct span text = span_cstr(unit);
    for (size_t i = 0; i < count && decoder.end == ERR_AGAIN; i++) {
        for (size_t at = 0; at < text.len && decoder.end == ERR_AGAIN; at += step)
            feed(&decoder, span_first(span_skip(text, at), step));
    }
    enum err end = decoder.end;
    decoder_finish(&decoder);
    return end;
}

static void extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    assert_err(flood("1;", "aaaaaaaaaa", 100, 1), ERR_LIMIT);
    assert_err(flood("1;", "aaaaaaaaaa", 100, 10), ERR_LIMIT);
    assert_err(flood("", "0", 1000, 1), ERR_LIMIT);
    assert_err(flood("0\r\n", "aaaaaaaaaa", 1000, 10), ERR_LIMIT);
    assert_err(flood("0\r\n", "a: b\r\n", 1000, 6), ERR_LIMIT);
    assert_err(flood("0\r\n", "a: b\r\n", 1000, 1), ERR_LIMIT);
    assert_err(flood("0\r\n", "a: b\r\n", 10, 1), ERR_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunked_bodies_have_their_verdict),
        cmocka_unit_test(content_is_a_view_into_the_input),
        cmocka_unit_test(a_length_ends_where_it_says),
        cmocka_unit_test(only_until_close_may_be_cut_off),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
