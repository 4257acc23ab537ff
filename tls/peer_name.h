/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a backend's certificate is for the name that we wanted (RFC 9525): DNS
 * names against DNS SANs, where "*" stands for exactly one whole first label; IP
 * addresses against IP SANs. The common name is not looked at, as in Go.
 * Any thread.
 */
#ifndef WEIR_TLS_PEER_NAME_H
#define WEIR_TLS_PEER_NAME_H

#include "core/base/span.h"

/* One DNS SAN against one host name, ASCII case-insensitive; a trailing dot of
 * either is ignored. */
bool peer_name_matches(struct span pattern, struct span host);

/* An IPv4 or IPv6 address in text ("[::1]" too): its 4 or 16 bytes, else 0. */
size_t peer_name_parse_ip(const char *text, uint8_t out[16]);

/* The leaf in DER; name is NUL-terminated. False also when it cannot be read. */
bool peer_name_in_certificate(struct span der, const char *name);

#endif
