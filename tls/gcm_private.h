/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a library that does AES-GCM has to offer; for tls/gcm*.c only.
 */
#ifndef WEIR_TLS_GCM_PRIVATE_H
#define WEIR_TLS_GCM_PRIVATE_H

#include "tls/gcm.h"

struct gcm_provider {
    const char *(*name)(void);
    size_t (*key_bytes)(void); /* of the expanded key, aligned to 64 */
    enum err (*expand)(void *expanded, const uint8_t *bytes, size_t size);
    void (*forget)(void *expanded); /* what is not memory; may be NULL */
    enum err (*seal)(void *expanded, size_t size, const uint8_t *nonce, struct span associated,
                     const struct span *pieces, size_t count, char *out);
};

extern const struct gcm_provider gcm_wolfcrypt;

/* NULL: not built in, or not for this CPU. */
const struct gcm_provider *gcm_ipsec_mb_start(void);
void gcm_ipsec_mb_stop(void);

#endif
