/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An IP address as text in the form that Go's net.IP has, which Traefik
 * compares certificates' IP SANs by: RFC 5952, and an IPv4-mapped IPv6 address
 * as IPv4. Any thread; pure.
 */
#ifndef WEIR_TLS_IP_TEXT_H
#define WEIR_TLS_IP_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define IP_TEXT_SIZE 40 /* with the NUL */

/* address: 4 or 16 bytes in network order. The length of the NUL-terminated
 * text, or 0 (and nothing written) for another size. */
size_t ip_text_format(const uint8_t *address, size_t size, char *out);

#endif
