/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The certificate of last resort: CN `WEIR DEFAULT CERT`, valid for 365 days,
 * made once at start and kept across reloads. ECDSA P-256 (DESIGN: cheap); a
 * second, RSA-2048 one for clients without ECDSA. Main or control thread.
 */
#ifndef WEIR_TLS_SELFSIGNED_H
#define WEIR_TLS_SELFSIGNED_H

#include "tls/cert.h"

#define SELFSIGNED_COMMON_NAME "WEIR DEFAULT CERT"

MUST_USE enum err selfsigned_create(enum cert_key_type key_type, int64_t now_s, struct cert **out,
                                    struct err_text *why);

#endif
