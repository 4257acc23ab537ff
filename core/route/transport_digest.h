/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether two configurations of a servers transport can share connections: if
 * their digests are equal, they can. Private to core/route. Any thread.
 */
#ifndef WEIR_CORE_ROUTE_TRANSPORT_DIGEST_H
#define WEIR_CORE_ROUTE_TRANSPORT_DIGEST_H

#include "config/model.h"

uint64_t transport_digest_http(const struct model_servers_transport *transport);
uint64_t transport_digest_tcp(const struct model_tcp_servers_transport *transport);

#endif
