/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEIR_TLS_RANDOM_H
#define WEIR_TLS_RANDOM_H
/*
 * Random bytes for keys, nonces and tickets: one generator per thread, ChaCha20 (RFC 8439) with key
 * erasure. wolfSSL takes its own random bytes here too (tls/wolfssl/random_hook.h).
 *
 * Guarantees: bytes given out cannot be computed from the state left behind, since the key is
 * replaced at each refill and bytes are wiped as they leave. A thread's generator is seeded from
 * getrandom(2) at first use, and takes fresh entropy after every RANDOM_RESEED_BYTES and after
 * RANDOM_RESEED_SECONDS. A child process never repeats its parent's bytes: the kernel wipes the
 * state at fork (MADV_WIPEONFORK).
 *
 * Threads: every function may be called on any thread; nothing is shared and no lock is taken. The
 * state is freed when its thread ends. Not for use in a signal handler.
 */

#include <stddef.h>
#include <stdint.h>

enum {
    RANDOM_KEY_SIZE = 32,
    RANDOM_RESEED_BYTES = 1 << 20,
    RANDOM_RESEED_SECONDS = 60,
};

/*
 * Fills output with size random bytes. Returns 0, or -1 when the system gives no memory or no
 * entropy; output then holds nothing that may be used. The first call in a thread may block until
 * the kernel's generator is ready, which happens only while the machine starts.
 */
int weir_random_block(unsigned char *output, unsigned int size);

/*
 * The step that everything above rests on: writes size bytes of the ChaCha20 key stream of key,
 * with a nonce of zero and the block counter starting at 0. size is below 2^32.
 * Returns 0, or -1 when wolfSSL refuses.
 */
int random_expand(const uint8_t key[RANDOM_KEY_SIZE], uint8_t *output, size_t size);

#endif
