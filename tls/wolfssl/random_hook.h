/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEIR_TLS_WOLFSSL_RANDOM_HOOK_H
#define WEIR_TLS_WOLFSSL_RANDOM_HOOK_H
/*
 * Forced into every file of wolfSSL (and of ours that uses it): makes tls/random.c wolfSSL's only
 * source of random bytes. Without it each connection seeds a generator of its own, which costs more
 * than the whole of ours.
 */
#ifndef __ASSEMBLER__
int weir_random_block(unsigned char *output, unsigned int size);
#endif

#define CUSTOM_RAND_GENERATE_BLOCK weir_random_block
#define WC_NO_HASHDRBG

#endif
