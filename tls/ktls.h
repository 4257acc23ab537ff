/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's sending half of TLS, given to the kernel: keys, IV and the number of
 * the next record as the kernel's socket option TLS_TX wants them. No sockets here.
 * The receiving half stays with the engine. One connection's, on its thread.
 */
#ifndef WEIR_TLS_KTLS_H
#define WEIR_TLS_KTLS_H

#include "tls/engine.h"

#include <linux/tls.h>

struct tls_ktls_info {
    union {
        struct tls_crypto_info info; /* what all begin with */
        struct tls12_crypto_info_aes_gcm_128 aes_gcm_128;
        struct tls12_crypto_info_aes_gcm_256 aes_gcm_256;
        struct tls12_crypto_info_chacha20_poly1305 chacha20_poly1305;
    };
    size_t size; /* of the member that is filled in */
};

/*
 * What the kernel would need to go on where the engine stands: TLS 1.2 and 1.3 with
 * AES-GCM and ChaCha20-Poly1305, of a server. ERR_UNSUPPORTED for anything else, and
 * while output waits inside. Changes nothing. The caller wipes it (tls_ktls_wipe).
 */
MUST_USE enum err tls_engine_export(const struct tls_engine *engine, struct tls_ktls_info *out);
void tls_ktls_wipe(struct tls_ktls_info *info);

/*
 * The kernel has taken it: from now on the engine writes no records. Reading goes on;
 * an alert that it would send is kept for tls_engine_take_alert, close_notify too,
 * and a KeyUpdate that asks for new keys of ours ends the connection without another
 * word, since the kernel cannot change them (before Linux 6.14).
 */
void tls_engine_set_exported(struct tls_engine *engine);
/* The alert (level, description) that must be sent now; false: none. */
bool tls_engine_take_alert(struct tls_engine *engine, uint8_t alert[2]);

#endif
