/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library's start and end.
 *
 * wolfSSL 5.9.2's fe_cmov_table_avx2 copies a YMM register after it set only the
 * low half. When somebody before it left the upper half in use (an ECDSA
 * verification does), every second X25519 key that is made gets a public half
 * that is not its own, and the handshake dies with bad_record_mac. wolfSSL
 * allocates a key right before it makes one, so our allocator clears the upper
 * halves; that costs a cycle. test_library.c shows the defect and the cure.
 */
#include <stdlib.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/memory.h>

#include "tls/context.h"
#include "tls/context_private.h"
#include "tls/gcm.h"

#if defined(__x86_64__)
static void clear_upper_halves(void)
{
    __asm__ volatile("vzeroupper" ::
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                           "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static bool must_clear(void)
{
    return __builtin_cpu_supports("avx");
}
#else
static void clear_upper_halves(void)
{
}

static bool must_clear(void)
{
    return false;
}
#endif

static void *clearing_malloc(size_t size)
{
    clear_upper_halves();
    return malloc(size);
}

enum err tls_global_init(struct err_text *why)
{
    if (must_clear() && wolfSSL_SetAllocators(clearing_malloc, free, realloc) != 0)
        return err_set(why, ERR_TLS, "wolfSSL refuses the allocator");
    int result = wolfSSL_Init();
    if (result != WOLFSSL_SUCCESS)
        return err_set(why, ERR_TLS, "wolfSSL cannot start: %s", tls_wolfssl_reason(result));
    gcm_global_init();
    return ERR_OK;
}

void tls_global_finish(void)
{
    gcm_global_finish();
    wolfSSL_Cleanup();
}

const char *tls_library_version(void)
{
    return wolfSSL_lib_version();
}

bool tls_library_has_assembly(void)
{
#if defined(__x86_64__)
    bool runs = __builtin_cpu_supports("aes") && __builtin_cpu_supports("avx2") &&
                __builtin_cpu_supports("bmi2");
#else
    bool runs = true;
#endif
    return runs && strcmp(WEIR_WOLFSSL_ASM, "none") != 0;
}

const char *tls_library_rsa(void)
{
    return rsa_signer_library();
}

const char *tls_library_gcm(void)
{
    gcm_global_init();
    return gcm_library();
}

const char *tls_wolfssl_reason(int result)
{
    return wolfSSL_ERR_reason_error_string((unsigned long)result);
}
