/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The label's NUL keeps it apart from what follows.
 */
#include "tls/fingerprint.h"

#include <assert.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/sha256.h>

/* In plain C on the stack: none of the calls can fail. */
static void digest_both(struct span first, struct span second, uint8_t out[FINGERPRINT_SIZE])
{
    wc_Sha256 sha;
    int result = wc_InitSha256(&sha);
    if (first.len > 0)
        result |= wc_Sha256Update(&sha, (const byte *)first.ptr, (word32)first.len);
    if (second.len > 0)
        result |= wc_Sha256Update(&sha, (const byte *)second.ptr, (word32)second.len);
    result |= wc_Sha256Final(&sha, out);
    wc_Sha256Free(&sha);
    assert(result == 0);
}

void fingerprint_digest(struct span bytes, uint8_t out[FINGERPRINT_SIZE])
{
    digest_both(bytes, SPAN_EMPTY, out);
}

uint64_t fingerprint_of(const char *label, struct span bytes)
{
    uint8_t digest[FINGERPRINT_SIZE];
    uint64_t number = 0;
    digest_both(span_make(label, strlen(label) + 1), bytes, digest);
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | digest[i];
    return number;
}
