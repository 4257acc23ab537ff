/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PROXY header against the text and the examples of HAProxy's
 * proxy-protocol.txt. What is read is given byte by byte too.
 */
#include "harness.h"

#include "io/proxy_header.h"

#include <stdio.h>
#include <string.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(literal) span_make(literal, sizeof(literal) - 1)

static const char *why;

static enum err parse(struct span bytes, struct proxy_header *out)
{
    why = "";
    return proxy_header_parse(bytes, out, &why);
}

/* As whole headers come: with the stream behind, and byte by byte. */
static void parse_whole(struct span bytes, struct proxy_header *header)
{
    char joined[1024];
    struct proxy_header untouched;
    assert_true(bytes.len + 5 < sizeof(joined));
    memcpy(joined, bytes.ptr, bytes.len);
    memcpy(joined + bytes.len, "GET /", 5);
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_equal(parse(span_make(joined, n), &untouched), ERR_AGAIN);
    assert_ok(parse(span_make(joined, bytes.len), header));
    assert_int_equal(header->len, bytes.len);
    assert_ok(parse(span_make(joined, bytes.len + 5), header));
    assert_int_equal(header->len, bytes.len);
}

static void expect_addresses(struct span bytes, unsigned version, const char *source,
                             const char *destination)
{
    struct proxy_header header;
    char text[SOCK_TEXT_SIZE];
    parse_whole(bytes, &header);
    assert_int_equal(header.version, version);
    assert_true(header.has_addresses);
    sock_address_format(&header.source, text);
    assert_string_equal(text, source);
    sock_address_format(&header.destination, text);
    assert_string_equal(text, destination);
}

static void expect_none(struct span bytes, unsigned version)
{
    struct proxy_header header;
    parse_whole(bytes, &header);
    assert_int_equal(header.version, version);
    assert_false(header.has_addresses);
}

static void expect_error(struct span bytes, enum err error)
{
    struct proxy_header header;
    enum err got = parse(bytes, &header);
    if (got != error || why[0] == '\0')
        fail_msg("%s (%s) for %.*s", err_name(got), why, SPAN_ARG(bytes));
}

static void lines_of_version_1_are_read(void **state)
{
    (void)state;
    expect_addresses(BYTES("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), 1,
                     "192.168.0.1:56324", "192.168.0.11:443");
    expect_addresses(BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), 1,
                     "255.255.255.255:65535", "255.255.255.255:65535");
    expect_addresses(BYTES("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), 1, "0.0.0.0:0", "0.0.0.0:0");
    expect_addresses(BYTES("PROXY TCP6 2001:DB8::1 2001:db8:0:0:0:0:0:2 1 65535\r\n"), 1,
                     "[2001:db8::1]:1", "[2001:db8::2]:65535");
    expect_addresses(BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"), 1,
                     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    expect_addresses(BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 5 6\r\n"), 1,
                     "192.0.2.1:5", "192.0.2.2:6");
}

static void unknown_of_version_1_has_no_addresses(void **state)
{
    (void)state;
    expect_none(BYTES("PROXY UNKNOWN\r\n"), 1);
    expect_none(BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"), 1); /* 107 */
    expect_none(BYTES("PROXY UNKNOWN whatever  this is\r\n"), 1);
}

static void malformed_lines_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "PROXY\r\n", "PROXY \r\n", "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8  1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1  2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8\r\n",
        "PROXY TCP4 1.2.3.4\r\n", "PROXY TCP4\r\n", "PROXY TCP4 \r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 0x1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1\t2\r\n",
        "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP6 ::1 1.2.3.4 1 2\r\n", "PROXY TCP6 [::1] [::1] 1 2\r\n",
        "PROXY TCP6 fe80::1%lo ::1 1 2\r\n", "PROXY TCP6 :::1 ::1 1 2\r\n",
        "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY UNKNOWNS\r\n", "PROXY unknown\r\n",
        "PROXYTCP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY\tTCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX",
        "PROXY UNKNOWN\n", "PROXY UNKNOWN a\rb\r\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect_error(span_cstr(lines[i]), ERR_PROTOCOL);
    expect_error(BYTES("PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n"), ERR_PROTOCOL);
}

static void a_line_beyond_107_bytes_is_refused_before_its_end(void **state)
{
    (void)state;
    char line[200];
    struct proxy_header header;
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_int_equal(parse(span_make(line, 106), &header), ERR_AGAIN);
    expect_error(span_make(line, 107), ERR_LIMIT);
    memcpy(line + 106, "\r\n", 2);
    expect_error(span_make(line, 107), ERR_LIMIT);
    expect_error(span_make(line, 108), ERR_LIMIT);
    memcpy(line + 105, "\r\n", 2);
    assert_ok(parse(span_make(line, 107), &header));
}

static void headers_of_version_2_are_read(void **state)
{
    (void)state;
    expect_addresses(BYTES(V2 "\x21\x11\0\x0c\xc0\0\x02\x01\xcb\0\x71\x09\x30\x39\x01\xbb"), 2,
                     "192.0.2.1:12345", "203.0.113.9:443");
    expect_addresses(BYTES(V2 "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                              "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xff\xff\0\x01"), 2,
                     "[2001:db8::1]:65535", "[2001:db8::2]:1");
    /* Datagrams have the same addresses. */
    expect_addresses(BYTES(V2 "\x21\x12\0\x0c\xc0\0\x02\x01\xcb\0\x71\x09\x30\x39\x01\xbb"), 2,
                     "192.0.2.1:12345", "203.0.113.9:443");
}

static void headers_without_ip_addresses_are_read(void **state)
{
    (void)state;
    char local[16 + 216] = V2 "\x21\x31\0\xd8/a/socket";
    expect_none(BYTES(V2 "\x20\0\0\0"), 2);
    /* Of LOCAL nothing else counts, not even the family. */
    expect_none(BYTES(V2 "\x20\x11\0\x0c\xc0\0\x02\x01\xcb\0\x71\x09\x30\x39\x01\xbb"), 2);
    expect_none(BYTES(V2 "\x20\xff\0\x03zzz"), 2);
    expect_none(BYTES(V2 "\x21\0\0\0"), 2);
    expect_none(BYTES(V2 "\x21\0\0\x05" "abcde"), 2);
    expect_none(BYTES(V2 "\x21\x10\0\0"), 2);
    expect_none(BYTES(V2 "\x21\x01\0\0"), 2);
    expect_none(span_make(local, sizeof(local)), 2);
}

static void malformed_headers_of_version_2_are_refused(void **state)
{
    (void)state;
    expect_error(BYTES(V2 "\x11\x11\0\x0c"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x31"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x22"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x2f"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x13\0\0"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x41\0\0"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\xf1\0\0"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x11\0\x0b\xc0\0\x02\x01\xcb\0\x71\x09\x30\x39\x01"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x21\0\x0c\xc0\0\x02\x01\xcb\0\x71\x09\x30\x39\x01\xbb"),
                 ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x31\0\x01x"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x11\xff\xff"), ERR_LIMIT);
    expect_error(BYTES(V2 "\x20\0\xff\xff"), ERR_LIMIT);
}

#define V4_BLOCK "\x7f\0\0\x01\x7f\0\0\x02\0\x01\0\x02"

static void extensions_are_passed_over_within_their_bounds(void **state)
{
    (void)state;
    expect_addresses(BYTES(V2 "\x21\x11\0\x12" V4_BLOCK "\x04\0\0\x01\0\0"), 2, "127.0.0.1:1",
                     "127.0.0.2:2");
    expect_addresses(BYTES(V2 "\x21\x11\0\x14" V4_BLOCK "\x02\0\x05hello"), 2, "127.0.0.1:1",
                     "127.0.0.2:2");
    expect_error(BYTES(V2 "\x21\x11\0\x0d" V4_BLOCK "\x04"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x11\0\x0e" V4_BLOCK "\x04\0"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x11\0\x0f" V4_BLOCK "\x04\0\x01"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x11\0\x14" V4_BLOCK "\x02\0\x06hello"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x11\0\x14" V4_BLOCK "\x02\xff\xffhello"), ERR_PROTOCOL);
}

/* The checksum is of another implementation, which gives 0xe3069283 for "123456789". */
static void a_checksum_must_be_right(void **state)
{
    (void)state;
    expect_addresses(BYTES(V2 "\x21\x11\0\x13" V4_BLOCK "\x03\0\x04\xba\x84\x11\x57"), 2,
                     "127.0.0.1:1", "127.0.0.2:2");
    expect_error(BYTES(V2 "\x21\x11\0\x13" V4_BLOCK "\x03\0\x04\0\0\0\0"), ERR_PROTOCOL);
    expect_error(BYTES(V2 "\x21\x11\0\x12" V4_BLOCK "\x03\0\x03\0\0\0"), ERR_PROTOCOL);
}

static void other_protocols_are_no_headers(void **state)
{
    (void)state;
    static const char *const others[] = {"GET / HTTP/1.1\r\n", "\x16\x03\x01", "\r\nGET /", "\n",
                                         "POST / HTTP/1.1", "PRI * HTTP/2.0\r\n\r\nSM", "PROX/",
                                         "\r\n\r\n\r\n", "proxy UNKNOWN\r\n", "Q"};
    struct proxy_header header;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(parse(span_cstr(others[i]), &header), ERR_NOTFOUND);
    assert_int_equal(parse(BYTES("\r\n\r\n\0\r\nQUIT!"), &header), ERR_NOTFOUND);
    assert_int_equal(parse(SPAN_EMPTY, &header), ERR_AGAIN);
    assert_int_equal(parse(BYTES("P"), &header), ERR_AGAIN);
}

/* ---- writing ---- */

static void expect_written(unsigned version, const char *source, const char *destination,
                           struct span expected)
{
    struct sock_address from, to;
    char out[PROXY_HEADER_WRITE_MAX];
    assert_ok(sock_address_parse(span_cstr(source), 56324, &from));
    assert_ok(sock_address_parse(span_cstr(destination), 443, &to));
    size_t len = proxy_header_write(version, &from, &to, out);
    assert_int_equal(len, expected.len);
    assert_memory_equal(out, expected.ptr, len);
}

static void headers_are_written(void **state)
{
    (void)state;
    expect_written(1, "192.168.0.1", "192.168.0.11",
                   BYTES("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"));
    expect_written(1, "::ffff:192.168.0.1", "::ffff:192.168.0.11",
                   BYTES("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"));
    expect_written(1, "2001:db8::1", "::1", BYTES("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n"));
    expect_written(2, "192.0.2.1", "203.0.113.9",
                   BYTES(V2 "\x21\x11\0\x0c\xc0\0\x02\x01\xcb\0\x71\x09\xdc\x04\x01\xbb"));
    expect_written(2, "2001:db8::1", "::1",
                   BYTES(V2 "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xdc\x04\x01\xbb"));
}

static void mixed_families_are_written_as_ipv6(void **state)
{
    (void)state;
    expect_written(1, "192.0.2.1", "2001:db8::1",
                   BYTES("PROXY TCP6 ::ffff:c000:201 2001:db8::1 56324 443\r\n"));
    expect_written(1, "2001:db8::1", "192.0.2.1",
                   BYTES("PROXY TCP6 2001:db8::1 ::ffff:c000:201 56324 443\r\n"));
    expect_written(2, "192.0.2.1", "::1",
                   BYTES(V2 "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01"
                            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xdc\x04\x01\xbb"));
}

static void what_has_no_ip_address_is_written_as_unknown(void **state)
{
    (void)state;
    struct sock_address local = {.any = {.sa_family = AF_UNIX}, .len = sizeof(sa_family_t)};
    struct sock_address v4;
    char out[PROXY_HEADER_WRITE_MAX];
    assert_ok(sock_address_parse(SPAN("127.0.0.1"), 1, &v4));
    assert_int_equal(proxy_header_write(1, &local, &v4, out), 15);
    assert_memory_equal(out, "PROXY UNKNOWN\r\n", 15);
    assert_int_equal(proxy_header_write(2, &v4, &local, out), 16);
    assert_memory_equal(out, V2 "\x21\0\0\0", 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_version_1_are_read),
        cmocka_unit_test(unknown_of_version_1_has_no_addresses),
        cmocka_unit_test(malformed_lines_are_refused),
        cmocka_unit_test(a_line_beyond_107_bytes_is_refused_before_its_end),
        cmocka_unit_test(headers_of_version_2_are_read),
        cmocka_unit_test(headers_without_ip_addresses_are_read),
        cmocka_unit_test(malformed_headers_of_version_2_are_refused),
        cmocka_unit_test(extensions_are_passed_over_within_their_bounds),
        cmocka_unit_test(a_checksum_must_be_right),
        cmocka_unit_test(other_protocols_are_no_headers),
        cmocka_unit_test(headers_are_written),
        cmocka_unit_test(mixed_families_are_written_as_ipv6),
        cmocka_unit_test(what_has_no_ip_address_is_written_as_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
