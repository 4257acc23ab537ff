/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fields that tell a backend about the client: X-Forwarded-*, X-Real-Ip.
 * What came from a peer that the entry point does not trust is removed first
 * (Forwarded too), also under names that differ only in '_' for '-', which some
 * backends read as the same. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_FORWARD_H
#define WEIR_CORE_PROXY_FORWARD_H

#include "core/base/err.h"

struct exchange;

MUST_USE enum err forward_set_fields(struct exchange *exchange);

#endif
