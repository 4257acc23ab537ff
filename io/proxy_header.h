/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PROXY header, versions 1 (text) and 2 (binary), as HAProxy's
 * proxy-protocol.txt has it: whom a proxy in front speaks for. No I/O: bytes in,
 * addresses out, and back. It stands in this room because what it reads and
 * writes are socket addresses, which only this room names; it knows nothing of
 * whom to believe. Any thread.
 *
 * Strict: single spaces, CRLF, decimal ports without leading zeros, known
 * commands and families only, extensions (TLVs) that fill their place exactly,
 * and a CRC32C that is right where there is one. Extensions are not looked at
 * otherwise.
 */
#ifndef WEIR_IO_PROXY_HEADER_H
#define WEIR_IO_PROXY_HEADER_H

#include "io/sock.h"

/* Longest header that is read. Version 1 ends at 107 bytes; version 2 could come
 * to 64 KB of extensions, of which a client's certificate is the longest known. */
#define PROXY_HEADER_MAX ((size_t)16 << 10)
/* Longest that is written. */
#define PROXY_HEADER_WRITE_MAX 108

struct proxy_header {
    uint8_t version;
    /* False: the sender speaks for itself (LOCAL) or for something without IP
     * addresses (UNKNOWN, UNSPEC, UNIX); the socket's own addresses hold. */
    bool has_addresses;
    struct sock_address source, destination; /* v4 or v6, ports included */
    size_t len; /* of the header; the stream begins behind it */
};

/*
 * Looks at all the bytes that have come so far.
 * ERR_OK: a whole header; ERR_AGAIN: the beginning of one; ERR_NOTFOUND: no
 * header begins so; ERR_PROTOCOL, ERR_LIMIT: a header that is malformed or too
 * long, and *why says how (a literal). Everything but ERR_OK leaves *out alone.
 */
MUST_USE enum err proxy_header_parse(struct span bytes, struct proxy_header *out,
                                     const char **why);

/*
 * A header of that version (1 or 2) for a TCP connection between the two; the
 * number of bytes. If one address is IPv4 (or v4-mapped) and the other IPv6, both
 * are written as IPv6, the first as v4-mapped; anything else is UNKNOWN (1) or
 * UNSPEC (2).
 */
size_t proxy_header_write(unsigned version, const struct sock_address *source,
                          const struct sock_address *destination,
                          char out[PROXY_HEADER_WRITE_MAX]);

#endif
