/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A key is a small head and, behind it, the provider's expanded key.
 */
#include "tls/gcm.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tls/gcm_private.h"

#define ALIGNMENT 64

struct gcm_key {
    _Alignas(ALIGNMENT) size_t size; /* of the key proper, in bytes */
    const struct gcm_provider *provider;
    _Alignas(ALIGNMENT) char expanded[];
};

static const struct gcm_provider *current = &gcm_wolfcrypt;

void gcm_global_init(void)
{
    const struct gcm_provider *fast = gcm_ipsec_mb_start();
    current = fast != NULL ? fast : &gcm_wolfcrypt;
}

void gcm_global_finish(void)
{
    current = &gcm_wolfcrypt;
    gcm_ipsec_mb_stop();
}

const char *gcm_library(void)
{
    return current->name();
}

static size_t key_size(const struct gcm_provider *provider)
{
    size_t bytes = sizeof(struct gcm_key) + provider->key_bytes();
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

enum err gcm_key_create(const uint8_t *bytes, size_t size, struct gcm_key **out)
{
    assert(size == 16 || size == 32);
    struct gcm_key *key = aligned_alloc(ALIGNMENT, key_size(current));
    if (key == NULL)
        return ERR_NOMEM;
    key->size = size;
    key->provider = current;
    enum err error = current->expand(key->expanded, bytes, size);
    if (error != ERR_OK) {
        free(key);
        return error;
    }
    *out = key;
    return ERR_OK;
}

void gcm_key_destroy(struct gcm_key *key)
{
    if (key == NULL)
        return;
    if (key->provider->forget != NULL)
        key->provider->forget(key->expanded);
    explicit_bzero(key, key_size(key->provider));
    free(key);
}

enum err gcm_seal(struct gcm_key *key, const uint8_t nonce[GCM_NONCE_SIZE], struct span associated,
                  const struct span *pieces, size_t count, char *out)
{
    return key->provider->seal(key->expanded, key->size, nonce, associated, pieces, count, out);
}
