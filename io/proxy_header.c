/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing is kept between calls: whoever reads gathers the bytes and asks again.
 * A line has at most 107 bytes, and of a binary header nothing but its length is
 * looked at before it is whole, so that asking again costs little.
 */
#include "io/proxy_header.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V1_LINE_MAX 107
#define V2_START 16 /* signature, version and command, family, length */
#define V2_SIGNATURE_LEN 12
#define V2_TLV_CRC32C 0x03

static const char v1_signature[] = "PROXY";
static const char v2_signature[] = "\r\n\r\n\0\r\nQUIT\n";
static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

#define FAIL(error, text) (*why = (text), (error))

static struct sock_address make_v4(const void *address, uint16_t port)
{
    struct sock_address made;
    memset(&made, 0, sizeof(made));
    made.v4.sin_family = AF_INET;
    made.v4.sin_port = htons(port);
    memcpy(&made.v4.sin_addr, address, 4);
    made.len = sizeof(made.v4);
    return made;
}

static struct sock_address make_v6(const void *address, uint16_t port)
{
    struct sock_address made;
    memset(&made, 0, sizeof(made));
    made.v6.sin6_family = AF_INET6;
    made.v6.sin6_port = htons(port);
    memcpy(&made.v6.sin6_addr, address, 16);
    made.len = sizeof(made.v6);
    return made;
}

/* ---- version 1 ---- */

static bool parse_port(struct span text, uint16_t *port)
{
    uint64_t number;
    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.ptr[0] == '0') ||
        !span_to_u64(text, &number) || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse_address(struct span text, int family, uint8_t out[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, out) == 1;
}

/* "SOURCE DESTINATION PORT PORT" */
static enum err parse_endpoints(struct span text, int family, struct proxy_header *header,
                                const char **why)
{
    struct span source, destination, source_port;
    struct span destination_port = span_split(text, ' ', &source);
    destination_port = span_split(destination_port, ' ', &destination);
    destination_port = span_split(destination_port, ' ', &source_port);
    uint8_t from[16], to[16];
    uint16_t from_port, to_port;
    if (!parse_address(source, family, from) || !parse_address(destination, family, to))
        return FAIL(ERR_PROTOCOL, "an address is not of the family that is named");
    if (!parse_port(source_port, &from_port) || !parse_port(destination_port, &to_port))
        return FAIL(ERR_PROTOCOL, "a port is no number as it should be");
    bool v4 = family == AF_INET;
    header->source = v4 ? make_v4(from, from_port) : make_v6(from, from_port);
    header->destination = v4 ? make_v4(to, to_port) : make_v6(to, to_port);
    header->has_addresses = true;
    return ERR_OK;
}

/* The line without its end. */
static enum err parse_line(struct span line, struct proxy_header *header, const char **why)
{
    if (span_starts_with(line, SPAN("PROXY TCP4 ")))
        return parse_endpoints(span_skip(line, 11), AF_INET, header, why);
    if (span_starts_with(line, SPAN("PROXY TCP6 ")))
        return parse_endpoints(span_skip(line, 11), AF_INET6, header, why);
    if (span_equal(line, SPAN("PROXY UNKNOWN")) ||
        span_starts_with(line, SPAN("PROXY UNKNOWN ")))
        return ERR_OK;
    return FAIL(ERR_PROTOCOL, "the protocol is none of TCP4, TCP6 and UNKNOWN");
}

static enum err parse_v1(struct span bytes, struct proxy_header *header, const char **why)
{
    struct span line = span_first(bytes, V1_LINE_MAX);
    ptrdiff_t cr = span_find(line, '\r', 0), lf = span_find(line, '\n', 0);
    if (lf >= 0 && (cr < 0 || lf != cr + 1))
        return FAIL(ERR_PROTOCOL, "the line does not end with CR and LF");
    if (cr >= 0 && lf < 0 && (size_t)cr + 1 < line.len)
        return FAIL(ERR_PROTOCOL, "the line holds a CR");
    if (lf < 0)
        return line.len < V1_LINE_MAX ? ERR_AGAIN : FAIL(ERR_LIMIT, "the line is too long");
    header->version = 1;
    header->len = (size_t)lf + 1;
    return parse_line(span_first(line, (size_t)cr), header, why);
}

/* ---- version 2 ---- */

static uint16_t read_u16(const char *at)
{
    return (uint16_t)((uint8_t)at[0] << 8 | (uint8_t)at[1]);
}

/* CRC32C (RFC 4960 appendix B) of the bytes, the four at `hole` taken for zeros. */
static uint32_t crc32c(struct span bytes, size_t hole)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= i - hole < 4 ? 0 : (uint8_t)bytes.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0x82f63b78) & (0 - (crc & 1)));
    }
    return ~crc;
}

/* Extensions from `at` to the end of the header. */
static enum err check_extensions(struct span header, size_t at, const char **why)
{
    while (at < header.len) {
        if (header.len - at < 3 || header.len - at - 3 < read_u16(header.ptr + at + 1))
            return FAIL(ERR_PROTOCOL, "an extension is longer than the header");
        size_t length = read_u16(header.ptr + at + 1), value = at + 3;
        if (header.ptr[at] == V2_TLV_CRC32C) {
            if (length != 4)
                return FAIL(ERR_PROTOCOL, "the checksum is not four bytes long");
            uint32_t given = (uint32_t)read_u16(header.ptr + value) << 16 |
                             read_u16(header.ptr + value + 2);
            if (given != crc32c(header, value))
                return FAIL(ERR_PROTOCOL, "the checksum is wrong");
        }
        at = value + length;
    }
    return ERR_OK;
}

/* Bytes of addresses and ports, by family and protocol; 0: none, -1: unknown. */
static int block_len(uint8_t family)
{
    static const int by_family[] = {0, 12, 36, 216};
    if (family >> 4 > 3 || (family & 0xf) > 2)
        return -1;
    return (family & 0xf) == 0 ? 0 : by_family[family >> 4];
}

static void take_block(const char *block, uint8_t family, struct proxy_header *header)
{
    bool v4 = family >> 4 == 1, v6 = family >> 4 == 2;
    if (v4) {
        header->source = make_v4(block, read_u16(block + 8));
        header->destination = make_v4(block + 4, read_u16(block + 10));
    } else if (v6) {
        header->source = make_v6(block, read_u16(block + 32));
        header->destination = make_v6(block + 16, read_u16(block + 34));
    }
    header->has_addresses = v4 || v6;
}

static enum err parse_block(struct span header, struct proxy_header *out, const char **why)
{
    uint8_t family = (uint8_t)header.ptr[13];
    int length = block_len(family);
    if (length < 0)
        return FAIL(ERR_PROTOCOL, "the address family or protocol is unknown");
    if (header.len - V2_START < (size_t)length)
        return FAIL(ERR_PROTOCOL, "it is too short for its addresses");
    if (length == 0) /* UNSPEC: what follows may be anything */
        return ERR_OK;
    TRY(check_extensions(header, V2_START + (size_t)length, why));
    take_block(header.ptr + V2_START, family, out);
    return ERR_OK;
}

static enum err parse_v2(struct span bytes, struct proxy_header *header, const char **why)
{
    if (bytes.len <= V2_SIGNATURE_LEN)
        return ERR_AGAIN;
    uint8_t version_command = (uint8_t)bytes.ptr[12];
    if (version_command >> 4 != 2)
        return FAIL(ERR_PROTOCOL, "the version is unknown");
    if ((version_command & 0xf) > 1)
        return FAIL(ERR_PROTOCOL, "the command is unknown");
    if (bytes.len < V2_START)
        return ERR_AGAIN;
    header->version = 2;
    header->len = V2_START + read_u16(bytes.ptr + 14);
    if (header->len > PROXY_HEADER_MAX)
        return FAIL(ERR_LIMIT, "it is too long");
    if (bytes.len < header->len)
        return ERR_AGAIN;
    bool local = (version_command & 0xf) == 0; /* then the rest does not count */
    return local ? ERR_OK : parse_block(span_first(bytes, header->len), header, why);
}

/* ---- both ---- */

static bool may_begin_with(struct span bytes, const char *signature, size_t len)
{
    return memcmp(bytes.ptr, signature, bytes.len < len ? bytes.len : len) == 0;
}

enum err proxy_header_parse(struct span bytes, struct proxy_header *out, const char **why)
{
    struct proxy_header header = {0};
    enum err error = ERR_NOTFOUND;
    if (bytes.len == 0)
        return ERR_AGAIN;
    if (may_begin_with(bytes, v2_signature, V2_SIGNATURE_LEN))
        error = parse_v2(bytes, &header, why);
    else if (may_begin_with(bytes, v1_signature, sizeof(v1_signature) - 1))
        error = parse_v1(bytes, &header, why);
    if (error == ERR_OK)
        *out = header;
    return error;
}

/* ---- writing ---- */

static bool is_inet(const struct sock_address *address)
{
    return address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;
}

/* The specification wants groups of four digits also where four bytes are IPv4's. */
static void format_v6(const uint8_t bytes[16], char out[INET6_ADDRSTRLEN])
{
    if (memcmp(bytes, v4_mapped, sizeof(v4_mapped)) == 0)
        snprintf(out, INET6_ADDRSTRLEN, "::ffff:%x:%x", bytes[12] << 8 | bytes[13],
                 bytes[14] << 8 | bytes[15]);
    else
        inet_ntop(AF_INET6, bytes, out, INET6_ADDRSTRLEN);
}

static size_t write_v1(const uint8_t from[16], const uint8_t to[16], bool v4, uint16_t from_port,
                       uint16_t to_port, char out[PROXY_HEADER_WRITE_MAX])
{
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    if (v4) {
        inet_ntop(AF_INET, from + 12, source, sizeof(source));
        inet_ntop(AF_INET, to + 12, destination, sizeof(destination));
    } else {
        format_v6(from, source);
        format_v6(to, destination);
    }
    return (size_t)snprintf(out, PROXY_HEADER_WRITE_MAX, "PROXY TCP%c %s %s %u %u\r\n",
                            v4 ? '4' : '6', source, destination, from_port, to_port);
}

static size_t write_v2(const uint8_t from[16], const uint8_t to[16], bool v4, uint16_t from_port,
                       uint16_t to_port, char out[PROXY_HEADER_WRITE_MAX])
{
    size_t size = v4 ? 4 : 16, skip = 16 - size, length = 2 * size + 4;
    uint8_t ports[4] = {(uint8_t)(from_port >> 8), (uint8_t)from_port, (uint8_t)(to_port >> 8),
                        (uint8_t)to_port};
    memcpy(out, v2_signature, V2_SIGNATURE_LEN);
    out[12] = 0x21;
    out[13] = v4 ? 0x11 : 0x21;
    out[14] = 0;
    out[15] = (char)length;
    memcpy(out + V2_START, from + skip, size);
    memcpy(out + V2_START + size, to + skip, size);
    memcpy(out + V2_START + 2 * size, ports, sizeof(ports));
    return V2_START + length;
}

static size_t write_unknown(unsigned version, char out[PROXY_HEADER_WRITE_MAX])
{
    static const char line[] = "PROXY UNKNOWN\r\n";
    if (version == 1) {
        memcpy(out, line, sizeof(line) - 1);
        return sizeof(line) - 1;
    }
    memcpy(out, v2_signature, V2_SIGNATURE_LEN);
    memcpy(out + V2_SIGNATURE_LEN, "\x21\0\0\0", 4);
    return V2_START;
}

size_t proxy_header_write(unsigned version, const struct sock_address *source,
                          const struct sock_address *destination,
                          char out[PROXY_HEADER_WRITE_MAX])
{
    uint8_t from[16], to[16];
    if (!is_inet(source) || !is_inet(destination))
        return write_unknown(version, out);
    sock_address_bytes(source, from);
    sock_address_bytes(destination, to);
    bool v4 = memcmp(from, v4_mapped, sizeof(v4_mapped)) == 0 &&
              memcmp(to, v4_mapped, sizeof(v4_mapped)) == 0;
    return (version == 1 ? write_v1 : write_v2)(from, to, v4, sock_address_port(source),
                                                 sock_address_port(destination), out);
}
