/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The label's NUL keeps it apart from what follows.
 */
#include "tls/fingerprint.h"

#include <assert.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/sha256.h>

uint64_t fingerprint_of(const char *label, struct span bytes)
{
    wc_Sha256 sha;
    uint8_t digest[WC_SHA256_DIGEST_SIZE];
    /* In plain C on the stack: none of these can fail. */
    int result = wc_InitSha256(&sha);
    result |= wc_Sha256Update(&sha, (const byte *)label, (word32)strlen(label) + 1);
    if (bytes.len > 0)
        result |= wc_Sha256Update(&sha, (const byte *)bytes.ptr, (word32)bytes.len);
    result |= wc_Sha256Final(&sha, digest);
    wc_Sha256Free(&sha);
    assert(result == 0);
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | digest[i];
    return number;
}
