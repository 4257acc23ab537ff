/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AES-GCM by Intel's IPsec multi-buffer library, of which only the functions that
 * do one message at once are used. Its manager is a table of functions for this
 * CPU here, made once and only read afterwards.
 */
#include "tls/gcm_private.h"

#ifdef WEIR_HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>

static IMB_MGR *manager;

static const char *name(void)
{
    return "Intel IPsec-MB " IMB_VERSION_STR;
}

static size_t key_bytes(void)
{
    return sizeof(struct gcm_key_data);
}

static enum err expand(void *expanded, const uint8_t *bytes, size_t size)
{
    if (size == 16)
        IMB_AES128_GCM_PRE(manager, bytes, expanded);
    else
        IMB_AES256_GCM_PRE(manager, bytes, expanded);
    return ERR_OK;
}

static void seal_128(const struct gcm_key_data *key, const uint8_t *nonce, struct span associated,
                     const struct span *pieces, size_t count, uint8_t *out)
{
    struct gcm_context_data context;
    IMB_AES128_GCM_INIT(manager, key, &context, nonce, (const uint8_t *)associated.ptr,
                        associated.len);
    for (size_t i = 0; i < count; i++) {
        IMB_AES128_GCM_ENC_UPDATE(manager, key, &context, out, (const uint8_t *)pieces[i].ptr,
                                  pieces[i].len);
        out += pieces[i].len;
    }
    IMB_AES128_GCM_ENC_FINALIZE(manager, key, &context, out, GCM_TAG_SIZE);
}

static void seal_256(const struct gcm_key_data *key, const uint8_t *nonce, struct span associated,
                     const struct span *pieces, size_t count, uint8_t *out)
{
    struct gcm_context_data context;
    IMB_AES256_GCM_INIT(manager, key, &context, nonce, (const uint8_t *)associated.ptr,
                        associated.len);
    for (size_t i = 0; i < count; i++) {
        IMB_AES256_GCM_ENC_UPDATE(manager, key, &context, out, (const uint8_t *)pieces[i].ptr,
                                  pieces[i].len);
        out += pieces[i].len;
    }
    IMB_AES256_GCM_ENC_FINALIZE(manager, key, &context, out, GCM_TAG_SIZE);
}

static enum err seal(void *expanded, size_t size, const uint8_t *nonce, struct span associated,
                     const struct span *pieces, size_t count, char *out)
{
    (size == 16 ? seal_128 : seal_256)(expanded, nonce, associated, pieces, count, (uint8_t *)out);
    return ERR_OK;
}

static const struct gcm_provider provider = {
    .name = name,
    .key_bytes = key_bytes,
    .expand = expand,
    .seal = seal,
};

/* The library's plain C and SSE variants are no faster than wolfCrypt. */
static bool is_worth_it(void)
{
    const uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_AVX2;
    return (manager->features & needed) == needed;
}

const struct gcm_provider *gcm_ipsec_mb_start(void)
{
    if (manager == NULL)
        manager = alloc_mb_mgr(0);
    if (manager == NULL)
        return NULL;
    IMB_ARCH ignored;
    init_mb_mgr_auto(manager, &ignored);
    if (is_worth_it())
        return &provider;
    gcm_ipsec_mb_stop();
    return NULL;
}

void gcm_ipsec_mb_stop(void)
{
    if (manager != NULL)
        free_mb_mgr(manager);
    manager = NULL;
}

#else

const struct gcm_provider *gcm_ipsec_mb_start(void)
{
    return NULL;
}

void gcm_ipsec_mb_stop(void)
{
}

#endif
