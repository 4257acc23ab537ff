/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A number for what of a servers transport decides about whom a connection
 * trusts and how it speaks: connections made under one may not be used under
 * another. Time-outs are not part of it.
 */
#include "core/base/hash.h"
#include "core/route/transport_digest.h"

static uint64_t add_number(uint64_t digest, uint64_t number)
{
    return hash_span_salted(span_make(&number, sizeof(number)), digest);
}

static uint64_t add_list(uint64_t digest, const struct span_list *list)
{
    digest = add_number(digest, list->count);
    for (size_t i = 0; i < list->count; i++)
        digest = hash_span_salted(list->items[i], digest);
    return digest;
}

uint64_t transport_digest_http(const struct model_servers_transport *transport)
{
    uint64_t digest = hash_span_salted(transport->server_name, 1);
    digest = add_number(digest, (uint64_t)transport->insecure_skip_verify << 32 |
                                    (uint64_t)transport->disable_http2 << 16 |
                                    (uint64_t)transport->min_version << 8 |
                                    (uint64_t)transport->max_version);
    digest = add_number(digest, transport->root_ca_count);
    for (size_t i = 0; i < transport->root_ca_count; i++)
        digest = hash_span_salted(transport->root_cas[i].value, digest);
    digest = add_number(digest, transport->certificate_count);
    for (size_t i = 0; i < transport->certificate_count; i++) {
        digest = hash_span_salted(transport->certificates[i].cert.value, digest);
        digest = hash_span_salted(transport->certificates[i].key.value, digest);
    }
    return add_list(digest, &transport->cipher_suites);
}

uint64_t transport_digest_tcp(const struct model_tcp_servers_transport *transport)
{
    uint64_t digest = transport->has_tls ? transport_digest_http(&transport->tls) : 2;
    return add_number(digest, transport->proxy_protocol);
}
