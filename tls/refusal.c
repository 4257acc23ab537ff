/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions first, for what they are decides what else counts: a client that
 * offers TLS 1.3 must have a group in common with us, in TLS 1.2 wolfSSL says so
 * itself.
 */
#include "tls/refusal.h"

#define VERSION_TLS13 0x0304

static const struct tls_refusal no_version = {TLS_ALERT_PROTOCOL_VERSION,
                                              "no TLS version in common"};
static const struct tls_refusal fallback = {
    TLS_ALERT_INAPPROPRIATE_FALLBACK,
    "the client fell back to a lower TLS version than both know"};
static const struct tls_refusal no_group = {TLS_ALERT_HANDSHAKE_FAILURE, "no curve in common"};
static const struct tls_refusal missing_groups = {TLS_ALERT_MISSING_EXTENSION,
                                                  "no curves offered"};
static const struct tls_refusal too_many_tickets = {TLS_ALERT_HANDSHAKE_FAILURE,
                                                    "too many tickets offered"};

static bool has_group_in_common(const struct clienthello *hello,
                                const struct tls_options *options)
{
    for (size_t i = 0; i < hello->group_count; i++)
        for (size_t j = 0; j < options->group_count; j++)
            if (hello->groups[i] == options->groups[j])
                return true;
    return false;
}

const struct tls_refusal *tls_refusal_of(const struct clienthello *hello,
                                         const struct tls_options *options)
{
    uint16_t version = tls_options_version(options, hello);
    if (version == 0)
        return &no_version;
    if (hello->is_fallback && version < options->max_version)
        return &fallback;
    if (version == VERSION_TLS13 && !has_group_in_common(hello, options))
        return hello->has_groups ? &no_group : &missing_groups;
    if (hello->psk_count > TLS_TICKETS_OFFERED_MAX)
        return &too_many_tickets;
    return NULL;
}
