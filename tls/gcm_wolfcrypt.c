/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AES-GCM by wolfCrypt, which wants its plain text in one piece: the pieces are
 * gathered where the ciphertext goes, and encrypted in place.
 */
#include <string.h>

#include <wolfssl/wolfcrypt/aes.h>

#include "tls/gcm_private.h"

static const char *name(void)
{
    return "wolfCrypt";
}

static size_t key_bytes(void)
{
    return sizeof(Aes);
}

static enum err expand(void *expanded, const uint8_t *bytes, size_t size)
{
    if (wc_AesInit(expanded, NULL, INVALID_DEVID) != 0)
        return ERR_TLS;
    if (wc_AesGcmSetKey(expanded, bytes, (word32)size) == 0)
        return ERR_OK;
    wc_AesFree(expanded);
    return ERR_TLS;
}

static void forget(void *expanded)
{
    wc_AesFree(expanded);
}

static enum err seal(void *expanded, size_t size, const uint8_t *nonce, struct span associated,
                     const struct span *pieces, size_t count, char *out)
{
    (void)size;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(out + len, pieces[i].ptr, pieces[i].len);
        len += pieces[i].len;
    }
    byte *text = (byte *)out;
    int result = wc_AesGcmEncrypt(expanded, text, text, (word32)len, nonce, GCM_NONCE_SIZE,
                                  text + len, GCM_TAG_SIZE, (const byte *)associated.ptr,
                                  (word32)associated.len);
    return result == 0 ? ERR_OK : ERR_TLS;
}

const struct gcm_provider gcm_wolfcrypt = {
    .name = name,
    .key_bytes = key_bytes,
    .expand = expand,
    .forget = forget,
    .seal = seal,
};
